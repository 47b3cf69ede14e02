//! Headers with which a client says who it is, what it asks for or from where: none of them is believed, and none goes on.

use edgeward_core::gate::headers::{self, client_may_send};
use edgeward_core::gate::identity;
use edgeward_tests::NginxSite;
use edgeward_tests::nginx_site::shipped;

use super::POLICY;

/// What a client may try, in any spelling.
const CLAIMS: &[(&str, &str)] = &[
    ("Edgeward-User", "root"),
    ("EDGEWARD-ROLES", "admin"),
    ("edgeward_roles", "admin"),
    ("Edgeward_User", "root"),
    ("edgeward.user", "root"),
    ("Edgeward-Assertion", "a.b.c"),
    ("Edgeward-Proof", "a.b.c"),
    ("Edgeward-Target", "/admin"),
    ("X-User", "root"),
    ("X_User", "root"),
    ("X-Forwarded-User", "root"),
    ("Remote-User", "root"),
    ("X-Auth-Request-User", "root"),
    ("X-Real-IP", "10.0.0.1"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Prefix", "/admin"),
    ("X-Http-Method-Override", "DELETE"),
    ("X-Middleware-Subrequest", "middleware"),
    ("Daphne-Root-Path", "/open"),
    ("Destination", "/admin/x"),
    ("Script-Name", "/open"),
    ("X-Astro-Path", "/admin"),
    ("Iv-User", "root"),
    ("Proxy", "http://evil.example"),
    ("Cf-Access-Authenticated-User-Email", "root"),
    ("Tailscale-User-Login", "root"),
    ("X-authentik-username", "root"),
    ("X-Pomerium-Claim-Email", "root"),
    ("X-Goog-Authenticated-User-Email", "root"),
    ("X-Amzn-Oidc-Identity", "root"),
    ("X-MS-CLIENT-PRINCIPAL-NAME", "root"),
];

#[tokio::test]
async fn nobody_says_who_they_are() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let cookie = format!("theme=dark; edgeward-access={}", ada.access_token());
    for (name, value) in CLAIMS {
        for (target, headers) in [
            ("/open", vec![(*name, *value)]),
            ("/app", vec![(*name, *value), ("Cookie", cookie.as_str())]),
        ] {
            let answer = site.gets(target, &headers);
            assert_eq!(answer.status, 200, "{target} {name}");
            let arrived = site.arrived();
            let [seen] = arrived.as_slice() else {
                panic!("{target} {name}: {arrived:?}")
            };
            for (field, said) in &seen.headers {
                assert!(said != value, "{target} {name}: {field} arrives");
                assert!(!field.contains('_'), "{target} {name}: {field} arrives");
            }
            let introduced = identity::NAMES
                .iter()
                .any(|name| !seen.header(name).is_empty());
            assert_eq!(introduced, target == "/app", "{name}");
            let left: &[&str] = if target == "/app" {
                &["theme=dark"]
            } else {
                &[]
            };
            assert_eq!(seen.header("cookie"), left, "{name}");
        }
        let answer = site.gets("/admin", &[(*name, *value), ("Cookie", cookie.as_str())]);
        let _ = answer.expect_problem(403, "INSUFFICIENT_ROLE");
    }
}

