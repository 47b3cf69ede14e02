//! Mails: what is sent to whom, how it gets there, and what the links in it do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod registrations;
mod stories;
mod notices;
mod languages;
mod delivery;
mod process;

mod mailbox;
mod acts;

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../port/mod.rs"]
mod port;
#[path = "../program/mod.rs"]
mod program;
