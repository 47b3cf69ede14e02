//! What an instance knows of the feed, how old it is, and when to ask again.
//!
//! A state machine and nothing else: it fetches nothing, reads no clock and draws no lots. Requests coalesce by looking at this
//! state, never by awaiting another request's promise, which Workers forbid. It may be lost at any moment; an empty one is
//! always safe, because it knows that it knows nothing.
//!
//! The age of the feed counts from the beginning of the fetch that read it to its end, and a request is judged by the age at the
//! moment of its arrival. So what was revoked a second before a request came is known when that request is judged.

use super::mode::Mode;
use super::page::Page;
use super::set::{Full, RevocationSet};
use crate::time::Moment;

/// What a page says may be so old already when the issuer gives it out, because many edges ask it the same.
pub const ISSUER_HOLDS_MILLISECONDS: i64 = 250;
/// How old the answer may be on a bounded and on a strict route, so that the feed is a second old at most.
pub const BOUND_MILLISECONDS: i64 = 1_000 - ISSUER_HOLDS_MILLISECONDS;
/// From this age on a request takes a refresh with it, so that on a busy instance nobody ever waits: the refresh has the other half
/// of the bound to arrive.
pub const REFRESH_MILLISECONDS: i64 = BOUND_MILLISECONDS / 2;
/// A request waits no longer than this for a fetch, because a strict route owes an answer within a second.
pub const PATIENCE_MILLISECONDS: i64 = 900;
/// A fetch that has not reported back after this time is taken for dead, because a runtime may drop the work of a client that
/// went away. Whoever fetches must give up sooner than this.
pub const LEASE_MILLISECONDS: i64 = 8_000;
/// The wait after a first failure; it doubles with each further one, because an issuer in trouble must not be hammered.
pub const FIRST_BACKOFF_MILLISECONDS: i64 = 1_000;
/// The longest wait between two attempts. Short, because while it lasts revoked tokens are good and strict routes are closed.
pub const LONGEST_BACKOFF_MILLISECONDS: i64 = 8_000;
/// Requests that overlap tell the time in any order. Beyond this the clock was set back, and no age can be believed.
const OVERLAP_MILLISECONDS: i64 = 10_000;
/// Because what is to be forgotten was of an hour ago, and looking for it goes through the whole set.
const PRUNED_EVERY_MILLISECONDS: i64 = 300_000;

/// How it stands with the feed, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Never read to its end.
    Unread,
    /// Read to its end, however long ago.
    Read,
    /// The last attempt failed.
    Failing,
}

/// What the asking request should do.
#[derive(Debug, PartialEq, Eq)]
pub enum Advice {
    /// Judge: the feed is current.
    Use,
    /// Fetch the feed now and report with this ticket.
    Fetch(Ticket),
    /// Another request is fetching; look again in a moment.
    Wait,
    /// Nothing better will come in time: judge with what there is.
    Settle,
}

/// The right to read the feed to its end once, and the duty to report: [`Feed::ended`] or [`Feed::failed`].
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    number: u64,
    since: Moment,
}

#[derive(Debug)]
struct Failure {
    at: Moment,
    wait_milliseconds: i64,
    count: u32,
}

/// The feed of one instance.
#[derive(Debug)]
pub struct Feed {
    set: RevocationSet,
    /// The number to ask from.
    last: u64,
    /// Beginning and number of the latest fetch that read the feed to its end.
    whole: Option<(Moment, u64)>,
    /// Number and beginning of the latest fetch that has not reported.
    under_way: Option<(u64, Moment)>,
    failure: Option<Failure>,
    fetches: u64,
    pruned_at: Option<Moment>,
}

/// Whether `now` lies less than `milliseconds` after `then`. A clock that was set back does not hold anything up.
fn within(then: Moment, milliseconds: i64, now: Moment) -> bool {
    (-OVERLAP_MILLISECONDS..milliseconds).contains(&now.milliseconds_since(then))
}

fn bound(mode: Mode) -> i64 {
    match mode {
        Mode::Bounded | Mode::Strict => BOUND_MILLISECONDS,
        Mode::Eventual { within_seconds } => i64::from(within_seconds).saturating_mul(1_000),
    }
}