/// CVE-2026-40575 and its kin: a header that names a path decides nothing.
#[tokio::test]
async fn no_header_of_the_client_names_the_request() {
    let site = NginxSite::start(POLICY).await;
    for name in [
        "X-Original-URI",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Original_URI",
        "X_Original_URI",
    ] {
        let answer = site.gets("/admin", &[(name, "/open")]);
        let _ = answer.expect_problem(401, "NOT_SIGNED_IN");
        let answer = site.gets("/open", &[(name, "/admin")]);
        assert_eq!(answer.status, 200, "{name}");
    }
    for (name, value) in [
        ("X-Original-Method", "OPTIONS"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Original-Host", "evil.example"),
        ("X-Http-Method-Override", "GET"),
        ("User-Agent", "kube-probe/1.30"),
    ] {
        let answer = site.gets("/admin", &[(name, value)]);
        let _ = answer.expect_problem(401, "NOT_SIGNED_IN");
    }
    for path in [
        "/_edgeward/verdict",
        "/forward-auth",
        "/forward-auth/answer",
    ] {
        let answer = site.gets(path, &[]);
        assert!(
            matches!(answer.status, 403 | 404),
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(site.arrived().len(), 6, "the open ones");
}

#[tokio::test]
async fn a_credential_with_two_readings_is_refused() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let token = ada.access_token();
    let (cookie, bearer) = (
        format!("edgeward-access={token}"),
        format!("Bearer {token}"),
    );
    let other = "Bearer eyJhbGciOiJFZERTQSJ9.e30.AA";
    for headers in [
        vec![("Cookie", cookie.as_str()), ("Cookie", cookie.as_str())],
        vec![("Cookie", cookie.as_str()), ("Authorization", other)],
        vec![("Cookie", "a=1, edgeward-access=x")],
        vec![("Cookie", "EDGEWARD-ACCESS=x")],
    ] {
        let answer = site.gets("/app", &headers);
        let _ = answer.expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    }
    // A second `Authorization` ends at nginx itself.
    let twice = site.gets(
        "/app",
        &[("Authorization", bearer.as_str()), ("Authorization", other)],
    );
    assert_eq!(twice.status, 400);
    assert_eq!(site.arrived(), []);
    let refused = site.gets("/open", &[("Authorization", other)]);
    assert_eq!(refused.status, 200);
    let arrived = site.arrived();
    assert_eq!(
        arrived
            .first()
            .map(|seen| seen.header("authorization").len()),
        Some(0)
    );
}

/// The file names them one by one, because nginx takes away no others.
#[test]
fn every_header_that_the_file_takes_away_is_one_that_no_client_may_send() {
    let shipped = shipped();
    let emptied: Vec<&str> = shipped
        .lines()
        .filter_map(|line| line.trim().strip_prefix("proxy_set_header "))
        .filter(|rest| rest.ends_with("\"\";"))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    for name in &emptied {
        let ends_here = !client_may_send(&name.to_ascii_lowercase());
        assert!(ends_here || *name == "Content-Length", "{name}");
    }
    for name in identity::NAMES {
        let set = shipped.lines().map(str::trim).any(|line| {
            let line = line.to_ascii_lowercase();
            line.starts_with(&format!("proxy_set_header {name} "))
        });
        assert!(set, "{name} is not set");
    }
}

/// As far as names can be listed: all that core refuses by their whole names, and of each family of names at least one.
#[test]
fn of_every_kind_that_core_refuses_the_file_takes_something_away() {
    // nginx' own business, or answered by the verdict with a refusal (`forward_auth/dialect.rs`).
    const OTHERWISE: [&str; 11] = [
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "content-length",
        "expect",
        "edgeward-",
        "x-edgeward-",
        "x-middleware-",
        // No name to nginx, which drops it.
        "-ws",
    ];
    let shipped = shipped().to_ascii_lowercase();
    let set: Vec<&str> = shipped
        .lines()
        .filter_map(|line| line.strip_prefix("    proxy_set_header "))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    let missing = |begins: fn(&str, &str) -> bool, refused: &[&'static str]| -> Vec<&str> {
        let mut refused = refused.to_vec();
        refused
            .retain(|kind| !OTHERWISE.contains(kind) && !set.iter().any(|name| begins(name, kind)));
        refused
    };
    let whole = [headers::REFUSED, headers::ROUTING].concat();
    let whole = missing(|name, refused| name == refused, &whole);
    assert_eq!(whole, Vec::<&str>::new());
    let families = [headers::REFUSED_PREFIXES, headers::ROUTING_PREFIXES].concat();
    let families = missing(|name, prefix| name.starts_with(prefix), &families);
    assert_eq!(families, Vec::<&str>::new());
}
