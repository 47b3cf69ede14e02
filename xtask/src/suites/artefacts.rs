//! What ships, built as it ships, and the proof that no clock of tests is in it.
//!
//! The clock is a request header, so its name must be in any build that obeys it. The builds for tests are searched as
//! well: were the name ever changed there, this suite would otherwise go on finding nothing.

use std::path::Path;

use super::Limits;
use super::counts::Counts;
use crate::build::{self, Clock};
use crate::failure::{Attempt, Outcome};

const TEST_CLOCK: &[u8] = b"edgeward-test-clock";

pub(super) fn no_test_clock(_limits: &Limits) -> Outcome<Counts> {
    let mut counts = Counts::default();
    let mut check = |what: &str, file: &Path, expected: bool| -> Outcome<()> {
        let bytes = std::fs::read(file).attempt(|| format!("reading {}", file.display()))?;
        let found = bytes
            .windows(TEST_CLOCK.len())
            .any(|window| window == TEST_CLOCK);
        let words = if found {
            "has a clock of tests"
        } else {
            "has no clock of tests"
        };
        println!("{what} {words} ({} KiB)", bytes.len() / 1024);
        if found == expected {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
        Ok(())
    };
    check(
        "the Worker",
        &build::worker(Clock::Real)?.join("index_bg.wasm"),
        false,
    )?;
    check(
        "the Worker for tests",
        &build::worker(Clock::Test)?.join("index_bg.wasm"),
        true,
    )?;
    check(
        "the npm package",
        &build::npm_package()?.join("dist/wasm/edgeward_bg.wasm"),
        false,
    )?;
    check("the issuer for tests", &build::issuer_test_clock()?, true)?;
    check("the issuer", &build::issuer_release()?, false)?;
    Ok(counts)
}
