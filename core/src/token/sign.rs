//! Making tokens, for the issuer and for an edge's own proofs and assertions.
//!
//! Signing is deterministic (RFC 8032 section 5.1.6), so it needs no randomness. Where the seed comes from and how it is kept
//! is the caller's business.

use alloc::string::String;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_compact::{KeyPair, SecretKey, Seed};
use serde::Serialize;

use super::expectations::TokenType;
use super::limits::MAX_TOKEN_BYTES;
use crate::keys::Jwk;
use crate::signature::Algorithm;

/// An Ed25519 private key that signs tokens. Wiped from memory when dropped; never shown by `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    secret: SecretKey,
    public: Jwk,
}

/// The seed is all zeros: it was never filled in, and everybody knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakSeed;

impl fmt::Display for WeakSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the signing key's seed is all zeros")
    }
}

impl core::error::Error for WeakSeed {}

/// Why a token could not be made; always the caller's mistake, never a matter of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// The claims do not serialise to a JSON object.
    ClaimsNotAnObject,
    /// The token would be longer than any verifier accepts.
    TokenTooLarge,
}

impl fmt::Display for SignError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ClaimsNotAnObject => "the claims do not serialise to a JSON object",
            Self::TokenTooLarge => "the token would be longer than any verifier accepts",
        })
    }
}

impl core::error::Error for SignError {}

#[derive(Serialize)]
struct Header<'h> {
    alg: &'static str,
    kid: &'h str,
    typ: &'h str,
}

impl SigningKey {
    /// The key of a 32-byte seed (the private key of RFC 8032 section 5.1.5). Errors if the seed is all zeros.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, WeakSeed> {
        let pair = KeyPair::try_from_seed(Seed::new(*seed)).map_err(|_| WeakSeed)?;
        Ok(Self {
            public: Jwk::of(pair.pk),
            secret: pair.sk,
        })
    }

    /// The `kid`: the RFC 7638 thumbprint of the public key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.public.key_id()
    }

    /// The public half, for a key set.
    #[must_use]
    pub fn public_jwk(&self) -> Jwk {
        self.public.clone()
    }

    /// A compact JWS over `claims`, with the header `{"alg":"EdDSA","kid":…,"typ":…}`.
    ///
    /// Nothing is added to the claims and nothing in them is checked but their shape: times, issuer and audience are the
    /// caller's.
    pub fn sign(
        &self,
        token_type: &TokenType,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        let unsigned = UnsignedToken::new(Algorithm::EdDsa, self.key_id(), token_type, claims)?;
        let signature = self.sign_unsigned(&unsigned);
        unsigned.signed(&signature)
    }

    /// The signature alone, for a token whose header names this key.
    #[must_use]
    pub fn sign_unsigned(&self, token: &UnsignedToken) -> [u8; 64] {
        *self.secret.sign(token.signing_input(), None)
    }
}

/// Header and claims of a token that somebody else signs: a device that keeps the private key, for one.
///
/// Nothing says that what is put beside them is a signature of that key: whoever makes tokens so verifies one.
pub struct UnsignedToken(String);

impl UnsignedToken {
    /// With the header `{"alg":…,"kid":…,"typ":…}`. Errors as [`SigningKey::sign`].
    pub fn new(
        algorithm: Algorithm,
        key_id: &str,
        token_type: &TokenType,
        claims: &impl Serialize,
    ) -> Result<Self, SignError> {
        let header = Header {
            alg: algorithm.name(),
            kid: key_id,
            typ: token_type.name(),
        };
        let header = serde_json::to_vec(&header).map_err(|_| SignError::ClaimsNotAnObject)?;
        let claims = serde_json::to_vec(claims).map_err(|_| SignError::ClaimsNotAnObject)?;
        if claims.first() != Some(&b'{') {
            return Err(SignError::ClaimsNotAnObject);
        }
        let mut token = Base64UrlUnpadded::encode_string(&header);
        token.push('.');
        token.push_str(&Base64UrlUnpadded::encode_string(&claims));
        Ok(Self(token))
    }

    /// What is to be signed (RFC 7515 section 5.1).
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The token, with a signature in the form of RFC 7518 or RFC 8037. Errors if no verifier would read it.
    pub fn signed(self, signature: &[u8]) -> Result<String, SignError> {
        let mut token = self.0;
        token.push('.');
        token.push_str(&Base64UrlUnpadded::encode_string(signature));
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SignError::TokenTooLarge);
        }
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("key_id", &self.key_id())
            .field("secret", &"[redacted]")
            .finish()
    }
}
