//! The corpus of core's signatures, judged as `edgeward token verify` judges: by core and aws-lc, and by aws-lc alone.
//!
//! The suite `runtimes` puts the same bytes to the package and to WebCrypto; here as there, each verdict is the corpus's.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType, Unverified, verify_with};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

const CORPUS: &str = include_str!("../../../core/tests/vectors/signatures.json");

#[derive(Deserialize)]
struct Corpus {
    now: i64,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    about: String,
    alg: String,
    jwk: Value,
    refused: Option<String>,
    warm: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    about: String,
    token: String,
    said: String,
    bare: bool,
}

fn corpus() -> Corpus {
    serde_json::from_str(CORPUS).unwrap()
}

impl Group {
    fn keys(&self) -> Result<KeySet, &'static str> {
        let set = json!({ "keys": [self.jwk] }).to_string();
        KeySet::parse(set.as_bytes()).map_err(|error| error.reason())
    }

    /// The number of this name in the key.
    fn number(&self, name: &str) -> Vec<u8> {
        decode(self.jwk[name].as_str().unwrap())
    }

    /// What aws-lc finds of the signature alone.
    fn bare(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = match self.alg.as_str() {
            "EdDSA" => {
                return UnparsedPublicKey::new(&ED25519, self.number("x"))
                    .verify(message, signature)
                    .is_ok();
            }
            "ES256" => PlatformKey::P256 {
                x: self.number("x").try_into().unwrap(),
                y: self.number("y").try_into().unwrap(),
            },
            "RS256" => PlatformKey::Rsa {
                modulus: self.number("n"),
                exponent: self.number("e"),
            },
            other => panic!("{other} is no algorithm"),
        };
        check(&key, message, signature) == Finding::Valid
    }
}

fn decode(base64url: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(base64url).unwrap()
}

fn message_and_signature(token: &str) -> (&[u8], Vec<u8>) {
    let (message, signature) = token.rsplit_once('.').unwrap();
    (message.as_bytes(), decode(signature))
}

/// `ok`, or the reason of the refusal.
fn said(token: &str, keys: &KeySet, now: i64) -> &'static str {
    let expect = Expectations::new(
        "https://id.example",
        Audiences::OneOf(vec!["https://app.example".into()]),
        TokenType::Access,
    );
    let now = UnixTime::from_seconds(now);
    let mut outcome = verify_with(token, keys, &expect, None, now).map(|_| ());
    if let Err(Unverified::NeedsSignature(question)) = outcome {
        outcome = verify_with(token, keys, &expect, Some(&answer(*question)), now).map(|_| ());
    }
    match outcome {
        Ok(()) => "ok",
        Err(Unverified::Rejected(reject)) => reject.reason(),
        Err(Unverified::NeedsSignature(_)) => "asked twice",
    }
}

#[test]
fn every_verdict_is_that_of_the_corpus() {
    let Corpus { now, groups } = corpus();
    let (mut rows, mut wrong) = (0, Vec::new());
    for group in &groups {
        let keys = group.keys();
        assert_eq!(keys.as_ref().err().copied(), group.refused.as_deref());
        for token in &group.warm {
            assert_eq!(said(token, keys.as_ref().unwrap(), now), "ok");
        }
        for row in &group.rows {
            rows += 1;
            let about = format!("{}, {}", group.about, row.about);
            let (message, signature) = message_and_signature(&row.token);
            if group.bare(message, &signature) != row.bare {
                wrong.push(format!("{about}: aws-lc does not find {}", row.bare));
            }
            if let Ok(keys) = &keys {
                let said = said(&row.token, keys, now);
                if said != row.said {
                    wrong.push(format!("{about}: {said} instead of {}", row.said));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 300, "{rows}");
}

#[test]
fn no_bit_of_a_good_signature_may_be_flipped() {
    let Corpus { now, groups } = corpus();
    for alg in ["EdDSA", "ES256", "RS256"] {
        let mut groups = groups.iter().filter(|group| group.alg == alg);
        let group = groups.next().unwrap();
        let keys = group.keys().unwrap();
        let good = &group
            .rows
            .iter()
            .find(|row| row.said == "ok")
            .unwrap()
            .token;
        let (message, signature) = message_and_signature(good);
        for bit in 0..8 * signature.len() {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!group.bare(message, &flipped), "{alg}, bit {bit}");
            let (input, _) = good.rsplit_once('.').unwrap();
            let token = format!("{input}.{}", Base64UrlUnpadded::encode_string(&flipped));
            assert_eq!(said(&token, &keys, now), "signature-invalid", "{bit}");
        }
    }
}
