//! The times of a key's life, and of what they are made.
//!
//! A key may sign when whoever verifies has had to look at a key set with it. What holds that up is a chain: this process
//! shows the key when it has read it, caches on the way keep the set, and verifiers keep what they have fetched. Each part
//! has one constant, which is the one that the part itself goes by.

use edgeward_core::{
    keys::{FETCH_LEASE_SECONDS, OVERLAP_SECONDS, UNCONFIRMED_TTL_SECONDS},
    revocation::LEASE_MILLISECONDS,
    time::LEEWAY_SECONDS,
};

/// So long a cache may hand out the key set without asking: the `max-age` of the answer.
pub const KEY_SET_MAX_AGE_SECONDS: i64 = 300;

/// And so long after that once more, while it asks or where it gets no answer: its `stale-while-revalidate` and `stale-if-error`.
/// Both count from the same moment (RFC 5861).
pub const KEY_SET_STALE_SECONDS: i64 = 60;

/// A process that has not read the keys for longer shows no key set and signs nothing.
pub const KEYS_READ_WITHIN_SECONDS: i64 = 60;

/// For clocks that differ, as far as verifiers bear it, and for a fetch that takes its time.
const MARGIN_SECONDS: i64 = LEEWAY_SECONDS + FETCH_LEASE_SECONDS + OVERLAP_SECONDS;

/// So long a key is public before it signs: by then every process shows it, every cache has dropped the set without it, and
/// every verifier has fetched anew. Edges and the npm package use a set that nobody confirmed for fifteen minutes at most.
pub const PUBLISHED_SECONDS: i64 = KEYS_READ_WITHIN_SECONDS
    + KEY_SET_MAX_AGE_SECONDS
    + KEY_SET_STALE_SECONDS
    + UNCONFIRMED_TTL_SECONDS
    + MARGIN_SECONDS;

/// So long before its moment a change of the signer is known at least, so that all processes have read of it: each looks every
/// half second.
pub const LEAD_SECONDS: i64 = 10;

/// What else a key signs holds no longer: a page of the feed, and the probe of readiness.
pub const SIGNED_BESIDES_SECONDS: i64 = 60;

/// A process writes down up to which expiry it signs, so far ahead: it signs for a minute before it writes again.
pub const SIGNED_AHEAD_SECONDS: i64 = 60;

/// After the last expiry a key stays in the set for so long: verifiers bear clocks that differ, and a request takes its time.
pub const RETIRED_AFTER_SECONDS: i64 = LEEWAY_SECONDS + MARGIN_SECONDS;

/// A planned change comes up to so much later than it is due, by lot: of many sites that were set up together not all do it at
/// the same moment.
pub const JITTER_SECONDS: i64 = 3600;

const _: () = assert!(
    LEASE_MILLISECONDS < OVERLAP_SECONDS * 1000,
    "a page of the feed that is fetched when its key is retired is still read with it"
);
