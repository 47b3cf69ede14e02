//! When to fetch the issuer's key set, and how long a fetched set may be used.
//!
//! A state machine and nothing else: it fetches nothing, reads no clock and draws no lots. `keys.rs` does what is advised
//! here. Requests coalesce by looking at this state, never by awaiting another request's promise, which Workers forbid.
//! The state lives and dies with the isolate; an empty state is always safe, it only costs one fetch.

use std::rc::Rc;

use edgeward_core::time::UnixTime;

/// A set older than this is refreshed behind the request: the delay after which a newly published key is known everywhere.
pub(super) const SOFT_TTL_SECONDS: i64 = 5 * 60;
/// A set older than this is no longer used, because by then a withdrawn key must be gone even if the issuer cannot be reached.
pub(super) const HARD_TTL_SECONDS: i64 = 24 * 60 * 60;
/// At most one fetch in this time because of unknown key ids, because anybody can send tokens with invented ones.
pub(super) const UNKNOWN_KEY_COOLDOWN_SECONDS: i64 = 30;
/// A fetch that has not reported back after this time is taken for dead, because the runtime drops the work of a client
/// that went away and then nobody reports. Longer than the fetch's own timeout.
pub(super) const FETCH_LEASE_SECONDS: i64 = 10;
/// The wait after a first failure; it doubles with each further one, because an issuer in trouble must not be hammered.
const FIRST_BACKOFF_SECONDS: i64 = 1;
/// The longest wait between two attempts, because recovery should be noticed within a minute.
const LONGEST_BACKOFF_SECONDS: i64 = 60;

/// Why a request asks for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No usable set was at hand.
    AnySet,
    /// The set of this generation lacks the token's key.
    NewerThan(u64),
}

/// What the asking request should do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advice<S> {
    /// Judge with this set.
    Use(Current<S>),
    /// Fetch the set now and report with [`KeyCache::loaded`] or [`KeyCache::failed`].
    Fetch,
    /// Another request is fetching; look again in a moment.
    Wait,
    /// Nothing better will come: judge with what there is.
    Settle,
}

/// A set that may be used, and its place in the sequence of loaded sets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Current<S> {
    /// The keys.
    pub(super) set: Rc<S>,
    /// Counts loads in this isolate.
    pub(super) generation: u64,
}

impl<S> Clone for Current<S> {
    fn clone(&self) -> Self {
        Self {
            set: Rc::clone(&self.set),
            generation: self.generation,
        }
    }
}

struct Failure {
    at: UnixTime,
    wait_seconds: i64,
    count: u32,
}

/// The cached key set of one isolate and the state of fetching it.
pub(super) struct KeyCache<S> {
    current: Option<(Current<S>, UnixTime)>,
    fetching_since: Option<UnixTime>,
    failure: Option<Failure>,
    asked_for_unknown_at: Option<UnixTime>,
    generations: u64,
}

/// Whether `now` lies less than `seconds` after `then`. A clock that stepped back does not hold anything up.
fn within(then: UnixTime, seconds: i64, now: UnixTime) -> bool {
    (0..seconds).contains(&now.seconds_since(then))
}

impl<S> KeyCache<S> {
    /// The state of an isolate that has just started.
    pub(super) const fn empty() -> Self {
        Self {
            current: None,
            fetching_since: None,
            failure: None,
            asked_for_unknown_at: None,
            generations: 0,
        }
    }

    /// The set to judge with, if there is one within its hard life.
    pub(super) fn current(&self, now: UnixTime) -> Option<Current<S>> {
        self.current
            .as_ref()
            .filter(|(_, loaded_at)| now.seconds_since(*loaded_at) < HARD_TTL_SECONDS)
            .map(|(current, _)| current.clone())
    }

    /// Whether the caller should refresh the set behind its request. `true` claims the fetch for the caller.
    pub(super) fn claim_refresh(&mut self, now: UnixTime) -> bool {
        let old = self
            .current
            .as_ref()
            .is_some_and(|(_, loaded_at)| now.seconds_since(*loaded_at) >= SOFT_TTL_SECONDS);
        old && !self.is_fetching(now) && !self.is_backing_off(now) && self.claim(now)
    }

