//! The key set in the platform's Cache API, which the isolates of a data centre share.
//!
//! It spares a cold isolate the way to the issuer, and while the issuer does not answer, a set past its soft life stands in, as
//! in an isolate that had loaded it itself. Isolates fetch at the same time and end in any order, so a younger set is not put over;
//! the platform cannot compare and put in one act, so two that put in the same moment may still leave the older. Where there is no such cache, or it is slow or holds nonsense, nothing
//! happens: the set is fetched as if it did not exist.

use edgeward_core::keys::{HARD_TTL_SECONDS, may_replace_kept};
use edgeward_core::time::UnixTime;
use wasm_bindgen::JsValue;
use web_sys::{Headers, Response, ResponseInit};

use super::Published;
use super::fetch::acceptable;
use super::seal::{Entry, MAX_ENTRY_BYTES};
use crate::worker::errand::Errand;
use crate::worker::{body, platform};

/// Apart from the zone's ordinary cache, so that no visitor's request can meet an entry.
const CACHE_NAME: &str = "edgeward";
/// Because a hit takes a few milliseconds, and a miss must not cost a visitor much more than that.
#[cfg(not(feature = "test-clock"))]
pub(super) const LOOK_TIMEOUT_MILLISECONDS: i32 = 250;
/// A cache of a story is on a machine that may be busy.
#[cfg(feature = "test-clock")]
pub(super) const LOOK_TIMEOUT_MILLISECONDS: i32 = 2_500;

/// A set that another isolate loaded.
pub(super) struct Kept {
    pub(super) published: Published,
    pub(super) entity_tag: Option<String>,
    pub(super) loaded_at: UnixTime,
}

/// Looks for a set.
pub(super) async fn look(errand: &Errand) -> Option<Kept> {
    let errand = errand.clone();
    let look = async move {
        let response = platform::cached(CACHE_NAME, &address(&errand))
            .await
            .ok()??;
        let text = body::read(&response, MAX_ENTRY_BYTES).await.ok()?;
        let seal = &errand.settings.identity.seal;
        let entry = seal.open(errand.settings.issuer_upstream.as_str(), &text)?;
        Some(Kept {
            published: acceptable(entry.body.to_vec()).ok()?,
            entity_tag: entry.entity_tag.map(str::to_owned),
            loaded_at: entry.loaded_at,
        })
    };
    platform::within(LOOK_TIMEOUT_MILLISECONDS, look).await?
}

/// What [`keep`] keeps.
pub(super) struct ToKeep {
    loaded_at: UnixTime,
    text: Vec<u8>,
}

/// A set that was just loaded or confirmed, for other isolates.
pub(super) fn to_keep(
    errand: &Errand,
    published: &Published,
    entity_tag: Option<&str>,
    loaded_at: UnixTime,
) -> ToKeep {
    let entry = Entry {
        loaded_at,
        entity_tag,
        body: &published.body,
    };
    let seal = &errand.settings.identity.seal;
    let text = seal.close(errand.settings.issuer_upstream.as_str(), &entry);
    ToKeep { loaded_at, text }
}

/// Keeps a set for the isolates that start within its life, unless a younger one is kept already.
pub(super) async fn keep(errand: &Errand, mut entry: ToKeep, now: UnixTime) {
    let kept = look(errand).await;
    if kept.is_some_and(|kept| !may_replace_kept(entry.loaded_at, kept.loaded_at, now)) {
        return;
    }
    let Ok(response) = response(&mut entry.text) else {
        return;
    };
    // Without a cache there is nothing to keep it in, which is no failure of this request.
    let _ = platform::keep_cached(CACHE_NAME, &address(errand), &response).await;
}

fn response(entry: &mut [u8]) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("cache-control", &format!("max-age={HARD_TTL_SECONDS}"))?;
    headers.set("content-type", "application/octet-stream")?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    Response::new_with_opt_u8_array_and_init(Some(entry), &init)
}

/// Below the site's own address: nothing is ever served there.
fn address(errand: &Errand) -> String {
    let settings = &errand.settings;
    let name = settings
        .identity
        .seal
        .name(settings.issuer_upstream.as_str());
    format!("{}/.well-known/edgeward-key-set/{name}", settings.issuer)
}
