//! The page about HTTP lists every code of a problem once, with the status that it is answered with, and no other code; and each is
//! named by a test.

use std::collections::BTreeSet;
use std::path::Path;

use edgeward_core::problem::ProblemCode;

use crate::tree::{files, is_kind, none, text};

/// Who answers with a code.
const SOURCES: [&str; 4] = ["edge", "issuer", "both", "forward-auth"];

#[test]
fn the_page_about_http_lists_every_code_with_its_status() {
    let page = text(Path::new("docs/HTTP.md")).unwrap_or_default();
    let rows: Vec<Vec<&str>> = table(&page).collect();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for row in &rows {
        let [code, status, from, act] = row.as_slice() else {
            panic!("a row has four cells: {row:?}");
        };
        assert!(SOURCES.contains(from), "{row:?}");
        assert!(!act.is_empty(), "{row:?}");
        told.push((code.trim_matches('`'), *status));
    }
    told.sort_unstable();
    let statuses = ProblemCode::ALL
        .iter()
        .map(|code| code.status().to_string());
    let statuses: Vec<String> = statuses.collect();
    let codes = ProblemCode::ALL.iter().map(|code| code.code());
    let mut listed: Vec<(&str, &str)> = codes.zip(statuses.iter().map(String::as_str)).collect();
    listed.sort_unstable();
    assert_eq!(told, listed);
}

/// A code that no test names is one that nothing holds to its meaning.
#[test]
fn every_code_is_named_by_a_test() {
    let tests: Vec<String> = files().iter().filter_map(|file| of_tests(file)).collect();
    let named: BTreeSet<&str> = tests
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    let untested: Vec<String> = ProblemCode::ALL
        .iter()
        .map(|code| code.code())
        .filter(|code| !named.contains(code))
        .map(str::to_owned)
        .collect();
    none("a test names each code", &untested);
}

/// What of a file is tests: all of it in their folders, and in a source file what stands in its module of tests.
fn of_tests(file: &Path) -> Option<String> {
    if !is_kind(file, &["rs", "mjs", "ts", "js"]) {
        return None;
    }
    let text = text(file)?;
    let is_test = file
        .iter()
        .any(|part| part == "tests" || part == "test" || part == "tests.rs");
    if is_test {
        return Some(text);
    }
    let (_, module) = text.split_once("\n#[cfg(test)]\nmod tests {")?;
    Some(module.to_owned())
}

/// The cells of the rows of the table below `Problems`.
fn table(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let (_, after) = page.split_once("\n## Problems\n").unwrap_or_default();
    let (section, _) = after.split_once("\n## ").unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter(|row| row.starts_with('`'))
        .map(|row| row.split(" | ").collect())
}
