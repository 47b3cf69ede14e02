//! `POST /auth/login`

use std::net::IpAddr;

use axum::{extract::State, http::StatusCode, response::Response};
use edgeward_core::{return_to, time::UnixTime};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{self, Onward, SignedInBody, TokenMode},
    attempt::{Attempt, known_device},
    audience,
    submission::{Fields, FormFields, Submission},
};
use crate::{
    App, SharedApp,
    domain::{
        access_token::Minter,
        accounts::Email,
        keyring::Signer,
        lockout::{CounterKey, DeviceDigest},
        login::{self, Context},
        password::Password,
        storage::Storage,
    },
    http::{
        challenge::{self, Challenge, Tried},
        pages::{self, Frame, sign_in::LoginPage},
        problem::ApiError,
        to_the_end::to_the_end,
    },
};

/// Address and password.
// No `Debug`: it is personal.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(value_type = String, format = Password, example = "Correct-horse-9-battery")]
    password: SecretString,
    #[serde(default)]
    token_mode: TokenMode,
    /// Whom the access token is for, one of those that are configured; the application where nobody is named. For tokens in
    /// the body.
    #[serde(default)]
    audience: Option<String>,
    /// The token of a challenge, where one was demanded.
    #[serde(default)]
    captcha_token: String,
    #[serde(skip)]
    return_to: String,
}

impl Fields for Login {
    fn from_form(form: &FormFields) -> Option<Self> {
        Some(Self {
            email: form.get("email"),
            password: form.get("password").into(),
            token_mode: TokenMode::Cookie,
            audience: None,
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
        let challenge = Challenge::after(app, error);
        let page = LoginPage {
            csrf_token,
            return_to: return_to::sanitise(&self.return_to).unwrap_or_default(),
            email: self.email.clone(),
            can_reset: app.config.mail.is_some(),
            challenge,
            error: Some(frame.wrong(error)),
            frame,
        };
        Some(pages::render(StatusCode::OK, &page))
    }
}

/// Signs in.
#[utoipa::path(post, path = "/auth/login", tag = "session",
    request_body(content = Login, content_type = "application/json"),
    responses(
        (status = 200, description = "Signed in; cookies unless `tokenMode` is `body`", body = SignedInBody),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`INVALID_CREDENTIALS`, with the member `attemptsLeft`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`, `CAPTCHA_REQUIRED`, `CAPTCHA_INVALID`"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`VALIDATION_FAILED`: no audience of that name"),
        (status = 423, description = "`ACCOUNT_LOCKED`, with `Retry-After`"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
    ))]
pub async fn log_in(State(app): State<SharedApp>, submission: Submission<Login>) -> Response {
    to_the_end(async move {
        submission
            .respond(&app, answer(&app, &submission).await)
            .await
    })
    .await
}

async fn answer(app: &App, submission: &Submission<Login>) -> Result<Response, ApiError> {
    let Submission {
        visitor,
        format,
        fields,
        ..
    } = submission;
    let in_body = fields.token_mode == TokenMode::Body;
    // What names nobody is a request that is wrong in itself, and no sign-in.
    let audience = audience::chosen(app, fields.audience.as_deref(), in_body)?;
    // What is no address has no account, and is answered like one that has none.
    let email = Email::parse(&fields.email).ok();
    let attempt = Attempt::of(app, visitor, fields.token_mode.carrier()).naming(email.as_ref());
    let admitted = admit(app, submission, email.as_ref(), &attempt, audience).await;
    let (known_device, signer) = admitted.inspect_err(|error| app.metrics.login_before(error))?;
    let attempt = attempt.by_device(known_device);
    attempt.end_if_spent(app).await?;
    let password = Password::from_typed(fields.password.expose_secret());
    let context = Context {
        known_device,
        minter: Minter::new(&signer, &app.config, audience),
        ..attempt.context(app, &signer)
    };
    let typed = &fields.email;
    let result = login::log_in(&app.store, context, typed, email.as_ref(), password).await;
    app.metrics.login(&result);
    let signed_in = result?;
    answer::signed_in(
        app,
        &attempt,
        *format,
        StatusCode::OK,
        Onward::Place(&fields.return_to),
        &signed_in,
    )
}

/// What comes before the password is looked at: the limits, the challenge, and a key that signs.
async fn admit(
    app: &App,
    submission: &Submission<Login>,
    email: Option<&Email>,
    attempt: &Attempt<'_>,
    audience: &str,
) -> Result<(Option<DeviceDigest>, Signer), ApiError> {
    let Submission {
        visitor, fields, ..
    } = submission;
    let (address, now) = (visitor.caller.address, visitor.caller.now);
    app.limits.guess(address).await?;
    let known_device = known_device(app, visitor, email).await?;
    let name = app.lockout_key.of_name(&fields.email);
    // Strangers fill the name's window, so a browser that the account knows has none: its own counter bounds it.
    app.limits.sign_in(address, None, now).await?;
    if known_device.is_none() {
        admit_name(app, address, &name, now).await?;
    }
    let tried = Tried {
        name: &fields.email,
        range: attempt.counted_range(),
        known_device,
        now,
    };
    challenge::demand_after_failures(app, tried, &fields.captcha_token).await?;
    Ok((known_device, app.signer(audience, now).await?))
}

/// The limit of the name, which begins anew once for each act that forgot the failures at it, whichever process made the act.
async fn admit_name(
    app: &App,
    address: IpAddr,
    name: &CounterKey,
    now: UnixTime,
) -> Result<(), ApiError> {
    let Err(limited) = app.limits.name(address, name, now).await else {
        return Ok(());
    };
    match app.store.lifted_at(name).await? {
        Some(at) if app.limits.lift(name, at, now).await => {
            Ok(app.limits.name(address, name, now).await?)
        }
        Some(_) | None => Err(limited.into()),
    }
}
