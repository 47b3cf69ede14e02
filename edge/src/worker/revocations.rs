//! The feed of ended sessions: read from the issuer, kept for the isolate.
//!
//! When to ask and how long an answer counts is decided by `core::revocation::Feed`; here it is done. A page that is redirected, too
//! large, unreadable, old or not signed by the issuer changes nothing. No isolate hands the feed to another: what one of them
//! knew a moment ago is what a request wants to be spared.

mod fetch;

use std::cell::{Cell, RefCell};

use edgeward_core::gate::Decision;
use edgeward_core::revocation::{
    Advice, Consulted, Feed, Mode, PATIENCE_MILLISECONDS, Revocations, State, Ticket,
};
use edgeward_core::tally::Counted;
use edgeward_core::time::Moment;
use js_sys::Promise;
use worker::Context;

use super::errand::Errand;
use super::flight::{self, Looks};
use super::request::Inbound;
use super::{log, platform, tally};
use fetch::Failure;

/// Because a fetch takes about this long; looking more often costs timers and gains nothing.
const LONGEST_LOOK_MILLISECONDS: i32 = 16;

thread_local! {
    static FEED: RefCell<Feed> = const { RefCell::new(Feed::empty()) };
    static COUNTS: Cell<Counts> = const { Cell::new(Counts::NONE) };
}

/// What happened since the isolate started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Times that the feed was asked for.
    pub(super) fetches: u64,
    /// Of these, how many brought nothing acceptable.
    pub(super) failures: u64,
}

impl Counts {
    const NONE: Self = Self {
        fetches: 0,
        failures: 0,
    };
}

fn count(change: impl FnOnce(&mut Counts)) {
    let mut counts = COUNTS.get();
    change(&mut counts);
    COUNTS.set(counts);
}

/// How it stands with the feed of this isolate.
pub(super) fn standing() -> (State, Counts) {
    (FEED.with_borrow(Feed::state), COUNTS.get())
}

/// Hands the feed as it is to a decision about this request. How it was used is noted in `consulted`.
pub(super) fn with<D>(
    inbound: &Inbound,
    is_final: bool,
    consulted: &Cell<Option<Consulted>>,
    decide: impl FnOnce(Revocations<'_>) -> D,
) -> D {
    FEED.with_borrow(|feed| decide(Revocations::new(feed, inbound.moment, is_final, consulted)))
}

/// Begins to read the feed, behind the request, if it was never read.
pub(super) fn begin(errand: &Errand, inbound: &Inbound, context: &Context) {
    let claim = |feed: &mut Feed| match feed.state() {
        State::Unread => feed.claim_refresh(Mode::default(), inbound.moment),
        State::Read | State::Failing => None,
    };
    if let Some(ticket) = FEED.with_borrow_mut(claim) {
        let _ = load(errand, ticket, inbound.moment, context);
    }
}

/// Makes the feed as current as this mode wants, as far as that can be done in time.
pub(super) async fn obtain(errand: &Errand, mode: Mode, inbound: &Inbound, context: &Context) {
    let began = platform::moment();
    let mut looks = Looks::up_to(LONGEST_LOOK_MILLISECONDS);
    loop {
        let waited = platform::moment().milliseconds_since(began);
        let now = inbound.moment.plus(waited);
        match FEED.with_borrow_mut(|feed| feed.advise(mode, inbound.moment, now)) {
            Advice::Use | Advice::Settle => return,
            Advice::Fetch(ticket) => {
                let report = load(errand, ticket, now, context);
                let patience = PATIENCE_MILLISECONDS.saturating_sub(waited);
                platform::wait_for(&report, i32::try_from(patience).unwrap_or(0)).await;
                return;
            }
            // It ends: waiting takes time, and after some of it the advice is another.
            Advice::Wait => looks.pause().await,
        }
    }
}

/// After a decision that asks for nothing more (another one changes nothing): notes what was judged without a current feed, and
/// refreshes behind the request one that has become old.
pub(super) fn follow_up(
    decision: &Decision,
    consulted: Option<Consulted>,
    errand: impl FnOnce() -> Errand,
    inbound: &Inbound,
    context: &Context,
) {
    let Some(Consulted { mode, was_current }) = consulted else {
        return;
    };
    let passed = match decision {
        Decision::Forward(_) | Decision::Answer(_) => true,
        Decision::Redirect(_) | Decision::Refuse(_) | Decision::AnswerPreflight(_) => false,
        // It is decided again, with what is brought in front of it.
        Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_) => return,
    };
    if passed && !was_current {
        tally::add(Counted::Unconfirmed, 1);
    }
    let claim = |feed: &mut Feed| feed.claim_refresh(mode, inbound.moment);
    if let Some(ticket) = FEED.with_borrow_mut(claim) {
        let _ = load(&errand(), ticket, inbound.moment, context);
    }
}

/// Reads the feed to its end and reports. It goes on even if this client leaves, because others are looking at its outcome; what is
/// returned is fulfilled when it has reported.
fn load(errand: &Errand, ticket: Ticket, now: Moment, context: &Context) -> Promise {
    count(|counts| counts.fetches += 1);
    let errand = errand.clone();
    let own = flight::again(context);
    let reported = platform::begin(async move {
        let began = platform::moment();
        let outcome = fetch::to_the_end(&errand, own, now).await;
        let now = now.plus(platform::moment().milliseconds_since(began));
        report(&errand, &ticket, outcome, now);
    });
    flight::keep_alive(context, &reported, "revocations-not-kept-alive");
    reported
}

fn report(errand: &Errand, ticket: &Ticket, outcome: Result<(), Failure>, now: Moment) {
    let before = FEED.with_borrow(Feed::state);
    match outcome {
        Ok(()) => {
            FEED.with_borrow_mut(|feed| feed.ended(ticket));
            if before == State::Failing {
                let passed = tally::count(Counted::Unconfirmed).to_string();
                log::line(
                    "info",
                    "revocations-loaded-again",
                    &[
                        ("requestId", &errand.request_id),
                        ("passedUnconfirmed", &passed),
                    ],
                );
            }
        }
        Err(failure) => {
            FEED.with_borrow_mut(|feed| feed.failed(ticket, now, platform::lot()));
            count(|counts| counts.failures += 1);
            log::line(
                "warn",
                "revocations-not-loaded",
                &[
                    ("requestId", &errand.request_id),
                    ("reason", failure.reason()),
                ],
            );
        }
    }
}

/// What is known is changed page by page, so that what was read counts even if the rest does not come.
fn take(page: &edgeward_core::revocation::Page, now: Moment) -> Result<(), Failure> {
    FEED.with_borrow_mut(|feed| feed.page(page, now))
        .map_err(|_| Failure::TooMany)
}

fn asks_from() -> u64 {
    FEED.with_borrow(Feed::asks_from)
}
