//! One public Ed25519 key (RFC 7517, RFC 8037 section 2).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_compact::PublicKey;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::KeySetError;
use crate::json;
use crate::signature::Algorithm;
use crate::token::{TokenType, is_key_id};

/// Members that only a private key has (RFC 7518 sections 6.2.2, 6.3.2, RFC 8037 section 2, `AKP` keys).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// Our own member: the one `typ` that a key may sign. It lets the issuer publish its edges' keys without giving an edge
/// the power to make access tokens.
const RESTRICTION: &str = "edgeward_typ";

/// A public Ed25519 key with its name.
///
/// Serialises to `{"kty":"OKP","crv":"Ed25519","x":…,"kid":…,"alg":"EdDSA","use":"sig"}`, with `"edgeward_typ"` if it is restricted.
/// A key that was read keeps its own `alg`, or has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    key_id: String,
    /// Whether the key came with a `kid`; otherwise `key_id` is its thumbprint.
    named: bool,
    public_key: PublicKey,
    algorithm: Option<Algorithm>,
    restriction: Option<String>,
}

/// What an entry of a key set turns out to be.
pub(super) enum Entry {
    Usable(Jwk),
    /// Of another kind or for another use; RFC 7517 section 5 says to ignore it. With its `kid`, which must still be unique.
    Skipped(Option<String>),
}

impl Jwk {
    /// The key named by its thumbprint and labelled `EdDSA`, unrestricted: our own keys.
    pub(crate) fn of(public_key: PublicKey) -> Self {
        Self {
            key_id: thumbprint(&public_key),
            named: true,
            public_key,
            algorithm: Some(Algorithm::EdDsa),
            restriction: None,
        }
    }

    /// A key that came without any name or label.
    pub(super) fn unnamed(public_key: PublicKey) -> Self {
        Self {
            key_id: thumbprint(&public_key),
            named: false,
            public_key,
            algorithm: None,
            restriction: None,
        }
    }

    /// Reads one key. Errors as for a key set, and [`KeySetError::UnsupportedKey`] for what a set would skip.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > super::MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        match Self::read(&json::read_object(json)?)? {
            Entry::Usable(key) => Ok(key),
            Entry::Skipped(_) => Err(KeySetError::UnsupportedKey),
        }
    }

    /// The same key, good only for tokens of this type. For [`TokenType::Assertion`] a key must be restricted to be good at all.
    #[must_use]
    pub fn restricted_to(self, token_type: &TokenType) -> Self {
        Self {
            restriction: Some(token_type.name().to_owned()),
            ..self
        }
    }

    /// The `kid`; the RFC 7638 thumbprint if the key has none.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The RFC 7638 thumbprint: base64url of SHA-256, whatever the `kid`.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.public_key)
    }

    /// The key as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings under string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Whether a header may name this algorithm: the key's own label decides; without one, either name of Ed25519.
    pub(crate) fn allows_algorithm(&self, algorithm: Algorithm) -> bool {
        match self.algorithm {
            Some(label) => label == algorithm,
            None => match algorithm {
                Algorithm::EdDsa | Algorithm::Ed25519 => true,
            },
        }
    }

    /// Whether this key may sign tokens of this type. An unrestricted key never makes an edge's assertion, so the issuer's keys and
    /// the edges' keys stay apart in both directions.
    pub(crate) fn allows_type(&self, token_type: &TokenType) -> bool {
        match &self.restriction {
            Some(only) => token_type.matches(only),
            None => !token_type.matches(TokenType::Assertion.name()),
        }
    }

    /// Reads an entry of a key set, whose JSON is already known to be strict.
    pub(super) fn read(members: &Map<String, Value>) -> Result<Entry, KeySetError> {
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value.as_str())),
            Some(_) => Err(KeySetError::KeyMalformed),
        };
        let kty = text("kty")?.ok_or(KeySetError::KeyMalformed)?;
        if kty == "oct" || members.contains_key("k") {
            return Err(KeySetError::SymmetricKey);
        }
        if PRIVATE_MEMBERS
            .iter()
            .any(|&name| members.contains_key(name))
        {
            return Err(KeySetError::PrivateKey);
        }
        let key_id = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(KeySetError::KeyIdMalformed),
        };
        let for_signatures =
            text("use")?.is_none_or(|purpose| purpose == "sig") && may_verify(members)?;
        if kty != "OKP" || text("crv")? != Some("Ed25519") || !for_signatures {
            return Ok(Entry::Skipped(key_id));
        }
        if key_id.as_deref().is_some_and(|kid| !is_key_id(kid)) {
            return Err(KeySetError::KeyIdMalformed);
        }
        let algorithm = match text("alg")? {
            None => None,
            Some(name) => Some(Algorithm::from_name(name).ok_or(KeySetError::AlgorithmMismatch)?),
        };
        let restriction = match members.get(RESTRICTION) {
            None => None,
            Some(Value::String(typ)) if !typ.is_empty() => Some(typ.clone()),
            Some(_) => return Err(KeySetError::RestrictionMalformed),
        };
        let public_key = public_key(text("x")?.ok_or(KeySetError::PublicKeyMalformed)?)?;
        let named = key_id.is_some();
        let key_id = key_id.unwrap_or_else(|| thumbprint(&public_key));
        Ok(Entry::Usable(Self {
            key_id,
            named,
            public_key,
            algorithm,
            restriction,
        }))
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("kty", "OKP")?;
        members.serialize_entry("crv", "Ed25519")?;
        members.serialize_entry("x", &Base64UrlUnpadded::encode_string(&self.public_key[..]))?;
        if self.named {
            members.serialize_entry("kid", &self.key_id)?;
        }
        if let Some(algorithm) = self.algorithm {
            members.serialize_entry("alg", algorithm.name())?;
        }
        members.serialize_entry("use", "sig")?;
        if let Some(restriction) = &self.restriction {
            members.serialize_entry(RESTRICTION, restriction)?;
        }
        members.end()
    }
}

/// `key_ops` (RFC 7517 section 4.3), if present, must allow verifying.
fn may_verify(members: &Map<String, Value>) -> Result<bool, KeySetError> {
    match members.get("key_ops") {
        None => Ok(true),
        Some(Value::Array(operations)) => {
            Ok(operations.iter().any(|operation| operation == "verify"))
        }
        Some(_) => Err(KeySetError::KeyMalformed),
    }
}

fn public_key(x: &str) -> Result<PublicKey, KeySetError> {
    let mut bytes = [0; PublicKey::BYTES];
    match Base64UrlUnpadded::decode(x, &mut bytes) {
        Ok(decoded) if decoded.len() == PublicKey::BYTES => {}
        Ok(_) | Err(_) => return Err(KeySetError::PublicKeyMalformed),
    }
    checked(bytes)
}

/// Refuses points for which signatures mean nothing.
pub(super) fn checked(bytes: [u8; PublicKey::BYTES]) -> Result<PublicKey, KeySetError> {
    let public_key = PublicKey::new(bytes);
    public_key
        .validate()
        .map_err(|_| KeySetError::WeakPublicKey)?;
    Ok(public_key)
}

/// RFC 7638 with the required members of RFC 8037 section 2: `crv`, `kty`, `x`, in this order and without white space.
fn thumbprint(public_key: &PublicKey) -> String {
    let x = Base64UrlUnpadded::encode_string(&public_key[..]);
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    Base64UrlUnpadded::encode_string(&Sha256::digest(canonical))
}
