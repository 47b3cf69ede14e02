//! The life of keys as a table: what the rows say, what is due or asked for, and what the rows say then.

use edgeward_core::time::UnixTime;

use super::{
    life::{self, Due, KeyState, Life, Need, PUBLIC_MAX, Pace, Refusal, Rules},
    timing::{LEAD_SECONDS, PUBLISHED_SECONDS, RETIRED_AFTER_SECONDS, SIGNED_BESIDES_SECONDS},
};
use KeyState::{Active, Generated, Published, Retired, Retiring, Revoked};

pub(super) const DAY: i64 = 24 * 3600;
pub(super) const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
const MONTHLY: Rules = Rules {
    every_seconds: Some(30 * DAY),
    need: Need::Always,
};

/// A key that got where it is long ago.
pub(super) fn key(id: &str, state: KeyState) -> Life {
    let before = NOW.plus(-DAY);
    let has = |states: &[KeyState]| states.contains(&state).then_some(before);
    Life {
        key_id: id.to_owned(),
        state,
        created_at: before,
        published_at: has(&[Published, Active, Retiring, Retired]),
        signs_from: has(&[Active, Retiring, Retired]),
        signed_until: has(&[Active, Retiring, Retired]),
        stopped_at: has(&[Retiring, Retired]),
        ended_at: has(&[Retired, Revoked]),
    }
}

fn made() -> Life {
    Life::generated("made".to_owned(), NOW)
}

pub(super) fn states(keys: &[Life]) -> Vec<(&str, KeyState)> {
    let state = |key: &Life| key.state;
    keys.iter()
        .map(|key| (key.key_id.as_str(), state(key)))
        .collect()
}

fn signing_from(id: &str, state: KeyState, from: i64) -> Life {
    Life {
        signs_from: Some(NOW.plus(from)),
        ..key(id, state)
    }
}

#[test]
fn one_step_after_the_other_falls_due() {
    let published = |age: i64| Life {
        published_at: Some(NOW.plus(-age)),
        ..key("b", Published)
    };
    let stopped = |ago: i64, signed_until: i64| Life {
        stopped_at: Some(NOW.plus(-ago)),
        signed_until: Some(NOW.plus(signed_until)),
        ..key("z", Retiring)
    };
    let plan = |seconds| Some(Due::Plan("b".to_owned(), NOW.plus(seconds)));
    let besides = SIGNED_BESIDES_SECONDS + RETIRED_AFTER_SECONDS;
    let month_after_the_last = 29 * DAY;
    for (title, rules, keys, expected) in [
        ("an empty store", MONTHLY, vec![], Some(Due::MakeFirst)),
        (
            "nobody signs, and one may",
            MONTHLY,
            vec![key("b", Published)],
            Some(Due::Activate("b".to_owned())),
        ),
        (
            "all were revoked past this program",
            MONTHLY,
            vec![key("a", Revoked)],
            Some(Due::MakeFirst),
        ),
        (
            "no next key",
            MONTHLY,
            vec![key("a", Active)],
            Some(Due::MakeNext),
        ),
        (
            "no next key, by hand",
            Rules::BY_HAND,
            vec![key("a", Active)],
            Some(Due::MakeNext),
        ),
        (
            "a key that nobody knows",
            MONTHLY,
            vec![key("a", Active), key("b", Generated)],
            Some(Due::Publish("b".to_owned())),
        ),
        (
            "a next key",
            MONTHLY,
            vec![key("a", Active), published(DAY)],
            plan(month_after_the_last),
        ),
        (
            "a next key, by hand",
            Rules::BY_HAND,
            vec![key("a", Active), published(DAY)],
            None,
        ),
        (
            "a schedule that is behind waits for the verifiers",
            Rules {
                every_seconds: Some(60),
                need: Need::Always,
            },
            vec![key("a", Active), published(100)],
            plan(PUBLISHED_SECONDS - 100),
        ),
        (
            "and gives every process time to read of it",
            Rules {
                every_seconds: Some(60),
                need: Need::Always,
            },
            vec![key("a", Active), published(DAY)],
            plan(LEAD_SECONDS),
        ),
        (
            "a plan",
            MONTHLY,
            vec![key("a", Active), signing_from("b", Published, 1)],
            None,
        ),
        (
            "its moment",
            MONTHLY,
            vec![key("a", Active), signing_from("b", Published, 0)],
            Some(Due::Activate("b".to_owned())),
        ),
        (
            "of two whose moment has come the later one",
            MONTHLY,
            vec![
                key("a", Active),
                signing_from("b", Published, -1),
                signing_from("c", Published, -2),
            ],
            Some(Due::Activate("b".to_owned())),
        ),
        (
            "the last token is good yet",
            Rules::BY_HAND,
            vec![
                stopped(DAY, 1 - RETIRED_AFTER_SECONDS),
                key("a", Active),
                published(1),
            ],
            None,
        ),
        (
            "it is not",
            Rules::BY_HAND,
            vec![
                stopped(DAY, -RETIRED_AFTER_SECONDS),
                key("a", Active),
                published(1),
            ],
            Some(Due::Retire("z".to_owned())),
        ),
        (
            "it signed no token, and a page",
            Rules::BY_HAND,
            vec![stopped(besides - 1, -DAY), key("a", Active), published(1)],
            None,
        ),
        (
            "and the page is over",
            Rules::BY_HAND,
            vec![stopped(besides, -DAY), key("a", Active), published(1)],
            Some(Due::Retire("z".to_owned())),
        ),
        (
            "a full key set takes no next key",
            MONTHLY,
            [
                vec![key("a", Active)],
                (1..PUBLIC_MAX)
                    .map(|n| Life {
                        key_id: n.to_string(),
                        ..stopped(0, 60)
                    })
                    .collect(),
            ]
            .concat(),
            None,
        ),
    ] {
        assert_eq!(life::due(&keys, rules, 0, NOW), expected, "{title}");
    }
}

