use super::*;

const RULES: Rules = Rules {
    failures_max: 5,
    lock_seconds: 1800,
    memory_seconds: 1800,
};

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_795_000_000 + seconds)
}

/// One step of a story.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Claims and fails.
    Wrong,
    /// Claims and succeeds.
    Right,
    /// Claims, and is not settled.
    Begin,
    /// A claim fails.
    EndWrong,
    /// A claim succeeds.
    EndRight,
    /// A claim is given back.
    EndNothing,
    /// So many seconds pass.
    Wait(i64),
}

/// What the last step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Left(u32),
    In,
    Began,
    Returned,
    Full,
    LockedFor(i64),
}

use Came::{Began, Full, In, Left, LockedFor, Returned};
use Step::{Begin, EndNothing, EndRight, EndWrong, Right, Wait, Wrong};

fn tell(steps: &[Step]) -> (Came, Option<Counter>) {
    let mut row: Option<Counter> = None;
    let mut now = at(0);
    let mut came = Returned;
    for step in steps {
        let claim = |row: Option<Counter>| match Counter::claim(row.as_ref(), RULES, now) {
            Claim::Granted(counter) => Ok(Some(counter)),
            Claim::Full => Err(Full),
            Claim::Locked(until) => Err(LockedFor(until.seconds_since(now))),
        };
        let fail = |row: Option<Counter>| {
            let failed = Counter::fail(row.as_ref(), RULES, now);
            (Left(failed.left), Some(failed.next))
        };
        let succeed = |row: Option<Counter>| match Counter::succeed(row.as_ref(), now) {
            Ok(next) => (In, next),
            Err(until) => (LockedFor(until.seconds_since(now)), row),
        };
        (came, row) = match step {
            Wait(seconds) => {
                now = now.plus(*seconds);
                (came, row)
            }
            Begin => claim(row).map_or_else(|came| (came, row), |next| (Began, next)),
            Wrong => claim(row).map_or_else(|came| (came, row), fail),
            Right => claim(row).map_or_else(|came| (came, row), succeed),
            EndWrong => fail(row),
            EndRight => succeed(row),
            EndNothing => (Returned, Counter::give_back(row.as_ref(), now)),
        };
    }
    (came, row)
}

#[test]
fn five_failures_lock_for_half_an_hour() {
    let rows: [(&str, &[Step], Came); 19] = [
        ("the first", &[Wrong], Left(4)),
        ("the fifth", &[Wrong; 5], Left(0)),
        ("the sixth", &[Wrong; 6], LockedFor(1800)),
        (
            "the right one under a lock",
            &[Wrong, Wrong, Wrong, Wrong, Wrong, Right],
            LockedFor(1800),
        ),
        (
            "a lock is not made longer",
            &[Wrong, Wrong, Wrong, Wrong, Wrong, Wait(1799), Wrong, Wrong],
            LockedFor(1),
        ),
        (
            "a lock ends",
            &[Wrong, Wrong, Wrong, Wrong, Wrong, Wait(1800), Right],
            In,
        ),
        (
            "after a lock all attempts are there",
            &[Wrong, Wrong, Wrong, Wrong, Wrong, Wait(1800), Wrong],
            Left(4),
        ),
        (
            "a success resets",
            &[Wrong, Wrong, Wrong, Wrong, Right, Wrong],
            Left(4),
        ),
        (
            "failures are remembered after the last",
            &[Wrong, Wait(1799), Wrong, Wait(1799), Wrong],
            Left(2),
        ),
        (
            "failures are forgotten",
            &[Wrong, Wrong, Wrong, Wrong, Wait(1800), Wrong],
            Left(4),
        ),
        ("five at once are let in", &[Begin; 5], Began),
        ("a sixth waits", &[Begin; 6], Full),
        (
            "failures and claims share the limit",
            &[Wrong, Wrong, Begin, Begin, Begin, Begin],
            Full,
        ),
        (
            "one that came to nothing makes room",
            &[Begin, Begin, Begin, Begin, Begin, EndNothing, Begin],
            Began,
        ),
        (
            "one that succeeds makes room",
            &[Wrong, Wrong, Begin, Begin, Begin, EndRight, Begin],
            Began,
        ),
        (
            "one that fails makes none",
            &[Begin, Begin, Begin, Begin, Begin, EndWrong, Begin],
            Full,
        ),
        (
            "claims of a process that died are dropped",
            &[Begin, Begin, Begin, Begin, Begin, Wait(60), Wrong],
            Left(4),
        ),
        (
            "a claim that was dropped cannot succeed after the lock",
            &[Begin, Wait(60), Wrong, Wrong, Wrong, Wrong, Wrong, EndRight],
            LockedFor(1800),
        ),
        (
            "a claim that was dropped can fail",
            &[Begin, Wait(60), EndWrong],
            Left(4),
        ),
    ];
    for (what, steps, expected) in rows {
        assert_eq!(tell(steps).0, expected, "{what}");
    }
}

