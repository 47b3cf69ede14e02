//! The tree: what the files are called, how long they are, and what they must not contain.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Past this length a file wants to be two.
const LONGEST_FILE: usize = 500;

/// Names that say where something was put and not what it is.
const NAMES_THAT_SAY_NOTHING: [&str; 7] = [
    "utils", "util", "common", "helpers", "helper", "misc", "shared",
];

/// The files of the checkout: those that git tracks and those that it would.
pub(crate) fn files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(xtask::workspace::root())
        .output()
        .expect("git is installed");
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let names = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let mut files: Vec<_> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect();
    files.retain(|path| xtask::workspace::root().join(path).is_file());
    files.sort();
    files.dedup();
    assert!(files.len() > 50, "the checkout has files: {files:?}");
    files
}

/// The text of a file, or `None` for what is no text.
pub(crate) fn text(path: &Path) -> Option<String> {
    String::from_utf8(
        std::fs::read(xtask::workspace::root().join(path)).expect("a listed file is readable"),
    )
    .ok()
}

/// Whether the path ends in one of these.
pub(crate) fn is_kind(path: &Path, kinds: &[&str]) -> bool {
    path.extension()
        .and_then(|kind| kind.to_str())
        .is_some_and(|kind| kinds.contains(&kind))
}

/// Fails with every offence.
#[track_caller]
pub(crate) fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// The lines that contain one of these, as `path:line: what`.
pub(crate) fn lines_with(path: &Path, needles: &[&str]) -> Vec<String> {
    let Some(text) = text(path) else {
        return Vec::new();
    };
    let lines = text.lines().enumerate();
    let hit = |(number, line): (usize, &str)| {
        let needle = needles.iter().find(|needle| line.contains(**needle))?;
        Some(format!("{}:{}: {needle}", path.display(), number + 1))
    };
    lines.filter_map(hit).collect()
}

#[test]
fn no_file_is_longer_than_can_be_read() {
    let kinds = ["rs", "mjs", "ts", "js", "css", "html", "md", "toml", "sql"];
    let mut offences = Vec::new();
    for path in files().iter().filter(|path| is_kind(path, &kinds)) {
        let lines = text(path).map_or(0, |text| text.lines().count());
        if lines > LONGEST_FILE {
            offences.push(format!("{} has {lines} lines", path.display()));
        }
    }
    none("a file has at most 500 lines", &offences);
}

#[test]
fn names_say_what_is_inside() {
    let says_nothing = |path: &PathBuf| {
        path.iter()
            .filter_map(|part| Path::new(part).file_stem()?.to_str())
            .any(|part| NAMES_THAT_SAY_NOTHING.contains(&part))
    };
    let offences: Vec<_> = files()
        .into_iter()
        .filter(says_nothing)
        .map(|path| path.display().to_string())
        .collect();
    none("a name says what is inside", &offences);
}

#[test]
fn nothing_is_left_for_later() {
    // Spelled apart, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("#[", "ignore"),
        concat!("test.", "skip"),
        concat!("unimple", "mented!"),
    ];
    let kinds = ["rs", "mjs", "ts", "js", "md", "sql", "html", "css"];
    let offences: Vec<_> = files()
        .iter()
        .filter(|path| is_kind(path, &kinds))
        .flat_map(|path| lines_with(path, &marks))
        .collect();
    none("work that is left belongs into the tracker", &offences);
}

#[test]
fn no_machine_and_no_registry_is_named() {
    let marks = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("registry.", "npmjs"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("deb.", "debian.org"),
        concat!("files.", "pythonhosted"),
    ];
    // Cargo names its registry by a constant; no other file has a reason to name one.
    let is_judged = |path: &&PathBuf| !path.ends_with("Cargo.lock");
    let offences: Vec<_> = files()
        .iter()
        .filter(is_judged)
        .flat_map(|path| lines_with(path, &marks))
        .collect();
    none("no path of a machine, no address of a registry", &offences);
}

#[test]
fn the_lock_files_name_no_address() {
    let lock = text(Path::new("package-lock.json")).expect("package-lock.json is text");
    let offences: Vec<_> = lock
        .lines()
        .filter(|line| line.contains("\"resolved\": \"http"))
        .map(|line| line.trim().to_owned())
        .collect();
    none(
        "package-lock.json holds versions and digests (see .npmrc)",
        &offences,
    );
}

/// What looks like a sleep in a test, and why it may: the file, and how often it occurs there.
const SLEEPS: [(&str, usize, &str); 1] = [(
    "issuer/tests/store/user_import_server.rs",
    1,
    "a name of a column that would have the server sleep if it were taken for SQL",
)];

#[test]
fn no_test_sleeps() {
    // Spelled apart, so that this file does not find itself.
    let marks = [
        concat!("sle", "ep("),
        concat!("setTime", "out(r"),
        concat!("waitFor", "Timeout"),
    ];
    let is_test = |path: &&PathBuf| path.iter().any(|part| part == "tests" || part == "test");
    let mut offences = Vec::new();
    let mut unused: Vec<_> = SLEEPS.map(|(path, ..)| path.to_owned()).into();
    for path in files().iter().filter(is_test) {
        let found = lines_with(path, &marks);
        let may = SLEEPS
            .iter()
            .find(|(may, ..)| path.as_path() == Path::new(may));
        if let Some((path, count, _)) = may
            && found.len() == *count
        {
            unused.retain(|left| left != path);
        } else {
            offences.extend(found);
        }
    }
    none("a test owns its clock or waits for a signal", &offences);
    none("these do not sleep any more, or not as often", &unused);
}

#[test]
fn ci_runs_what_a_developer_runs() {
    let ci = text(Path::new(".ci/run")).expect(".ci/run is text");
    let commands: Vec<_> = ci.lines().filter(|line| line.contains("cargo")).collect();
    assert_eq!(commands, ["exec cargo xtask test"]);
}
