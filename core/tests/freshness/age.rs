//! How long a set is used, and how a clock that is not to be trusted changes that.

use crate::Event::{
    AsksForAny, AsksForNewer, Confirms, Fails, Finds, Holds, Is, Loads, Refreshes, StandsIn,
};
use crate::{Told, at, check, check_loaded};
use edgeward_core::keys::{
    Advice, FETCH_LEASE_SECONDS as LEASE, Freshness, HARD_TTL_SECONDS as HARD,
    SOFT_TTL_SECONDS as SOFT, Source, State, UNCONFIRMED_TTL_SECONDS as UNCONFIRMED, Wanted,
    may_replace_kept,
};

#[test]
fn a_set_is_fresh_then_stale_then_expired() {
    check(
        "nothing was loaded yet",
        &[
            (0, Is(State::Expired)),
            (0, Holds(None)),
            (0, Refreshes(false)),
        ],
    );
    check_loaded(
        "a life without a refresh",
        &[
            (0, Is(State::Fresh)),
            (SOFT - 1, Is(State::Fresh)),
            (SOFT - 1, Refreshes(false)),
            (SOFT, Is(State::Stale)),
            (SOFT, AsksForAny(Told::Use("a"))),
            (UNCONFIRMED - 1, Holds(Some("a"))),
            (UNCONFIRMED, Holds(None)),
            (HARD - 1, Is(State::Stale)),
            (HARD, Is(State::Expired)),
            (HARD, Holds(None)),
            (HARD, Refreshes(false)),
            (HARD, AsksForAny(Told::Fetch)),
            (HARD, Loads(1, "b", None, true)),
            (HARD, Holds(Some("b"))),
        ],
    );
    check_loaded(
        "one refresh at a time, behind those who go on",
        &[
            (SOFT, Refreshes(true)),
            (SOFT, Is(State::Refreshing)),
            (SOFT, Refreshes(false)),
            (SOFT, AsksForAny(Told::Use("a"))),
            (SOFT + 1, Loads(1, "b", None, true)),
            (SOFT + 1, Is(State::Fresh)),
            (SOFT + 1, Holds(Some("b"))),
            // The age counts from the beginning of the fetch.
            (2 * SOFT - 1, Is(State::Fresh)),
            (2 * SOFT, Is(State::Stale)),
        ],
    );
}

#[test]
fn a_set_that_was_not_confirmed_for_long_waits_for_one_fetch_and_goes_on_if_it_fails() {
    for (title, outcome, holds) in [
        ("it succeeds", Loads(1, "b", None, true), "b"),
        ("nothing changed", Confirms(1, true), "a"),
        ("it fails", Fails(1), "a"),
    ] {
        check_loaded(
            title,
            &[
                (HARD - 60, Holds(None)),
                (HARD - 60, Refreshes(true)),
                (HARD - 60, AsksForAny(Told::Wait)),
                (HARD - 60, outcome),
                (HARD - 60, AsksForAny(Told::Use(holds))),
            ],
        );
    }
    check_loaded(
        "a failure vouches for it until the next attempt has had its time",
        &[
            (UNCONFIRMED, Refreshes(true)),
            (UNCONFIRMED, Holds(None)),
            (UNCONFIRMED, Fails(1)),
            (UNCONFIRMED, Holds(Some("a"))),
            // The wait of a first failure, a second, is over: who comes now takes the next attempt with it and goes on.
            (UNCONFIRMED + 1, Refreshes(true)),
            (UNCONFIRMED + 1, AsksForAny(Told::Use("a"))),
            (UNCONFIRMED + LEASE, Holds(Some("a"))),
            (UNCONFIRMED + LEASE, Fails(2)),
            (UNCONFIRMED + LEASE + 2 + LEASE - 1, Holds(Some("a"))),
            // Nobody came for that long: who comes now waits for one fetch.
            (UNCONFIRMED + LEASE + 2 + LEASE, Holds(None)),
            (UNCONFIRMED + LEASE + 2 + LEASE, AsksForAny(Told::Fetch)),
            (UNCONFIRMED + LEASE + 2 + LEASE, AsksForAny(Told::Wait)),
            (UNCONFIRMED + LEASE + 2 + LEASE, Loads(3, "b", None, true)),
            (UNCONFIRMED + LEASE + 2 + LEASE, Holds(Some("b"))),
        ],
    );
    check_loaded(
        "an attempt that never reports vouches for nothing",
        &[
            (UNCONFIRMED, Refreshes(true)),
            (UNCONFIRMED, Fails(1)),
            (UNCONFIRMED + 1, Refreshes(true)),
            (UNCONFIRMED + 1 + LEASE - 1, Holds(Some("a"))),
            (UNCONFIRMED + 1 + LEASE, Holds(None)),
            (UNCONFIRMED + 1 + LEASE, AsksForAny(Told::Fetch)),
        ],
    );
    check_loaded(
        "a failure of before is none",
        &[
            (SOFT, Refreshes(true)),
            (SOFT, Fails(1)),
            (UNCONFIRMED - 1, Holds(Some("a"))),
            (UNCONFIRMED, Holds(None)),
            (HARD - 1, Refreshes(true)),
            (HARD - 1, AsksForAny(Told::Wait)),
            (HARD - 1, Fails(2)),
            (HARD - 1, AsksForAny(Told::Use("a"))),
            (HARD, Holds(None)),
        ],
    );
    check_loaded(
        "a failed fetch for an unknown key vouches for nothing",
        &[
            (UNCONFIRMED - 1, AsksForNewer(Told::Fetch)),
            (UNCONFIRMED - 1, Fails(1)),
            (UNCONFIRMED, Holds(None)),
        ],
    );
}

