//! Ed25519 (RFC 8032): an accepted key, and the check of a signature with it.
//!
//! There are two ways to check, and they accept the same. ed25519-compact, through jwt-compact, is the reference. It compares
//! up to a point of small order, so its yes is followed by the comparison without cofactor: R' = \[S\]B − \[k\]A, encoded,
//! must be R. A key that is used often is prepared: then R' comes from tables of multiples, and an R of small order, which
//! the reference refuses, is refused by its encoding.

mod multiples;
mod preparation;

use alloc::sync::Arc;
use core::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_compact::Signature;
use jwt_compact::Algorithm as _;
use sha2::{Digest as _, Sha512};

use crate::reject::Reject;
use preparation::Preparation;

pub(crate) use preparation::Room;

/// A public key. If its encoding is not canonical or its order small, every signature with it is refused.
///
/// What was prepared for it does not count when keys are compared. A clone shares it.
#[derive(Clone)]
pub(crate) struct Ed25519Key {
    key: ed25519_compact::PublicKey,
    preparation: Arc<Preparation>,
}

impl Ed25519Key {
    pub(crate) fn new(key: ed25519_compact::PublicKey) -> Self {
        Self {
            key,
            preparation: Arc::new(Preparation::in_room(&Arc::default())),
        }
    }

    /// The same key with nothing prepared, which will share this room.
    pub(crate) fn in_room(&self, room: &Arc<Room>) -> Self {
        Self {
            key: self.key,
            preparation: Arc::new(Preparation::in_room(room)),
        }
    }

    pub(crate) fn room(&self) -> &Arc<Room> {
        self.preparation.room()
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// Errors: [`Reject::SignatureLength`], [`Reject::SignatureInvalid`].
    pub(super) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), Reject> {
        let signature = Signature::from_slice(signature).map_err(|_| Reject::SignatureLength)?;
        let good = match self.preparation.prepared() {
            Some(prepared) => Equation::of(self, message, &signature)
                .is_some_and(|equation| prepared.holds(&equation)),
            None => {
                let good = self.holds_by_reference(message, &signature);
                if good {
                    self.preparation.count_good(self.as_bytes());
                }
                good
            }
        };
        if good {
            Ok(())
        } else {
            Err(Reject::SignatureInvalid)
        }
    }

    /// The check of the reference, then the comparison that it leaves out.
    fn holds_by_reference(&self, message: &[u8], signature: &Signature) -> bool {
        jwt_compact::alg::Ed25519.verify_signature(signature, &self.key, message)
            && Equation::of(self, message, signature)
                .is_some_and(|equation| equation.holds_without_cofactor(self.as_bytes()))
    }
}

impl PartialEq for Ed25519Key {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Ed25519Key {}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, formatter)
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

    /// Says nothing about the order of R and of the key.
    fn holds_without_cofactor(&self, key: &[u8; 32]) -> bool {
        let Some(a) = CompressedEdwardsY(*key).decompress() else {
            return false;
        };
        // Nothing here is secret, so it need not take the same time for all numbers.
        let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(&self.k, &-a, &self.s);
        r.compress() == self.r
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod agreement;
#[cfg(test)]
mod life;
