//! Brings what a task needs onto the machine: rustup targets, npm packages, cargo tools, packages of Python, Debian's browser, servers, SoftHSM and certutil.
//!
//! Everything comes from crates.io, npm, PyPI, rustup and Debian through their ordinary clients. What is already there in the
//! right version is left alone, so a second run costs a second.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Attempt, Failure, Outcome};
use crate::run::{cargo, check, command, output};
use crate::toolchain::{
    self, CARGO_FUZZ, CARGO_LLVM_COV, CargoTool, WASM_BINDGEN, WASM_PACK, WORKER_BUILD,
};
use crate::workspace;

/// What a task is about to do, and therefore what must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Only the packages of npm: the pinned Node, workerd, the bundler.
    Npm,
    /// Build the Worker and run the stack.
    Stack,
    /// Build the npm package as well.
    Package,
    /// Run every suite.
    Test,
    /// Measure what the tests of core reach.
    Coverage,
}

/// `cargo xtask setup`: everything.
pub fn run(_args: &[String]) -> Outcome<()> {
    prepare(Need::Test)?;
    println!("setup: everything is in place");
    Ok(())
}

/// Installs what `need` lacks.
pub fn prepare(need: Need) -> Outcome<()> {
    // Two tasks of one checkout would install the same tool into the same folder; the second waits for the first.
    let path = workspace::target().join("setup.lock");
    let what = || format!("locking {}", path.display());
    fs::create_dir_all(workspace::target()).attempt(what)?;
    let lock = File::create(&path).attempt(what)?;
    lock.lock().attempt(what)?;
    if need == Need::Coverage {
        rustup_llvm_tools()?;
        return cargo_tool(&CARGO_LLVM_COV);
    }
    npm_packages()?;
    if need == Need::Npm {
        return Ok(());
    }
    rustup_target("wasm32-unknown-unknown")?;
    cargo_tool(&WASM_BINDGEN)?;
    if need != Need::Package {
        cargo_tool(&WORKER_BUILD)?;
    }
    if need != Need::Stack {
        cargo_tool(&WASM_PACK)?;
    }
    if need == Need::Test {
        rustup_target("thumbv7m-none-eabi")?;
        cargo_tool(&CARGO_FUZZ)?;
        debian_browser()?;
        debian_certutil()?;
        debian_postgresql()?;
        debian_redis()?;
        debian_nginx()?;
        softhsm()?;
        debian_operators_tools()?;
        python_packages()?;
    }
    Ok(())
}

fn rustup_target(target: &str) -> Outcome<()> {
    if rustlib()?.join(target).join("lib").is_dir() {
        return Ok(());
    }
    check(command("rustup").args(["target", "add", target]))
}

/// The compiler's own tools for reading what instrumented programs write.
fn rustup_llvm_tools() -> Outcome<()> {
    let host = output(command("rustc").args(["--print", "host-tuple"]))?;
    let tool = rustlib()?.join(host.trim()).join("bin/llvm-profdata");
    if tool.is_file() {
        return Ok(());
    }
    check(command("rustup").args(["component", "add", "llvm-tools"]))
}

/// Where the toolchain keeps what belongs to one target.
fn rustlib() -> Outcome<PathBuf> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim()).join("lib/rustlib"))
}

