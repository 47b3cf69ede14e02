//! The same in the parameters of lists, which are only looked at, and in headers that are kept.

use serde_json::json;

use super::{
    poison::escaped,
    table::Poison,
    world::{Change, Dump, Kind, NEEDLE, World},
};
use crate::desk::PASSWORD;

const LISTS: [&str; 2] = ["/auth/admin/users", "/auth/console/users"];

/// The parameters of a list that finds one person.
fn found_by(email: &str) -> [(&'static str, String); 6] {
    [
        ("query", email.to_owned()),
        ("role", "editor".to_owned()),
        ("status", "signed-in".to_owned()),
        ("cursor", "00000000-0000-7000-8000-000000000000".to_owned()),
        ("limit", "5".to_owned()),
        ("ui_locales", "en".to_owned()),
    ]
}

/// What is answered to a poison in a parameter, and whether somebody is found then.
fn due(parameter: &str, poison: Poison) -> (u16, Option<&'static str>, bool) {
    let unfit = (422, Some("VALIDATION_FAILED"), false);
    match (parameter, poison) {
        // No letter of what is looked for has a meaning.
        ("query", Poison::Sql | Poison::Turn | Poison::Broken) => (200, None, false),
        ("limit", _) => (400, Some("MALFORMED_BODY"), false),
        // A language that is none is not chosen.
        ("ui_locales", _) => (200, None, true),
        _ => unfit,
    }
}

async fn check_lists(kind: Kind) {
    let world = World::open(kind, false).await;
    let email = world.address();
    world.desk.add(&email, &["editor"]).await;
    world.desk.browser().log_in(&email).await;
    let parameters = found_by(&email);
    let mut rows = 0;
    for list in LISTS {
        let good: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let before = world.dump().await;
        let control = ask(&world, &format!("{list}?{}", good.join("&")), &email).await;
        assert_eq!(control, (200, vec![], true), "{list}");
        for (at, (name, value)) in parameters.iter().enumerate() {
            for poison in Poison::ALL {
                rows += 1;
                let mut pairs = good.clone();
                let hostile = escaped(&poison.in_text(value));
                let hostile = if poison == Poison::Broken {
                    hostile.replace("%EF%BF%BD", "%FF")
                } else {
                    hostile
                };
                pairs[at] = format!("{name}={hostile}");
                let (status, code, finds) = due(name, poison);
                let codes = code.map(str::to_owned).into_iter().collect::<Vec<_>>();
                let found = ask(&world, &format!("{list}?{}", pairs.join("&")), &email).await;
                assert_eq!(found, (status, codes, finds), "{list} {name}, {poison:?}");
                let after = world.dump().await;
                assert!(after.since(&before).is_empty(), "{list} {name}, {poison:?}");
                assert_eq!(
                    after.needles(),
                    before.needles(),
                    "{list} {name}, {poison:?}"
                );
            }
        }
    }
    assert_eq!(rows, 2 * 6 * 5);
}

/// The status and codes of a list, and whether somebody is in it.
async fn ask(world: &World, path: &str, email: &str) -> (u16, Vec<String>, bool) {
    let before = world.refusals();
    let answer = world.root.clone().get(path).send().await;
    let codes = world.refusals().into_iter();
    let codes = codes.filter(|(code, count)| before.get(code) != Some(count));
    let is_program = answer.header("content-type").starts_with("application/");
    assert!(
        !is_program || !answer.body.contains(NEEDLE),
        "{path}: {}",
        answer.body
    );
    assert!(!answer.body.contains("<html>"), "{path}: {}", answer.body);
    let row = if is_program {
        format!("\"email\":\"{email}\"")
    } else {
        format!("<bdi>{email}</bdi>")
    };
    let finds = answer.body.contains(&row);
    (answer.status, codes.map(|(code, _)| code).collect(), finds)
}

#[tokio::test]
async fn the_parameters_of_lists_are_texts_or_refused_on_sqlite() {
    check_lists(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_parameters_of_lists_are_texts_or_refused_on_postgresql() {
    check_lists(Kind::PostgreSql).await;
}

/// Headers of a sign-in, and what is kept of them as the name of the program. `None`: nothing, anywhere.
fn headers() -> [(&'static str, Vec<u8>, Option<String>); 9] {
    let text = |text: &str| Some(text.to_owned());
    let sql = "x' OR '1'='1'; DROP TABLE users; --n33dle";
    let long = "n33dle".repeat(2000);
    [
        ("user-agent", sql.into(), text(sql)),
        ("user-agent", "a\tn33dle".into(), text("an33dle")),
        (
            "user-agent",
            b"\xff\xfen33dle".into(),
            text("\u{fffd}\u{fffd}n33dle"),
        ),
        (
            "user-agent",
            "\u{202e}n33dle".into(),
            text("\u{202e}n33dle"),
        ),
        ("user-agent", long.clone().into(), text(&long[..256])),
        ("x-request-id", sql.into(), None),
        ("accept-language", sql.into(), None),
        ("referer", sql.into(), None),
        ("cookie", format!("edgeward-device={sql}").into(), None),
    ]
}

async fn check_headers(kind: Kind) {
    let world = World::open(kind, false).await;
    let control = sign_in(&world, None).await;
    assert_ne!(control.1.since(&control.0), Change::new());
    for (name, value, kept) in headers() {
        let case = format!("{name}: {}", value.escape_ascii());
        let (before, after) = sign_in(&world, Some((name, &value))).await;
        assert_eq!(after.since(&before), control.1.since(&control.0), "{case}");
        match kept {
            None => assert_eq!(after.needles(), before.needles(), "{case}"),
            Some(kept) => {
                let found = world.rows_with(("families", "user_agent"), &kept).await;
                assert_eq!(found, 1, "{case}");
            }
        }
    }
}

/// What the database was before and after a sign-in with a header besides.
async fn sign_in(world: &World, header: Option<(&str, &[u8])>) -> (Dump, Dump) {
    let email = world.address();
    world.desk.add(&email, &[]).await;
    let before = world.dump().await;
    let mut browser = world.desk.browser();
    browser.user_agent = "";
    let body = json!({ "email": email, "password": PASSWORD, "tokenMode": "body" });
    let mut ask = browser.post("/auth/login").json(&body);
    if let Some((name, value)) = header {
        ask = ask.header(name, value);
    }
    ask.send().await.expect(200);
    (before, world.dump().await)
}

#[tokio::test]
async fn headers_that_are_kept_are_texts_on_sqlite() {
    check_headers(Kind::Sqlite).await;
}

#[tokio::test]
async fn headers_that_are_kept_are_texts_on_postgresql() {
    check_headers(Kind::PostgreSql).await;
}
