//! What the issuer keeps: in SQLite, in PostgreSQL, beside them in Redis, and what it takes over from other systems.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod contract;
mod every_store;
mod on_a_server;

mod file;
mod refresh;
mod backfill;
mod postgres_processes;
mod redis_counts;
mod redis_loss;

mod user_import;
mod user_import_mapping;
mod user_import_server;

mod legacy;
mod redis_server;
mod site;

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../port/mod.rs"]
mod port;
#[path = "../postgres/mod.rs"]
mod postgres;
#[path = "../program/mod.rs"]
mod program;