#[test]
fn a_plan_is_spread_by_lot_and_never_before_the_verifiers_know() {
    for jitter in [0, 1, 3600] {
        let keys = [key("a", Active), key("b", Published)];
        let due = life::due(&keys, MONTHLY, jitter, NOW);
        assert_eq!(
            due,
            Some(Due::Plan("b".to_owned(), NOW.plus(29 * DAY + jitter)))
        );
    }
}

#[test]
fn steps_make_of_the_rows_what_they_say() {
    let ab = || vec![key("a", Active), key("b", Published)];
    for (due, keys, expected) in [
        (Due::MakeFirst, vec![], vec![("made", Active)]),
        (
            Due::MakeNext,
            vec![key("a", Active)],
            vec![("a", Active), ("made", Generated)],
        ),
        (
            Due::Publish("b".to_owned()),
            vec![key("a", Active), key("b", Generated)],
            vec![("a", Active), ("b", Published)],
        ),
        (
            Due::Activate("b".to_owned()),
            ab(),
            vec![("a", Retiring), ("b", Active)],
        ),
        (
            Due::Retire("a".to_owned()),
            vec![key("a", Retiring), key("b", Active)],
            vec![("a", Retired), ("b", Active)],
        ),
        (
            Due::Plan("b".to_owned(), NOW),
            ab(),
            vec![("a", Active), ("b", Published)],
        ),
    ] {
        let after = life::step(&keys, &due, Some(made()), NOW).unwrap();
        assert_eq!(states(&after), expected, "{due:?}");
        // The clock stepped back: what the rows say stays, whatever the time.
        assert_eq!(
            life::signer(&after, NOW.plus(-2 * DAY)).map(|key| key.state),
            Some(Active),
            "{due:?}"
        );
    }
    assert_eq!(
        life::step(&[], &Due::MakeFirst, None, NOW),
        Err(Refusal::NeedsKey)
    );
}

#[test]
fn a_rotation_takes_its_time_unless_it_is_forced() {
    let young = Life {
        published_at: Some(NOW.plus(-100)),
        ..key("b", Published)
    };
    for (title, keys, pace, who, from, state) in [
        (
            "seen by all",
            vec![key("a", Active), key("b", Published)],
            Pace::Orderly,
            "b",
            LEAD_SECONDS,
            Published,
        ),
        (
            "young",
            vec![key("a", Active), young.clone()],
            Pace::Orderly,
            "b",
            PUBLISHED_SECONDS - 100,
            Published,
        ),
        (
            "made for it",
            vec![key("a", Active)],
            Pace::Orderly,
            "made",
            PUBLISHED_SECONDS,
            Published,
        ),
        (
            "known to nobody",
            vec![key("a", Active), key("b", Generated)],
            Pace::Orderly,
            "b",
            PUBLISHED_SECONDS,
            Published,
        ),
        (
            "due sooner",
            vec![key("a", Active), signing_from("b", Published, 3)],
            Pace::Orderly,
            "b",
            3,
            Published,
        ),
        (
            "planned for later",
            vec![key("a", Active), signing_from("b", Published, DAY)],
            Pace::Orderly,
            "b",
            LEAD_SECONDS,
            Published,
        ),
        (
            "an imported one before the one that waits",
            vec![
                key("a", Active),
                key("b", Published),
                signing_from("i", Published, 700),
            ],
            Pace::Orderly,
            "i",
            LEAD_SECONDS,
            Published,
        ),
        (
            "forced, seen by all",
            vec![key("a", Active), key("b", Published)],
            Pace::Forced,
            "b",
            0,
            Active,
        ),
        (
            "forced, young",
            vec![key("a", Active), young],
            Pace::Forced,
            "b",
            0,
            Active,
        ),
        (
            "forced, made for it",
            vec![key("a", Active)],
            Pace::Forced,
            "made",
            0,
            Active,
        ),
    ] {
        let (after, about) = life::rotate(&keys, Some(made()), pace, NOW).unwrap();
        let key = after.iter().find(|key| key.key_id == about).unwrap();
        assert_eq!((about.as_str(), key.state), (who, state), "{title}");
        assert_eq!(key.signs_from, Some(NOW.plus(from)), "{title}");
        let signs = life::signer(&after, NOW).unwrap().key_id.as_str();
        let expected = if pace == Pace::Forced { who } else { "a" };
        assert_eq!(signs, expected, "{title}");
    }
    let crowd = (1..PUBLIC_MAX).map(|n| key(&n.to_string(), Retiring));
    let full: Vec<Life> = [key("a", Active)].into_iter().chain(crowd).collect();
    for pace in [Pace::Orderly, Pace::Forced] {
        let refused = life::rotate(&full, Some(made()), pace, NOW);
        assert_eq!(refused, Err(Refusal::Full));
        let refused = life::import(&full, made(), pace, NOW);
        assert_eq!(refused, Err(Refusal::Full));
    }
}

