//! Traefik, Caddy and Envoy, which pass on whatever does not let a request pass.

use edgeward_core::gate::identity;
use edgeward_issuer::config::{Config, Dialect};

use crate::{FROM_HERE, Verdicts, settings::load};

#[tokio::test]
async fn traefik_says_what_it_was_asked_and_passes_the_answer_on() {
    let verdicts = Verdicts::given_in(Dialect::Traefik).await;
    let cookie = verdicts.cookie();
    let told = verdicts
        .traefik(
            "/app/x?y=1",
            &[
                &cookie,
                "X-Real-Ip: 203.0.113.9",
                "X-Forwarded-Port: 443",
                "X-Forwarded-Server: t",
            ],
        )
        .await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("cookie"), Some("theme=dark"));
    assert_eq!(told.header("edgeward-roles"), Some("editor"));
    assert_eq!(told.header("authorization"), None);

    let page = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    let told = verdicts.traefik("/app/x?y=1", &page).await;
    assert_eq!(
        (told.status, told.header("location")),
        (303, Some("/login?returnTo=%2Fapp%2Fx%3Fy%3D1"))
    );
    let money = [&page[..], &[&cookie]].concat();
    assert_eq!(
        verdicts.traefik("/money", &money).await.status,
        200,
        "signed in a moment ago"
    );
    let admin = verdicts.traefik("/admin", &money).await;
    assert_eq!(
        (admin.status, admin.header("content-type")),
        (403, Some("text/html; charset=utf-8"))
    );

    for (target, more, status, code) in [
        ("/app", &[][..], 401, "NOT_SIGNED_IN"),
        ("/machines", &[&cookie[..]], 403, "INSUFFICIENT_SCOPE"),
        (
            "/app",
            &["Authorization: Bearer x.y.z"],
            401,
            "INVALID_TOKEN",
        ),
        ("//admin", &[], 400, "AMBIGUOUS_PATH"),
        ("/open%2f..%2fadmin", &[], 400, "AMBIGUOUS_PATH"),
        // It forwards what it received, so what is judged otherwise than it stands there is refused.
        ("/open/../app", &[&cookie], 400, "AMBIGUOUS_PATH"),
        ("/open/./x", &[], 400, "AMBIGUOUS_PATH"),
        // 2xx would pass.
        ("/auth/verify-token", &[&cookie], 403, "ROUTE_DENIED"),
        ("/auth/me", &[&cookie], 403, "ROUTE_DENIED"),
        ("/login", &[], 403, "ROUTE_DENIED"),
        // What only Edgeward says, in spellings that Traefik would leave alone.
        ("/open", &["Edgeward-User: root"], 400, "UNCLEAR_REQUEST"),
        ("/open", &["edgeward_roles: admin"], 400, "UNCLEAR_REQUEST"),
        ("/open", &["X-Edgeward-User: root"], 400, "UNCLEAR_REQUEST"),
        (
            "/open",
            &["X-Middleware-Subrequest: 1"],
            400,
            "UNCLEAR_REQUEST",
        ),
        ("/open", &["X-Original-URI: /open"], 400, "UNCLEAR_REQUEST"),
        (
            "/open",
            &["X_Forwarded_Uri: /admin"],
            400,
            "UNCLEAR_REQUEST",
        ),
        (
            "/open",
            &["X-Forwarded-Uri: /admin"],
            400,
            "UNCLEAR_REQUEST",
        ),
        (
            "/open",
            &["X-Forwarded-Host: evil.example"],
            400,
            "UNCLEAR_REQUEST",
        ),
        (
            "/open",
            &["X-Forwarded-Method: PUT"],
            400,
            "UNCLEAR_REQUEST",
        ),
        (
            "/open",
            &["X-Forwarded-Prefix: /admin"],
            400,
            "UNCLEAR_REQUEST",
        ),
    ] {
        let told = verdicts.traefik(target, more).await;
        assert_eq!(
            (told.status, told.code().as_str()),
            (status, code),
            "{target} {more:?}"
        );
        for name in identity::NAMES {
            assert_eq!(told.header(name), None, "{target} {more:?}");
        }
    }
    // Caddy and Traefik say them all; without one of them nothing is judged.
    let all = [
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: app.example",
        "X-Forwarded-Uri: /open",
    ];
    for missing in all {
        let lines: Vec<&str> = ["Host: v"]
            .into_iter()
            .chain(all.into_iter().filter(|line| *line != missing))
            .collect();
        let told = verdicts.ask("GET /forward-auth", &lines).await;
        assert_eq!(
            (told.status, told.code()),
            (400, "UNCLEAR_REQUEST".to_owned()),
            "without {missing}"
        );
    }
    let staff = all.map(|line| {
        line.replace("app.example", "staff.example")
            .replace("/open", "/app/staff")
    });
    let lines: Vec<&str> = ["Host: v", &cookie]
        .into_iter()
        .chain(staff.iter().map(String::as_str))
        .collect();
    let told = verdicts.ask("GET /forward-auth", &lines).await;
    assert_eq!(told.code(), "INSUFFICIENT_ROLE", "the host counts");
    let socket = all.map(|line| line.replace("https", "wss").replace("/open", "/app"));
    let lines: Vec<&str> = ["Host: v", &cookie, "Origin: https://evil.example"]
        .into_iter()
        .chain(socket.iter().map(String::as_str))
        .collect();
    let told = verdicts.ask("GET /forward-auth", &lines).await;
    assert_eq!(
        told.code(),
        "ORIGIN_REFUSED",
        "`Upgrade` does not come here, the scheme does"
    );
}

