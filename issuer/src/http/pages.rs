//! The pages for people: sign in, register, confirm, sign out, what mailed links lead to, and a message where a form cannot be shown
//! again.
//!
//! They work without scripts. Their look is in `www/pages`; which fields a form has is agreed with `auth`.

pub mod links;

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use edgeward_core::return_to;

use super::{
    auth::visitor::{Strength, Visitor},
    challenge::Challenge,
    cookies, csrf,
    problem::{ApiError, Refused},
};
use crate::{App, SharedApp, captcha::Purpose, domain::password::Policy};

const STYLES: &str = include_str!("../../../www/pages/assets/pages.css");

/// Nothing but our own style sheet, forms to ourselves, and no frame around. No script at all.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The style sheet holds nothing of anybody; an hour bounds how long an old one is seen after an update.
const STYLES_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The sign-in form.
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A sanitised place, or empty.
    pub return_to: String,
    /// What was typed before.
    pub email: String,
    /// Whether a forgotten password can be reset.
    pub can_reset: bool,
    /// The challenge that has to be solved.
    pub challenge: Option<Challenge>,
    /// Why it is shown again.
    pub error: Option<String>,
}

/// The registration form.
#[derive(Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A sanitised place, or empty.
    pub return_to: String,
    /// What was typed before.
    pub email: String,
    /// What was typed before.
    pub first_name: String,
    /// What was typed before.
    pub last_name: String,
    /// What is asked of the password.
    pub password_rules: String,
    /// The challenge that has to be solved.
    pub challenge: Option<Challenge>,
    /// Why it is shown again.
    pub error: Option<String>,
}

/// The question for the password of who is signed in.
#[derive(Template)]
#[template(path = "step_up.html")]
pub struct StepUpPage {
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A sanitised place, or empty.
    pub return_to: String,
    /// Why it is shown again.
    pub error: Option<String>,
}

/// The question whether to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// The token of the hidden field.
    pub csrf_token: String,
}

/// A refusal where there is no form to show again.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    /// The heading.
    pub title: String,
    /// One or two sentences.
    pub message: String,
}

/// A page as an answer.
///
/// # Errors
/// When the template cannot be rendered.
pub fn render(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    let html = page.render().map_err(ApiError::internal)?;
    let mut response = (status, Html(html)).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    Ok(response)
}

/// A page that may show a challenge, which then may load what the challenge needs.
///
/// # Errors
/// As [`render`].
pub fn render_with(
    status: StatusCode,
    page: &impl Template,
    challenge: Option<&Challenge>,
) -> Result<Response, ApiError> {
    let mut response = render(status, page)?;
    if let Some(challenge) = challenge {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, challenge.policy());
    }
    Ok(response)
}

/// `GET /login`
pub async fn login(
    State(app): State<SharedApp>,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    show(&app, visitor, |csrf_token| LoginPage {
        csrf_token,
        return_to: place(query.as_deref()),
        email: String::new(),
        can_reset: app.config.mail.is_some(),
        challenge: None,
        error: None,
    })
}

/// `GET /register`
pub async fn register(
    State(app): State<SharedApp>,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    let challenge = Challenge::of(&app, Purpose::Register);
    let page = |csrf_token| RegisterPage {
        csrf_token,
        return_to: place(query.as_deref()),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        password_rules: Policy::new(&app.config.passwords).told(),
        challenge: challenge.clone(),
        error: None,
    };
    show_with(&app, visitor, challenge.as_ref(), page)
}

/// `GET /account/step-up`
pub async fn step_up(
    State(app): State<SharedApp>,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    let visitor = match visitor {
        Ok(visitor) => visitor
            .principal(&app, Strength::Any)
            .await
            .map(|_| visitor),
        Err(error) => Err(error),
    };
    show(&app, visitor, |csrf_token| StepUpPage {
        csrf_token,
        return_to: place(query.as_deref()),
        error: None,
    })
}

/// `GET /account/sign-out`
pub async fn sign_out(
    State(app): State<SharedApp>,
    visitor: Result<Visitor, ApiError>,
) -> Response {
    show(&app, visitor, |csrf_token| SignOutPage { csrf_token })
}

/// A page with a form, or a message where the visitor cannot be told.
fn show<T: Template>(
    app: &App,
    visitor: Result<Visitor, ApiError>,
    page: impl FnOnce(String) -> T,
) -> Response {
    show_with(app, visitor, None, page)
}

/// The same with a challenge on it.
fn show_with<T: Template>(
    app: &App,
    visitor: Result<Visitor, ApiError>,
    challenge: Option<&Challenge>,
    page: impl FnOnce(String) -> T,
) -> Response {
    let shown = || -> Result<Response, ApiError> {
        let (csrf_token, cookie) = csrf::hand_out(app, &visitor?)?;
        let mut response = render_with(StatusCode::OK, &page(csrf_token), challenge)?;
        cookies::append(&mut response, [cookie])?;
        Ok(response)
    };
    shown().unwrap_or_else(message)
}

/// A refusal as a page.
#[must_use]
pub fn message(error: ApiError) -> Response {
    let page = MessagePage {
        title: "This did not work".to_owned(),
        message: sentence(&error),
    };
    match render(StatusCode::OK, &page) {
        Ok(page) => in_place_of(page, error),
        Err(_) => error.into_response(),
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

/// `GET /auth/assets/pages.css`
pub async fn styles() -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, STYLES_CACHE),
    ];
    (headers, STYLES).into_response()
}

fn place(query: Option<&str>) -> String {
    query.and_then(return_to::from_query).unwrap_or_default()
}

/// What a person reads about a refusal: what is wrong with their input where that is known, else the public title.
#[must_use]
pub fn sentence(error: &ApiError) -> String {
    if let ApiError::WeakPassword(text) | ApiError::Invalid(text) = error {
        return text.clone().into_owned();
    }
    if let ApiError::InvalidCredentials {
        attempts_left: Some(left),
    } = error
    {
        return format!("{}{}", error.code().title(), told_attempts(*left));
    }
    if let ApiError::AccountLocked {
        retry_after_seconds,
    } = error
    {
        let wait = told_wait(*retry_after_seconds);
        return format!(
            "After too many wrong passwords, signing in with this address is locked. {wait}"
        );
    }
    if let ApiError::RateLimited {
        retry_after_seconds,
    } = error
    {
        let wait = told_wait(*retry_after_seconds);
        return format!("Too many attempts came from here. {wait}");
    }
    if let ApiError::CsrfInvalid = error {
        return "This page was open for too long, or your browser did not keep its cookie. Please try again.".to_owned();
    }
    error.code().title().to_owned()
}

/// Said from the third failure on: before, it would only frighten who mistyped.
const ATTEMPTS_TOLD: u32 = 2;

fn told_attempts(left: u32) -> String {
    match left {
        0 => " Signing in with this address is now locked for a while.".to_owned(),
        1 => " 1 attempt is left before signing in with this address is locked.".to_owned(),
        2..=ATTEMPTS_TOLD => {
            format!(" {left} attempts are left before signing in with this address is locked.")
        }
        _ => String::new(),
    }
}

/// In words, rounded up: who comes back then is let in.
fn told_wait(seconds: u64) -> String {
    let (number, unit) = if seconds < 100 {
        (seconds, "second")
    } else {
        (seconds.div_ceil(60), "minute")
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("Try again in {number} {unit}{plural}.")
}
