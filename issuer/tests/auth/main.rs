//! Who somebody is: registering, signing in and out, refresh, and what is asked of them on the way.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod sign_in;
mod pages;
mod languages;
mod forgery;
mod hashes;
mod limits;
mod lockout;
mod captcha;

mod sessions;
mod account;
mod mixed;
mod password;
mod step_up;

mod refresh;
mod refresh_at_edge;
mod refresh_lost;
mod refresh_moved;
mod revocations;
mod edge_proofs;
mod edge_bundle;

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../settings/mod.rs"]
mod settings;
