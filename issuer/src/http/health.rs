//! Whether the process lives, and whether it can do its work. For load balancers and people on call.
//!
//! Answers name the parts and never a cause: the causes are in the log. Each part has a time limit of its own, so one that
//! hangs does not hide the others; a part that is not known to work counts as failing. Nothing here lets anybody in: who
//! asks the issuer in spite of a failing part is refused where that part is needed.

use std::{
    error::Error,
    future::Future,
    time::{Duration, Instant},
};

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use edgeward_core::{
    csrf,
    time::UnixTime,
    token::{Audiences, Expectations, TokenType},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{csrf::judge_origin, metrics::labels::Check};
use crate::{
    App,
    domain::keyring::{SigningKeys, TokenKey},
    signatures,
};

/// How long a part may take to answer. Longer than a transaction ever takes, shorter than a request waits for the
/// database, and less than the patience of whoever probes.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /healthz`
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`: who cannot answer does not.
    status: &'static str,
}

/// `GET /readyz`
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Readiness {
    /// `ok` when every part is, `degraded` when one does without what it has a replacement for, `failing` otherwise.
    status: State,
    /// Each part on its own.
    checks: Checks,
}

/// The parts without which nobody can sign in, and the one that has a replacement.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    /// It can be read and written, and its file is in its place.
    database: State,
    /// It signs what verifiers accept, and the database still has it for them. It degrades while a row of a key is left out of the
    /// key set: tokens are signed and verified without it.
    signing_key: State,
    /// It makes tokens that it accepts.
    csrf_secret: State,
    /// The site's own pages are let in, and those of others are not.
    origins: State,
    /// It answers; absent where none is configured. Without it each process counts by itself, so it degrades and never
    /// fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<State>,
    /// Key-encryption keys that are not in this process did their work the last time they were asked; absent where there are
    /// none. Open keys stay open, so it degrades and never fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    custody: Option<State>,
}

/// What became of a check, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The part works.
    Ok,
    /// It does not, and what it does is done in a poorer way. The log says why.
    Degraded,
    /// It does not, or did not answer in time. The log says why.
    Failing,
}

impl State {
    const fn of(holds: bool) -> Self {
        if holds { Self::Ok } else { Self::Failing }
    }
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = Health)))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Asks every part that a sign-in needs.
pub(super) async fn probe(app: &App) -> Readiness {
    let (database, signing_key, csrf_secret, redis) = tokio::join!(
        in_time(app, Check::Database, database_works(app)),
        in_time(app, Check::SigningKey, signing_key_works(app)),
        in_time(app, Check::CsrfSecret, csrf_answers_itself(app)),
        redis_answers(app),
    );
    let checks = Checks {
        database,
        signing_key: signing_key.max(all_keys_are_shown(app)),
        csrf_secret,
        origins: at_once(app, Check::Origins, origins_are_told_apart(app)),
        redis,
        custody: custody_answers(app),
    };
    let status = checks.worst();
    Readiness { status, checks }
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let status = match self.status {
            State::Ok | State::Degraded => StatusCode::OK,
            State::Failing => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(self)).into_response()
    }
}

impl Checks {
    /// The state of the whole. Whoever adds a part says here that it counts.
    fn worst(&self) -> State {
        let Self {
            database,
            signing_key,
            csrf_secret,
            origins,
            redis,
            custody,
        } = self;
        let parts = [database, signing_key, csrf_secret, origins];
        let parts = parts.into_iter().chain(redis).chain(custody);
        parts.copied().max().unwrap_or(State::Failing)
    }
}

/// Why a part does not work, for the log.
type Why = Box<dyn Error + Send + Sync>;

/// Runs a check that waits for others. One that has no answer by then has failed.
async fn in_time(app: &App, check: Check, answer: impl Future<Output = Result<(), Why>>) -> State {
    let outcome = tokio::time::timeout(CHECK_TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| Err("no answer in time".into()));
    at_once(app, check, outcome)
}

fn at_once(app: &App, check: Check, outcome: Result<(), Why>) -> State {
    if let Err(why) = &outcome {
        app.metrics.not_ready(check);
        tracing::error!(check = check.as_str(), detail = %why, "not ready");
    }
    State::of(outcome.is_ok())
}

async fn database_works(app: &App) -> Result<(), Why> {
    Ok(app.store.check().await?)
}

/// Verifiers get their keys from the database, and so does the next start: a key that is only in memory signs tokens
/// that nobody will accept for long. A database that does not answer is the other check's to tell.
async fn signing_key_works(app: &App) -> Result<(), Why> {
    let now = app.clock.now();
    let keyring = app.fresh_keyring(now).await?;
    let mut signs = Vec::new();
    for algorithm in app.config.algorithms() {
        signs.push(keyring.signing_key_of(algorithm, now, Instant::now())?);
    }
    for key in &signs {
        sign_and_verify(app, key).await?;
    }
    match app.store.signing_keys().await {
        Ok(stored) => {
            let has = |key: &TokenKey| {
                let mut stored = stored.iter().map(|stored| &stored.life);
                stored.any(|life| life.key_id == key.key_id() && life.state.is_public())
            };
            match signs.iter().find(|key| !has(key)) {
                None => Ok(()),
                Some(key) => {
                    let what = format!(
                        "the database does not have the signing key {}",
                        key.key_id()
                    );
                    Err(what.into())
                }
            }
        }
        Err(failure) => {
            tracing::warn!(detail = %failure, "the signing key could not be looked up");
            Ok(())
        }
    }
}

/// Whoever has no key-encryption key wrote such a row, or nobody could prove it. Which and why was said when it was read.
fn all_keys_are_shown(app: &App) -> State {
    let left_out = app.keyring.left_out();
    if left_out.is_empty() {
        return State::Ok;
    }
    app.metrics.not_ready(Check::SigningKey);
    for (kid, why) in left_out {
        tracing::warn!(
            check = Check::SigningKey.as_str(),
            kid,
            detail = why,
            "degraded"
        );
    }
    State::Degraded
}

/// A site without it does what it does by itself, so its loss sends nobody away.
async fn redis_answers(app: &App) -> Option<State> {
    let link = app.redis.as_ref()?;
    Some(match link.check().await {
        Ok(()) => State::Ok,
        Err(why) => {
            app.metrics.not_ready(Check::Redis);
            tracing::warn!(check = Check::Redis.as_str(), detail = why, "degraded");
            State::Degraded
        }
    })
}

/// What is sealed under them was opened at the start and stays so: the next start and the next key need them. Each is tried
/// every minute (`chores`), and not by whoever asks here.
fn custody_answers(app: &App) -> Option<State> {
    let failures = app.secrets.failures()?;
    if failures.is_empty() {
        return Some(State::Ok);
    }
    app.metrics.not_ready(Check::Custody);
    for why in failures {
        tracing::warn!(check = Check::Custody.as_str(), detail = %why, "degraded");
    }
    Some(State::Degraded)
}

/// Whether the keys of every algorithm in use sign, before anybody asks for a token.
///
/// # Errors
/// Why one does not, for whoever starts an issuer.
pub async fn try_signing_keys(app: &App) -> Result<(), String> {
    let works = signing_key_works(app).await;
    works.map_err(|why| why.to_string())
}

/// Signs something that is no token of ours and verifies it by what verifiers see.
async fn sign_and_verify(app: &App, key: &TokenKey) -> Result<(), Why> {
    let probe = TokenType::Other("readiness-probe".to_owned());
    let issuer = &app.config.issuer.url;
    let now = app.clock.now();
    let claims = Probe {
        iss: issuer,
        sub: issuer,
        aud: issuer,
        exp: now.plus(1),
    };
    let token = key.sign(&probe, &claims).await?;
    let audiences = Audiences::OneOf(vec![issuer.clone()]);
    let expect = Expectations::new(issuer.clone(), audiences, probe);
    let verified = signatures::verify(&token, &app.keyring.public_keys(), &expect, now);
    let (algorithm, kid) = (key.algorithm(), key.key_id());
    verified.map(drop).map_err(|reject| {
        let reason = reject.reason();
        format!("the signing key {kid} of {algorithm} makes no token that verifies: {reason}")
            .into()
    })
}

#[derive(Serialize)]
struct Probe<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: UnixTime,
}

/// Makes a CSRF token and accepts it.
async fn csrf_answers_itself(app: &App) -> Result<(), Why> {
    let now = app.clock.now();
    let keys = app.csrf_keys(now).await?;
    let key = keys.makes();
    let token = csrf::issue(key, csrf::ANONYMOUS, "readiness", now, &[0; 16]);
    let (cookie, sent) = (Some(token.as_str()), Some(token.as_str()));
    csrf::check(&[key], cookie, sent, csrf::ANONYMOUS, "readiness", now)
        .map_err(|refusal| refusal.reason().into())
}

/// Judges a request of the site's own page, and one of another's.
fn origins_are_told_apart(app: &App) -> Result<(), Why> {
    let site = &app.config.issuer.url;
    let judged = |origin: &str| -> Result<bool, Why> {
        let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_str(origin)?)]);
        Ok(judge_origin(&headers, site).is_ok())
    };
    if judged(site)? && !judged("https://another.invalid")? {
        Ok(())
    } else {
        Err("issuer.url does not tell the site's pages from others".into())
    }
}
