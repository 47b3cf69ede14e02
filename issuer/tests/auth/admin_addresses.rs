//! Administration from the addresses that the settings name, and from nowhere else, whoever asks.

use std::net::IpAddr;

use axum::http::Method;
use edgeward_issuer::{
    config::{Networks, TrustedProxies},
    http::caller::PROOF_HEADER,
};
use serde_json::json;

use crate::{
    desk::{Answer, Browser, Desk},
    edge_proofs::{enroll, sign},
    root, settings,
};

const USERS: &str = "/auth/admin/users";
const PEOPLE: &str = "/auth/console/users";

const OFFICE: &str = "203.0.113.9";
const STREET: &str = "198.51.100.1";

fn networks(listed: &str) -> Networks {
    let variable = ("EDGEWARD__ADMIN__ADDRESSES", listed);
    let config = settings::load(None, &[variable]).unwrap();
    config.admin.addresses
}

/// Root and Ada at a site that is administered from `listed`.
async fn desk(listed: &str) -> (Desk, Browser, Browser) {
    let addresses = networks(listed);
    root::desk_with(|config| config.admin.addresses = addresses).await
}

fn check(answer: Answer, is_admitted: bool, of: &str) {
    if is_admitted {
        assert_eq!(answer.status, 200, "{of}: {}", answer.body);
    } else if answer.header("content-type").starts_with("text/html") {
        assert_eq!(answer.status, 403, "{of}");
        let told = "This is not open to where you are.";
        assert!(answer.body.contains(told), "{of}: {}", answer.body);
    } else {
        answer.expect_problem(403, "ADDRESS_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn administration_is_open_to_the_addresses_that_are_named() {
    let listed = "203.0.113.0/24, 192.0.2.7, 2001:db8:1::/48";
    let (_desk, mut root, mut ada) = desk(listed).await;
    for (address, is_admitted) in [
        ("203.0.113.0", true),
        (OFFICE, true),
        ("::ffff:203.0.113.9", true),
        ("203.0.114.9", false),
        ("::ffff:203.0.114.9", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("2001:db8:1:ffff::1", true),
        ("2001:db8:2::1", false),
        ("127.0.0.1", false),
        ("::1", false),
        ("0.0.0.0", false),
        ("::", false),
    ] {
        let address = address.parse::<IpAddr>().unwrap();
        (root.address, ada.address) = (Some(address), Some(address));
        for path in [USERS, PEOPLE] {
            let of = format!("{path} from {address}");
            check(root.get(path).send().await, is_admitted, &of);
            // Who may not administer is told so at the right place only.
            let refused = ada.get(path).send().await.expect(403);
            let is_about_role = refused.body.contains("role does not allow this");
            assert_eq!(is_about_role, is_admitted, "{of}: {}", refused.body);
        }
    }
}

#[tokio::test]
async fn without_a_list_administration_is_open_to_every_address_and_with_any_to_none_that_is_not_known()
 {
    let (_desk, mut root, _) = root::desk().await;
    for address in [OFFICE, "2001:db8:2::1", "0.0.0.0"] {
        root.address = Some(address.parse().unwrap());
        check(root.get(USERS).send().await, true, address);
        check(root.get(PEOPLE).send().await, true, address);
    }
    let (_desk, mut root, _) = desk("0.0.0.0/0, ::/0").await;
    for (address, is_admitted) in [
        (OFFICE, true),
        ("::1", true),
        ("0.0.0.0", false),
        ("::ffff:0.0.0.0", false),
        ("::", false),
    ] {
        root.address = Some(address.parse().unwrap());
        check(root.get(USERS).send().await, is_admitted, address);
    }
    root.address = None;
    check(root.get(USERS).send().await, false, "no socket");
}

#[tokio::test]
async fn elsewhere_nobody_is_looked_at_and_nothing_is_learnt() {
    let (desk, mut root, _) = desk(OFFICE).await;
    let used = "SELECT sum(last_used_at) FROM browser_sessions";
    desk.wait(120).await;
    let (entries, last_used) = (desk.audit().await.len(), desk.number(used).await);
    root.address = Some(STREET.parse().unwrap());
    let mut stranger = desk.browser();
    stranger.address = root.address;
    let below = [
        "",
        "/",
        "/users",
        "/users/1",
        "/users/1/roles",
        "/users/1/unlock",
        "/users/1/sessions",
        "/users/1/sessions/2",
        "/nothing",
        "/users/%2e%2e",
        "?query=ada",
    ];
    for method in [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
    ] {
        for place in ["/auth/admin", "/auth/console"] {
            for rest in below {
                let path = format!("{place}{rest}");
                for browser in [&mut root, &mut stranger] {
                    // Forged, without a token and ambiguous, which would each be told of elsewhere.
                    let ask = browser
                        .ask(method.clone(), &path)
                        .header("origin", "https://evil.example");
                    let ask = ask
                        .header("authorization", "Bearer x")
                        .json(&json!({ "x": 1 }));
                    let refused = ask.send().await;
                    if method == Method::HEAD {
                        refused.expect(403);
                    } else {
                        check(refused, false, &path);
                    }
                }
            }
        }
    }
    assert_eq!(desk.audit().await.len(), entries);
    assert_eq!(
        desk.number(used).await,
        last_used,
        "the session was not used"
    );
    // What only looks alike is no administration, and neither is what else Root does.
    for (path, status) in [
        ("/auth/administration", 404),
        ("/auth/consoles/users", 404),
        ("/auth/%61dmin/users", 404),
        ("/auth//admin/users", 404),
        ("/AUTH/ADMIN/users", 404),
        ("/auth/me", 200),
        ("/account", 200),
    ] {
        root.get(path).send().await.expect(status);
    }
    let german = root.get(PEOPLE).header("accept-language", "de");
    let page = german.send().await.expect(403);
    let told = "Von dort, wo Sie sind, ist das nicht zugänglich.";
    assert!(page.body.contains(told), "{}", page.body);
}

#[tokio::test]
async fn the_address_is_what_a_configured_proxy_says_and_nobody_elses_word() {
    // The proxy stands within the list, and is nobody who administers.
    let (addresses, proxy) = (networks("203.0.113.9, 10.0.0.0/8"), "10.0.0.1");
    let (_desk, mut root, _) = root::desk_with(|config| {
        config.admin.addresses = addresses;
        config.server.proxies = TrustedProxies {
            networks: networks(proxy),
            ..TrustedProxies::default()
        };
    })
    .await;
    let both = format!("{OFFICE}, {STREET}");
    let other = format!("{STREET}, {OFFICE}");
    for (peer, says, is_admitted) in [
        (proxy, Some(OFFICE), true),
        (proxy, Some(STREET), false),
        (proxy, Some("::ffff:203.0.113.9"), true),
        // The last one is what the proxy wrote; what stands before it was sent.
        (proxy, Some(both.as_str()), false),
        (proxy, Some(other.as_str()), true),
        (proxy, Some("unknown"), false),
        (proxy, None, false),
        (STREET, Some(OFFICE), false),
        (OFFICE, Some(STREET), true),
    ] {
        for path in [USERS, PEOPLE] {
            let of = format!("{path}: {peer} says {says:?}");
            let mut ask = root.get(path).header("x-real-ip", OFFICE).from(peer);
            if let Some(says) = says {
                ask = ask.header("x-forwarded-for", says);
            }
            check(ask.send().await, is_admitted, &of);
        }
    }
}

#[tokio::test]
async fn the_address_is_what_an_edge_proves() {
    let (desk, mut root, _) = desk(OFFICE).await;
    let edge = enroll(&desk.app, "edge-1").await;
    let now = desk.app.clock.now().seconds();
    for (peer, client, is_admitted) in [
        (STREET, OFFICE, true),
        (OFFICE, STREET, false),
        // What an edge says that does not know its client.
        (OFFICE, "0.0.0.0", false),
    ] {
        for path in [USERS, PEOPLE] {
            let proof = sign(
                &edge,
                &json!({
                    "iss": "edge-1", "sub": "edge-1", "aud": desk.app.config.issuer.url, "iat": now, "exp": now + 30,
                    "jti": "j-1", "htm": "GET", "htu": path, "cip": client, "rid": "r-1",
                }),
            );
            let ask = root.get(path).header(PROOF_HEADER.as_str(), &proof);
            let of = format!("{path}: {client} through {peer}");
            check(ask.from(peer).send().await, is_admitted, &of);
        }
    }
}

#[tokio::test]
async fn who_is_sent_away_is_counted_and_written_down() {
    let (desk, mut root, _) = desk(OFFICE).await;
    for path in [USERS, PEOPLE, "/auth/admin/nothing"] {
        root.get(path).from(STREET).send().await.expect(403);
    }
    root.get(USERS).from(OFFICE).send().await.expect(200);
    let told = "SELECT count(*) FROM security_events WHERE type = 'address.refused' AND severity = 'warning' \
         AND address = '198.51.100.1' AND audit_seq IS NULL";
    assert_eq!(desk.number(told).await, 3);
    let numbers = desk.app.metrics.text().unwrap();
    let counted = "refusals_total{code=\"ADDRESS_NOT_ALLOWED\"} 3\n";
    assert!(numbers.contains(counted), "{numbers}");
}
