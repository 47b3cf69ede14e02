//! Changing one's own password.

use serde_json::json;

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
async fn a_change_ends_all_other_sessions_and_renews_the_one_in_use() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut elsewhere = desk.browser();
    elsewhere.log_in(EMAIL).await;
    let mut copied = browser.clone();
    let before = browser.cookie("session");

    let answer = change(&mut browser, PASSWORD, NEW).await.expect(204);
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert!(cookies[0].starts_with("edgeward-session="), "{cookies:?}");
    assert_ne!(browser.cookie("session"), before);
    browser.get("/auth/sessions").send().await.expect(200);
    browser.refresh().await.expect(200);

    // Without the other cookies: the old session cookie is nobody's.
    copied.forget("access");
    copied.forget("refresh");
    copied.get("/auth/me").send().await.expect(401);
    elsewhere.get("/auth/me").send().await.expect(401);
    elsewhere
        .refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'password-changed'";
    assert_eq!(desk.number(ended).await, 1);

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

#[tokio::test]
async fn a_caller_without_cookies_changes_it_too() {
    let (_desk, mut caller) = Desk::with_ada().await;
    let tokens = caller.tokens(EMAIL).await;
    let bearer = format!("Bearer {}", tokens["accessToken"].as_str().unwrap());
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let ask = caller
        .post("/auth/password")
        .header("authorization", &bearer);
    let answer = ask.json(&body).send().await.expect(204);
    assert!(answer.set_cookies().is_empty());
    let body = json!({ "refreshToken": tokens["refreshToken"] });
    caller
        .post("/auth/refresh")
        .json(&body)
        .send()
        .await
        .expect(200);
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
