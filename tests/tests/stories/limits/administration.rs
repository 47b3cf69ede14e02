//! From where anybody may administer: the edge refuses before the issuer is asked.

use edgeward_tests::GatedApp;
use xtask::stack::Environment;

use super::{ADDRESS, from};

const POLICY: &str = r#"
version = 1

[gate]
admin_addresses = ["10.0.0.0/8", "2001:db8::/32"]

[[route]]
path = "/**"
allow = "public"

[[route]]
path = "/backstage/**"
allow = "public"
addresses = "admin"
"#;

async fn edge(bindings: &[(&str, &str)]) -> GatedApp {
    GatedApp::bound(Environment::Development, POLICY, bindings, &[]).await
}

#[tokio::test]
async fn the_issuers_administration_is_asked_from_the_listed_addresses_only() {
    let site = edge(&[("CLIENT_ADDRESS_HEADER", "CF-Connecting-IP")]).await;
    let reached = site.issuer.count();
    for address in [
        "11.0.0.1",
        "::ffff:11.0.0.1",
        "::10.1.2.3",
        "2001:db9::1",
        "127.0.0.1",
        "::1",
        "10.1.2.3, 10.1.2.3",
        "unknown",
        "",
    ] {
        for line in [
            "GET /auth/admin/users",
            "HEAD /auth/admin/users",
            "PUT /auth/admin/users/1/roles",
            "OPTIONS /auth/admin/users",
            "GET /auth/console/users",
            "POST /auth/console/users/1/unlock",
            "GET /%61uth/x/../%61dmin/",
            "GET /backstage/x",
        ] {
            let answer = from(&site, address, line);
            assert_eq!(answer.status, 403, "{address} {line}");
        }
    }
    let lies = [
        (ADDRESS, "11.0.0.1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
    ];
    let refused = site.ask("GET /auth/admin/users", &lies);
    assert_eq!(refused.header("www-authenticate"), None);
    refused.expect_problem(403, "ADDRESS_NOT_ALLOWED");
    let person = [(ADDRESS, "11.0.0.1"), ("accept", "text/html")];
    let page = site.ask("GET /auth/console/users", &person);
    assert_eq!(
        (page.status, page.header("content-type")),
        (403, Some("text/html; charset=utf-8"))
    );
    assert_eq!(
        site.issuer.count(),
        reached,
        "the issuer hears nothing of it"
    );
    assert_eq!(site.arrived(), [], "nor does the app");
    for address in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:ffff::1"] {
        for line in [
            "GET /auth/admin/users",
            "GET /auth/console/users",
            "GET /backstage",
        ] {
            let answer = from(&site, address, line);
            assert_ne!(answer.status, 403, "{address} {line}");
        }
    }
    // What is not for administrators is open to everybody.
    for line in [
        "GET /auth/me",
        "GET /account",
        "GET /auth/administrator",
        "GET /",
    ] {
        assert_ne!(from(&site, "11.0.0.1", line).status, 403, "{line}");
    }
    let log = site.edge.log();
    assert!(log.contains("address-not-allowed: issuer"));
    assert!(!log.contains("11.0.0.1"));
}

#[tokio::test]
async fn without_a_platform_that_names_addresses_nobody_administers() {
    let site = edge(&[]).await;
    for address in ["10.0.0.1", "127.0.0.1"] {
        let answer = from(&site, address, "GET /auth/admin/users");
        assert_eq!(answer.status, 403, "{address}");
    }
}
