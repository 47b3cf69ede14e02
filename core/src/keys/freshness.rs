//! How fresh an issuer's key set is: when to fetch it, and how long a fetched one may be used.
//!
//! A state machine and nothing else: it fetches nothing, reads no clock and draws no lots. Whoever has the means does what is
//! advised here and reports back. Requests coalesce by looking at this state, never by awaiting another request's promise,
//! which Workers forbid. The state may be lost at any moment; an empty one is always safe, it only costs one fetch.
//!
//! Three kinds of fetches are kept apart, so that none can hinder another: refreshes, which good tokens live on, wait after
//! failures; fetches for unknown key ids, which anybody can provoke, have a cooldown that their own number cannot prolong; and those
//! for a document of the issuer's own have another one. A key
//! that is published while invented ids pour in is therefore known at the latest [`UNKNOWN_KEY_COOLDOWN_SECONDS`] and one fetch
//! after the first token that names it, and earlier if a refresh falls due.

use alloc::string::String;
use alloc::sync::Arc;

use crate::time::UnixTime;

/// A set older than this is refreshed behind the requests: the delay after which a new key is known everywhere, and a removed
/// one nowhere, without anybody asking.
pub const SOFT_TTL_SECONDS: i64 = 5 * 60;
/// A set older than this is used only while refreshes fail: after a failure until the next attempt is due, and
/// [`FETCH_LEASE_SECONDS`] more, so that who comes often never waits for that attempt. An instance that nobody asked for hours would otherwise judge its
/// first tokens by the keys of hours ago; instead they wait for one fetch, as on an instance that has just started.
pub const UNCONFIRMED_TTL_SECONDS: i64 = 15 * 60;
/// A set older than this is no longer used, because by then a withdrawn key must be gone even if the issuer cannot be reached.
pub const HARD_TTL_SECONDS: i64 = 24 * 60 * 60;
/// At most one fetch in this time because of unknown key ids, because anybody can send tokens with invented ones.
pub const UNKNOWN_KEY_COOLDOWN_SECONDS: i64 = 30;
/// At most one fetch in this time because of a key that signed a document of the issuer's own. Nobody else can provoke it, and it
/// must not wait for what anybody can: while the feed of ended sessions cannot be read, they are not known to have ended.
const DOCUMENT_KEY_COOLDOWN_SECONDS: i64 = 1;
/// A fetch that has not reported back after this time is taken for dead, because a runtime may drop the work of a client that
/// went away and then nobody reports. Whoever fetches must give up sooner than this.
pub const FETCH_LEASE_SECONDS: i64 = 8;
/// The wait after a first failure; it doubles with each further one, because an issuer in trouble must not be hammered.
pub const FIRST_BACKOFF_SECONDS: i64 = 1;
/// The longest wait between two attempts, because recovery should be noticed within a minute.
pub const LONGEST_BACKOFF_SECONDS: i64 = 60;
/// Requests that overlap tell the time in any order, by as much as one may wait for a fetch. Beyond that the clock was set back.
pub const OVERLAP_SECONDS: i64 = 10;

const _: () = assert!(
    SOFT_TTL_SECONDS < UNCONFIRMED_TTL_SECONDS && UNCONFIRMED_TTL_SECONDS < HARD_TTL_SECONDS,
    "a set is refreshed before it is doubted, and doubted before it is dropped"
);
const _: () = assert!(
    FETCH_LEASE_SECONDS < OVERLAP_SECONDS,
    "who waited for a fetch is no sign of a clock that was set back"
);
const _: () = assert!(
    LONGEST_BACKOFF_SECONDS * 5 / 4 + FETCH_LEASE_SECONDS < SOFT_TTL_SECONDS,
    "an issuer that is back is asked sooner than one that never was away"
);

/// How it stands with the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Younger than its soft life: used as it is.
    Fresh,
    /// Past its soft life; the next request takes a refresh with it. Still used, but past [`UNCONFIRMED_TTL_SECONDS`] only if a
    /// refresh has just failed.
    Stale,
    /// A fetch is under way. Requests that have a set go on with it, the others wait.
    Refreshing,
    /// The last refresh failed and the next one has to wait. A set within its hard life goes on being used.
    Cooling,
    /// There is no set that may be used, and nobody fetches one yet.
    Expired,
}

/// Why a request asks for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No usable set was at hand.
    AnySet,
    /// The set of this generation lacks the token's key.
    NewerThan(u64),
    /// The set of this generation lacks the key of a document that the issuer itself has just sent.
    ForDocument(u64),
}

