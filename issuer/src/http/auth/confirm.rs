//! `POST /auth/register/confirm`: the link of a registration, used.

use axum::{extract::State, http::StatusCode, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    mailed,
    submission::{Fields, FormFields, Submission},
};
use crate::{
    App, SharedApp,
    domain::{
        mail::LINK_PARAMETER,
        password::Password,
        registration::{self, ConfirmError, Confirmer},
        session::Digest,
    },
    http::{
        auth::visitor::Visitor,
        pages::{self, Frame, links::ConfirmPage},
        problem::ApiError,
        to_the_end::to_the_end,
    },
};

/// The token of the link; with the password, where another browser registered.
// No `Debug`: it holds secrets.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confirm {
    #[schema(value_type = String)]
    token: SecretString,
    /// The password of the registration. Not needed from the browser that registered, which its device cookie tells.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

impl Fields for Confirm {
    fn from_form(form: &FormFields) -> Option<Self> {
        let password = form.get("password");
        Some(Self {
            token: form.get(LINK_PARAMETER).into(),
            password: (!password.is_empty()).then(|| password.into()),
        })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        if matches!(error, ApiError::LinkInvalid) {
            return None;
        }
        let page = ConfirmPage {
            csrf_token,
            token: self.token.expose_secret().to_owned(),
            ask_password: true,
            error: Some(frame.wrong_password("password", "wrong-other-password", error)),
            frame,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

/// Confirms the address of a registration, which makes the account. Nobody is signed in by it. Only where mail is configured.
#[utoipa::path(post, path = "/auth/register/confirm", tag = "session",
    request_body(content = Confirm, content_type = "application/json"),
    responses(
        (status = 204, description = "Confirmed: the account can be signed in to"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`INVALID_CREDENTIALS`: another password, with the member `attemptsLeft`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: no mail is configured"),
        (status = 410, description = "`LINK_INVALID`: used, expired, or none"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`VALIDATION_FAILED`: `password` is needed from this browser"),
        (status = 423, description = "`ACCOUNT_LOCKED`, with `Retry-After`: too many other passwords"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, with `Retry-After`"),
    ))]
pub async fn confirm(State(app): State<SharedApp>, submission: Submission<Confirm>) -> Response {
    to_the_end(async move {
        submission
            .respond(&app, answer(&app, &submission).await)
            .await
    })
    .await
}

async fn answer(app: &App, submission: &Submission<Confirm>) -> Result<Response, ApiError> {
    let Submission {
        visitor, fields, ..
    } = submission;
    mailed::admit(app, submission).await?;
    let token = mailed::token(&fields.token)?;
    let typed = fields.password.as_ref();
    registration::confirm(
        &app.store,
        &app.hasher,
        app.lockout(),
        &token,
        Confirmer {
            device: shown_device(visitor).as_ref(),
            password: typed.map(|typed| Password::from_typed(typed.expose_secret())),
        },
        &visitor.origin(),
        visitor.caller.now,
    )
    .await?;
    mailed::used(submission, "confirm-done-title", "confirm-done")
}

/// The device cookie that came with the request.
pub(in crate::http) fn shown_device(visitor: &Visitor) -> Option<Digest> {
    visitor
        .presented
        .device
        .as_ref()
        .map(|cookie| cookie.digest())
}

impl From<ConfirmError> for ApiError {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::DeadLink => Self::LinkInvalid,
            ConfirmError::PasswordNeeded => Self::PasswordNeeded,
            ConfirmError::WrongPassword { attempts_left } => {
                Self::InvalidCredentials { attempts_left }
            }
            ConfirmError::NoAttempt(error) => error.into(),
            ConfirmError::Hash(error) => error.into(),
            ConfirmError::Storage(error) => error.into(),
            ConfirmError::NoRandomness(error) => Self::internal(error),
        }
    }
}
