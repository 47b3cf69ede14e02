//! Tokens of ES256 and RS256, and a platform that judges them.
//!
//! This crate never computes such a signature, it only asks. So the signatures here are made by an ideal scheme instead of a
//! curve: a digest of key and message in the length that the algorithm prescribes. It has exactly one good signature for
//! each message, which makes it stricter than any curve. What real platforms accept is tested beside them.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::keys::PlatformKey;
use edgeward_core::signature::{Finding, SignatureQuestion};
use sha2::{Digest, Sha256};

use crate::forge::{KID, Object, base64url, claims, header};

/// A point of P-256, made with OpenSSL.
pub(crate) const P256_X: &str = "wCr6UwtQYdwiM_qfjk5g2ZiWbH7elFmFNiOxH4cmRBU";
pub(crate) const P256_Y: &str = "H259AQS0ORmoFe3v1nNDR7ldBvtDSc1M8TxM__4KIWs";
/// A modulus of 2048 bits, made with OpenSSL.
pub(crate) const RSA_N: &str = "8Vt3IIXcYQ8cGoicJ2Nc7WinGKjZShJoWP7SNq6UUlY_rVix2qUVrHAmLB23YIvsaPyk29qPB0VspKKfs1B8X-sG2WR6f2YVER5gEsX16rwClFPi5Of9IuZwEzmRNTXdVgCE2WPT0mUdG7e6fIn3L9XeFsHz8Hv8bLjLb4J892qckrzQkRvR1JOZ4zZczZtNfj1defSYYi5sifrkLD9RQRsSLdGyfwUNVLwZ0T042ulCg4T5pENO7vnD68rMkfFbhi2fLtnvzvvjVccEwud2cnCDyM43L1gxwGpwLlDqHIwWgdS2qBe_S9-rv5ThEZlWNVIaYjY8EjQ5Zoecaf2_TQ";

/// A key of P-256 as JSON, with these members beside `kty`, `crv`, `x` and `y`.
pub(crate) fn p256(members: &str) -> String {
    format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{P256_X}\",\"y\":\"{P256_Y}\"{members}}}")
}

/// An RSA key as JSON, with these members beside `kty`, `n` and `e`.
pub(crate) fn rsa(members: &str) -> String {
    format!("{{\"kty\":\"RSA\",\"n\":\"{RSA_N}\",\"e\":\"AQAB\"{members}}}")
}

/// A key with the `kid` that [`header`] names.
pub(crate) fn named(key: impl Fn(&str) -> String) -> String {
    key(&format!(",\"kid\":\"{KID}\""))
}

/// The one good signature of the ideal scheme: bytes that depend on the key and on the whole message.
fn sign(key: &[u8], message: &[u8], length: usize) -> Vec<u8> {
    (0..length.div_ceil(32) as u8)
        .flat_map(|block| {
            Sha256::new()
                .chain_update([block])
                .chain_update(key)
                .chain_update(message)
                .finalize()
        })
        .take(length)
        .collect()
}

/// What identifies a key to the ideal scheme, and how long its signatures are.
fn scheme(key: &PlatformKey) -> (Vec<u8>, usize) {
    match key {
        PlatformKey::P256 { x, y } => ([*x, *y].concat(), 64),
        PlatformKey::Rsa { modulus, .. } => (modulus.clone(), modulus.len()),
    }
}

/// What the platform finds.
pub(crate) fn judge(question: &SignatureQuestion) -> Finding {
    let (key, length) = scheme(question.key());
    if question.signature() == sign(&key, question.message(), length) {
        Finding::Valid
    } else {
        Finding::Invalid
    }
}

/// A token of P-256 with these bytes and a good signature.
pub(crate) fn forge_es256(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let decode = |text| Base64UrlUnpadded::decode_vec(text).unwrap();
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let key = [decode(P256_X), decode(P256_Y)].concat();
    format!("{input}.{}", base64url(sign(&key, input.as_bytes(), 64)))
}

/// A token of RSA with these bytes and a good signature.
pub(crate) fn forge_rs256(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let key = Base64UrlUnpadded::decode_vec(RSA_N).unwrap();
    format!("{input}.{}", base64url(sign(&key, input.as_bytes(), 256)))
}

/// The header of a good token of ES256.
pub(crate) fn es256_header() -> Object {
    header().with("alg", "\"ES256\"")
}

/// The header of a good token of RS256.
pub(crate) fn rs256_header() -> Object {
    header().with("alg", "\"RS256\"")
}

pub(crate) fn good_es256() -> String {
    forge_es256(es256_header().text(), claims().text())
}

pub(crate) fn good_rs256() -> String {
    forge_rs256(rs256_header().text(), claims().text())
}
