//! Builds what ships — the Worker, the npm package, the issuer, the client — and the variants that only tests use.
//!
//! The variants with the test clock go to folders of their own below `target/xtask`, so that no release artefact can be
//! one of them by accident.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::failure::{Attempt, Failure, Outcome};
use crate::run::{cargo, check, command};
use crate::setup::{self, Need};
use crate::toolchain::{self, WASM_BINDGEN, WASM_PACK, WORKER_BUILD};
use crate::workspace;

/// `cargo xtask build [edge|npm|issuer|client|pages|all]`
pub fn run(args: &[String]) -> Outcome<()> {
    let parts: Vec<&str> = if args.is_empty() {
        vec!["all"]
    } else {
        args.iter().map(String::as_str).collect()
    };
    for part in parts {
        match part {
            "edge" => {
                setup::prepare(Need::Stack)?;
                report("the Worker", &worker(Clock::Real)?);
            }
            "npm" => {
                setup::prepare(Need::Package)?;
                report("the npm package", &npm_package()?);
            }
            "issuer" => report("the issuer", &issuer_release()?),
            "client" => {
                setup::prepare(Need::Npm)?;
                report("the browser client", &client()?);
            }
            "pages" => {
                setup::prepare(Need::Npm)?;
                report("the modules of the pages", &pages()?);
            }
            "all" => run(&["edge", "npm", "pages", "issuer", "client"].map(str::to_owned))?,
            other => {
                return Err(Failure::new(format!(
                    "nothing is called `{other}`: edge, npm, issuer, client, pages or all"
                )));
            }
        }
    }
    Ok(())
}

fn report(what: &str, path: &Path) {
    let root = workspace::root();
    println!(
        "built {what}: {}",
        path.strip_prefix(&root).unwrap_or(path).display()
    );
}

/// Which clock a build has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's; what ships.
    Real,
    /// The one that a test sets by a header.
    Test,
}

/// The cargo profile of the Worker.
const WORKER_PROFILE: &str = "wasm";
/// The cargo profile of the npm package.
const PACKAGE_PROFILE: &str = "npm";

/// Builds the Worker and returns the folder with its modules. What is newer than its sources is not built again.
pub fn worker(clock: Clock) -> Outcome<PathBuf> {
    let root = workspace::root();
    let folder = match clock {
        Clock::Real => root.join("edge/build"),
        Clock::Test => test_clock_folder()?.join("worker"),
    };
    if is_newer_than_sources(
        &folder.join("index_bg.wasm"),
        &[
            "core",
            "edge/src",
            "edge/Cargo.toml",
            "Cargo.toml",
            "Cargo.lock",
        ],
    ) {
        return Ok(folder);
    }
    let mut build = command(WORKER_BUILD.need()?);
    forget_this_machine(&mut build);
    // A path that does not resolve would make worker-build download a program of its own choice.
    build.env("WASM_BINDGEN_BIN", WASM_BINDGEN.need()?);
    build.env("WASM_OPT_BIN", toolchain::npm_program("wasm-opt")?);
    build.env("ESBUILD_BIN", toolchain::npm_program("esbuild")?);
    build
        .args(["--profile", WORKER_PROFILE])
        .arg("--out-dir")
        .arg(relative(&root.join("edge"), &folder))
        .arg("edge");
    if clock == Clock::Test {
        build.args(["--features", "test-clock"]);
    }
    check(&mut build)?;
    if clock == Clock::Real {
        // worker-build leaves this out, as edge/Cargo.toml says. Tests do without it: it takes longer than the compilation.
        optimise(&folder.join("index_bg.wasm"), &SMALLEST)?;
    }
    Ok(folder)
}

/// For the package, whose runtimes differ in what they inline by themselves.
const FASTEST: [&str; 1] = ["-O3"];

/// For a Worker. Functions stay as apart as rustc left them: what is inlined where it has its only call makes the module
/// larger gzipped, and the first request waits for parts of functions that it never reaches. Functions so small that the
/// call is no shorter are inlined. V8 inlines what is hot. A second round finds what the first one uncovered, a third nothing more.
pub const SMALLEST: [&str; 7] = [
    "-Oz",
    "-Oz",
    "--always-inline-max-function-size",
    "6",
    "--one-caller-inline-max-function-size",
    "0",
    "--strip-target-features",
];

