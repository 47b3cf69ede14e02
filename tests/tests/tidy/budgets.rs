//! The page about testing has a row for every suite, in their order and with their budgets.

use std::path::Path;

use crate::tree::text;

/// Names and budgets, as the list of suites has them.
fn suites(source: &str) -> Vec<(String, String)> {
    let (_, list) = source.split_once("const SUITES").unwrap_or_default();
    let (list, _) = list.split_once("\n];").unwrap_or_default();
    let suites = list.split("suite(").skip(1).filter_map(|suite| {
        let mut arguments = suite.split(',').map(str::trim);
        let name = arguments.next()?.trim_matches('"');
        Some((name.to_owned(), format!("{} s", arguments.next()?)))
    });
    suites.collect()
}

/// Names and budgets, as the table of the page has them.
fn rows(page: &str) -> Vec<(String, String)> {
    let (_, table) = page.split_once("| suite | budget |").unwrap_or_default();
    let rows = table.lines().skip(2).map_while(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let name = cells.next()?.trim_matches('`');
        Some((name.to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

#[test]
fn the_page_about_testing_has_every_suite_with_its_budget() {
    let read = |path: &str| text(Path::new(path)).unwrap_or_default();
    let suites = suites(&read("xtask/src/suites.rs"));
    assert!(suites.len() > 10, "{suites:?}");
    assert_eq!(rows(&read("docs/TESTING.md")), suites);
}
