//! The pages for people: sign in, register, confirm, sign out, what mailed links lead to, and a message where a form cannot be shown
//! again.
//!
//! They work without scripts; the few that there are spare a way or tell what is going on. Their look and their texts are in `www/pages`, whose README says how one is written; which fields a
//! form has is agreed with `auth`.

pub mod account;
pub mod brand;
pub mod console;
pub mod frame;
pub mod links;
pub mod loads;
pub mod moment;
pub mod nav;
pub mod resend;
pub mod sign_in;
pub mod wrong;

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use edgeward_core::return_to;

use super::{
    auth::visitor::{Strength, Visitor},
    cookies, csrf,
    problem::{ApiError, Refused},
};
use crate::App;

pub use brand::{Module, Script};
pub use frame::Frame;
pub use loads::Loads;
pub use wrong::Wrong;

/// Where somebody without a sign-in is led to.
const SIGN_IN: &str = "/login";

/// Where somebody is led to who has to confirm their identity.
pub const STEP_UP: &str = return_to::STEP_UP_PAGE;

/// A page: a template in a frame.
pub trait Page: Template {
    /// The frame.
    fn frame(&self) -> &Frame;

    /// What it loads beside the style sheets and the logo.
    fn loads(&self) -> Loads {
        Loads::default()
    }

    /// The modules of ours among it, as the template names them.
    fn modules(&self) -> Vec<Module> {
        self.loads().modules_of(&self.frame().brand)
    }
}

/// Pages that load nothing.
macro_rules! plain_pages {
    ($($page:ty),* $(,)?) => {$(
        impl crate::http::pages::Page for $page {
            fn frame(&self) -> &crate::http::pages::Frame {
                &self.frame
            }
        }
    )*};
}
pub(crate) use plain_pages;

/// Pages with forms, which are sent once.
macro_rules! form_pages {
    ($($page:ty),* $(,)?) => {$(
        impl crate::http::pages::Page for $page {
            fn frame(&self) -> &crate::http::pages::Frame {
                &self.frame
            }

            fn loads(&self) -> crate::http::pages::Loads {
                crate::http::pages::Loads::FORM
            }
        }
    )*};
}
pub(crate) use form_pages;

/// A refusal where there is no form to show again.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    /// What every page has.
    pub frame: Frame,
    /// The heading.
    pub title: String,
    /// One or two sentences.
    pub message: String,
}

plain_pages!(MessagePage);

/// A page as an answer.
///
/// # Errors
/// When the template cannot be rendered.
pub fn render(status: StatusCode, page: &impl Page) -> Result<Response, ApiError> {
    let html = page.render().map_err(ApiError::internal)?;
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        page.loads().policy(&page.frame().brand),
    );
    let language = page.frame().language.tag();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    cookies::append(&mut response, page.frame().chosen_language())?;
    Ok(response)
}

/// A page with a form, or a message where the visitor cannot be told.
pub fn show<T: Page>(
    app: &App,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    page: impl FnOnce(Frame, String) -> T,
) -> Response {
    let shown =
        visitor.and_then(|visitor| with_form(app, &visitor, |token| page(frame.clone(), token)));
    shown.unwrap_or_else(|error| message(&frame, error))
}

/// A page with the token for its forms, and the cookie that goes with it.
///
/// # Errors
/// When there is no token to be had, or the page cannot be rendered.
pub fn with_form<T: Page>(
    app: &App,
    visitor: &Visitor,
    page: impl FnOnce(String) -> T,
) -> Result<Response, ApiError> {
    let (csrf_token, cookie) = csrf::hand_out(app, visitor)?;
    let mut response = render(StatusCode::OK, &page(csrf_token))?;
    cookies::append(&mut response, [cookie])?;
    Ok(response)
}