    /// What a request that cannot be judged yet should do. [`Advice::Fetch`] claims the fetch for the caller.
    pub(super) fn advise(&mut self, wanted: Wanted, now: UnixTime) -> Advice<S> {
        if let Some(current) = self.current(now) {
            match wanted {
                Wanted::AnySet => return Advice::Use(current),
                Wanted::NewerThan(generation) if current.generation > generation => {
                    return Advice::Use(current);
                }
                Wanted::NewerThan(_) => {}
            }
        }
        if self.is_fetching(now) {
            return Advice::Wait;
        }
        if self.is_backing_off(now) {
            return Advice::Settle;
        }
        match wanted {
            Wanted::AnySet => {}
            Wanted::NewerThan(_) => {
                if self
                    .asked_for_unknown_at
                    .is_some_and(|at| within(at, UNKNOWN_KEY_COOLDOWN_SECONDS, now))
                {
                    return Advice::Settle;
                }
                self.asked_for_unknown_at = Some(now);
            }
        }
        self.claim(now);
        Advice::Fetch
    }

    /// The fetch brought a good set.
    pub(super) fn loaded(&mut self, set: S, now: UnixTime) {
        self.generations = self.generations.saturating_add(1);
        self.current = Some((
            Current {
                set: Rc::new(set),
                generation: self.generations,
            },
            now,
        ));
        self.fetching_since = None;
        self.failure = None;
    }

    /// The fetch brought nothing usable; the set at hand stays. `lot` is random and spreads the next attempts of many
    /// isolates over a quarter of the wait.
    pub(super) fn failed(&mut self, now: UnixTime, lot: u8) {
        let count = self
            .failure
            .as_ref()
            .map_or(0, |failure| failure.count)
            .saturating_add(1);
        let doubled = FIRST_BACKOFF_SECONDS
            .checked_shl(count.saturating_sub(1))
            .unwrap_or(LONGEST_BACKOFF_SECONDS);
        let wait = doubled.clamp(FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS);
        let wait_seconds = wait.saturating_add(wait.saturating_mul(i64::from(lot)) / 1024);
        self.fetching_since = None;
        self.failure = Some(Failure {
            at: now,
            wait_seconds,
            count,
        });
    }

    fn claim(&mut self, now: UnixTime) -> bool {
        self.fetching_since = Some(now);
        true
    }

    fn is_fetching(&self, now: UnixTime) -> bool {
        self.fetching_since
            .is_some_and(|since| within(since, FETCH_LEASE_SECONDS, now))
    }

