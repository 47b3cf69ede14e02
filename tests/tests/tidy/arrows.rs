//! Who may know whom. The compiler checks the arrows between crates; these are the ones inside, and what is absent.

use std::path::{Path, PathBuf};

use crate::tree::{files, is_kind, lines_with, none, text};

/// Rust files below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let found: Vec<_> = files()
        .into_iter()
        .filter(|path| path.starts_with(folder) && is_kind(path, &["rs"]))
        .collect();
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// Fails if a source below `folder` contains one of these outside its tests.
#[track_caller]
fn absent(folder: &str, needles: &[&str], why: &str) {
    let mut offences = Vec::new();
    for path in sources(folder) {
        let source = text(&path).unwrap_or_default();
        let shipped = source
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .count();
        let is_shipped = |hit: &String| {
            let line = hit
                .split(':')
                .nth(1)
                .and_then(|number| number.parse::<usize>().ok());
            let is_comment = |line: usize| {
                source
                    .lines()
                    .nth(line - 1)
                    .is_some_and(|text| text.trim_start().starts_with("//"))
            };
            line.is_some_and(|line| line <= shipped && !is_comment(line))
        };
        offences.extend(lines_with(&path, needles).into_iter().filter(is_shipped));
    }
    none(why, &offences);
}

#[test]
fn core_has_no_clock_no_randomness_and_no_io() {
    let needles = [
        "SystemTime",
        "Instant",
        "std::",
        "getrandom",
        "rand::",
        "OsRng",
        "Date::now",
        "wasm_bindgen",
        "js_sys",
        "extern \"C\"",
    ];
    absent("core/src", &needles, "core decides and never acts");
    let root = text(Path::new("core/src/lib.rs")).expect("core has a root");
    assert!(
        root.contains("#![no_std]") && root.contains("#![forbid(unsafe_code)]"),
        "{root}"
    );
}

#[test]
fn the_domain_knows_no_http_and_no_database() {
    absent(
        "issuer/src/domain",
        &["axum", "hyper", "tower", "sqlx", "crate::http"],
        "http and store know the domain, not the reverse",
    );
}

#[test]
fn the_store_knows_no_http() {
    absent(
        "issuer/src/store",
        &["axum", "hyper", "crate::http"],
        "the store keeps, and answers nobody's request",
    );
}

#[test]
fn http_writes_no_sql() {
    let needles = ["sqlx::", "SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"];
    absent("issuer/src/http", &needles, "SQL stays in the store");
    absent("issuer/src/domain", &needles, "SQL stays in the store");
    absent("issuer/src/cli", &needles, "SQL stays in the store");
}

#[test]
fn the_edge_keeps_no_clock_of_its_own_but_one() {
    let one_place: Vec<_> = sources("edge/src")
        .into_iter()
        .filter(|path| !lines_with(path, &["Date::now"]).is_empty())
        .collect();
    assert!(
        one_place.len() <= 2,
        "the Worker and the package each read the time in one place: {one_place:?}"
    );
}

#[test]
fn the_crates_depend_as_the_design_says() {
    let arrows = |manifest: &str| -> Vec<String> {
        let manifest: toml::Table = text(Path::new(manifest))
            .expect("a manifest")
            .parse()
            .expect("a manifest is TOML");
        let ours = [
            "edgeward-core",
            "edgeward-edge",
            "edgeward-issuer",
            "edgeward-tests",
            "xtask",
        ];
        let table = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .cloned()
            .unwrap_or_default();
        table
            .keys()
            .filter(|name| ours.contains(&name.as_str()))
            .cloned()
            .collect()
    };
    assert_eq!(arrows("core/Cargo.toml"), Vec::<String>::new());
    assert_eq!(arrows("edge/Cargo.toml"), ["edgeward-core"]);
    assert_eq!(arrows("issuer/Cargo.toml"), ["edgeward-core"]);
    assert_eq!(arrows("xtask/Cargo.toml"), Vec::<String>::new());
}

#[test]
fn unsafe_code_is_where_it_is_expected() {
    for folder in [
        "core/src",
        "issuer/src",
        "edge/src",
        "xtask/src",
        "tests/src",
    ] {
        absent(
            folder,
            &[
                concat!("unsafe", " {"),
                concat!("unsafe", " fn"),
                concat!("unsafe", " impl"),
            ],
            "no unsafe code of our own",
        );
    }
}