/// A page that is not for everybody: what is `shown` to the visitor, or where they are led who may not see it.
pub async fn for_visitor(
    app: &App,
    frame: &Frame,
    visitor: Result<Visitor, ApiError>,
    shown: impl AsyncFnOnce(&Visitor) -> Result<Response, ApiError>,
) -> Response {
    let visitor = match visitor {
        Ok(visitor) => visitor,
        Err(error) => return message(frame, error),
    };
    match shown(&visitor).await {
        Ok(page) => page,
        Err(error) => turn_away(app, frame, &visitor, error).await,
    }
}

/// A refusal as a page.
#[must_use]
pub fn message(frame: &Frame, error: ApiError) -> Response {
    let message = frame.sentence(&error);
    refused(frame, message, error)
}

/// The same of a form whose token could not be judged: it says that nothing was done, and that nothing of the form is kept here.
#[must_use]
pub fn unjudged(frame: &Frame, error: ApiError) -> Response {
    let message = format!(
        "{} {}",
        frame.sentence(&error),
        frame.text("refusal-unjudged")
    );
    refused(frame, message, error)
}

fn refused(frame: &Frame, message: String, error: ApiError) -> Response {
    let page = MessagePage {
        frame: frame.clone(),
        title: frame.text("refusal-title"),
        message,
    };
    match render(StatusCode::OK, &page) {
        Ok(page) => in_place_of(page, error),
        Err(_) => error.into_response(),
    }
}

/// What somebody meets who may not see a page: the sign-in, the question for the password, or a message. From the first two they
/// come back to where they wanted to be.
pub async fn turn_away(app: &App, frame: &Frame, visitor: &Visitor, error: ApiError) -> Response {
    let place = if matches!(
        error,
        ApiError::StepUpRequired | ApiError::RecentSignInRequired { .. }
    ) {
        STEP_UP
    } else if is_signed_out(&error) {
        // Somebody whose access is still renewed in the background is signed in as far as an edge can tell, and would be sent back
        // from the sign-in page at once.
        match visitor.principal(app, Strength::Any).await {
            Ok(_) => STEP_UP,
            // No page of ours gives a program another token than the one that it sends.
            Err(error) if visitor.presented.bearer.is_some() || !is_signed_out(&error) => {
                return message(frame, error);
            }
            Err(_) => SIGN_IN,
        }
    } else {
        return message(frame, error);
    };
    let way_back = frame.here.as_deref().and_then(return_to::sanitise);
    let mut led = match way_back {
        Some(here) => {
            let place = format!("{place}?{}={}", return_to::PARAMETER, escaped(&here));
            Redirect::to(&place).into_response()
        }
        None => Redirect::to(place).into_response(),
    };
    if place == SIGN_IN
        && let Err(error) = cookies::forget_access(&app.config, &visitor.presented, &mut led)
    {
        return message(frame, error);
    }
    led
}

/// Whether signing in is what helps.
pub const fn is_signed_out(error: &ApiError) -> bool {
    matches!(error, ApiError::NotSignedIn | ApiError::InvalidToken(_))
}

/// Where there is nothing: a page for somebody who navigates, a problem for a program.
pub async fn absent(frame: Frame, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let wants_page = accept.is_some_and(|accept| {
        let accept = String::from_utf8_lossy(accept.as_bytes());
        accept.contains("text/html")
    });
    if wants_page {
        message(&frame, ApiError::NotFound)
    } else {
        ApiError::NotFound.into_response()
    }
}

/// The page with the status of the problem it stands for, and the time to come back.
#[must_use]
pub fn in_place_of(mut page: Response, error: ApiError) -> Response {
    let problem = error.into_response();
    *page.status_mut() = problem.status();
    if let Some(seconds) = problem.headers().get(header::RETRY_AFTER) {
        page.headers_mut()
            .insert(header::RETRY_AFTER, seconds.clone());
    }
    if let Some(refused) = problem.extensions().get::<Refused>() {
        page.extensions_mut().insert(*refused);
    }
    page
}

/// The way back in a query.
#[must_use]
pub fn place(query: Option<&str>) -> String {
    query.and_then(return_to::from_query).unwrap_or_default()
}

/// A value for a query: all but the unreserved characters in escapes (RFC 3986, section 2.3).
#[must_use]
pub fn escaped(value: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
