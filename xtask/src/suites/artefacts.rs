//! What ships: the proof that nothing for tests is in it, nor a place on the machine that built it, and the size of the Worker.
//!
//! The builds for tests are searched as well: were the name of a part ever changed there, this suite would otherwise go
//! on finding nothing. The issuer is searched in its debug build, which has the features that ship; its release build takes
//! ten minutes, and `cargo xtask build issuer` searches that one before it hands it over.

use std::fs;
use std::path::{Path, PathBuf};

use super::Limits;
use super::counts::Counts;
use crate::build::{self, Clock, TestPart};
use crate::failure::{Attempt, Failure, Outcome};
use crate::run::{command, output};
use crate::{toolchain, workspace};

/// What is built, how it is made, and what for tests it has.
type Build = (&'static str, fn() -> Outcome<PathBuf>, &'static [TestPart]);

const BUILDS: [Build; 6] = [
    (
        "the Worker",
        || Ok(build::worker(Clock::Real)?.join("index_bg.wasm")),
        &[],
    ),
    (
        "the Worker for tests",
        || Ok(build::worker(Clock::Test)?.join("index_bg.wasm")),
        &[TestPart::Clock],
    ),
    (
        "the npm package",
        || Ok(build::npm_package()?.join("dist/wasm/edgeward_bg.wasm")),
        &[],
    ),
    (
        "the issuer for tests",
        build::issuer_test_clock,
        &[TestPart::Clock],
    ),
    (
        "the issuer that is killed",
        build::issuer_fault_points,
        &[TestPart::Faults],
    ),
    ("the issuer", build::issuer_dev, &[]),
];

/// The most that the Worker's modules may have together, each as gzip makes it. Because every isolate that starts fetches,
/// checks and compiles them, with somebody waiting; and because a crate that brings a parser or a formatter for everything is
/// noticed here and nowhere else.
const MOST_WORKER_BYTES: usize = 250_000;

pub(super) fn what_ships(_limits: &Limits) -> Outcome<Counts> {
    let mut counts = nothing_for_tests()?;
    counts.add(worker_is_small_and_nameless()?);
    Ok(counts)
}

fn worker_is_small_and_nameless() -> Outcome<Counts> {
    let built = build::worker(Clock::Real)?;
    let wasm = built.join("index_bg.wasm");
    let worker = workspace::root().join("edge/worker.mjs");
    let modules = [wasm.clone(), built.join("index.js"), worker];
    let mut bytes = 0;
    for module in &modules {
        bytes += gzipped(module)?;
    }
    println!("the Worker has {bytes} bytes gzipped, and may have {MOST_WORKER_BYTES}");
    let text = fs::read(&wasm).attempt(|| format!("reading {}", wasm.display()))?;
    let mut counts = Counts::default();
    let mut all_hold = vec![bytes <= MOST_WORKER_BYTES];
    for place in places_of_the_builder()? {
        let names_it = text
            .windows(place.len())
            .any(|window| window == place.as_bytes());
        if names_it {
            println!("the Worker names a folder of the machine that built it: {place}");
        }
        all_hold.push(!names_it);
    }
    for holds in all_hold {
        if holds {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
    }
    Ok(counts)
}

/// The folders of this machine from which a Worker is built: of crates, of the checkout, of cargo and of the compiler.
fn places_of_the_builder() -> Outcome<Vec<String>> {
    let home = std::env::home_dir().ok_or_else(|| Failure::new("nobody's home"))?;
    let folder = |variable, below: &str| {
        let given = std::env::var_os(variable).filter(|given| !given.is_empty());
        given.map_or_else(|| home.join(below), PathBuf::from)
    };
    let folders = [
        PathBuf::from("registry/src"),
        workspace::root(),
        folder("CARGO_HOME", ".cargo"),
        folder("RUSTUP_HOME", ".rustup"),
    ];
    // With what separates it from what is below, so that a checkout in a folder of one short name is not found in every address.
    Ok(folders
        .map(|folder| format!("{}/", folder.display()))
        .into())
}

/// How many bytes gzip makes of a file.
fn gzipped(file: &Path) -> Outcome<usize> {
    let script = "import { readFileSync } from 'node:fs'; import { gzipSync } from 'node:zlib';\
                  console.log(gzipSync(readFileSync(process.argv[1]), { level: 9 }).length);";
    let mut node = command(toolchain::node()?);
    node.args(["--input-type=module", "--eval", script])
        .arg(file);
    let told = output(&mut node)?;
    told.trim()
        .parse()
        .map_err(|_| Failure::new(format!("no size of {} but `{told}`", file.display())))
}

fn nothing_for_tests() -> Outcome<Counts> {
    let mut counts = Counts::default();
    for (what, make, expected) in BUILDS {
        let found = build::test_parts(&make()?)?;
        for part in TestPart::ALL {
            let has = if found.contains(&part) { "a" } else { "no" };
            println!("{what} has {has} {}", part.name());
        }
        if found == expected {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
    }
    Ok(counts)
}
