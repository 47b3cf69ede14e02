//! When the feed is asked for, by whom, and how old it may be.

use edgeward_core::revocation::{
    Advice, BOUND_MILLISECONDS, FIRST_BACKOFF_MILLISECONDS, Feed, ISSUER_HOLDS_MILLISECONDS,
    LEASE_MILLISECONDS, LONGEST_BACKOFF_MILLISECONDS, Mode, PATIENCE_MILLISECONDS,
    REFRESH_MILLISECONDS, State, Ticket,
};
use edgeward_core::time::Moment;
use serde_json::json;

use crate::{at, page, read, verified};

const EVENTUAL: Mode = Mode::Eventual { within_seconds: 10 };

fn after(milliseconds: i64) -> Moment {
    Moment::from(at(0)).plus(milliseconds)
}

fn fetches(advice: Advice) -> Ticket {
    match advice {
        Advice::Fetch(ticket) => ticket,
        other @ (Advice::Use | Advice::Wait | Advice::Settle) => {
            panic!("a fetch was expected: {other:?}")
        }
    }
}

fn advice(feed: &mut Feed, mode: Mode, milliseconds: i64) -> &'static str {
    let now = after(milliseconds);
    match feed.advise(mode, now, now) {
        Advice::Use => "use",
        Advice::Fetch(_) => "fetch",
        Advice::Wait => "wait",
        Advice::Settle => "settle",
    }
}

/// A feed that was read to its end by a fetch that began at this moment.
fn read_at(milliseconds: i64) -> Feed {
    let mut feed = Feed::empty();
    let now = after(milliseconds);
    let ticket = fetches(feed.advise(Mode::Bounded, now, now));
    feed.ended(&ticket);
    feed
}

#[test]
fn an_empty_feed_is_asked_for_by_every_mode() {
    for mode in [Mode::Bounded, Mode::Strict, EVENTUAL] {
        assert_eq!(advice(&mut Feed::empty(), mode, 0), "fetch", "{mode}");
    }
    assert_eq!(Feed::empty().state(), State::Unread);
}

#[test]
fn a_sign_out_is_known_within_a_second_of_what_the_issuer_may_hold_back() {
    assert_eq!(BOUND_MILLISECONDS + ISSUER_HOLDS_MILLISECONDS, 1_000);
}

#[test]
fn how_old_it_may_be_is_said_by_the_mode() {
    for (mode, age, expected) in [
        (Mode::Bounded, 0, "use"),
        (Mode::Bounded, BOUND_MILLISECONDS - 1, "use"),
        (Mode::Bounded, BOUND_MILLISECONDS, "fetch"),
        (Mode::Strict, BOUND_MILLISECONDS - 1, "use"),
        (Mode::Strict, BOUND_MILLISECONDS, "fetch"),
        (EVENTUAL, 1_000, "use"),
        (EVENTUAL, 9_999, "use"),
        (EVENTUAL, 10_000, "fetch"),
        // Another request told an earlier time, or the clock was set back by more than requests overlap.
        (Mode::Strict, -10_000, "use"),
        (Mode::Strict, -10_001, "fetch"),
    ] {
        assert_eq!(advice(&mut read_at(0), mode, age), expected, "{mode} {age}");
    }
}

#[test]
fn a_refresh_is_taken_along_from_half_the_age_on_and_by_one_request() {
    for (mode, age, expected) in [
        (Mode::Bounded, REFRESH_MILLISECONDS - 1, false),
        (Mode::Bounded, REFRESH_MILLISECONDS, true),
        (Mode::Strict, REFRESH_MILLISECONDS, true),
        (EVENTUAL, 4_999, false),
        (EVENTUAL, 5_000, true),
    ] {
        let mut feed = read_at(0);
        let ticket = feed.claim_refresh(mode, after(age));
        assert_eq!(ticket.is_some(), expected, "{mode} {age}");
        assert!(!expected || feed.claim_refresh(mode, after(age)).is_none());
    }
}

#[test]
fn who_bears_nothing_older_than_the_question_reads_anew_whatever_the_clock_says() {
    for now in [0, 1, -1, -9_999, BOUND_MILLISECONDS] {
        let mut feed = read_at(0);
        let ticket = feed.claim_anew(after(now)).expect("nobody reads");
        assert!(feed.claim_anew(after(now)).is_none(), "it is being read");
        feed.failed(&ticket, after(now), 0);
        assert!(feed.claim_anew(after(now)).is_none(), "it just failed");
        let later = after(now + FIRST_BACKOFF_MILLISECONDS);
        assert!(feed.claim_anew(later).is_some(), "{now}");
    }
}

#[test]
fn on_a_busy_instance_nobody_waits() {
    let mut feed = read_at(0);
    let mut under_way: Option<(Ticket, i64)> = None;
    let mut count = 0;
    for now in (0..60_000).step_by(10) {
        // Each fetch takes 300 ms.
        if let Some((ticket, since)) = under_way.take() {
            if now >= since + 300 {
                feed.ended(&ticket);
            } else {
                under_way = Some((ticket, since));
            }
        }
        assert_eq!(advice(&mut feed, Mode::Strict, now), "use", "{now}");
        if let Some(ticket) = feed.claim_refresh(Mode::Strict, after(now)) {
            under_way = Some((ticket, now));
            count += 1;
        }
    }
    // Every 380 ms: at the first request after half of the bound.
    assert_eq!(count, 157, "three in a second at most");
}

