//! Administration: who may, what it takes for a change, and what nobody gets by asking for it.

use axum::http::Method;
use edgeward_issuer::domain::accounts::Role;
use serde_json::{Value, json};

use crate::{
    desk::{Answer, Ask, Browser, Desk, EMAIL, PASSWORD},
    root::{ROOT, desk},
};

const USERS: &str = "/auth/admin/users";

async fn id_of(root: &mut Browser, email: &str) -> String {
    let path = format!("{USERS}?query={email}");
    let found = root.get(&path).send().await.expect(200).json();
    found["users"][0]["id"].as_str().unwrap().to_owned()
}

async fn details(root: &mut Browser, id: &str) -> Value {
    let path = format!("{USERS}/{id}");
    root.get(&path).send().await.expect(200).json()
}

fn put<'b>(browser: &'b mut Browser, id: &str, roles: &Value, version: &str) -> Ask<'b> {
    let path = format!("{USERS}/{id}/roles");
    let body = json!({ "roles": roles });
    let ask = browser.ask(Method::PUT, &path).json(&body).with_csrf();
    ask.header("if-match", format!("\"{version}\""))
}

async fn set_roles(root: &mut Browser, id: &str, roles: Value) -> Answer {
    let version = details(root, id).await["rolesVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    put(root, id, &roles, &version).send().await
}

/// Every resource, as somebody asks for it who wants something of Ada.
fn asks(id: &str, sid: &str) -> Vec<(Method, String, Option<Value>, u16)> {
    let user = format!("{USERS}/{id}");
    let roles = json!({ "roles": ["editor"] });
    vec![
        (Method::GET, USERS.to_owned(), None, 200),
        (Method::GET, user.clone(), None, 200),
        (Method::PUT, format!("{user}/roles"), Some(roles), 200),
        (Method::POST, format!("{user}/unlock"), None, 204),
        (Method::DELETE, format!("{user}/sessions/{sid}"), None, 204),
        (Method::DELETE, format!("{user}/sessions"), None, 204),
    ]
}

async fn ask(browser: &mut Browser, asked: &(Method, String, Option<Value>, u16)) -> Answer {
    let (method, path, body, _) = asked;
    let mut ask = browser.ask(method.clone(), path);
    if let Some(body) = body {
        ask = ask.json(body).header("if-match", "\"none\"");
    }
    if *method != Method::GET {
        ask = ask.with_csrf();
    }
    ask.send().await
}

#[tokio::test]
async fn only_an_administrator_who_signed_in_lately_changes_anything() {
    let (desk, mut root, mut ada) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    let seen = details(&mut root, &id).await;
    let sid = seen["sessions"][0]["id"].as_str().unwrap().to_owned();
    let asks = asks(&id, &sid);
    let mut stranger = desk.browser();
    for asked in &asks {
        let refused = ask(&mut stranger, asked).await;
        refused.expect_problem(401, "NOT_SIGNED_IN");
        let before = desk.acts().await.len();
        let refused = ask(&mut ada, asked).await;
        refused.expect_problem(403, "INSUFFICIENT_ROLE");
        let acts = desk.acts().await;
        assert_eq!(acts.len(), before + 1);
        let last = acts.last().unwrap();
        assert!(last.ends_with(" refused insufficient-role"), "{last}");
        // The access cookie is prolonged in the background: it does not show that a person is there.
        let mut away = root.clone();
        away.forget("session");
        let refused = ask(&mut away, asked).await;
        refused.expect_problem(401, "NOT_SIGNED_IN");
    }
    let told = "SELECT count(*) FROM security_events WHERE type = 'administration.refused' AND severity = 'warning'";
    assert_eq!(desk.number(told).await, 6);

    desk.wait(301).await;
    for asked in &asks {
        let answer = ask(&mut root, asked).await;
        if asked.0 == Method::GET {
            answer.expect(200);
        } else {
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer error=\"insufficient_user_authentication\", error_description=\"A more recent sign-in is required\", acr_values=\"aal1\", max_age=\"300\""
            );
            answer.expect_problem(401, "STEP_UP_REQUIRED");
        }
    }
    let body = json!({ "password": PASSWORD });
    let confirmed = root.post("/auth/step-up").json(&body).with_csrf();
    confirmed.send().await.expect(200);
    for asked in &asks {
        let mut expected = asked.3;
        if asked.0 == Method::PUT {
            // No version that was ever read.
            expected = 412;
        }
        ask(&mut root, asked).await.expect(expected);
    }
    ada.get("/auth/me").send().await.expect(401);
    let acts = desk.acts().await;
    for act in ["session.revoke done", "session.revoke-all done"] {
        let done = acts.iter().filter(|found| *found == act).count();
        assert_eq!(done, 1, "{act} {acts:?}");
    }
}

