//! The gate: from a request's path, method, host and credential to one closed decision.
//!
//! Read in this order: [`CanonicalPath`] (what the path is), [`Policy`] (which rule speaks about it), [`Credential`]
//! (who asks), [`decide`] (what is done), [`Explanation`] (why). Everything is a pure function of its arguments. The
//! gate sends nothing, fetches nothing and knows no clock; where it lacks keys it says so, once.

mod path;
mod pattern;
pub mod policy;
mod territory;
mod client;
mod limit;
mod counts;
mod credential;
mod renewal;
mod navigation;
mod subject;
mod caller;
mod source;
mod permit;
mod refusal;
mod decision;
mod challenge;
pub mod cors;
mod persona;
mod explain;
pub mod headers;
pub mod identity;

pub use caller::{Gate, KeyDemand};
pub use client::{AddressRange, Client, neighbourhood};
pub use counts::{Counts, MAX_COUNTS};
pub use credential::Credential;
pub use decision::{Answer, Decision, Redirect, RequestView, decide};
pub use explain::{Explanation, LosingRule, Outcome, Question, TestOutcome};
pub use limit::{By, Limit, Ruling, Turn, TurnKey, Turns};
pub use navigation::Navigation;
pub use path::{CanonicalPath, MAX_PATH_BYTES, PathRefusal};
pub use pattern::Specificity;
pub use permit::{Destination, Permit, ResponsePolicy};
pub use persona::{Persona, PersonaError};
pub use policy::{Policy, PolicyError, PolicyState, Rule, Settings, StepUp};
pub use refusal::Refusal;
pub use renewal::{Renewal, refresh_token, session_of};
pub use source::RequestSource;