#[test]
fn a_shared_cache_keeps_the_younger_set_unless_nobody_may_use_it() {
    for (title, loaded, kept, replaces) in [
        ("older", 100, 99, true),
        ("of the same second, which may be confirmed", 100, 100, true),
        ("younger", 100, 101, false),
        (
            "younger, by a clock that is a little ahead",
            100,
            110,
            false,
        ),
        ("from the future", 100, 111, true),
        (
            "both past their hard life",
            100 - HARD - 1,
            100 - HARD,
            true,
        ),
        (
            "younger, at the end of its life",
            100 - HARD,
            101 - HARD,
            false,
        ),
    ] {
        assert_eq!(
            may_replace_kept(at(loaded), at(kept), at(100)),
            replaces,
            "{title}"
        );
    }
}

#[test]
fn unchanged_begins_the_age_anew_and_needs_a_tag() {
    check_loaded(
        "confirmed",
        &[
            (SOFT, Refreshes(true)),
            (SOFT, Confirms(1, true)),
            (SOFT, Is(State::Fresh)),
            (SOFT + UNCONFIRMED - 1, Holds(Some("a"))),
            (2 * SOFT, Refreshes(true)),
            (2 * SOFT, Confirms(2, true)),
        ],
    );
    check_loaded(
        "even past its hard life, because the issuer says so",
        &[
            (HARD, AsksForAny(Told::Fetch)),
            (HARD, Confirms(1, true)),
            (HARD, Holds(Some("a"))),
        ],
    );
    check(
        "a set without a tag is never confirmed",
        &[
            (0, AsksForAny(Told::Fetch)),
            (0, Loads(0, "a", None, true)),
            (SOFT, Refreshes(true)),
            (SOFT, Confirms(1, false)),
        ],
    );
    check_loaded(
        "after a failure the whole set is asked for",
        &[
            (SOFT, Refreshes(true)),
            (SOFT, Fails(1)),
            (SOFT + 1, Refreshes(true)),
            (SOFT + 1, Confirms(2, false)),
        ],
    );
    let mut keys = Freshness::empty();
    let mut tags = Vec::new();
    for (second, tag) in [
        (0, Some("\"1\"")),
        (HARD, None),
        (2 * HARD, Some("W/\"3\"")),
    ] {
        let Advice::Fetch(ticket) = keys.advise(Wanted::AnySet, at(second)) else {
            panic!("second {second}")
        };
        tags.push(ticket.entity_tag().map(str::to_owned));
        assert!(keys.loaded(&ticket, (), tag.map(str::to_owned)));
    }
    assert_eq!(tags, [None, Some("\"1\"".to_owned()), None]);
}

#[test]
fn a_shared_cache_helps_a_cold_instance_and_its_age_counts() {
    check(
        "as old as it is",
        &[
            (0, AsksForAny(Told::Fetch)),
            (0, Finds(0, "kept", 1 - SOFT, true)),
            (0, Is(State::Fresh)),
            (1, Is(State::Stale)),
            (1, Refreshes(true)),
        ],
    );
    for (title, loaded, taken) in [
        ("too old", -SOFT, false),
        ("by a clock that is a little ahead", 10, true),
        ("from the future", 11, false),
        ("of this moment", 0, true),
    ] {
        check(
            title,
            &[
                (0, AsksForAny(Told::Fetch)),
                (0, Finds(0, "kept", loaded, taken)),
                (
                    0,
                    Is(if taken {
                        State::Fresh
                    } else {
                        State::Refreshing
                    }),
                ),
            ],
        );
    }
    check_loaded(
        "an expired set is replaced by a newer one",
        &[
            (HARD, AsksForAny(Told::Fetch)),
            (HARD, Finds(1, "kept", 0, false)),
            (HARD, Finds(1, "kept", HARD - 1, true)),
            (HARD, Holds(Some("kept"))),
        ],
    );
    check_loaded(
        "a refresh and an unknown key go to the issuer",
        &[
            (1, AsksForNewer(Told::Fetch)),
            (1, Finds(1, "kept", 1, false)),
            (1, Fails(1)),
            (SOFT, Refreshes(true)),
            (SOFT, Finds(2, "kept", SOFT, false)),
        ],
    );
    let mut keys = Freshness::empty();
    let Advice::Fetch(ticket) = keys.advise(Wanted::AnySet, at(0)) else {
        panic!("cold")
    };
    assert!(ticket.may_use_shared_cache() && ticket.since() == at(0));
    assert!(keys.found(&ticket, "kept", Some("\"k\"".to_owned()), at(-1)));
    let current = keys.current(at(0));
    assert_eq!(
        current.map(|current| current.source),
        Some(Source::SharedCache)
    );
    let Advice::Fetch(ticket) = keys.advise(Wanted::NewerThan(1), at(0)) else {
        panic!("the issuer may have a newer set than a cache")
    };
    assert!(!ticket.may_use_shared_cache());
    assert!(keys.unchanged(&ticket));
    let current = keys.current(at(0));
    assert_eq!(current.map(|current| current.source), Some(Source::Issuer));
}