#[tokio::test]
async fn what_a_client_writes_beyond_ascii_neither_hides_what_was_judged_nor_keeps_our_cookies() {
    for (dialect, first, lines) in [
        (
            Dialect::Envoy,
            "GET /forward-auth/app/../open/x?n=é",
            &["Host: app.example"][..],
        ),
        (
            Dialect::Nginx,
            "GET /forward-auth",
            &[
                "Host: app.example",
                "X-Original-Method: GET",
                "X-Original-Host: app.example",
                "X-Original-URI: /app/../open/x?n=é",
            ],
        ),
    ] {
        let verdicts = Verdicts::given_in(dialect).await;
        let cookie = format!("{}; note=é", verdicts.cookie());
        let told = verdicts.ask(first, &[lines, &[&cookie]].concat()).await;
        if dialect == Dialect::Nginx {
            assert_eq!(told.status, 200);
            assert_eq!(told.header("edgeward-target"), Some("/open/x?n=%C3%A9"));
        } else {
            // It would send on the dots.
            assert_eq!((told.status, &*told.code()), (400, "AMBIGUOUS_PATH"));
            let told = verdicts
                .ask(
                    "GET /forward-auth/open/x?n=é",
                    &[lines, &[&cookie]].concat(),
                )
                .await;
            assert_eq!(told.header("edgeward-target"), Some("/open/x?n=%C3%A9"));
            assert_eq!(told.header("cookie"), Some("theme=dark; note=é"));
        }
    }
}

