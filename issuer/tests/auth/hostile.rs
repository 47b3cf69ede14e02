//! What no client sends, in every member of every body: it is refused with a code, and nothing is written.

use axum::http::Method;
use edgeward_issuer::config::{Config, Links, Mail, MailTls, Notify};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

use super::forgery::UNSAFE;
use crate::desk::{Browser, Desk, EMAIL, PASSWORD};

/// Who sends a body that would be understood, and what it is. What it asks for is refused even so: only the hostile member
/// decides how, and a text that a name may have changes nothing either.
fn body_of(path: &str) -> Option<(Who, Value)> {
    let spent = "rt1.made.0.up.MAC";
    let tail = path.rsplit("/auth/").next().unwrap_or_default();
    Some(match tail {
        "register" => (
            Who::Stranger,
            json!({ "email": EMAIL, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace",
                "tokenMode": "body", "captchaToken": "" }),
        ),
        "login" => (
            Who::Stranger,
            json!({ "email": EMAIL, "password": "Wrong-Horse-7", "tokenMode": "body", "audience": null,
                "captchaToken": "" }),
        ),
        "refresh" => (
            Who::Stranger,
            json!({ "refreshToken": spent, "tokenMode": "body", "audience": null }),
        ),
        "logout" => (Who::Stranger, json!({ "refreshToken": spent })),
        "logout-all" => (Who::Ada, json!({ "exceptCurrent": false })),
        "password" => (
            Who::Ada,
            json!({ "currentPassword": "Wrong-Horse-7", "newPassword": PASSWORD }),
        ),
        "password/forgot" => (Who::Stranger, json!({ "email": "nobody@example.test" })),
        "password/reset" => (
            Who::Stranger,
            json!({ "token": "made-up", "newPassword": PASSWORD }),
        ),
        "register/confirm" => (
            Who::Stranger,
            json!({ "token": "made-up", "password": PASSWORD }),
        ),
        "step-up" => (Who::Ada, json!({ "password": "Wrong-Horse-7" })),
        _ if tail.ends_with("/roles") => (Who::Ada, json!({ "roles": ["editor"] })),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Stranger,
    Ada,
}

/// Texts that have undone others; the last is larger than any body may be.
fn texts() -> [(&'static str, String); 5] {
    [
        ("a zero octet", "ada\0@example.test".to_owned()),
        ("SQL", "x' OR '1'='1'; DROP TABLE users; --".to_owned()),
        ("a header", "x\r\nset-cookie: a=b\r\n\r\n<html>".to_owned()),
        (
            "a direction override",
            "\u{202e}tset.elpmaxe@ada".to_owned(),
        ),
        ("a megabyte", "Aa1-".repeat(1 << 18)),
    ]
}

/// Two resources say the same whatever they are sent, lest anybody learn from it what there is.
fn says_nothing(path: &str) -> bool {
    matches!(path, "/auth/logout" | "/auth/password/forgot")
}

/// Without mail these are not there.
fn needs_mail(path: &str) -> bool {
    let mailed = [
        "/auth/password/forgot",
        "/auth/password/reset",
        "/auth/register/confirm",
    ];
    mailed.contains(&path)
}

/// Settings of a server that nobody asks, because no sender runs here.
fn mail() -> Mail {
    Mail {
        server: "127.0.0.1".to_owned(),
        port: 25,
        tls: MailTls::None,
        ca_file: None,
        from: "Example <no-reply@example.test>".parse().unwrap(),
        username: None,
        password: None,
        password_file: None,
        timeout_seconds: 5,
        links: Links::default(),
        notify: Notify::default(),
    }
}

/// How many rows each table has, but for those that write refusals down.
async fn rows(desk: &Desk) -> Vec<(String, i64)> {
    let mut sql = desk.sql().await;
    let tables = sqlx::query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         AND name NOT IN ('audit_log', 'security_events', 'attempt_counters', 'alerts') ORDER BY name",
    );
    let mut counted = Vec::new();
    for row in tables.fetch_all(&mut sql).await.unwrap() {
        let name: String = row.get("name");
        let count = AssertSqlSafe(format!("SELECT count(*) FROM \"{name}\""));
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut sql).await.unwrap();
        counted.push((name, count));
    }
    assert!(counted.len() > 8, "{counted:?}");
    counted
}

struct World {
    desk: Desk,
    ada: Browser,
    csrf: String,
}

impl World {
    async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let (desk, mut ada) = Desk::with_ada_and(|config| {
            // A lock would refuse everything that comes after the fifth row.
            config.lockout.enabled = false;
            change(config);
        })
        .await;
        ada.log_in(EMAIL).await;
        let csrf = ada.csrf_token().await;
        Self { desk, ada, csrf }
    }

    async fn send(&self, who: Who, method: &Method, path: &str, body: Vec<u8>) -> (u16, Value) {
        let mut browser = match who {
            Who::Stranger => self.desk.browser(),
            Who::Ada => self.ada.clone(),
        };
        let mut ask = browser.ask(method.clone(), path);
        if who == Who::Ada {
            ask = ask.header("x-csrf-token", &self.csrf);
        }
        let answer = ask.bytes("application/json", body).send().await;
        // Signing out takes cookies away.
        let gives = |cookie: &&str| !cookie.contains("=;");
        assert!(
            !answer.set_cookies().iter().any(gives),
            "{path}: {answer:?}"
        );
        let body = if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        };
        (answer.status, body)
    }
}

