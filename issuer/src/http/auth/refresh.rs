//! `POST /auth/refresh`

use std::time::Instant;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer::{TokenCookies, TokenMode},
    audience,
    submission::{Fields, Submission},
    visitor::Visitor,
};
use crate::{
    App, SharedApp,
    domain::{
        access_token::Minter,
        keyring::Signer,
        refresh::{self, Context, Refreshed},
        session::Device,
    },
    faults::{Point, reach},
    http::{cookies, problem::ApiError},
};

/// Empty for browsers, whose token is in a cookie.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The token of a caller without cookies; the answer then carries its successor.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    token_mode: Option<TokenMode>,
    /// Whom the access token is for, one of those that are configured; the application where nobody is named. For a token that
    /// came in the body.
    #[serde(default)]
    audience: Option<String>,
}

impl Fields for Refresh {}

/// A new access token. The tokens are in the body only if the old one came in the body.
// No `Debug`: it holds tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshedBody {
    /// The life of the access token in seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// Exchanges the refresh token for its successor and a new access token.
#[utoipa::path(post, path = "/auth/refresh", tag = "session",
    request_body(content = Option<Refresh>, content_type = "application/json"),
    responses(
        (status = 200, description = "Refreshed; a repetition after a lost answer gets the same refresh token", body = RefreshedBody),
        (status = 400, description = "`MALFORMED_BODY`, `AMBIGUOUS_CREDENTIALS`"),
        (status = 401, description = "`NO_REFRESH_TOKEN`, `INVALID_REFRESH_TOKEN`, `REFRESH_REUSED`"),
        (status = 403, description = "`CSRF_INVALID`, `ORIGIN_REFUSED`"),
        (status = 409, description = "`REFRESH_IN_PROGRESS`, with `Retry-After`: another request refreshes at this moment"),
        (status = 413, description = "`BODY_TOO_LARGE`"),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`VALIDATION_FAILED`: no audience of that name"),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`; the refresh token is as good as before"),
    ))]
pub async fn refresh(State(app): State<SharedApp>, submission: Submission<Refresh>) -> Response {
    let response = match answer(&app, &submission).await {
        Err(error) if submission.visitor.caller.is_edge_refreshing => {
            let ended = is_ended(&error);
            let refusal = submission.refuse(&app, error);
            let answered = for_the_edge(&app, ended, refusal);
            submission.respond(&app, answered).await
        }
        outcome => submission.respond(&app, outcome).await,
    };
    reach(Point::AnswerMade);
    response
}

/// Whether the token in the cookie will never be good again.
const fn is_ended(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::NoRefreshToken | ApiError::InvalidRefreshToken | ApiError::RefreshReused
    )
}

/// A refusal as an edge hands it on. It takes dead cookies from the browser, because with them each page would cause another refresh.
/// And it asks for a repetition only where that may help: the edge has no other token than the one it sent, which is reuse in
/// the `strict` mode.
fn for_the_edge(app: &App, ended: bool, mut refusal: Response) -> Result<Response, ApiError> {
    if ended {
        cookies::append(&mut refusal, cookies::expire_all(&app.config))?;
    }
    if app.config.refresh.strict && refusal.status() == StatusCode::CONFLICT {
        refusal.headers_mut().remove(header::RETRY_AFTER);
    }
    Ok(refusal)
}

async fn answer(app: &App, submission: &Submission<Refresh>) -> Result<Response, ApiError> {
    let Submission {
        visitor, fields, ..
    } = submission;
    let in_body = fields
        .refresh_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let in_cookie = visitor
        .presented
        .refresh
        .as_ref()
        .map(|token| token.as_str());
    let audience = audience::chosen(app, fields.audience.as_deref(), in_body.is_some())?;
    let asks_for_body = fields.token_mode == Some(TokenMode::Body);
    match (in_body, in_cookie) {
        // A token that came in a cookie must not leave in a body, where scripts can read it.
        (Some(_), Some(_)) => Err(ApiError::AmbiguousCredentials),
        (None, Some(_)) if asks_for_body => Err(ApiError::AmbiguousCredentials),
        (None, None) => Err(ApiError::NoRefreshToken),
        (Some(token), None) => {
            let device = visitor.shown_device().without_cookie();
            let refreshed = exchange(app, visitor, audience, token, device).await?;
            Ok(Json(RefreshedBody {
                expires_in: app.config.tokens.access_seconds,
                access_token: Some(refreshed.access_token.reveal().to_owned()),
                refresh_token: Some(refreshed.refresh_token.reveal().to_owned()),
            })
            .into_response())
        }
        (None, Some(token)) => {
            visitor.demand_one_sign_in()?;
            let device = visitor.shown_device();
            let refreshed = exchange(app, visitor, audience, token, device).await?;
            let mut response = Json(RefreshedBody {
                expires_in: app.config.tokens.access_seconds,
                access_token: None,
                refresh_token: None,
            })
            .into_response();
            let tokens = TokenCookies {
                sid: refreshed.sid,
                access_token: refreshed.access_token.reveal(),
                refresh_token: refreshed.refresh_token.reveal(),
                refresh_ends: refreshed.idle_expires_at,
            };
            cookies::append(&mut response, tokens.cookies(app, visitor)?)?;
            Ok(response)
        }
    }
}

async fn exchange(
    app: &App,
    visitor: &Visitor,
    audience: &str,
    token: &str,
    device: Device,
) -> Result<Refreshed, ApiError> {
    let keys = &visitor.refresh_keys;
    let signer = admit(app, visitor, audience, token).await;
    let signer = signer.inspect_err(|error| app.metrics.refresh_before(error))?;
    let context = Context {
        keys,
        tokens: &app.config.tokens,
        rules: &app.config.refresh,
        minter: Minter::new(&signer, &app.config, audience),
        origin: &visitor.origin(),
        device: &device.mark,
        address: &device.address,
        at: visitor.caller.moment,
    };
    let started = Instant::now();
    let result = refresh::refresh_in_turn(&app.store, &app.redis, context, token).await;
    app.metrics.refresh(&result, started.elapsed());
    Ok(result?)
}

/// What comes before the token is looked up: the limit, and a key that signs.
async fn admit(
    app: &App,
    visitor: &Visitor,
    audience: &str,
    token: &str,
) -> Result<Signer, ApiError> {
    let session = refresh::genuine(&visitor.refresh_keys, token).map(|genuine| genuine.sid);
    app.limits.refresh(visitor.caller.address, session).await?;
    Ok(app.signer(audience, visitor.caller.now).await?)
}
