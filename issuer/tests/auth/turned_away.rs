//! Somebody whose token an edge still accepts and the issuer does not: they are led to the sign-in page once, and no edge leads them back.

use axum::http::StatusCode;

use crate::desk::{Answer, Browser, Desk, EMAIL};

/// Every page of the issuer that somebody without a sign-in is led away from, and where to.
const PAGES: [(&str, &str); 8] = [
    ("/account", "/login?returnTo=/account"),
    ("/account/password", "/login?returnTo=/account/password"),
    ("/account/sessions", "/login?returnTo=/account/sessions"),
    (
        "/account/sessions/end?id=x",
        "/login?returnTo=/account/sessions/end%3Fid%3Dx",
    ),
    (
        "/account/sessions/end-all",
        "/login?returnTo=/account/sessions/end-all",
    ),
    ("/auth/console/users", "/login?returnTo=/auth/console/users"),
    ("/account/step-up", "/login"),
    (
        "/account/step-up?returnTo=%2Fbilling",
        "/login?returnTo=/billing",
    ),
];

fn keeps_access(browser: &Browser) -> bool {
    browser.jar.contains_key("edgeward-access")
}

/// The removals of an answer.
fn removed(answer: &Answer) -> Vec<&str> {
    let lines = answer.set_cookies().into_iter();
    lines
        .filter(|line| line.contains("Max-Age=0"))
        .filter_map(|line| line.split('=').next())
        .collect()
}

/// Ada at a browser that the issuer does not know any more: ended elsewhere, or of a database that was put back.
async fn forgotten(statement: &'static str) -> (Desk, Browser) {
    let (desk, ada) = Desk::with_ada_signed_in().await;
    desk.run(statement).await;
    (desk, ada)
}

#[tokio::test]
async fn a_token_of_no_session_is_taken_away_on_the_way_to_the_sign_in_page() {
    for statement in [
        "UPDATE families SET revoked_at = created_at, revoked_reason = 'signed-out'",
        "DELETE FROM families",
    ] {
        let (_desk, ada) = forgotten(statement).await;
        for (path, place) in PAGES {
            let mut ada = ada.clone();
            let led = ada.get(path).send().await.expect(303);
            assert_eq!(led.header("location"), place, "{statement}: {path}");
            assert_eq!(removed(&led), ["edgeward-access"], "{statement}: {path}");
            assert!(!keeps_access(&ada));
            // The refresh cookie is judged where it is used.
            assert!(ada.jar.contains_key("edgeward-refresh"));
        }
        let mut script = ada.clone();
        let refused = script.get("/auth/me").send().await;
        let refused = refused.expect_problem(401, "NOT_SIGNED_IN");
        assert_eq!(removed(&refused), ["edgeward-access"], "{statement}");
    }
}

#[tokio::test]
async fn a_token_that_the_issuer_takes_for_none_of_its_own_goes_too() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    ada.forget("session");
    ada.set_cookie("access", "a.b.c");
    let led = ada.get("/account").send().await.expect(303);
    assert_eq!(led.header("location"), "/login?returnTo=/account");
    assert_eq!(removed(&led), ["edgeward-access"]);
}

#[tokio::test]
async fn whoever_is_signed_in_or_brought_nothing_keeps_what_they_have() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let mut stranger = desk.browser();
    let mut renewed = ada.clone();
    renewed.forget("session");
    for (path, _) in PAGES {
        let led = stranger.get(path).send().await.expect(303);
        assert_eq!(removed(&led), Vec::<&str>::new(), "{path}");
        // Known by the access cookie alone: led to the question for the password, or asked it, and still signed in.
        let told = renewed.get(path).send().await;
        assert_eq!(removed(&told), Vec::<&str>::new(), "{path}");
        let here = path.starts_with("/account/step-up");
        assert_eq!(told.status == StatusCode::OK, here, "{path}");
        assert!(here || told.header("location").starts_with("/account/step-up?"));
    }
    ada.get("/account").send().await.expect(200);
    assert!(keeps_access(&ada) && keeps_access(&renewed));
}

#[tokio::test]
async fn a_program_with_a_token_of_its_own_is_told_and_led_nowhere() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let token = ada.cookie("access");
    let all = ada.post("/auth/logout-all").json(&serde_json::json!({}));
    all.with_csrf().send().await.expect(204);
    for (path, _) in PAGES {
        let asked = desk
            .browser()
            .get(path)
            .header("authorization", &format!("Bearer {token}"))
            .send()
            .await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    desk.browser().log_in(EMAIL).await;
}
