//! Who fetches and who waits: cold instances, failures, floods, fetches that overtake one another.

use crate::Event::{
    AsksForAny, AsksForDocument, AsksForNewer, Confirms, Fails, Holds, Is, Loads, Refreshes,
};
use crate::{Told, at, check, check_loaded};
use edgeward_core::keys::{
    Advice, FETCH_LEASE_SECONDS as LEASE, Freshness, HARD_TTL_SECONDS as HARD,
    SOFT_TTL_SECONDS as SOFT, State, UNKNOWN_KEY_COOLDOWN_SECONDS as COOLDOWN, Wanted,
};

#[test]
fn of_many_requests_on_a_cold_instance_one_fetches() {
    let mut events = vec![(0, AsksForAny(Told::Fetch))];
    events.extend([(0, AsksForAny(Told::Wait)); 99]);
    events.push((0, Loads(0, "a", None, true)));
    events.extend([(0, AsksForAny(Told::Use("a"))); 99]);
    check("the fetch succeeds", &events);

    let mut events = vec![(0, AsksForAny(Told::Fetch))];
    events.extend([(0, AsksForAny(Told::Wait)); 99]);
    events.push((5, Fails(0)));
    events.extend([(5, AsksForAny(Told::Settle)); 99]);
    check("the fetch fails", &events);

    check(
        "the fetch never reports",
        &[
            (0, AsksForAny(Told::Fetch)),
            (LEASE - 1, AsksForAny(Told::Wait)),
            (LEASE, AsksForAny(Told::Fetch)),
            (LEASE, AsksForAny(Told::Wait)),
            (LEASE, Loads(1, "a", None, true)),
        ],
    );
}

#[test]
fn refreshes_that_fail_wait_longer_and_longer_and_the_set_goes_on() {
    let mut events = Vec::new();
    let mut now = SOFT;
    for (index, wait) in [1, 2, 4, 8, 16, 32, 60, 60, 60].into_iter().enumerate() {
        events.extend([
            (now, Refreshes(true)),
            (now, Fails(index + 1)),
            (now, Is(State::Cooling)),
            (now + wait - 1, Refreshes(false)),
            (now + wait - 1, Holds(Some("a"))),
        ]);
        now += wait;
    }
    events.extend([
        (now, Refreshes(true)),
        (now, Loads(10, "b", None, true)),
        (now, Is(State::Fresh)),
        (now + SOFT, Refreshes(true)),
        (now + SOFT, Fails(11)),
        // The failures before the success are forgotten.
        (now + SOFT + 1, Refreshes(true)),
    ]);
    check_loaded("back-off", &events);

    check_loaded(
        "the wait begins when the fetch fails, not when it begins",
        &[
            (SOFT, Refreshes(true)),
            (SOFT + 5, Fails(1)),
            (SOFT + 5, Refreshes(false)),
            (SOFT + 6, Refreshes(true)),
        ],
    );
    check_loaded(
        "past the hard limit a failure refuses",
        &[
            (HARD, AsksForAny(Told::Fetch)),
            (HARD, Fails(1)),
            (HARD, Is(State::Cooling)),
            (HARD, Holds(None)),
            (HARD, AsksForAny(Told::Settle)),
            (HARD + 1, AsksForAny(Told::Fetch)),
        ],
    );
}

#[test]
fn the_lot_spreads_attempts_over_a_quarter_of_the_wait() {
    let mut keys = Freshness::<&str>::empty();
    let mut now = 0;
    for _ in 0..7 {
        let Advice::Fetch(ticket) = keys.advise(Wanted::AnySet, at(now)) else {
            panic!("second {now}")
        };
        keys.failed(&ticket, at(now), u8::MAX);
        now += 100;
    }
    now -= 100;
    assert_eq!(keys.advise(Wanted::AnySet, at(now + 73)), Advice::Settle);
    assert!(matches!(
        keys.advise(Wanted::AnySet, at(now + 75)),
        Advice::Fetch(_)
    ));
}

