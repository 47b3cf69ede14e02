//! One public key in PEM (RFC 7468 section 13): a SubjectPublicKeyInfo of RFC 8410 section 4 (Ed25519), RFC 5480 section 2 (P-256)
//! or RFC 3279 section 2.3.1 (RSA).

use alloc::string::String;

use base64ct::{Base64, Encoding};

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

/// The DER of the algorithm of an RSA key, with the NULL that RFC 3279 section 2.3.1 demands.
const RSA_ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// The tags of DER that an RSA key is made of.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

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
    let key = only(SEQUENCE, der)
        .and_then(|info| info.strip_prefix(&RSA_ALGORITHM))
        .and_then(|key| only(BIT_STRING, key))
        // No bit of the last byte is unused.
        .and_then(|bits| bits.strip_prefix(&[0]))
        .ok_or(KeySetError::UnsupportedKey)?;
    let (modulus, exponent) = only(SEQUENCE, key)
        .and_then(|numbers| first(INTEGER, numbers))
        .and_then(|(modulus, rest)| Some((positive(modulus)?, positive(only(INTEGER, rest)?)?)))
        .ok_or(KeySetError::PublicKeyMalformed)?;
    PublicKey::rsa(modulus, exponent)
}

/// The content of the one value that `der` is.
fn only(tag: u8, der: &[u8]) -> Option<&[u8]> {
    let (content, rest) = first(tag, der)?;
    rest.is_empty().then_some(content)
}

/// The content of the first value, and what follows it. A length has one spelling in DER, the shortest (X.690 section 10.1);
/// one of more than two bytes is longer than any PEM that is read.
fn first(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk()?;
            ((length >= 0x80).then_some(usize::from(length))?, rest)
        }
        0x82 => {
            let (&[high, low], rest) = rest.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes([high, low]));
            ((high > 0).then_some(length)?, rest)
        }
        _ => return None,
    };
    if found != tag {
        return None;
    }
    rest.split_at_checked(length)
}

/// A number above zero without the byte that tells it from a negative one, which stands only where it is needed.
fn positive(number: &[u8]) -> Option<&[u8]> {
    match number {
        [1..=0x7f, ..] => Some(number),
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
        _ => None,
    }
}
