//! The peers that nothing else of the project needs: packages of npm, native programs, a Worker that gates nothing.
//!
//! Each has a lock file of its own in `xtask/bench`, and what is built goes to one folder below `target/xtask`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::build;
use crate::failure::{Attempt, Outcome};
use crate::run::{cargo, check, command};
use crate::toolchain::{self, WASM_BINDGEN, WORKER_BUILD};
use crate::workspace;

/// `npm ci` in `xtask/bench`, unless what is installed is what the lock file asks for.
pub(super) fn install() -> Outcome<()> {
    let folder = workspace::root().join("xtask/bench");
    let stamp = folder.join("node_modules/.edgeward-lock");
    let lock = workspace::read(&folder.join("package-lock.json"))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("bench: npm ci in xtask/bench");
    let mut npm = command("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]);
    check(npm.current_dir(&folder))?;
    fs::write(&stamp, lock).attempt(|| format!("writing {}", stamp.display()))
}

/// Builds the program that verifies natively, and returns it.
pub(super) fn native() -> Outcome<PathBuf> {
    program("native")
}

/// Builds the program that decides among few rules and among many, and returns it.
pub(super) fn rules() -> Outcome<PathBuf> {
    program("rules")
}

/// Builds the program that asks the issuer and its peers, and returns it.
pub(super) fn load() -> Outcome<PathBuf> {
    program("load")
}

fn program(name: &str) -> Outcome<PathBuf> {
    let mut build = cargo();
    // Without `--locked`: the programs depend on core by its path, and their lock files follow what core depends on.
    build.args(["build", "--release", "--quiet"]);
    build.arg("--manifest-path");
    build.arg(format!("xtask/bench/{name}/Cargo.toml"));
    check(apart(&mut build))?;
    Ok(target().join("release").join(name))
}

/// Builds the Worker that gates nothing, and returns the folder with its modules.
pub(super) fn ungated_worker() -> Outcome<PathBuf> {
    let folder = workspace::root().join("xtask/bench/ungated");
    let mut build = command(WORKER_BUILD.need()?);
    // A path that does not resolve would make worker-build download a program of its own choice.
    build.env("WASM_BINDGEN_BIN", WASM_BINDGEN.need()?);
    build.env("WASM_OPT_BIN", toolchain::npm_program("wasm-opt")?);
    build.env("ESBUILD_BIN", toolchain::npm_program("esbuild")?);
    build.arg("--release").current_dir(&folder);
    check(apart(&mut build))?;
    let built = folder.join("build");
    build::optimise(&built.join("index_bg.wasm"), &build::SMALLEST)?;
    Ok(built)
}

/// Keeps a build out of the workspace's folder, whose lock would make it wait for every other build.
fn apart(build: &mut Command) -> &mut Command {
    build.env("CARGO_TARGET_DIR", target())
}

fn target() -> PathBuf {
    workspace::own_target().join("bench")
}
