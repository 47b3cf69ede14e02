//! `cargo xtask coverage`: which lines and regions of core its own tests reach.

use crate::failure::Outcome;
use crate::run::{cargo, check};
use crate::setup::{self, Need};

/// Runs the tests of core with instrumentation and prints the table, file by file. More arguments go to `cargo llvm-cov`,
/// for example `--html`.
pub fn run(args: &[String]) -> Outcome<()> {
    setup::prepare(Need::Coverage)?;
    let mut coverage = cargo();
    coverage
        .args(["llvm-cov", "--package", "edgeward-core"])
        // Files of tests are not what is measured; tests inside a source count as lines of it.
        .args([
            "--ignore-filename-regex",
            "/tests/|agreement.rs|life.rs|vectors.rs",
        ])
        .args(args);
    check(&mut coverage)
}
