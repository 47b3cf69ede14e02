//! One public key in PEM (RFC 7468 section 13): a SubjectPublicKeyInfo of RFC 8410 section 4 (Ed25519), RFC 5480 section 2 (P-256)
//! or RFC 3279 section 2.3.1 (RSA).

use alloc::string::String;

use base64ct::{Base64, Encoding};
use pkcs1::RsaPublicKey;
use spki::der::asn1::AnyRef;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::error::KeySetError;
use super::public_key::PublicKey;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Longest accepted PEM in bytes. Because an 8192-bit RSA key, the longest that is accepted, takes 1,500.
const MAX_PEM_BYTES: usize = 4096;

/// The DER of an Ed25519 key up to its 32 bytes: everything in it is fixed, so comparing is stricter than parsing.
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The DER of an uncompressed P-256 point up to its two coordinates, fixed as well.
const P256_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// RFC 3279 section 2.3.1; its parameters are NULL.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

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
    if let Some(key) = der.strip_prefix(&ED25519_PREFIX) {
        return PublicKey::ed25519(key);
    }
    if let Some((x, y)) = der
        .strip_prefix(&P256_PREFIX)
        .and_then(|point| point.split_at_checked(32))
    {
        return PublicKey::p256(x, y);
    }
    rsa(&der)
}

fn rsa(der: &[u8]) -> Result<PublicKey, KeySetError> {
    let unsupported = |_| KeySetError::UnsupportedKey;
    let info = SubjectPublicKeyInfoRef::try_from(der).map_err(unsupported)?;
    let has_null = |parameters: AnyRef<'_>| parameters.is_null();
    if info.algorithm.oid != RSA_ENCRYPTION || !info.algorithm.parameters.is_some_and(has_null) {
        return Err(KeySetError::UnsupportedKey);
    }
    let bits = info
        .subject_public_key
        .as_bytes()
        .ok_or(KeySetError::UnsupportedKey)?;
    let key = RsaPublicKey::try_from(bits).map_err(|_| KeySetError::PublicKeyMalformed)?;
    PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}
