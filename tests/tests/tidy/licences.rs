//! Every dependency that is built has a licence that `deny.toml` allows, comes from a known source and is not banned.
//!
//! The rules are those of `deny.toml`, so a person with cargo-deny gets the same verdict; reading them here saves every
//! fresh machine the minutes of building that tool.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::tree::none;

/// Workspaces with a lock file of their own, whose dependencies are built in every run of the tests.
const WORKSPACES: [&str; 2] = ["Cargo.toml", "core/fuzz/Cargo.toml"];

struct Rules {
    allowed: BTreeSet<String>,
    /// What is allowed besides, for one package only.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    banned: BTreeSet<String>,
    targets: Vec<String>,
}

fn rules() -> Rules {
    let text = crate::tree::text(std::path::Path::new("deny.toml")).expect("deny.toml is text");
    let table: toml::Table = text.parse().expect("deny.toml is TOML");
    let list = |section: &str, key: &str| {
        let list = table.get(section).and_then(|section| section.get(key));
        list.and_then(toml::Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let strings = |list: &[toml::Value]| -> Vec<String> {
        let texts = list.iter().filter_map(toml::Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let name = |rule: &toml::Value| {
        let name = rule.get("crate").and_then(toml::Value::as_str);
        name.expect("a rule for a package names it").to_owned()
    };
    let exception = |rule: &toml::Value| {
        let allow = rule.get("allow").and_then(toml::Value::as_array);
        let allow = strings(allow.expect("an exception says what it allows"));
        (name(rule), allow.into_iter().collect())
    };
    let rules = Rules {
        allowed: strings(&list("licenses", "allow")).into_iter().collect(),
        exceptions: list("licenses", "exceptions")
            .iter()
            .map(exception)
            .collect(),
        banned: list("bans", "deny").iter().map(name).collect(),
        targets: strings(&list("graph", "targets")),
    };
    assert!(
        !rules.allowed.is_empty() && !rules.banned.is_empty() && !rules.targets.is_empty(),
        "deny.toml has rules"
    );
    rules
}

#[test]
fn licences_sources_and_bans_are_kept() {
    let rules = rules();
    let mut packages = BTreeMap::new();
    for manifest in WORKSPACES {
        for target in &rules.targets {
            packages.extend(packages_for(manifest, target));
        }
    }
    assert!(packages.len() > 100, "the dependencies are found");
    let mut offences = Vec::new();
    for (id, package) in &packages {
        let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default();
        let licence = text("license");
        let exception = rules.exceptions.get(text("name"));
        let allowed = exception.map(|exception| &rules.allowed | exception);
        if !is_allowed(licence, allowed.as_ref().unwrap_or(&rules.allowed)) {
            offences.push(format!("{id}: the licence `{licence}` is not allowed"));
        }
        if exception.is_some() && is_allowed(licence, &rules.allowed) {
            offences.push(format!("{id}: needs its exception no longer"));
        }
        if rules.banned.contains(text("name")) {
            offences.push(format!("{id}: banned"));
        }
        let source = text("source");
        if !source.is_empty() && !source.starts_with("registry+") {
            offences.push(format!("{id}: comes from {source}"));
        }
    }
    none("deny.toml", &offences);
}

/// The packages that a build of the workspace for the target uses, by id.
fn packages_for(manifest: &str, target: &str) -> BTreeMap<String, Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--manifest-path",
            manifest,
            "--filter-platform",
            target,
        ])
        .current_dir(xtask::workspace::root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let list = |pointer: &str| {
        metadata
            .pointer(pointer)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let id = |value: &Value| {
        value
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let used: BTreeSet<_> = list("/resolve/nodes").iter().map(id).collect();
    list("/packages")
        .into_iter()
        .map(|package| (id(&package), package))
        .filter(|(id, _)| used.contains(id))
        .collect()
}

/// An SPDX expression: `OR` binds weaker than `AND`, both weaker than parentheses; `/` is an old spelling of `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    !words.is_empty() && either(&mut rest, allowed) && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut holds = both(rest, allowed);
    while let [first, tail @ ..] = *rest
        && *first == "OR"
    {
        *rest = tail;
        holds |= both(rest, allowed);
    }
    holds
}

fn both(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut holds = one(rest, allowed);
    while let [first, tail @ ..] = *rest
        && *first == "AND"
    {
        *rest = tail;
        holds &= one(rest, allowed);
    }
    holds
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let holds = either(rest, allowed);
            let [")", tail @ ..] = *rest else {
                return false;
            };
            *rest = tail;
            holds
        }
        [licence, "WITH", exception, tail @ ..] => {
            *rest = tail;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, tail @ ..] => {
            *rest = tail;
            allowed.contains(*licence)
        }
        [] => false,
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        .map(str::to_owned)
        .into();
    let check = |expression: &str, expected: bool| {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}")
    };
    check("MIT", true);
    check("GPL-3.0", false);
    check("GPL-3.0 OR MIT", true);
    check("GPL-3.0/MIT", true);
    check("GPL-3.0 AND MIT", false);
    check("MIT AND (GPL-3.0 OR Apache-2.0)", true);
    check("MIT AND GPL-3.0 OR Apache-2.0", true);
    check("Apache-2.0 WITH LLVM-exception", true);
    check("GPL-3.0 WITH LLVM-exception", false);
    check("", false);
    check("(MIT", false);
    check("MIT MIT", false);
}