#[tokio::test]
async fn envoy_asks_with_the_request_itself() {
    let verdicts = Verdicts::given_in(Dialect::Envoy).await;
    let cookie = verdicts.cookie();
    let host = "Host: app.example";
    let told = verdicts
        .ask("GET /forward-auth/app/x?y=1", &[host, &cookie])
        .await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("cookie"), Some("theme=dark"));
    let removed = told.header("x-envoy-auth-headers-to-remove").unwrap();
    assert!(
        removed.split(',').any(|name| name == "authorization"),
        "{removed}"
    );
    assert!(!removed.contains("edgeward-user"), "{removed}");
    let told = verdicts.ask("GET /forward-auth/open", &[host]).await;
    let removed: Vec<_> = told
        .header("x-envoy-auth-headers-to-remove")
        .unwrap()
        .split(',')
        .collect();
    assert_eq!(
        &removed[..7],
        identity::NAMES,
        "what a client says of itself ends there"
    );
    for name in [
        "daphne-root-path",
        "destination",
        "x-original-url",
        "x-http-method-override",
    ] {
        assert!(removed.contains(&name), "{name}: {removed:?}");
    }

    let preflight = [
        "Origin: https://partner.example",
        "Access-Control-Request-Method: GET",
    ];
    for (first, more, status, code) in [
        ("GET /forward-auth/app", &[][..], 401, "NOT_SIGNED_IN"),
        (
            "DELETE /forward-auth/admin",
            &["Sec-Fetch-Site: same-origin", &cookie],
            403,
            "INSUFFICIENT_ROLE",
        ),
        (
            "POST /forward-auth/app",
            &[&cookie, "Origin: https://evil.example"],
            403,
            "ORIGIN_REFUSED",
        ),
        // Browsers say it, so Envoy was not told to pass it on.
        (
            "POST /forward-auth/app",
            &[&cookie[..]],
            400,
            "UNCLEAR_REQUEST",
        ),
        ("GET /forward-auth//admin", &[], 400, "AMBIGUOUS_PATH"),
        ("GET /forward-auth/open/../admin", &[], 401, "NOT_SIGNED_IN"),
        ("GET /forward-auth/open/../open", &[], 400, "AMBIGUOUS_PATH"),
        ("GET /forward-auth/%2e%2e/admin", &[], 400, "AMBIGUOUS_PATH"),
        ("GET /forward-auth/open;x", &[], 400, "AMBIGUOUS_PATH"),
        (
            "GET /forward-auth/open",
            &["X-Forwarded-Uri: /admin"],
            400,
            "UNCLEAR_REQUEST",
        ),
        (
            "GET /forward-auth/open",
            &["X-Original-Method: GET"],
            400,
            "UNCLEAR_REQUEST",
        ),
        (
            "GET /forward-auth/open",
            &["edgeward-user: root"],
            400,
            "UNCLEAR_REQUEST",
        ),
        ("GET /forward-auth/auth/me", &[&cookie], 403, "ROUTE_DENIED"),
        ("GET /forward-auth/auth/verify-token", &[&cookie], 204, ""),
        ("OPTIONS /forward-auth/shared", &preflight, 204, ""),
        ("GET /forward-auth", &[], 404, "NOT_FOUND"),
        ("GET /forward-authopen", &[], 404, "NOT_FOUND"),
    ] {
        let told = verdicts.ask(first, &[&[host], more].concat()).await;
        assert_eq!(
            (told.status, told.code().as_str()),
            (status, code),
            "{first} {more:?}"
        );
    }
    let told = verdicts.ask("GET /forward-auth/open", &[host, host]).await;
    assert_ne!(told.status, 200, "two hosts");
}

#[tokio::test]
async fn a_person_passes_by_the_scopes_of_their_roles_and_the_app_is_told_them() {
    for (file, status, told) in [
        ("scopes = [\"write\", \"read\"]", 200, Some("read write")),
        ("scopes = [\"read\"]", 200, Some("read")),
        ("scopes = [\"write\"]", 403, None),
    ] {
        let file = format!("[[tokens.role]]\nname = \"editor\"\n{file}\n");
        let roles = load(Some(&file), &[]).unwrap().tokens.roles;
        let permit = |config: &mut Config| config.tokens.roles = roles;
        let verdicts = Verdicts::given_under(Dialect::Traefik, FROM_HERE, permit).await;
        let cookie = verdicts.cookie();
        let answer = verdicts.traefik("/machines", &[&cookie]).await;
        assert_eq!(answer.status, status, "{file}");
        assert_eq!(answer.header("edgeward-scope"), told, "{file}");
    }
}
