//! Confirming one's identity: what a doubtful session may not do, and how the person gets out of the doubt and a thief does
//! not.

use std::net::IpAddr;

use edgeward_core::{
    gate::{
        CanonicalPath, Client, Credential, Decision, Gate, PolicyState, Renewal, RequestSource,
        RequestView, Turns, decide,
    },
    token::{Audiences, Expectations, TokenType},
};
use edgeward_issuer::config::OnChange;
use serde_json::{Value, json};

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD};

const OTHER_BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36";

const POLICY: &str = r#"
version = 1
[[route]]
path = "/app"
allow = "signed-in"
[[route]]
path = "/billing"
step_up = { max_age_seconds = 300 }
[[route]]
path = "/export"
step_up = { amr = ["pwd"] }
"#;

/// What the edge says to a person who opens a route with this token.
fn at_the_edge(desk: &Desk, token: &str, path: &str) -> String {
    let config = &desk.app.config.issuer;
    let policy = PolicyState::parse(POLICY);
    let audiences = Audiences::OneOf(vec![config.audience.clone()]);
    let keys = desk.app.keyring.public_keys();
    let gate = Gate {
        policy: &policy,
        site: &config.url,
        keys: Some(&keys),
        keys_are_final: true,
        revocations: None,
        expect: &Expectations::new(config.url.clone(), audiences, TokenType::Access),
        answer: None,
        seen: None,
        turns: Turns::default(),
    };
    let view = RequestView {
        method: "GET",
        host: "127.0.0.1",
        path: CanonicalPath::parse(path),
        query: None,
        credential: Credential::Token(token),
        source: RequestSource::default(),
        client: Client::Untold,
        navigation: true,
        renewal: Renewal::Impossible,
    };
    match decide(&gate, &view, desk.app.clock.now()) {
        Decision::Forward(_) => "passes".to_owned(),
        Decision::Redirect(redirect) => redirect.location,
        other @ (Decision::Answer(_)
        | Decision::AnswerPreflight(_)
        | Decision::Refuse(_)
        | Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_)) => panic!("{other:?}"),
    }
}

pub(crate) fn claims(token: &str) -> Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
}

async fn step_up(browser: &mut Browser, password: &str) -> Answer {
    browser
        .post("/auth/step-up")
        .json(&json!({ "password": password }))
        .with_csrf()
        .send()
        .await
}

/// Ada's browser, which has just refreshed from another place, under `step-up` for that.
async fn doubted() -> (Desk, Browser) {
    let (desk, mut browser) = Desk::with_ada_and(|config| {
        config.refresh.on_address_change = OnChange::StepUp;
        config.refresh.on_device_change = OnChange::StepUp;
    })
    .await;
    browser.address = Some("192.0.2.1".parse::<IpAddr>().unwrap());
    browser.log_in(EMAIL).await;
    browser.address = Some("198.51.100.1".parse().unwrap());
    desk.wait(60).await;
    browser.refresh().await.expect(200);
    (desk, browser)
}

#[tokio::test]
async fn a_doubtful_session_goes_on_but_opens_nothing_that_wants_a_recent_sign_in() {
    let (desk, mut browser) = doubted().await;
    let acts = desk.acts().await;
    assert_eq!(acts.last().unwrap(), "session.demand-step-up done");
    let entry = desk.audit().await.pop().unwrap();
    assert_eq!(entry["details"]["changed"], "address");
    let events = "SELECT count(*) FROM security_events WHERE type = 'step-up.demanded' AND severity = 'warning'";
    assert_eq!(desk.number(events).await, 1);

    let token = browser.cookie("access");
    let found = claims(&token);
    assert_eq!(found["acr"], "0");
    assert!(
        found.get("auth_time").is_none() && found.get("amr").is_none(),
        "{found}"
    );
    assert_eq!(at_the_edge(&desk, &token, "/app"), "passes");
    for path in ["/billing", "/export"] {
        let page = format!("/account/step-up?returnTo=%2F{}", &path[1..]);
        assert_eq!(at_the_edge(&desk, &token, path), page);
    }

    // Reading goes on.
    browser.get("/auth/me").send().await.expect(200);
    let sessions = browser
        .get("/auth/sessions")
        .send()
        .await
        .expect(200)
        .json();
    let own = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    let password = json!({ "currentPassword": PASSWORD, "newPassword": "Another-Mule-8" });
    for ask in [
        browser.clone().post("/auth/password").json(&password),
        browser.clone().post("/auth/logout-all"),
        browser.clone().delete(&format!("/auth/sessions/{own}")),
    ] {
        let refused = ask.with_csrf().send().await;
        assert_eq!(
            refused.header("www-authenticate"),
            "Bearer error=\"insufficient_user_authentication\", error_description=\"A more recent sign-in is required\", acr_values=\"aal1\""
        );
        refused.expect_problem(401, "STEP_UP_REQUIRED");
    }

    // The doubt stays, from wherever the next refresh comes.
    for address in ["198.51.100.1", "192.0.2.1"] {
        browser.address = Some(address.parse().unwrap());
        desk.wait(60).await;
        browser.refresh().await.expect(200);
        assert_eq!(claims(&browser.cookie("access"))["acr"], "0", "{address}");
    }
    browser.log_out().await;
}