    fn is_backing_off(&self, now: UnixTime) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|failure| within(failure.at, failure.wait_seconds, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + seconds)
    }

    fn loaded(set: &'static str) -> KeyCache<&'static str> {
        let mut cache = KeyCache::empty();
        cache.loaded(set, at(0));
        cache
    }

    #[test]
    fn of_many_requests_on_a_cold_isolate_one_fetches() {
        let mut cache = KeyCache::<&str>::empty();
        assert_eq!(cache.advise(Wanted::AnySet, at(0)), Advice::Fetch);
        for _ in 0..100 {
            assert_eq!(cache.advise(Wanted::AnySet, at(0)), Advice::Wait);
        }
        cache.loaded("keys", at(0));
        assert!(
            matches!(cache.advise(Wanted::AnySet, at(0)), Advice::Use(current) if *current.set == "keys")
        );
    }

    #[test]
    fn a_fetch_that_never_reports_is_taken_over_when_its_lease_ends() {
        let mut cache = KeyCache::<&str>::empty();
        assert_eq!(cache.advise(Wanted::AnySet, at(0)), Advice::Fetch);
        assert_eq!(
            cache.advise(Wanted::AnySet, at(FETCH_LEASE_SECONDS - 1)),
            Advice::Wait
        );
        assert_eq!(
            cache.advise(Wanted::AnySet, at(FETCH_LEASE_SECONDS)),
            Advice::Fetch
        );
    }

    #[test]
    fn a_set_is_refreshed_after_five_minutes_used_for_a_day_and_then_dropped() {
        let mut cache = loaded("keys");
        assert!(!cache.claim_refresh(at(SOFT_TTL_SECONDS - 1)));
        assert!(cache.claim_refresh(at(SOFT_TTL_SECONDS)));
        assert!(
            !cache.claim_refresh(at(SOFT_TTL_SECONDS)),
            "one refresh at a time"
        );
        cache.failed(at(SOFT_TTL_SECONDS), 0);
        assert!(cache.current(at(HARD_TTL_SECONDS - 1)).is_some());
        assert!(cache.current(at(HARD_TTL_SECONDS)).is_none());
        assert_eq!(
            cache.advise(Wanted::AnySet, at(HARD_TTL_SECONDS)),
            Advice::Fetch
        );
    }

    #[test]
    fn unknown_key_ids_cause_one_fetch_per_cooldown_and_delay_nobody_else() {
        let mut cache = loaded("keys");
        let generation = cache.current(at(1)).unwrap().generation;
        assert_eq!(
            cache.advise(Wanted::NewerThan(generation), at(1)),
            Advice::Fetch
        );
        assert!(
            cache.current(at(1)).is_some(),
            "good tokens are judged meanwhile"
        );
        assert_eq!(
            cache.advise(Wanted::NewerThan(generation), at(1)),
            Advice::Wait
        );
        cache.loaded("the same keys", at(1));
        let generation = cache.current(at(2)).unwrap().generation;
        for second in 2..31 {
            assert_eq!(
                cache.advise(Wanted::NewerThan(generation), at(second)),
                Advice::Settle,
                "second {second}"
            );
        }
        assert_eq!(
            cache.advise(Wanted::NewerThan(generation), at(31)),
            Advice::Fetch
        );
    }

    #[test]
    fn a_request_that_judged_with_an_older_set_gets_the_newer_one_without_a_fetch() {
        let mut cache = loaded("old");
        let generation = cache.current(at(0)).unwrap().generation;
        cache.loaded("new", at(1));
        assert!(
            matches!(cache.advise(Wanted::NewerThan(generation), at(1)), Advice::Use(current) if *current.set == "new")
        );
    }

    #[test]
    fn failures_back_off_longer_and_longer_and_a_success_forgets_them() {
        let mut cache = KeyCache::<&str>::empty();
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            assert_eq!(cache.advise(Wanted::AnySet, at(now)), Advice::Fetch);
            cache.failed(at(now), 0);
            assert_eq!(
                cache.advise(Wanted::AnySet, at(now + wait - 1)),
                Advice::Settle,
                "after {wait}"
            );
            now += wait;
        }
        cache.loaded("keys", at(now));
        cache.failed(at(now), 0);
        assert!(!cache.claim_refresh(at(now)));
        assert!(cache.claim_refresh(at(now + SOFT_TTL_SECONDS)));
    }

    #[test]
    fn the_lot_spreads_attempts_over_a_quarter_of_the_wait() {
        let mut cache = KeyCache::<&str>::empty();
        for _ in 0..7 {
            cache.failed(at(0), u8::MAX);
        }
        assert_eq!(cache.advise(Wanted::AnySet, at(73)), Advice::Settle);
        assert_eq!(cache.advise(Wanted::AnySet, at(75)), Advice::Fetch);
    }

    #[test]
    fn a_clock_that_steps_back_holds_nothing_up() {
        let mut cache = KeyCache::<&str>::empty();
        assert_eq!(cache.advise(Wanted::AnySet, at(1000)), Advice::Fetch);
        assert_eq!(cache.advise(Wanted::AnySet, at(0)), Advice::Fetch);
        cache.failed(at(1000), 0);
        assert_eq!(cache.advise(Wanted::AnySet, at(0)), Advice::Fetch);
    }
}
