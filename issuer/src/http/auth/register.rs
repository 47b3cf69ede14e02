//! `POST /auth/register`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use edgeward_core::return_to;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{self, Onward, SignedInBody, TokenMode},
    attempt::Attempt,
    mailed,
    submission::{Fields, FormFields, Format, Submission},
};
use crate::{
    App, SharedApp,
    captcha::Purpose,
    domain::{
        accounts::{Application, Email, PersonName},
        login,
        password::{Password, Policy},
        registration::{self, Wait},
    },
    http::{
        challenge::{self, Challenge},
        cookies,
        pages::{self, Frame, sign_in::RegisterPage},
        problem::ApiError,
    },
};

/// What a new account is made of.
// No `Debug`: it is personal.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    #[schema(example = "grace@example.com")]
    email: String,
    #[schema(value_type = String, format = Password, example = "Correct-horse-9-battery")]
    password: SecretString,
    #[serde(default)]
    #[schema(example = "Grace")]
    first_name: String,
    #[serde(default)]
    #[schema(example = "Hopper")]
    last_name: String,
    #[serde(default)]
    token_mode: TokenMode,
    /// The token of a challenge, where the site demands one.
    #[serde(default)]
    captcha_token: String,
    #[serde(skip)]
    return_to: String,
}

impl Fields for Registration {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            email: form.get("email"),
            password: form.get("password").into(),
            first_name: form.get("firstName"),
            last_name: form.get("lastName"),
            token_mode: TokenMode::Cookie,
            captcha_token: challenge::token_of(form),
            return_to: form.get(return_to::PARAMETER),
        })
    }

    fn page_again(
        &self,
        app: &App,
        frame: Frame,
        csrf_token: String,
        error: &ApiError,
    ) -> Option<Result<Response, ApiError>> {
        let page = RegisterPage {
            csrf_token,
            return_to: return_to::sanitise(&self.return_to).unwrap_or_default(),
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            password_hint: frame.password_hint(&Policy::new(&app.config.passwords)),
            challenge: Challenge::of(app, Purpose::Register),
            error: Some(frame.wrong(error)),
            frame,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

/// Makes an account and signs it in; where mail is configured, keeps the registration and has its address written to, and there is an
/// account once that is confirmed. Roles are not for the person to choose.
#[utoipa::path(post, path = "/auth/register", tag = "session",
    request_body(content = Registration, content_type = "application/json"),
    responses(
        (status = 201, description = "Where no mail is configured: registered and signed in; cookies unless `tokenMode` is `body`", body = SignedInBody),
        (status = 202, description = "Where mail is configured, for every address alike: a mail tells how to go on"),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`, `CAPTCHA_REQUIRED`, `CAPTCHA_INVALID`"),
        (status = 409, description = "`EMAIL_TAKEN`; only where no mail is configured"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`VALIDATION_FAILED`, `WEAK_PASSWORD`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
    ))]
pub async fn register(
    State(app): State<SharedApp>,
    submission: Submission<Registration>,
) -> Response {
    submission
        .respond(&app, answer(&app, &submission).await)
        .await
}

async fn answer(app: &App, submission: &Submission<Registration>) -> Result<Response, ApiError> {
    let Submission {
        visitor,
        format,
        fields,
        ..
    } = submission;
    app.limits.guess(visitor.caller.address).await?;
    let application = Application {
        email: Email::parse(&fields.email)?,
        first_name: PersonName::parse("firstName", &fields.first_name)?,
        last_name: PersonName::parse("lastName", &fields.last_name)?,
        roles: Vec::new(),
        password: Password::from_typed(fields.password.expose_secret()),
    };
    // Before anything is looked up, and after what the person may have to type again.
    challenge::demand(app, Purpose::Register, &fields.captcha_token).await?;
    if app.config.mail.is_some() {
        return ask(app, submission, application).await;
    }
    let email = Some(&application.email);
    let attempt = Attempt::of(app, visitor, fields.token_mode.carrier()).naming(email);
    let audience = &app.config.issuer.audience;
    let signer = app.signer(audience, visitor.caller.now).await?;
    attempt.end_if_spent(app).await?;
    let context = attempt.context(app, &signer);
    let policy = Policy::new(&app.config.passwords);
    let signed_in = login::register(&app.store, context, &policy, application).await?;
    answer::signed_in(
        app,
        &attempt,
        *format,
        StatusCode::CREATED,
        Onward::Place(&fields.return_to),
        &signed_in,
    )
}

/// Nothing here depends on whether the address has an account, the device cookie that the answer sets included.
async fn ask(
    app: &App,
    submission: &Submission<Registration>,
    application: Application,
) -> Result<Response, ApiError> {
    let Submission {
        visitor,
        frame,
        format,
        ..
    } = submission;
    let origin = visitor.origin().naming(Some(&application.email));
    let policy = Policy::new(&app.config.passwords);
    let presented = visitor.presented.device.as_ref();
    let device = presented.unwrap_or(&visitor.new_device);
    let wait = Wait {
        now: visitor.caller.now,
        seconds: app.config.links().registration_seconds,
    };
    let (store, hasher) = (&app.store, &app.hasher);
    registration::ask(
        store,
        hasher,
        &policy,
        application,
        device.digest(),
        &origin,
        wait,
    )
    .await?;
    let mut response = match format {
        Format::Json => StatusCode::ACCEPTED.into_response(),
        Format::Form => mailed::sent(frame, "mailed-register", wait.seconds)?,
    };
    let cookie = cookies::set_device(&app.config, device);
    cookies::append(&mut response, [cookie])?;
    Ok(response)
}
