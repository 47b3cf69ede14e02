//! An issuer's set of keys, and the choice of one for a token.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::KeySetError;
use super::jwk::{Entry, Jwk};
use super::pem;
use crate::json::{self, Json};
use crate::reject::Reject;
use crate::signature::Room;
use crate::token::KeyIdRule;

/// Longest accepted key set in bytes. Because a hundred keys fit, and because a hostile or broken server could otherwise
/// make the edge read without end.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// Most entries in a key set. Because issuers rotate a few keys, edges add one each, and selection walks the list.
pub const MAX_KEYS: usize = 100;

/// The reason of who refuses a key set because no key in it is usable. Reading does not: an issuer may have no key yet.
pub const NO_USABLE_KEY: &str = "key-set-without-usable-key";

/// The public keys of one issuer. Never mix issuers in one set: a `kid` is unique only within its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<Jwk>,
    /// Places in `keys`, in the order of the `kid`s, so that a large set costs a token no more than a small one.
    by_id: Vec<usize>,
    /// What [`Self::fingerprint`] answers.
    fingerprint: [u8; 32],
    /// Entries that were read, with those of kinds that are not used here.
    entries: usize,
}

#[derive(Serialize)]
struct Document<'k> {
    keys: &'k [Jwk],
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 section 5). Entries of other key types, curves and uses are skipped; anything wrong refuses the
    /// whole set. A set without a usable key is a set, and verifies nothing.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let document = json::read_object(json)?;
        let Some(Json::List(entries)) = document.get("keys") else {
            return Err(KeySetError::KeysMissing);
        };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut read = Vec::with_capacity(entries.len());
        for entry in entries {
            let Json::Object(members) = entry else {
                return Err(KeySetError::NotAnObject);
            };
            read.push(Jwk::read(members)?);
        }
        Self::assemble(read)
    }

    /// A set of these keys. Errors: [`KeySetError::TooManyKeys`], [`KeySetError::DuplicateKeyId`].
    pub fn from_keys(keys: impl IntoIterator<Item = Jwk>) -> Result<Self, KeySetError> {
        Self::assemble(keys.into_iter().map(Entry::Usable).collect())
    }

    /// A set of one key in PEM (`-----BEGIN PUBLIC KEY-----`, a SubjectPublicKeyInfo of an Ed25519, P-256 or RSA key).
    ///
    /// The key has no name: with [`KeyIdRule::Required`] it answers to its thumbprint, with
    /// [`KeyIdRule::OptionalForSetOfOne`] to any `kid` and to none.
    pub fn from_spki_pem(pem: &str) -> Result<Self, KeySetError> {
        let key = pem::read(pem)?;
        Self::assemble(Vec::from([Entry::Usable(Jwk::unnamed(key))]))
    }

    /// Takes over from the set before it what was prepared for the keys that both have.
    ///
    /// An Ed25519 key that has verified some tokens gets tables with which it verifies the next ones several times as fast.
    /// Call this on a set that was just read, before anything is verified with it; it changes nothing about which tokens
    /// are accepted.
    pub fn adopt(&mut self, older: &Self) {
        let mut prepared = older.keys.iter().filter_map(Jwk::ed25519).peekable();
        let Some(room) = prepared.peek().map(|key| key.room()) else {
            return;
        };
        for key in self.keys.iter_mut().filter_map(Jwk::ed25519_mut) {
            *key = match prepared.clone().find(|older| *older == key) {
                Some(same) => same.clone(),
                None => key.in_room(room),
            };
        }
    }

    /// Whether no key is usable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys are usable.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a usable key has this `kid`.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.find(kid).is_some()
    }

    /// SHA-256 over all that decides which tokens the set accepts: different for sets that accept different tokens, equal for the
    /// same keys in another order.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The usable keys, in the order of the document.
    pub fn keys(&self) -> impl Iterator<Item = &Jwk> {
        self.keys.iter()
    }

    /// The usable keys as a JWK Set.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings under string keys always serialise.
        serde_json::to_string(&Document { keys: &self.keys }).unwrap_or_default()
    }

    /// The key for a token that names `kid`, or none.
    pub(crate) fn select(&self, kid: Option<&str>, rule: KeyIdRule) -> Result<&Jwk, Reject> {
        if self.is_empty() {
            return Err(Reject::KeysUnavailable);
        }
        // A skipped entry counts: the token may have been meant for it.
        let only = match (rule, self.keys.as_slice()) {
            (KeyIdRule::OptionalForSetOfOne, [only]) if self.entries == 1 => Some(only),
            (KeyIdRule::OptionalForSetOfOne | KeyIdRule::Required, _) => None,
        };
        match (kid, only) {
            (None, Some(only)) => Ok(only),
            (None, None) => Err(Reject::KeyIdMissing),
            (Some(_), Some(only)) if !only.is_named() => Ok(only),
            (Some(kid), _) => self.find(kid).ok_or(Reject::UnknownKey),
        }
    }

    fn find(&self, kid: &str) -> Option<&Jwk> {
        let place = self
            .by_id
            .binary_search_by(|place| self.keys.get(*place).map(Jwk::key_id).cmp(&Some(kid)))
            .ok()?;
        self.keys.get(*self.by_id.get(place)?)
    }

    fn assemble(read: Vec<Entry>) -> Result<Self, KeySetError> {
        if read.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut names = BTreeSet::new();
        for entry in &read {
            let name = match entry {
                Entry::Usable(key) => Some(key.key_id()),
                Entry::Skipped(kid) => kid.as_deref(),
            };
            if name.is_some_and(|name| !names.insert(name)) {
                return Err(KeySetError::DuplicateKeyId);
            }
        }
        let entries = read.len();
        let mut keys: Vec<Jwk> = read
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Usable(key) => Some(key),
                Entry::Skipped(_) => None,
            })
            .collect();
        let room = Arc::new(Room::default());
        for key in keys.iter_mut().filter_map(Jwk::ed25519_mut) {
            *key = key.in_room(&room);
        }
        // One by one, because the keys are few and a general sort is five kilobytes of wasm.
        let id = |place: usize| keys.get(place).map(Jwk::key_id);
        let mut by_id: Vec<usize> = Vec::with_capacity(keys.len());
        for place in 0..keys.len() {
            by_id.insert(by_id.partition_point(|other| id(*other) < id(place)), place);
        }
        // By name, so that a document in another order is the same set; of what is not usable only that it is there decides
        // anything, see `select`.
        let mut digest = Sha256::new_with_prefix([u8::from(entries == 1)]);
        for key in by_id.iter().filter_map(|place| keys.get(*place)) {
            digest.update([key.is_named().into()]);
            digest.update(key.to_json());
        }
        Ok(Self {
            fingerprint: digest.finalize().into(),
            keys,
            by_id,
            entries,
        })
    }
}
