//! What each dialect of forward-auth is asked in, byte for byte, and what it is told. The shapes of Traefik, Caddy and Envoy are those
//! of their documentation.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod desk;
mod folder;
mod settings;

use std::{fs, net::SocketAddr, sync::Arc};

use desk::{Browser, Desk, EMAIL};
use edgeward_core::gate::identity;
use edgeward_issuer::{
    App,
    config::Dialect,
    domain::edges::{self, EdgeName, Edges},
    http::{
        forward_auth::{self, ForwardAuth},
        listener,
    },
};
use settings::check;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const POLICY: &str = r#"
version = 1

[gate]
step_up_page = "/account/step-up"

[[route]]
path = "/open/**"
allow = "public"

[[route]]
path = "/app/**"
allow = "signed-in"

[[route]]
path = "/vault"
allow = "signed-in"
revocation = "strict"

[[route]]
path = "/admin/**"
roles = ["admin"]

[[route]]
path = "/editors"
roles = ["editor"]

[[route]]
path = "/machines"
scopes = ["read"]

[[route]]
path = "/money"
allow = "signed-in"
step_up = { max_age_seconds = 300 }

[[route]]
path = "/shared"
allow = "signed-in"
cors = { origins = ["https://partner.example"], credentials = true }

[[route]]
path = "/app/staff"
host = "staff.example"
roles = ["staff"]
"#;

/// The proxy that the settings name is this machine.
const FROM_HERE: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const FROM_ELSEWHERE: &str = "[server]\ntrusted_proxies = [\"192.0.2.1\"]\n";

struct Verdicts {
    desk: Desk,
    ada: Browser,
    address: SocketAddr,
    /// With the policy.
    _place: folder::Folder,
}