/// Makes a wasm module smaller and a little faster, and takes the names of its functions out.
pub fn optimise(wasm: &Path, options: &[&str]) -> Outcome<()> {
    // What rustc and wasm-bindgen emit, by name: `--all-features` would let wasm-opt use encodings that runtimes lack.
    let features = [
        "--enable-bulk-memory",
        "--enable-exception-handling",
        "--enable-multivalue",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-sign-ext",
    ];
    let mut optimise = command(toolchain::npm_program("wasm-opt")?);
    optimise
        .args(features)
        .args(options)
        .args(["--strip-debug", "--strip-producers"])
        .arg("-o")
        .arg(wasm)
        .arg(wasm);
    check(&mut optimise)
}

/// Takes the place of the crates' sources on this machine out of the messages of panics: they are nobody's business, differ
/// from machine to machine, and are a hundredth of what ships.
fn forget_this_machine(build: &mut Command) {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    let Some(registries) = cargo_home.or_else(home) else {
        return;
    };
    let Ok(registries) = fs::read_dir(registries.join("registry/src")) else {
        return;
    };
    let flags: Vec<String> = registries
        .flatten()
        .map(|registry| format!("--remap-path-prefix={}/=", registry.path().display()))
        .collect();
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
}

/// Builds the npm package `edgeward` and returns its folder.
pub fn npm_package() -> Outcome<PathBuf> {
    let root = workspace::root();
    let package = root.join("edge/js");
    let wasm = package.join("dist/wasm/edgeward_bg.wasm");
    WASM_BINDGEN.need()?;
    let mut build = command(WASM_PACK.need()?);
    forget_this_machine(&mut build);
    check(build.args([
        "build",
        "--mode",
        "no-install",
        "--profile",
        PACKAGE_PROFILE,
        "--no-opt",
        "--target",
        "web",
        "--no-pack",
        "--no-gitignore",
        "--out-dir",
        "js/dist/wasm",
        "--out-name",
        "edgeward",
        "edge",
        "--no-default-features",
        "--features",
        "js",
    ]))?;
    optimise(&wasm, &FASTEST)?;
    check(command(toolchain::npm_program("tsc")?).args(["-p", "edge/js"]))?;
    Ok(package)
}

/// What only builds for tests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestPart {
    /// A test says what time it is.
    Clock,
    /// A test says where the process kills itself, and steps its clock.
    Faults,
}

impl TestPart {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Clock, Self::Faults];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock of tests",
            Self::Faults => "point of fault",
        }
    }

    /// The name by which a test reaches the part. It must stand in the text of any build that obeys it, so looking for it
    /// tells a build for tests from one that may ship.
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Clock => b"edgeward-test-clock",
            Self::Faults => b"EDGEWARD_FAULTS_OF_TESTS",
        }
    }
}

/// Which parts for tests a build has.
pub fn test_parts(file: &Path) -> Outcome<Vec<TestPart>> {
    let bytes = fs::read(file).attempt(|| format!("reading {}", file.display()))?;
    let has = |part: &TestPart| {
        let mark = part.mark();
        bytes.windows(mark.len()).any(|window| window == mark)
    };
    Ok(TestPart::ALL.into_iter().filter(has).collect())
}

/// Builds the issuer as it ships and returns the binary, which is looked through for what only tests may have.
pub fn issuer_release() -> Outcome<PathBuf> {
    check(cargo().args([
        "build",
        "--release",
        "--package",
        "edgeward-issuer",
        "--bin",
        "edgeward",
    ]))?;
    let binary = workspace::target().join("release/edgeward");
    if let Some(part) = test_parts(&binary)?.first() {
        return Err(Failure::new(format!(
            "{} has a {} and must not ship",
            binary.display(),
            part.name()
        )));
    }
    Ok(binary)
}

/// Builds an example of the issuer as optimised as what ships, and returns the binary.
pub fn issuer_example(name: &str) -> Outcome<PathBuf> {
    check(cargo().args([
        "build",
        "--release",
        "--package",
        "edgeward-issuer",
        "--example",
        name,
    ]))?;
    Ok(workspace::target().join("release/examples").join(name))
}

