//! `auth_request` of nginx: a sub-request, and then the answer in its place.

use edgeward_issuer::config::Dialect;

use crate::Verdicts;

const METHOD: &str = "X-Original-Method: GET";
/// What the project ships for nginx.
const SHIPPED: &str = include_str!("../../../docs/ops/nginx/edgeward.conf");

const HOST: &str = "X-Original-Host: app.example";

#[tokio::test]
async fn nginx_says_method_host_and_target_once_or_nothing_is_judged() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let open = "X-Original-URI: /open";
    let passes = [METHOD, HOST, open];
    assert_eq!(
        verdicts
            .ask("GET /forward-auth", &[&["Host: v"], &passes[..]].concat())
            .await
            .status,
        200
    );
    for lines in [
        &[HOST, open][..],
        &[METHOD, open],
        &[METHOD, HOST],
        &[],
        &[METHOD, METHOD, HOST, open],
        &[METHOD, HOST, HOST, open],
        &[METHOD, HOST, open, open],
        &[METHOD, HOST, open, "X-Original-URI: /admin"],
        &["X-Original-Method: ", HOST, open],
        &["X-Original-Method: GET, POST", HOST, open],
        &["X-Original-Method: GET POST", HOST, open],
        &[METHOD, "X-Original-Host: a.example, b.example", open],
        &[METHOD, "X-Original-Host: a.example/admin", open],
        &[METHOD, "X-Original-Host: u@a.example", open],
        &[METHOD, HOST, "X-Original-URI: "],
        // Spellings that a reader behind could take for it.
        &[METHOD, HOST, open, "X_Original_URI: /admin"],
        &[METHOD, HOST, open, "X-Original_Method: PUT"],
        &[METHOD, HOST, open, "X.Original.Host: evil.example"],
        // What only another dialect says (CVE-2026-40575 trusted one of them).
        &[METHOD, HOST, open, "X-Forwarded-Uri: /open"],
        &[METHOD, HOST, open, "X-Forwarded-Method: GET"],
        &[METHOD, HOST, open, "X-Forwarded-Prefix: /x"],
        &[METHOD, HOST, open, "X-Original-URL: /open"],
        &[METHOD, HOST, open, "X-Rewrite-URL: /open"],
        // Names like ours that nginx would pass on to the app.
        &[METHOD, HOST, open, "Edgeward-Admin: 1"],
        &[METHOD, HOST, open, "X-Edgeward-User: root"],
        &[METHOD, HOST, open, "edgeward_user: root"],
        &[METHOD, HOST, open, "Edgeward.User: root"],
        &[METHOD, HOST, open, "X-Middleware-Rewrite: /admin"],
    ] {
        let lines = [&["Host: v"], lines].concat();
        let told = verdicts.ask("GET /forward-auth", &lines).await;
        assert_eq!(
            (told.status, told.code()),
            (403, "UNCLEAR_REQUEST".to_owned()),
            "{lines:?}"
        );
        let told = verdicts.ask("GET /forward-auth/answer", &lines).await;
        assert_eq!(
            (told.status, told.code()),
            (400, "UNCLEAR_REQUEST".to_owned()),
            "{lines:?}"
        );
        assert!(
            !told.body.contains("/admin"),
            "no value is repeated: {}",
            told.body
        );
    }
    // These end at nginx, so they refuse nobody.
    for ends_there in [
        "Edgeward-User: root",
        "EDGEWARD-PROOF: a.b.c",
        "Edgeward-Target: /admin",
        "X-Middleware-Subrequest: middleware",
        "X-Middleware-Invoke: 1",
    ] {
        let name = ends_there.split(':').next().unwrap().to_lowercase();
        let overwritten = SHIPPED.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("proxy_set_header")
                && words
                    .next()
                    .is_some_and(|said| said.eq_ignore_ascii_case(&name))
        });
        assert!(overwritten, "{name}");
        let lines = [&["Host: v", ends_there], &passes[..]].concat();
        let told = verdicts.ask("GET /forward-auth", &lines).await;
        assert_eq!(told.status, 200, "{ends_there}");
    }
    for path in [
        "/",
        "/forward-auth/",
        "/forward-auth/x",
        "/forward-authx",
        "/auth/login",
        "/metrics",
    ] {
        let told = verdicts
            .ask(&format!("GET {path}"), &["Host: v", METHOD, HOST, open])
            .await;
        assert_eq!(told.status, 404, "{path}");
    }
    let told = verdicts.ask("GET /healthz", &["Host: v"]).await;
    assert_eq!(told.status, 200);
}

