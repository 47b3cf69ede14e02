//! The platform's rate limiters: what they refuse is refused, and what they fail at the isolate counts.

use edgeward_tests::lone_edge::signing_key;

use super::{ADDRESS, from, statuses, wait_of, with};

/// Grants each key one turn, for ever.
const STINGY: &str = "export default () => { const seen = new Set(); \
    return { async limit({ key }) { const success = !seen.has(key); seen.add(key); return { success }; } }; };";
/// Grants everything.
const GENEROUS: &str =
    "export default () => ({ async limit({ key }) { return { success: key.length === 24 }; } });";
/// Throws at once, rejects, says something else, or never says anything.
const BROKEN: [&str; 5] = [
    "export default () => ({ limit() { throw new Error(\"no\"); } });",
    "export default () => ({ async limit() { throw new Error(\"no\"); } });",
    "export default () => ({ async limit() { return \"yes\"; } });",
    "export default () => ({ limit() { return new Promise(() => {}); } });",
    "export default () => ({});",
];

const NAMED: (&str, &str) = ("CLIENT_ADDRESS_HEADER", ADDRESS);

#[tokio::test]
async fn what_the_platform_refuses_is_refused_for_its_whole_period() {
    let limiters = [
        ("RATE_LIMITER_SEARCH", STINGY),
        ("RATE_LIMITER_SIGN_IN", STINGY),
        ("RATE_LIMITER_REPORTS", STINGY),
    ];
    let site = with(&[NAMED], &limiters).await;
    assert_eq!(from(&site, "203.0.113.9", "GET /search").status, 200);
    assert_eq!(
        wait_of(&from(&site, "203.0.113.9", "GET /search")),
        Some("30")
    );
    assert_eq!(from(&site, "203.0.113.8", "GET /search").status, 200);
    assert_ne!(from(&site, "203.0.113.9", "POST /auth/login").status, 429);
    let refused = from(&site, "203.0.113.9", "POST /auth/login");
    assert_eq!(wait_of(&refused), Some("60"));
    refused.expect_problem(429, "RATE_LIMITED");
    // By identity, on an isolate that had to fetch the keys first and on one that has them.
    let bearer = |sub| format!("Bearer {}", site.edge.token_with(sub, "s", &signing_key(1)));
    for sub in ["ada", "bob"] {
        let bearer = bearer(sub);
        let ask = |address| {
            site.ask(
                "GET /reports",
                &[(ADDRESS, address), ("authorization", &bearer)],
            )
        };
        assert_eq!(ask("203.0.113.9").status, 200, "{sub}");
        assert_eq!(wait_of(&ask("203.0.113.8")), Some("20"), "{sub}");
    }
    assert!(!site.edge.log().contains("limiter-failed"));
}

#[tokio::test]
async fn the_isolate_counts_too_and_knows_how_long_to_wait() {
    let site = with(&[NAMED], &[("RATE_LIMITER_SEARCH", GENEROUS)]).await;
    assert_eq!(
        statuses(&site, 3, "203.0.113.9", "GET /search"),
        [200, 200, 200]
    );
    assert_eq!(
        wait_of(&from(&site, "203.0.113.9", "GET /search")),
        Some("10")
    );
}

#[tokio::test]
async fn a_limiter_that_fails_leaves_the_count_of_the_isolate_and_one_line_in_the_log() {
    for limiter in BROKEN {
        let site = with(&[NAMED], &[("RATE_LIMITER_SEARCH", limiter)]).await;
        assert_eq!(
            statuses(&site, 4, "203.0.113.9", "GET /search"),
            [200, 200, 200, 429],
            "{limiter}"
        );
        assert_eq!(
            site.edge.log().matches("limiter-failed").count(),
            1,
            "{limiter}"
        );
        // A list of addresses asks nobody.
        assert_eq!(from(&site, "11.0.0.1", "GET /metrics").status, 403);
    }
}
