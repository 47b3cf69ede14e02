//! One reading of the feed to its end, with everything that can be wrong about an answer.

use edgeward_core::keys::KeySet;
use edgeward_core::revocation::{FEED_TYPE, MAX_PAGE_BYTES, Page, PageFault};
use edgeward_core::tally::TALLY_HEADER;
use edgeward_core::time::Moment;
use edgeward_core::token::ARRIVALS_HEADER;
use web_sys::{AbortController, AbortSignal};
use worker::Context;

use super::{asks_from, take};
use crate::worker::document::{self, Missing, Wanted};
use crate::worker::errand::Errand;
use crate::worker::judge;
use crate::worker::keys::{self, KeyIs};
use crate::worker::platform;
use crate::worker::proof::Asker;
use crate::worker::tally::Snapshot;

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
    Missing(Missing),
    TooMany,
    NoKeys,
    Page(PageFault),
}

impl Failure {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Missing(Missing::TooLarge) => PageFault::TooLarge.reason(),
            Self::Missing(missing) => missing.reason(),
            Self::TooMany => "too-many-revocations",
            Self::NoKeys => "no-keys",
            Self::Page(fault) => fault.reason(),
        }
    }
}

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// Asks page by page until there is no more.
pub(super) async fn to_the_end(
    errand: &Errand,
    context: Context,
    now: Moment,
) -> Result<(), Failure> {
    let abort = AbortController::new().map_err(|_| Missing::NotSent)?;
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
        Err(Missing::TooSlow.into())
    })
}

async fn page(errand: &Errand, context: &Context, abort: &AbortSignal) -> Result<Page, Failure> {
    let after = asks_from();
    let target = match after {
        0 => FEED_PATH.to_owned(),
        after => format!("{FEED_PATH}?after={after}"),
    };
    let accept = format!("application/{FEED_TYPE}");
    let counted = Snapshot::take();
    let arrived = judge::untold_arrivals();
    let tells = [
        (TALLY_HEADER, counted.untold()),
        (ARRIVALS_HEADER, arrived.clone()),
    ];
    let wanted = Wanted {
        target: &target,
        accept: &accept,
        asker: Asker::TheEdge,
        entity_tag: None,
        tells: &tells,
    };
    let body = document::read(errand, wanted, MAX_PAGE_BYTES, abort).await?;
    counted.was_told();
    if let Some(arrived) = arrived {
        judge::arrivals_were_told(&arrived);
    }
    let mut judged = Err(Failure::NoKeys);
    let mut judge = |keys: &KeySet| {
        let asked = (after, errand.request_id.as_str());
        let expect = &errand.settings.expect_feed;
        let page = Page::read(&body, asked, keys, expect, errand.now);
        let refused = match page {
            Err(PageFault::Token(reject)) => Some(reject),
            Err(_) | Ok(_) => None,
        };
        judged = page.map_err(Failure::Page);
        KeyIs::shown_by(refused)
    };
    keys::judge_by(errand, context, &mut judge).await;
    judged
}
