//! What pages of other origins can make a browser send, and what they may read, through the real Worker.

use edgeward_tests::http_server::{Reply, serve};
use edgeward_tests::lone_edge::{Guarded, signing_key};
use edgeward_tests::world::nobody;
use edgeward_tests::{EdgeCache, GatedApp, KeyServer, LoneEdge, World};
use xtask::stack::Environment;

const POLICY: &str = r#"
version = 1
[gate]
origins = ["https://admin.example"]
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/hook"
allow = "public"
check_origin = false
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/open/**"
allow = "signed-in"
cors = { origins = ["https://a.example"], credentials = true }
"#;

const ORIGIN_REFUSED: (u16, &str) = (403, "ORIGIN_REFUSED");

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_with_somebodys_cookie() {
    let site = GatedApp::start(POLICY).await;
    let (cookie, own) = (site.cookie(), site.edge.origin().to_owned());
    let bearer = cookie.replacen("edgeward-access=", "Bearer ", 1);
    let same = ("Sec-Fetch-Site", "same-origin");
    let cross = ("Sec-Fetch-Site", "cross-site");
    let evil = ("Origin", "https://evil.example");
    let passes = (200, "");
    let refresh = "edgeward-refresh=rt1.x";
    for (line, cookie, headers, expected) in [
        (
            "POST /app/x",
            &*cookie,
            &[("Origin", &*own), same][..],
            passes,
        ),
        ("POST /app/x", &cookie, &[], passes),
        (
            "POST /app/x",
            &cookie,
            &[("Origin", "https://admin.example"), cross],
            passes,
        ),
        ("GET /app/x", &cookie, &[evil, cross], passes),
        ("POST /app/x", &cookie, &[evil, cross], ORIGIN_REFUSED),
        ("PUT /app/x", &cookie, &[evil], ORIGIN_REFUSED),
        ("DELETE /app/x", &cookie, &[cross], ORIGIN_REFUSED),
        (
            "POST /app/x",
            &cookie,
            &[("Origin", &*own), ("Origin", "https://evil.example")],
            ORIGIN_REFUSED,
        ),
        (
            "POST /app/x",
            &cookie,
            &[("Origin", "null"), cross],
            ORIGIN_REFUSED,
        ),
        (
            "POST /app/x",
            &cookie,
            &[("Origin", "null")],
            ORIGIN_REFUSED,
        ),
        (
            "POST /app/x",
            &cookie,
            &[("Origin", "null"), same],
            (403, "CSRF_INVALID"),
        ),
        ("POST /", &cookie, &[evil], ORIGIN_REFUSED),
        ("POST /", refresh, &[evil], ORIGIN_REFUSED),
        ("POST /", "theme=dark", &[evil], passes),
        (
            "POST /app/x",
            "theme=dark",
            &[evil, ("Authorization", &*bearer)],
            passes,
        ),
        ("POST /hook", &cookie, &[evil, cross], passes),
        ("POST /auth/logout", &cookie, &[evil, cross], ORIGIN_REFUSED),
        (
            "POST /auth/logout",
            &cookie,
            &[("Origin", "https://admin.example")],
            ORIGIN_REFUSED,
        ),
        (
            "POST /open/x",
            &cookie,
            &[("Origin", "https://a.example"), cross],
            passes,
        ),
    ] {
        let headers = [&[("Cookie", cookie), ("Content-Length", "0")], headers].concat();
        let answer = site.ask(line, &headers);
        let asked = format!("{line} {headers:?}");
        let arrived = site.arrived();
        match expected {
            (200, _) => {
                assert_eq!(answer.status, 200, "{asked}: {answer:?}");
                assert_eq!(arrived.len(), 1, "{asked}");
            }
            (status, code) => {
                let _ = answer.expect_problem(status, code);
                assert_eq!(arrived, [], "{asked}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket_with_somebodys_cookie() {
    let site = GatedApp::start(POLICY).await;
    let (cookie, own) = (site.cookie(), site.edge.origin().to_owned());
    for (cookie, origin, reaches_the_app) in [
        (&*cookie, &*own, true),
        (&cookie, "https://admin.example", true),
        (&cookie, "https://evil.example", false),
        (&cookie, "null", false),
    ] {
        let answer = site.ask(
            "GET /app/socket",
            &[
                ("Cookie", cookie),
                ("Origin", origin),
                // The runtime says `Connection: Upgrade` itself where it wants one.
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
        );
        let arrived = site.arrived();
        if reaches_the_app {
            assert_ne!(answer.status, 403, "{origin}: {answer:?}");
            let upgrades: Vec<_> = arrived
                .iter()
                .flat_map(|seen| seen.header("upgrade"))
                .collect();
            assert_eq!(upgrades, ["websocket"], "{origin}");
        } else {
            let _ = answer.expect_problem(403, "ORIGIN_REFUSED");
            assert_eq!(arrived, [], "{origin}");
        }
    }
}

#[tokio::test]
async fn a_preflight_ends_at_the_edge_where_the_policy_speaks() {
    let site = GatedApp::start(POLICY).await;
    let asks = |path: &str, origin: &str| {
        site.ask(
            &format!("OPTIONS {path}"),
            &[
                ("Origin", origin),
                ("Access-Control-Request-Method", "DELETE"),
                ("Access-Control-Request-Headers", "x-csrf-token"),
            ],
        )
    };
    let answer = asks("/open/x", "https://a.example").expect(204);
    for (name, value) in [
        ("access-control-allow-origin", Some("https://a.example")),
        ("access-control-allow-credentials", Some("true")),
        (
            "access-control-allow-methods",
            Some("GET, HEAD, POST, PUT, PATCH, DELETE"),
        ),
        (
            "access-control-allow-headers",
            Some("Content-Type, X-CSRF-Token"),
        ),
        ("access-control-max-age", Some("600")),
        ("vary", Some("Cookie, Authorization, Origin")),
        ("x-content-type-options", Some("nosniff")),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(site.arrived(), []);

    let answer = asks("/open/x", "https://evil.example").expect_problem(403, "ORIGIN_REFUSED");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("vary"), Some("Cookie, Authorization, Origin"));
    // The policy says nothing about these, so they are requests like others: one that nobody signed in for, and one for anyone.
    let _ = asks("/app/x", "https://a.example").expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(site.arrived(), []);
    let _ = asks("/", "https://a.example").expect(200);
    assert_eq!(site.arrived().len(), 1);
}

#[tokio::test]
async fn who_may_read_an_answer_is_said_by_the_policy_and_else_by_the_app() {
    let site = GatedApp::start(POLICY).await;
    let cookie = site.cookie();
    site.says(&[
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "X-Secret"),
        ("Access-Control-Allow-Private-Network", "true"),
        ("Vary", "Accept-Encoding"),
    ]);
    let said = |path: &str, origin: Option<&str>, cookie: Option<&str>| {
        let origin = origin.map(|origin| ("Origin", origin));
        let cookie = cookie.map(|cookie| ("Cookie", cookie));
        let headers: Vec<_> = origin.into_iter().chain(cookie).collect();
        let answer = site.ask(&format!("GET {path}"), &headers);
        [
            "allow-origin",
            "allow-credentials",
            "expose-headers",
            "allow-private-network",
        ]
        .map(|name| format!("access-control-{name}"))
        .iter()
        .map(String::as_str)
        .chain(["vary"])
        .map(|name| answer.header(name).unwrap_or("-").to_owned())
        .collect::<Vec<_>>()
        .join(" | ")
    };
    let (a, cookie) = (Some("https://a.example"), Some(&*cookie));
    for (path, origin, cookie, expected) in [
        (
            "/open/x",
            a,
            cookie,
            "https://a.example | true | - | - | Accept-Encoding, Origin",
        ),
        (
            "/open/x",
            Some("https://evil.example"),
            cookie,
            "- | - | - | - | Accept-Encoding, Origin",
        ),
        (
            "/open/x",
            None,
            cookie,
            "- | - | - | - | Accept-Encoding, Origin",
        ),
        // A script may read that it must sign in.
        (
            "/open/x",
            a,
            None,
            "https://a.example | true | - | - | Cookie, Authorization, Origin",
        ),
        (
            "/open/x",
            None,
            None,
            "- | - | - | - | Cookie, Authorization, Origin",
        ),
        ("/", a, None, "* | true | X-Secret | true | Accept-Encoding"),
        (
            "/app/x",
            a,
            cookie,
            "* | true | X-Secret | true | Accept-Encoding",
        ),
        ("/app/x", a, None, "- | - | - | - | Cookie, Authorization"),
    ] {
        assert_eq!(said(path, origin, cookie), expected, "{path} {origin:?}");
    }
}

#[tokio::test]
async fn who_may_read_an_answer_may_read_as_well_that_there_is_none() {
    let silent = serve(|_, _| Reply::Unfinished(Vec::new()));
    for (app, status) in [(nobody(), 502), (silent, 504)] {
        let keys = KeyServer::with(&[&signing_key(1)]);
        let guarded = Guarded {
            environment: Environment::Development,
            policy: POLICY,
            app,
            bindings: &[("APP_TIMEOUT_SECONDS", "1")],
            limiters: &[],
        };
        let edge = LoneEdge::in_front_of(guarded, &keys, None::<&EdgeCache>).await;
        let cookie = format!("edgeward-access={}", edge.token(&signing_key(1)));
        for (path, origin, allowed, vary) in [
            (
                "/open/x",
                "https://a.example",
                Some("https://a.example"),
                true,
            ),
            ("/open/x", "https://evil.example", None, true),
            ("/app/x", "https://a.example", None, false),
        ] {
            let headers = [("Origin", origin), ("Cookie", cookie.as_str())];
            let answer = edge.gets_by_hand(&format!("GET {path}"), &headers, "");
            let answer = answer.expect("an answer").expect(status);
            let found = answer.header("access-control-allow-origin");
            assert_eq!(found, allowed, "{status} {path} {origin}");
            let said = answer.header("vary").unwrap_or_default();
            assert_eq!(said.contains("Origin"), vary, "{status} {path} {said}");
        }
    }
}

#[tokio::test]
async fn what_the_issuer_would_refuse_does_not_reach_it() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let before = world.to_issuer().lines();
    let foreign = ada
        .post("/auth/logout")
        .with_csrf()
        .instead("origin", "https://evil.example")
        .instead("sec-fetch-site", "cross-site");
    let _ = foreign.send().await.expect_problem(403, "ORIGIN_REFUSED");
    assert_eq!(world.to_issuer().lines(), before);
    let _ = ada.get("/auth/me").send().await.expect(200);
}
