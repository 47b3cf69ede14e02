//! Answers that several resources share: a user, a fresh sign-in, a goodbye.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use edgeward_core::{cookie::SetCookie, return_to, time::UnixTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{attempt::Attempt, submission::Format, visitor::Visitor};
use crate::{
    App,
    domain::{
        accounts::{Account, Role},
        login::{Carrier, SignedIn},
        session::Sid,
    },
    http::{
        cookies::{self, Purpose},
        csrf,
        pages::{Frame, resend::Resend},
        problem::ApiError,
    },
};

/// Where a sign-in leads that names no place of its own: the edge leads a signed-in person on from here to the home that
/// its policy names, which the issuer does not know.
const SIGNED_IN_HOME: &str = "/login";

/// Where a sign-out leads that names no place of its own.
const SIGNED_OUT_HOME: &str = "/";

/// What a browser is to forget at sign-out: answers it kept for the back button, and what scripts stored.
const CLEAR_SITE_DATA: (HeaderName, HeaderValue) = (
    HeaderName::from_static("clear-site-data"),
    HeaderValue::from_static("\"cache\", \"storage\""),
);

/// A user, as they and their application may see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// The `sub` of the tokens.
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    roles: Vec<String>,
}

impl UserView {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            first_name: account.first_name.as_str().to_owned(),
            last_name: account.last_name.as_str().to_owned(),
            roles: account
                .roles
                .iter()
                .map(Role::as_str)
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// A fresh sign-in. The tokens are in the body only for callers that asked for that; else they are in cookies.
// No `Debug`: it holds tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedInBody {
    user: UserView,
    /// The life of the access token in seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

impl SignedInBody {
    fn of(app: &App, signed_in: &SignedIn, tokens: bool) -> Self {
        Self {
            user: UserView::of(&signed_in.account),
            expires_in: app.config.tokens.access_seconds,
            access_token: tokens.then(|| signed_in.access_token.reveal().to_owned()),
            refresh_token: tokens.then(|| signed_in.refresh_token.reveal().to_owned()),
        }
    }
}

/// Where the tokens of an answer go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenMode {
    /// Into cookies.
    #[default]
    Cookie,
    /// Into the body, for callers without cookies.
    Body,
}

impl TokenMode {
    pub(super) const fn carrier(self) -> Carrier {
        match self {
            Self::Cookie => Carrier::Cookies,
            Self::Body => Carrier::Body,
        }
    }
}

/// Where a form leads on to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Onward<'a> {
    /// To a place of this site, or home.
    Place(&'a str),
    /// To the form that waited for this.
    Again(&'a Frame, &'a Resend),
}

/// Answers a sign-in: cookies and the user, or the tokens and the user; a form is led on to its place.
pub(super) fn signed_in(
    app: &App,
    attempt: &Attempt<'_>,
    format: Format,
    status: StatusCode,
    onward: Onward<'_>,
    signed_in: &SignedIn,
) -> Result<Response, ApiError> {
    let Some(cookies) = SessionCookies::of(app, attempt, signed_in)? else {
        return Ok((status, Json(SignedInBody::of(app, signed_in, true))).into_response());
    };
    let response = match (format, onward) {
        (Format::Json, _) => {
            (status, Json(SignedInBody::of(app, signed_in, false))).into_response()
        }
        (Format::Form, Onward::Place(place)) => led_to(place, SIGNED_IN_HOME),
        (Format::Form, Onward::Again(frame, resend)) => {
            resend.offer(frame, cookies.csrf_token.clone())?
        }
    };
    cookies.go_with(response)
}

/// Answers an act that made a session in place of the one in use: with its cookies, or with the tokens for who keeps them.
pub(super) fn renewed(
    app: &App,
    attempt: &Attempt<'_>,
    response: Response,
    signed_in: &SignedIn,
) -> Result<Response, ApiError> {
    match SessionCookies::of(app, attempt, signed_in)? {
        Some(cookies) => cookies.go_with(response),
        None => Ok(Json(SignedInBody::of(app, signed_in, true)).into_response()),
    }
}

