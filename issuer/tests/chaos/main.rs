//! What may happen to an issuer at any moment, and what must be true after it: nothing that was answered is lost, nothing is
//! done twice, and it goes on by itself.
//!
//! The real binary runs as a process of its own, on SQLite, on PostgreSQL and on PostgreSQL with Redis. It is built with the
//! feature `fault-points`, by which a test kills it between two steps of a refresh and steps its clock.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod client;
mod edge;
mod site;

mod clock;
mod courses;
mod disk;
mod kill;
mod load;
mod rounds;

#[path = "../folder/mod.rs"]
mod folder;
#[path = "../port/mod.rs"]
mod port;
#[path = "../postgres/mod.rs"]
mod postgres;
#[path = "../program/mod.rs"]
mod program;
#[path = "../store/redis_server.rs"]
#[allow(dead_code, reason = "this server is only stopped at the end")]
mod redis_server;
