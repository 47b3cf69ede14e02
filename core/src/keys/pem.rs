//! One Ed25519 public key in PEM (RFC 7468 section 13, RFC 8410 section 4).

use alloc::string::String;

use base64ct::{Base64, Encoding};
use ed25519_compact::PublicKey;

use super::error::KeySetError;
use super::jwk::checked;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Longest accepted PEM in bytes. Because an Ed25519 key takes 113, and a 4096-bit RSA key, which deserves the right error, 800.
const MAX_PEM_BYTES: usize = 4096;

/// The DER of an Ed25519 SubjectPublicKeyInfo up to the 32 bytes of the key: everything in it is fixed, so comparing is stricter than
/// parsing.
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

pub(super) fn read(pem: &str) -> Result<PublicKey, KeySetError> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(KeySetError::TooLarge);
    }
    let body = pem
        .trim_ascii()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .ok_or(KeySetError::NotPem)?;
    let base64: String = body.lines().map(str::trim_ascii).collect();
    let der = Base64::decode_vec(&base64).map_err(|_| KeySetError::NotPem)?;
    if der.is_empty() {
        return Err(KeySetError::NotPem);
    }
    let key = der
        .strip_prefix(&SPKI_PREFIX)
        .ok_or(KeySetError::UnsupportedKey)?;
    checked(key.try_into().map_err(|_| KeySetError::UnsupportedKey)?)
}
