//! The signatures that core leaves to the platform: ES256 and RS256, which are aws-lc's work in a native program. And the
//! issuer's own keys: what they sign by ([`SigningAlgorithm`]), and those that sign in this process ([`PrivateKey`]).
//!
//! Checking accepts what WebCrypto accepts at the edge: r and s of 32 bytes each and within the order of the curve, and the one
//! padding of RFC 8017 section 9.2.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use edgeward_core::{
    keys::{KeySet, PlatformKey},
    reject::Reject,
    signature::{Finding, SignatureAnswer, SignatureQuestion},
    time::UnixTime,
    token::{self, Expectations, Unverified, Verified},
};

mod algorithm;
mod private;

pub use algorithm::SigningAlgorithm;
#[cfg(any(feature = "hsm", feature = "kms"))]
pub(crate) use private::named;
pub use private::{KeyError, KeyMaterial, PrivateKey, make, material_of_pkcs8};

/// Verifies a token of any algorithm, as [`token::verify_with`] does with a platform at hand.
///
/// # Errors
/// The first broken rule.
pub fn verify(
    token: &str,
    keys: &KeySet,
    expect: &Expectations,
    now: UnixTime,
) -> Result<Verified, Reject> {
    let refusal = |unverified| match unverified {
        Unverified::Rejected(reject) => reject,
        // Its question was answered; core asks for nothing twice.
        Unverified::NeedsSignature(_) => Reject::AlgorithmNotAllowed,
    };
    match token::verify_with(token, keys, expect, None, now) {
        Err(Unverified::NeedsSignature(question)) => {
            let answer = answer(*question);
            token::verify_with(token, keys, expect, Some(&answer), now).map_err(refusal)
        }
        judged => judged.map_err(refusal),
    }
}

/// Answers a question of core.
#[must_use]
pub fn answer(question: SignatureQuestion) -> SignatureAnswer {
    let finding = check(question.key(), question.message(), question.signature());
    question.answer(finding)
}

fn check(key: &PlatformKey, message: &[u8], signature: &[u8]) -> Finding {
    let checked = match key {
        PlatformKey::P256 { x, y } => {
            // SEC 1 section 2.3.3: an uncompressed point.
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            // Refuses points that are not on the curve.
            let Ok(key) = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point) else {
                return Finding::KeyRefused;
            };
            key.verify_sig(message, signature)
        }
        PlatformKey::Rsa { modulus, exponent } => RsaPublicKeyComponents {
            n: modulus,
            e: exponent,
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
    };
    match checked {
        Ok(()) => Finding::Valid,
        Err(_) => Finding::Invalid,
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod own;
#[cfg(test)]
mod wycheproof;