/// Builds the issuer for this machine and returns the binary.
pub fn issuer_dev() -> Outcome<PathBuf> {
    check(cargo().args(["build", "--package", "edgeward-issuer", "--bin", "edgeward"]))?;
    kept_aside(&workspace::own_target().join("dev"))
}

/// Builds the issuer with the clock of tests and returns the binary.
pub fn issuer_test_clock() -> Outcome<PathBuf> {
    issuer_with("test-clock")?;
    kept_aside(&test_clock_folder()?)
}

/// Builds the issuer with points of fault and returns the binary.
pub fn issuer_fault_points() -> Outcome<PathBuf> {
    issuer_with("fault-points")?;
    kept_aside(&workspace::own_target().join("fault-points"))
}

fn issuer_with(feature: &str) -> Outcome<()> {
    check(cargo().args([
        "build",
        "--package",
        "edgeward-issuer",
        "--bin",
        "edgeward",
        "--features",
        feature,
    ]))
}

/// Builds what starts sites for a browser, and returns the folder of the binaries: `previews` and `clocked_site`.
pub fn sites_for_browsers() -> Outcome<PathBuf> {
    check(cargo().args(["build", "--package", "edgeward-tests", "--examples"]))?;
    Ok(workspace::target().join("debug/examples"))
}

/// Builds the browser client and returns its folder.
pub fn client() -> Outcome<PathBuf> {
    let package = workspace::root().join("www/client");
    check(command(toolchain::npm_program("tsc")?).args(["-p", "www/client"]))?;
    Ok(package.join("dist"))
}

/// Builds the modules of the issuer's pages and returns their folder. What comes of it is committed, so that the issuer is built
/// without Node; `www/pages/test` holds that it is what the sources give.
pub fn pages() -> Outcome<PathBuf> {
    let assets = workspace::root().join("www/pages/assets");
    let mut bundle = command(toolchain::npm_program("esbuild")?);
    bundle.args(["www/pages/scripts/once.ts", "www/pages/scripts/sessions.ts"]);
    bundle.args(["--bundle", "--format=esm", "--target=es2022", "--minify"]);
    bundle.arg(format!("--outdir={}", assets.display()));
    check(&mut bundle)?;
    Ok(assets)
}

/// Copies the debug binary to where the next build with other features does not replace it.
fn kept_aside(folder: &Path) -> Outcome<PathBuf> {
    fs::create_dir_all(folder).attempt(|| format!("creating {}", folder.display()))?;
    let built = workspace::target().join("debug/edgeward");
    let kept = folder.join("edgeward");
    // Under another name first: what others run at this moment can be replaced but not written, and is to be whole and there.
    let fresh = folder.join(format!("edgeward-{}", std::process::id()));
    fs::copy(&built, &fresh).attempt(|| format!("copying {}", built.display()))?;
    fs::rename(&fresh, &kept).attempt(|| format!("putting {} in its place", kept.display()))?;
    Ok(kept)
}

fn test_clock_folder() -> Outcome<PathBuf> {
    let folder = workspace::own_target().join("test-clock");
    fs::create_dir_all(&folder).attempt(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// The way from one folder to another below the root; worker-build takes no absolute paths.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(one, other)| one == other)
        .count();
    let mut way: PathBuf = from.components().skip(shared).map(|_| "..").collect();
    way.extend(to.components().skip(shared));
    way
}

fn is_newer_than_sources(product: &Path, sources: &[&str]) -> bool {
    let Some(built) = modified(product) else {
        return false;
    };
    let root = workspace::root();
    sources.iter().all(|source| {
        let source = root.join(source);
        let files = if source.is_dir() {
            workspace::files_below(&source)
        } else {
            vec![source]
        };
        files
            .iter()
            .all(|file| modified(file).is_some_and(|changed| changed < built))
    })
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|facts| facts.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::relative;
    use std::path::{Path, PathBuf};

    #[test]
    fn the_way_goes_up_and_down() {
        let check = |from: &str, to: &str, way: &str| {
            assert_eq!(relative(Path::new(from), Path::new(to)), PathBuf::from(way));
        };
        check("/a/edge", "/a/edge/build", "build");
        check(
            "/a/edge",
            "/a/target/xtask/worker",
            "../target/xtask/worker",
        );
        check("/a/edge", "/b", "../../b");
    }
}
