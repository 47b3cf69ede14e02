//! The edge bundle, for edges only.

use std::time::Instant;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{caller::Caller, cookies, problem::ApiError};
use crate::{SharedApp, domain::edge_bundle::Contents};

/// RFC 7519, section 10.3.1, with the type of the token.
const BUNDLE_MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/edgeward-edge+jwt");

/// What an edge needs to judge without asking: the keys by which CSRF tokens on the app's routes are judged, and the names of the
/// cookies. Only an enrolled edge may read it, by a proof of its own. It is a secret.
#[utoipa::path(get, path = "/.well-known/edgeward-edge", tag = "documents", responses(
    (status = 200, description = "A JWT with `rid`, `csrf`, `cookies` and `life`",
        content_type = "application/edgeward-edge+jwt", body = String),
    (status = 401, description = "`EDGE_PROOF_REQUIRED`: no proof of an edge that asks for itself; `EDGE_PROOF_INVALID`"),
    (status = 500, description = "`INTERNAL`"),
    (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
))]
pub async fn bundle(State(app): State<SharedApp>, caller: Caller) -> Result<Response, ApiError> {
    if !caller.is_edge_itself {
        return Err(ApiError::EdgeProofRequired);
    }
    let known = app.csrf_keys(caller.now).await?;
    let keys: Vec<_> = known.accepts().collect();
    let contents = Contents {
        csrf: &keys,
        cookies: &cookies::names(&app.config),
        issuer: &app.config.issuer,
    };
    let at = Instant::now();
    let keyring = app.fresh_keyring(caller.now).await?;
    let key = keyring.signing_key(caller.now, at)?;
    let request_id = caller.request_id.as_str();
    let bundle = contents.signed(&key, request_id, caller.now).await?;
    let headers = [
        (header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, bundle).into_response())
}
