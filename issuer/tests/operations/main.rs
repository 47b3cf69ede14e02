//! What an operator sees of a serving issuer: the audit log, events, alerts, numbers, readiness.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod audit_log;
mod security_events;
mod alerts;
mod metrics;
mod counted_early;
mod readiness;
mod edited_keys;
mod runbooks;

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../port/mod.rs"]
mod port;
#[path = "../postgres/mod.rs"]
mod postgres;
#[path = "../settings/mod.rs"]
mod settings;
