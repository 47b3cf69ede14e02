//! The headers of answers, and the names by which one request is found in every log.

use edgeward_tests::{GatedApp, World};
use xtask::stack::Environment;

const POLICY: &str = r#"
version = 1
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/mine"
allow = "signed-in"
[[route]]
path = "/mine/cached"
allow = "signed-in"
cache = "app"
"#;

const PERMISSIONS: &str = "geolocation=(), microphone=(), camera=()";
const YEAR: &str = "max-age=31536000";

/// A path, whether somebody signed in asks for it, what the app says, and what becomes of it.
type Row<'t> = (
    &'t str,
    bool,
    &'t [(&'t str, &'t str)],
    &'t [(&'t str, Option<&'t str>)],
);

#[tokio::test]
async fn what_the_app_does_not_say_is_filled_in_and_what_it_says_stays() {
    let site = GatedApp::within(Environment::Preview, POLICY).await;
    let cookie = site.cookie();
    let rows: &[Row<'_>] = &[
        (
            "/",
            false,
            &[],
            &[
                ("x-frame-options", Some("DENY")),
                ("x-content-type-options", Some("nosniff")),
                ("referrer-policy", Some("no-referrer")),
                ("permissions-policy", Some(PERMISSIONS)),
                ("strict-transport-security", Some(YEAR)),
                ("content-security-policy", None),
                ("cache-control", None),
                ("clear-site-data", None),
            ],
        ),
        (
            "/",
            false,
            &[
                ("X-Frame-Options", "SAMEORIGIN"),
                ("Referrer-Policy", "same-origin"),
                ("Permissions-Policy", "camera=(self)"),
                ("Strict-Transport-Security", "max-age=60"),
                ("Content-Security-Policy", "default-src 'self'"),
                ("Cache-Control", "public, max-age=60"),
                ("CDN-Cache-Control", "max-age=60"),
                ("X-Request-Id", "the app's"),
            ],
            &[
                ("x-frame-options", Some("SAMEORIGIN")),
                ("referrer-policy", Some("same-origin")),
                ("permissions-policy", Some("camera=(self)")),
                ("strict-transport-security", Some("max-age=60")),
                ("content-security-policy", Some("default-src 'self'")),
                ("cache-control", Some("public, max-age=60")),
                ("cdn-cache-control", Some("max-age=60")),
            ],
        ),
        ("/", true, &[], &[("cache-control", Some("private"))]),
        (
            "/",
            true,
            &[("Cache-Control", "public, max-age=60"), ("Vary", "Cookie")],
            &[
                ("cache-control", Some("public, max-age=60")),
                ("vary", Some("Cookie")),
            ],
        ),
        (
            "/mine",
            true,
            &[],
            &[("cache-control", Some("private, no-store"))],
        ),
        (
            "/mine",
            true,
            &[
                ("Cache-Control", "public, max-age=60"),
                ("CDN-Cache-Control", "max-age=60"),
                ("Surrogate-Control", "max-age=60"),
            ],
            &[
                ("cache-control", Some("private, no-store")),
                ("cdn-cache-control", None),
                ("surrogate-control", None),
            ],
        ),
        (
            "/mine",
            true,
            &[("Cache-Control", "no-store")],
            &[("cache-control", Some("no-store"))],
        ),
        (
            "/mine/cached",
            true,
            &[],
            &[("cache-control", Some("private"))],
        ),
        (
            "/mine/cached",
            true,
            &[
                ("Cache-Control", "private, max-age=60"),
                ("CDN-Cache-Control", "max-age=60"),
            ],
            &[
                ("cache-control", Some("private, max-age=60")),
                ("cdn-cache-control", Some("max-age=60")),
            ],
        ),
        // The edge's own: a refusal, and verify-token.
        (
            "/mine",
            false,
            &[],
            &[
                ("cache-control", Some("no-store")),
                ("vary", Some("Cookie, Authorization")),
                ("x-frame-options", Some("DENY")),
                ("referrer-policy", Some("no-referrer")),
                ("strict-transport-security", Some(YEAR)),
            ],
        ),
        (
            "/auth/verify-token",
            true,
            &[],
            &[
                ("cache-control", Some("no-store")),
                ("vary", Some("Cookie, Authorization")),
                ("x-content-type-options", Some("nosniff")),
                ("strict-transport-security", Some(YEAR)),
            ],
        ),
    ];
    for (path, signed_in, says, expected) in rows {
        site.says(says);
        let cookie = [("Cookie", cookie.as_str())];
        let headers = if *signed_in { &cookie[..] } else { &[] };
        let answer = site.ask(&format!("GET {path}"), headers);
        for (name, value) in *expected {
            assert_eq!(
                answer.header(name),
                *value,
                "{path} {signed_in} {says:?}: {name}"
            );
        }
        let id = answer.header("x-request-id").unwrap_or_default();
        assert_eq!(id.len(), 36, "{path}: {id}");
    }
}