struct Told {
    status: u16,
    head: String,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| {
            let (said, value) = line.split_once(": ")?;
            said.eq_ignore_ascii_case(name).then_some(value)
        });
        let first = values.next();
        assert_eq!(values.next(), None, "{name} twice: {}", self.head);
        first
    }

    fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Verdicts {
    async fn given_in(dialect: Dialect) -> Self {
        Self::given_to(dialect, FROM_HERE).await
    }

    async fn given_to(dialect: Dialect, proxies: &str) -> Self {
        let proxies = settings::load(Some(proxies), &[]).unwrap().server.proxies;
        let place = folder::Folder::new();
        let policy = place.path().join("gate.toml");
        fs::write(&policy, POLICY).unwrap();
        let (desk, mut ada) = Desk::with_ada_and(|config| {
            config.server.proxies = proxies;
            config.forward_auth.policy = policy;
        })
        .await;
        ada.log_in(EMAIL).await;
        let address = serve(&desk.app, dialect).await;
        Self {
            desk,
            ada,
            address,
            _place: place,
        }
    }

    fn cookie(&self) -> String {
        format!(
            "Cookie: theme=dark; edgeward-access={}",
            self.ada.cookie("access")
        )
    }

    /// Asks with a first line and header lines as they stand.
    async fn ask(&self, first: &str, lines: &[&str]) -> Told {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("{first} HTTP/1.1\r\nConnection: close\r\n");
        for line in lines {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Told {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// As Traefik asks about `GET target` of the site.
    async fn traefik(&self, target: &str, more: &[&str]) -> Told {
        let target = format!("X-Forwarded-Uri: {target}");
        let mut lines = vec![
            "Host: 127.0.0.1:8791",
            "X-Forwarded-Method: GET",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: app.example",
            "X-Forwarded-For: 203.0.113.9",
            target.as_str(),
        ];
        lines.extend(more);
        self.ask("GET /forward-auth", &lines).await
    }
}

async fn serve(app: &Arc<App>, dialect: Dialect) -> SocketAddr {
    let verdicts = ForwardAuth::open(app, dialect).await.unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let router = forward_auth::router(verdicts);
    let timeout = listener::HEADER_TIMEOUT;
    tokio::spawn(listener::serve(
        socket,
        router,
        timeout,
        std::future::pending(),
    ));
    address
}

const METHOD: &str = "X-Original-Method: GET";
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

#[tokio::test]
async fn only_a_configured_proxy_may_ask() {
    for dialect in [Dialect::Nginx, Dialect::Traefik, Dialect::Envoy] {
        let verdicts = Verdicts::given_to(dialect, FROM_ELSEWHERE).await;
        let path = if dialect == Dialect::Envoy {
            "/forward-auth/open"
        } else {
            "/forward-auth"
        };
        for spoof in [
            "X-Forwarded-For: 192.0.2.1",
            "X-Real-IP: 192.0.2.1",
            "Forwarded: for=192.0.2.1",
        ] {
            let told = verdicts
                .ask(&format!("GET {path}"), &["Host: v", spoof])
                .await;
            assert_eq!(
                (told.status, told.code()),
                (403, "PROXY_NOT_TRUSTED".to_owned()),
                "{spoof}"
            );
        }
    }
}

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
async fn while_ended_sessions_cannot_be_read_strict_routes_are_closed() {
    let verdicts = Verdicts::given_in(Dialect::Traefik).await;
    let cookie = verdicts.cookie();
    verdicts
        .desk
        .run("ALTER TABLE revocations RENAME TO gone")
        .await;
    let told = verdicts.traefik("/vault", &[&cookie]).await;
    assert_eq!(
        (told.status, told.code()),
        (503, "REVOCATIONS_UNAVAILABLE".to_owned())
    );
    assert_eq!(told.header("retry-after"), Some("1"));
    assert_eq!(verdicts.traefik("/app", &[&cookie]).await.status, 200);
    assert_eq!(verdicts.traefik("/admin", &[&cookie]).await.status, 403);
}

#[tokio::test]
async fn the_issuer_is_an_edge_of_its_own_until_it_is_revoked() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let app = &verdicts.desk.app;
    let name = EdgeName::of_the_issuer();
    // Another process with the same secrets is the same edge.
    ForwardAuth::open(app, Dialect::Nginx).await.unwrap();
    let known = app.store.edges().await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].name, name);
    assert!(
        edges::revoke(&app.store, &name, app.clock.now())
            .await
            .unwrap()
    );
    let refused = ForwardAuth::open(app, Dialect::Nginx).await.unwrap_err();
    assert!(refused.to_string().contains("was revoked"), "{refused}");

    let taken = EdgeName::parse("taken").unwrap();
    edges::enroll(&app.store, taken.clone(), app.clock.now())
        .await
        .unwrap();
    let seed = app.secrets.own_edge_seed(taken.as_str());
    let refused = edges::enroll_itself(&app.store, &taken, &seed, app.clock.now())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("is enrolled"), "{refused}");
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let place = folder::Folder::new();
    let policy = place.path().join("gate.toml");
    fs::write(
        &policy,
        "version = 1\n[[route]]\npath = \"app\"\nallow = \"public\"\n",
    )
    .unwrap();
    let listen = "[forward_auth]\nlisten = \"127.0.0.1:8791\"\n";
    check(
        &format!("{FROM_HERE}{listen}dialect = \"nginx\"\npolicy = \"/nowhere/gate.toml\"\n"),
        &[],
        &["FILE:6: forward_auth.policy: /nowhere/gate.toml: No such file"],
    );
    check(
        &format!(
            "{FROM_HERE}{listen}dialect = \"nginx\"\npolicy = \"{}\"\n",
            policy.display()
        ),
        &[],
        &[&format!(
            "FILE:6: forward_auth.policy: {}: line 3: ",
            policy.display()
        )],
    );
    fs::write(&policy, POLICY).unwrap();
    let policy = format!("policy = \"{}\"\n", policy.display());
    check(
        &format!("{listen}{policy}"),
        &[],
        &[
            "default: forward_auth.dialect: is not set: say which proxy asks",
            "default: server.trusted_proxies: is empty, so nobody may ask",
        ],
    );
    check(
        &format!("{FROM_HERE}{listen}{policy}dialect = \"apache\"\n"),
        &[],
        &["FILE:6: forward_auth.dialect: must be nginx, traefik (Caddy too) or envoy"],
    );
    check(
        &format!("{FROM_HERE}{listen}{policy}dialect = \"envoy\"\nedge = \"A b\"\n"),
        &[],
        &["FILE:7: forward_auth.edge: the name of an edge is"],
    );
    check(
        &format!("{FROM_HERE}{listen}{policy}dialect = \"envoy\"\n"),
        &[("EDGEWARD__SERVER__LISTEN", "127.0.0.1:8791")],
        &["FILE:4: forward_auth.listen: contradicts server.listen"],
    );
}
