//! Fuzzing, as much as fits into every run: each target of `core/fuzz` a fixed number of times from the committed corpus.
//!
//! With one seed and one process the inputs are the same on every machine with the same code, so what fails here fails
//! again. Somebody who wants to search for longer calls `cargo fuzz run TARGET --fuzz-dir core/fuzz -s none`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Limits;
use super::command::holds;
use super::counts::Counts;
use crate::failure::{Attempt, Outcome};
use crate::run::{cargo, command};
use crate::toolchain::CARGO_FUZZ;
use crate::workspace;

/// A program in `core/fuzz/fuzz_targets`.
struct Target {
    name: &'static str,
    /// How many inputs it is given: what takes some seconds on one core.
    runs: u32,
    /// Longest input in bytes: short inputs find more in the same time, so it is what reaches the limits and no more.
    longest: u32,
}

const TARGETS: [Target; 5] = [
    Target {
        name: "token",
        runs: 30_000,
        longest: 10_000,
    },
    Target {
        name: "key_set",
        runs: 100_000,
        longest: SHORT,
    },
    Target {
        name: "policy",
        runs: 5_000,
        longest: 16_384,
    },
    Target {
        name: "cookie",
        runs: 20_000,
        longest: SHORT,
    },
    Target {
        name: "path",
        runs: 100_000,
        longest: SHORT,
    },
];

/// Longest input of those targets whose limits are reached by less, or by their own tables only.
const SHORT: u32 = 4_096;

/// Seconds that one input may take, and mebibytes that the process may: the work on any input is bounded.
const SECONDS_FOR_ONE: &str = "10";
const MEBIBYTES: &str = "512";

pub(super) fn fuzz(limits: &Limits) -> Outcome<Counts> {
    CARGO_FUZZ.need()?;
    let folder = workspace::root().join("core/fuzz");
    let mut counts = Counts::default();
    let manifest = folder.join("Cargo.toml");
    let own = |args: &[&str]| {
        let mut cargo = cargo();
        cargo.args(args).arg("--manifest-path").arg(&manifest);
        cargo
    };
    counts.add(holds(limits, own(&["fmt"]).arg("--check"))?);
    // Before anything is built, so that a lock file that does not fit is not mended silently.
    counts.add(holds(limits, &own(&["fetch", "--locked"]))?);
    let mut clippy = own(&["clippy"]);
    clippy
        .arg("--target-dir")
        .arg(workspace::target().join("fuzz"));
    counts.add(holds(limits, clippy.args(["--", "--deny", "warnings"]))?);
    for target in &TARGETS {
        counts.add(holds(limits, &run(&folder, target)?)?);
    }
    Ok(counts)
}

/// One target, on a copy of its corpus: the fuzzer adds what it finds to the folder that it reads.
fn run(folder: &Path, target: &Target) -> Outcome<Command> {
    let corpus = workspace::own_target().join("fuzz").join(target.name);
    copy_seeds(&folder.join("corpus").join(target.name), &corpus)?;
    // Called by its own name, so that it is found however cargo looks for its subcommands.
    let mut fuzz = command("cargo-fuzz");
    fuzz.args(["fuzz", "run", target.name])
        .arg(&corpus)
        .arg("--fuzz-dir")
        .arg(folder)
        .arg("--target-dir")
        .arg(workspace::target().join("fuzz"))
        // The sanitizers need a nightly compiler, and core forbids unsafe code.
        .args([
            "--sanitizer",
            "none",
            "--",
            "-seed=1",
            "-verbosity=0",
            "-print_final_stats=1",
        ])
        .arg(format!("-runs={}", target.runs))
        .arg(format!("-max_len={}", target.longest))
        .arg(format!("-timeout={SECONDS_FOR_ONE}"))
        .arg(format!("-rss_limit_mb={MEBIBYTES}"))
        .arg(format!("-artifact_prefix={}/", corpus.display()));
    Ok(fuzz)
}

fn copy_seeds(from: &Path, to: &Path) -> Outcome<()> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).attempt(|| format!("creating {}", to.display()))?;
    for seed in workspace::files_below(from) {
        let name = seed.file_name().unwrap_or_default();
        fs::copy(&seed, to.join(name)).attempt(|| format!("copying {}", seed.display()))?;
    }
    Ok(())
}
