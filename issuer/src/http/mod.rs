//! HTTP: translates requests into questions to `domain` and answers back. Decides nothing itself.
//!
//! [`routes`] has every URL on one page. Each answer that is a refusal is made in [`problem`].

pub mod routes;

pub mod auth;
pub mod edge_bundle;
pub mod forward_auth;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod pages;
pub mod readiness;
pub mod revocations;
pub mod wellknown;

pub mod listener;

pub mod access_log;
pub mod caller;
pub mod challenge;
pub mod cookies;
pub mod csrf;
pub mod events;
mod forwarded;
pub mod languages;
pub mod problem;
pub mod request_id;
pub mod security_headers;
mod to_the_end;

pub use caller::Caller;
pub use problem::ApiError;
