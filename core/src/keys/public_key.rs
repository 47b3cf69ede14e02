//! The public keys of the closed list of algorithms, checked as far as that is possible without their mathematics.
//!
//! Ed25519 is checked here, so its keys are validated here too. ES256 and RS256 are checked by the platform
//! ([`SignatureQuestion`](crate::signature::SignatureQuestion)); it also decides whether a P-256 point lies on its curve.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::digest::sha256;
use base64ct::{Base64UrlUnpadded, Encoding};

use super::error::KeySetError;
use crate::signature::{Algorithm, Ed25519Key};

/// Shortest accepted RSA modulus in bits (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;
/// Longest accepted RSA modulus in bits. Because the cost of a check grows with its square, and no platform that we use
/// checks longer ones.
const MAX_RSA_BITS: usize = 8192;
/// Smallest accepted RSA exponent (FIPS 186-5 section 5.1): smaller ones forgive a careless check of the padding nothing.
const MIN_RSA_EXPONENT: u64 = 65_537;
/// Longest accepted RSA exponent in bytes: 33 bits, the limit of the platforms.
const MAX_RSA_EXPONENT_BITS: u32 = 33;

/// A public key of one of the accepted kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Ed25519(Ed25519Key),
    Platform(PlatformKey),
}

/// A key whose signatures the platform checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformKey {
    /// A point of P-256 for ES256. Whether it lies on the curve is not known yet.
    P256 {
        /// Big-endian.
        x: [u8; 32],
        /// Big-endian.
        y: [u8; 32],
    },
    /// An RSA key for RS256, of 2048 to 8192 bits.
    Rsa {
        /// Big-endian, without leading zeros.
        modulus: Vec<u8>,
        /// Big-endian, without leading zeros; odd and at least 65537.
        exponent: Vec<u8>,
    },
}

impl PlatformKey {
    /// The key as a JWK with the members that make it what it is, and no other, which is what platforms import.
    #[must_use]
    pub fn to_jwk(&self) -> String {
        PublicKey::Platform(self.clone()).canonical_jwk()
    }
}

impl PublicKey {
    /// The Ed25519 key of 32 bytes. Refuses points for which signatures mean nothing.
    pub(super) fn ed25519(bytes: &[u8]) -> Result<Self, KeySetError> {
        let key = ed25519_compact::PublicKey::from_slice(bytes)
            .map_err(|_| KeySetError::PublicKeyMalformed)?;
        key.validate().map_err(|_| KeySetError::WeakPublicKey)?;
        Ok(Self::Ed25519(Ed25519Key::new(key)))
    }

    /// The P-256 key of two coordinates.
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Result<Self, KeySetError> {
        let coordinate =
            |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| KeySetError::PublicKeyMalformed);
        Ok(Self::Platform(PlatformKey::P256 {
            x: coordinate(x)?,
            y: coordinate(y)?,
        }))
    }

    /// The RSA key of a modulus and an exponent, both without leading zeros.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeySetError> {
        let well_formed = |number: &[u8]| {
            number.first().is_some_and(|first| *first != 0)
                && number.last().is_some_and(|last| last & 1 == 1)
        };
        if !well_formed(modulus) || !well_formed(exponent) {
            return Err(KeySetError::PublicKeyMalformed);
        }
        let leading = modulus.first().map_or(0, |first| first.leading_zeros());
        let bits = modulus.len() * 8 - leading as usize;
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(KeySetError::WeakPublicKey);
        }
        let value = exponent
            .iter()
            .try_fold(0_u64, |value, byte| {
                Some(value.checked_mul(256)? | u64::from(*byte))
            })
            .ok_or(KeySetError::WeakPublicKey)?;
        if value < MIN_RSA_EXPONENT || u64::BITS - value.leading_zeros() > MAX_RSA_EXPONENT_BITS {
            return Err(KeySetError::WeakPublicKey);
        }
        Ok(Self::Platform(PlatformKey::Rsa {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        }))
    }

    /// Whether signatures of this algorithm are made with keys of this kind.
    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        match (self, algorithm) {
            (Self::Ed25519(_), Algorithm::EdDsa | Algorithm::Ed25519)
            | (Self::Platform(PlatformKey::P256 { .. }), Algorithm::Es256)
            | (Self::Platform(PlatformKey::Rsa { .. }), Algorithm::Rs256) => true,
            (Self::Ed25519(_) | Self::Platform(_), _) => false,
        }
    }

    /// The members that make the key what it is, in the order of RFC 7638 section 3.2.
    pub(super) fn members(&self) -> Vec<(&'static str, String)> {
        let text = |value: &str| String::from(value);
        let number = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
        match self {
            Self::Ed25519(key) => Vec::from([
                ("crv", text("Ed25519")),
                ("kty", text("OKP")),
                ("x", number(key.as_bytes())),
            ]),
            Self::Platform(PlatformKey::P256 { x, y }) => Vec::from([
                ("crv", text("P-256")),
                ("kty", text("EC")),
                ("x", number(x)),
                ("y", number(y)),
            ]),
            Self::Platform(PlatformKey::Rsa { modulus, exponent }) => Vec::from([
                ("e", number(exponent)),
                ("kty", text("RSA")),
                ("n", number(modulus)),
            ]),
        }
    }

    /// RFC 7638: SHA-256 of the canonical form.
    pub(super) fn thumbprint(&self) -> String {
        Base64UrlUnpadded::encode_string(&sha256(self.canonical_jwk().as_bytes()))
    }

    /// RFC 7638 section 3: the required members in order and without white space.
    fn canonical_jwk(&self) -> String {
        let members: Vec<String> = self
            .members()
            .iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
