//! Refresh: one rotates, the others wait, a thief ends the family, and a forger changes nothing.

use edgeward_core::token::ParsedToken;
use serde_json::{Value, json};
use sqlx::Row;
use tokio::task::JoinSet;

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD, patience::wait_long};

/// The family's row, as one value to compare.
async fn row(desk: &Desk) -> (i64, Vec<u8>, Option<Vec<u8>>, i64, Option<String>) {
    let row = sqlx::query("SELECT seq, current_digest, previous_digest, idle_expires_at, revoked_reason FROM families")
        .fetch_one(&mut desk.sql().await)
        .await
        .unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))
}

/// A claim of a token, read without judging it.
fn claim(token: &str, name: &str) -> Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    ParsedToken::parse(token).unwrap();
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap();
    claims[name].clone()
}

async fn refresh_with(browser: &mut Browser, token: &str) -> Answer {
    browser
        .post("/auth/refresh")
        .json(&json!({ "refreshToken": token }))
        .send()
        .await
}

/// Ada, without cookies, and her first refresh token.
async fn with_token() -> (Desk, Browser, String) {
    let (desk, mut caller) = Desk::with_ada_and(wait_long).await;
    let tokens = caller.tokens(EMAIL).await;
    let token = tokens["refreshToken"].as_str().unwrap().to_owned();
    (desk, caller, token)
}

/// Shows the access token of an answer, which tells that the answer arrived.
async fn use_access_token(caller: &mut Browser, answer: &Answer) {
    let token = answer.json()["accessToken"].as_str().unwrap().to_owned();
    let me = caller
        .get("/auth/me")
        .header("authorization", format!("Bearer {token}"));
    me.send().await.expect(200);
}

