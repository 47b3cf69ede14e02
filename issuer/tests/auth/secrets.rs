//! Secrets of CSRF and refresh tokens rotate under people who are signed in, and are taken away when they were stolen.

use std::time::{Duration, Instant};

use edgeward_core::csrf::TOKEN_LIFE_SECONDS;
use edgeward_issuer::domain::{
    keyring::{KeyState, life::Pace},
    secrets::{Purpose, SecretGenerations, plan},
};

use crate::desk::{Desk, EMAIL};

const DAY: i64 = 24 * 3600;

/// Does what is due, and reads what came of it, as a serving issuer does.
async fn looks(desk: &Desk) {
    let unscheduled = plan::rules(None);
    for purpose in Purpose::ALL {
        let acts = desk.app.acts_on(purpose);
        acts.keep_schedule(unscheduled, 0).await.unwrap();
    }
    let (now, at) = (desk.app.clock.now(), Instant::now());
    let read = desk
        .app
        .generations
        .reload(&desk.app.store, &desk.app.secrets, now, at);
    read.await.unwrap();
}

/// As if these seconds had gone by for the secrets.
async fn wait(desk: &Desk, seconds: i64) {
    let mut sql = desk.sql().await;
    for column in [
        "created_at",
        "published_at",
        "makes_from",
        "good_until",
        "stopped_at",
    ] {
        let moved = format!("UPDATE token_secrets SET {column} = {column} - {seconds}");
        sqlx::query(sqlx::AssertSqlSafe(moved))
            .execute(&mut sql)
            .await
            .unwrap();
    }
}

async fn rotate(desk: &Desk, purpose: Purpose) {
    looks(desk).await;
    wait(desk, 3600).await;
    let done = desk
        .app
        .acts_on(purpose)
        .rotate(Pace::Forced)
        .await
        .unwrap();
    assert_eq!(done.secret.state, KeyState::Active);
    looks(desk).await;
}

/// The id of the one that made tokens before the present one.
async fn before(desk: &Desk, purpose: Purpose) -> String {
    let stored = desk.app.store.secret_generations().await.unwrap();
    let old = stored
        .into_iter()
        .find(|it| it.purpose == purpose && it.life.state == KeyState::Retiring);
    old.unwrap().life.key_id
}

#[tokio::test]
async fn nobody_notices_a_rotation_of_either() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let mut sleeper = desk.browser();
    sleeper.log_in(EMAIL).await.expect(200);
    for _ in 0..3 {
        let page = ada.csrf_token().await;
        for purpose in Purpose::ALL {
            rotate(&desk, purpose).await;
            // A page that was open all the time, and the same token when it is asked for.
            assert_eq!(ada.csrf_token().await, page);
            let marked = ada.post("/auth/refresh").header("x-csrf-token", &page);
            let answer = marked.send().await.expect(200);
            assert_eq!(answer.json()["expiresIn"], 600);
            // A refresh sets another one, which the next page has.
            ada.set_cookie("csrf", &page);
        }
        wait(&desk, TOKEN_LIFE_SECONDS + 3600).await;
        looks(&desk).await;
    }
    // Who slept meanwhile has a refresh token of four generations ago.
    sleeper.refresh().await.expect(200);
    let known = desk.app.refresh_keys(desk.app.clock.now()).await.unwrap();
    assert_eq!(known.accepts().count(), 5);
    wait(&desk, 91 * DAY).await;
    looks(&desk).await;
    let known = desk.app.refresh_keys(desk.app.clock.now()).await.unwrap();
    assert_eq!(known.accepts().count(), 2, "the present one, and the next");
}

#[tokio::test]
async fn what_a_revoked_csrf_secret_made_is_fetched_anew() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let page = ada.csrf_token().await;
    rotate(&desk, Purpose::Csrf).await;
    let stolen = before(&desk, Purpose::Csrf).await;
    desk.app
        .acts_on(Purpose::Csrf)
        .revoke(&stolen)
        .await
        .unwrap();
    looks(&desk).await;
    let refused = ada.post("/auth/refresh").header("x-csrf-token", &page);
    refused.send().await.expect_problem(403, "CSRF_INVALID");
    assert_ne!(ada.csrf_token().await, page);
    ada.refresh().await.expect(200);
}

#[tokio::test]
async fn what_a_revoked_refresh_secret_made_ends_and_what_others_made_does_not() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let mut sleeper = desk.browser();
    sleeper.log_in(EMAIL).await.expect(200);
    rotate(&desk, Purpose::Refresh).await;
    ada.refresh().await.expect(200);
    let stolen = before(&desk, Purpose::Refresh).await;
    desk.app
        .acts_on(Purpose::Refresh)
        .revoke(&stolen)
        .await
        .unwrap();
    looks(&desk).await;
    let refused = sleeper.refresh().await;
    refused.expect_problem(401, "INVALID_REFRESH_TOKEN");
    ada.refresh().await.expect(200);
    let acts = desk.acts().await;
    assert!(
        !acts.contains(&"session.refresh-reuse".to_owned()),
        "{acts:?}"
    );
}

/// What was read before stays good for a minute, and not a moment longer.
#[tokio::test]
async fn without_the_rows_nothing_is_made_or_believed_after_a_minute() {
    for (ago, is_good) in [(50, true), (61, false)] {
        let (desk, ada) = Desk::with_ada_signed_in().await;
        let desk = desk.having_read_secrets(Duration::from_secs(ago)).await;
        let mut ada = desk.seat(&ada);
        desk.run("DELETE FROM token_secrets").await;
        let rotated = desk.number("SELECT seq FROM families").await;
        let token = ada.cookie("csrf");
        let refresh = ada.post("/auth/refresh").header("x-csrf-token", &token);
        let answer = refresh.send().await;
        if is_good {
            answer.expect(200);
        } else {
            let answer = answer.expect_problem(503, "BUSY");
            assert_eq!(answer.header("retry-after"), "1");
            let refused = ada.get("/auth/csrf").send().await;
            refused.expect_problem(503, "BUSY");
            let refused = desk.browser().get("/auth/csrf").send().await;
            refused.expect_problem(503, "BUSY");
        }
        let rotations = desk.number("SELECT seq FROM families").await - rotated;
        assert_eq!(rotations, i64::from(is_good));
        assert_eq!(desk.number("SELECT count(*) FROM token_secrets").await, 0);
    }
}

/// A reading that fails does not take away what was read before.
#[tokio::test]
async fn a_failed_reading_changes_nothing() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    desk.run("DELETE FROM token_secrets").await;
    let (now, at) = (desk.app.clock.now(), Instant::now());
    let (store, custody) = (&desk.app.store, &desk.app.secrets);
    let read = desk.app.generations.reload(store, custody, now, at).await;
    assert!(read.is_err(), "there is none that makes tokens");
    ada.refresh().await.expect(200);
}
