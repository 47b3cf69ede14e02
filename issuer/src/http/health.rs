//! Whether the process lives, and whether it can do its work. For load balancers and people on call.
//!
//! Answers name the parts and never a cause: the causes are in the log.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use edgeward_core::{
    csrf,
    time::UnixTime,
    token::{self, Audiences, Expectations, TokenType},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, SharedApp};

/// `GET /healthz`
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`: who cannot answer does not.
    status: &'static str,
}

/// `GET /readyz`
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ok` when every part is, `failing` otherwise.
    status: &'static str,
    /// Each part on its own.
    checks: Checks,
}

/// The parts without which nobody can sign in: each `ok` or `failing`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    database: &'static str,
    signing_key: &'static str,
    csrf_secret: &'static str,
    issuer_url: &'static str,
}

fn word(holds: bool) -> &'static str {
    if holds { "ok" } else { "failing" }
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = Health)))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Every part that a sign-in needs works.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, body = Readiness),
    (status = 503, description = "At least one part fails", body = Readiness),
))]
pub async fn ready(State(app): State<SharedApp>) -> Response {
    let database = match app.store.ping().await {
        Ok(()) => true,
        Err(failure) => {
            tracing::error!(detail = %failure, "not ready: the database does not answer");
            false
        }
    };
    let parts = [
        database,
        signs_what_verifies(&app),
        csrf_answers_itself(&app),
        has_host(&app.config.issuer.url),
    ];
    let [database, signing_key, csrf_secret, issuer_url] = parts.map(word);
    let all = parts.iter().all(|holds| *holds);
    let status = if all {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = Readiness {
        status: word(all),
        checks: Checks {
            database,
            signing_key,
            csrf_secret,
            issuer_url,
        },
    };
    (status, Json(body)).into_response()
}

/// Signs something that is no token of ours and verifies it by what verifiers see.
fn signs_what_verifies(app: &App) -> bool {
    let probe = TokenType::Other("readiness-probe".to_owned());
    let issuer = &app.config.issuer.url;
    let now = app.clock.now();
    let claims = Probe {
        iss: issuer,
        sub: issuer,
        aud: issuer,
        exp: now.plus(1),
    };
    let Ok(token) = app.keyring.active().sign(&probe, &claims) else {
        return false;
    };
    let audiences = Audiences::OneOf(vec![issuer.clone()]);
    let expect = Expectations::new(issuer.clone(), audiences, probe);
    token::verify(&token, app.keyring.public_keys(), &expect, now).is_ok()
}

#[derive(Serialize)]
struct Probe<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: UnixTime,
}

/// Makes a CSRF token and accepts it.
fn csrf_answers_itself(app: &App) -> bool {
    let key = app.secrets.csrf_key();
    let now = app.clock.now();
    let token = csrf::issue(key, csrf::ANONYMOUS, "readiness", now, &[0; 16]);
    let (cookie, sent) = (Some(token.as_str()), Some(token.as_str()));
    csrf::check(&[key], cookie, sent, csrf::ANONYMOUS, "readiness", now).is_ok()
}

fn has_host(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| uri.host().is_some())
}