#[tokio::test]
async fn the_database_says_who_administers_and_no_token() {
    let (desk, mut root, mut ada) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    desk.run("UPDATE user_roles SET role = 'was-admin' WHERE role = 'admin'")
        .await;
    let refused = root.get(USERS).send().await;
    refused.expect_problem(403, "INSUFFICIENT_ROLE");
    desk.run("UPDATE user_roles SET role = 'admin' WHERE role = 'editor'")
        .await;
    details(&mut ada, &id).await;
    // Another role may be the one.
    let desk = Desk::open_with(|config| config.admin.role = Role::parse("root").unwrap()).await;
    desk.add("a@example.test", &["admin"]).await;
    desk.add("r@example.test", &["root"]).await;
    for (email, status) in [("a@example.test", 403), ("r@example.test", 200)] {
        let mut browser = desk.browser();
        browser.log_in(email).await;
        browser.get(USERS).send().await.expect(status);
    }
}

#[tokio::test]
async fn a_change_of_roles_names_what_it_changes() {
    let (desk, mut root, mut ada) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    let read = details(&mut root, &id).await;
    let version = read["rolesVersion"].as_str().unwrap();
    let path = format!("{USERS}/{id}/roles");
    let body = json!({ "roles": ["editor", "support"] });
    for header in [None, Some("*"), Some("W/\"x\""), Some("bare")] {
        let mut ask = root.ask(Method::PUT, &path).json(&body).with_csrf();
        if let Some(header) = header {
            ask = ask.header("if-match", header);
        }
        let refused = ask.send().await;
        refused.expect_problem(428, "VERSION_REQUIRED");
    }
    let roles = json!(["support", "editor", "support"]);
    let set = put(&mut root, &id, &roles, version)
        .send()
        .await
        .expect(200);
    let told = set.json();
    assert_eq!(told["roles"], json!(["editor", "support"]));
    assert_eq!(told["sessionsEnded"], 2);
    let next = told["rolesVersion"].as_str().unwrap();
    assert_eq!(set.header("etag"), format!("\"{next}\""));
    assert_eq!(details(&mut root, &id).await["rolesVersion"], next);
    ada.get("/auth/me").send().await.expect(401);
    let refused = ada.refresh().await;
    refused.expect_problem(401, "INVALID_REFRESH_TOKEN");

    // Whoever decided upon what was there before does not undo it unknowingly.
    let stale = put(&mut root, &id, &json!([]), version).send().await;
    stale.expect_problem(412, "STALE_VERSION");
    let entry = desk.audit().await.pop().unwrap();
    assert_eq!(entry["action"], "account.view", "nothing was done since");
    let given = desk
        .audit()
        .await
        .into_iter()
        .find(|entry| entry["action"] == "account.give-role");
    let given = given.unwrap();
    assert_eq!(given["subject"], format!("user:{id}"));
    assert_eq!(given["details"]["role"], "support");
    let by = id_of(&mut root, ROOT).await;
    assert_eq!(given["actor"], format!("user:{by}"));
    assert!(given["requestId"].is_string() && given["address"].is_string());
    let again = ada.log_in(EMAIL).await.json();
    assert_eq!(again["user"]["roles"], json!(["editor", "support"]));
}

