//! Refreshes that the edge makes for a browser: limited by the address, before the issuer is asked.

use edgeward_tests::{Answer, GatedApp};
use xtask::stack::Environment;

use super::{ADDRESS, wait_of};

const POLICY: &str = r#"
version = 1

[limit.refresh]
requests = 3
within_seconds = 30
by = "address"

[[route]]
path = "/app/**"
allow = "signed-in"

[[route]]
path = "/**"
allow = "public"
"#;

const NAMED: (&str, &str) = ("CLIENT_ADDRESS_HEADER", "CF-Connecting-IP");

async fn edge(limiters: &[(&str, &str)]) -> GatedApp {
    GatedApp::bound(Environment::Development, POLICY, &[NAMED], limiters).await
}

/// A request with a refresh cookie that nobody was given.
fn invented(site: &GatedApp, address: &str, session: u32, path: &str) -> Answer {
    let cookie = format!("edgeward-refresh=rt1.s{session}.0.r.m");
    site.ask(path, &[(ADDRESS, address), ("cookie", &cookie)])
}

fn questions(site: &GatedApp) -> usize {
    site.issuer.refreshes_asked().len()
}

#[tokio::test]
async fn invented_cookies_cost_the_issuer_no_more_questions_than_their_sender_has_turns() {
    let site = edge(&[]).await;
    // Whatever is said about it, nobody is signed in by it.
    for session in 0..3 {
        let answer = invented(&site, "203.0.113.9", session, "GET /app/x");
        assert_ne!(answer.status, 200);
        assert_ne!(answer.status, 429);
    }
    let asked = questions(&site);
    for session in 3..40 {
        let refused = invented(&site, "203.0.113.9", session, "GET /app/x");
        // Ten seconds from the last turn on, of which the edge knows a part of a second by real time: it tells whole ones.
        let wait = wait_of(&refused);
        assert!(matches!(wait, Some("10" | "11")), "{wait:?}");
        // No cookie is touched, so nobody behind this address is signed out by it.
        assert!(refused.set_cookies().is_empty(), "{refused:?}");
        refused.expect_problem(429, "RATE_LIMITED");
    }
    assert_eq!(questions(&site), asked, "the issuer hears nothing of it");
    // What needs no refresh is not held up, nor is anybody elsewhere.
    let public = invented(&site, "203.0.113.9", 50, "GET /open");
    assert_eq!(public.status, 200);
    assert_ne!(invented(&site, "203.0.113.8", 51, "GET /app/x").status, 429);
    // It is the count of what clients ask through the edge as well.
    let own = site.ask("POST /auth/refresh", &[(ADDRESS, "203.0.113.9")]);
    own.expect_problem(429, "RATE_LIMITED");
    site.edge.wait(11);
    assert_ne!(invented(&site, "203.0.113.9", 52, "GET /app/x").status, 429);
    assert!(site.edge.log().contains("rate-limited: refresh"));
}

#[tokio::test]
async fn requests_that_share_a_refresh_take_one_turn() {
    let site = edge(&[]).await;
    let first = invented(&site, "203.0.113.9", 1, "GET /app/x");
    for _ in 0..20 {
        // What the first one came to is held for a moment.
        let again = invented(&site, "203.0.113.9", 1, "GET /app/x");
        assert_eq!(again.status, first.status);
    }
    for session in 2..4 {
        let answer = invented(&site, "203.0.113.9", session, "GET /app/x");
        assert_ne!(answer.status, 429, "{session}");
    }
    let answer = invented(&site, "203.0.113.9", 4, "GET /app/x");
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn the_platforms_limiter_counts_them_too() {
    let stingy = "export default () => { const seen = new Set(); \
        return { async limit({ key }) { const success = !seen.has(key); seen.add(key); return { success }; } }; };";
    let site = edge(&[("RATE_LIMITER_REFRESH", stingy)]).await;
    assert_ne!(invented(&site, "203.0.113.9", 1, "GET /app/x").status, 429);
    let asked = questions(&site);
    let refused = invented(&site, "203.0.113.9", 2, "GET /app/x");
    assert_eq!(wait_of(&refused), Some("30"));
    assert_eq!(questions(&site), asked);
    assert_ne!(invented(&site, "203.0.113.8", 3, "GET /app/x").status, 429);
}

#[tokio::test]
async fn another_range_of_addresses_is_not_told_what_came_of_it_and_asks_for_itself() {
    let site = edge(&[]).await;
    let _ = invented(&site, "203.0.113.9", 1, "GET /app/x");
    let asked = questions(&site);
    for (address, more) in [
        ("203.0.113.9", 0),
        ("203.0.113.200", 0),
        ("198.51.100.1", 1),
        ("198.51.100.9", 1),
        ("2001:db8:1::1", 2),
        ("2001:db8:1:ffff::9", 2),
        ("2001:db8:2::1", 3),
    ] {
        let _ = invented(&site, address, 1, "GET /app/x");
        assert_eq!(questions(&site), asked + more, "{address}");
    }
}
