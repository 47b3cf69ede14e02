//! `POST /auth/password`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{self, SignedInBody},
    attempt::Attempt,
    submission::{Fields, FormFields, Format, Submission},
    visitor::Strength,
};
use crate::{
    App, SharedApp,
    domain::{
        change_password::{self, Context},
        password::{Password, Policy},
    },
    http::{
        pages::{
            self, Frame,
            account::{self, ChangePasswordPage, Done},
        },
        problem::ApiError,
        to_the_end::to_the_end,
    },
};

/// The present password and the one to come.
// No `Debug`: it holds passwords.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(value_type = String, format = Password, example = "Correct-horse-9-battery")]
    current_password: SecretString,
    #[schema(value_type = String, format = Password, example = "Another-mule-8-engine")]
    new_password: SecretString,
}

impl Fields for ChangePassword {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            current_password: form.get(CURRENT).into(),
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
        let page = ChangePasswordPage {
            password_hint: frame.password_hint(&Policy::new(&app.config.passwords)),
            error: Some(frame.wrong_password(CURRENT, "wrong-password", error)),
            frame,
            csrf_token,
        };
        Some(pages::render(StatusCode::OK, &page))
    }

    fn begins_anew_at(&self) -> Option<String> {
        Some("/account/password".to_owned())
    }
}

/// The field of the form with the present password.
const CURRENT: &str = "currentPassword";

/// Changes the password of the caller. All sessions end; a new one takes the place of the one in use.
#[utoipa::path(post, path = "/auth/password", tag = "session",
    request_body(content = ChangePassword, content_type = "application/json"),
    responses(
        (status = 200, description = "Changed, for a caller whose access token is in `Authorization`: the tokens of the new session", body = SignedInBody),
        (status = 204, description = "Changed; the cookies of the new session"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`NOT_SIGNED_IN`, `STEP_UP_REQUIRED`; `INVALID_CREDENTIALS`, with the member `attemptsLeft`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`WEAK_PASSWORD`; `VALIDATION_FAILED`: it is the present one"),
        (status = 423, description = "`ACCOUNT_LOCKED`, with `Retry-After`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
    ))]
pub async fn change(
    State(app): State<SharedApp>,
    submission: Submission<ChangePassword>,
) -> Response {
    to_the_end(async move {
        submission
            .respond(&app, answer(&app, &submission).await)
            .await
    })
    .await
}

async fn answer(app: &App, submission: &Submission<ChangePassword>) -> Result<Response, ApiError> {
    let Submission {
        visitor, fields, ..
    } = submission;
    app.limits.guess(visitor.caller.address).await?;
    visitor.demand_one_sign_in()?;
    let principal = visitor.principal(app, Strength::Undoubted).await?;
    // By a new device cookie, whatever came along: who copied the session may have copied that one too.
    let attempt = Attempt::of(app, visitor, visitor.carrier());
    attempt.end_if_spent(app).await?;
    let signer = app
        .signer(&app.config.issuer.audience, visitor.caller.now)
        .await?;
    let policy = Policy::new(&app.config.passwords);
    let context = Context {
        sign_in: attempt.context(app, &signer),
        policy: &policy,
        user: principal.user,
        sid: principal.family.sid,
    };
    let present = Password::from_typed(fields.current_password.expose_secret());
    let new = Password::from_typed(fields.new_password.expose_secret());
    let signed_in = change_password::change_password(&app.store, context, present, new).await?;
    let response = match submission.format {
        Format::Json => StatusCode::NO_CONTENT.into_response(),
        Format::Form => account::led_to_profile(Done::PasswordChanged),
    };
    answer::renewed(app, &attempt, response, &signed_in)
}