#[tokio::test]
async fn a_set_of_roles_is_nothing_but_that() {
    let (_desk, mut root, _) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    let many: Vec<String> = (0..17).map(|n| format!("{n:0>61}")).collect();
    for (roles, status, code) in [
        (json!(["a b"]), 422, "VALIDATION_FAILED"),
        (json!([""]), 422, "VALIDATION_FAILED"),
        (json!(["<script>"]), 422, "VALIDATION_FAILED"),
        (json!(["a,admin"]), 422, "VALIDATION_FAILED"),
        (json!(many), 422, "VALIDATION_FAILED"),
        (json!("admin"), 400, "MALFORMED_BODY"),
        (json!([1]), 400, "MALFORMED_BODY"),
        (json!(null), 400, "MALFORMED_BODY"),
    ] {
        let refused = set_roles(&mut root, &id, roles).await;
        refused.expect_problem(status, code);
    }
    let path = format!("{USERS}/{id}/roles");
    for body in [
        json!({ "roles": [], "email": "eve@example.test" }),
        json!({ "roles": [], "userId": id }),
        json!({ "roles": [], "passwordHash": "x" }),
        json!({}),
        json!(["admin"]),
    ] {
        let ask = root.ask(Method::PUT, &path).json(&body).with_csrf();
        let refused = ask.header("if-match", "\"x\"").send().await;
        refused.expect_problem(400, "MALFORMED_BODY");
    }
    let form = [("roles", "admin")];
    let refused = root.ask(Method::PUT, &path).form(&form).with_csrf();
    refused.send().await.expect(415);
    assert_eq!(
        details(&mut root, &id).await["user"]["roles"],
        json!(["editor"])
    );
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let (desk, mut root, _) = desk().await;
    let id = id_of(&mut root, ROOT).await;
    for roles in [json!([]), json!(["editor"])] {
        let refused = set_roles(&mut root, &id, roles).await;
        refused.expect_problem(409, "LAST_ADMIN");
    }
    let acts = desk.acts().await;
    assert_eq!(acts.last().unwrap(), "account.take-role refused last-admin");
    // What else they are is theirs to change; it ends the session that asks, too.
    let set = set_roles(&mut root, &id, json!(["admin", "editor"]))
        .await
        .expect(200);
    assert!(
        set.set_cookies()
            .iter()
            .any(|cookie| cookie.starts_with("edgeward-session=;"))
    );
    assert!(root.is_signed_out());
    desk.add("second@example.test", &["admin"]).await;
    root.log_in(ROOT).await;
    set_roles(&mut root, &id, json!([])).await.expect(200);
    let mut root = desk.browser();
    root.log_in(ROOT).await;
    root.get(USERS).send().await.expect(403);
}

#[tokio::test]
async fn a_lock_is_told_and_ended() {
    let (desk, mut root, _) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    assert!(
        details(&mut root, &id).await["user"]
            .get("lockedUntil")
            .is_none()
    );
    desk.lock(EMAIL).await;
    let path = format!("{USERS}?status=locked");
    let locked = root.get(&path).send().await.expect(200).json();
    assert_eq!(locked["users"].as_array().unwrap().len(), 1);
    assert_eq!(locked["users"][0]["email"], EMAIL);
    let until = details(&mut root, &id).await["user"]["lockedUntil"].clone();
    assert_eq!(locked["users"][0]["lockedUntil"], until);
    assert!(until.as_str().unwrap().ends_with('Z'), "{until}");
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    desk.browser()
        .post("/auth/login")
        .json(&right)
        .send()
        .await
        .expect(423);
    let unlock = format!("{USERS}/{id}/unlock");
    for _ in 0..2 {
        root.post(&unlock).with_csrf().send().await.expect(204);
    }
    desk.browser()
        .post("/auth/login")
        .json(&right)
        .send()
        .await
        .expect(200);
    let acts = desk.acts().await;
    let unlocked = acts.iter().filter(|act| *act == "account.unlock done");
    assert_eq!(
        unlocked.count(),
        2,
        "an act, also where nothing was locked any more"
    );
    let none = root.get(&path).send().await.expect(200).json();
    assert_eq!(none["users"], json!([]));
}

#[tokio::test]
async fn what_is_not_there_or_somebody_elses_is_answered_alike() {
    let (desk, mut root, _) = desk().await;
    let ada = id_of(&mut root, EMAIL).await;
    let own = id_of(&mut root, ROOT).await;
    let seen = details(&mut root, &own).await;
    assert_eq!(seen["sessions"][0]["current"], true);
    let sid = seen["sessions"][0]["id"].as_str().unwrap().to_owned();
    let nobody = "01a1fee9-0000-7000-8000-000000000000";
    let upper = ada.to_uppercase();
    for id in [
        nobody,
        upper.as_str(),
        "1",
        "..",
        "%00",
        "%2e%2e",
        "'%20OR%201=1--",
    ] {
        for asked in asks(id, &sid)
            .iter()
            .skip(1)
            .filter(|asked| asked.0 != Method::PUT)
        {
            let refused = ask(&mut root, asked).await;
            refused.expect_problem(404, "NOT_FOUND");
        }
        let refused = put(&mut root, id, &json!([]), "x").send().await;
        refused.expect_problem(404, "NOT_FOUND");
    }
    // A session of Root's is none of Ada's.
    for sid in [sid.as_str(), nobody, "x"] {
        let path = format!("{USERS}/{ada}/sessions/{sid}");
        let refused = root.delete(&path).with_csrf().send().await;
        refused.expect_problem(404, "NOT_FOUND");
    }
    root.get("/auth/me").send().await.expect(200);
    let path = format!("{USERS}/{own}/sessions/{sid}");
    let ended = root.delete(&path).with_csrf().send().await.expect(204);
    assert!(!ended.set_cookies().is_empty() && root.is_signed_out());
    drop(desk);
}

