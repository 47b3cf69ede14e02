//! Everything else of the issuer: by address whoever asks, and by identity where somebody is signed in.

use edgeward_tests::GatedApp;
use edgeward_tests::lone_edge::signing_key;
use xtask::stack::Environment;

use super::{ADDRESS, from, statuses, wait_of};

const POLICY: &str = r#"
version = 1

[limit.issuer]
requests = 6
within_seconds = 60
by = "address"

[limit.issuer-identity]
requests = 2
within_seconds = 20
by = "identity"
"#;

const NAMED: (&str, &str) = ("CLIENT_ADDRESS_HEADER", ADDRESS);

async fn edge(policy: &str, limiters: &[(&str, &str)]) -> GatedApp {
    GatedApp::bound(Environment::Development, policy, &[NAMED], limiters).await
}

/// What is answered at this address to somebody whose browser has this access token.
fn signed_in(
    site: &GatedApp,
    address: &str,
    token: &str,
    first_line: &str,
) -> (u16, Option<String>) {
    let cookie = format!("edgeward-access={token}");
    let answer = site.ask(first_line, &[(ADDRESS, address), ("cookie", &cookie)]);
    let wait = answer.header("retry-after").map(str::to_owned);
    (answer.status, wait)
}

#[tokio::test]
async fn every_path_of_the_issuer_counts_by_address_before_the_issuer_hears_of_it() {
    let site = edge(POLICY, &[]).await;
    for path in [
        "GET /auth/me",
        "GET /login",
        "GET /account",
        "POST /auth/logout",
        "GET /auth/assets/pages.css",
        "GET /auth/nothing/here",
    ] {
        assert_ne!(from(&site, "203.0.113.9", path).status, 429, "{path}");
    }
    let reached = site.issuer.count();
    for path in [
        "GET /auth/me",
        "GET /%61uth/./me/",
        "HEAD /account",
        "POST /oauth/token",
        "GET /.well-known/jwks.json",
    ] {
        let refused = from(&site, "203.0.113.9", path);
        assert_eq!(wait_of(&refused), Some("10"), "{path}");
    }
    from(&site, "203.0.113.9", "GET /auth/me").expect_problem(429, "RATE_LIMITED");
    assert_eq!(
        site.issuer.count(),
        reached,
        "the issuer hears nothing of it"
    );
    // Signing in has its own, and what the gate answers itself reaches nobody.
    for path in [
        "POST /auth/login",
        "POST /auth/refresh",
        "GET /auth/verify-token",
    ] {
        assert_ne!(from(&site, "203.0.113.9", path).status, 429, "{path}");
    }
    assert_ne!(from(&site, "203.0.113.8", "GET /auth/me").status, 429);
    site.edge.wait(10);
    assert_ne!(from(&site, "203.0.113.9", "GET /auth/me").status, 429);
    assert!(site.edge.log().contains("rate-limited: issuer\""));
}

#[tokio::test]
async fn a_person_is_counted_across_addresses_and_can_still_end_their_sessions() {
    // A cold isolate, which has no keys yet when the first of them comes.
    let site = edge(POLICY, &[]).await;
    let key = signing_key(1);
    let token = |sub, sid| site.edge.token_with(sub, sid, &key);
    let (here, there, bob) = (token("ada", "s1"), token("ada", "s2"), token("bob", "s3"));
    let forged = site.edge.token_with("ada", "s1", &signing_key(2));
    let asks = |address, token: &str| signed_in(&site, address, token, "GET /auth/me");
    // What is no token of hers takes no turn of hers, and is the issuer's to judge.
    for _ in 0..3 {
        assert_ne!(asks("192.0.2.1", &forged).0, 429);
    }
    assert_ne!(asks("203.0.113.9", &here).0, 429);
    assert_ne!(asks("198.51.100.1", &there).0, 429);
    let refused = (429, Some("10".to_owned()));
    assert_eq!(asks("2001:db8::1", &here), refused);
    assert_eq!(
        signed_in(&site, "203.0.113.9", &there, "POST /auth/step-up"),
        refused
    );
    assert_ne!(asks("203.0.113.9", &bob).0, 429);
    for path in [
        "POST /auth/logout",
        "POST /auth/logout-all",
        "GET /account/sign-out",
        "GET /auth/csrf",
        "DELETE /auth/sessions/s1",
    ] {
        assert_ne!(
            signed_in(&site, "198.51.100.7", &here, path).0,
            429,
            "{path}"
        );
    }
    let bearer = format!("Bearer {here}");
    let by_bearer = site.ask(
        "GET /auth/me",
        &[(ADDRESS, "192.0.2.7"), ("authorization", &bearer)],
    );
    assert_eq!(wait_of(&by_bearer), Some("10"));
    site.edge.wait(10);
    assert_ne!(asks("203.0.113.9", &here).0, 429);
    assert!(!site.edge.log().contains("ada"));
}

#[tokio::test]
async fn the_platform_counts_both_where_it_has_limiters() {
    let stingy = "export default () => { const seen = new Set(); \
        return { async limit({ key }) { const success = !seen.has(key); seen.add(key); return { success }; } }; };";
    let limiters = [
        ("RATE_LIMITER_ISSUER", stingy),
        ("RATE_LIMITER_ISSUER_IDENTITY", stingy),
    ];
    let site = edge("version = 1", &limiters).await;
    let ada = site.edge.token_with("ada", "s1", &signing_key(1));
    let asks = |address| signed_in(&site, address, &ada, "GET /auth/me");
    assert_ne!(asks("203.0.113.9").0, 429);
    let refused = (429, Some("60".to_owned()));
    assert_eq!(asks("203.0.113.9"), refused, "by address");
    assert_eq!(asks("203.0.113.8"), refused, "by identity");
}

#[tokio::test]
async fn they_hold_without_a_word_of_the_policy_and_not_for_the_own_machine() {
    let site = edge("version = 1", &[]).await;
    let answers = statuses(&site, 1201, "203.0.113.9", "GET /auth/me");
    assert_eq!(answers.iter().position(|status| *status == 429), Some(1200));
    let ada = site.edge.token_with("ada", "s1", &signing_key(1));
    for _ in 0..601 {
        assert_ne!(signed_in(&site, "127.0.0.1", &ada, "GET /auth/me").0, 429);
    }
}
