//! One sender: an address of IPv4 or a network of IPv6, whatever a client says about itself.

use super::{ADDRESS, edge, from, statuses, wait_of, with};

#[tokio::test]
async fn who_asks_too_often_waits_as_long_as_is_said_and_not_a_second_longer() {
    let site = edge().await;
    assert_eq!(
        statuses(&site, 4, "203.0.113.9", "GET /search"),
        [200, 200, 200, 429]
    );
    let refused = from(&site, "203.0.113.9", "GET /search");
    refused.clone().expect_problem(429, "RATE_LIMITED");
    assert_eq!(wait_of(&refused), Some("10"));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    // Who is refused adds nothing to the wait.
    assert_eq!(statuses(&site, 20, "203.0.113.9", "GET /search"), [429; 20]);
    site.edge.wait(9);
    assert_eq!(
        wait_of(&from(&site, "203.0.113.9", "GET /search")),
        Some("1")
    );
    site.edge.wait(1);
    assert_eq!(statuses(&site, 2, "203.0.113.9", "GET /search"), [200, 429]);
    site.edge.wait(30);
    assert_eq!(
        statuses(&site, 4, "203.0.113.9", "GET /search"),
        [200, 200, 200, 429]
    );
    assert_eq!(
        site.arrived().len(),
        7,
        "what is refused does not get to the app"
    );
    // Others are not concerned, and neither are routes without a limit.
    assert_eq!(statuses(&site, 1, "203.0.113.8", "GET /search"), [200]);
    assert_eq!(statuses(&site, 9, "203.0.113.9", "GET /free"), [200; 9]);
    assert!(site.edge.log().contains("rate-limited: search"));
    assert!(!site.edge.log().contains("203.0.113.9"));
}

#[tokio::test]
async fn a_person_gets_a_page_and_every_method_counts() {
    let site = edge().await;
    for (method, expected) in [("HEAD", 200), ("OPTIONS", 200), ("POST", 200), ("GET", 429)] {
        let answer = from(&site, "203.0.113.9", &format!("{method} /search/x"));
        assert_eq!(answer.status, expected, "{method}");
    }
    let person = [
        (ADDRESS, "203.0.113.9"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("accept", "text/html"),
    ];
    let page = site.ask("GET /search", &person);
    assert_eq!(wait_of(&page), Some("10"));
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("Too many requests."), "{}", page.body);
    let head = site.ask("HEAD /search", &person);
    assert_eq!((wait_of(&head), head.body.as_str()), (Some("10"), ""));
    assert_eq!(
        wait_of(&from(&site, "203.0.113.9", "OPTIONS /search")),
        Some("10")
    );
}

#[tokio::test]
async fn two_routes_share_one_limit_and_a_token_is_not_looked_at_first() {
    let site = edge().await;
    assert_eq!(
        statuses(&site, 2, "203.0.113.9", "GET /search/a"),
        [200, 200]
    );
    let token = format!(
        "Bearer {}",
        site.edge.token(&edgeward_tests::lone_edge::signing_key(1))
    );
    let find = || {
        site.ask(
            "GET /find",
            &[(ADDRESS, "203.0.113.9"), ("authorization", &token)],
        )
        .status
    };
    assert_eq!([find(), find()], [200, 429]);
    let forged = || {
        site.ask(
            "GET /find",
            &[(ADDRESS, "198.51.100.1"), ("authorization", "Bearer x.y.z")],
        )
        .status
    };
    assert_eq!(
        [forged(), forged(), forged(), forged()],
        [401, 401, 401, 429]
    );
}

#[tokio::test]
async fn what_a_client_says_about_its_address_changes_nothing() {
    let site = edge().await;
    for number in 0..6 {
        let lie = format!("198.51.100.{number}");
        let spoofed = [
            (ADDRESS, "203.0.113.9"),
            ("x-forwarded-for", lie.as_str()),
            ("x-real-ip", lie.as_str()),
            ("true-client-ip", lie.as_str()),
            ("forwarded", lie.as_str()),
            ("cf-pseudo-ipv4", lie.as_str()),
            ("x-edgeward-client", lie.as_str()),
        ];
        let expected = if number < 3 { 200 } else { 429 };
        assert_eq!(
            site.ask("GET /search", &spoofed).status,
            expected,
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_sender_and_a_mapped_address_is_one_of_ipv4() {
    let site = edge().await;
    for (address, expected) in [
        ("2001:db8:1:2::1", 200),
        ("2001:db8:1:2::2", 200),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", 200),
        ("2001:db8:1:2:1234::", 429),
        ("2001:db8:1:3::1", 200),
        ("203.0.113.9", 200),
        ("::ffff:203.0.113.9", 200),
        ("203.0.113.9", 200),
        ("::ffff:203.0.113.9", 429),
    ] {
        assert_eq!(
            from(&site, address, "GET /search").status,
            expected,
            "{address}"
        );
    }
}

#[tokio::test]
async fn who_has_no_address_is_counted_together_where_the_platform_names_them() {
    let site = edge().await;
    for (address, expected) in [
        (None, 200),
        (Some("unknown"), 200),
        (Some("203.0.113.9, 10.0.0.1"), 200),
        (None, 429),
        (Some(""), 429),
    ] {
        let headers: Vec<_> = address
            .map(|address| (ADDRESS, address))
            .into_iter()
            .collect();
        assert_eq!(
            site.ask("GET /search", &headers).status,
            expected,
            "{address:?}"
        );
    }
    assert_eq!(from(&site, "203.0.113.9", "GET /search").status, 200);
}

#[tokio::test]
async fn the_own_machine_is_counted_only_if_that_is_asked_for() {
    let spared = with(&[], &[]).await;
    let ask = || {
        spared
            .ask("GET /search", &[(ADDRESS, "203.0.113.9")])
            .status
    };
    assert_eq!([ask(), ask(), ask(), ask(), ask()], [200; 5]);
    let counted = with(&[("LIMIT_LOOPBACK", "true")], &[]).await;
    let ask = || counted.ask("GET /search", &[]).status;
    assert_eq!([ask(), ask(), ask(), ask()], [200, 200, 200, 429]);
    let named = edge().await;
    assert_eq!(statuses(&named, 5, "127.0.0.1", "GET /search"), [200; 5]);
}

#[tokio::test]
async fn a_flood_from_elsewhere_makes_nobodys_count_forgotten() {
    let site = edge().await;
    assert_eq!(
        statuses(&site, 4, "203.0.113.9", "GET /search"),
        [200, 200, 200, 429]
    );
    // More senders than an isolate remembers.
    for number in 0..1100 {
        let address = format!("198.51.{}.{}", number / 250, number % 250);
        assert_eq!(from(&site, &address, "GET /search").status, 200);
    }
    assert_eq!(
        wait_of(&from(&site, "203.0.113.9", "GET /search")),
        Some("10")
    );
}