#[tokio::test]
async fn the_password_ends_the_doubt_with_a_new_session() {
    let (desk, mut browser) = doubted().await;
    let before = browser.clone();
    let answer = step_up(&mut browser, PASSWORD).await.expect(200);
    assert_eq!(answer.json()["user"]["email"], EMAIL);
    assert!(answer.json().get("accessToken").is_none());
    for cookie in ["session", "access", "refresh"] {
        assert_ne!(browser.cookie(cookie), before.cookie(cookie), "{cookie}");
    }
    let (old, new) = (
        claims(&before.cookie("access")),
        claims(&browser.cookie("access")),
    );
    assert_ne!(old["sid"], new["sid"]);
    assert_eq!(
        (&new["acr"], &new["amr"]),
        (&json!("aal1"), &json!(["pwd"]))
    );
    let age = desk.app.clock.now().seconds() - new["auth_time"].as_i64().unwrap();
    assert!((0..60).contains(&age), "{age}");
    for path in ["/app", "/billing", "/export"] {
        assert_eq!(
            at_the_edge(&desk, &browser.cookie("access"), path),
            "passes"
        );
    }
    let acts = desk.acts().await;
    let tail: Vec<&str> = acts
        .iter()
        .rev()
        .take(2)
        .rev()
        .map(String::as_str)
        .collect();
    assert_eq!(tail, ["session.replace done", "session.step-up done"]);
    browser
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect(204);
}

#[tokio::test]
async fn a_thief_of_the_refresh_token_is_not_lifted_along() {
    let (desk, mut browser) = Desk::with_ada_and(|config| {
        config.refresh.on_device_change = OnChange::StepUp;
    })
    .await;
    browser.log_in(EMAIL).await;
    let mut thief = browser.clone();
    thief.user_agent = OTHER_BROWSER;
    for cookie in ["device", "session", "csrf"] {
        thief.forget(cookie);
    }
    desk.wait(60).await;
    thief.refresh().await.expect(200);
    assert_eq!(claims(&thief.cookie("access"))["acr"], "0");
    // The person opens something that wants a recent sign-in; the session cookie was not the thief's.
    browser
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect_problem(401, "STEP_UP_REQUIRED");
    step_up(&mut browser, PASSWORD).await.expect(200);
    desk.wait(60).await;
    thief
        .refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    thief.get("/auth/me").send().await.expect(401);
    browser.refresh().await.expect(200);
    assert_eq!(claims(&browser.cookie("access"))["acr"], "aal1");
}

