//! Public keys: one key ([`Jwk`]) and an issuer's set of them ([`KeySet`], RFC 7517).
//!
//! A set is read strictly and selects by `kid`. Fetching it, keeping it fresh and asking again for an unknown key are the
//! caller's business.

mod set;
mod jwk;
mod error;
mod pem;

pub use error::KeySetError;
pub use jwk::Jwk;
pub use set::{KeySet, MAX_KEY_SET_BYTES, MAX_KEYS};
