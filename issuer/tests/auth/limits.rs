//! How often one sender may ask.

use std::num::NonZeroU32;

use edgeward_issuer::config::Config;
use serde_json::{Value, json};

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD};

fn from(mut browser: Browser, address: &str) -> Browser {
    browser.address = Some(address.parse().unwrap());
    browser
}

/// Lets a bucket get one more in a minute and not sooner: a test under load takes longer than the few seconds of the defaults.
fn regain_nothing(config: &mut Config) {
    config.limits.guesses_per_minute = NonZeroU32::MIN;
    config.limits.reads_per_minute = NonZeroU32::MIN;
}

async fn send(browser: &mut Browser, path: &str, body: &Value) -> Answer {
    browser.post(path).json(body).send().await
}

#[tokio::test]
async fn where_a_secret_can_be_guessed_one_address_asks_five_times_at_once() {
    let (desk, _) = Desk::with_ada_and(regain_nothing).await;
    let sign_in = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
    let register = json!({ "email": "x", "password": PASSWORD });
    let change = json!({ "currentPassword": PASSWORD, "newPassword": PASSWORD });
    let step_up = json!({ "password": PASSWORD });
    let rows = [
        ("/auth/login", sign_in.clone(), 200, "192.0.2.1"),
        ("/auth/register", register, 422, "192.0.2.2"),
        ("/auth/password", change, 401, "192.0.2.3"),
        ("/auth/step-up", step_up, 401, "192.0.2.5"),
    ];
    for (path, body, status, address) in rows {
        let mut browser = from(desk.browser(), address);
        for _ in 0..5 {
            send(&mut browser, path, &body).await.expect(status);
        }
        let before = desk.app.hasher.counts().done;
        let answer = send(&mut browser, path, &body).await;
        let answer = answer.expect_problem(429, "RATE_LIMITED");
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{path}: {seconds}");
        assert_eq!(
            desk.app.hasher.counts().done,
            before,
            "{path} costs no hash"
        );
        // One bucket for all of them: another resource is no second chance.
        let answer = send(&mut browser, "/auth/login", &sign_in).await;
        answer.expect_problem(429, "RATE_LIMITED");
    }
    let mut other = from(desk.browser(), "192.0.2.4");
    send(&mut other, "/auth/login", &sign_in).await.expect(200);
}

#[tokio::test]
async fn what_a_client_says_about_its_address_is_not_believed() {
    let (desk, browser) = Desk::with_ada_and(regain_nothing).await;
    let mut browser = from(browser, "192.0.2.1");
    let body = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
    let mut statuses = Vec::new();
    for n in 0..7 {
        let ask = browser.post("/auth/login").json(&body);
        let said = format!("198.51.100.{n}");
        let ask = ask
            .header("x-forwarded-for", &said)
            .header("x-real-ip", &said)
            .header("forwarded", format!("for={said}"))
            .header("cf-connecting-ip", &said);
        statuses.push(ask.send().await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 5);
}

/// The session goes on, so its holder could ask for ever; and there is one writer.
#[tokio::test]
async fn who_has_no_other_session_to_end_keeps_nobody_from_writing() {
    let (desk, browser) = Desk::with_ada_signed_in_and(|config| {
        config.limits.reads_burst = NonZeroU32::new(4).unwrap();
        regain_nothing(config);
    })
    .await;
    let bearer = format!("Bearer {}", browser.cookie("access"));
    let mut writer = desk.sql().await;
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
    begin.execute(&mut writer).await.unwrap();
    for (address, statuses) in [
        ("192.0.2.1", &[204, 204, 204, 204, 429, 429][..]),
        // A copy elsewhere keeps the owner from nothing.
        ("192.0.2.2", &[204]),
    ] {
        let mut script = from(desk.browser(), address);
        for status in statuses {
            let ask = script.post("/auth/logout-all");
            let ask = ask.json(&json!({ "exceptCurrent": true }));
            let ask = ask.header("authorization", &bearer);
            ask.send().await.expect(*status);
        }
    }
}

#[tokio::test]
async fn a_session_reads_and_refreshes_within_its_own_limit() {
    let desk = Desk::open_with(|config| {
        config.limits.reads_burst = NonZeroU32::new(4).unwrap();
        regain_nothing(config);
    })
    .await;
    desk.add(EMAIL, &[]).await;
    let mut browser = desk.browser();
    browser.log_in(EMAIL).await;
    let mut neighbour = desk.browser();
    neighbour.log_in(EMAIL).await;
    let (mut browser, mut neighbour) = (from(browser, "192.0.2.1"), from(neighbour, "192.0.2.1"));
    // A copy of a cookie that was exchanged long ago; its holder is counted by address.
    let mut spent = desk.browser();
    spent.set_cookie("refresh", &browser.cookie("refresh"));
    let mut spent = from(spent, "192.0.2.2");
    for status in [200, 200, 200, 200, 429] {
        spent.get("/auth/csrf").send().await.expect(status);
    }
    browser.get("/auth/me").send().await.expect(200);
    browser.get("/auth/sessions").send().await.expect(200);
    browser.get("/auth/me").send().await.expect(200);
    browser.get("/auth/me").send().await.expect(200);
    for path in ["/auth/me", "/auth/sessions"] {
        let answer = browser.get(path).send().await;
        let answer = answer.expect_problem(429, "RATE_LIMITED");
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{path}: {seconds}");
    }
    // The session goes on all the same: that, and the token that it takes, are counted by themselves.
    browser.refresh().await.expect(200);
    for status in [200, 200, 200, 429] {
        browser.get("/auth/csrf").send().await.expect(status);
    }
    neighbour.get("/auth/me").send().await.expect(200);
    // Who has no session shares what the address has.
    for status in [200, 200, 200, 200, 429] {
        let mut stranger = from(desk.browser(), "192.0.2.1");
        stranger.get("/auth/csrf").send().await.expect(status);
    }
}

#[tokio::test]
async fn development_does_not_limit_its_own_machine_unless_asked() {
    for (loopback, refused) in [(false, false), (true, true)] {
        let desk = Desk::open_with(|config| {
            config.limits.loopback = loopback;
            regain_nothing(config);
        })
        .await;
        desk.add(EMAIL, &[]).await;
        for address in ["127.0.0.1", "::1", "0.0.0.0"] {
            let mut browser = from(desk.browser(), address);
            let body = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
            let mut last = 0;
            for _ in 0..6 {
                last = send(&mut browser, "/auth/login", &body).await.status;
            }
            assert_eq!(last == 429, refused, "{address}");
        }
    }
}

#[tokio::test]
async fn a_form_that_was_sent_too_often_says_so() {
    let (desk, browser) = Desk::with_ada_and(regain_nothing).await;
    let mut browser = from(browser, "192.0.2.1");
    let form = [("email", EMAIL), ("password", "Wrong-Horse-7")];
    let mut last = None;
    for _ in 0..6 {
        last = Some(
            browser
                .post("/auth/login")
                .form(&form)
                .with_csrf()
                .send()
                .await,
        );
    }
    let page = last.unwrap().expect(429);
    assert!(!page.header("retry-after").is_empty());
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.body
            .contains("Too many attempts came from here. Try again in"),
        "{}",
        page.body
    );
    // It is about no field, so none is marked, and whichever has the focus is read with it.
    for (mark, fields) in [("aria-invalid", 0), ("aria-describedby=\"error\"", 2)] {
        assert_eq!(page.body.matches(mark).count(), fields, "{}", page.body);
    }
    assert_eq!(
        desk.number("SELECT failures FROM attempt_counters WHERE account IS NOT NULL")
            .await,
        5
    );
}