#[test]
fn no_row_stays_without_a_reason() {
    let rows: [&[Step]; 5] = [
        &[Right],
        &[Begin, EndNothing],
        &[Wrong, Wrong, Right],
        &[Begin, Begin, EndRight, EndNothing],
        &[Wrong, Wait(1800), Begin, EndNothing],
    ];
    for steps in rows {
        assert_eq!(tell(steps).1, None, "{steps:?}");
    }
}

#[test]
fn a_row_is_kept_as_long_as_it_means_something() {
    let kept = |steps: &[Step]| tell(steps).1.unwrap().forget_at.seconds_since(at(0));
    assert_eq!(kept(&[Begin]), 60);
    assert_eq!(kept(&[Wrong]), 1800);
    assert_eq!(kept(&[Wrong, Wait(10), Wrong]), 1810);
    assert_eq!(kept(&[Wrong; 5]), 1800);
}

#[test]
fn keys_tell_names_kinds_and_devices_apart_and_nothing_else() {
    let key = LockoutKey::from_bytes(&[7; 32]);
    let device = |byte| DeviceDigest::of_cookie(Digest::from_bytes([byte; 32]));
    let ada = key.of_name("ada@example.test");
    assert_eq!(key.of_name(" ADA@Example.test\n"), ada);
    assert_ne!(
        LockoutKey::from_bytes(&[8; 32]).of_name("ada@example.test"),
        ada
    );
    let of_device = key.of_device("Ada@example.test", &device(1));
    assert_eq!(
        of_device.account(),
        ada.account(),
        "an operator unlocks both"
    );
    let long = "x".repeat(5000);
    assert_eq!(key.of_name(&long), key.of_name(&format!("{long}y")));
    let range = |text: &str| crate::domain::session::AddressRange::of(text.parse().unwrap());
    let all = [
        ada,
        key.of_name("ada@example.tes"),
        key.of_name(""),
        key.of_name("no address"),
        of_device,
        key.of_device("ada@example.test", &device(2)),
        key.of_range(&range("192.0.2.1")),
        key.of_range(&range("2001:db8::1")),
    ];
    for (n, one) in all.iter().enumerate() {
        assert!(
            all.iter()
                .skip(n + 1)
                .all(|other| other.digest() != one.digest())
        );
    }
    assert_eq!(format!("{key:?}"), "LockoutKey(redacted)");
}

/// Every order in which attempts can begin and end, as far as `steps` go: guesses and attempts under way are never more
/// than the limit together, and who began before a lock cannot come in after it.
fn explore(row: Option<Counter>, under_way: u32, guesses: u32, steps: u32) -> u64 {
    assert!(under_way + guesses <= RULES.failures_max, "{row:?}");
    let now = at(0);
    let locked = Counter::locked(row.as_ref(), now).is_some();
    assert_eq!(locked, guesses == RULES.failures_max);
    assert!(!locked || under_way == 0, "the lock is the last to come");
    if steps == 0 {
        return 1;
    }
    let mut seen = 1;
    if let Claim::Granted(next) = Counter::claim(row.as_ref(), RULES, now) {
        seen += explore(Some(next), under_way + 1, guesses, steps - 1);
    }
    if under_way > 0 {
        let failed = Counter::fail(row.as_ref(), RULES, now);
        seen += explore(Some(failed.next), under_way - 1, guesses + 1, steps - 1);
        let succeeded = Counter::succeed(row.as_ref(), now).unwrap();
        seen += explore(succeeded, under_way - 1, 0, steps - 1);
        let given_back = Counter::give_back(row.as_ref(), now);
        seen += explore(given_back, under_way - 1, guesses, steps - 1);
    }
    seen
}

#[test]
fn no_order_of_simultaneous_attempts_gives_more_guesses_than_the_limit() {
    assert!(explore(None, 0, 0, 12) > 100_000);
}