#[test]
fn unknown_keys_cause_one_fetch_per_cooldown_and_hinder_nobody() {
    let mut events = vec![(1, AsksForNewer(Told::Fetch)), (1, Holds(Some("a")))];
    events.extend([(1, AsksForNewer(Told::Wait)); 999]);
    events.push((1, Loads(1, "a", None, true)));
    for second in 1..1 + COOLDOWN {
        events.push((second, AsksForNewer(Told::Settle)));
        events.push((second, AsksForAny(Told::Use("a"))));
    }
    // Those who were settled did not push the cooldown forward.
    events.push((1 + COOLDOWN, AsksForNewer(Told::Fetch)));
    events.push((1 + COOLDOWN, Loads(2, "rotated", None, true)));
    events.push((1 + COOLDOWN, Holds(Some("rotated"))));
    check_loaded("a flood for as long as a cooldown", &events);

    check_loaded(
        "a document of the issuer's waits for no flood, and asks once in a second",
        &[
            (1, AsksForNewer(Told::Fetch)),
            (1, Loads(1, "a", None, true)),
            (2, AsksForNewer(Told::Settle)),
            (2, AsksForDocument(Told::Fetch)),
            (2, AsksForDocument(Told::Wait)),
            (2, Loads(2, "rotated", None, true)),
            (2, AsksForDocument(Told::Settle)),
            (3, AsksForNewer(Told::Settle)),
            (3, AsksForDocument(Told::Fetch)),
            (3, Fails(3)),
            (3, AsksForDocument(Told::Settle)),
            (4, AsksForDocument(Told::Fetch)),
            (4, Fails(4)),
            // It neither begins nor prolongs the cooldown of others, and is no failure of a refresh.
            (4, Is(State::Fresh)),
            (1 + COOLDOWN, AsksForNewer(Told::Fetch)),
        ],
    );
    check_loaded(
        "a failed fetch for an unknown key has its cooldown and blocks no refresh",
        &[
            (SOFT - 1, AsksForNewer(Told::Fetch)),
            (SOFT + 4, Fails(1)),
            (SOFT + 4, Is(State::Stale)),
            (SOFT + 4, AsksForNewer(Told::Settle)),
            (SOFT + 4, Refreshes(true)),
            (SOFT + 4, Loads(2, "rotated", None, true)),
            (SOFT + 4, Holds(Some("rotated"))),
            (SOFT - 2 + COOLDOWN, AsksForNewer(Told::Settle)),
            (SOFT - 1 + COOLDOWN, AsksForNewer(Told::Fetch)),
        ],
    );
    check_loaded(
        "a refresh that falls due in the middle of a cooldown goes ahead, and brings the rotated key sooner",
        &[
            (SOFT - 1, AsksForNewer(Told::Fetch)),
            (SOFT - 1, Fails(1)),
            (SOFT, AsksForNewer(Told::Settle)),
            (SOFT, Refreshes(true)),
            (SOFT, AsksForNewer(Told::Wait)),
            (SOFT, Loads(2, "rotated", None, true)),
            (SOFT, AsksForAny(Told::Use("rotated"))),
        ],
    );
    check_loaded(
        "a refresh neither begins nor prolongs a cooldown, and neither does its back-off",
        &[
            (SOFT, Refreshes(true)),
            (SOFT, Fails(1)),
            (SOFT, Is(State::Cooling)),
            (SOFT, AsksForNewer(Told::Fetch)),
            (SOFT, Loads(2, "rotated", None, true)),
            (SOFT, Is(State::Fresh)),
        ],
    );
    check_loaded(
        "a fetch for an unknown key that never reports holds a refresh up for its lease only",
        &[
            (SOFT, AsksForNewer(Told::Fetch)),
            (SOFT + LEASE - 1, Refreshes(false)),
            (SOFT + LEASE, Refreshes(true)),
        ],
    );
}

#[test]
fn a_request_that_judged_with_an_older_set_gets_the_newer_one_without_a_fetch() {
    let mut keys = Freshness::empty();
    let Advice::Fetch(first) = keys.advise(Wanted::AnySet, at(0)) else {
        panic!("cold")
    };
    assert!(keys.loaded(&first, "a", Some("\"a\"".to_owned())));
    let had = keys.current(at(0)).map_or(0, |current| current.generation);
    for (set, second) in [(Some("b"), SOFT), (None, 2 * SOFT)] {
        let Some(ticket) = keys.claim_refresh(at(second)) else {
            panic!("second {second}")
        };
        let taken = match set {
            Some(set) => keys.loaded(&ticket, set, Some("\"b\"".to_owned())),
            None => keys.unchanged(&ticket),
        };
        assert!(taken);
        assert!(
            matches!(keys.advise(Wanted::NewerThan(had), at(second)), Advice::Use(current) if *current.set == "b"),
        );
    }
}

#[test]
fn an_older_fetch_that_ends_later_replaces_nothing() {
    let overtaken = [
        (SOFT, Refreshes(true)),
        (SOFT + LEASE, Refreshes(true)),
        (SOFT + LEASE, Loads(2, "newer", Some("\"n\""), true)),
    ];
    for (title, late) in [
        ("with a set", Loads(1, "older", None, false)),
        ("unchanged", Confirms(1, false)),
        ("failed", Fails(1)),
    ] {
        let after = [
            (SOFT + LEASE + 1, late),
            (SOFT + LEASE + 1, Holds(Some("newer"))),
            (SOFT + LEASE + 1, Is(State::Fresh)),
        ];
        check_loaded(title, &[&overtaken[..], &after].concat());
    }
    check_loaded(
        "what an older fetch says does not end the newer one",
        &[
            (SOFT, Refreshes(true)),
            (SOFT + LEASE, Refreshes(true)),
            (SOFT + LEASE, Fails(1)),
            (SOFT + LEASE, Is(State::Refreshing)),
            (SOFT + LEASE, Fails(2)),
            (SOFT + LEASE, Is(State::Cooling)),
        ],
    );
    check_loaded(
        "but a set is a set while the newer one is still under way",
        &[
            (SOFT, Refreshes(true)),
            (SOFT + LEASE, Refreshes(true)),
            (SOFT + LEASE, Loads(1, "older", None, true)),
            (SOFT + LEASE, Holds(Some("older"))),
            (SOFT + LEASE, Is(State::Refreshing)),
            (SOFT + LEASE, Confirms(2, false)),
            (SOFT + LEASE, Holds(Some("older"))),
        ],
    );
}