#[tokio::test]
async fn a_trace_goes_all_the_way_and_comes_back() {
    let site = GatedApp::start(POLICY).await;
    let cookie = site.cookie();
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later";
    for (sent, taken_over) in [
        (&[good][..], true),
        (&[later], true),
        (&[], false),
        (
            &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            false,
        ),
        (
            &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"],
            false,
        ),
        (
            &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            false,
        ),
        (&["x"], false),
        (&[good, good], false),
    ] {
        for (path, arrives) in [
            ("/", true),
            ("/mine", true),
            ("/auth/verify-token", false),
            ("/none", false),
        ] {
            let mut headers: Vec<_> = sent.iter().map(|sent| ("traceparent", *sent)).collect();
            headers.extend([
                ("Cookie", cookie.as_str()),
                ("tracestate", "a=1"),
                ("X-Request-Id", "mine"),
            ]);
            let answer = site.ask(&format!("GET {path}"), &headers);
            let (id, trace) = (answer.header("x-request-id"), answer.header("traceparent"));
            let (Some(id), Some(trace)) = (id, trace) else {
                panic!("{path} {sent:?}: {answer:?}")
            };
            assert_ne!(id, "mine");
            assert_eq!(
                taken_over,
                sent.first() == Some(&trace),
                "{path} {sent:?} {trace}"
            );
            if !taken_over {
                assert_eq!(
                    trace.split('-').nth(1),
                    Some(&*id.replace('-', "")),
                    "{path} {sent:?}"
                );
            }
            let arrived = site.arrived();
            assert_eq!(arrived.len(), usize::from(arrives), "{path}");
            for seen in arrived {
                assert_eq!(seen.header("traceparent"), [trace], "{path} {sent:?}");
                assert_eq!(seen.header("x-request-id"), [id], "{path}");
                let state: &[&str] = if taken_over { &["a=1"] } else { &[] };
                assert_eq!(seen.header("tracestate"), state, "{path} {sent:?}");
            }
            if path == "/none" {
                let line = site
                    .edge
                    .log()
                    .lines()
                    .find(|line| line.contains(id))
                    .map(str::to_owned);
                let trace_id = trace.split('-').nth(1).unwrap_or_default();
                assert!(line.is_some_and(|line| line.contains(trace_id)), "{trace}");
            }
        }
    }
}

#[tokio::test]
async fn one_name_finds_a_request_in_the_issuers_log_too() {
    let world = World::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asking = world.browser().get("/auth/me").header("traceparent", trace);
    let answer = asking.send().await.expect(401);
    assert_eq!(answer.header("traceparent"), Some(trace));
    let id = answer.header("x-request-id").unwrap_or_default().to_owned();
    let logs = world.logs();
    let lines: Vec<_> = logs.lines().filter(|line| line.contains(&id)).collect();
    assert!(!lines.is_empty(), "{id}");
    let named = lines
        .iter()
        .filter(|line| line.contains("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert!(named.count() > 0, "{lines:?}");
    let seen = world.to_issuer().seen().pop().unwrap();
    assert_eq!(seen.header("traceparent"), [trace]);
}

#[tokio::test]
async fn signing_out_clears_what_the_browser_kept() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let answer = ada.log_out().await;
    assert_eq!(
        answer.header("clear-site-data"),
        Some("\"cache\", \"storage\"")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let keys = world
        .browser()
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200);
    assert!(
        keys.header("cache-control")
            .is_some_and(|said| said.starts_with("public, max-age=300,"))
    );
    let metadata = world
        .browser()
        .get("/.well-known/oauth-authorization-server")
        .send()
        .await
        .expect(200);
    assert!(
        metadata
            .header("cache-control")
            .is_some_and(|said| said.contains("max-age="))
    );
}
