//! The gate: what a policy says, and what becomes of whole requests whose tokens a real key signed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a story's own steps fail by panicking, outside of #[test] functions too"
)]

mod site;
mod day;
mod arrivals;
mod challenges;
mod cross_origin;
mod csrf;
mod detours;
mod keys;
mod signatures;
mod credentials;
mod renewal;
mod page_files;
mod policy;
mod policy_text;
mod policy_schema;
mod programs;
mod lookalikes;
mod agreement;
mod letters;
mod limits;
mod issuer_limits;
mod refresh_turns;
mod addresses;
mod admin_addresses;
