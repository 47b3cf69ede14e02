//! One identity: a person, from wherever and in whatever session.

use edgeward_tests::GatedApp;
use edgeward_tests::lone_edge::signing_key;

use super::{ADDRESS, edge, from, statuses};

fn asks(site: &GatedApp, path: &str, token: &str, address: &str) -> (u16, Option<String>) {
    let authorization = format!("Bearer {token}");
    let headers = [
        (ADDRESS, address),
        ("authorization", authorization.as_str()),
    ];
    let answer = site.ask(&format!("GET {path}"), &headers);
    (
        answer.status,
        answer.header("retry-after").map(str::to_owned),
    )
}

#[tokio::test]
async fn a_person_is_one_across_addresses_and_sessions() {
    let site = edge().await;
    let key = signing_key(1);
    let token = |sub, sid| site.edge.token_with(sub, sid, &key);
    let (here, there, bob) = (token("ada", "s1"), token("ada", "s2"), token("bob", "s3"));
    assert_eq!(asks(&site, "/reports", &here, "203.0.113.9"), (200, None));
    assert_eq!(asks(&site, "/reports", &there, "198.51.100.1"), (200, None));
    let refused = (429, Some("10".to_owned()));
    assert_eq!(asks(&site, "/reports", &here, "203.0.113.9"), refused);
    assert_eq!(asks(&site, "/open-reports", &there, "2001:db8::1"), refused);
    assert_eq!(asks(&site, "/reports", &bob, "203.0.113.9"), (200, None));
    site.edge.wait(10);
    assert_eq!(asks(&site, "/reports", &there, "203.0.113.9"), (200, None));
    assert_eq!(asks(&site, "/reports", &here, "203.0.113.9"), refused);
}

#[tokio::test]
async fn what_would_not_pass_uses_nothing_up_and_nobody_is_counted_by_address() {
    let site = edge().await;
    let ada = site.edge.token_with("ada", "s1", &signing_key(1));
    let forged = site.edge.token_with("ada", "s1", &signing_key(2));
    for _ in 0..5 {
        assert_eq!(asks(&site, "/reports", &forged, "203.0.113.9").0, 401);
    }
    assert_eq!(asks(&site, "/reports", &ada, "203.0.113.9").0, 200);
    // On a public route a forged token is nobody's, and so is none.
    assert_eq!(asks(&site, "/open-reports", &forged, "203.0.113.9").0, 200);
    assert_eq!(
        statuses(&site, 2, "203.0.113.9", "GET /open-reports"),
        [200, 429]
    );
    assert_eq!(from(&site, "203.0.113.8", "GET /open-reports").status, 200);
    assert_eq!(asks(&site, "/open-reports", &ada, "203.0.113.9").0, 200);
}
