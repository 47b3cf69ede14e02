//! The memory of verified tokens: every way in which it could let through what a verification would refuse.

use std::sync::Arc;

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{
    Audiences, BroughtBy, Expectations, KeyIdRule, MAX_SEEN_BYTES, MAX_SEEN_TOKENS,
    MAX_TOKEN_BYTES, SeenTokens, TokenType, Verified, verify,
};

use crate::forge::*;

/// Verifies and remembers, as the gate does.
fn see(seen: &mut SeenTokens, token: &str, keys: &KeySet, expect: &Expectations) -> Arc<Verified> {
    let verified = Arc::new(verify(token, keys, expect, NOW).unwrap());
    seen.remember(BroughtBy::Client, &verified, token.len(), keys, expect);
    verified
}

fn numbered(number: usize) -> String {
    with_claims(claims().with("jti", &format!("\"{number}\"")))
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

/// `None` if the token is not remembered.
fn recalled(seen: &SeenTokens, token: &str, now: UnixTime) -> Option<Result<(), Reject>> {
    seen.recall(BroughtBy::Client, token, &keys(), &expect(), now)
        .map(|outcome| outcome.map(|_| ()))
}

#[test]
fn a_seen_token_is_recalled_as_it_was_verified() {
    let (keys, expect) = (keys(), expect());
    let mut seen = SeenTokens::new();
    assert!(
        seen.recall(BroughtBy::Client, &good(), &keys, &expect, NOW)
            .is_none()
    );
    let verified = see(&mut seen, &good(), &keys, &expect);
    let recalled = seen
        .recall(BroughtBy::Client, &good(), &keys, &expect, NOW)
        .unwrap()
        .unwrap();
    assert!(Arc::ptr_eq(&recalled, &verified));
    assert_eq!(seen.len(), 1);
    see(&mut seen, &good(), &keys, &expect);
    assert_eq!(seen.len(), 1, "the same token takes one place");
}

#[test]
fn rotated_keys_forget_everything() {
    let expect = expect();
    let entry = format!(",\"kid\":\"{KID}\"");
    let sets = [
        (
            "another key under the same kid",
            vec![jwk(&entry).replace(X, &other_x())],
        ),
        ("the key under another kid", vec![jwk(",\"kid\":\"new\"")]),
        ("the key without a name", vec![jwk("")]),
        (
            "the key with a label",
            vec![jwk(&format!("{entry},\"alg\":\"EdDSA\""))],
        ),
        (
            "the key restricted",
            vec![jwk(&format!("{entry},\"edgeward_typ\":\"edge+jwt\""))],
        ),
        ("a key added", vec![jwk(&entry), jwk(",\"kid\":\"b\"")]),
        // Because a token without `kid` is only accepted while the set has one entry.
        (
            "an entry added that is skipped",
            vec![jwk(&entry), "{\"kty\":\"AKP\"}".into()],
        ),
        ("no key left", vec![]),
    ];
    let before = KeySet::parse(set(&[jwk(&entry)]).as_bytes()).unwrap();
    for (about, after) in sets {
        let after = KeySet::parse(set(&after).as_bytes()).unwrap();
        let mut seen = SeenTokens::new();
        see(&mut seen, &good(), &before, &expect);
        assert!(
            seen.recall(BroughtBy::Client, &good(), &after, &expect, NOW)
                .is_none(),
            "{about}"
        );
    }
    // The same keys read again are the same keys: a refresh costs nobody a verification.
    let again = KeySet::parse(set(&[jwk(&entry)]).replace(',', " ,\n").as_bytes()).unwrap();
    let mut seen = SeenTokens::new();
    see(&mut seen, &good(), &before, &expect);
    assert!(
        seen.recall(BroughtBy::Client, &good(), &again, &expect, NOW)
            .is_some()
    );
    // So are the same keys in another order, which some issuers write anew each time.
    let [two, swapped] = [["", "b"], ["b", ""]].map(|order| {
        let key = |name| match name {
            "" => jwk(&entry),
            other => jwk(&format!(",\"kid\":\"{other}\"")),
        };
        KeySet::parse(set(&order.map(key)).as_bytes()).unwrap()
    });
    let mut seen = SeenTokens::new();
    see(&mut seen, &good(), &two, &expect);
    assert!(
        seen.recall(BroughtBy::Client, &good(), &swapped, &expect, NOW)
            .is_some()
    );
}

#[test]
fn keys_that_were_rotated_away_and_back_are_not_trusted_from_memory() {
    let (before, expect) = (keys(), expect());
    let after = KeySet::parse(set(&[jwk(",\"kid\":\"new\"")]).as_bytes()).unwrap();
    let mut seen = SeenTokens::new();
    see(&mut seen, &good(), &before, &expect);
    see(
        &mut seen,
        &with_header(header().with("kid", "\"new\"")),
        &after,
        &expect,
    );
    assert!(
        seen.recall(BroughtBy::Client, &good(), &after, &expect, NOW)
            .is_none()
    );
    assert!(
        seen.recall(BroughtBy::Client, &good(), &before, &expect, NOW)
            .is_none()
    );
    assert_eq!(seen.len(), 1);
}

#[test]
fn other_expectations_forget_everything() {
    let keys = keys();
    type Change = fn(&mut Expectations);
    let changes: [(&str, Change); 7] = [
        ("issuer", |expect| expect.issuer.push('/')),
        ("audience", |expect| {
            expect.audiences = Audiences::OneOf(vec!["x".into()])
        }),
        ("audience unchecked", |expect| {
            expect.audiences = Audiences::Unchecked
        }),
        ("one more audience", |expect| {
            expect.audiences = Audiences::OneOf(vec![AUDIENCE.into(), "x".into()]);
        }),
        ("type", |expect| expect.token_type = TokenType::EdgeProof),
        ("leeway", |expect| expect.leeway_seconds += 1),
        ("kid", |expect| {
            expect.key_id = KeyIdRule::OptionalForSetOfOne
        }),
    ];
    for (about, change) in changes {
        let mut other = expect();
        change(&mut other);
        let mut seen = SeenTokens::new();
        see(&mut seen, &good(), &keys, &expect());
        assert!(
            seen.recall(BroughtBy::Client, &good(), &keys, &other, NOW)
                .is_none(),
            "{about}"
        );
    }
}

#[test]
fn time_is_judged_on_each_use() {
    let (keys, expect) = (keys(), expect());
    let mut seen = SeenTokens::new();
    let token = with_claims(claims().with("nbf", "1700000030").with("iat", "1700000020"));
    see(&mut seen, &token, &keys, &expect);
    // Expires at 1700000600, and the leeway is 60.
    for (now, expected) in [
        (1_700_000_000, Ok(())),
        (1_700_000_659, Ok(())),
        (1_700_000_660, Err(Reject::Expired)),
        (i64::MAX, Err(Reject::Expired)),
        (1_700_000_000, Ok(())),
        (1_699_999_970, Ok(())),
        (1_699_999_969, Err(Reject::NotYetValid)),
        (i64::MIN, Err(Reject::NotYetValid)),
    ] {
        assert_eq!(recalled(&seen, &token, at(now)), Some(expected), "{now}");
        let anew = verify(&token, &keys, &expect, at(now)).map(|_| ());
        assert_eq!(anew, expected, "the same without a memory, {now}");
    }
    let token = with_claims(claims().with("iat", "1700000060").without("nbf"));
    see(&mut seen, &token, &keys, &expect);
    assert_eq!(recalled(&seen, &token, NOW), Some(Ok(())));
    let early = recalled(&seen, &token, at(1_699_999_999));
    assert_eq!(early, Some(Err(Reject::IssuedInTheFuture)));
}

#[test]
fn one_other_character_is_another_token() {
    let (keys, expect) = (keys(), expect());
    let good = good();
    let mut seen = SeenTokens::new();
    see(&mut seen, &good, &keys, &expect);
    let known = |token: &str| {
        seen.recall(BroughtBy::Client, token, &keys, &expect, NOW)
            .is_some()
    };
    for index in 0..good.len() {
        for replacement in ['A', 'B', '.', '=', '\0'] {
            let mut other: Vec<char> = good.chars().collect();
            if other[index] != replacement {
                other[index] = replacement;
                assert!(
                    !known(&String::from_iter(other)),
                    "{replacement:?} at {index}"
                );
            }
        }
        assert!(
            !known(&good[..index]) && !known(&good[index + 1..]),
            "cut at {index}"
        );
        let mut longer = good.clone();
        longer.insert(index, '.');
        assert!(!known(&longer), "a dot at {index}");
    }
    for tail in ["", " ", "\n", "=", "A", "."] {
        assert_eq!(known(&format!("{good}{tail}")), tail.is_empty(), "{tail:?}");
    }
    assert!(!known("") && !known(&good.to_lowercase()) && !known(&good.repeat(2)));
    assert!(!known(&good.repeat(MAX_TOKEN_BYTES)));
}

#[test]
fn a_refused_token_leaves_no_trace() {
    let (keys, expect) = (keys(), expect());
    let mut seen = SeenTokens::new();
    see(&mut seen, &good(), &keys, &expect);
    for refused in [
        String::new(),
        with_claims(claims().with("exp", "1")),
        with_claims(claims().with("aud", "\"x\"")),
        with_header(header().with("kid", "\"other\"")),
        format!("{}A", good()),
    ] {
        assert!(verify(&refused, &keys, &expect, NOW).is_err());
        assert!(recalled(&seen, &refused, NOW).is_none());
    }
    // A recall that refuses because of the time takes nothing away and adds nothing.
    assert_eq!(
        recalled(&seen, &good(), at(i64::MAX)),
        Some(Err(Reject::Expired))
    );
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_flood_of_tokens_drops_the_oldest() {
    let (keys, expect) = (keys(), expect());
    let mut seen = SeenTokens::new();
    for number in 0..MAX_SEEN_TOKENS {
        see(&mut seen, &numbered(number), &keys, &expect);
    }
    assert_eq!(seen.len(), MAX_SEEN_TOKENS);
    for number in 0..10 {
        assert!(
            recalled(&seen, &numbered(number), NOW).is_some(),
            "{number}"
        );
        see(
            &mut seen,
            &numbered(MAX_SEEN_TOKENS + number),
            &keys,
            &expect,
        );
        assert_eq!(seen.len(), MAX_SEEN_TOKENS);
        assert!(
            recalled(&seen, &numbered(number), NOW).is_none(),
            "{number}"
        );
        assert!(recalled(&seen, &numbered(MAX_SEEN_TOKENS + number), NOW).is_some());
    }
}

#[test]
fn long_tokens_drop_as_many_as_take_their_place() {
    let (keys, expect) = (keys(), expect());
    let mut seen = SeenTokens::new();
    let half = MAX_SEEN_BYTES / 2;
    let remember = |seen: &mut SeenTokens, number: usize, length: usize| {
        let verified = Arc::new(verify(&numbered(number), &keys, &expect, NOW).unwrap());
        seen.remember(BroughtBy::Client, &verified, length, &keys, &expect);
    };
    let known = |seen: &SeenTokens| -> Vec<usize> {
        (0..6)
            .filter(|number| recalled(seen, &numbered(*number), NOW).is_some())
            .collect()
    };
    remember(&mut seen, 0, half);
    remember(&mut seen, 1, half);
    assert_eq!(known(&seen), [0, 1], "exactly the budget");
    remember(&mut seen, 2, 1);
    assert_eq!(known(&seen), [1, 2]);
    remember(&mut seen, 3, MAX_SEEN_BYTES + 1);
    assert_eq!(
        known(&seen),
        [1, 2],
        "nothing makes room for what can never fit"
    );
    remember(&mut seen, 4, MAX_SEEN_BYTES);
    assert_eq!(known(&seen), [4]);
    remember(&mut seen, 4, MAX_SEEN_BYTES);
    assert_eq!(known(&seen), [4], "counted once");
    remember(&mut seen, 5, usize::MAX);
    assert_eq!((known(&seen), seen.len()), (vec![4], 1));
}

fn other_x() -> String {
    let key = edgeward_core::token::SigningKey::from_seed(&[7; 32]).unwrap();
    let jwk: serde_json::Value = serde_json::from_str(&key.public_jwk().to_json()).unwrap();
    jwk["x"].as_str().unwrap().to_owned()
}
