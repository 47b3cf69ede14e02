//! The issuer's costly paths, limited before the issuer is reached.

use edgeward_tests::GatedApp;
use xtask::stack::Environment;

use super::{ADDRESS, edge, from, statuses, wait_of};

#[tokio::test]
async fn sign_in_registration_and_passwords_share_a_limit_and_refreshing_has_its_own() {
    let site = edge().await;
    for path in [
        "/auth/login",
        "/auth/register",
        "/auth/password/forgot",
        "/auth/step-up",
    ] {
        let answer = from(&site, "203.0.113.9", &format!("POST {path}"));
        assert_ne!(answer.status, 429, "{path}");
    }
    let reached = site.issuer.count();
    for path in [
        "/auth/login",
        "/auth/%6cogin",
        "/auth/./login/",
        "/auth/password/reset",
    ] {
        let refused = from(&site, "203.0.113.9", &format!("POST {path}"));
        assert_eq!(wait_of(&refused), Some("15"), "{path}");
    }
    from(&site, "203.0.113.9", "POST /auth/login").expect_problem(429, "RATE_LIMITED");
    assert_eq!(
        (reached, site.issuer.count()),
        (4, 4),
        "the issuer hears nothing of it"
    );
    for path in [
        "POST /auth/refresh",
        "GET /auth/me",
        "POST /auth/logout",
        "GET /login",
    ] {
        assert_ne!(from(&site, "203.0.113.9", path).status, 429, "{path}");
    }
    assert_ne!(from(&site, "203.0.113.8", "POST /auth/login").status, 429);
    site.edge.wait(15);
    assert_ne!(from(&site, "203.0.113.9", "POST /auth/login").status, 429);
}

#[tokio::test]
async fn the_limits_hold_without_a_word_of_the_policy() {
    let bindings = [("CLIENT_ADDRESS_HEADER", ADDRESS)];
    let site = GatedApp::bound(Environment::Development, "version = 1", &bindings, &[]).await;
    let answers = statuses(&site, 31, "203.0.113.9", "POST /auth/login");
    assert_eq!(answers.iter().position(|status| *status == 429), Some(30));
    assert_eq!(
        wait_of(&from(&site, "203.0.113.9", "POST /auth/login")),
        Some("2")
    );
}

#[tokio::test]
async fn a_page_of_another_origin_uses_up_nothing_of_its_visitors() {
    let site = edge().await;
    let cookie = site.cookie();
    let foreign = [
        (ADDRESS, "203.0.113.9"),
        ("origin", "https://evil.example"),
        ("cookie", cookie.as_str()),
    ];
    for _ in 0..9 {
        assert_eq!(site.ask("POST /auth/login", &foreign).status, 403);
        assert_eq!(site.ask("POST /search", &foreign).status, 403);
    }
    assert_ne!(from(&site, "203.0.113.9", "POST /auth/login").status, 429);
    assert_eq!(from(&site, "203.0.113.9", "GET /search").status, 200);
}