fn token_of(answer: &Answer) -> String {
    answer.json()["refreshToken"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_moves_the_family_and_renews_the_cookies() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let before = browser.clone();
    desk.run("INSERT INTO user_roles SELECT id, 'publisher', 0 FROM users")
        .await;
    let answer = browser.refresh().await.expect(200);
    assert_eq!(answer.json(), json!({ "expiresIn": 600 }));
    for (purpose, renewed) in [
        ("session", false),
        ("access", true),
        ("refresh", true),
        ("csrf", true),
        ("device", false),
    ] {
        assert_eq!(
            browser.cookie(purpose) != before.cookie(purpose),
            renewed,
            "{purpose}"
        );
    }
    let access = browser.cookie("access");
    assert_eq!(claim(&access, "seq"), 1);
    assert_eq!(
        claim(&access, "sid"),
        claim(&before.cookie("access"), "sid")
    );
    assert_eq!(
        claim(&access, "auth_time"),
        claim(&before.cookie("access"), "auth_time")
    );
    assert_eq!(
        claim(&access, "roles"),
        json!(["editor", "publisher"]),
        "roles are read anew"
    );
    browser.get("/auth/me").send().await.expect(200);
    browser.refresh().await.expect(200);
    assert_eq!(row(&desk).await.0, 2);
}

#[tokio::test]
async fn of_fifty_at_once_exactly_one_rotates() {
    let (desk, mut browser) = Desk::with_ada_signed_in_and(wait_long).await;
    let token = browser.csrf_token().await;
    let mut running = JoinSet::new();
    for _ in 0..50 {
        let mut tab = browser.clone();
        let csrf = token.clone();
        running.spawn(async move {
            let answer = tab
                .post("/auth/refresh")
                .header("x-csrf-token", &csrf)
                .send()
                .await;
            (answer, tab)
        });
    }
    let mut winners = Vec::new();
    while let Some(done) = running.join_next().await {
        let (answer, tab) = done.unwrap();
        if answer.status == 200 {
            winners.push(tab);
        } else {
            let answer = answer.expect_problem(409, "REFRESH_IN_PROGRESS");
            assert_eq!(answer.header("retry-after"), "10");
            assert!(answer.set_cookies().is_empty());
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(row(&desk).await.0, 1);
    let refreshes = desk
        .acts()
        .await
        .iter()
        .filter(|act| *act == "session.refresh done")
        .count();
    assert_eq!(refreshes, 1);
    let mut winner = winners.remove(0);
    winner.refresh().await.expect(200);
}

#[tokio::test]
async fn the_token_before_means_wait_at_first_and_theft_once_its_successor_is_in_use() {
    let (desk, mut caller, first) = with_token().await;
    let answer = refresh_with(&mut caller, &first).await.expect(200);
    let second = token_of(&answer);
    let before = row(&desk).await;
    let waiting = refresh_with(&mut caller, &first).await;
    waiting.expect_problem(409, "REFRESH_IN_PROGRESS");
    assert_eq!(row(&desk).await, before, "waiting changes nothing");

    use_access_token(&mut caller, &answer).await;
    desk.wait(60).await;
    refresh_with(&mut caller, &first)
        .await
        .expect_problem(401, "REFRESH_REUSED");
    assert_eq!(row(&desk).await.4.as_deref(), Some("reuse"));
    assert_eq!(
        desk.number("SELECT count(*) FROM families WHERE reuse_seen_at IS NOT NULL")
            .await,
        1
    );
    assert_eq!(
        desk.acts().await.last().map(String::as_str),
        Some("session.refresh-reuse refused parent-late")
    );
    // Nobody has the session any more: neither the thief nor the other.
    refresh_with(&mut caller, &second)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    refresh_with(&mut caller, &first)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
}

#[tokio::test]
async fn every_spent_token_of_fifty_rotations_is_reuse() {
    let (desk, mut caller, first) = with_token().await;
    let mut tokens = vec![first];
    for spent in 0..50 {
        let answer = refresh_with(&mut caller, &tokens[spent]).await.expect(200);
        tokens.push(token_of(&answer));
        use_access_token(&mut caller, &answer).await;
    }
    desk.wait(60).await;
    // Between, the tombstone is taken away by hand, so that each token is judged by a living family.
    desk.run("DROP TRIGGER families_stay_revoked").await;
    for (seq, spent) in tokens[..50].iter().enumerate() {
        refresh_with(&mut caller, spent)
            .await
            .expect_problem(401, "REFRESH_REUSED");
        assert_eq!(row(&desk).await.4.as_deref(), Some("reuse"), "{seq}");
        let how = if seq == 49 { "parent-late" } else { "older" };
        let acts = desk.acts().await;
        assert_eq!(
            acts.last().unwrap(),
            &format!("session.refresh-reuse refused {how}"),
            "{seq}"
        );
        desk.run("UPDATE families SET revoked_at = NULL, revoked_reason = NULL")
            .await;
    }
    let _ = refresh_with(&mut caller, &tokens[50]).await.expect(200);
}

#[tokio::test]
async fn an_older_token_is_theft_at_once() {
    let (desk, mut caller, first) = with_token().await;
    let second = token_of(&refresh_with(&mut caller, &first).await.expect(200));
    let third = token_of(&refresh_with(&mut caller, &second).await.expect(200));
    refresh_with(&mut caller, &first)
        .await
        .expect_problem(401, "REFRESH_REUSED");
    refresh_with(&mut caller, &third)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(
        desk.acts().await.last().map(String::as_str),
        Some("session.refresh-reuse refused older")
    );
}

#[tokio::test]
async fn a_forged_token_changes_nothing() {
    let (desk, mut caller, genuine) = with_token().await;
    let parts: Vec<&str> = genuine.split('.').collect();
    let (sid, random, tag) = (parts[1], parts[3], parts[4]);
    let forged = [
        format!("rt1.{sid}.0.{random}.{}", "A".repeat(43)),
        format!("rt1.{sid}.0.{}.{tag}", "A".repeat(43)),
        format!("rt1.{sid}.1.{random}.{tag}"),
        format!("rt1.{sid}.00.{random}.{tag}"),
        format!("rt2.{sid}.0.{random}.{tag}"),
        format!("rt1.{}.0.{random}.{tag}", sid.to_uppercase()),
        format!("{genuine}."),
        format!("{genuine} "),
        genuine[..genuine.len() - 1].to_owned(),
        "rt1".to_owned(),
        "x".repeat(9000),
        "' OR 1=1 --".to_owned(),
    ];
    let (before, acts) = (row(&desk).await, desk.acts().await);
    for token in forged {
        refresh_with(&mut caller, &token)
            .await
            .expect_problem(401, "INVALID_REFRESH_TOKEN");
        assert_eq!(row(&desk).await, before, "{token}");
    }
    assert_eq!(
        desk.acts().await,
        acts,
        "a stranger writes nothing into the log either"
    );
    let _ = refresh_with(&mut caller, &genuine).await.expect(200);
}

#[tokio::test]
async fn a_token_of_another_installation_is_not_genuine() {
    let (_elsewhere, _, foreign) = with_token().await;
    let (desk, mut caller, _own) = with_token().await;
    let before = row(&desk).await;
    refresh_with(&mut caller, &foreign)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(row(&desk).await, before);
}

#[tokio::test]
async fn a_family_ends_by_idleness_or_by_age() {
    const DAY: i64 = 24 * 3600;
    let (desk, mut caller, first) = with_token().await;
    desk.wait(14 * DAY).await;
    refresh_with(&mut caller, &first)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");

    let (desk, mut caller, mut token) = with_token().await;
    // Thirteen days six times and eleven more are 89: used all the time, and alive.
    for days in [13, 13, 13, 13, 13, 13, 11] {
        desk.wait(days * DAY).await;
        token = token_of(&refresh_with(&mut caller, &token).await.expect(200));
    }
    desk.wait(DAY).await;
    refresh_with(&mut caller, &token)
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
}

#[tokio::test]
async fn a_refresh_needs_one_token() {
    let (_desk, mut browser) = Desk::with_ada_signed_in().await;
    let token = browser.cookie("refresh");
    let both = browser
        .post("/auth/refresh")
        .json(&json!({ "refreshToken": token }))
        .with_csrf();
    both.send()
        .await
        .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    // A token from a cookie never comes back in a body, where scripts could read it.
    let moved = browser
        .post("/auth/refresh")
        .json(&json!({ "tokenMode": "body" }))
        .with_csrf();
    moved
        .send()
        .await
        .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    let wrong = browser
        .post("/auth/refresh")
        .json(&json!({ "refreshToken": 1 }))
        .with_csrf();
    wrong.send().await.expect_problem(400, "MALFORMED_BODY");
    browser.forget("refresh");
    browser
        .refresh()
        .await
        .expect_problem(401, "NO_REFRESH_TOKEN");
    browser
        .refresh()
        .await
        .expect_problem(401, "NO_REFRESH_TOKEN");
}

#[tokio::test]
async fn a_session_cookie_or_an_access_token_is_no_refresh_token() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let before = row(&desk).await;
    for purpose in ["session", "access", "csrf"] {
        let mut caller = desk.browser();
        let other = browser.cookie(purpose);
        refresh_with(&mut caller, &other)
            .await
            .expect_problem(401, "INVALID_REFRESH_TOKEN");
    }
    assert_eq!(row(&desk).await, before);
}

#[tokio::test]
async fn the_files_hold_no_secret() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let signed_in = browser.clone();
    browser.refresh().await.expect(200);
    let path = std::path::Path::new(desk.app.store.place());
    let mut file = std::fs::read(path).unwrap();
    file.extend(std::fs::read(path.with_extension("db-wal")).unwrap());
    let holds = |needle: &str| {
        file.windows(needle.len())
            .any(|window| window == needle.as_bytes())
    };
    assert!(holds(EMAIL), "the file is the one that is written to");
    for person in [&signed_in, &browser] {
        for purpose in ["session", "access", "refresh"] {
            assert!(!holds(&person.cookie(purpose)), "{purpose}");
        }
        let refresh = person.cookie("refresh");
        assert!(
            !holds(refresh.split('.').nth(3).unwrap()),
            "the random part"
        );
    }
    assert!(!holds(PASSWORD));
}
