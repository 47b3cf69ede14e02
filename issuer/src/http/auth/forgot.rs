//! `POST /auth/password/forgot`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    mailed,
    submission::{Fields, FormFields, Format, Submission},
};
use crate::{
    App, SharedApp,
    domain::{accounts::Email, reset_password},
    http::{
        pages::{self, Frame, links::ForgotPage},
        problem::ApiError,
    },
};

/// Whose password was forgotten.
// No `Debug`: it is personal.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forgot {
    #[schema(example = "ada@example.com")]
    email: String,
}

impl Fields for Forgot {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            email: form.get("email"),
        })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let page = ForgotPage {
            csrf_token,
            email: self.email.clone(),
            error: Some(frame.wrong(error)),
            frame,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

/// Has a link mailed that resets the password. The answer and the work are the same whether the address has an account or
/// not. Only where mail is configured.
#[utoipa::path(post, path = "/auth/password/forgot", tag = "session",
    request_body(content = Forgot, content_type = "application/json"),
    responses(
        (status = 202, description = "If the address has an account, a link is mailed to it"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 404, description = "`NOT_FOUND`: no mail is configured"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, with `Retry-After`"),
    ))]
pub async fn forgot(State(app): State<SharedApp>, submission: Submission<Forgot>) -> Response {
    submission
        .respond(&app, answer(&app, &submission).await)
        .await
}

async fn answer(app: &App, submission: &Submission<Forgot>) -> Result<Response, ApiError> {
    let Submission {
        visitor,
        format,
        fields,
        ..
    } = submission;
    mailed::admit(app, submission).await?;
    let email = Email::parse(&fields.email).ok();
    let origin = visitor.origin().naming(email.as_ref());
    let now = visitor.caller.now;
    reset_password::ask(&app.store, email.as_ref(), &origin, now).await?;
    match format {
        Format::Json => Ok(StatusCode::ACCEPTED.into_response()),
        Format::Form => {
            let seconds = app.config.links().reset_seconds;
            mailed::sent(&submission.frame, "mailed-reset", seconds)
        }
    }
}