#[tokio::test]
async fn every_member_of_every_body_is_refused_what_no_client_sends() {
    let plain = World::open(|_| {}).await;
    let with_mail = World::open(|config| config.mail = Some(mail())).await;
    let (mut bodies, mut sent) = (0, 0);
    for (method, path) in UNSAFE {
        let Some((who, good)) = body_of(path) else {
            continue;
        };
        let world = if needs_mail(path) { &with_mail } else { &plain };
        let before = rows(&world.desk).await;
        bodies += 1;
        for member in good.as_object().unwrap().keys() {
            let with = |value: Value| {
                let mut body = good.clone();
                body[member] = value;
                body
            };
            let mut rows = Vec::new();
            for (what, text) in texts() {
                rows.push((what, with(json!(text)).to_string().into_bytes(), false));
            }
            for value in [json!({ "a": 1 }), json!([[1]]), json!(1e300)] {
                rows.push(("another type", with(value).to_string().into_bytes(), true));
            }
            let marked = with(json!("needle")).to_string();
            let broken = marked.into_bytes().into_iter();
            let broken = broken.map(|byte| if byte == b'n' { 0xff } else { byte });
            rows.push(("no UTF-8", broken.collect(), true));
            for (what, body, is_malformed) in rows {
                sent += 1;
                let large = body.len() > 65_536;
                let (status, answer) = world.send(who, &method, path, body).await;
                let case = format!("{path} {member}, {what}: {status} {answer}");
                if large {
                    assert_eq!(answer["code"], "BODY_TOO_LARGE", "{case}");
                } else if is_malformed {
                    assert_eq!(answer["code"], "MALFORMED_BODY", "{case}");
                } else if says_nothing(path) {
                    assert!(matches!(status, 202 | 204), "{case}");
                } else {
                    assert!((400..500).contains(&status), "{case}");
                    assert!(answer["code"].is_string(), "{case}");
                }
                assert!(!answer.to_string().contains("DROP TABLE"), "{case}");
            }
        }
        let mut more = good.clone();
        more["isAdmin"] = json!(true);
        let (status, answer) = world
            .send(who, &method, path, more.to_string().into_bytes())
            .await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &json!("MALFORMED_BODY")),
            "{path}"
        );
        assert_eq!(rows(&world.desk).await, before, "{path} wrote something");
    }
    assert_eq!((bodies, sent), (11, 25 * 9));
    assert_eq!(
        described().len(),
        bodies,
        "a resource that takes a body belongs into the list above"
    );
}

#[tokio::test]
async fn the_bodies_have_every_member_that_is_described() {
    for (path, members) in described() {
        let listed = UNSAFE.iter().find(|(_, listed)| {
            listed.replace("00000000-0000-7000-8000-000000000000", "{id}") == path
        });
        let (_, listed) = listed.unwrap();
        let (_, body) = body_of(listed).unwrap();
        let has: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(has, members, "{path}");
    }
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
