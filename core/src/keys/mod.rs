//! Public keys: one key ([`Jwk`]) and an issuer's set of them ([`KeySet`], RFC 7517).
//!
//! A set is read strictly and selects by `kid`. When to fetch it, and how long it may be used, is said by [`Freshness`];
//! fetching it is the caller's business.

mod set;
mod jwk;
mod public_key;
mod error;
mod pem;
mod freshness;

pub use error::KeySetError;
pub use freshness::{
    Advice, Current, FETCH_LEASE_SECONDS, FIRST_BACKOFF_SECONDS, Freshness, HARD_TTL_SECONDS,
    LONGEST_BACKOFF_SECONDS, OVERLAP_SECONDS, SOFT_TTL_SECONDS, Source, State, Ticket,
    UNCONFIRMED_TTL_SECONDS, UNKNOWN_KEY_COOLDOWN_SECONDS, Wanted, may_replace_kept,
};
pub use jwk::Jwk;
pub use public_key::PlatformKey;
pub(crate) use public_key::PublicKey;
pub use set::{KeySet, MAX_KEY_SET_BYTES, MAX_KEYS, NO_USABLE_KEY};