#[test]
fn a_kept_set_past_its_soft_life_stands_in_for_an_issuer_that_does_not_answer() {
    check(
        "an hour old",
        &[
            (0, AsksForAny(Told::Fetch)),
            (0, Finds(0, "kept", -3600, false)),
            (1, AsksForAny(Told::Wait)),
            (1, Fails(0)),
            (1, StandsIn(0, "kept", -3600, true)),
            (1, Holds(Some("kept"))),
            (1, AsksForAny(Told::Use("kept"))),
            // Refreshes wait as after any failure, and the first that succeeds ends it.
            (1, Refreshes(false)),
            (2, Refreshes(true)),
            (2, Loads(1, "new", None, true)),
            (2, Holds(Some("new"))),
        ],
    );
    check(
        "its hard life",
        &[
            (0, AsksForAny(Told::Fetch)),
            (0, Fails(0)),
            (0, StandsIn(0, "kept", -HARD, false)),
            (0, StandsIn(0, "kept", 1 - HARD, true)),
            (0, Holds(Some("kept"))),
            (1, Holds(None)),
        ],
    );
    check_loaded(
        "only where there is no set, and in place of an older one",
        &[
            (SOFT, Refreshes(true)),
            (SOFT, Fails(1)),
            (SOFT, StandsIn(1, "kept", SOFT - 1, false)),
            (HARD, AsksForAny(Told::Fetch)),
            (HARD, Fails(2)),
            (HARD, StandsIn(2, "kept", 0, false)),
            (HARD, Holds(None)),
            (HARD, StandsIn(2, "kept", 1, true)),
            (HARD, Holds(Some("kept"))),
        ],
    );
    let mut keys = Freshness::<()>::empty();
    let Advice::Fetch(ticket) = keys.advise(Wanted::AnySet, at(0)) else {
        panic!("cold")
    };
    assert!(ticket.may_use_kept_since(at(1 - SOFT)) && !ticket.may_use_kept_since(at(-SOFT)));
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    const BACK: i64 = -1_000_000;
    check(
        "a fetch, a failure",
        &[
            (0, AsksForAny(Told::Fetch)),
            (BACK, AsksForAny(Told::Fetch)),
            (0, Fails(1)),
            (BACK, AsksForAny(Told::Fetch)),
        ],
    );
    check_loaded(
        "a cooldown",
        &[
            (0, AsksForNewer(Told::Fetch)),
            (0, Loads(1, "a", None, true)),
            (BACK, AsksForNewer(Told::Fetch)),
        ],
    );
    check_loaded(
        "a set is due at once, and used for a day of the new time at most",
        &[
            (BACK, Holds(Some("a"))),
            (BACK, Refreshes(true)),
            (BACK, Fails(1)),
            (BACK + HARD - SOFT - 1, Refreshes(true)),
            (BACK + HARD - SOFT - 1, Fails(2)),
            (BACK + HARD - SOFT - 1, Holds(Some("a"))),
            (BACK + HARD - SOFT, Holds(None)),
        ],
    );
    check_loaded(
        "requests that overlap tell the time in any order",
        &[
            (100, AsksForNewer(Told::Fetch)),
            (99, AsksForNewer(Told::Wait)),
            (100, Loads(1, "a", None, true)),
            (90, AsksForNewer(Told::Settle)),
            (90, Refreshes(false)),
            (89, AsksForNewer(Told::Fetch)),
        ],
    );
}

#[test]
fn a_clock_that_leaps_ahead_only_costs_a_fetch() {
    check_loaded(
        "a year",
        &[
            (365 * HARD, Holds(None)),
            (365 * HARD, AsksForAny(Told::Fetch)),
            (365 * HARD, Loads(1, "b", None, true)),
            (0, Holds(Some("b"))),
            (0, Refreshes(true)),
        ],
    );
}
