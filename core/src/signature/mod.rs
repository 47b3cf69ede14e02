//! The closed list of signature algorithms, and the check of one signature.
//!
//! The key decides which algorithm is used; a token's header only has to agree (RFC 8725 section 3.1). This module knows
//! nothing of tokens: it gets bytes.
//!
//! # How this relates to the reference
//!
//! The reference for Ed25519 is the check without cofactor of RFC 8032 section 5.1.7, as WebCrypto does it, and every signature that
//! is accepted here is accepted there. In the other direction there is one difference: keys that are not canonical and keys and R
//! of small order are refused. No honest signer makes them, and for them a signature says nothing about who made it.

mod ed25519;
mod question;

use crate::keys::{PlatformKey, PublicKey};
use crate::reject::Reject;

pub(crate) use ed25519::{Ed25519Key, Room};
pub use question::{Finding, SignatureAnswer, SignatureQuestion};

/// A name that a header's `alg` may have.
///
/// RFC 9864 deprecates the name `EdDSA` for the precise `Ed25519`; both mean the same signature here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `EdDSA` (RFC 8037), with an Ed25519 key.
    EdDsa,
    /// `Ed25519` (RFC 9864).
    Ed25519,
    /// `ES256` (RFC 7518 section 3.4): ECDSA over P-256 with SHA-256.
    Es256,
    /// `RS256` (RFC 7518 section 3.3): RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// The algorithm of this exact name; names are case-sensitive (RFC 7515 section 4.1.1), so `none` in any spelling is no
    /// algorithm.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "EdDSA" => Some(Self::EdDsa),
            "Ed25519" => Some(Self::Ed25519),
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }

    /// The name as it stands in a header or a key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// How a check of a signature comes out here.
pub(crate) enum Checked {
    Valid,
    /// The platform must check it, with this key.
    Elsewhere(PlatformKey),
}

/// Checks `signature` over `message`, or says that the platform must. The caller has made sure that the key is for the
/// algorithm. Errors: [`Reject::SignatureLength`], [`Reject::SignatureInvalid`].
pub(crate) fn check(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<Checked, Reject> {
    match key {
        PublicKey::Ed25519(key) => key.check(message, signature).map(|()| Checked::Valid),
        PublicKey::Platform(key) => {
            let length = match key {
                PlatformKey::P256 { .. } => 64,
                PlatformKey::Rsa { modulus, .. } => modulus.len(),
            };
            if signature.len() != length {
                return Err(Reject::SignatureLength);
            }
            Ok(Checked::Elsewhere(key.clone()))
        }
    }
}

#[cfg(test)]
mod vectors;

/// What `#[test]` is where a browser engine runs the tests.
#[cfg(all(test, target_family = "wasm"))]
use wasm_bindgen_test::wasm_bindgen_test as test_in_browser;
#[cfg(all(test, target_family = "wasm"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use base64ct::{Base64UrlUnpadded, Encoding};
    use jwt_compact::Algorithm as _;
    use jwt_compact::alg::Ed25519;

    use super::*;

    #[test]
    fn names_are_those_of_jwt_compact() {
        assert_eq!(Algorithm::EdDsa.name(), Ed25519.name());
        assert_eq!(
            Algorithm::Ed25519.name(),
            Ed25519::with_specific_name().name()
        );
        for algorithm in [
            Algorithm::EdDsa,
            Algorithm::Ed25519,
            Algorithm::Es256,
            Algorithm::Rs256,
        ] {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        for name in [
            "", "none", "None", "eddsa", "ED25519", "Ed448", "HS256", "EdDSA ",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    /// RFC 8037 appendix A.4: this signature over this input with the key of appendix A.2.
    #[test]
    fn the_vector_of_rfc_8037() {
        const INPUT: &[u8] = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let decode = |text| Base64UrlUnpadded::decode_vec(text).unwrap();
        let bytes = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let key = Ed25519Key::new(ed25519_compact::PublicKey::from_slice(&bytes).unwrap());
        let signature = decode(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );
        assert_eq!(key.check(INPUT, &signature), Ok(()));
        for length in (0..64).chain(65..70) {
            let wrong: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
            assert_eq!(
                key.check(INPUT, &wrong),
                Err(Reject::SignatureLength),
                "{length}"
            );
        }
        for at in 0..INPUT.len() {
            let mut mangled = INPUT.to_vec();
            mangled[at] ^= 1;
            assert_eq!(
                key.check(&mangled, &signature),
                Err(Reject::SignatureInvalid),
                "{at}"
            );
        }
    }
}
