//! `docs/gate.schema.json`, which editors go by, says what the gate reads: the same keys in the same tables, and nothing that
//! the gate would not take.

use edgeward_core::gate::{Outcome, Policy, policy};
use serde_json::{Map, Value};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/gate.schema.json")).unwrap()
}

fn properties(schema: &Value, table: &str) -> Map<String, Value> {
    let properties = schema.pointer(&format!("/$defs/{table}/properties"));
    properties.and_then(Value::as_object).unwrap().clone()
}

/// TOML writes these values as JSON does.
fn written(value: &Value) -> String {
    value.to_string()
}

/// A policy in which this key of this table has this value.
fn policy_with(table: &str, key: &str, value: &str) -> String {
    let route = "[[route]]\npath = \"/x\"\n";
    match (table, key) {
        ("policy", _) => format!("{key} = {value}\n"),
        ("gate", _) => format!("version = 1\n[gate]\n{key} = {value}\n"),
        ("route", "path") => {
            format!("version = 1\n[[route]]\nallow = \"public\"\n{key} = {value}\n")
        }
        ("route", "allow" | "roles" | "scopes" | "machine") => {
            format!("version = 1\n{route}{key} = {value}\n")
        }
        ("route", "limit") => {
            let limit = |name: &str, by: &str| {
                format!("[limit.{name}]\nrequests = 1\nwithin_seconds = 1\nby = \"{by}\"\n")
            };
            let limits = limit("search", "address") + &limit("reports", "identity");
            format!("version = 1\n{limits}{route}allow = \"signed-in\"\n{key} = {value}\n")
        }
        ("route", "addresses") => {
            let gate = "[gate]\nadmin_addresses = [\"::1\"]\n";
            format!("version = 1\n{gate}{route}allow = \"signed-in\"\n{key} = {value}\n")
        }
        ("limit", _) => {
            let rest = [
                ("requests", "1"),
                ("within_seconds", "1"),
                ("by", "\"address\""),
            ];
            let rest: String = rest
                .iter()
                .filter(|(name, _)| *name != key)
                .map(|(name, value)| format!("{name} = {value}\n"))
                .collect();
            format!("version = 1\n[limit.search]\n{rest}{key} = {value}\n")
        }
        ("route", "check_origin") => {
            format!("version = 1\n{route}allow = \"public\"\n{key} = {value}\n")
        }
        ("route", _) => format!("version = 1\n{route}allow = \"signed-in\"\n{key} = {value}\n"),
        ("step_up", _) => format!("version = 1\n{route}step_up = {{ {key} = {value} }}\n"),
        ("cors", "origins") => {
            format!("version = 1\n{route}allow = \"public\"\ncors = {{ {key} = {value} }}\n")
        }
        ("cors", _) => {
            format!("version = 1\n[gate.cors]\norigins = []\n{key} = {value}\n")
        }
        ("test", _) => {
            let rest = [("request", "GET /"), ("as", "user"), ("expect", "allow")];
            let rest: String = rest
                .iter()
                .filter(|(name, _)| *name != key)
                .map(|(name, value)| format!("{name} = \"{value}\"\n"))
                .collect();
            format!("version = 1\n[[test]]\n{rest}{key} = {value}\n")
        }
        (other, _) => panic!("{other} is no table"),
    }
}

#[test]
fn schema_and_gate_know_the_same_keys() {
    let schema = schema();
    let tables = schema.pointer("/$defs").and_then(Value::as_object).unwrap();
    assert_eq!(tables.len(), policy::TABLES.len());
    for (table, keys) in policy::TABLES {
        let mut known: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        known.sort();
        let mut said: Vec<_> = properties(&schema, table).keys().cloned().collect();
        said.sort();
        assert_eq!(said, known, "{table}");
        let others = schema.pointer(&format!("/$defs/{table}/additionalProperties"));
        assert_eq!(others, Some(&Value::Bool(false)), "{table}");
    }
    let expect = schema
        .pointer("/$defs/test/properties/expect/enum")
        .unwrap();
    assert_eq!(expect, &serde_json::json!(Outcome::NAMES));
    for (place, most) in [
        (
            "/$defs/policy/properties/limit/maxProperties",
            policy::MAX_LIMITS,
        ),
        (
            "/$defs/route/properties/addresses/maxItems",
            policy::MAX_ADDRESSES,
        ),
        (
            "/$defs/gate/properties/admin_addresses/maxItems",
            policy::MAX_ADDRESSES,
        ),
    ] {
        assert_eq!(schema.pointer(place), Some(&most.into()), "{place}");
    }
    for (list, most) in [("route", policy::MAX_ROUTES), ("test", policy::MAX_TESTS)] {
        let said = schema.pointer(&format!("/$defs/policy/properties/{list}/maxItems"));
        assert_eq!(said, Some(&most.into()), "{list}");
    }
}

#[test]
fn the_gate_takes_every_example_and_refuses_another_kind() {
    let schema = schema();
    for (table, keys) in policy::TABLES {
        for key in keys {
            let said = properties(&schema, table).get(*key).cloned().unwrap();
            let refers = ["/$ref", "/items/$ref", "/additionalProperties/$ref"];
            if refers.iter().any(|place| said.pointer(place).is_some()) {
                continue;
            }
            let examples = said.get("examples").and_then(Value::as_array);
            let examples = examples.unwrap_or_else(|| panic!("{table}.{key} has no example"));
            for example in examples.iter().chain(said.get("default")) {
                let text = policy_with(table, key, &written(example));
                assert!(
                    Policy::parse(&text).is_ok(),
                    "{:?}\n{text}",
                    Policy::parse(&text)
                );
            }
            let text = policy_with(table, key, "1979-05-27");
            assert!(Policy::parse(&text).is_err(), "{text}");
        }
    }
}
