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

/// The numbers of the lines that are in a release: no comments, and nothing that a `#[cfg(test)]` stands before.
fn shipped_lines(source: &str) -> Vec<usize> {
    let mut shipped = Vec::new();
    let mut lines = source.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let text = line.trim();
        if text.starts_with("#[cfg(test)]") || text.starts_with("#[cfg(all(test") {
            skip_item(line, &mut lines);
        } else if !text.starts_with("//") {
            shipped.push(at + 1);
        }
    }
    shipped
}

/// An item ends with the line that closes it at the indent of its attribute, as rustfmt writes it; one of a single line with that.
fn skip_item<'s>(attribute: &str, lines: &mut impl Iterator<Item = (usize, &'s str)>) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let outer = indent(attribute);
    for (_, line) in lines.by_ref() {
        let text = line.trim_end();
        let is_attribute = text.trim_start().starts_with("#[") || text.trim_start() == ")]";
        let is_end = text.ends_with(';') || text.ends_with('}') || text.ends_with(',');
        if !text.is_empty() && indent(line) <= outer && is_end && !is_attribute {
            return;
        }
    }
}

#[test]
fn what_stands_behind_a_test_is_looked_at() {
    for (source, shipped) in [
        ("a\n#[cfg(test)]\nmod tests;\nb", vec![1, 4]),
        ("a\n#[cfg(test)]\nmod tests {\n    x\n}\nb", vec![1, 6]),
        (
            "#[cfg(test)]\n#[expect(\n    x\n)]\nimpl A {\n    fn f() {\n    }\n}\nb\n// c",
            vec![9],
        ),
        (
            "impl A {\n    #[cfg(test)]\n    fn f() {\n        x;\n    }\n    b\n}",
            vec![1, 6, 7],
        ),
        ("#[cfg(all(test, unix))]\nuse a;\nb", vec![3]),
    ] {
        assert_eq!(shipped_lines(source), shipped, "{source}");
    }
}

/// Fails if a source below `folder` contains one of these outside its tests.
#[track_caller]
fn absent(folder: &str, needles: &[&str], why: &str) {
    let mut offences = Vec::new();
    for path in sources(folder) {
        let source = text(&path).unwrap_or_default();
        let shipped = shipped_lines(&source);
        let is_shipped = |hit: &String| {
            let line = hit
                .split(':')
                .nth(1)
                .and_then(|number| number.parse::<usize>().ok());
            line.is_some_and(|line| shipped.contains(&line))
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
fn the_domain_is_told_the_time() {
    absent(
        "issuer/src/domain",
        &["SystemTime", "Instant::now", "Clock.now", "time::sleep"],
        "the present moment is an argument",
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
fn the_edge_reads_the_time_in_one_place() {
    let reads_it = |path: &PathBuf| !lines_with(path, &["Date::now", "Date::new"]).is_empty();
    let clocks: Vec<_> = sources("edge/src").into_iter().filter(reads_it).collect();
    assert_eq!(clocks, [PathBuf::from("edge/src/worker/platform.rs")]);
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
