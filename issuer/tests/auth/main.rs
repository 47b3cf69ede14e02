//! Who somebody is: registering, signing in and out, refresh, and what is asked of them on the way.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod sign_in;
mod algorithms;
mod pages;
mod scripts;
mod languages;
mod forgery;
mod described;
mod hostile;
mod hashes;
mod queue;
mod limits;
mod lockout;
mod shared_computer;
mod captcha;

mod sessions;
mod scopes;
mod account;
mod mixed;
mod password;
mod step_up;
mod turned_away;
mod admin;
mod console;
mod console_roles;
mod admin_addresses;
mod root;

mod refresh;
mod refresh_at_edge;
mod refresh_lost;
mod refresh_moved;
mod refresh_spent;
mod arrivals;
mod revocations;
mod edge_proofs;
mod edge_bundle;
mod secrets;
mod old_keys;

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
