//! What administrators do with the accounts of others: look for people and at them, unlock them, end their sessions. Their
//! roles are in [`roles`](super::roles).
//!
//! Nobody acts upon somebody else's account without a [`Mandate`], and there are two ways to one: to run the command line on
//! this machine, or to hold the role of administrators in the database at this moment ([`Authority`]) after a recent
//! sign-in. What a token says of roles is not asked: it may be older than the decision that took them.

mod acts;
mod authority;
mod people;
mod refusals;
mod words;

pub use acts::{end_all_sessions, end_session, unlock};
pub use authority::{Authority, Holder, Mandate, TooOld, authorise};
pub use people::{
    Found, LISTED_MAX, Listed, Page, Person, ROLES_KNOWN_MAX, Search, Selection, Status, search,
    view,
};
pub use refusals::{Noted, Refusals};
pub use words::{Prefix, UnfitWords, WORDS_MAX_CHARS, Words};
