//! `POST /auth/step-up`

use axum::{extract::State, http::StatusCode, response::Response};
use edgeward_core::return_to;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{self, Onward, SignedInBody},
    attempt::{Attempt, known_device},
    submission::{Fields, FormFields, Submission},
    visitor::Strength,
};
use crate::{
    App, SharedApp,
    domain::{password::Password, step_up, storage::Storage},
    http::{
        pages::{self, Frame, resend::Resend, sign_in::StepUpPage},
        problem::ApiError,
        to_the_end::to_the_end,
    },
};

/// The password of who is signed in.
// No `Debug`: it holds a password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepUp {
    #[schema(value_type = String, format = Password, example = "Correct-horse-9-battery")]
    password: SecretString,
    #[serde(skip)]
    return_to: String,
    #[serde(skip)]
    resend: Option<Resend>,
}

impl Fields for StepUp {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            password: form.get("password").into(),
            return_to: form.get(return_to::PARAMETER),
            resend: Resend::from_form(form),
        })
    }

    fn page_again(
        &self,
        _: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        // A form without a good token may be a stranger's, and so may be what it carries.
        let is_theirs = !matches!(error, ApiError::CsrfInvalid);
        let page = StepUpPage {
            csrf_token,
            return_to: return_to::sanitise(&self.return_to).unwrap_or_default(),
            resend: self.resend.clone().filter(|_| is_theirs),
            error: Some(frame.wrong_password("password", "wrong-password", error)),
            frame,
        };
        Some(pages::render(StatusCode::OK, &page))
    }

    /// Whoever signs in has confirmed who they are, so they go on from there.
    fn begins_anew_at(&self) -> Option<String> {
        match &self.resend {
            Some(resend) => Some(resend.page()),
            None => Some(self.return_to.clone()),
        }
    }
}

/// Confirms the identity of the caller again. A new session takes the place of the one in use; every token of that is spent.
#[utoipa::path(post, path = "/auth/step-up", tag = "session",
    request_body(content = StepUp, content_type = "application/json"),
    responses(
        (status = 200, description = "Confirmed; cookies, or tokens in the body for a caller whose access token is in `Authorization`", body = SignedInBody),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`NOT_SIGNED_IN`; `INVALID_CREDENTIALS`, with the member `attemptsLeft`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 423, description = "`ACCOUNT_LOCKED`, with `Retry-After`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
    ))]
pub async fn step_up(State(app): State<SharedApp>, submission: Submission<StepUp>) -> Response {
    to_the_end(async move {
        submission
            .respond(&app, answer(&app, &submission).await)
            .await
    })
    .await
}

async fn answer(app: &App, submission: &Submission<StepUp>) -> Result<Response, ApiError> {
    let Submission {
        visitor,
        frame,
        format,
        fields,
    } = submission;
    app.limits.guess(visitor.caller.address).await?;
    visitor.demand_one_sign_in()?;
    // The access cookie is enough here: the password shows that a person is there, and the session cookie may have ended
    // long before the access that a background refresh keeps up.
    let principal = visitor.principal(app, Strength::Any).await?;
    let sid = principal.family.sid;
    let account = app.store.account_by_id(principal.user).await?;
    let email = account.as_ref().map(|account| &account.email);
    let attempt = Attempt::of(app, visitor, visitor.carrier())
        .in_place_of(sid)
        .by_device(known_device(app, visitor, email).await?);
    attempt.end_if_spent(app).await?;
    let signer = app
        .signer(&app.config.issuer.audience, visitor.caller.now)
        .await?;
    let context = attempt.context(app, &signer);
    let password = Password::from_typed(fields.password.expose_secret());
    let who = (principal.user, sid);
    let signed_in = step_up::step_up(&app.store, context, who, password).await?;
    let onward = match &fields.resend {
        Some(resend) => Onward::Again(frame, resend),
        None => Onward::Place(&fields.return_to),
    };
    answer::signed_in(app, &attempt, *format, StatusCode::OK, onward, &signed_in)
}