#[tokio::test]
async fn a_search_says_what_it_cannot_take_and_shows_names_as_they_are() {
    let (desk, mut root, _) = desk().await;
    desk.run("UPDATE users SET first_name = '<script>alert(1)</script>', last_name = '=cmd|''/c calc''!A0' WHERE email = 'ada@example.test'")
        .await;
    let path = format!("{USERS}?query=%3Cscript");
    let found = root.get(&path).send().await.expect(200);
    assert_eq!(found.header("content-type"), "application/json");
    assert_eq!(found.header("x-content-type-options"), "nosniff");
    assert_eq!(found.header("cache-control"), "no-store");
    let found = found.json();
    assert_eq!(found["users"][0]["firstName"], "<script>alert(1)</script>");
    assert_eq!(found["users"][0]["lastName"], "=cmd|'/c calc'!A0");
    assert!(found["users"][0].get("passwordHash").is_none());
    for (query, status, code) in [
        ("?status=asleep", 422, "VALIDATION_FAILED"),
        ("?role=a%20b", 422, "VALIDATION_FAILED"),
        ("?cursor=1", 422, "VALIDATION_FAILED"),
        ("?query=%00", 422, "VALIDATION_FAILED"),
        ("?limit=0", 422, "VALIDATION_FAILED"),
        ("?limit=101", 422, "VALIDATION_FAILED"),
        ("?limit=many", 400, "MALFORMED_BODY"),
        ("?order=email", 400, "MALFORMED_BODY"),
        ("?query=a&query=b", 400, "MALFORMED_BODY"),
    ] {
        let refused = root.get(&format!("{USERS}{query}")).send().await;
        refused.expect_problem(status, code);
    }
    // The fields of a form that was not filled in, and a page that ends with its last person.
    let path = format!("{USERS}?query=&role=&status=&limit=1");
    let first = root.get(&path).send().await.expect(200).json();
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!(first["users"][0]["id"], cursor);
    let path = format!("{USERS}?limit=1&cursor={cursor}");
    let last = root.get(&path).send().await.expect(200).json();
    assert_eq!(last["users"][0]["email"], ROOT);
    assert!(last.get("nextCursor").is_none());
    let entries = desk.audit().await;
    for entry in &entries {
        let text = entry.to_string();
        assert!(
            !text.contains("script") && !text.contains("example.test"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn another_page_or_a_doubtful_session_administers_nothing() {
    let (desk, mut root, _) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    for asked in asks(&id, "x").iter().skip(2) {
        let (method, path, body, _) = asked;
        let mut forged = root.ask(method.clone(), path);
        if let Some(body) = body {
            forged = forged.json(body).header("if-match", "\"x\"");
        }
        forged.send().await.expect_problem(403, "CSRF_INVALID");
        let foreign = root.ask(method.clone(), path).with_csrf();
        let foreign = foreign.header("origin", "https://evil.example");
        let refused = foreign.send().await;
        refused.expect_problem(403, "ORIGIN_REFUSED");
    }
    desk.run("UPDATE families SET step_up_demanded_at = created_at")
        .await;
    for asked in &asks(&id, "x") {
        let refused = ask(&mut root, asked).await;
        refused.expect_problem(401, "STEP_UP_REQUIRED");
    }
}

#[tokio::test]
async fn a_program_administers_with_a_token_and_no_cookie() {
    let (desk, mut root, _) = desk().await;
    let id = id_of(&mut root, EMAIL).await;
    let mut program = desk.browser();
    let signed_in = program.tokens(ROOT).await;
    let bearer = format!("Bearer {}", signed_in["accessToken"].as_str().unwrap());
    let path = format!("{USERS}/{id}/sessions");
    let ended = program.delete(&path).header("authorization", &bearer);
    ended.send().await.expect(204);
    let refused = program.delete(&path).header("authorization", "Bearer x");
    refused.send().await.expect_problem(401, "INVALID_TOKEN");
}

/// The audit log is never cut, and asking costs whoever is signed in nothing.
#[tokio::test]
async fn who_may_not_ask_does_not_fill_the_log_by_asking() {
    let (desk, _, mut ada) = desk().await;
    let before = desk.acts().await.len();
    for _ in 0..20 {
        for path in ["/auth/admin/users", "/auth/console/users"] {
            ada.get(path).send().await.expect(403);
        }
    }
    let written = desk.acts().await.len() - before;
    // A minute may have ended meanwhile.
    assert!((1..=2).contains(&written), "{written} entries");
}
