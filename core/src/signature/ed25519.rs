//! Ed25519 (RFC 8032): an accepted key, and the check of a signature with it.
//!
//! ed25519-compact, through jwt-compact, is the reference. It compares up to a point of small order, so its yes is followed by
//! the comparison without cofactor: R' = \[S\]B − \[k\]A, encoded, must be R.

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_compact::Signature;
use jwt_compact::Algorithm as _;
use sha2::{Digest as _, Sha512};

use crate::reject::Reject;

/// A public key. If its encoding is not canonical or its order small, the reference refuses every signature with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ed25519Key(ed25519_compact::PublicKey);

impl Ed25519Key {
    pub(crate) fn new(key: ed25519_compact::PublicKey) -> Self {
        Self(key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Errors: [`Reject::SignatureLength`], [`Reject::SignatureInvalid`].
    pub(super) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), Reject> {
        let signature = Signature::from_slice(signature).map_err(|_| Reject::SignatureLength)?;
        if self.holds_by_reference(message, &signature) {
            Ok(())
        } else {
            Err(Reject::SignatureInvalid)
        }
    }

    /// The check of the reference, then the comparison that it leaves out.
    fn holds_by_reference(&self, message: &[u8], signature: &Signature) -> bool {
        jwt_compact::alg::Ed25519.verify_signature(signature, &self.0, message)
            && Equation::of(self, message, signature).is_some_and(|equation| {
                let Some(a) = CompressedEdwardsY(*self.0).decompress() else {
                    return false;
                };
                // Nothing here is secret, so it need not take the same time for all numbers.
                let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(
                    &equation.k,
                    &-a,
                    &equation.s,
                );
                r.compress() == equation.r
            })
    }
}

/// R = \[S\]B − \[k\]A (RFC 8032 section 5.1.7, step 3, without the cofactor), as far as a signature and its message tell it.
struct Equation {
    r: CompressedEdwardsY,
    s: Scalar,
    k: Scalar,
}

impl Equation {
    /// None if S is not below the order of B: every other S would have a twin.
    fn of(key: &Ed25519Key, message: &[u8], signature: &Signature) -> Option<Self> {
        let (r, s) = (signature.first_chunk()?, signature.last_chunk()?);
        let digest = Sha512::new()
            .chain_update(r)
            .chain_update(key.as_bytes())
            .chain_update(message)
            .finalize();
        Some(Self {
            r: CompressedEdwardsY(*r),
            s: Option::from(Scalar::from_canonical_bytes(*s))?,
            k: Scalar::from_bytes_mod_order_wide(&digest.into()),
        })
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod agreement;
