//! Somebody whose token an edge still accepts and the issuer does not: they are led to the sign-in page once, and no edge leads them back.

use axum::http::StatusCode;
use serde_json::json;

use crate::{
    desk::{Answer, Browser, Desk, EMAIL, PASSWORD},
    root,
};

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
            .header("authorization", format!("Bearer {token}"))
            .send()
            .await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    desk.browser().log_in(EMAIL).await;
}

const SID: &str = "01a1fee9-0000-7000-8000-000000000000";
const NEW: &str = "Another-Mule-8";

/// A form: where it is sent, its fields, and its page as a query has it.
type Form = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Every form of somebody who is signed in that has an answer of its own.
const FORMS: [Form; 9] = [
    (
        "/account/sessions/end",
        &[("id", SID)],
        "?returnTo=/account/sessions/end%3Fid%3D01a1fee9-0000-7000-8000-000000000000",
    ),
    (
        "/account/sessions/end",
        &[("id", "https://evil.example/")],
        "?returnTo=/account/sessions",
    ),
    (
        "/auth/logout-all",
        &[("exceptCurrent", "true")],
        "?returnTo=/account/sessions/end-all",
    ),
    (
        "/auth/password",
        &[("currentPassword", PASSWORD), ("newPassword", NEW)],
        "?returnTo=/account/password",
    ),
    (
        "/auth/step-up",
        &[("password", PASSWORD), ("returnTo", "/billing?year=1")],
        "?returnTo=/billing%3Fyear%3D1",
    ),
    (
        "/auth/step-up",
        &[("password", PASSWORD), ("returnTo", "//evil.example")],
        "",
    ),
    ("/auth/step-up", &[("password", PASSWORD)], ""),
    (
        "/auth/step-up",
        &[
            ("password", PASSWORD),
            ("resendTo", "/auth/logout-all"),
            ("resend.exceptCurrent", "true"),
        ],
        "?returnTo=/account/sessions/end-all",
    ),
    (
        "/auth/step-up",
        &[
            ("password", PASSWORD),
            ("resendTo", "/account/sessions/end"),
            ("resend.id", SID),
        ],
        "?returnTo=/account/sessions/end%3Fid%3D01a1fee9-0000-7000-8000-000000000000",
    ),
];

async fn send(browser: &mut Browser, (path, fields, _): Form) -> Answer {
    browser.post(path).form(fields).with_csrf().send().await
}

/// Nothing that was typed is in the address, which browsers and proxies write down.
fn tells_no_password(answer: &Answer) {
    let place = answer.header("location");
    assert!(
        !place.contains("Horse") && !place.contains("Mule"),
        "{place}"
    );
}

#[tokio::test]
async fn a_form_that_was_open_for_longer_than_the_session_cookie_leads_on_and_back_to_its_page() {
    let (desk, ada) = Desk::with_ada_signed_in().await;
    desk.run("UPDATE browser_sessions SET idle_expires_at = 1")
        .await;
    for form in FORMS {
        // The refresh cookie lives, so the token of the form is as good as before. The access cookie is renewed in the background,
        // or it was not.
        let mut renewed = ada.clone();
        let mut left = ada.clone();
        left.forget("access");
        let led = send(&mut left, form).await.expect(303);
        assert_eq!(led.header("location"), format!("/login{}", form.2));
        tells_no_password(&led);
        if form.0 == "/auth/step-up" {
            continue;
        }
        let led = send(&mut renewed, form).await.expect(303);
        let place = format!("/account/step-up{}", form.2);
        assert_eq!(led.header("location"), place);
        tells_no_password(&led);
    }
    // Nothing was done by any of them, and whoever comes back sees the page.
    let mut ada = ada.clone();
    let back = [("password", PASSWORD), ("returnTo", "/account/password")];
    let back = ada.post("/auth/step-up").form(&back).with_csrf();
    assert_eq!(
        back.send().await.expect(303).header("location"),
        "/account/password"
    );
    ada.get("/account/password").send().await.expect(200);
}

#[tokio::test]
async fn a_form_of_a_session_that_has_ended_leads_to_the_sign_in_and_a_program_is_told() {
    let (_desk, ada) =
        forgotten("UPDATE families SET revoked_at = created_at, revoked_reason = 'revoked'").await;
    for form in FORMS {
        let mut ada = ada.clone();
        let led = send(&mut ada, form).await.expect(303);
        assert_eq!(led.header("location"), format!("/login{}", form.2));
        assert_eq!(removed(&led), ["edgeward-access"], "{}", form.0);
    }
    for (path, body) in [
        ("/auth/logout-all", json!({})),
        (
            "/auth/password",
            json!({ "currentPassword": PASSWORD, "newPassword": NEW }),
        ),
        ("/auth/step-up", json!({ "password": PASSWORD })),
    ] {
        let mut ada = ada.clone();
        ada.forget("access");
        let refused = ada.post(path).json(&body).with_csrf().send().await;
        refused.expect_problem(401, "NOT_SIGNED_IN");
    }
}

#[tokio::test]
async fn the_forms_of_administrators_lead_back_to_the_person() {
    let (desk, root, _) = root::desk().await;
    desk.run("UPDATE browser_sessions SET idle_expires_at = 1")
        .await;
    let person = format!("/auth/console/users/{SID}");
    for act in ["roles", "unlock", "sessions", "sessions/x"] {
        let mut root = root.clone();
        root.forget("access");
        let path = format!("{person}/{act}");
        let led = root.post(&path).form(&[]).with_csrf().send().await;
        let led = led.expect(303);
        assert_eq!(led.header("location"), format!("/login?returnTo={person}"));
    }
}
