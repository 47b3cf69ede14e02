//! Every reason for which a token or a key set is refused stands in the document that says what is verified, and no other does.

use std::collections::BTreeSet;
use std::path::Path;

use edgeward_core::keys::{KeySetError, NO_USABLE_KEY};
use edgeward_core::reject::Reject;

use crate::tree::{files, text};

#[test]
fn the_page_about_verification_names_every_reason() {
    let page = text(Path::new("docs/VERIFICATION.md")).unwrap_or_default();
    let quoted: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let known: BTreeSet<&str> = Reject::ALL.iter().map(Reject::reason).collect();
    let missing: Vec<_> = known.difference(&quoted).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
    // It says that the rules are applied in its order, which is the order of the list; core's own tests hold the list to it.
    let mut told = BTreeSet::new();
    let in_order: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| known.contains(name) && told.insert(*name))
        .collect();
    let listed: Vec<&str> = Reject::ALL.iter().map(Reject::reason).collect();
    assert_eq!(in_order, listed, "the page tells the rules in their order");

    // The second column of the tables holds reasons and nothing else.
    let of_sets: BTreeSet<&str> = KeySetError::ALL.iter().map(KeySetError::reason).collect();
    let invented: Vec<_> = second_column(&page)
        .filter(|name| !known.contains(name) && !of_sets.contains(name))
        .collect();
    assert!(invented.is_empty(), "no such reason: {invented:?}");
}

#[test]
fn the_page_about_verification_names_every_reason_of_a_key_set_in_its_own_table() {
    let page = text(Path::new("docs/VERIFICATION.md")).unwrap_or_default();
    let (_, after) = page.split_once("### Key sets\n").unwrap_or_default();
    let (section, _) = after.split_once("\n## ").unwrap_or_default();
    let told: Vec<&str> = second_column(section).collect();
    let listed: Vec<&str> = KeySetError::ALL.iter().map(KeySetError::reason).collect();
    assert_eq!(told, listed);
    assert!(section.contains(&format!("`{NO_USABLE_KEY}`")));
}

#[test]
fn the_page_and_the_packages_tests_name_every_reason_of_its_own() {
    let source = text(Path::new("edge/js/src/errors.ts")).unwrap_or_default();
    let union = between(&source, "export type PackageReason =", ";");
    let own: BTreeSet<&str> = union.split('"').skip(1).step_by(2).collect();
    assert!(own.len() > 5, "the list of errors.ts was not found");
    let page = text(Path::new("docs/VERIFICATION.md")).unwrap_or_default();
    let section = between(&page, "### Reasons of the package alone\n", "\n## ");
    let told: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').step_by(2))
        .collect();
    assert_eq!(told, own);
    let tests: String = files()
        .iter()
        .filter(|file| file.starts_with("edge/js/tests"))
        .filter_map(|file| text(file))
        .collect();
    let untested: Vec<_> = own
        .iter()
        .filter(|reason| !tests.contains(&format!("\"{reason}\"")))
        .collect();
    assert!(untested.is_empty(), "no test of the package: {untested:?}");
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_default();
    rest.split_once(after).unwrap_or_default().0
}

/// What is quoted in the second column of the tables.
fn second_column(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
}
