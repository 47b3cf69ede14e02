//! The page about HTTP lists every code of a problem once, with the status that it is answered with, and no other code.

use std::path::Path;

use edgeward_core::problem::ProblemCode;

use crate::tree::text;

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
