//! Private keys at rest: under which key-encryption keys they are sealed, and what happens when one does not do its work.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod bound;
mod given_keys;
mod reseal;
mod silent;
mod transit;

#[cfg(any(feature = "hsm", feature = "kms"))]
mod asked;
#[cfg(feature = "hsm")]
mod audited;
#[cfg(feature = "hsm")]
mod away;
#[cfg(feature = "hsm")]
mod hsm;
#[cfg(feature = "kms")]
mod kms;
#[cfg(all(feature = "hsm", feature = "kms"))]
mod journey;
#[cfg(feature = "hsm")]
mod signing;
#[cfg(feature = "hsm")]
mod serving;
#[cfg(feature = "hsm")]
mod rows;
#[cfg(feature = "hsm")]
mod destroying;
#[cfg(feature = "hsm")]
mod softhsm;

#[cfg(any(feature = "hsm", feature = "kms"))]
#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../program/mod.rs"]
mod program;
#[path = "../settings/mod.rs"]
mod settings;

#[cfg(any(feature = "hsm", feature = "kms"))]
use program::served;