/// All that a browser gets of a new session.
struct SessionCookies {
    csrf_token: String,
    cookies: [SetCookie; 5],
}

impl SessionCookies {
    /// `None`: the caller keeps its tokens itself.
    fn of(
        app: &App,
        attempt: &Attempt<'_>,
        signed_in: &SignedIn,
    ) -> Result<Option<Self>, ApiError> {
        let Some(session) = &signed_in.session else {
            return Ok(None);
        };
        let config = &app.config;
        let tokens = TokenCookies {
            sid: signed_in.sid,
            access_token: signed_in.access_token.reveal(),
            refresh_token: signed_in.refresh_token.reveal(),
            refresh_ends: signed_in.idle_expires_at,
        };
        let (csrf_token, [access, refresh, csrf]) =
            tokens.with_csrf_token(app, attempt.visitor())?;
        let session = cookies::set(
            config,
            Purpose::Session,
            session.reveal(),
            config.tokens.session_absolute_seconds,
        );
        let device = cookies::set_device(config, attempt.device_cookie());
        Ok(Some(Self {
            csrf_token,
            cookies: [session, device, access, refresh, csrf],
        }))
    }

    fn go_with(self, mut response: Response) -> Result<Response, ApiError> {
        cookies::append(&mut response, self.cookies)?;
        Ok(response)
    }
}

/// The answer to a form that signs out.
pub(super) fn led_out(place: &str) -> Response {
    led_to(place, SIGNED_OUT_HOME)
}

/// A form's answer: on to a place of this site.
fn led_to(place: &str, home: &str) -> Response {
    let place = return_to::sanitise(place).unwrap_or_else(|| home.to_owned());
    Redirect::to(&place).into_response()
}

/// What every new pair of tokens sets.
pub(super) struct TokenCookies<'a> {
    pub(super) sid: Sid,
    pub(super) access_token: &'a str,
    pub(super) refresh_token: &'a str,
    pub(super) refresh_ends: UnixTime,
}

impl TokenCookies<'_> {
    pub(super) fn cookies(&self, app: &App, visitor: &Visitor) -> Result<[SetCookie; 3], ApiError> {
        self.with_csrf_token(app, visitor)
            .map(|(_, cookies)| cookies)
    }

    /// The same with the token that goes with the third, for a form.
    fn with_csrf_token(
        &self,
        app: &App,
        visitor: &Visitor,
    ) -> Result<(String, [SetCookie; 3]), ApiError> {
        let now = visitor.caller.now;
        let (csrf_token, csrf) = csrf::issue(app, visitor, &self.sid.to_string())?;
        let access_seconds = app.config.tokens.access_seconds;
        let refresh_seconds = self.refresh_ends.seconds_since(now);
        let cookies = [
            cookies::set(
                &app.config,
                Purpose::Access,
                self.access_token,
                access_seconds,
            ),
            cookies::set(
                &app.config,
                Purpose::Refresh,
                self.refresh_token,
                refresh_seconds,
            ),
            csrf,
        ];
        Ok((csrf_token, cookies))
    }
}

/// The answer to a program whose request has ended sessions.
pub(super) fn ended(ends_own: bool, app: &App) -> Result<Response, ApiError> {
    goodbye_if(ends_own, app, StatusCode::NO_CONTENT.into_response())
}

/// The same answer, and a goodbye besides where the session that asks has ended with what it asked for.
pub(super) fn goodbye_if(
    ends_own: bool,
    app: &App,
    response: Response,
) -> Result<Response, ApiError> {
    if ends_own {
        goodbye(app, response)
    } else {
        Ok(response)
    }
}

/// Takes everything back from the browser.
pub(in crate::http) fn goodbye(app: &App, mut response: Response) -> Result<Response, ApiError> {
    cookies::append(&mut response, cookies::expire_all(&app.config))?;
    let (name, value) = CLEAR_SITE_DATA;
    response.headers_mut().insert(name, value);
    Ok(response)
}
