//! Readiness names the part that fails and nothing of why, and is itself again when the part is.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use sqlx::Connection;
use tokio::task::JoinSet;

use crate::desk::{Desk, EMAIL, PASSWORD};

/// Expects exactly these parts to fail.
#[track_caller]
fn check(answer: &crate::desk::Answer, failing: &[&str]) {
    let state = |fails: bool| if fails { "failing" } else { "ok" };
    let checks: serde_json::Map<String, Value> =
        ["database", "signingKey", "csrfSecret", "origins"]
            .map(|part| (part.to_owned(), json!(state(failing.contains(&part)))))
            .into_iter()
            .collect();
    let status = if failing.is_empty() { 200 } else { 503 };
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(
        answer.json(),
        json!({ "status": state(!failing.is_empty()), "checks": checks }),
        "names and states, and nothing else"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_database_file_that_was_moved_is_failing_although_it_can_still_be_written() {
    let (desk, mut browser) = Desk::with_ada().await;
    check(&desk.readiness().await, &[]);
    let (place, away) = (
        Path::new(desk.app.store.place()),
        Path::new(desk.app.store.place()).with_extension("away"),
    );
    fs::rename(place, &away).unwrap();
    check(&desk.readiness().await, &["database"]);
    fs::write(place, b"").unwrap();
    check(&desk.readiness().await, &["database"]);
    browser.get("/healthz").send().await.expect(200);
    fs::rename(&away, place).unwrap();
    check(&desk.readiness().await, &[]);
    fs::remove_file(place).unwrap();
    check(&desk.readiness().await, &["database"]);
}

#[tokio::test]
async fn a_database_that_another_process_keeps_locked_is_failing_until_it_lets_go() {
    let (desk, mut browser) = Desk::with_ada().await;
    let mut other = desk.sql().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    check(&desk.readiness().await, &["database"]);
    browser.get("/healthz").send().await.expect(200);
    lock.rollback().await.unwrap();
    check(&desk.readiness().await, &[]);
    browser.log_in(EMAIL).await;
}

#[tokio::test]
async fn a_signing_key_that_the_database_lost_is_failing() {
    for lost in [
        "UPDATE signing_keys SET state = 'retired'",
        "UPDATE signing_keys SET kid = 'another'",
        "DELETE FROM signing_keys",
    ] {
        let desk = Desk::open().await;
        desk.run(lost).await;
        check(&desk.readiness().await, &["signingKey"]);
    }
}

#[tokio::test]
async fn a_secret_that_the_database_lost_is_failing_when_what_was_read_is_too_old() {
    for (ago, failing) in [(50, &[][..]), (61, &["csrfSecret"])] {
        let desk = Desk::open().await;
        let desk = desk.having_read_secrets(Duration::from_secs(ago)).await;
        desk.run("DELETE FROM token_secrets WHERE purpose = 'csrf'")
            .await;
        check(&desk.readiness().await, failing);
        desk.browser().get("/healthz").send().await.expect(200);
    }
}

#[tokio::test]
async fn a_site_that_no_page_can_be_of_is_failing() {
    let desk = Desk::open_with(|config| config.issuer.url = "http://a\nb".to_owned()).await;
    check(&desk.readiness().await, &["origins"]);
}

/// A part that fails opens nothing: what needs it is refused, and the rest is as strict as before.
#[tokio::test]
async fn nothing_opens_when_a_part_fails() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    desk.run("ALTER TABLE families RENAME TO gone").await;
    browser
        .get("/auth/me")
        .send()
        .await
        .expect_problem(500, "INTERNAL");
    let mut stranger = desk.browser();
    stranger
        .get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = stranger.post("/auth/login").json(&right).send().await;
    answer.expect_problem(500, "INTERNAL");
    assert!(stranger.jar.is_empty(), "no cookie was set");
}

/// Whoever asks proves nothing, so a flood is to cost what one question costs.
#[tokio::test]
async fn of_many_questions_at_once_one_asks_the_parts() {
    let desk = Desk::open().await;
    desk.run("DELETE FROM signing_keys").await;
    let place = Path::new(desk.app.store.place());
    fs::rename(place, place.with_extension("away")).unwrap();
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let mut browser = desk.browser();
        asking.spawn(async move { browser.get("/readyz").send().await });
    }
    for answer in asking.join_all().await {
        check(&answer, &["database", "signingKey"]);
    }
    let numbers = desk.app.metrics.text().unwrap();
    for part in ["database", "signing_key"] {
        let once = format!("edgeward_readiness_failures_total{{check=\"{part}\"}} 1\n");
        assert!(numbers.contains(&once), "{part}: {numbers}");
    }
}
