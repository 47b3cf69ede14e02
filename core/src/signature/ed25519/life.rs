//! From the first token of a key to the set that no longer has it: what is prepared, when, and for how many.

use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use super::preparation::{GOOD_BEFORE_PREPARED, MAX_PREPARED_KEYS};
use super::*;
use crate::keys::{KeySet, PublicKey};
#[cfg(target_family = "wasm")]
use crate::signature::test_in_browser as test;
use crate::token::SigningKey;

const NONE: [usize; 0] = [];

const MESSAGE: &[u8] = b"header.payload";

struct Issuer {
    pairs: Vec<ed25519_compact::KeyPair>,
}

impl Issuer {
    fn with_keys(count: u8) -> Self {
        let pair =
            |seed| ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([seed; 32]));
        Self {
            pairs: (1..=count).map(pair).collect(),
        }
    }

    /// A set of the keys at these places, as it would be read anew.
    fn publishes(&self, places: &[usize]) -> KeySet {
        let keys = places.iter().map(|&place| {
            SigningKey::from_seed(&self.pairs[place].sk.seed())
                .unwrap()
                .public_jwk()
        });
        KeySet::parse(KeySet::from_keys(keys).unwrap().to_json().as_bytes()).unwrap()
    }

    fn check(&self, keys: &KeySet, place: usize, times: u32) {
        let key = self.key(keys, place);
        let signature = self.pairs[place].sk.sign(MESSAGE, None);
        for _ in 0..times {
            assert_eq!(key.check(MESSAGE, &signature[..]), Ok(()));
            assert_eq!(
                key.check(b"header.another", &signature[..]),
                Err(Reject::SignatureInvalid)
            );
        }
    }

    fn key(&self, keys: &KeySet, place: usize) -> Ed25519Key {
        keys.keys()
            .find_map(|key| {
                match key.public_key() {
                    PublicKey::Ed25519(key) => Some(key),
                    PublicKey::Platform(_) => None,
                }
                .filter(|key| *key.as_bytes() == *self.pairs[place].pk)
            })
            .unwrap()
            .clone()
    }

    /// The places of the keys that are prepared in this set.
    fn prepared(&self, keys: &KeySet) -> Vec<usize> {
        (0..self.pairs.len())
            .filter(|&place| {
                keys.contains(
                    &SigningKey::from_seed(&self.pairs[place].sk.seed())
                        .unwrap()
                        .public_jwk()
                        .thumbprint(),
                )
            })
            .filter(|&place| self.key(keys, place).preparation.prepared().is_some())
            .collect()
    }
}

#[test]
fn a_key_is_prepared_after_enough_good_tokens() {
    let issuer = Issuer::with_keys(2);
    let keys = issuer.publishes(&[0, 1]);
    issuer.check(&keys, 0, GOOD_BEFORE_PREPARED - 1);
    assert_eq!(issuer.prepared(&keys), NONE);
    issuer.check(&keys, 0, 1);
    assert_eq!(issuer.prepared(&keys), [0]);
    issuer.check(&keys, 0, 3);
}

/// Who cannot sign can neither make us prepare a key nor take the room of another.
#[test]
fn bad_tokens_prepare_nothing() {
    let issuer = Issuer::with_keys(1);
    let keys = issuer.publishes(&[0]);
    let key = issuer.key(&keys, 0);
    for _ in 0..10 * GOOD_BEFORE_PREPARED {
        assert!(key.check(MESSAGE, &[0; 64]).is_err());
    }
    assert_eq!(issuer.prepared(&keys), NONE);
}

#[test]
fn only_so_many_keys_are_prepared() {
    let issuer = Issuer::with_keys(6);
    let keys = issuer.publishes(&[0, 1, 2, 3, 4, 5]);
    for place in 0..6 {
        issuer.check(&keys, place, 2 * GOOD_BEFORE_PREPARED);
    }
    assert_eq!(issuer.prepared(&keys).len(), MAX_PREPARED_KEYS);
    assert_eq!(issuer.prepared(&keys), [0, 1, 2, 3]);
}

