use std::{
    future::Future,
    num::NonZeroU32,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use governor::clock::FakeRelativeClock;

use super::{
    counters::Rate,
    names::{Rules, Window},
    *,
};
use crate::{
    config::Config,
    domain::{lockout::LockoutKey, session::Sid},
};

fn now() -> UnixTime {
    UnixTime::from_seconds(1_795_000_000)
}

fn limits(
    change: impl FnOnce(&mut config::Limits),
) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
    limits_in(Environment::Development, change)
}

fn limits_in(
    environment: Environment,
    change: impl FnOnce(&mut config::Limits),
) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
    let mut settings = Config::defaults(std::path::Path::new("x")).limits;
    change(&mut settings);
    let clock = FakeRelativeClock::default();
    let limits = Limits::with_clock(&settings, environment, None, &clock);
    (limits, clock)
}

/// A process that counts by itself waits for nobody.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn guesses_are_five_at_once_and_ten_a_minute() {
    let (limits, clock) = limits(|_| {});
    let here = address("192.0.2.1");
    for n in 0..5 {
        assert_eq!(at_once(limits.guess(here)), Ok(()), "{n}");
    }
    assert_eq!(at_once(limits.guess(here)), Err(Limited { seconds: 6 }));
    clock.advance(Duration::from_millis(5_500));
    assert_eq!(at_once(limits.guess(here)), Err(Limited { seconds: 1 }));
    clock.advance(Duration::from_millis(500));
    assert_eq!(at_once(limits.guess(here)), Ok(()));
    assert!(at_once(limits.guess(here)).is_err());
    assert_eq!(
        at_once(limits.guess(address("192.0.2.2"))),
        Ok(()),
        "another has its own"
    );
    clock.advance(Duration::from_secs(60));
    let passed = (0..20)
        .filter(|_| at_once(limits.guess(here)).is_ok())
        .count();
    assert_eq!(passed, 5, "no more is saved up");
}

#[test]
fn addresses_are_told_apart_as_networks_give_them() {
    for (one, other, same) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8::1", "2001:db8::ffff:1", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
    ] {
        let same_sender = Sender::of(address(one)) == Sender::of(address(other));
        assert_eq!(same_sender, same, "{one} {other}");
    }
    for unknown in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
        assert_eq!(Sender::of(address(unknown)), None, "{unknown}");
    }
    assert!(Sender::of(address("::1")).is_some());
}

#[test]
fn the_own_machine_is_counted_only_where_that_is_wanted() {
    for (enabled, loopback, from, counted) in [
        (true, false, "127.0.0.1", false),
        (true, false, "::1", false),
        (true, false, "::ffff:127.0.0.1", false),
        (true, false, "0.0.0.0", false),
        (true, false, "192.0.2.1", true),
        (true, true, "127.0.0.1", true),
        (true, true, "::1", true),
        (false, true, "192.0.2.1", false),
    ] {
        let (limits, _) = limits(|settings| {
            (settings.enabled, settings.loopback) = (enabled, loopback);
        });
        assert_eq!(limits.count(address(from)), counted, "{from}");
        let refused = (0..6).any(|_| at_once(limits.guess(address(from))).is_err());
        assert_eq!(refused, counted, "{from}");
    }
    for (environment, passed) in [
        // There is one person, who asked for limits.
        (Environment::Development, 5),
        // Nobody's address is everybody's.
        (Environment::Production, 100),
        (Environment::Preview, 100),
    ] {
        let (limits, _) = limits_in(environment, |settings| settings.loopback = true);
        let unknown = address("0.0.0.0");
        let passes = (0..100)
            .filter(|_| at_once(limits.guess(unknown)).is_ok())
            .count();
        assert_eq!(passes, passed, "{environment}");
        assert_eq!(
            limits.range_of(unknown).is_some(),
            passed == 5,
            "{environment}"
        );
    }
}

