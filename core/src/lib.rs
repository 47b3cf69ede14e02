//! Edgeward's core decides; it never acts.
//!
//! Everything here is a pure function of its arguments: no IO, no clock (`now` is always an argument), no randomness.
//! The edge Worker, the issuer and the npm package all ask this crate the same questions and get the same answers.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod token;
pub mod keys;
pub mod signature;
pub mod revocation;
pub mod reject;
pub mod time;
pub mod gate;
pub mod cookie;
pub mod origin;
pub mod csrf;
pub mod bundle;
pub mod return_to;
pub mod trace;
pub mod tally;
pub mod nearest;
pub mod problem;

mod digest;
mod json;
mod letters;
mod percent;
