//! What no client sends, in every field of every body: each would succeed without it, and is refused with its code or is a text
//! like another. Everything in the database is compared, on SQLite and on PostgreSQL.

mod bases;
mod lists;
mod poison;
mod row;
mod table;
mod world;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::forgery::UNSAFE;
use crate::desk::PASSWORD;
use bases::Base;
use row::Row;
use table::{Field, Format, OPERATIONS, Operation, Poison, Then};
use world::{Kind, World};

/// Runs an operation's rows in their world; answers how many they were.
async fn check(world: &World, operation: &Operation) -> usize {
    let Operation {
        path,
        format,
        fields,
        ..
    } = operation;
    let base = Base::of(world, operation).await;
    let mut listed: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let mut sent: Vec<&str> = base.fields.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    sent.sort_unstable();
    assert_eq!(listed, sent, "{path} {format:?}");
    let good = |field: &Field| {
        let found = base.fields.iter().find(|(name, _)| *name == field.name);
        found.unwrap().1.clone()
    };

    // Nothing of these changes anything, so all of them meet the same database.
    let before = world.dump().await;
    let mut refused = Vec::new();
    for field in *fields {
        let name = field.name;
        for (poison, then) in Poison::ALL.into_iter().zip(field.then) {
            let then = if (poison, *format) == (Poison::Broken, Format::Json) {
                Then::Refused(400, "MALFORMED_BODY")
            } else {
                then
            };
            let value = Some((name, poison.in_value(&good(field))));
            let body = poison::body(*format, &base, value, poison);
            match then {
                Then::Refused(..) | Then::Silent => {
                    refused.push((name, format!("{poison:?}"), body, then))
                }
                Then::Text(..) | Then::Password | Then::Unkept | Then::Led(_) => {}
            }
        }
        let large = Some((name, json!("Aa1-".repeat(1 << 18))));
        let large = poison::body(*format, &base, large, Poison::Sql);
        refused.push((
            name,
            "a megabyte".to_owned(),
            large,
            Then::Refused(413, "BODY_TOO_LARGE"),
        ));
        if *format == Format::Json {
            for value in [json!({ "a": 1 }), json!([[1]]), json!(1e300)] {
                let what = format!("of another type: {value}");
                let body = poison::body(*format, &base, Some((name, value)), Poison::Sql);
                refused.push((name, what, body, Then::Refused(400, "MALFORMED_BODY")));
            }
        }
    }
    if *format == Format::Json {
        let mut body: Value =
            serde_json::from_slice(&poison::body(*format, &base, None, Poison::Sql)).unwrap();
        body["isAdmin"] = json!(true);
        let body = body.to_string().into_bytes();
        refused.push((
            "isAdmin",
            "one more".to_owned(),
            body,
            Then::Refused(400, "MALFORMED_BODY"),
        ));
    }
    let mut rows = refused.len();
    let mut needles = before.needles();
    for (name, what, body, then) in refused {
        let case = format!("{path} {format:?} {name}, {what}");
        let row = Row::sent(world, &base, *format, body, &case).await;
        if let Then::Refused(status, code) = then {
            row.refused(status, code);
        } else {
            row.succeeded(&base);
        }
        let after = world.dump().await;
        assert_eq!(after.since(&before), BTreeMap::new(), "{}", row.case);
        // What is fit for an address is noted as the one that was tried.
        let noted = (name, what.as_str()) == ("email", "Sql");
        let mut due = needles;
        if noted {
            *due.entry("security_events".to_owned()).or_default() += 1;
        }
        needles = after.needles();
        assert_eq!(needles, due, "{}", row.case);
    }

    // The same request without any poison is done.
    let what = format!("{path} {format:?} as it should be");
    let clean = poison::body(*format, &base, None, Poison::Sql);
    let row = Row::sent(world, &base, *format, clean, &what).await;
    row.succeeded(&base);
    let control = world.dump().await.since(&before);
    assert_ne!(control, BTreeMap::new(), "{}", row.case);

    // What is a text like another does the same, each for somebody else.
    for field in *fields {
        for (poison, then) in Poison::ALL.into_iter().zip(field.then) {
            let is_json = *format == Format::Json;
            if matches!(then, Then::Refused(..) | Then::Silent)
                || (is_json && poison == Poison::Broken)
            {
                continue;
            }
            rows += 1;
            let base = Base::of(world, operation).await;
            let good = base.fields.iter().find(|(name, _)| *name == field.name);
            let good = good.unwrap().1.as_str().unwrap();
            let poisoned = poison.in_text(good);
            let body = poison::body(*format, &base, Some((field.name, json!(poisoned))), poison);
            let before = world.dump().await;
            let mut alike = 0;
            if let Then::Text(table, column) = then {
                alike = world.rows_with((table, column), &poisoned).await;
            }
            let what = format!("{path} {format:?} {}, {poison:?}", field.name);
            let row = Row::sent(world, &base, *format, body, &what).await;
            row.succeeded(&base);
            let after = world.dump().await;
            assert_eq!(after.since(&before), control, "{}", row.case);
            accepted(&row, &base, then, (good, &poisoned, alike)).await;
            if !matches!(then, Then::Text(..)) {
                assert_eq!(after.needles(), before.needles(), "{}", row.case);
            }
        }
    }
    rows + 1
}