/// What the asking request should do.
#[derive(Debug, PartialEq, Eq)]
pub enum Advice<S> {
    /// Judge with this set.
    Use(Current<S>),
    /// Fetch the set now and report with this ticket.
    Fetch(Ticket),
    /// Another request is fetching; look again in a moment.
    Wait,
    /// Nothing better will come: judge with what there is.
    Settle,
}

/// Where a set came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The issuer itself.
    Issuer,
    /// A cache that several instances share; the issuer may have a newer one.
    SharedCache,
}

/// A set that may be used, and its place in the sequence of loaded sets.
#[derive(Debug, PartialEq, Eq)]
pub struct Current<S> {
    /// The keys.
    pub set: Arc<S>,
    /// Counts how often a set was loaded or confirmed.
    pub generation: u64,
    /// Where it came from.
    pub source: Source,
}

impl<S> Clone for Current<S> {
    fn clone(&self) -> Self {
        Self {
            set: Arc::clone(&self.set),
            generation: self.generation,
            source: self.source,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    NoSet,
    OldSet,
    UnknownKey,
    Document,
}

/// The right to fetch once, and the duty to report: [`Freshness::loaded`], [`Freshness::unchanged`] or [`Freshness::failed`].
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Fetches count up, so that an older one that ends later is recognised.
    number: u64,
    since: UnixTime,
    cause: Cause,
    /// The entity tag of the set in force, and the fetch that brought that set.
    held: Option<(String, u64)>,
}

impl Ticket {
    /// The entity tag to send as `If-None-Match`. Without one, there is nothing that could be unchanged.
    #[must_use]
    pub fn entity_tag(&self) -> Option<&str> {
        self.held.as_ref().map(|(tag, _)| tag.as_str())
    }

    /// When the fetch began, which is what the age of a fetched set counts from.
    #[must_use]
    pub const fn since(&self) -> UnixTime {
        self.since
    }

    /// Whether a shared cache may answer instead of the issuer: only where there is no set at all. A refresh and an unknown key
    /// want what is newer than anything that is kept.
    #[must_use]
    pub fn may_use_shared_cache(&self) -> bool {
        self.cause == Cause::NoSet
    }