/// `npm ci`, unless what is installed is what the lock file asks for.
fn npm_packages() -> Outcome<()> {
    let root = workspace::root();
    let stamp = root.join("node_modules/.edgeward-lock");
    let lock = workspace::read(&root.join("package-lock.json"))?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if toolchain::find_on_path("npm").is_none() {
        return Err(Failure::new(
            "npm is not installed: install Node 20 or newer with npm, then run this again",
        ));
    }
    println!("setup: npm ci");
    // With the machine's own Node: the pinned one is among what is removed and installed anew.
    let path = std::env::var_os("PATH").unwrap_or_default();
    check(
        command("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .env("PATH", path),
    )?;
    fs::write(&stamp, lock).attempt(|| format!("writing {}", stamp.display()))
}

/// `cargo install --locked` into `target/tools`, unless the path has this very version: nobody's own tools are replaced.
///
/// The tools are built without optimisation. They read one small wasm file each time, so it costs them a second, and it
/// makes the first run of a new machine six minutes shorter.
fn cargo_tool(tool: &CargoTool) -> Outcome<()> {
    if tool.find().is_some() {
        return Ok(());
    }
    println!(
        "setup: cargo install {} {} (a few minutes, once)",
        tool.package, tool.version
    );
    let mut install = cargo();
    let package = format!("{}@{}", tool.package, tool.version);
    install.args(["install", "--locked", "--quiet", "--force", &package]);
    install.arg("--root").arg(toolchain::tools_folder());
    // The three tools share many dependencies; one folder lets them share the work.
    install.env("CARGO_TARGET_DIR", workspace::target().join("tools-build"));
    install.env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    install.env("CARGO_PROFILE_RELEASE_LTO", "off");
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    check(&mut install)?;
    tool.need().map(drop)
}

/// Chromium and its driver, for the suites that need a browser.
fn debian_browser() -> Outcome<()> {
    if toolchain::chromium().is_some() && toolchain::chromedriver().is_some() {
        return Ok(());
    }
    debian(
        "Chromium and ChromeDriver",
        &["chromium", "chromium-driver"],
    )
}

/// What tells Chromium which roots to trust; the stories of previews have roots of their own.
fn debian_certutil() -> Outcome<()> {
    if toolchain::find_on_path("certutil").is_some() {
        return Ok(());
    }
    debian("certutil of NSS", &["libnss3-tools"])
}

/// The database server, of which the issuer's tests start one of their own.
fn debian_postgresql() -> Outcome<()> {
    if toolchain::has_postgresql() {
        return Ok(());
    }
    debian("PostgreSQL 15 or newer", &["postgresql"])
}

/// What issuers share limits by; the tests start servers of their own.
fn debian_redis() -> Outcome<()> {
    if toolchain::has_redis() {
        return Ok(());
    }
    debian("Redis 7", &["redis-server"])
}

/// A device with a PKCS#11 module in software; the tests make tokens of their own.
pub fn softhsm() -> Outcome<()> {
    if toolchain::has_softhsm() {
        return Ok(());
    }
    debian("SoftHSM 2", &["softhsm2"])
}

/// The proxy that asks for verdicts; the stories start their own.
fn debian_nginx() -> Outcome<()> {
    if toolchain::nginx().is_some() {
        return Ok(());
    }
    debian("nginx", &["nginx-light"])
}

/// What runbooks have an operator type; a test types it.
fn debian_operators_tools() -> Outcome<()> {
    const TOOLS: [&str; 3] = ["curl", "openssl", "sqlite3"];
    let is_here = |tool: &&str| toolchain::find_on_path(tool).is_some();
    if TOOLS.iter().all(is_here) {
        return Ok(());
    }
    debian("curl, OpenSSL and SQLite's shell", &TOOLS)
}

/// Installs packages of Debian, or says how.
fn debian(what: &str, packages: &[&str]) -> Outcome<()> {
    const INSTALL: [&str; 4] = ["-qq", "install", "--yes", "--no-install-recommends"];
    let advice = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {}",
        packages.join(" ")
    );
    if toolchain::find_on_path("apt-get").is_none() {
        return Err(Failure::new(format!(
            "{what}: not installed, and this is not a Debian: install it yourself"
        )));
    }
    if !is_root() {
        return Err(Failure::new(format!(
            "{what}: not installed. Run as root:\n    {advice}"
        )));
    }
    println!("setup: {advice}");
    let apt = |args: &[&str]| {
        let mut apt: Command = command("apt-get");
        apt.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        check(&mut apt)
    };
    apt(&["-qq", "update"])?;
    apt(&[&INSTALL[..], packages].concat())
}

/// A virtual environment in `target/tools`, unless it holds what the list of packages asks for.
pub fn python_packages() -> Outcome<()> {
    let list = workspace::root().join("tests/tests/schema/requirements.txt");
    let folder = toolchain::python_folder();
    let stamp = folder.join(".edgeward-lock");
    let lock = workspace::read(&list)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if toolchain::find_on_path("python3").is_none() {
        return Err(Failure::new(
            "Python is not installed: install Python 3.10 or newer with venv (Debian: python3-venv), then run this again",
        ));
    }
    println!("setup: packages of Python");
    check(
        command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let mut pip = command(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    check(pip.arg(&list))?;
    fs::write(&stamp, lock).attempt(|| format!("writing {}", stamp.display()))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
