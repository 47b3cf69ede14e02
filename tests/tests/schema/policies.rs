//! `docs/gate.schema.json` as a validator of JSON Schema reads it: it takes every policy that the gate takes, and refuses what the gate
//! refuses for its keys and kinds. That both know the same keys is held in `core/tests/gate/policy_schema.rs`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use edgeward_core::gate::{Policy, policy};
use serde_json::{Map, Value, json};
use xtask::{toolchain, workspace};

/// A policy in which each key of each table stands, twice where it has two forms.
const WHOLE: &str = r#"
version = 1

[gate]
signed_in_home = "/app"
missing_role = "/dashboard"
step_up_page = "/confirm"
revocation = "eventual"
revocation_within_seconds = 30
locales = ["de", "pt-BR"]
origins = ["https://admin.example.com"]
admin_addresses = ["10.0.0.0/8", "::1"]

[gate.cors]
origins = ["https://a.example", "http://localhost:3000"]
headers = ["Authorization"]
expose = ["X-Request-Id"]
max_age_seconds = 60
credentials = true

[limit.search]
requests = 30
within_seconds = 60
by = "address"

[limit.reports]
requests = 1
within_seconds = 3600
by = "identity"

[[route]]
path = "/open/**"
allow = "public"
check_origin = false
limit = "search"
addresses = "admin"

[[route]]
path = "/reports/*"
host = "app.example.com"
methods = ["GET", "POST", "M-SEARCH"]
roles = ["editor", "admin"]
scopes = ["reports:read"]
machine = false
revocation = "strict"
redirect = "/dashboard"
cache = "app"
bind = "request"
csrf = true
limit = ["search", "reports"]
addresses = ["10.0.0.0/8", "2001:db8::1"]
step_up = { max_age_seconds = 300, amr = ["otp"] }
cors = { origins = [] }

[[test]]
request = "GET /reports/7"
as = "role:editor age:60"
expect = "step-up"
navigation = false
host = "app.example.com"
from = "10.1.2.3"
"#;

/// What the schema objects to in each, if anything.
fn objections(documents: &[Value]) -> Vec<Option<String>> {
    let here = workspace::root().join("tests/tests/schema/policies.py");
    let mut python = Command::new(toolchain::python_folder().join("bin/python"))
        .arg("-B")
        .arg(here)
        .arg(workspace::root().join("docs/gate.schema.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`cargo xtask setup` installs Python's packages");
    let mut input = python.stdin.take().expect("a pipe");
    let question = serde_json::to_vec(documents).expect("documents");
    input.write_all(&question).expect("Python reads");
    drop(input);
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "the validator failed");
    serde_json::from_slice(&output.stdout).expect("a list")
}

/// A policy as a validator sees it.
fn document(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A document as TOML.
fn text(document: &Value) -> String {
    let table = document.as_object().expect("a table");
    let lines = table.iter().map(|(key, value)| pair(key, value) + "\n");
    lines.collect()
}

fn pair(key: &str, value: &Value) -> String {
    format!("{} = {}", json!(key), inline(value))
}

/// TOML writes numbers, texts and lists as JSON does.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let pairs: Vec<_> = table.iter().map(|(key, value)| pair(key, value)).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(list) => {
            let items: Vec<_> = list.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// The blocks of TOML in Markdown, and the raw texts in Rust.
fn blocks<'t>(text: &'t str, begin: &'t str, end: &'t str) -> impl Iterator<Item = &'t str> {
    let blocks = text.split(begin).skip(1);
    blocks.filter_map(move |rest| Some(rest.split_once(end)?.0))
}

/// The blocks of TOML that a page shows. Each is found and is TOML, or a policy in it would be tried by nobody. Behind the language a quick
/// start names the file.
fn shown<'t>(place: &Path, page: &'t str) -> Vec<&'t str> {
    let below_fence = |block: &'t str| Some(block.split_once('\n')?.1);
    let shown: Vec<_> = blocks(page, "```toml", "```")
        .filter_map(below_fence)
        .collect();
    let is_fence = |line: &&str| line.trim_start().starts_with("```toml");
    let fences = page.lines().filter(is_fence).count();
    assert_eq!(shown.len(), fences, "{}: blocks of TOML", place.display());
    for block in &shown {
        if let Err(error) = toml::from_str::<Map<String, Value>>(block) {
            panic!("{}: {error}\n{block}", place.display());
        }
    }
    shown
}

/// Every policy of the repository that the gate takes: what is shipped, what the documentation shows, what tests go by, and what fuzzing
/// begins with. With its place.
fn policies() -> Vec<(String, String)> {
    let root = workspace::root();
    let mut found = Vec::new();
    for file in ["README.md", "gate.toml"].map(|name| root.join(name)) {
        found.push(file);
    }
    for folder in ["docs", "core", "issuer", "tests", "www", "xtask", "edge"] {
        found.extend(workspace::files_below(&root.join(folder)));
    }
    let mut policies = Vec::new();
    for file in found {
        let place = file.strip_prefix(&root).unwrap_or(&file);
        let is_ours = |part| !["target", "node_modules"].contains(&part);
        let is_ours = place.iter().filter_map(|part| part.to_str()).all(is_ours);
        if !is_ours || !["md", "rs", "toml", ""].contains(&kind(place)) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        let texts: Vec<&str> = match kind(place) {
            "md" => shown(place, &text),
            "rs" => blocks(&text, "r#\"", "\"#").collect(),
            _ => vec![&text],
        };
        for text in texts.into_iter().filter(|text| text.contains("[[route]]")) {
            // Some leave the first line to their test.
            let forms = [text.to_owned(), format!("version = 1\n{text}")];
            let taken = forms.into_iter().find(|text| Policy::parse(text).is_ok());
            // Tests have policies to be refused; what a page shows is to be copied.
            assert!(
                taken.is_some() || kind(place) != "md",
                "{}: the gate refuses\n{text}",
                place.display()
            );
            policies.extend(taken.map(|text| (place.display().to_string(), text)));
        }
    }
    policies
}

