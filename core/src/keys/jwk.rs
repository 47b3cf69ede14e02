//! One public key (RFC 7517): Ed25519 (RFC 8037 section 2), P-256 and RSA (RFC 7518 sections 6.2 and 6.3).

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::error::KeySetError;
use super::public_key::PublicKey;
use crate::json::{self, Json, Members};
use crate::signature::{Algorithm, Ed25519Key};
use crate::token::{TokenType, is_key_id};

/// Members that only a private key has (RFC 7518 sections 6.2.2, 6.3.2, RFC 8037 section 2, `AKP` keys).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// Our own member: the one `typ` that a key may sign. It lets the issuer publish its edges' keys without giving an edge
/// the power to make access tokens.
const RESTRICTION: &str = "edgeward_typ";

/// A public key with its name.
///
/// Serialises to `{"kty":"OKP","crv":"Ed25519","x":…,"kid":…,"alg":"EdDSA","use":"sig"}` (with `y`, or `n` and `e`, for the other
/// kinds), with `"edgeward_typ"` if it is restricted. A key that was read keeps its own `alg`, or has none.
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
    pub(crate) fn of(public_key: ed25519_compact::PublicKey) -> Self {
        let public_key = PublicKey::Ed25519(Ed25519Key::new(public_key));
        Self {
            key_id: public_key.thumbprint(),
            named: true,
            public_key,
            algorithm: Some(Algorithm::EdDsa),
            restriction: None,
        }
    }

    /// A key that came without any name or label.
    pub(super) fn unnamed(public_key: PublicKey) -> Self {
        Self {
            key_id: public_key.thumbprint(),
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
        self.public_key.thumbprint()
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

    /// The key, if it is of the kind that is checked here.
    pub(super) fn ed25519(&self) -> Option<&Ed25519Key> {
        match &self.public_key {
            PublicKey::Ed25519(key) => Some(key),
            PublicKey::Platform(_) => None,
        }
    }

    /// [`Self::ed25519`] for putting the same key in its place, with what was prepared for it.
    pub(super) fn ed25519_mut(&mut self) -> Option<&mut Ed25519Key> {
        match &mut self.public_key {
            PublicKey::Ed25519(key) => Some(key),
            PublicKey::Platform(_) => None,
        }
    }

    /// Whether a header may name this algorithm: the key's own label decides; without one, any that its kind is for.
    pub(crate) fn allows_algorithm(&self, algorithm: Algorithm) -> bool {
        self.public_key.is_for(algorithm) && self.algorithm.is_none_or(|label| label == algorithm)
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
    pub(super) fn read(members: &Members<'_>) -> Result<Entry, KeySetError> {
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(value) => value.as_text().map(Some).ok_or(KeySetError::KeyMalformed),
        };
        let kty = text("kty")?.ok_or(KeySetError::KeyMalformed)?;
        if kty == "oct" || members.contains("k") {
            return Err(KeySetError::SymmetricKey);
        }
        if PRIVATE_MEMBERS.iter().any(|&name| members.contains(name)) {
            return Err(KeySetError::PrivateKey);
        }
        let key_id = match members.get("kid") {
            None => None,
            Some(value) => Some(
                value
                    .as_text()
                    .ok_or(KeySetError::KeyIdMalformed)?
                    .to_owned(),
            ),
        };
        let for_signatures =
            text("use")?.is_none_or(|purpose| purpose == "sig") && may_verify(members)?;
        let Some(kind) = Kind::of(kty, text("crv")?).filter(|_| for_signatures) else {
            return Ok(Entry::Skipped(key_id));
        };
        let algorithm = match text("alg")?.map(|label| kind.judge(label)) {
            None => None,
            Some(Label::Ours(algorithm)) => Some(algorithm),
            Some(Label::AnotherUse) => return Ok(Entry::Skipped(key_id)),
            Some(Label::Contradiction) => return Err(KeySetError::AlgorithmMismatch),
        };
        if key_id.as_deref().is_some_and(|kid| !is_key_id(kid)) {
            return Err(KeySetError::KeyIdMalformed);
        }
        let restriction = match members.get(RESTRICTION) {
            None => None,
            Some(Json::Text(typ)) if !typ.is_empty() => Some(typ.as_ref().to_owned()),
            Some(_) => return Err(KeySetError::RestrictionMalformed),
        };
        let number = |name: &str| {
            let encoded = text(name)?.ok_or(KeySetError::PublicKeyMalformed)?;
            Base64UrlUnpadded::decode_vec(encoded).map_err(|_| KeySetError::PublicKeyMalformed)
        };
        let public_key = kind.key(number)?;
        let named = key_id.is_some();
        let key_id = key_id.unwrap_or_else(|| public_key.thumbprint());
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
        // The kind first, for people who read key sets.
        let key = self.public_key.members();
        let (kind, numbers): (Vec<_>, Vec<_>) = key.iter().partition(|(name, _)| *name == "kty");
        for (name, value) in kind.into_iter().chain(numbers) {
            members.serialize_entry(name, value)?;
        }
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

/// `key_ops` (RFC 7517 section 4.3), if present, are texts of which none is twice, and must allow verifying.
fn may_verify(members: &Members<'_>) -> Result<bool, KeySetError> {
    match members.get("key_ops") {
        None => Ok(true),
        Some(Json::List(operations)) => {
            let mut names = BTreeSet::new();
            for operation in operations {
                let name = operation.as_text().ok_or(KeySetError::KeyMalformed)?;
                if !names.insert(name) {
                    return Err(KeySetError::KeyMalformed);
                }
            }
            Ok(names.contains("verify"))
        }
        Some(_) => Err(KeySetError::KeyMalformed),
    }
}

/// The kinds of keys that are used here.
#[derive(Clone, Copy)]
enum Kind {
    Ed25519,
    P256,
    Rsa,
}

/// What a key's `alg` says about it.
enum Label {
    /// It is for this algorithm.
    Ours(Algorithm),
    /// Such keys exist, and are for something that is not done here: another hash, another padding, encryption.
    AnotherUse,
    /// No such key exists: whoever published it made a mistake with keys.
    Contradiction,
}

impl Kind {
    fn of(kty: &str, crv: Option<&str>) -> Option<Self> {
        match (kty, crv) {
            ("OKP", Some("Ed25519")) => Some(Self::Ed25519),
            ("EC", Some("P-256")) => Some(Self::P256),
            ("RSA", _) => Some(Self::Rsa),
            (_, _) => None,
        }
    }

    /// RFC 7518 section 3.1 and 4.1, RFC 8037 section 3.1, RFC 9864.
    fn judge(self, label: &str) -> Label {
        let another_use = match self {
            Self::Ed25519 => false,
            Self::P256 => label.starts_with("ECDH-ES"),
            Self::Rsa => {
                matches!(
                    label,
                    "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "RSA1_5"
                ) || label.starts_with("RSA-OAEP")
            }
        };
        if another_use {
            return Label::AnotherUse;
        }
        match (self, Algorithm::from_name(label)) {
            (Self::Ed25519, Some(algorithm @ (Algorithm::EdDsa | Algorithm::Ed25519)))
            | (Self::P256, Some(algorithm @ Algorithm::Es256))
            | (Self::Rsa, Some(algorithm @ Algorithm::Rs256)) => Label::Ours(algorithm),
            (Self::Ed25519 | Self::P256 | Self::Rsa, _) => Label::Contradiction,
        }
    }

    fn key(
        self,
        number: impl Fn(&str) -> Result<Vec<u8>, KeySetError>,
    ) -> Result<PublicKey, KeySetError> {
        match self {
            Self::Ed25519 => PublicKey::ed25519(&number("x")?),
            Self::P256 => PublicKey::p256(&number("x")?, &number("y")?),
            Self::Rsa => PublicKey::rsa(&number("n")?, &number("e")?),
        }
    }
}
