//! Changing one's own password.

use serde_json::{Value, json};

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD};

const NEW: &str = "Another-Mule-8";

async fn change(browser: &mut Browser, present: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": present, "newPassword": new });
    browser
        .post("/auth/password")
        .json(&body)
        .with_csrf()
        .send()
        .await
}

#[tokio::test]
async fn a_change_ends_every_session_and_begins_a_new_one() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut elsewhere = desk.browser();
    elsewhere.log_in(EMAIL).await;
    // A thief's, with all that the browser has.
    let mut copied = browser.clone();
    let before = browser.clone();

    let answer = change(&mut browser, PASSWORD, NEW).await.expect(204);
    assert_eq!(answer.set_cookies().len(), 5, "{:?}", answer.set_cookies());
    for cookie in ["session", "access", "refresh", "csrf", "device"] {
        assert_ne!(browser.cookie(cookie), before.cookie(cookie), "{cookie}");
    }
    browser.get("/auth/sessions").send().await.expect(200);
    browser.get("/auth/me").send().await.expect(200);
    browser.refresh().await.expect(200);

    for other in [&mut copied, &mut elsewhere] {
        refused_everywhere(other).await;
    }
    let bearer = format!("Bearer {}", before.cookie("access"));
    let mut program = desk.browser();
    let me = program.get("/auth/me").header("authorization", &bearer);
    me.send().await.expect(401);
    browser.get("/auth/me").send().await.expect(200);
    let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'password-changed'";
    assert_eq!(desk.number(ended).await, 2);
    let told = "SELECT count(*) FROM revocations WHERE reason = 'password-changed'";
    assert_eq!(desk.number(told).await, 2, "edges hear of both");

    let mut late = desk.browser();
    let old = json!({ "email": EMAIL, "password": PASSWORD });
    late.post("/auth/login").json(&old).send().await.expect(401);
    let new = json!({ "email": EMAIL, "password": NEW });
    late.post("/auth/login").json(&new).send().await.expect(200);
    let acts = desk.acts().await;
    assert!(
        acts.contains(&"account.change-password done".to_owned()),
        "{acts:?}"
    );
}

/// Whatever the cookies of this browser would open.
async fn refused_everywhere(browser: &mut Browser) {
    for path in ["/auth/me", "/auth/sessions"] {
        browser.get(path).send().await.expect(401);
    }
    change(browser, NEW, "Third-Goat-6").await.expect(401);
    let confirm = browser
        .post("/auth/step-up")
        .json(&json!({ "password": NEW }));
    confirm.with_csrf().send().await.expect(401);
    let refused = browser.refresh().await;
    refused.expect_problem(401, "INVALID_REFRESH_TOKEN");
}

#[tokio::test]
async fn a_caller_without_cookies_gets_new_tokens() {
    let (_desk, mut caller) = Desk::with_ada().await;
    let old = caller.tokens(EMAIL).await;
    let bearer = |tokens: &Value| format!("Bearer {}", tokens["accessToken"].as_str().unwrap());
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let ask = caller
        .post("/auth/password")
        .header("authorization", bearer(&old));
    let answer = ask.json(&body).send().await.expect(200);
    assert!(answer.set_cookies().is_empty());
    let new = answer.json();
    assert_eq!(new["user"]["email"], EMAIL);
    for (tokens, status) in [(&old, 401), (&new, 200)] {
        let me = caller
            .get("/auth/me")
            .header("authorization", bearer(tokens));
        me.send().await.expect(status);
        let body = json!({ "refreshToken": tokens["refreshToken"] });
        let refresh = caller.post("/auth/refresh").json(&body);
        refresh.send().await.expect(status);
    }
}

/// Two sign-ins in one request: the answer's cookies would take the place of both.
#[tokio::test]
async fn whoever_is_signed_in_twice_changes_nothing() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut other = desk.browser();
    other.log_in(EMAIL).await;
    let (session, refresh) = (browser.cookie("session"), other.cookie("refresh"));
    browser.set_cookie("refresh", &refresh);
    change(&mut browser, PASSWORD, NEW)
        .await
        .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    assert_eq!(browser.cookie("session"), session);
    desk.browser().log_in(EMAIL).await;
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let rows = [
        (PASSWORD, "short", 422, "WEAK_PASSWORD"),
        (PASSWORD, "Password2024!", 422, "WEAK_PASSWORD"),
        (PASSWORD, PASSWORD, 422, "VALIDATION_FAILED"),
        ("Wrong-Horse-7", NEW, 401, "INVALID_CREDENTIALS"),
        ("", NEW, 401, "INVALID_CREDENTIALS"),
    ];
    for (present, new, status, code) in rows {
        let answer = change(&mut browser, present, new).await;
        let answer = answer.expect_problem(status, code);
        assert!(answer.set_cookies().is_empty(), "{code}");
    }
    let mut stranger = desk.browser();
    change(&mut stranger, PASSWORD, NEW)
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    let mut background = browser.clone();
    background.forget("session");
    change(&mut background, PASSWORD, NEW)
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let forged = browser.post("/auth/password").json(&body).send().await;
    forged.expect_problem(403, "CSRF_INVALID");
    desk.browser().log_in(EMAIL).await;
}

#[tokio::test]
async fn who_has_a_copy_of_a_session_does_not_keep_its_owner_from_a_new_password() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let mut thief = browser.clone();
    for _ in 0..5 {
        change(&mut thief, "Wrong-Horse-7", NEW).await.expect(401);
    }
    for mut copy in [thief, browser] {
        change(&mut copy, PASSWORD, NEW)
            .await
            .expect_problem(423, "ACCOUNT_LOCKED");
    }
    let mut owner = desk.browser();
    owner.log_in(EMAIL).await;
    change(&mut owner, PASSWORD, NEW).await.expect(204);
}

#[tokio::test]
async fn who_has_a_session_cannot_guess_the_password_with_it() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    for left in (0..5).rev() {
        let answer = change(&mut browser, "Wrong-Horse-7", NEW).await;
        let answer = answer.expect_problem(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.json()["attemptsLeft"], left);
    }
    let before = desk.app.hasher.counts().done;
    change(&mut browser, PASSWORD, NEW)
        .await
        .expect_problem(423, "ACCOUNT_LOCKED");
    let form = [("currentPassword", PASSWORD), ("newPassword", NEW)];
    let page = browser.post("/auth/password").form(&form).with_csrf();
    let page = page.send().await.expect(423);
    let locked =
        "After too many wrong passwords, none is taken here for now. Try again in 30 minutes.";
    assert!(page.body.contains(locked), "{}", page.body);
    assert_eq!(desk.app.hasher.counts().done, before);
    // The sign-in has a counter of its own.
    desk.browser().log_in(EMAIL).await;
    desk.wait(1800).await;
    browser.log_in(EMAIL).await;
    change(&mut browser, PASSWORD, NEW).await.expect(204);
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_done() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let change_to = |new: &'static str| {
        let mut browser = browser.clone();
        tokio::spawn(async move { change(&mut browser, PASSWORD, new).await.status })
    };
    let (one, other) = (change_to("Another-Mule-8"), change_to("Another-Mule-9"));
    let mut answers = [one.await.unwrap(), other.await.unwrap()];
    answers.sort_unstable();
    assert_eq!(answers, [204, 401]);
    let done = desk.acts().await;
    let changes = done
        .iter()
        .filter(|act| *act == "account.change-password done")
        .count();
    assert_eq!(changes, 1);
}