fn kind(file: &Path) -> &str {
    let extension = file.extension().and_then(|extension| extension.to_str());
    extension.unwrap_or_default()
}

#[test]
fn every_policy_that_the_gate_takes_fits_the_schema() {
    let policies = policies();
    for folder in [
        "README.md",
        "gate.toml",
        "docs/",
        "core/tests",
        "core/fuzz",
        "tests/tests",
        "www/client/examples",
    ] {
        assert!(
            policies.iter().any(|(place, _)| place.starts_with(folder)),
            "no policy in {folder}"
        );
    }
    assert!(policies.len() > 40, "{}", policies.len());
    let documents: Vec<_> = policies.iter().map(|(_, text)| document(text)).collect();
    for ((place, text), objection) in policies.iter().zip(objections(&documents)) {
        assert_eq!(objection, None, "{place}\n{text}");
    }
}

/// A document in which one thing was changed, and what.
type Mutant = (String, Value);

/// The document with another value at this place.
fn with(document: &Value, place: &str, value: &Value) -> Mutant {
    let mut mutant = document.clone();
    *mutant.pointer_mut(place).expect("a place of its own") = value.clone();
    (format!("{place} = {value}"), mutant)
}

/// Every place in a document with what stands there, tables and lists before what is in them.
fn places(value: &Value, place: &str, into: &mut Vec<(String, Value)>) {
    into.push((place.to_owned(), value.clone()));
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                places(value, &format!("{place}/{key}"), into);
            }
        }
        Value::Array(list) => {
            for (number, value) in list.iter().enumerate() {
                places(value, &format!("{place}/{number}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn places_of(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    places(document, "", &mut found);
    found
}

/// Both must refuse each of these.
#[track_caller]
fn both_refuse(mutants: &[Mutant]) {
    let documents: Vec<_> = mutants.iter().map(|(_, mutant)| mutant.clone()).collect();
    for ((change, mutant), objection) in mutants.iter().zip(objections(&documents)) {
        assert!(Policy::parse(&text(mutant)).is_err(), "the gate: {change}");
        assert!(objection.is_some(), "the schema: {change}");
    }
}

#[test]
fn the_whole_policy_has_every_key_and_both_take_it() {
    let whole = document(WHOLE);
    Policy::parse(&text(&whole)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(objections(std::slice::from_ref(&whole)), [None]);
    let used: BTreeSet<_> = places_of(&whole)
        .into_iter()
        .filter_map(|(place, _)| Some(place.rsplit_once('/')?.1.to_owned()))
        .collect();
    for (table, keys) in policy::TABLES {
        for key in keys {
            assert!(used.contains(*key), "{table}.{key}");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_both_in_every_table() {
    let whole = document(WHOLE);
    let mut mutants = Vec::new();
    for (place, value) in places_of(&whole) {
        let Value::Object(table) = value else {
            continue;
        };
        for unknown in ["rolez", "Path", "$schema"] {
            let mut table: Map<_, _> = table.clone();
            table.insert(unknown.to_owned(), json!(true));
            if place.is_empty() {
                mutants.push((unknown.to_owned(), Value::Object(table)));
            } else {
                mutants.push(with(&whole, &place, &Value::Object(table)));
            }
        }
    }
    both_refuse(&mutants);
    assert!(mutants.len() > 20, "{}", mutants.len());
}

#[test]
fn another_kind_is_refused_by_both_at_every_place() {
    let whole = document(WHOLE);
    let others = [
        json!(true),
        json!(7),
        json!(1.5),
        json!("x"),
        json!([7]),
        json!({ "x": 1 }),
    ];
    let kind = std::mem::discriminant::<Value>;
    let mut mutants = Vec::new();
    for (place, value) in places_of(&whole).iter().skip(1) {
        for other in &others {
            let is_another = kind(value) != kind(other) || (value.is_i64() != other.is_i64());
            // A route names one limit as a text and two as a list.
            let is_a_name = place.ends_with("/limit") && value.is_array() && other.is_string();
            if is_another && !is_a_name {
                mutants.push(with(&whole, place, other));
            }
        }
    }
    both_refuse(&mutants);
    assert!(mutants.len() > 200, "{}", mutants.len());
}

#[test]
fn what_must_stand_there_is_missed_by_both_and_the_schema_is_never_the_stricter() {
    let whole = document(WHOLE);
    let (mut mutants, mut needed) = (Vec::new(), 0);
    for (place, value) in places_of(&whole) {
        let Value::Object(table) = value else {
            continue;
        };
        for key in table.keys() {
            let mut rest: Map<_, _> = table.clone();
            rest.remove(key);
            let rest = Value::Object(rest);
            if place.is_empty() {
                mutants.push((format!("without {key}"), rest));
            } else {
                let (_, mutant) = with(&whole, &place, &rest);
                mutants.push((format!("{place} without {key}"), mutant));
            }
        }
    }
    let documents: Vec<_> = mutants.iter().map(|(_, mutant)| mutant.clone()).collect();
    for ((change, mutant), objection) in mutants.iter().zip(objections(&documents)) {
        let verdict = Policy::parse(&text(mutant));
        let is_missed = verdict
            .as_ref()
            .is_err_and(|error| error.message.contains("missing field"));
        needed += usize::from(is_missed);
        assert!(!is_missed || objection.is_some(), "the schema: {change}");
        assert!(
            verdict.is_err() || objection.is_none(),
            "{change}: {objection:?}"
        );
    }
    assert!(needed >= 12, "{needed}");
}
