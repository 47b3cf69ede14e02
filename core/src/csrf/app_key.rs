//! The key by which an edge judges CSRF tokens on the app's routes.

use alloc::string::String;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::Bound;

/// What the key is derived for (RFC 5869, section 3.2). It begins like no other message under the issuer's key.
const DERIVED_FOR: &[u8] = b"edgeward csrf key for app routes 1";

/// A key that is derived from the issuer's and judges the second MAC of a token, and nothing else. It is not printed by `Debug`
/// and is wiped when dropped.
pub struct AppCsrfKey([u8; 32]);

impl AppCsrfKey {
    /// HKDF-Expand (RFC 5869, section 2.3) with one block of output. The issuer's key is uniformly random already, so there is
    /// nothing to extract.
    pub(super) fn derived_from(key: &[u8; 32]) -> Self {
        let derived = <Hmac<Sha256> as Mac>::new_from_slice(key).map(|mut mac| {
            mac.update(DERIVED_FOR);
            mac.update(&[1]);
            mac.finalize().into_bytes().into()
        });
        // A MAC takes keys of every length.
        Self(derived.unwrap_or_default())
    }

    /// The key as it travels from the issuer to an edge: unpadded base64url of 32 bytes.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64UrlUnpadded::encode_string(&self.0))
    }

    /// Takes what [`Self::reveal`] made.
    #[must_use]
    pub fn from_revealed(text: &str) -> Option<Self> {
        super::decode_exactly(text).map(Self)
    }

    pub(super) fn mac(&self, bound: Bound<'_>) -> Option<[u8; 32]> {
        bound.mac(&self.0, b"edgeward csrf app 1\0", &[])
    }
}

impl fmt::Debug for AppCsrfKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AppCsrfKey(redacted)")
    }
}

impl Drop for AppCsrfKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derived_key_is_the_one_that_other_programs_derive() {
        // HMAC-SHA256(key, label ‖ 0x01), by Python's `hmac`.
        let derived = AppCsrfKey::derived_from(&[1; 32]);
        assert_eq!(
            &*derived.reveal(),
            "cdiGQnvktrtGm2hHZf5lBhb9hvlnTSScLFhVvfXWHHE"
        );
        let read = AppCsrfKey::from_revealed(&derived.reveal()).unwrap();
        assert_eq!(read.0, derived.0);
        for text in ["", "AAAA", &"A".repeat(44), &"=".repeat(43)] {
            assert!(AppCsrfKey::from_revealed(text).is_none(), "{text}");
        }
    }
}
