//! SHA-256 of what is at hand as a whole, in one place: each place of its own costs the Worker a few hundred bytes.

use sha2::{Digest as _, Sha256};

#[inline(never)]
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}