#[test]
fn whoever_signs_when_a_key_is_revoked_is_known_in_the_same_act() {
    let keys = |states: &[(&str, KeyState)]| -> Vec<Life> {
        states.iter().map(|(id, state)| key(id, *state)).collect()
    };
    for (title, before, revoked, expected, signs) in [
        (
            "the only key",
            keys(&[("a", Active)]),
            "a",
            vec![("a", Revoked), ("made", Active)],
            "made",
        ),
        (
            "the one that signs",
            keys(&[("a", Active), ("b", Published)]),
            "a",
            vec![("a", Revoked), ("b", Active)],
            "b",
        ),
        (
            "and the next one is known to nobody",
            keys(&[("a", Active), ("b", Generated)]),
            "a",
            vec![("a", Revoked), ("b", Active)],
            "b",
        ),
        (
            "the next one",
            keys(&[("a", Active), ("b", Published)]),
            "b",
            vec![("a", Active), ("b", Revoked)],
            "a",
        ),
        (
            "one of before",
            keys(&[("z", Retiring), ("a", Active)]),
            "z",
            vec![("z", Revoked), ("a", Active)],
            "a",
        ),
        (
            "one of long ago",
            keys(&[("z", Retired), ("a", Active)]),
            "z",
            vec![("z", Revoked), ("a", Active)],
            "a",
        ),
        (
            "the one whose moment has come a moment ago",
            vec![key("a", Active), signing_from("b", Published, -1)],
            "b",
            vec![("a", Active), ("b", Revoked)],
            "a",
        ),
        (
            "the one before, whose moment is over",
            vec![key("a", Active), signing_from("b", Published, -1)],
            "a",
            vec![("a", Revoked), ("b", Active)],
            "b",
        ),
    ] {
        let after = life::revoke(&before, revoked, Some(made()), NOW).unwrap();
        assert_eq!(states(&after), expected, "{title}");
        assert_eq!(life::signer(&after, NOW).unwrap().key_id, signs, "{title}");
        // Where none can be made, whoever waits takes over as well, and in the place of one that would be made there is nobody.
        let only = life::revoke_only(&before, revoked, NOW).unwrap();
        let without: Vec<_> = expected.iter().filter(|key| key.0 != "made").collect();
        assert_eq!(states(&only).iter().collect::<Vec<_>>(), without, "{title}");
        let signer = life::signer(&only, NOW).map(|key| key.key_id.as_str());
        assert_eq!(signer, (signs != "made").then_some(signs), "{title}");
    }
    let only = keys(&[("a", Active), ("r", Revoked)]);
    for (revoked, refusal) in [
        ("x", Refusal::Unknown),
        ("", Refusal::Unknown),
        ("r", Refusal::AlreadyRevoked),
        ("a", Refusal::NeedsKey),
    ] {
        assert_eq!(life::revoke(&only, revoked, None, NOW), Err(refusal));
        let alone = life::revoke_only(&only, revoked, NOW);
        assert_eq!(alone.err(), Some(refusal).filter(|_| revoked != "a"));
    }
}

#[test]
fn an_imported_key_is_the_next_one_and_never_an_old_one() {
    let before = [
        key("a", Active),
        signing_from("b", Published, DAY),
        key("r", Revoked),
    ];
    let after = life::import(&before, made(), Pace::Orderly, NOW).unwrap();
    let from = |id: &str| {
        after
            .iter()
            .find(|key| key.key_id == id)
            .unwrap()
            .signs_from
    };
    assert_eq!(from("made"), Some(NOW.plus(PUBLISHED_SECONDS)));
    assert_eq!(from("b"), None, "planned anew after the imported one");
    for taken in ["a", "b", "r"] {
        let again = Life::generated(taken.to_owned(), NOW);
        let refused = life::import(&before, again, Pace::Forced, NOW);
        assert_eq!(refused, Err(Refusal::AlreadyThere));
    }
}
