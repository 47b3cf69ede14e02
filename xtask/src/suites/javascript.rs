//! The suites that are Node's, and the browser's.

use std::path::Path;
use std::process::Command;

use super::Limits;
use super::command::{holds, tests};
use super::counts::Counts;
use super::rust::written_by_core;
use crate::build::{self, Clock};
use crate::failure::{Attempt, Failure, Outcome};
use crate::run::{cargo, command};
use crate::toolchain::{self, WASM_BINDGEN, WASM_PACK};
use crate::workspace;

/// `node --test` over the test files of a folder; a folder without any is a failure, not an empty success.
fn node_tests(folder: &str) -> Outcome<Command> {
    let root = workspace::root();
    let is_test = |path: &&std::path::PathBuf| {
        path.to_str()
            .is_some_and(|path| path.ends_with(".test.mjs"))
    };
    let files = workspace::files_below(&root.join(folder));
    let files: Vec<_> = files.iter().filter(is_test).collect();
    if files.is_empty() {
        return Err(Failure::new(format!("{folder} has no test")));
    }
    let mut node = command(toolchain::node()?);
    node.args(["--test", "--test-reporter=spec"]);
    node.args(
        files
            .iter()
            .map(|path| path.strip_prefix(&root).unwrap_or(path)),
    );
    node.env("CHROMIUM", need_chromium()?)
        .env("WORKERD", toolchain::workerd()?)
        .env("NODE", toolchain::node()?);
    let this = std::env::current_exe().attempt(|| "finding this program's own path".to_owned())?;
    node.env("XTASK_BIN", this);
    Ok(node)
}

fn tsc(project: &str) -> Outcome<Command> {
    let mut tsc = command(toolchain::npm_program("tsc")?);
    tsc.args(["-p", project]);
    Ok(tsc)
}

pub(super) fn npm(limits: &Limits) -> Outcome<Counts> {
    build::npm_package()?;
    let mut counts = holds(limits, &tsc("edge/js/tests")?)?;
    counts.add(tests(limits, &node_tests("edge/js/tests")?)?);
    Ok(counts)
}

pub(super) fn chromium(limits: &Limits) -> Outcome<Counts> {
    need_chromium()?;
    let driver =
        toolchain::chromedriver().ok_or_else(|| Failure::new("ChromeDriver is not installed"))?;
    let mut counts = tests(limits, &vectors_as_wasm(&driver)?)?;
    let mut browser = command(WASM_PACK.need()?);
    browser
        .args(["test", "--headless", "--chrome", "--chromedriver"])
        .arg(&driver);
    // Any other mode lets wasm-pack download a driver and a runner of its own choice.
    browser.args([
        "--mode",
        "no-install",
        "edge",
        "--no-default-features",
        "--features",
        "js",
    ]);
    browser.envs(PATIENCE);
    counts.add(tests(limits, &browser)?);
    Ok(counts)
}

/// In seconds, how long the runner in the browser waits for the tests, and for the driver to listen. The builds are ones for tests and not
/// optimised, and the machine may be busy; by itself, it waits for 20 and for 5.
const PATIENCE: [(&str, &str); 2] = [
    ("WASM_BINDGEN_TEST_TIMEOUT", "300"),
    ("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60"),
];

/// Core's vectors for Ed25519 as wasm. They reach below what core exports, so they are its own tests; wasm-pack would also build
/// those that need a native peer.
fn vectors_as_wasm(driver: &Path) -> Outcome<Command> {
    WASM_BINDGEN.need()?;
    let mut vectors = cargo();
    vectors.args(["test", "--package", "edgeward-core", "--lib"]);
    vectors.args(["--features", "small", "--target", "wasm32-unknown-unknown"]);
    vectors
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            "wasm-bindgen-test-runner",
        )
        .env("CHROMEDRIVER", driver)
        .env(
            "WASM_BINDGEN_TEST_WEBDRIVER_JSON",
            workspace::root().join("edge/webdriver.json"),
        )
        .envs(PATIENCE);
    Ok(vectors)
}

pub(super) fn interop(limits: &Limits) -> Outcome<Counts> {
    build::npm_package()?;
    tests(limits, &node_tests("tests/js/interop")?)
}

/// The packed package in every runtime; core writes down for it first what natively became of each attack, key set and vector.
pub(super) fn runtimes(limits: &Limits) -> Outcome<Counts> {
    build::npm_package()?;
    let (mut counts, corpora) = written_by_core(
        limits,
        &["attacks::export", "key_sets::export", "signatures"],
    )?;
    let mut node = node_tests("tests/js/runtimes")?;
    node.env("CORPORA", corpora);
    counts.add(tests(limits, &node)?);
    Ok(counts)
}

pub(super) fn client(limits: &Limits) -> Outcome<Counts> {
    let mut counts = holds(limits, &tsc("www/client")?)?;
    counts.add(holds(limits, &tsc("www/client/test")?)?);
    counts.add(tests(limits, &node_tests("www/client/test")?)?);
    counts.add(tests(limits, &node_tests("www/demo/test")?)?);
    counts.add(holds(limits, &tsc("www/pages")?)?);
    counts.add(tests(limits, &node_tests("www/pages/test")?)?);
    Ok(counts)
}

pub(super) fn browser(limits: &Limits) -> Outcome<Counts> {
    // These stories type `cargo xtask dev`; what it needs is built here, where its output is seen.
    build::client()?;
    // Quick starts install it.
    build::npm_package()?;
    let (worker, clocked_worker) = (build::worker(Clock::Real)?, build::worker(Clock::Test)?);
    let (edgeward, clocked_edgeward) = (build::issuer_dev()?, build::issuer_test_clock()?);
    let sites = build::sites_for_browsers()?;
    let mut node = node_tests("tests/js/browser")?;
    node.env("PREVIEWS_BIN", sites.join("previews"))
        .env("EDGEWARD_BIN", edgeward)
        .env("EDGEWARD_WORKER_DIR", worker);
    node.env("CLOCKED_SITE_BIN", sites.join("clocked_site"))
        .env("CLOCKED_EDGEWARD_BIN", clocked_edgeward)
        .env("CLOCKED_WORKER_DIR", clocked_worker);
    tests(limits, &node)
}

fn need_chromium() -> Outcome<impl AsRef<Path> + AsRef<std::ffi::OsStr>> {
    toolchain::chromium()
        .ok_or_else(|| Failure::new("Chromium is not installed: run `cargo xtask setup`"))
}
