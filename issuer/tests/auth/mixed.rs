//! Credentials of two sign-ins in one request, and what their ends leave in the audit log.

use serde_json::Value;

use crate::desk::{Desk, EMAIL};

const OTHER: &str = "grace@example.test";

async fn id_of(desk: &Desk, email: &str) -> String {
    sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
        .bind(email)
        .fetch_one(&mut desk.sql().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_session_of_one_and_a_refresh_token_of_another_do_not_refresh() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    desk.add(OTHER, &[]).await;
    let mut grace = desk.browser();
    grace.log_in(OTHER).await;
    let planted = grace.cookie("refresh");
    let own = ada.cookie("refresh");
    ada.set_cookie("refresh", &planted);
    ada.refresh()
        .await
        .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    assert_eq!(
        desk.number("SELECT sum(seq) FROM families").await,
        0,
        "nothing moved"
    );
    // Neither has lost anything, and each goes on.
    ada.set_cookie("refresh", &own);
    ada.refresh().await.expect(200);
    grace.refresh().await.expect(200);
}

#[tokio::test]
async fn a_bearer_token_of_one_and_a_session_of_another_are_nobody() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    desk.add(OTHER, &[]).await;
    let tokens = desk.browser().tokens(OTHER).await;
    let graces = format!("Bearer {}", tokens["accessToken"].as_str().unwrap());
    let adas = format!("Bearer {}", ada.cookie("access"));
    ada.forget("access");
    for (token, status, code) in [
        (graces.as_str(), 400, "AMBIGUOUS_CREDENTIALS"),
        ("Bearer eyJ.eyJ.x", 401, "INVALID_TOKEN"),
    ] {
        for path in ["/auth/me", "/auth/sessions"] {
            let ask = ada.get(path).header("authorization", token);
            ask.send().await.expect_problem(status, code);
        }
    }
    let ask = ada.get("/auth/me").header("authorization", &adas);
    let me = ask.send().await.expect(200).json();
    assert_eq!(me["user"]["email"], EMAIL, "both name the same sign-in");
}

#[tokio::test]
async fn the_session_that_a_sign_in_ends_has_an_entry_of_its_own() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    desk.add(OTHER, &[]).await;
    let ended: String = sqlx::query_scalar("SELECT sid FROM families")
        .fetch_one(&mut desk.sql().await)
        .await
        .unwrap();
    browser.log_in(OTHER).await;
    let (ada, grace) = (id_of(&desk, EMAIL).await, id_of(&desk, OTHER).await);
    let log = desk.audit().await;
    let entries: Vec<&Value> = log
        .iter()
        .filter(|entry| entry["action"] == "session.replace")
        .collect();
    assert_eq!(entries.len(), 1, "{log:?}");
    assert_eq!(entries[0]["subject"], format!("user:{ada}"));
    assert_eq!(entries[0]["actor"], format!("user:{grace}"));
    assert_eq!(entries[0]["session"], ended);
    // A family that had ended already does not end once more.
    let mut again = desk.browser();
    again.set_cookie("refresh", &browser.cookie("refresh"));
    desk.run(
        "UPDATE families SET revoked_at = 1, revoked_reason = 'revoked' WHERE revoked_at IS NULL",
    )
    .await;
    let before = desk.audit().await.len();
    again.log_in(OTHER).await;
    assert_eq!(desk.audit().await.len(), before + 1, "only the sign-in");
}

#[tokio::test]
async fn a_session_id_that_is_no_text_is_no_session() {
    let (_desk, mut browser) = Desk::with_ada_signed_in().await;
    for id in ["%FF", "%00", "..%2f", "x"] {
        let path = format!("/auth/sessions/{id}");
        let answer = browser.delete(&path).with_csrf().send().await;
        answer.expect_problem(404, "NOT_FOUND");
    }
}
