//! The suites that are cargo's.

use std::path::PathBuf;
use std::process::Command;

use super::Limits;
use super::command::{holds, tests};
use super::counts::Counts;
use super::wasm_imports as imports;
use crate::build::{self, Clock};
use crate::failure::{Attempt, Failure, Outcome};
use crate::run::cargo;
use crate::{toolchain, workspace};

const WASM: &str = "wasm32-unknown-unknown";
const BARE_METAL: &str = "thumbv7m-none-eabi";

fn cargo_with(args: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.args(args);
    cargo
}

pub(super) fn format(limits: &Limits) -> Outcome<Counts> {
    holds(limits, &cargo_with(&["fmt", "--all", "--check"]))
}

pub(super) fn clippy(limits: &Limits) -> Outcome<Counts> {
    const DENY: [&str; 3] = ["--", "--deny", "warnings"];
    let mut counts = Counts::default();
    let edge_wasm = ["clippy", "--package", "edgeward-edge", "--target", WASM];
    let js_wasm = [
        &edge_wasm[..],
        &["--no-default-features", "--features", "js"],
    ]
    .concat();
    let for_tests = [
        "clippy",
        "--package",
        "edgeward-issuer",
        "--features",
        "test-clock,fault-points",
        "--all-targets",
    ];
    for args in [
        &["clippy", "--workspace", "--all-targets"][..],
        &edge_wasm,
        &js_wasm,
        &for_tests,
    ] {
        counts.add(holds(limits, &cargo_with(&[args, &DENY[..]].concat()))?);
    }
    // Those benchmarks that call the core are workspaces of their own, and are else built only where somebody measures.
    for bench in ["rules", "native"] {
        let manifest = workspace::root()
            .join("xtask/bench")
            .join(bench)
            .join("Cargo.toml");
        let mut check = cargo_with(&["check", "--locked", "--manifest-path"]);
        check
            .arg(manifest)
            .arg("--target-dir")
            .arg(workspace::own_target().join("bench"));
        counts.add(holds(limits, &check)?);
    }
    Ok(counts)
}

pub(super) fn core(limits: &Limits) -> Outcome<Counts> {
    let all = ["test", "--package", "edgeward-core"];
    let mut counts = tests(limits, &cargo_with(&all))?;
    // What ships as wasm has another build of the reference for Ed25519.
    let shipped = ["--features", "small", "--lib", "signature"];
    counts.add(tests(limits, &cargo_with(&[&all[..], &shipped].concat()))?);
    Ok(counts)
}

/// Has these tests of core write down their tables with what natively became of each row; answers with the folder.
pub(super) fn written_by_core(limits: &Limits, tables: &[&str]) -> Outcome<(Counts, PathBuf)> {
    let core = [
        "test",
        "--package",
        "edgeward-core",
        "--test",
        "token",
        "--",
    ];
    let counts = tests(limits, &cargo_with(&[&core, tables].concat()))?;
    Ok((counts, workspace::target().join("tmp")))
}

/// A target without an operating system has no clock, no randomness and no IO, so what builds for it names none.
pub(super) fn bare_metal(limits: &Limits) -> Outcome<Counts> {
    let mut build = cargo_with(&[
        "build",
        "--package",
        "edgeward-core",
        "--target",
        BARE_METAL,
    ]);
    // jwt-compact brings a random source that is never called; here it has no backend, and none is needed to link.
    build.env("RUSTFLAGS", "--cfg getrandom_backend=\"unsupported\"");
    holds(limits, &build)
}

