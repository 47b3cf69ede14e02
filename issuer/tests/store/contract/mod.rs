//! What every store must keep, as cases that know no database. `mount!` in `every_store.rs` runs each on all of them.

pub(crate) mod accounts;
pub(crate) mod administration;
pub(crate) mod alerts;
pub(crate) mod arrivals;
pub(crate) mod attempts;
pub(crate) mod devices;
pub(crate) mod ends;
pub(crate) mod events;
pub(crate) mod families;
pub(crate) mod guesses;
pub(crate) mod key_algorithms;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod mail_languages;
pub(crate) mod mails;
pub(crate) mod news;
pub(crate) mod operations;
pub(crate) mod processes;
pub(crate) mod roles;
pub(crate) mod reuse;
pub(crate) mod revoked;
pub(crate) mod schemas;
pub(crate) mod secrets;
pub(crate) mod turns;
pub(crate) mod world;