#[test]
fn sign_ins_are_thirty_in_a_quarter_of_an_hour_for_address_and_name() {
    let key = LockoutKey::from_bytes(&[7; 32]);
    let name = |n: usize| key.of_name(&format!("user{n}@example.test"));
    let (by_address, clock) = limits(|_| {});
    let here = address("192.0.2.1");
    let passed =
        (0..40).filter(|n| at_once(by_address.sign_in(here, Some(&name(*n)), now())).is_ok());
    assert_eq!(passed.count(), 30);
    assert_eq!(
        at_once(by_address.sign_in(here, Some(&name(50)), now())),
        Err(Limited { seconds: 30 })
    );
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        at_once(by_address.sign_in(here, Some(&name(50)), now())),
        Ok(())
    );
    let (by_name, _) = limits(|_| {});
    let passed = (1..=40).filter(|n| {
        let from = address(&format!("192.0.2.{n}"));
        at_once(by_name.sign_in(from, Some(&name(0)), now())).is_ok()
    });
    assert_eq!(passed.count(), 30);
}

#[test]
fn who_goes_over_the_window_waits_twice_as_long_each_time() {
    let rules = Rules {
        most: 3,
        seconds: 900,
        first_wait: 60,
        longest_wait: 3600,
    };
    let mut window = Window::new(now());
    let mut at = |seconds: i64| {
        window
            .ask(rules, now().plus(seconds))
            .map_err(|it| it.seconds)
    };
    let rows = [
        (0, Ok(())),
        (1, Ok(())),
        (2, Ok(())),
        (3, Err(60)),
        (4, Err(59)),
        (62, Err(1)),
        (63, Err(120)),
        (183, Err(240)),
        (423, Err(480)),
        // The stretch before weighs as much as the window still covers of it: 3 · 897/900.
        (903, Ok(())),
        (904, Err(960)),
        // After a quiet time all is as in the beginning.
        (904 + 960 + 900, Ok(())),
        (904 + 960 + 901, Ok(())),
        (904 + 960 + 902, Ok(())),
        (904 + 960 + 903, Err(60)),
        // A clock that was set back does not lock anybody out.
        (-10_000, Ok(())),
    ];
    for (seconds, expected) in rows {
        assert_eq!(at(seconds), expected, "after {seconds} s");
    }
}

#[test]
fn an_act_that_forgot_the_failures_begins_the_window_anew_once() {
    let (limits, _) = limits(|settings| settings.sign_ins = NonZeroU32::MIN);
    let name = LockoutKey::from_bytes(&[7; 32]).of_name("ada@example.test");
    let here = address("192.0.2.1");
    let passes = |at| at_once(limits.name(here, &name, at)).is_ok();
    let lifts = |act, at| at_once(limits.lift(&name, act, at));
    assert!(passes(now()));
    assert!(!passes(now()));
    let act = now().plus(5);
    assert!(lifts(act, act));
    assert!(passes(act));
    assert!(!passes(act), "strangers go on");
    assert!(!lifts(act, act), "and have one window by it");
    assert!(!passes(act));
    let quiet = act.plus(10_000);
    assert!(passes(quiet));
    assert!(!lifts(act, quiet), "nor another one after a quiet time");
    let quieter = quiet.plus(10_000);
    for other in 0..2048 {
        let other = LockoutKey::from_bytes(&[7; 32]).of_name(&format!("{other}@example.test"));
        let _ = at_once(limits.name(here, &other, quieter));
    }
    assert!(
        !lifts(act, quieter),
        "nor when windows that are over were swept away"
    );
    let days_later = act.plus(200_000);
    assert!(
        !lifts(act, days_later),
        "nor by a note that nobody took away"
    );
    assert!(lifts(quiet, quiet), "the next act is another");
}

#[test]
fn the_waits_are_as_long_as_is_set() {
    let (limits, _) = limits(|settings| {
        settings.sign_ins = NonZeroU32::MIN;
        settings.name_wait_seconds = 5;
        settings.name_wait_longest_seconds = 12;
    });
    let name = LockoutKey::from_bytes(&[7; 32]).of_name("ada@example.test");
    let mut at = 0;
    let mut waits = Vec::new();
    for n in 0..5 {
        let from = address(&format!("192.0.2.{n}"));
        let asked = at_once(limits.sign_in(from, Some(&name), now().plus(at)));
        let wait = asked.map_or_else(|limited| limited.seconds, |()| 0);
        at += i64::try_from(wait).unwrap();
        waits.push(wait);
    }
    assert_eq!(waits, [0, 5, 10, 12, 12]);
}

