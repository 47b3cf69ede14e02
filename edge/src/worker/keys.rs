//! The issuer's key set: fetched from the issuer, kept for the isolate.
//!
//! When to fetch and how long a set counts is decided by `core::keys::Freshness`; here it is done. A set that is redirected,
//! too large, unreadable or empty is a failure and never takes the place of a good one. Only a cold isolate looks into the
//! cache that isolates share; a refresh and an unknown key go to the issuer, and what the issuer says of its set goes there.

mod fetch;
mod cache;
mod seal;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edgeward_core::keys::{Advice, Freshness, KeySet, Source, Ticket, Wanted};
use edgeward_core::reject::Reject;
use edgeward_core::time::UnixTime;
use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;
use worker::Context;

use super::errand::Errand;
use super::flight::{self, Step, Stopwatch};
use super::{log, platform};
use cache::ToKeep;
use fetch::{Failure, Fetched};

pub(super) use seal::Seal;

/// A set as the issuer published it.
pub(super) struct Published {
    /// The keys.
    pub(super) keys: KeySet,
    /// The document, so that a set which the issuer confirms can be kept anew.
    body: Vec<u8>,
}

/// A set of the issuer's that may be used.
pub(super) type Current = edgeward_core::keys::Current<Published>;

/// For the log.
const NOT_KEPT_ALIVE: &str = "keys-not-kept-alive";

thread_local! {
    static KEYS: RefCell<Freshness<Published>> = const { RefCell::new(Freshness::empty()) };
}

/// The set to judge with, if one is at hand.
pub(super) fn current(now: UnixTime) -> Option<Current> {
    KEYS.with_borrow(|keys| keys.current(now))
}

/// Whether a request that began with `had` and obtained `better` has been given the best that there is.
pub(super) fn are_final(had: Option<&Current>, better: Option<&Current>) -> bool {
    // A cold isolate may have found a set in the cache; the issuer may list the token's key by now.
    had.is_some() || better.is_none_or(|better| better.source == Source::Issuer)
}

/// The best set that can be had for what could not be judged with the one at hand. It waits for the fetch
/// that is under way, and for one of its own if that brings nothing.
pub(super) async fn obtain(errand: &Errand, wanted: Wanted, context: &Context) -> Option<Current> {
    let mut step = |now| match KEYS.with_borrow_mut(|keys| keys.advise(wanted, now)) {
        Advice::Use(_) | Advice::Settle => Step::Done,
        Advice::Fetch(ticket) => Step::Fetches(load(errand, ticket, context)),
        Advice::Wait => Step::Looks,
    };
    current(flight::wait(errand.now, &mut step).await)
}

/// Lets `judge` look at the keys, and at newer ones if it says that the key is not among these, for the issuer may have published
/// one a moment ago. It is not asked where there are no keys.
pub(super) async fn judge_by(
    errand: &Errand,
    context: &Context,
    judge: &mut dyn FnMut(&KeySet) -> KeyIs,
) {
    let known = current(errand.now);
    if let Some(known) = &known
        && judge(&known.set.keys) == KeyIs::Known
    {
        return;
    }
    let wanted = known.map_or(Wanted::AnySet, |known| {
        Wanted::ForDocument(known.generation)
    });
    if let Some(newer) = obtain(errand, wanted, context).await {
        let _ = judge(&newer.set.keys);
    }
}

/// Whether the key that signed a document is among those that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum KeyIs {
    Known,
    Missing,
}

impl KeyIs {
    /// As a token's refusal, or its acceptance, shows it.
    pub(super) fn shown_by(refused: Option<Reject>) -> Self {
        if refused == Some(Reject::UnknownKey) {
            Self::Missing
        } else {
            Self::Known
        }
    }
}

/// Refreshes a set that has become old, behind the request.
pub(super) fn refresh_behind(errand: &Errand, context: &Context) {
    if let Some(ticket) = KEYS.with_borrow_mut(|keys| keys.claim_refresh(errand.now)) {
        let _ = load(errand, ticket, context);
    }
}

/// Fetches and reports. It goes on even if this client leaves, because others are looking at its outcome; what is returned
/// is fulfilled when it has reported.
fn load(errand: &Errand, ticket: Ticket, context: &Context) -> Promise {
    let watch = Stopwatch::at(errand.now);
    let entry = Rc::new(Cell::new(None));
    let (own, place) = (errand.clone(), Rc::clone(&entry));
    let reported = platform::begin(async move {
        place.set(load_and_report(&own, &ticket).await);
    });
    flight::keep_alive(context, &reported, NOT_KEPT_ALIVE);
    let own = errand.clone();
    let outcome = reported.clone();
    // Behind the report, so that nobody waits until it is kept.
    let kept = platform::begin(async move {
        // Never rejected.
        let _ = JsFuture::from(outcome).await;
        if let Some(entry) = entry.take() {
            cache::keep(&own, entry, watch.now()).await;
        }
    });
    flight::keep_alive(context, &kept, NOT_KEPT_ALIVE);
    reported
}

/// What is to be kept for other isolates, if anything.
async fn load_and_report(errand: &Errand, ticket: &Ticket) -> Option<ToKeep> {
    let watch = Stopwatch::at(errand.now);
    let mut old = None;
    if ticket.may_use_shared_cache()
        && let Some(kept) = cache::look(errand).await
    {
        if !ticket.may_use_kept_since(kept.loaded_at) {
            old = Some(kept);
        } else if KEYS.with_borrow_mut(|keys| {
            keys.found(ticket, kept.published, kept.entity_tag, kept.loaded_at)
        }) {
            return None;
        }
    }
    match fetch::fetch(errand, ticket.entity_tag()).await {
        Ok(Fetched::Set {
            mut published,
            entity_tag,
        }) => {
            let entry = cache::to_keep(errand, &published, entity_tag.as_deref(), ticket.since());
            let taken = KEYS.with_borrow_mut(|keys| {
                take_over(&mut published.keys, keys);
                keys.loaded(ticket, published, entity_tag)
            });
            taken.then_some(entry)
        }
        // The entry is made anew as well: an isolate that starts later shall find the set as young as it is.
        Ok(Fetched::Unchanged) => KEYS.with_borrow_mut(|keys| {
            keys.unchanged(ticket).then_some(())?;
            let published = keys.latest()?;
            let tag = ticket.entity_tag();
            Some(cache::to_keep(errand, published, tag, ticket.since()))
        }),
        Err(failure) => {
            report_failure(errand, ticket, failure, watch.now());
            if let Some(kept) = old {
                KEYS.with_borrow_mut(|keys| keys.stands_in(ticket, kept.published, kept.loaded_at));
            }
            None
        }
    }
}

/// Lets a set that was just read have what was prepared for the keys of the one before it.
fn take_over(set: &mut KeySet, before: &Freshness<Published>) {
    if let Some(older) = before.latest() {
        set.adopt(&older.keys);
    }
}

fn report_failure(errand: &Errand, ticket: &Ticket, failure: Failure, now: UnixTime) {
    KEYS.with_borrow_mut(|keys| keys.failed(ticket, now, platform::lot()));
    log::line(
        "warn",
        "keys-not-loaded",
        &[
            ("requestId", &errand.request_id),
            ("reason", failure.reason()),
        ],
    );
}