/// Links every entry of core into one wasm module and reads what that asks its host for.
pub(super) fn wasm_imports(limits: &Limits) -> Outcome<Counts> {
    let mut counts = holds(
        limits,
        &cargo_with(&[
            "build",
            "--release",
            "--package",
            "edgeward-core",
            "--example",
            "wasm_probe",
            "--target",
            WASM,
        ]),
    )?;
    let path = workspace::target()
        .join(WASM)
        .join("release/examples/wasm_probe.wasm");
    let wasm = std::fs::read(&path).attempt(|| format!("reading {}", path.display()))?;
    let imports = imports::modules_and_names(&wasm)
        .ok_or_else(|| Failure::new(format!("{} is no wasm module", path.display())))?;
    let from_host: Vec<_> = imports
        .iter()
        .filter(|(module, _)| module == "env")
        .collect();
    println!(
        "core's wasm has {} imports, {} of them from `env`",
        imports.len(),
        from_host.len()
    );
    if from_host.is_empty() {
        counts.add(Counts::ONE);
    } else {
        println!("it must have none from `env`: {from_host:?}");
        counts.failed += 1;
    }
    Ok(counts)
}

pub(super) fn issuer(limits: &Limits) -> Outcome<Counts> {
    tests(
        limits,
        &cargo_with(&["test", "--package", "edgeward-issuer", "--no-fail-fast"]),
    )
}

/// The real processes are killed, restarted and refused; a feature of the issuer says where they kill themselves.
pub(super) fn chaos(limits: &Limits) -> Outcome<Counts> {
    tests(
        limits,
        &cargo_with(&[
            "test",
            "--package",
            "edgeward-issuer",
            "--features",
            "fault-points",
            "--test",
            "chaos",
        ]),
    )
}

pub(super) fn edge(limits: &Limits) -> Outcome<Counts> {
    let worker = ["test", "--package", "edgeward-edge"];
    let package = [
        &worker[..],
        &["--no-default-features", "--features", "js", "--lib"],
    ]
    .concat();
    let mut counts = tests(limits, &cargo_with(&worker))?;
    counts.add(tests(limits, &cargo_with(&package))?);
    Ok(counts)
}

pub(super) fn xtask(limits: &Limits) -> Outcome<Counts> {
    let mut counts = tests(limits, &cargo_with(&["test", "--package", "xtask"]))?;
    // A workspace of its own, whose figures are believed.
    let mut load = cargo_with(&["test", "--locked", "--manifest-path"]);
    load.arg(workspace::root().join("xtask/bench/load/Cargo.toml"))
        .arg("--target-dir")
        .arg(workspace::own_target().join("bench"));
    counts.add(tests(limits, &load)?);
    Ok(counts)
}

pub(super) fn tidy(limits: &Limits) -> Outcome<Counts> {
    tests(
        limits,
        &cargo_with(&["test", "--package", "edgeward-tests", "--test", "tidy"]),
    )
}

pub(super) fn end_to_end(limits: &Limits) -> Outcome<Counts> {
    let edgeward = build::issuer_test_clock()?;
    let worker = build::worker(Clock::Test)?;
    // Judges what the edge tells apps.
    build::npm_package()?;
    let (mut counts, corpora) = written_by_core(limits, &["attacks::export"])?;
    let mut test = cargo_with(&["test", "--package", "edgeward-tests", "--no-fail-fast"]);
    test.args(["--lib", "--test", "stories"]);
    test.env("EDGEWARD_BIN", edgeward)
        .env("EDGEWARD_WORKER_DIR", worker)
        .env("XTASK_BIN", this_program()?);
    test.env("WORKERD", toolchain::workerd()?)
        .env("NODE", toolchain::node()?)
        .env("CORPORA", corpora);
    counts.add(tests(limits, &test)?);
    Ok(counts)
}

/// The issuer against its OpenAPI document.
pub(super) fn schema(limits: &Limits) -> Outcome<Counts> {
    let edgeward = build::issuer_test_clock()?;
    let mut test = cargo_with(&["test", "--package", "edgeward-tests", "--test", "schema"]);
    test.env("EDGEWARD_BIN", edgeward)
        .env("XTASK_BIN", this_program()?)
        .env("SCHEMATHESIS", toolchain::schemathesis()?);
    tests(limits, &test)
}

/// Tests start what they start behind a guard, which is this program.
fn this_program() -> Outcome<PathBuf> {
    std::env::current_exe().attempt(|| "finding this program's own path".to_owned())
}