#[test]
fn a_refreshed_set_takes_over_what_was_prepared() {
    let issuer = Issuer::with_keys(6);
    let older = issuer.publishes(&[0, 1, 2, 3, 4]);
    for place in 0..4 {
        issuer.check(&older, place, GOOD_BEFORE_PREPARED);
    }
    let without = issuer.publishes(&[3, 4, 5]);
    let mut newer = issuer.publishes(&[3, 4, 5]);
    newer.adopt(&older);
    assert_eq!(newer, without);
    assert_eq!(newer.fingerprint(), without.fingerprint());
    assert_eq!(issuer.prepared(&newer), [3]);

    // While the older set is still in use somewhere, its keys have their places; then these are free.
    issuer.check(&newer, 4, GOOD_BEFORE_PREPARED);
    assert_eq!(issuer.prepared(&newer), [3]);
    drop(older);
    issuer.check(&newer, 4, GOOD_BEFORE_PREPARED);
    issuer.check(&newer, 5, GOOD_BEFORE_PREPARED);
    assert_eq!(issuer.prepared(&newer), [3, 4, 5]);
}

/// A clone is the same set, and a set that was made of another's keys is another.
#[test]
fn a_clone_shares_and_a_new_set_begins_anew() {
    let issuer = Issuer::with_keys(1);
    let keys = issuer.publishes(&[0]);
    let clone = keys.clone();
    issuer.check(&keys, 0, GOOD_BEFORE_PREPARED);
    assert_eq!(issuer.prepared(&clone), [0]);
    assert_eq!(keys, clone);
    let another = KeySet::from_keys(keys.keys().cloned()).unwrap();
    assert_eq!(issuer.prepared(&another), NONE);
    assert_eq!(keys, another);
}

/// The suites of other runtimes cannot see what is prepared. They rely on this: the good tokens of a key in the corpus of
/// signatures are at least twice what it takes, and every verdict about it is the same before and after them.
#[test]
fn the_good_tokens_of_the_corpus_prepare_their_key() {
    const CORPUS: &str = include_str!("../../../tests/vectors/signatures.json");
    let corpus: Value = serde_json::from_str(CORPUS).unwrap();
    let decode = |text: &str| Base64UrlUnpadded::decode_vec(text).unwrap();
    let check = |key: &Ed25519Key, token: &Value| {
        let (message, signature) = token.as_str().unwrap().rsplit_once('.').unwrap();
        key.check(message.as_bytes(), &decode(signature))
    };
    let mut count = 0;
    for group in corpus["groups"].as_array().unwrap() {
        let warm = group["warm"].as_array().unwrap();
        if warm.is_empty() {
            continue;
        }
        count += 1;
        let bytes = decode(group["jwk"]["x"].as_str().unwrap());
        let public = ed25519_compact::PublicKey::from_slice(&bytes).unwrap();
        let key = Ed25519Key::new(public);
        for (index, token) in (1_u32..).zip(warm) {
            assert!(key.preparation.prepared().is_none() || index > GOOD_BEFORE_PREPARED);
            assert_eq!(check(&key, token), Ok(()));
        }
        assert!(key.preparation.prepared().is_some());
        assert!(warm.len() >= 2 * GOOD_BEFORE_PREPARED as usize);
        for row in group["rows"].as_array().unwrap() {
            let good = if row["said"] == "ok" {
                Ok(())
            } else {
                Err(Reject::SignatureInvalid)
            };
            let fresh = Ed25519Key::new(public);
            assert_eq!(check(&fresh, &row["token"]), good, "{row}");
            assert_eq!(check(&key, &row["token"]), good, "{row}");
        }
    }
    assert_eq!(count, 8);
}

#[test]
fn threads_may_share_a_set() {
    fn shared<T: Send + Sync>() {}
    shared::<KeySet>();
}
