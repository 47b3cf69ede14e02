//! An algorithm that comes into use beside another, and one that goes out of use, as a table.

use super::{
    cases::{DAY, NOW, key, states},
    life::{self, Due, KeyState, Life, Need, Rules},
    timing::{PUBLISHED_SECONDS, RETIRED_AFTER_SECONDS},
};
use KeyState::{Active, Generated, Published, Retired, Retiring, Revoked};

const BESIDE: Rules = Rules {
    every_seconds: Some(30 * DAY),
    need: Need::WhenSeen,
};
const UNUSED: Rules = Rules {
    every_seconds: Some(30 * DAY),
    need: Need::Never,
};

#[test]
fn an_algorithm_begins_when_it_is_seen_and_ends_after_what_it_signed() {
    let published = |age: i64, from: Option<i64>| Life {
        published_at: Some(NOW.plus(-age)),
        signs_from: from.map(|from| NOW.plus(from)),
        ..key("b", Published)
    };
    let young = Life {
        created_at: NOW,
        ..key("g", Generated)
    };
    let seen = PUBLISHED_SECONDS;
    let b = || "b".to_owned();
    let (stop, retire) = (|| Some(Due::Stop(b())), || Some(Due::Retire(b())));
    let plan = |seconds| Some(Due::Plan(b(), NOW.plus(seconds)));
    for (title, rules, keys, expected) in [
        ("it is new", BESIDE, vec![], Some(Due::MakeNext)),
        (
            "made",
            BESIDE,
            vec![key("b", Generated)],
            Some(Due::Publish(b())),
        ),
        (
            "seen by nobody yet",
            BESIDE,
            vec![published(0, None)],
            plan(seen),
        ),
        ("planned", BESIDE, vec![published(0, Some(seen))], None),
        (
            "its moment",
            BESIDE,
            vec![published(seen, Some(0))],
            Some(Due::Activate(b())),
        ),
        (
            "it signs",
            BESIDE,
            vec![key("b", Active)],
            Some(Due::MakeNext),
        ),
        (
            "and goes by the schedule",
            BESIDE,
            vec![key("a", Active), published(DAY, None)],
            plan(29 * DAY),
        ),
        (
            "what it signed once still ends",
            BESIDE,
            vec![key("z", Retiring)],
            Some(Due::Retire("z".to_owned())),
        ),
        ("it never was", UNUSED, vec![], None),
        ("it signs no more", UNUSED, vec![key("b", Active)], stop()),
        (
            "a plan that may have begun elsewhere",
            UNUSED,
            vec![published(seen, Some(1))],
            stop(),
        ),
        (
            "a key that waits",
            UNUSED,
            vec![published(seen, None)],
            retire(),
        ),
        (
            "a key that another process may need",
            UNUSED,
            vec![published(seen - 1, None), young],
            None,
        ),
        (
            "a key that nobody knows",
            UNUSED,
            vec![key("b", Generated)],
            retire(),
        ),
        (
            "the last expiry is over",
            UNUSED,
            vec![key("b", Retiring)],
            retire(),
        ),
        (
            "all of it is over",
            UNUSED,
            vec![key("b", Retired), key("r", Revoked)],
            None,
        ),
    ] {
        assert_eq!(life::due(&keys, rules, 0, NOW), expected, "{title}");
    }
    let signed = Life {
        signed_until: Some(NOW.plus(600)),
        ..key("b", Active)
    };
    let after = life::step(&[signed], &Due::Stop(b()), None, NOW).unwrap();
    assert_eq!(states(&after), [("b", Retiring)]);
    assert_eq!(
        after[0].retires_at(),
        Some(NOW.plus(600 + RETIRED_AFTER_SECONDS))
    );
}
