//! A route that is open to some addresses only.

use super::{ADDRESS, edge, from, with};

#[tokio::test]
async fn a_route_with_a_list_is_open_to_the_addresses_on_it() {
    let site = edge().await;
    for (address, expected) in [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8:ffff::1", 200),
        ("11.0.0.1", 403),
        ("::ffff:11.0.0.1", 403),
        ("::10.1.2.3", 403),
        ("2001:db9::1", 403),
        ("127.0.0.1", 403),
        ("::1", 403),
        ("10.1.2.3, 10.1.2.3", 403),
        ("unknown", 403),
        ("", 403),
    ] {
        for (method, path) in [
            ("GET", "/metrics"),
            ("HEAD", "/metrics/"),
            ("OPTIONS", "/%6detrics"),
        ] {
            let answer = from(&site, address, &format!("{method} {path}"));
            assert_eq!(answer.status, expected, "{method} {address}");
        }
    }
    let refused = from(&site, "11.0.0.1", "GET /metrics");
    refused.clone().expect_problem(403, "ADDRESS_NOT_ALLOWED");
    assert_eq!(refused.header("www-authenticate"), None);
    assert_eq!(
        from(&site, "11.0.0.1", "GET /METRICS").status,
        403,
        "a look-alike"
    );
    assert_eq!(
        site.ask("GET /metrics", &[]).status,
        403,
        "no address at all"
    );
    let lies = [
        (ADDRESS, "11.0.0.1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
    ];
    assert_eq!(site.ask("GET /metrics", &lies).status, 403);
    assert!(!site.edge.log().contains("11.0.0.1"));
    assert!(site.edge.log().contains("address-not-allowed: /metrics"));
}

#[tokio::test]
async fn without_a_platform_that_names_addresses_nobody_is_on_a_list() {
    let site = with(&[], &[]).await;
    for address in ["10.0.0.1", "127.0.0.1"] {
        assert_eq!(
            site.ask("GET /metrics", &[(ADDRESS, address)]).status,
            403,
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_person_gets_the_refusal_as_a_page_and_is_not_led_to_the_sign_in() {
    let site = edge().await;
    let person = [(ADDRESS, "11.0.0.1"), ("accept", "text/html")];
    let page = site.ask("GET /metrics", &person);
    assert_eq!(
        (page.status, page.header("content-type")),
        (403, Some("text/html; charset=utf-8"))
    );
}
