//! The feed of ended sessions and revoked keys, for edges only.

use std::time::Instant;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{caller::Caller, problem::ApiError};
use crate::{
    SharedApp,
    domain::revocations::{self, Asked},
};

/// RFC 7519, section 10.3.1, with the type of the token that begins the page.
const FEED_MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("application/edgeward-revocations+jwt");

/// The sessions and signing keys that ended since a number: a signed token, and a line for each. Only an enrolled edge may read it, by a proof of its own.
#[utoipa::path(get, path = "/.well-known/edgeward-revocations", tag = "documents",
    params(("after" = Option<u64>, Query, description = "The `last` of the page before; without it all that matters still")),
    responses(
        (status = 200, description = "A JWT with `rid`, `after`, `last`, `more`, `count` and `sha256` of the lines behind it: `sid` or `kid`, the id, when, why",
            content_type = "application/edgeward-revocations+jwt", body = String),
        (status = 400, description = "`MALFORMED_BODY`: `after` is no number"),
        (status = 401, description = "`EDGE_PROOF_REQUIRED`: no proof of an edge that asks for itself; `EDGE_PROOF_INVALID`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
    ))]
pub async fn feed(
    State(app): State<SharedApp>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    if !caller.is_edge_itself {
        return Err(ApiError::EdgeProofRequired);
    }
    let after = match query.as_deref() {
        None | Some("") => 0,
        Some(query) => query
            .strip_prefix("after=")
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| ApiError::malformed("after is not a number"))?,
    };
    let at = Instant::now();
    let keyring = app.fresh_keyring(caller.now).await?;
    let key = keyring.signing_key(caller.now, at)?;
    let feed = revocations::Feed {
        news: app.store.news(),
        pages: &app.pages,
        key: &key,
        issuer: &app.config.issuer,
    };
    let asked = Asked {
        after,
        request_id: caller.request_id.as_str(),
    };
    let page = feed.page(&app.store, asked, caller.now, at).await?;
    let headers = [
        (header::CONTENT_TYPE, FEED_MEDIA_TYPE),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, page).into_response())
}
