//! What each dialect of forward-auth is asked in, byte for byte, and what it is told. The shapes of Traefik, Caddy and Envoy are those
//! of their documentation.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../settings/mod.rs"]
mod settings;

mod addresses;
mod algorithms;
mod arrivals;
mod counts;
mod csrf;
mod nginx;
mod questions;
mod step_up;
mod traces;
mod whole_answers;

use std::{fs, net::SocketAddr, sync::Arc};

use desk::{Browser, Desk, EMAIL};
use edgeward_issuer::{
    App,
    config::{Config, Dialect},
    domain::edges::{self, EdgeName, Edges},
    http::{
        forward_auth::{self, ForwardAuth},
        listener,
    },
    signatures::SigningAlgorithm,
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
path = "/office"
allow = "public"
addresses = ["203.0.113.0/24"]

[limit.search]
requests = 2
within_seconds = 60
by = "address"

[limit.reports]
requests = 1
within_seconds = 60
by = "identity"

[[route]]
path = "/search"
allow = "public"
limit = "search"

[[route]]
path = "/reports"
allow = "signed-in"
limit = ["search", "reports"]

[[route]]
path = "/forms/**"
allow = "signed-in"
csrf = true

[[route]]
path = "/app/staff"
host = "staff.example"
roles = ["staff"]
"#;

/// The proxy that the settings name is this machine.
const FROM_HERE: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const FROM_ELSEWHERE: &str = "[server]\ntrusted_proxies = [\"192.0.2.1\"]\n";

const DIALECTS: [Dialect; 3] = [Dialect::Nginx, Dialect::Traefik, Dialect::Envoy];

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
        Self::given(dialect, proxies, SigningAlgorithm::EdDsa).await
    }

    async fn given(dialect: Dialect, proxies: &str, algorithm: SigningAlgorithm) -> Self {
        Self::given_under(dialect, proxies, |config| {
            config.tokens.algorithm = algorithm;
        })
        .await
    }

    async fn given_under(
        dialect: Dialect,
        proxies: &str,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let proxies = settings::load(Some(proxies), &[]).unwrap().server.proxies;
        let place = folder::Folder::new();
        let policy = place.path().join("gate.toml");
        fs::write(&policy, POLICY).unwrap();
        let (desk, mut ada) = Desk::with_ada_and(|config| {
            config.server.proxies = proxies;
            config.forward_auth.policy = policy;
            change(config);
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
            "Cookie: theme=dark; __Host-edgeward-refresh=of-another-setting; edgeward-access={}",
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

    /// Asks in a dialect about a request for the site.
    async fn about(&self, dialect: Dialect, method: &str, target: &str, more: &[&str]) -> Told {
        let (first, lines) = match dialect {
            Dialect::Nginx => (
                "GET /forward-auth".to_owned(),
                vec![
                    "Host: v".to_owned(),
                    format!("X-Original-Method: {method}"),
                    "X-Original-Host: app.example".to_owned(),
                    format!("X-Original-URI: {target}"),
                ],
            ),
            Dialect::Traefik => (
                "GET /forward-auth".to_owned(),
                vec![
                    "Host: v".to_owned(),
                    format!("X-Forwarded-Method: {method}"),
                    "X-Forwarded-Proto: https".to_owned(),
                    "X-Forwarded-Host: app.example".to_owned(),
                    format!("X-Forwarded-Uri: {target}"),
                ],
            ),
            Dialect::Envoy => (
                format!("{method} /forward-auth{target}"),
                vec!["Host: app.example".to_owned()],
            ),
        };
        let lines: Vec<&str> = lines
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        self.ask(&first, &lines).await
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

#[tokio::test]
async fn only_a_configured_proxy_may_ask() {
    for dialect in DIALECTS {
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
