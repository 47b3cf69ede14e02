//! What ships, and the proof that no clock of tests is in it.
//!
//! The builds for tests are searched as well: were the name of the clock ever changed there, this suite would otherwise go
//! on finding nothing. The issuer is searched in its debug build, which has the features that ship; its release build takes
//! ten minutes, and `cargo xtask build issuer` searches that one before it hands it over.

use std::path::PathBuf;

use super::Limits;
use super::counts::Counts;
use crate::build::{self, Clock};
use crate::failure::Outcome;

/// What is built, how it is made, and whether it has the clock of tests.
type Build = (&'static str, fn() -> Outcome<PathBuf>, bool);

const BUILDS: [Build; 5] = [
    (
        "the Worker",
        || Ok(build::worker(Clock::Real)?.join("index_bg.wasm")),
        false,
    ),
    (
        "the Worker for tests",
        || Ok(build::worker(Clock::Test)?.join("index_bg.wasm")),
        true,
    ),
    (
        "the npm package",
        || Ok(build::npm_package()?.join("dist/wasm/edgeward_bg.wasm")),
        false,
    ),
    ("the issuer for tests", build::issuer_test_clock, true),
    ("the issuer", build::issuer_dev, false),
];

pub(super) fn no_test_clock(_limits: &Limits) -> Outcome<Counts> {
    let mut counts = Counts::default();
    for (what, make, expected) in BUILDS {
        let found = build::has_test_clock(&make()?)?;
        let has = if found { "a" } else { "no" };
        println!("{what} has {has} clock of tests");
        if found == expected {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
    }
    Ok(counts)
}
