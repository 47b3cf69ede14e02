//! Private keys at rest: under which key-encryption keys they are sealed, and what happens when one does not do its work.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod reseal;
mod transit;

#[cfg(feature = "hsm")]
mod hsm;
#[cfg(feature = "kms")]
mod kms;
#[cfg(any(feature = "hsm", feature = "kms"))]
mod served;
#[cfg(feature = "hsm")]
mod signing;
#[cfg(feature = "hsm")]
mod softhsm;

#[path = "../folder/mod.rs"]
mod folder;
#[path = "../program/mod.rs"]
mod program;
#[path = "../settings/mod.rs"]
mod settings;