/// What has become of a poison that was a text like another.
async fn accepted(
    row: &Row<'_>,
    base: &Base,
    then: Then,
    (good, poisoned, alike): (&str, &str, i64),
) {
    let case = &row.case;
    match then {
        Then::Text(table, column) => {
            let kept = row.world.rows_with((table, column), poisoned).await;
            assert_eq!(kept, alike + 1, "{case}");
        }
        Then::Password => {
            for (password, status) in [(good, 401), (poisoned, 200), (PASSWORD, 401)] {
                let asked = json!({ "email": base.email, "password": password });
                let mut stranger = row.world.desk.browser();
                let answer = stranger.post("/auth/login").json(&asked).send().await;
                assert_eq!(answer.status, status, "{password:?} after {case}");
            }
        }
        Then::Led(place) => assert_eq!(row.answer.header("location"), place, "{case}"),
        Then::Unkept | Then::Refused(..) | Then::Silent => {}
    }
}

async fn check_all(kind: Kind) {
    let worlds = [
        World::open(kind, false).await,
        World::open(kind, true).await,
    ];
    let mut rows = 0;
    for operation in &OPERATIONS {
        rows += check(&worlds[usize::from(operation.with_mail)], operation).await;
    }
    assert_eq!(rows, 518, "rows were taken away, or did not run");
}

#[tokio::test]
async fn every_field_of_every_body_meets_what_no_client_sends_on_sqlite() {
    check_all(Kind::Sqlite).await;
}

#[tokio::test]
async fn every_field_of_every_body_meets_what_no_client_sends_on_postgresql() {
    check_all(Kind::PostgreSql).await;
}

#[test]
fn every_described_body_is_in_the_table_with_every_member() {
    let described = described();
    for (path, members) in &described {
        assert!(
            UNSAFE.iter().any(|(_, unsafe_path)| {
                unsafe_path.replace("00000000-0000-7000-8000-000000000000", "{id}") == *path
            }),
            "{path}"
        );
        let mut rows = OPERATIONS.iter();
        let operation = rows
            .find(|it| it.format == Format::Json && it.path == path)
            .unwrap();
        let mut fields: Vec<&str> = operation.fields.iter().map(|field| field.name).collect();
        fields.sort_unstable();
        assert_eq!(fields, *members, "{path}");
    }
    assert_eq!(described.len(), 11);
}

/// The resources that take a body, with its members in order.
fn described() -> Vec<(String, Vec<String>)> {
    let text = edgeward_issuer::http::openapi::json().unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let reference = schema["$ref"]
                .as_str()
                .or_else(|| schema["oneOf"][1]["$ref"].as_str());
            let Some(name) = reference.and_then(|it| it.rsplit('/').next()) else {
                continue;
            };
            let members = &described["components"]["schemas"][name]["properties"];
            let mut members: Vec<String> = members.as_object().unwrap().keys().cloned().collect();
            members.sort();
            found.push((path.clone(), members));
        }
    }
    found
}