#[tokio::test]
async fn wrong_passwords_are_counted_apart_and_lock() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    for left in [4, 3, 2, 1, 0] {
        let answer = step_up(&mut browser, "Wrong-Horse-7").await;
        assert_eq!(answer.json()["attemptsLeft"], left);
        answer.expect_problem(401, "INVALID_CREDENTIALS");
    }
    for password in [PASSWORD, "Wrong-Horse-7"] {
        step_up(&mut browser, password)
            .await
            .expect_problem(423, "ACCOUNT_LOCKED");
    }
    let locked =
        "After too many wrong passwords, none is taken here for now. Try again in 30 minutes.";
    let form = [("password", PASSWORD), ("returnTo", "/")];
    let page = browser.post("/auth/step-up").form(&form).with_csrf();
    let page = page.send().await.expect(423);
    assert!(page.body.contains(locked), "{}", page.body);
    let failed = "SELECT count(*) FROM security_events WHERE type = 'step-up.failed'";
    assert_eq!(desk.number(failed).await, 5);
    assert!(
        desk.acts()
            .await
            .contains(&"session.step-up refused wrong-password".to_owned())
    );
    // The session is as it was, and nobody is kept from signing in.
    browser.get("/auth/sessions").send().await.expect(200);
    desk.browser().log_in(EMAIL).await;
    desk.wait(1801).await;
    step_up(&mut browser, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn whoever_is_not_signed_in_or_signed_in_twice_confirms_nothing() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut stranger = desk.browser();
    step_up(&mut stranger, PASSWORD)
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    let led = stranger.get("/account/step-up").send().await.expect(303);
    assert_eq!(led.header("location"), "/login");
    let forged = browser
        .post("/auth/step-up")
        .json(&json!({ "password": PASSWORD }));
    forged.send().await.expect_problem(403, "CSRF_INVALID");
    let mut other = desk.browser();
    other.log_in(EMAIL).await;
    browser.set_cookie("refresh", &other.cookie("refresh"));
    step_up(&mut browser, PASSWORD)
        .await
        .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
}

#[tokio::test]
async fn after_the_session_cookie_the_access_cookie_is_enough_and_gets_a_new_one() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    browser.forget("session");
    browser.get("/auth/sessions").send().await.expect(401);
    step_up(&mut browser, PASSWORD).await.expect(200);
    browser.get("/auth/sessions").send().await.expect(200);
    let live = "SELECT count(*) FROM families WHERE revoked_at IS NULL";
    assert_eq!(desk.number(live).await, 1);
}

#[tokio::test]
async fn a_caller_without_cookies_gets_its_tokens_in_the_body() {
    let (desk, mut caller) = Desk::with_ada().await;
    let signed_in = caller.tokens(EMAIL).await;
    let bearer = |token: &Value| format!("Bearer {}", token.as_str().unwrap());
    let before = bearer(&signed_in["accessToken"]);
    let answer = caller
        .post("/auth/step-up")
        .header("authorization", &before)
        .json(&json!({ "password": PASSWORD }))
        .send()
        .await
        .expect(200);
    assert_eq!(answer.set_cookies().len(), 0);
    let after = bearer(&answer.json()["accessToken"]);
    caller
        .get("/auth/me")
        .header("authorization", &before)
        .send()
        .await
        .expect(401);
    caller
        .get("/auth/me")
        .header("authorization", &after)
        .send()
        .await
        .expect(200);
    let next = json!({ "refreshToken": answer.json()["refreshToken"] });
    caller
        .post("/auth/refresh")
        .json(&next)
        .send()
        .await
        .expect(200);
    let live = "SELECT count(*) FROM families WHERE revoked_at IS NULL";
    assert_eq!(desk.number(live).await, 1);
}

#[tokio::test]
async fn the_page_leads_back_to_where_the_person_was_going() {
    let (_desk, mut browser) = Desk::with_ada_signed_in().await;
    let page = browser
        .get("/account/step-up?returnTo=%2Fbilling%3Fyear%3D1")
        .send()
        .await
        .expect(200);
    assert!(
        page.body
            .contains("name=\"returnTo\" value=\"/billing?year=1\""),
        "{}",
        page.body
    );
    let form = [
        ("password", "Wrong-Horse-7"),
        ("returnTo", "/billing?year=1"),
    ];
    let again = browser
        .post("/auth/step-up")
        .form(&form)
        .with_csrf()
        .send()
        .await
        .expect(401);
    assert!(
        again.body.contains("The password is wrong."),
        "{}",
        again.body
    );
    assert!(
        again.body.contains("value=\"/billing?year=1\""),
        "{}",
        again.body
    );
    let form = [("password", PASSWORD), ("returnTo", "/billing?year=1")];
    let led = browser
        .post("/auth/step-up")
        .form(&form)
        .with_csrf()
        .send()
        .await
        .expect(303);
    assert_eq!(led.header("location"), "/billing?year=1");
    let form = [("password", PASSWORD), ("returnTo", "//evil.example")];
    let led = browser
        .post("/auth/step-up")
        .form(&form)
        .with_csrf()
        .send()
        .await
        .expect(303);
    assert_eq!(led.header("location"), "/login");
}
