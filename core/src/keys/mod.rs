//! Public keys: one key ([`Jwk`]) and an issuer's set of them ([`KeySet`], RFC 7517).
//!
//! A set is read strictly and selects by `kid`. Fetching it, keeping it fresh and asking again for an unknown key are the
//! caller's business.

mod set;
mod jwk;
mod public_key;
mod error;
mod pem;

pub use error::KeySetError;
pub use jwk::Jwk;
pub use public_key::PlatformKey;
pub(crate) use public_key::PublicKey;
pub use set::{KeySet, MAX_KEY_SET_BYTES, MAX_KEYS};