/// Where the app was told who asks, nobody else may keep what it answers.
#[tokio::test]
async fn a_verdict_says_what_caches_are_to_be_told() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let cookie = verdicts.cookie();
    for (target, more, says) in [
        ("/app", &[&cookie[..]][..], Some("private, no-store")),
        ("/open", &[&cookie], Some("private")),
        ("/open", &[], None),
        ("/open", &["Cookie: theme=dark"], None),
    ] {
        let uri = format!("X-Original-URI: {target}");
        let lines = [&["Host: v", METHOD, HOST, &uri], more].concat();
        let told = verdicts.ask("GET /forward-auth", &lines).await;
        assert_eq!(told.status, 200, "{lines:?}");
        assert_eq!(
            told.header("edgeward-cache-control"),
            says,
            "{target} with {} lines more",
            more.len()
        );
    }
}

/// A sub-request knows 200, 401 and 403; the answer in its place is what the client reads.
#[tokio::test]
async fn nginx_is_told_what_it_understands_and_then_what_it_can_show() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let cookie = verdicts.cookie();
    let (navigates, goes) = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document");
    for (method, target, more, verdict, answer) in [
        ("GET", "/app", &[][..], 401, 401),
        ("GET", "/app", &[navigates, goes], 401, 303),
        ("GET", "/app", &[&cookie], 200, 403),
        ("GET", "/app/../admin", &[&cookie], 403, 403),
        ("GET", "/editors", &[&cookie], 200, 403),
        ("GET", "/admin", &[&cookie], 403, 403),
        ("GET", "/machines", &[&cookie], 403, 403),
        ("GET", "/nowhere", &[&cookie], 403, 403),
        ("GET", "//admin", &[&cookie], 403, 400),
        ("GET", "/app%2f", &[&cookie], 403, 400),
        ("GET", "*", &[&cookie], 403, 400),
        (
            "GET",
            "/app",
            &["Authorization: Bearer x", &cookie],
            403,
            400,
        ),
        ("GET", "/app", &["Cookie: a=1, edgeward-access=T"], 403, 400),
        ("GET", "/app", &["Authorization: Bearer x.y.z"], 401, 401),
        ("GET", "/auth/login", &[], 403, 403),
        ("GET", "/.well-known/edgeward-revocations", &[], 403, 403),
        ("GET", "/auth/verify-token", &[&cookie], 403, 204),
        ("GET", "/auth/verify-token", &[], 401, 401),
        ("POST", "/auth/verify-token", &[&cookie], 403, 405),
        (
            "POST",
            "/app",
            &[&cookie, "Origin: https://evil.example"],
            403,
            403,
        ),
        (
            "POST",
            "/app",
            &[&cookie, "Sec-Fetch-Site: cross-site"],
            403,
            403,
        ),
        (
            "GET",
            "/app",
            &[
                &cookie,
                "Sec-WebSocket-Key: x",
                "Origin: https://evil.example",
            ],
            403,
            403,
        ),
        (
            "GET",
            "/app",
            &[
                &cookie,
                "Sec-Fetch-Mode: websocket",
                "Origin: https://evil.example",
            ],
            403,
            403,
        ),
        (
            "GET",
            "/app",
            &[
                &cookie,
                "Upgrade: websocket",
                "Origin: https://evil.example",
            ],
            403,
            403,
        ),
        (
            "OPTIONS",
            "/shared",
            &[
                "Origin: https://partner.example",
                "Access-Control-Request-Method: GET",
            ],
            403,
            204,
        ),
        (
            "OPTIONS",
            "/shared",
            &[
                "Origin: https://evil.example",
                "Access-Control-Request-Method: GET",
            ],
            403,
            403,
        ),
    ] {
        let (method, uri) = (
            format!("X-Original-Method: {method}"),
            format!("X-Original-URI: {target}"),
        );
        let lines = [&["Host: v", HOST, &method, &uri], more].concat();
        for (path, expected) in [("/forward-auth", verdict), ("/forward-auth/answer", answer)] {
            let told = verdicts.ask(&format!("GET {path}"), &lines).await;
            assert_eq!(told.status, expected, "{path}: {lines:?}\n{}", told.body);
            assert_eq!(told.header("cache-control"), Some("no-store"), "{lines:?}");
            let passes = path == "/forward-auth" && expected == 200;
            assert_eq!(
                told.header("edgeward-assertion").is_some(),
                passes,
                "{path}: {lines:?}"
            );
            assert_eq!(
                told.header("edgeward-target").is_some(),
                passes,
                "{path}: {lines:?}"
            );
        }
    }
}
