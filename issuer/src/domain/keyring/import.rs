//! A private key in PEM: PKCS#8 of Ed25519 (RFC 8410 section 7, with its public half or without), of P-256 or of RSA.
//!
//! In the DER of Ed25519 everything but the key is fixed, so comparing is stricter than parsing; the others are read by
//! aws-lc. Nothing of the text is repeated in an error: it may be the private key.

use base64ct::{Base64, Encoding};
use edgeward_core::token::SigningKey;
use zeroize::Zeroizing;

use crate::signatures::{self, KeyMaterial, SigningAlgorithm};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Longest accepted PEM in bytes. Because the longest such key, of RSA with 4096 bits, takes some 3,300.
pub const MAX_PEM_BYTES: usize = 4096;

/// Up to the 32 bytes of the key, which end it.
const ALONE: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The same of version 2, in which the public half follows.
const WITH_PUBLIC: [u8; 16] = [
    0x30, 0x51, 0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Between the two halves, and then 32 bytes.
const PUBLIC: [u8; 3] = [0x81, 0x21, 0x00];

/// Why a text is not taken for a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// It is longer than such a key ever is.
    #[error("the file is longer than a private key in PEM")]
    TooLong,
    /// It is something else.
    #[error(
        "this is no private key in PEM: it begins with `{BEGIN}`, ends with `{END}` and holds one key, not encrypted"
    )]
    NotPem,
    /// It is a key of another kind, or of another form.
    #[error(
        "this is no key in PKCS#8 of Ed25519, of P-256 or of RSA with 2048 to 4096 bits: `openssl genpkey -algorithm ed25519` makes one"
    )]
    OtherKind,
    /// The public half beside it is of another key.
    #[error("the public half in the file belongs to another key")]
    OtherPublicHalf,
    /// It is all zeros.
    #[error("the key is all zeros")]
    Weak,
}

/// A private key that somebody else made.
pub struct Imported {
    /// What it signs by.
    pub algorithm: SigningAlgorithm,
    /// What is kept of it.
    pub material: KeyMaterial,
}

/// The key of a text.
///
/// # Errors
/// [`PemError`].
pub fn key_of_pem(pem: &str) -> Result<Imported, PemError> {
    let der = der_of_pem(pem)?;
    if der.starts_with(&ALONE) || der.starts_with(&WITH_PUBLIC) {
        return Ok(Imported {
            algorithm: SigningAlgorithm::EdDsa,
            material: Zeroizing::new(seed_of(&der)?.to_vec()),
        });
    }
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        if let Ok(material) = signatures::material_of_pkcs8(algorithm, &der) {
            return Ok(Imported {
                algorithm,
                material,
            });
        }
    }
    Err(PemError::OtherKind)
}

fn der_of_pem(pem: &str) -> Result<Zeroizing<Vec<u8>>, PemError> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(PemError::TooLong);
    }
    let body = pem
        .trim_ascii()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .ok_or(PemError::NotPem)?;
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.lines().map(str::trim_ascii));
    let der = Base64::decode_vec(&base64).map_err(|_| PemError::NotPem)?;
    Ok(Zeroizing::new(der))
}

fn seed_of(der: &[u8]) -> Result<Zeroizing<[u8; 32]>, PemError> {
    let (seed, public) = if let Some(seed) = der.strip_prefix(&ALONE) {
        (seed, None)
    } else {
        let rest = der.strip_prefix(&WITH_PUBLIC).ok_or(PemError::OtherKind)?;
        let (seed, rest) = rest.split_at_checked(32).ok_or(PemError::OtherKind)?;
        let public = rest.strip_prefix(&PUBLIC).ok_or(PemError::OtherKind)?;
        (seed, Some(public))
    };
    let seed: [u8; 32] = seed.try_into().map_err(|_| PemError::OtherKind)?;
    let seed = Zeroizing::new(seed);
    let key = SigningKey::from_seed(&seed).map_err(|_| PemError::Weak)?;
    if let Some(public) = public {
        let x = base64ct::Base64UrlUnpadded::encode_string(public);
        let own = key.public_jwk().to_json();
        if public.len() != 32 || !own.contains(&format!("\"{x}\"")) {
            return Err(PemError::OtherPublicHalf);
        }
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first key of RFC 8410, section 10.3, and the same with its public half.
    const RFC: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";

    fn pem(base64: &str) -> String {
        format!("{BEGIN}\n{base64}\n{END}\n")
    }

    fn with_public(public: &[u8]) -> String {
        let seed = key_of_pem(&pem(RFC)).unwrap().material;
        let der = [&WITH_PUBLIC[..], &seed[..], &PUBLIC, public].concat();
        pem(&Base64::encode_string(&der))
    }

    #[test]
    fn a_key_is_read_and_everything_else_refused() {
        let rfc_public = [
            0x19, 0xbf, 0x44, 0x09, 0x69, 0x84, 0xcd, 0xfe, 0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc,
            0x3b, 0x96, 0xc8, 0x50, 0x86, 0xaa, 0x30, 0xb6, 0xb6, 0xcb, 0x0c, 0x5c, 0x38, 0xad,
            0x70, 0x31, 0x66, 0xe1,
        ];
        let ec = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
        let zeros = Base64::encode_string(&[&ALONE[..], &[0; 32]].concat());
        for (text, expected) in [
            (pem(RFC), Ok(())),
            (format!("  {}\r\n", pem(RFC).replace('\n', "\r\n")), Ok(())),
            (with_public(&rfc_public), Ok(())),
            (with_public(&[1; 32]), Err(PemError::OtherPublicHalf)),
            (
                with_public(&rfc_public[..31]),
                Err(PemError::OtherPublicHalf),
            ),
            (pem(&zeros), Err(PemError::Weak)),
            (pem(ec), Err(PemError::OtherKind)),
            (pem(&RFC[..60]), Err(PemError::OtherKind)),
            (pem(""), Err(PemError::OtherKind)),
            (pem("§"), Err(PemError::NotPem)),
            (String::new(), Err(PemError::NotPem)),
            (pem(RFC).replace("PRIVATE", "PUBLIC"), Err(PemError::NotPem)),
            (
                pem(RFC).replace("PRIVATE", "ENCRYPTED PRIVATE"),
                Err(PemError::NotPem),
            ),
            (pem(RFC) + &pem(RFC), Err(PemError::NotPem)),
            ("x".repeat(MAX_PEM_BYTES + 1), Err(PemError::TooLong)),
        ] {
            let read = key_of_pem(&text).map(|_| ());
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_is_imported_is_of_the_algorithm_of_its_key() {
        let ed25519 = key_of_pem(&pem(RFC)).unwrap();
        assert_eq!(ed25519.algorithm, SigningAlgorithm::EdDsa);
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
            let made = signatures::make(algorithm).unwrap();
            let read = key_of_pem(&pem(&Base64::encode_string(&made))).unwrap();
            assert_eq!((read.algorithm, &read.material), (algorithm, &made));
            let longer = [&made[..], &[0]].concat();
            let refused = key_of_pem(&pem(&Base64::encode_string(&longer))).map(|_| ());
            assert_eq!(refused, Err(PemError::OtherKind), "{algorithm}");
        }
    }
}
