//! What a platform finds about one signature says nothing about another token, key or message.

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::signature::{Algorithm, Finding, SignatureAnswer, SignatureQuestion};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Unverified, verify_with};

use crate::forge::*;
use crate::platform::*;

fn curve() -> KeySet {
    KeySet::parse(set(&[named(p256)]).as_bytes()).unwrap()
}

fn question(token: &str, keys: &KeySet) -> SignatureQuestion {
    match verify_with(token, keys, &expect(), None, NOW) {
        Err(Unverified::NeedsSignature(question)) => *question,
        outcome => panic!("nothing was asked: {outcome:?}"),
    }
}

/// `"ok"`, `"asks"` or the reason of the refusal.
fn outcome(token: &str, keys: &KeySet, answer: &SignatureAnswer) -> &'static str {
    match verify_with(token, keys, &expect(), Some(answer), NOW) {
        Ok(_) => "ok",
        Err(Unverified::NeedsSignature(_)) => "asks",
        Err(Unverified::Rejected(reject)) => reject.reason(),
    }
}

#[test]
fn the_question_holds_what_was_signed() {
    let token = good_es256();
    let (input, _) = token.rsplit_once('.').unwrap();
    let question = question(&token, &curve());
    assert_eq!(question.algorithm(), Algorithm::Es256);
    assert_eq!(question.message(), input.as_bytes());
    assert_eq!(question.signature().len(), 64);
    assert_eq!(judge(&question), Finding::Valid);
}

#[test]
fn an_answer_counts_for_its_own_question_as_often_as_it_is_asked() {
    let (token, keys) = (good_es256(), curve());
    for (finding, expected) in [
        (Finding::Valid, "ok"),
        (Finding::Invalid, "signature-invalid"),
        (Finding::KeyRefused, "key-refused"),
        (Finding::NotChecked, "signature-not-checked"),
    ] {
        let answer = question(&token, &keys).answer(finding);
        assert_eq!(outcome(&token, &keys, &answer), expected);
        assert_eq!(outcome(&token, &keys, &answer), expected);
    }
}

#[test]
fn an_answer_to_another_question_counts_as_none() {
    let (token, keys) = (good_es256(), curve());
    let good = |finding| question(&token, &keys).answer(finding);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let other_claims = forge_es256(es256_header().text(), claims().with("sub", "\"u2\"").text());
    let other_header = forge_es256(es256_header().with("x", "1").text(), claims().text());
    let swapped = format!("{}.{signature}", other_claims.rsplit_once('.').unwrap().0);
    let other_signature = format!("{input}.{}", base64url([7; 64]));
    let changed = |from: &str, to: &str| {
        KeySet::parse(set(&[named(p256)]).replace(from, to).as_bytes()).unwrap()
    };
    let other_x = changed(P256_X, &base64url([1; 32]));
    let other_y = changed(P256_Y, &base64url([1; 32]));
    let rs256 = KeySet::parse(set(&[named(rsa)]).as_bytes()).unwrap();
    for (about, token, keys, expected) in [
        ("other claims", &other_claims, &keys, "asks"),
        ("another header", &other_header, &keys, "asks"),
        (
            "other claims under the same signature",
            &swapped,
            &keys,
            "asks",
        ),
        ("another signature", &other_signature, &keys, "asks"),
        ("another x under the same kid", &token, &other_x, "asks"),
        ("another y under the same kid", &token, &other_y, "asks"),
        ("RSA's token", &good_rs256(), &rs256, "asks"),
        (
            "another kind under the same kid",
            &token,
            &rs256,
            "alg-key-mismatch",
        ),
    ] {
        for finding in [
            Finding::Valid,
            Finding::Invalid,
            Finding::KeyRefused,
            Finding::NotChecked,
        ] {
            assert_eq!(
                outcome(token, keys, &good(finding)),
                expected,
                "{about}, {finding:?}"
            );
        }
    }
}

#[test]
fn an_answer_opens_no_other_door() {
    let (token, keys) = (good_es256(), curve());
    let answer = question(&token, &keys).answer(Finding::Valid);
    // A signature of Ed25519 is checked here, whatever anybody found.
    let eddsa = good();
    let (input, _) = eddsa.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", base64url([7; 64]));
    assert_eq!(
        outcome(&forged, &crate::forge::keys(), &answer),
        "signature-invalid"
    );
    // Neither keys that were removed nor a time that has passed are outlived by it.
    let rotated = KeySet::parse(set(&[jwk(",\"kid\":\"new\"")]).as_bytes()).unwrap();
    assert_eq!(outcome(&token, &rotated, &answer), "unknown-key");
    let late = UnixTime::from_seconds(1_700_001_000);
    assert_eq!(
        verify_with(&token, &keys, &expect(), Some(&answer), late).map(|_| ()),
        Err(Unverified::Rejected(Reject::Expired))
    );
    // It was given under these expectations; under others it counts as none.
    let mut elsewhere = expect();
    elsewhere.issuer = "https://other.example".into();
    assert!(matches!(
        verify_with(&token, &keys, &elsewhere, Some(&answer), NOW),
        Err(Unverified::NeedsSignature(_))
    ));
    // What it says about a signature says nothing about the claims under it.
    let broken = forge_es256(es256_header().text(), "[]");
    let answer = question(&broken, &keys).answer(Finding::Valid);
    assert_eq!(outcome(&broken, &keys, &answer), "not-an-object");
}

#[test]
fn questions_and_answers_show_no_byte_of_the_token() {
    let question = question(&good_es256(), &curve());
    assert_eq!(
        format!("{question:?}"),
        "SignatureQuestion { algorithm: Es256, .. }"
    );
    assert_eq!(
        format!("{:?}", question.answer(Finding::Valid)),
        "SignatureAnswer { finding: Valid, .. }"
    );
}
