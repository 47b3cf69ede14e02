//! What a person types more than once: set the machine up, build, run the stack, test, measure.
//!
//! The library half exists for [`stack`]: `cargo xtask dev` and the end-to-end stories of `edgeward-tests` start the very
//! same parts in the very same way. Nothing here is part of the product, and no crate of the product depends on it.

pub mod failure;
pub mod workspace;
pub mod toolchain;
pub mod run;
pub mod setup;
pub mod build;
pub mod guard;
pub mod stack;
pub mod dev;
pub mod suites;
pub mod coverage;
pub mod bench;
pub mod screenshots;
