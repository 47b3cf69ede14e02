//! `POST /auth/password/reset`: the link of a forgotten password, used.

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
        password::{Password, Policy},
        reset_password::{self, ResetError, Visit},
    },
    http::{
        cookies,
        pages::{self, Frame, links::ResetPage},
        problem::ApiError,
    },
};

/// The token of the link and the password to come.
// No `Debug`: it holds secrets.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    #[schema(value_type = String)]
    token: SecretString,
    #[schema(value_type = String, format = Password, example = "Another-mule-8-engine")]
    new_password: SecretString,
}

impl Fields for ResetPassword {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            token: form.get(LINK_PARAMETER).into(),
            new_password: form.get("newPassword").into(),
        })
    }

    fn page_again(
        &self,
        app: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        if let ApiError::LinkInvalid = error {
            return None;
        }
        let page = ResetPage {
            csrf_token,
            token: self.token.expose_secret().to_owned(),
            password_hint: frame.password_hint(&Policy::new(&app.config.passwords)),
            error: Some(frame.wrong(error)),
            frame,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

/// Resets the password by a mailed link. All sessions of the account end and a lock at its name opens; nobody is signed in, and
/// the browser is known to the account by the device cookie that the answer sets.
/// Only where mail is configured.
#[utoipa::path(post, path = "/auth/password/reset", tag = "session",
    request_body(content = ResetPassword, content_type = "application/json"),
    responses(
        (status = 204, description = "The password is stored; sign in with it"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: no mail is configured"),
        (status = 410, description = "`LINK_INVALID`: used, expired, or none"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`WEAK_PASSWORD`; the link still works"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, with `Retry-After`"),
    ))]
pub async fn reset(
    State(app): State<SharedApp>,
    submission: Submission<ResetPassword>,
) -> Response {
    submission
        .respond(&app, answer(&app, &submission).await)
        .await
}

async fn answer(app: &App, submission: &Submission<ResetPassword>) -> Result<Response, ApiError> {
    let Submission {
        visitor, fields, ..
    } = submission;
    mailed::admit(app, submission).await?;
    let token = mailed::token(&fields.token)?;
    let device = &visitor.new_device;
    let visit = Visit {
        device: visitor.device_with(Some(device)),
        signed_in: &visitor.signed_in(app).await?,
    };
    let is_known = reset_password::reset(
        &app.store,
        (
            &app.hasher,
            &Policy::new(&app.config.passwords),
            &app.lockout_key,
        ),
        (&token, visit),
        Password::from_typed(fields.new_password.expose_secret()),
        &visitor.origin(),
        visitor.caller.now,
    )
    .await?;
    let mut response = mailed::used(submission, "reset-done-title", "reset-done")?;
    if is_known {
        let cookie = cookies::set_device(&app.config, device);
        cookies::append(&mut response, [cookie])?;
    }
    Ok(response)
}

impl From<ResetError> for ApiError {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::DeadLink => Self::LinkInvalid,
            ResetError::WeakPassword(weak) => Self::WeakPassword(weak),
            ResetError::Hash(error) => error.into(),
            ResetError::Storage(error) => error.into(),
            ResetError::NoRandomness(error) => Self::internal(error),
        }
    }
}