#[test]
fn many_requests_cause_one_fetch_and_wait_no_longer_than_they_must() {
    let mut feed = Feed::empty();
    let ticket = fetches(feed.advise(Mode::Strict, after(0), after(0)));
    for _ in 0..100 {
        assert_eq!(advice(&mut feed, Mode::Bounded, 10), "wait");
    }
    assert_eq!(
        advice(&mut feed, Mode::Bounded, PATIENCE_MILLISECONDS - 1),
        "wait"
    );
    // A slow issuer costs each of them the rest of the patience and not the whole of it.
    assert_eq!(
        advice(&mut feed, Mode::Bounded, PATIENCE_MILLISECONDS),
        "settle"
    );
    assert_eq!(
        advice(&mut feed, Mode::Bounded, LEASE_MILLISECONDS - 1),
        "settle"
    );
    let is_settled = [0, 899, 900, 7_999, 8_000].map(|now| feed.is_settled(after(now)));
    assert_eq!(is_settled, [false, false, true, true, false]);
    // The fetch is dead; another takes over, and what the first brings late makes nothing older.
    let second = fetches(feed.advise(
        Mode::Bounded,
        after(LEASE_MILLISECONDS),
        after(LEASE_MILLISECONDS),
    ));
    feed.ended(&second);
    feed.ended(&ticket);
    assert_eq!(
        advice(
            &mut feed,
            Mode::Bounded,
            LEASE_MILLISECONDS + BOUND_MILLISECONDS - 1
        ),
        "use"
    );
    feed.failed(&ticket, after(LEASE_MILLISECONDS), 0);
    assert_eq!(feed.state(), State::Read);
}

#[test]
fn who_arrived_before_the_fetch_began_is_served_by_it_however_long_it_took() {
    let mut feed = Feed::empty();
    let ticket = fetches(feed.advise(Mode::Strict, after(0), after(0)));
    feed.ended(&ticket);
    assert_eq!(
        feed.advise(Mode::Strict, after(0), after(5_000)),
        Advice::Use
    );
    // But not who arrived a second after it began.
    let advice = feed.advise(Mode::Strict, after(1_000), after(1_000));
    assert!(matches!(advice, Advice::Fetch(_)));
}

#[test]
fn failures_back_off_and_everybody_settles_meanwhile() {
    let mut feed = read_at(0);
    let mut now = 1_000;
    for wait in [1, 2, 4, 8, 8, 8].map(|seconds| seconds * 1_000) {
        let ticket = fetches(feed.advise(Mode::Bounded, after(now), after(now)));
        feed.failed(&ticket, after(now), 0);
        assert_eq!(feed.state(), State::Failing);
        assert!(
            feed.claim_refresh(Mode::Bounded, after(now + wait - 1))
                .is_none()
        );
        for mode in [Mode::Bounded, Mode::Strict] {
            assert_eq!(advice(&mut feed, mode, now + wait - 1), "settle", "{wait}");
        }
        let is_settled = [now, now + wait - 1, now + wait].map(|now| feed.is_settled(after(now)));
        assert_eq!(is_settled, [true, true, false], "{wait}");
        now += wait;
    }
    assert!((FIRST_BACKOFF_MILLISECONDS..=LONGEST_BACKOFF_MILLISECONDS).contains(&1_000));
    let ticket = fetches(feed.advise(Mode::Bounded, after(now), after(now)));
    feed.ended(&ticket);
    assert_eq!(feed.state(), State::Read);
    // The next failure is a first one again. Lots spread the wait over a quarter of it.
    let ticket = feed.claim_refresh(Mode::Bounded, after(now + 500)).unwrap();
    feed.failed(&ticket, after(now + 500), 255);
    assert_eq!(advice(&mut feed, Mode::Strict, now + 1_500 + 248), "settle");
    assert_eq!(advice(&mut feed, Mode::Strict, now + 1_500 + 249), "fetch");
}

#[test]
fn pages_count_at_once_and_the_next_fetch_goes_on_behind_them() {
    let revoked = |feed: &Feed, sid: &str| feed.set().revokes(&verified(&json!({ "sid": sid })));
    let mut feed = Feed::empty();
    let ticket = fetches(feed.advise(Mode::Bounded, after(0), after(0)));
    let first = read(
        &page(
            0,
            2,
            "sid a 1800000000 x\nsid b 1800000000 x\n",
            &json!({ "more": true }),
        ),
        0,
    )
    .unwrap();
    assert!(first.has_more());
    feed.page(&first, after(0)).unwrap();
    feed.failed(&ticket, after(10), 0);
    assert!(revoked(&feed, "a") && !revoked(&feed, "c"));
    assert_eq!((feed.asks_from(), feed.state()), (2, State::Failing));
    assert!(
        !feed.serves(Mode::Bounded, after(10)),
        "a part is not the whole"
    );

    let second = read(&page(2, 3, "sid c 1800000000 x\n", &json!({})), 2).unwrap();
    feed.page(&second, after(0)).unwrap();
    assert!(revoked(&feed, "c"));
    // What a fetch of before brings late leads nobody back.
    feed.page(&second, after(0)).unwrap();
    assert_eq!(feed.asks_from(), 3);

    // The database was restored from an older copy: the numbers begin anew, and nobody comes back by it.
    let anew = read(&page(0, 1, "sid d 1800000000 x\n", &json!({})), 3).unwrap();
    feed.page(&anew, after(0)).unwrap();
    assert_eq!(feed.asks_from(), 1);
    assert!(
        ["a", "b", "c", "d"]
            .into_iter()
            .all(|sid| revoked(&feed, sid))
    );

    // After an hour everything is forgotten with the next page.
    let later = read(&page(1, 2, "", &json!({})), 1).unwrap();
    feed.page(&later, after(3_700_000)).unwrap();
    assert!(feed.set().is_empty());
}
