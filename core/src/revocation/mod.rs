//! What must not be accepted any more although it verifies: ended sessions, as the issuer's feed tells them.
//!
//! [`RevocationSet`] answers whether a token is among them. [`Page`] reads a piece of the feed, through the same door as every
//! token. [`Feed`] says when to fetch and how old what is known has become; it is a state machine and nothing else. [`Mode`] says
//! how much of that age a route bears, and [`Revocations`] is what a gate is handed of all this for one request.
//!
//! The feed names sessions, because nearly every act of the issuer ends sessions, signing keys that were revoked, and on an operator's word
//! a subject or a single token.

mod mode;
mod set;
mod page;
mod feed;
mod view;

pub use feed::{
    Advice, BOUND_MILLISECONDS, FIRST_BACKOFF_MILLISECONDS, Feed, ISSUER_HOLDS_MILLISECONDS,
    LEASE_MILLISECONDS, LONGEST_BACKOFF_MILLISECONDS, PATIENCE_MILLISECONDS, REFRESH_MILLISECONDS,
    State, Ticket,
};
pub use mode::{DEFAULT_WITHIN_SECONDS, MAX_WITHIN_SECONDS, Mode};
pub use page::{FEED_TYPE, MAX_PAGE_BYTES, MAX_PAGE_ENTRIES, Page, PageFault, expectations};
pub use set::{Full, KEY_KEPT_SECONDS, Kind, MAX_REVOCATIONS, RevocationSet, SESSION_KEPT_SECONDS};
pub use view::{Consulted, Revocations, Verdict};