#[test]
fn sessions_have_limits_of_their_own() {
    let (limits, _) = limits(|settings| {
        settings.reads_burst = NonZeroU32::new(3).unwrap();
    });
    let sid = |byte| Some(Sid::from_random(now(), [byte; 10]));
    let here = address("192.0.2.1");
    let passes = |session| {
        (0..5)
            .filter(|_| at_once(limits.read(here, session)).is_ok())
            .count()
    };
    assert_eq!(
        [passes(sid(1)), passes(sid(2)), passes(None), passes(sid(1))],
        [3, 3, 3, 0]
    );
    // Who reads all the time keeps nobody from refreshing, and the other way round.
    let refreshes = |session| {
        (0..5)
            .filter(|_| at_once(limits.refresh(here, session)).is_ok())
            .count()
    };
    assert_eq!(
        [
            refreshes(sid(1)),
            refreshes(sid(3)),
            passes(sid(3)),
            refreshes(None)
        ],
        [3, 3, 3, 0]
    );
}

#[test]
fn a_flood_of_addresses_takes_no_more_memory_than_the_bound() {
    let clock = FakeRelativeClock::default();
    let five = NonZeroU32::new(5).unwrap();
    let rate = Rate {
        number: five,
        seconds: 60,
        burst: five,
    };
    let keyed: Keyed<u32, _> = Keyed::new(rate, clock.clone());
    for n in 0..150_000 {
        // Some share a bucket by then and are refused; none makes the map larger.
        let _ = keyed.ask(n);
    }
    assert!(keyed.keys() <= keyed::KEYS_MAX + 4096, "{}", keyed.keys());
    clock.advance(Duration::from_secs(120));
    for n in 0..2048 {
        let _ = keyed.ask(n);
    }
    assert!(keyed.keys() <= 4096, "{} are left", keyed.keys());
}

/// Others who count, and say this each time.
#[derive(Debug)]
struct Others(Result<Result<(), Limited>, NotCounted>);

impl Counters for Others {
    fn ask<'a>(&'a self, _: Question<'a>) -> Asking<'a> {
        Box::pin(std::future::ready(self.0))
    }

    fn forget<'a>(&'a self, _: &'a CounterKey) -> Forgetting<'a> {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn who_is_refused_by_either_count_is_refused() {
    let refused = Err(Limited { seconds: 7 });
    let own_says = Err(Limited { seconds: 6 });
    for (others, first, sixth) in [
        (None, Ok(()), own_says),
        (Some(Ok(Ok(()))), Ok(()), own_says),
        (Some(Ok(refused)), refused, refused),
        // Nobody counts for all: this process goes on by itself, and does not open.
        (Some(Err(NotCounted)), Ok(()), own_says),
    ] {
        let shared = others.map(|says| -> Box<dyn Counters> { Box::new(Others(says)) });
        let settings = Config::defaults(std::path::Path::new("x")).limits;
        let clock = FakeRelativeClock::default();
        let limits = Limits::with_clock(&settings, Environment::Production, shared, &clock);
        let here = address("192.0.2.1");
        let answers: Vec<_> = (0..6).map(|_| at_once(limits.guess(here))).collect();
        assert_eq!((answers[0], answers[5]), (first, sixth), "{others:?}");
    }
}

/// Others who count at first, let everybody in, and are then lost.
#[derive(Debug, Default)]
struct LostAfter(std::sync::atomic::AtomicU32);

impl Counters for LostAfter {
    fn ask<'a>(&'a self, _: Question<'a>) -> Asking<'a> {
        let asked = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let answer = if asked < 4 {
            Ok(Ok(()))
        } else {
            Err(NotCounted)
        };
        Box::pin(std::future::ready(answer))
    }

    fn forget<'a>(&'a self, _: &'a CounterKey) -> Forgetting<'a> {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn a_process_that_loses_the_others_goes_on_from_what_it_let_through() {
    let settings = Config::defaults(std::path::Path::new("x")).limits;
    let shared: Box<dyn Counters> = Box::<LostAfter>::default();
    let clock = FakeRelativeClock::default();
    let limits = Limits::with_clock(&settings, Environment::Production, Some(shared), &clock);
    let here = address("192.0.2.1");
    let passed = (0..20).filter(|_| at_once(limits.guess(here)).is_ok());
    assert_eq!(passed.count(), 5, "four together and one alone");
}
