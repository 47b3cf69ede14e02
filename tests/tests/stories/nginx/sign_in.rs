//! Signing in, being introduced to the app, lacking a role, and being signed out.

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType, verify};
use edgeward_tests::NginxSite;

use super::POLICY;

#[tokio::test]
async fn a_stranger_is_led_to_the_sign_in_page_and_back() {
    let site = NginxSite::start(POLICY).await;
    let browser = site.browser();
    for (path, location) in [
        ("/app/x?y=1", "/login?returnTo=%2Fapp%2Fx%3Fy%3D1"),
        ("/admin", "/login?returnTo=%2Fadmin"),
        ("/files/plan.txt", "/login?returnTo=%2Ffiles%2Fplan.txt"),
    ] {
        let answer = browser.navigate(path).send().await;
        let answer = answer.expect_redirect(location);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let answer = browser.get(path).send().await;
        let answer = answer.expect_problem(401, "NOT_SIGNED_IN");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    let _ = browser
        .navigate("/login?returnTo=/app/x")
        .send()
        .await
        .expect(200);
    let _ = browser.navigate("/").send().await.expect(200);
    let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.target).collect();
    assert_eq!(arrived, ["/"], "nothing else reached the app");
}

#[tokio::test]
async fn the_app_is_told_who_asks_and_can_prove_it() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &["editor"]).await;
    let _ = ada.navigate("/app/x?y=%2F..").send().await.expect(200);
    let _ = ada.get("/files/plan.txt").send().await.expect(200);
    let _ = ada.post("/transfer/7").send().await.expect(200);
    let arrived = site.arrived();
    let [page, transfer] = arrived.as_slice() else {
        panic!("nginx delivers the file itself: {arrived:?}")
    };
    assert_eq!(page.target, "/app/x?y=%2F..");
    assert_eq!(page.header("edgeward-email"), ["ada@example.test"]);
    assert_eq!(page.header("edgeward-roles"), ["editor"]);
    assert_eq!(page.header("cookie"), [""; 0], "none of ours reach the app");
    assert_eq!(page.header("x-request-id").len(), 1);

    let set = ada.get("/.well-known/jwks.json").send().await.expect(200);
    let keys = KeySet::parse(set.body.as_bytes()).expect("a key set");
    let origin = format!("http://{}", site.address);
    let audience = Audiences::OneOf(vec![origin.clone()]);
    let expect = Expectations::new(origin, audience, TokenType::Assertion);
    for (seen, bound) in [(page, None), (transfer, Some(("POST", "/transfer/7")))] {
        let assertion = seen.header("edgeward-assertion").join(",");
        let now = UnixTime::from_seconds(site.now());
        let verified = verify(&assertion, &keys, &expect, now).expect("the key set vouches for it");
        let claims = verified.claims();
        assert_eq!(
            claims.subject(),
            seen.header("edgeward-user").first().copied()
        );
        assert_eq!(claims.roles(), ["editor"]);
        let text = |name| claims.get(name).and_then(|value| value.as_str());
        assert_eq!(text("edge"), Some("forward-auth"));
        assert_eq!(text("method").zip(text("path")), bound);
    }
}

#[tokio::test]
async fn a_missing_role_is_refused_as_the_reader_can_read_it() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let root = site.person("root", &["admin"]).await;
    let answer = ada.get("/admin/users").send().await;
    answer.expect_problem(403, "INSUFFICIENT_ROLE");
    let page = ada.navigate("/admin/users").send().await.expect(403);
    assert!(
        page.body.contains("Your role does not allow this."),
        "{}",
        page.body
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(site.arrived(), []);
    let _ = root.navigate("/admin/users").send().await.expect(200);
    let _ = root.navigate("/de/admin/users").send().await.expect(200);
    assert_eq!(site.arrived().len(), 2);
}

#[tokio::test]
async fn what_was_ended_is_refused_on_the_next_request() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let token = ada.access_token();
    for path in ["/app", "/vault"] {
        let _ = ada.get(path).bearer(&token).send().await.expect(200);
    }
    let _ = ada.log_out().await.expect(204);
    for path in ["/app", "/vault", "/auth/verify-token"] {
        let answer = ada.get(path).bearer(&token).send().await;
        answer.expect_problem(401, "TOKEN_REVOKED");
    }

    // Another process ends it: the command line, over the same database.
    let bob = site.person("bob", &[]).await;
    let _ = bob.get("/app").send().await.expect(200);
    site.end_sessions_of("bob@example.test");
    bob.get("/app")
        .send()
        .await
        .expect_problem(401, "TOKEN_REVOKED");
}

#[tokio::test]
async fn a_token_can_be_asked_about() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let answer = ada.get("/auth/verify-token").send().await.expect(204);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = site.browser().get("/auth/verify-token").send().await;
    answer.expect_problem(401, "NOT_SIGNED_IN");
}