impl Feed {
    /// The state of an instance that has just started.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            set: RevocationSet::new(),
            last: 0,
            whole: None,
            under_way: None,
            failure: None,
            fetches: 0,
            pruned_at: None,
        }
    }

    /// What is known to be revoked.
    #[must_use]
    pub const fn set(&self) -> &RevocationSet {
        &self.set
    }

    /// How it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        match (&self.failure, &self.whole) {
            (Some(_), _) => State::Failing,
            (None, Some(_)) => State::Read,
            (None, None) => State::Unread,
        }
    }

    /// Whether the feed is young enough for a request of this moment on a route of this mode.
    #[must_use]
    pub fn serves(&self, mode: Mode, arrived: Moment) -> bool {
        self.is_younger_than(bound(mode), arrived)
    }

    /// Whether a request that arrives now has nothing better to wait for: the last attempt failed a moment ago, or the one under
    /// way takes too long.
    #[must_use]
    pub fn is_settled(&self, now: Moment) -> bool {
        match self.under_way {
            Some((_, since)) if within(since, LEASE_MILLISECONDS, now) => {
                !within(since, PATIENCE_MILLISECONDS, now)
            }
            Some(_) | None => self.is_cooling(now),
        }
    }

    /// A ticket if a request of this moment, on a route of this mode, should take a refresh with it.
    pub fn claim_refresh(&mut self, mode: Mode, now: Moment) -> Option<Ticket> {
        if self.is_younger_than(bound(mode) / 2, now) {
            return None;
        }
        self.claim_anew(now)
    }

    /// A ticket however young the feed is, for who bears none that is older than the question; `None` while it is being read or left
    /// alone.
    pub fn claim_anew(&mut self, now: Moment) -> Option<Ticket> {
        (!self.is_being_fetched(now) && !self.is_cooling(now)).then(|| self.claim(now))
    }

    /// What a request that arrived at one moment and cannot be judged yet should do now.
    pub fn advise(&mut self, mode: Mode, arrived: Moment, now: Moment) -> Advice {
        if self.serves(mode, arrived) {
            return Advice::Use;
        }
        if self.is_being_fetched(now) {
            // Neither is waited for long by one request, nor by many one after the other.
            let in_time = [Some(arrived), self.under_way.map(|(_, since)| since)]
                .into_iter()
                .flatten()
                .all(|since| within(since, PATIENCE_MILLISECONDS, now));
            return if in_time {
                Advice::Wait
            } else {
                Advice::Settle
            };
        }
        if self.is_cooling(now) {
            return Advice::Settle;
        }
        Advice::Fetch(self.claim(now))
    }

    /// The number to ask from next.
    #[must_use]
    pub const fn asks_from(&self) -> u64 {
        self.last
    }

    /// A page came. What it revokes is revoked, also if it came late or begins anew: an entry is never taken back before its time,
    /// not even by an issuer whose database was restored from an older copy.
    ///
    /// # Errors
    /// [`Full`]: the feed is longer than the set may be, so it cannot be read to its end.
    pub fn page(&mut self, page: &Page, now: Moment) -> Result<(), Full> {
        let is_due = |at| !within(at, PRUNED_EVERY_MILLISECONDS, now);
        if self.pruned_at.is_none_or(is_due) {
            self.set.prune(now.time());
            self.pruned_at = Some(now);
        }
        for (kind, id, at) in &page.entries {
            self.set.insert(*kind, id, *at)?;
        }
        // A page of a fetch that was given up for dead tells nothing new about where to go on.
        if page.after == self.last || page.after == 0 {
            self.last = page.last;
        }
        Ok(())
    }

    /// The feed was read to its end.
    pub fn ended(&mut self, ticket: &Ticket) {
        self.close(ticket);
        if self.whole.is_none_or(|(_, number)| number < ticket.number) {
            self.whole = Some((ticket.since, ticket.number));
            self.failure = None;
        }
    }

    /// It was not. What is known stays; what pages came before is kept, and the next fetch goes on behind them. `lot` is random
    /// and spreads the next attempts of many instances over a quarter of the wait.
    pub fn failed(&mut self, ticket: &Ticket, now: Moment, lot: u8) {
        // A fetch that was given up for dead has a successor that reports for both.
        if !self.close(ticket) {
            return;
        }
        let before = self.failure.as_ref().map_or(0, |failure| failure.count);
        let wait = FIRST_BACKOFF_MILLISECONDS
            .saturating_mul(1_i64.checked_shl(before.min(16)).unwrap_or(1))
            .min(LONGEST_BACKOFF_MILLISECONDS);
        self.failure = Some(Failure {
            at: now,
            wait_milliseconds: wait.saturating_add(wait.saturating_mul(i64::from(lot)) / 1024),
            count: before.saturating_add(1),
        });
    }

    fn is_younger_than(&self, milliseconds: i64, now: Moment) -> bool {
        self.whole
            .is_some_and(|(since, _)| within(since, milliseconds, now))
    }

    fn is_being_fetched(&self, now: Moment) -> bool {
        self.under_way
            .is_some_and(|(_, since)| within(since, LEASE_MILLISECONDS, now))
    }

    fn is_cooling(&self, now: Moment) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|failure| within(failure.at, failure.wait_milliseconds, now))
    }

    fn claim(&mut self, now: Moment) -> Ticket {
        self.fetches = self.fetches.saturating_add(1);
        self.under_way = Some((self.fetches, now));
        Ticket {
            number: self.fetches,
            since: now,
        }
    }

    /// Whether the fetch was still the latest.
    fn close(&mut self, ticket: &Ticket) -> bool {
        let latest = self
            .under_way
            .is_some_and(|(number, _)| number == ticket.number);
        if latest {
            self.under_way = None;
        }
        latest
    }
}
