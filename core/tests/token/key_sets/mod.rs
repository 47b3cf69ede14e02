//! Key sets: what is read, what is skipped and what refuses the whole set.

mod document;
mod ed25519;
mod p256;
mod rsa;
mod purpose;
mod pem;
mod export;

use std::collections::BTreeSet;

use edgeward_core::keys::{Jwk, KeySet, KeySetError};
use edgeward_core::token::TokenType;

use crate::forge::{KID, X, jwk, set, signing_key};

/// What, the document, and either how many keys are usable or why it is refused.
type Row = (String, Vec<u8>, Result<usize, &'static str>);

fn row(
    about: impl Into<String>,
    document: impl Into<Vec<u8>>,
    expected: Result<usize, &'static str>,
) -> Row {
    (about.into(), document.into(), expected)
}

fn one(key: &str) -> String {
    set(&[key.to_owned()])
}

fn rows() -> Vec<Row> {
    [
        document::rows(),
        ed25519::rows(),
        p256::rows(),
        rsa::rows(),
        purpose::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_set_is_read_skipped_or_refused() {
    for (about, document, expected) in rows() {
        let outcome = KeySet::parse(&document)
            .map(|set| set.len())
            .map_err(|error| error.reason());
        assert_eq!(
            outcome,
            expected,
            "{about}: {}",
            String::from_utf8_lossy(&document)
        );
    }
}

#[test]
fn every_rule_refuses_a_set() {
    let of_sets = rows().into_iter().filter_map(|row| row.2.err());
    let of_pem = pem::rows().into_iter().filter_map(|row| row.2.err());
    let reached: BTreeSet<_> = of_sets.chain(of_pem).collect();
    let unreached: Vec<_> = KeySetError::ALL
        .iter()
        .map(KeySetError::reason)
        .filter(|reason| !reached.contains(reason))
        .collect();
    assert!(unreached.is_empty(), "no row for {unreached:?}");
}

#[test]
fn the_thumbprint_is_that_of_rfc_8037() {
    assert_eq!(signing_key().key_id(), KID);
    assert_eq!(
        Jwk::parse(jwk(",\"kid\":\"other\"").as_bytes())
            .unwrap()
            .thumbprint(),
        KID
    );
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    assert!(KeySet::from_spki_pem(pem).unwrap().contains(KID));
}

#[test]
fn our_key_is_written_as_promised_and_read_back() {
    let key = signing_key().public_jwk();
    let plain = format!(
        "{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\",\"kid\":\"{KID}\",\"alg\":\"EdDSA\",\"use\":\"sig\"}}"
    );
    assert_eq!(key.to_json(), plain);
    let edge = key.clone().restricted_to(&TokenType::Assertion);
    assert_eq!(
        edge.to_json(),
        plain.replace('}', ",\"edgeward_typ\":\"edge+jwt\"}")
    );
    for key in [key, edge] {
        assert_eq!(Jwk::parse(key.to_json().as_bytes()).unwrap(), key);
    }
}

#[test]
fn a_set_is_written_and_read_back() {
    let other = edgeward_core::token::SigningKey::from_seed(&[7; 32])
        .unwrap()
        .public_jwk();
    let keys = [
        signing_key().public_jwk(),
        other.clone().restricted_to(&TokenType::Assertion),
    ];
    let set = KeySet::from_keys(keys.clone()).unwrap();
    assert_eq!(KeySet::parse(set.to_json().as_bytes()).unwrap(), set);
    assert_eq!(set.keys().cloned().collect::<Vec<_>>(), keys);
    assert!(set.contains(KID) && set.contains(other.key_id()) && !set.contains("other"));
    assert_eq!(
        KeySet::from_keys([other.clone(), other]),
        Err(KeySetError::DuplicateKeyId)
    );
}

#[test]
fn a_key_of_another_kind_alone_is_unsupported() {
    assert_eq!(
        Jwk::parse(b"{\"kty\":\"EC\"}"),
        Err(KeySetError::UnsupportedKey)
    );
}
