//! The pages that mailed links lead to. Looking at one uses nothing up: mail scanners look at every link, so only the form on
//! it does.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};

use super::{Frame, Page, Wrong, form_pages, message, plain_pages, render, show};
use crate::{
    App, SharedApp,
    domain::{
        mail::{LINK_PARAMETER, LinkToken},
        password::Policy,
        registration, reset_password,
    },
    http::{
        auth::{confirm::shown_device, demand_mail, visitor::Visitor},
        problem::ApiError,
    },
};

/// The form that confirms an address.
#[derive(Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// The token of the link.
    pub token: String,
    /// Whether another browser registered.
    pub ask_password: bool,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// The form that asks for a link.
#[derive(Template)]
#[template(path = "forgot.html")]
pub struct ForgotPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// What was typed before.
    pub email: String,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// The form that takes a new password.
#[derive(Template)]
#[template(path = "reset.html")]
pub struct ResetPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// The token of the link.
    pub token: String,
    /// What is asked of the password.
    pub password_hint: String,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// Something is done, or on its way.
#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage {
    frame: Frame,
    title: String,
    message: String,
    /// Whether signing in is what comes next.
    sign_in: bool,
}

form_pages!(ConfirmPage, ForgotPage, ResetPage);
plain_pages!(NoticePage);

/// A page that says that something is done and where to sign in. The texts are given by their ids.
///
/// # Errors
/// When the template cannot be rendered.
pub fn done(frame: &Frame, title: &str, message: &str) -> Result<Response, ApiError> {
    let page = NoticePage {
        frame: frame.clone(),
        title: frame.text(title),
        message: frame.text(message),
        sign_in: true,
    };
    render(StatusCode::OK, &page)
}

/// A page that says that a mail is on its way. The texts are given by their ids.
///
/// # Errors
/// When the template cannot be rendered.
pub fn told(frame: &Frame, title: &str, message: String) -> Result<Response, ApiError> {
    let page = NoticePage {
        frame: frame.clone(),
        title: frame.text(title),
        message,
        sign_in: false,
    };
    render(StatusCode::ACCEPTED, &page)
}

/// `GET /auth/confirm`
pub async fn confirm(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    let shown = async {
        let (visitor, token) = arrived(&app, visitor, query.as_deref()).await?;
        let device = shown_device(&visitor);
        let now = visitor.caller.now;
        let waits = registration::look_at(&app.store, &token, device.as_ref(), now).await?;
        let ask_password = waits.ok_or(ApiError::LinkInvalid)?;
        let frame = frame.clone();
        Ok(show(&app, frame, Ok(visitor), |frame, csrf_token| {
            ConfirmPage {
                frame,
                csrf_token,
                token: token.reveal().to_owned(),
                ask_password,
                error: None,
            }
        }))
    };
    shown.await.unwrap_or_else(|error| message(&frame, error))
}

/// `GET /auth/reset`
pub async fn reset(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    let shown = async {
        let (visitor, token) = arrived(&app, visitor, query.as_deref()).await?;
        let now = visitor.caller.now;
        if !reset_password::works(&app.store, &token, now).await? {
            return Err(ApiError::LinkInvalid);
        }
        let frame = frame.clone();
        Ok(show(&app, frame, Ok(visitor), |frame, csrf_token| {
            ResetPage {
                password_hint: frame.password_hint(&Policy::new(&app.config.passwords)),
                frame,
                csrf_token,
                token: token.reveal().to_owned(),
                error: None,
            }
        }))
    };
    shown.await.unwrap_or_else(|error| message(&frame, error))
}

/// `GET /auth/forgot`
pub async fn forgot(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
) -> Response {
    match demand_mail(&app) {
        Ok(()) => show(&app, frame, visitor, |frame, csrf_token| ForgotPage {
            frame,
            csrf_token,
            email: String::new(),
            error: None,
        }),
        Err(error) => message(&frame, error),
    }
}

/// Who came with which token.
async fn arrived(
    app: &App,
    visitor: Result<Visitor, ApiError>,
    query: Option<&str>,
) -> Result<(Visitor, LinkToken), ApiError> {
    demand_mail(app)?;
    let visitor = visitor?;
    app.limits.read(visitor.caller.address, None).await?;
    // A token has no character that a query would escape.
    let mut pairs = query.unwrap_or_default().split('&');
    let sent = pairs.find_map(|pair| pair.strip_prefix(LINK_PARAMETER)?.strip_prefix('='));
    let token = sent.and_then(LinkToken::parse);
    Ok((visitor, token.ok_or(ApiError::LinkInvalid)?))
}
