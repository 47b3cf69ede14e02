//! Which tokens a set revokes, for how long, and that it stays within its bounds.

use edgeward_core::revocation::{Full, Kind, MAX_REVOCATIONS, RevocationSet, SESSION_KEPT_SECONDS};
use serde_json::json;

use crate::{at, key, verified};

fn check(entry: (Kind, &str, i64), claims: serde_json::Value, revoked: bool) {
    let (kind, id, moment) = entry;
    let mut set = RevocationSet::new();
    set.insert(kind, id, at(moment)).unwrap();
    assert_eq!(
        set.revokes(&verified(&claims)),
        revoked,
        "{entry:?} {claims}"
    );
}

#[test]
fn each_kind_revokes_its_own_tokens_and_no_others() {
    let own = || json!({ "sid": "s-1", "sub": "u-1", "jti": "t-1" });
    check((Kind::Session, "s-1", 0), own(), true);
    // Also those that were issued later: an ended session has no more tokens.
    check((Kind::Session, "s-1", -100), own(), true);
    check((Kind::Session, "s-2", 0), own(), false);
    check((Kind::Session, "u-1", 0), own(), false);
    check((Kind::Session, "t-1", 0), own(), false);
    check((Kind::Session, "s-1", 0), json!({}), false);
    check((Kind::Session, "", 0), json!({}), false);
    check((Kind::TokenId, "t-1", 0), own(), true);
    check((Kind::TokenId, "s-1", 0), own(), false);
    check((Kind::Key, key().key_id(), 0), own(), true);
    check((Kind::Key, "another", 0), own(), false);
    // A subject's tokens of before; who signs in again gets in.
    check((Kind::Subject, "u-1", 0), own(), true);
    check((Kind::Subject, "u-1", -1), own(), false);
    check(
        (Kind::Subject, "u-1", -1),
        json!({ "sub": "u-1", "iat": crate::NOW - 1 }),
        true,
    );
    check((Kind::Subject, "u-2", 0), own(), false);
}

#[test]
fn an_entry_is_kept_as_long_as_a_token_of_it_may_be_good() {
    let (session, by_key) = (json!({ "sid": "s-1" }), json!({ "sid": "s-2" }));
    let mut set = RevocationSet::new();
    set.insert(Kind::Session, "s-1", at(0)).unwrap();
    set.prune(at(SESSION_KEPT_SECONDS));
    assert!(set.revokes(&verified(&session)));
    set.prune(at(SESSION_KEPT_SECONDS + 1));
    assert!(!set.revokes(&verified(&session)) && set.is_empty());

    // Told twice, it counts from the later moment, and once.
    set.insert(Kind::Session, "s-1", at(50)).unwrap();
    set.insert(Kind::Session, "s-1", at(0)).unwrap();
    set.prune(at(SESSION_KEPT_SECONDS + 50));
    assert_eq!(set.len(), 1);

    // A key may have signed a token of any life.
    set.insert(Kind::Key, key().key_id(), at(0)).unwrap();
    set.prune(at(23 * 3600));
    assert!(set.revokes(&verified(&by_key)));
    set.prune(at(25 * 3600));
    assert!(set.is_empty());
}

#[test]
fn many_entries_are_all_found_and_nothing_else_is() {
    const COUNT: usize = 20_000;
    let mut set = RevocationSet::new();
    for number in 0..COUNT {
        let moment = at(i64::try_from(number % 2).unwrap());
        set.insert(Kind::Session, &format!("s-{number}"), moment)
            .unwrap();
    }
    assert_eq!(set.len(), COUNT);
    let holds = |set: &RevocationSet, number: usize| {
        set.revokes(&verified(&json!({ "sid": format!("s-{number}") })))
    };
    for number in (0..COUNT + 500).step_by(97) {
        assert_eq!(holds(&set, number), number < COUNT, "{number}");
    }
    set.prune(at(SESSION_KEPT_SECONDS + 1));
    assert_eq!(set.len(), COUNT / 2);
    for number in (0..COUNT).step_by(97) {
        assert_eq!(holds(&set, number), number % 2 == 1, "{number}");
    }
}

#[test]
fn a_full_set_says_so_and_stays_as_it_was() {
    let mut set = RevocationSet::new();
    for number in 0..MAX_REVOCATIONS {
        set.insert(Kind::Session, &number.to_string(), at(0))
            .unwrap();
    }
    assert_eq!(set.insert(Kind::Session, "one more", at(0)), Err(Full));
    assert_eq!(
        set.insert(Kind::Session, "7", at(1)),
        Ok(()),
        "it is there already"
    );
    assert_eq!(set.len(), MAX_REVOCATIONS);
    assert!(set.revokes(&verified(&json!({ "sid": "249999" }))));
}

#[test]
fn nothing_is_revoked_in_the_beginning() {
    let none = RevocationSet::new();
    let token = verified(&json!({ "sid": "s-1" }));
    assert!(none.is_empty() && !none.revokes(&token));
}
