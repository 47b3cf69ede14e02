//! The feed of ended sessions and revoked keys, for edges only.

use std::time::Instant;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

use edgeward_core::{
    tally::{TALLY_HEADER, Tally},
    token::{ARRIVALS_HEADER, Arrivals},
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
        (status = 200, description = "A JWT with `rid`, `after`, `last`, `more`, `count` and `sha256` of the lines behind it: `sid`, `sub`, `jti` or `kid`, the id, when, why",
            content_type = "application/edgeward-revocations+jwt", body = String),
        (status = 400, description = "`MALFORMED_BODY`: `after` is no number"),
        (status = 401, description = "`EDGE_PROOF_REQUIRED`: no proof of an edge that asks for itself; `EDGE_PROOF_INVALID`"),
        (status = 500, description = "`INTERNAL`"),
        (status = 503, description = "`BUSY`, `SIGNING_UNAVAILABLE`, with `Retry-After`"),
    ))]
pub async fn feed(
    State(app): State<SharedApp>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    if !caller.is_edge_itself {
        return Err(ApiError::EdgeProofRequired);
    }
    // What it counted and saw is no part of the question: whatever stands there, the feed is answered, and waits for nothing.
    let told = |name| headers.get(name).and_then(|told| told.to_str().ok());
    if let Some(tally) = told(TALLY_HEADER).and_then(Tally::read) {
        app.metrics.edge(&tally);
    }
    if let Some(arrivals) = told(ARRIVALS_HEADER) {
        app.arrivals.tell(Arrivals::read(arrivals));
    }
    let after: u64 = match query.as_deref() {
        None | Some("") => 0,
        Some(query) => query
            .strip_prefix("after=")
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            // The database has no larger one, and the document promises none.
            .filter(|after| i64::try_from(*after).is_ok())
            .ok_or_else(|| ApiError::malformed("after is not a number"))?,
    };
    let at = Instant::now();
    let keyring = app.fresh_keyring(caller.now).await?;
    let key = keyring.vouching_key(caller.now, at)?;
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
    let said = [
        (header::CONTENT_TYPE, FEED_MEDIA_TYPE),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((said, page).into_response())
}
