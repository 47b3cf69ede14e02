//! One reading of the feed to its end, with everything that can be wrong about an answer.

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::revocation::{FEED_TYPE, MAX_PAGE_BYTES, Page, PageFault};
use edgeward_core::time::Moment;
use wasm_bindgen::JsValue;
use web_sys::{AbortController, AbortSignal, Headers, Request};
use worker::Context;

use super::{asks_from, take};
use crate::worker::body::{self, Unread};
use crate::worker::keys::{self, Errand};
use crate::worker::{outbound, platform};

/// The address of the feed at the issuer.
const FEED_PATH: &str = "/.well-known/edgeward-revocations";
/// Shorter than the lease of a fetch (`core::revocation::LEASE_MILLISECONDS`), after which another request takes over. No request
/// waits as long; a new isolate may read a hundred thousand entries in it.
const TIMEOUT_MILLISECONDS: i32 = 6_000;
/// Because as many full pages hold more entries than the set may.
const MAX_PAGES: usize = 64;

/// Why the feed was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NotSent,
    Unreachable,
    TooSlow,
    Status,
    Broken,
    TooMany,
    NoKeys,
    Page(PageFault),
}

impl Failure {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NotSent => "request-not-made",
            Self::Unreachable => "issuer-unreachable",
            Self::TooSlow => "issuer-too-slow",
            Self::Status => "status-not-200",
            Self::Broken => "body-broke-off",
            Self::TooMany => "too-many-revocations",
            Self::NoKeys => "no-keys",
            Self::Page(fault) => fault.reason(),
        }
    }
}

/// Asks page by page until there is no more.
pub(super) async fn to_the_end(
    errand: &Errand,
    context: Context,
    now: Moment,
) -> Result<(), Failure> {
    let abort = AbortController::new().map_err(|_| Failure::NotSent)?;
    let signal = abort.signal();
    let errand = errand.clone();
    let pages = async move {
        for _ in 0..MAX_PAGES {
            let page = page(&errand, &context, &signal).await?;
            take(&page, now)?;
            if !page.has_more() {
                return Ok(());
            }
        }
        Err(Failure::TooMany)
    };
    let read = platform::within(TIMEOUT_MILLISECONDS, pages).await;
    read.unwrap_or_else(|| {
        abort.abort();
        Err(Failure::TooSlow)
    })
}

async fn page(errand: &Errand, context: &Context, abort: &AbortSignal) -> Result<Page, Failure> {
    let after = asks_from();
    let request = request(errand, after, abort).map_err(|_| Failure::NotSent)?;
    let response = platform::fetch(&request)
        .await
        .map_err(|_| Failure::Unreachable)?;
    // A redirect is not followed: only the issuer's own answer says where the feed goes on.
    if response.status() != 200 {
        return Err(Failure::Status);
    }
    let body = body::read(&response, MAX_PAGE_BYTES)
        .await
        .map_err(|unread| match unread {
            Unread::Broken => Failure::Broken,
            Unread::TooLarge => Failure::Page(PageFault::TooLarge),
        })?;
    let known = keys::current(errand.now);
    let judge = |keys: &KeySet| {
        let asked = (after, errand.request_id.as_str());
        let expect = &errand.settings.expect_feed;
        Page::read(&body, asked, keys, expect, errand.now)
    };
    let judged = known.as_ref().map(|known| judge(&known.set.keys));
    match judged {
        Some(Ok(page)) => Ok(page),
        Some(Err(fault)) if fault != PageFault::Token(Reject::UnknownKey) => {
            Err(Failure::Page(fault))
        }
        // The issuer signs with a key that it published a moment ago.
        Some(Err(_)) | None => {
            let newer = keys::obtain(errand, known.as_ref(), context).await;
            let newer = newer.ok_or(Failure::NoKeys)?;
            judge(&newer.set.keys).map_err(Failure::Page)
        }
    }
}

fn request(errand: &Errand, after: u64, abort: &AbortSignal) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", &format!("application/{FEED_TYPE}"))?;
    let target = match after {
        0 => FEED_PATH.to_owned(),
        after => format!("{FEED_PATH}?after={after}"),
    };
    let own = outbound::own_proof_headers(
        &errand.settings,
        "GET",
        &target,
        &errand.request_id,
        errand.now,
    )
    .map_err(|_| JsValue::UNDEFINED)?;
    let url = [errand.settings.issuer_upstream.as_str(), &target].concat();
    platform::own_request(&url, &headers, own, abort)
}