    /// Whether what a shared cache holds since `loaded_at` may spare the way to the issuer. What is older may only stand in for
    /// an issuer that does not answer, see [`Freshness::stands_in`].
    #[must_use]
    pub fn may_use_kept_since(&self, loaded_at: UnixTime) -> bool {
        self.may_use_shared_cache() && within(loaded_at, SOFT_TTL_SECONDS, self.since)
    }
}

struct Held<S> {
    current: Current<S>,
    entity_tag: Option<String>,
    loaded_at: UnixTime,
    /// The fetch that brought or confirmed it.
    by: u64,
}

struct Failure {
    at: UnixTime,
    wait_seconds: i64,
    count: u32,
}

/// The key set of one instance and the state of fetching it.
pub struct Freshness<S> {
    held: Option<Held<S>>,
    /// Number and beginning of the latest fetch that has not reported.
    under_way: Option<(u64, UnixTime)>,
    failure: Option<Failure>,
    asked_for_unknown_at: Option<UnixTime>,
    asked_for_document_at: Option<UnixTime>,
    fetches: u64,
    generations: u64,
}

/// Whether `now` lies less than `seconds` after `then`. A clock that was set back does not hold anything up.
fn within(then: UnixTime, seconds: i64, now: UnixTime) -> bool {
    (-OVERLAP_SECONDS..seconds).contains(&now.seconds_since(then))
}

/// Whether a shared cache should let go of the set that it holds since `kept_since` for one that was loaded at `loaded_at`.
/// Fetches end in any order, so a younger one stays; but not one that nobody may use, or that seems to come from the future.
#[must_use]
pub fn may_replace_kept(loaded_at: UnixTime, kept_since: UnixTime, now: UnixTime) -> bool {
    kept_since <= loaded_at || !within(kept_since, HARD_TTL_SECONDS, now)
}

impl<S> Freshness<S> {
    /// The state of an instance that has just started.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            held: None,
            under_way: None,
            failure: None,
            asked_for_unknown_at: None,
            asked_for_document_at: None,
            fetches: 0,
            generations: 0,
        }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: UnixTime) -> State {
        let age = self
            .held
            .as_ref()
            .map(|held| now.seconds_since(held.loaded_at));
        let cooling = self
            .failure
            .as_ref()
            .is_some_and(|failure| within(failure.at, failure.wait_seconds, now));
        if self
            .under_way
            .is_some_and(|(_, since)| within(since, FETCH_LEASE_SECONDS, now))
        {
            return State::Refreshing;
        }
        match age {
            Some(age) if age < SOFT_TTL_SECONDS => State::Fresh,
            _ if cooling => State::Cooling,
            Some(age) if age < HARD_TTL_SECONDS => State::Stale,
            Some(_) | None => State::Expired,
        }
    }

    /// The set to judge with, if there is one within its life.
    #[must_use]
    pub fn current(&self, now: UnixTime) -> Option<Current<S>> {
        // A failure says nothing about the issuer of the time after the next attempt.
        let just_failed = self.failure.as_ref().is_some_and(|failure| {
            let vouches = failure.wait_seconds.saturating_add(FETCH_LEASE_SECONDS);
            within(failure.at, vouches, now)
        });
        let life = if just_failed {
            HARD_TTL_SECONDS
        } else {
            UNCONFIRMED_TTL_SECONDS
        };
        self.held
            .as_ref()
            .filter(|held| now.seconds_since(held.loaded_at) < life)
            .map(|held| held.current.clone())
    }

    /// The set that was loaded last, however old. A new one can take work over from it; nothing is judged by it.
    #[must_use]
    pub fn latest(&self) -> Option<&S> {
        self.held.as_ref().map(|held| &*held.current.set)
    }

    /// A ticket if the caller should refresh the set behind its request.
    pub fn claim_refresh(&mut self, now: UnixTime) -> Option<Ticket> {
        self.heed_clock(now);
        (self.state(now) == State::Stale).then(|| self.claim(Cause::OldSet, now))
    }

    /// What a request that cannot be judged yet should do.
    pub fn advise(&mut self, wanted: Wanted, now: UnixTime) -> Advice<S> {
        self.heed_clock(now);
        let cause = match (self.current(now), wanted) {
            (None, _) => Cause::NoSet,
            (Some(current), Wanted::AnySet) => return Advice::Use(current),
            (Some(current), Wanted::NewerThan(had) | Wanted::ForDocument(had))
                if current.generation > had =>
            {
                return Advice::Use(current);
            }
            (Some(_), Wanted::NewerThan(_)) => Cause::UnknownKey,
            (Some(_), Wanted::ForDocument(_)) => Cause::Document,
        };
        let state = self.state(now);
        if state == State::Refreshing {
            return Advice::Wait;
        }
        let cooling = match cause {
            Cause::UnknownKey => {
                Some((&mut self.asked_for_unknown_at, UNKNOWN_KEY_COOLDOWN_SECONDS))
            }
            Cause::Document => Some((
                &mut self.asked_for_document_at,
                DOCUMENT_KEY_COOLDOWN_SECONDS,
            )),
            Cause::NoSet | Cause::OldSet => None,
        };
        let must_wait = match &cooling {
            Some((asked_at, cooldown)) => asked_at.is_some_and(|at| within(at, *cooldown, now)),
            None => state == State::Cooling,
        };
        if must_wait {
            return Advice::Settle;
        }
        if let Some((asked_at, _)) = cooling {
            *asked_at = Some(now);
        }
        Advice::Fetch(self.claim(cause, now))
    }

    /// The issuer sent a good set. `false` if a set that was asked for later is in force already; then it stays.
    pub fn loaded(&mut self, ticket: &Ticket, set: S, entity_tag: Option<String>) -> bool {
        self.end(ticket);
        if self
            .held
            .as_ref()
            .is_some_and(|held| held.by >= ticket.number)
        {
            return false;
        }
        self.put(ticket, set, entity_tag, ticket.since, Source::Issuer);
        true
    }

    /// The issuer confirmed the set that the ticket's entity tag belongs to: its age begins anew. `false` if another one is in
    /// force by now, or no tag was sent.
    pub fn unchanged(&mut self, ticket: &Ticket) -> bool {
        self.end(ticket);
        let asked_about = ticket.held.as_ref().map(|(_, by)| *by);
        let Some(held) = self
            .held
            .as_mut()
            .filter(|held| Some(held.by) == asked_about)
        else {
            return false;
        };
        self.generations = self.generations.saturating_add(1);
        held.current.generation = self.generations;
        held.current.source = Source::Issuer;
        held.loaded_at = ticket.since;
        held.by = ticket.number;
        self.failure = None;
        true
    }

    /// A shared cache had a good set, as old as it says. `false` if that is no better than asking the issuer; the ticket holds
    /// on then.
    pub fn found(
        &mut self,
        ticket: &Ticket,
        set: S,
        entity_tag: Option<String>,
        loaded_at: UnixTime,
    ) -> bool {
        let superseded = self
            .held
            .as_ref()
            .is_some_and(|held| held.by >= ticket.number || held.loaded_at >= loaded_at);
        if superseded || !ticket.may_use_kept_since(loaded_at) {
            return false;
        }
        self.end(ticket);
        self.put(ticket, set, entity_tag, loaded_at, Source::SharedCache);
        true
    }

    /// The fetch brought nothing usable; the set at hand stays. `lot` is random and spreads the next attempts of many
    /// instances over a quarter of the wait.
    pub fn failed(&mut self, ticket: &Ticket, now: UnixTime, lot: u8) {
        if let Some(held) = &mut self.held {
            // What was wrong may be the conditional answer itself, so the next fetch asks for the whole set.
            held.entity_tag = None;
        }
        // A fetch that was given up for dead has a successor that reports for both; one for an unknown key has its cooldown.
        let has_cooldown = matches!(ticket.cause, Cause::UnknownKey | Cause::Document);
        if !self.end(ticket) || has_cooldown {
            return;
        }
        let before = self.failure.as_ref().map_or(0, |failure| failure.count);
        let doubled = FIRST_BACKOFF_SECONDS
            .checked_mul(1_i64.checked_shl(before.min(62)).unwrap_or(i64::MAX))
            .unwrap_or(LONGEST_BACKOFF_SECONDS);
        let wait = doubled.clamp(FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS);
        self.failure = Some(Failure {
            at: now,
            wait_seconds: wait.saturating_add(wait.saturating_mul(i64::from(lot)) / 1024),
            count: before.saturating_add(1),
        });
    }

    /// After [`Freshness::failed`]: a shared cache has a good set past its soft life. An instance that has just started uses it as
    /// one that had loaded it itself would: while refreshes fail, within its hard life. `false` if there is a younger set already,
    /// or if this one is too old.
    pub fn stands_in(&mut self, ticket: &Ticket, set: S, loaded_at: UnixTime) -> bool {
        let is_younger = |held: &Held<S>| held.loaded_at < loaded_at && held.by < ticket.number;
        let can = self.held.as_ref().is_none_or(is_younger)
            && ticket.may_use_shared_cache()
            && within(loaded_at, HARD_TTL_SECONDS, ticket.since);
        if can {
            let failure = self.failure.take();
            // Without its tag, for what failed may be the answer to it.
            self.put(ticket, set, None, loaded_at, Source::SharedCache);
            self.failure = failure;
        }
        can
    }

    /// A set that seems to come from the future was loaded before the clock was set back. How old it is cannot be known any
    /// more: it is due for a refresh, and without one used for a day of the new time at most.
    fn heed_clock(&mut self, now: UnixTime) {
        if let Some(held) = &mut self.held
            && now.seconds_since(held.loaded_at) < -OVERLAP_SECONDS
        {
            held.loaded_at = now.plus(-SOFT_TTL_SECONDS);
        }
    }

    fn claim(&mut self, cause: Cause, now: UnixTime) -> Ticket {
        self.fetches = self.fetches.saturating_add(1);
        self.under_way = Some((self.fetches, now));
        let held = self
            .held
            .as_ref()
            .and_then(|held| Some((held.entity_tag.clone()?, held.by)));
        Ticket {
            number: self.fetches,
            since: now,
            cause,
            held,
        }
    }

    /// Whether the fetch was still the latest.
    fn end(&mut self, ticket: &Ticket) -> bool {
        let latest = self
            .under_way
            .is_some_and(|(number, _)| number == ticket.number);
        if latest {
            self.under_way = None;
        }
        latest
    }

    fn put(
        &mut self,
        ticket: &Ticket,
        set: S,
        entity_tag: Option<String>,
        loaded_at: UnixTime,
        source: Source,
    ) {
        self.generations = self.generations.saturating_add(1);
        self.held = Some(Held {
            current: Current {
                set: Arc::new(set),
                generation: self.generations,
                source,
            },
            entity_tag,
            loaded_at,
            by: ticket.number,
        });
        self.failure = None;
    }
}
