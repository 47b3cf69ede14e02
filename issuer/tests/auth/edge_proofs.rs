//! Only the proof of an enrolled edge, for this very request, changes who asks.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::StatusCode,
    middleware::{self, Next},
    routing::any,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::{
    time::UnixTime,
    token::{SigningKey, TokenType},
};
use edgeward_issuer::{
    App,
    config::{Config, TrustedProxies},
    domain::edges::{self, EdgeName},
    http::{self, Caller, caller},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::folder::Folder;

const ISSUER: &str = "http://127.0.0.1:8787";

struct World {
    app: Arc<App>,
    edge: SigningKey,
    _folder: Folder,
}

impl World {
    async fn new() -> Self {
        Self::with(TrustedProxies::default()).await
    }

    async fn with(proxies: TrustedProxies) -> Self {
        let folder = Folder::new();
        let mut config = Config::defaults(folder.path());
        config.passwords.argon2.memory_kib = 64;
        config.server.proxies = proxies;
        let app = App::open(config).await.unwrap();
        let edge = enroll(&app, "edge-1").await;
        Self {
            app: Arc::new(app),
            edge,
            _folder: folder,
        }
    }

    fn now(&self) -> UnixTime {
        self.app.clock.now()
    }

    /// The claims of a proof for `POST /auth/login?x=1`.
    fn claims(&self) -> Value {
        let now = self.now().seconds();
        json!({
            "iss": "edge-1", "sub": "edge-1", "aud": ISSUER, "iat": now, "exp": now + 30, "jti": "j-1",
            "htm": "POST", "htu": "/auth/login?x=1", "cip": "203.0.113.9", "rid": "r-1",
        })
    }

    /// What the issuer finds out about `POST /auth/login?x=1` with these proofs: status, address, edge, request id.
    async fn ask(&self, proofs: &[&str]) -> (StatusCode, Value, String) {
        self.ask_at(None, proofs).await
    }

    /// The same, with a header that claims to set the clock.
    async fn ask_at(&self, clock: Option<i64>, proofs: &[&str]) -> (StatusCode, Value, String) {
        let show = |caller: Caller| async move {
            json!({"address": caller.address, "edge": caller.edge.map(|edge| edge.to_string())})
                .to_string()
        };
        let app = Arc::clone(&self.app);
        let identify = move |request: Request, next: Next| {
            let app = Arc::clone(&app);
            async move { caller::identify(&app, request, |request| next.run(request)).await }
        };
        let router = Router::new()
            .route("/auth/login", any(show))
            .layer(middleware::from_fn(identify));
        let mut request = Request::post("/auth/login?x=1")
            .header("x-forwarded-for", "198.51.100.1")
            .header("forwarded", "for=198.51.100.1")
            .header("x-real-ip", "198.51.100.1")
            .header("x-request-id", "forged");
        for proof in proofs {
            request = request.header(caller::PROOF_HEADER, *proof);
        }
        if let Some(seconds) = clock {
            request = request.header("edgeward-test-clock", seconds);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let peer: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let id = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let body = axum::body::to_bytes(response.into_body(), 4096)
            .await
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap(), id)
    }

    /// How many keys of the key set hold for assertions.
    async fn edges_of_the_key_set(&self) -> usize {
        let request = Request::get("/.well-known/jwks.json")
            .body(Body::empty())
            .unwrap();
        let router = http::routes::router(Arc::clone(&self.app));
        let response = router.oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 65_536).await;
        let set: Value = serde_json::from_slice(&body.unwrap()).unwrap();
        let keys = set["keys"].as_array().unwrap();
        keys.iter()
            .filter(|key| !key["edgeward_typ"].is_null())
            .count()
    }

    async fn check_refused(&self, what: &str, proof: &str) {
        let (status, body, id) = self.ask(&[proof]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(body["code"], "EDGE_PROOF_INVALID", "{what}");
        assert!(
            !body.to_string().contains(proof) || proof.is_empty(),
            "{what}: the answer repeats the proof"
        );
        assert_ne!(
            id, "r-1",
            "{what}: the id of an unproven edge is taken over"
        );
    }
}

pub(crate) async fn enroll(app: &App, name: &str) -> SigningKey {
    let name = EdgeName::parse(name).unwrap();
    let secret = edges::enroll(&app.store, name, app.clock.now())
        .await
        .unwrap();
    let seed = Base64UrlUnpadded::decode_vec(secret.rsplit('.').next().unwrap()).unwrap();
    SigningKey::from_seed(&seed.try_into().unwrap()).unwrap()
}

pub(crate) fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign(&TokenType::EdgeProof, claims).unwrap()
}

#[tokio::test]
async fn a_proven_edge_says_who_its_client_is() {
    let world = World::new().await;
    let (status, body, id) = world.ask(&[&sign(&world.edge, &world.claims())]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, json!({"address": "203.0.113.9", "edge": "edge-1"}));
    assert_eq!(id, "r-1");
    let mut claims = world.claims();
    claims["cip"] = json!("2001:db8::9");
    let (_, body, _) = world.ask(&[&sign(&world.edge, &claims)]).await;
    assert_eq!(body["address"], "2001:db8::9");
}

#[tokio::test]
async fn a_stranger_is_the_peer_of_the_socket_whatever_it_says() {
    let world = World::new().await;
    let (status, body, id) = world.ask(&[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, json!({"address": "192.0.2.7", "edge": null}));
    assert_ne!(id, "forged");
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_request_it_passes_on_but_a_proof_says_it_better() {
    let variable = ("EDGEWARD__SERVER__TRUSTED_PROXIES", "192.0.2.0/24");
    let proxies = crate::settings::load(None, &[variable])
        .unwrap()
        .server
        .proxies;
    let world = World::with(proxies).await;
    let (_, body, id) = world.ask(&[]).await;
    assert_eq!(body, json!({"address": "198.51.100.1", "edge": null}));
    assert_ne!(id, "forged");
    let (_, body, _) = world.ask(&[&sign(&world.edge, &world.claims())]).await;
    assert_eq!(body, json!({"address": "203.0.113.9", "edge": "edge-1"}));
    let (status, _, _) = world.ask(&["forged"]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_proof_for_anything_else_is_refused() {
    let world = World::new().await;
    let now = world.now().seconds();
    let rows: [(&str, &str, Value); 25] = [
        ("a waiver for another request", "refresh", json!(true)),
        ("for the edge itself and for a client", "own", json!(true)),
        ("another own", "own", json!("true")),
        ("another edge's name", "iss", json!("edge-2")),
        ("another subject", "sub", json!("edge-2")),
        ("no subject", "sub", Value::Null),
        ("another issuer", "aud", json!("https://other.example.com")),
        ("no audience", "aud", Value::Null),
        ("expired", "exp", json!(now - 61)),
        ("not for ever", "exp", json!(now + 31)),
        ("no end", "exp", Value::Null),
        ("no beginning", "iat", Value::Null),
        ("made in the future", "iat", json!(now + 300)),
        ("another method", "htm", json!("GET")),
        ("the method in small letters", "htm", json!("post")),
        ("no method", "htm", Value::Null),
        ("another path", "htu", json!("/auth/logout?x=1")),
        ("another query", "htu", json!("/auth/login?x=2")),
        ("no query", "htu", json!("/auth/login")),
        (
            "a whole URL",
            "htu",
            json!("http://127.0.0.1:8787/auth/login?x=1"),
        ),
        ("no id", "jti", Value::Null),
        ("no address", "cip", Value::Null),
        ("a name instead of an address", "cip", json!("localhost")),
        (
            "a request id that would break a log line",
            "rid",
            json!("a\nb"),
        ),
        ("a request id without end", "rid", json!("a".repeat(65))),
    ];
    for (what, claim, value) in rows {
        let mut claims = world.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        } else {
            claims[claim] = value;
        }
        world.check_refused(what, &sign(&world.edge, &claims)).await;
    }
}

#[tokio::test]
async fn a_forged_proof_is_refused() {
    let world = World::new().await;
    let claims = world.claims();
    let good = sign(&world.edge, &claims);
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let signs = world
        .app
        .keyring
        .signing_key(world.app.clock.now(), Instant::now());
    let issuer = signs.unwrap();
    let by_issuer = issuer.sign(&TokenType::EdgeProof, &claims).await.unwrap();
    let mut changed = good.clone();
    changed.replace_range(
        good.len() - 20..good.len() - 19,
        if good.as_bytes()[good.len() - 20] == b'A' {
            "B"
        } else {
            "A"
        },
    );
    let (head, tail) = good.split_once('.').unwrap();
    let rows = [
        ("nothing", String::new()),
        ("no token", "edge-1".to_owned()),
        ("a key of nobody", sign(&stranger, &claims)),
        ("the issuer's own key", by_issuer),
        ("a changed signature", changed),
        (
            "no signature",
            good.rsplit_once('.').unwrap().0.to_owned() + ".",
        ),
        (
            "an assertion",
            world.edge.sign(&TokenType::Assertion, &claims).unwrap(),
        ),
        (
            "an access token",
            world.edge.sign(&TokenType::Access, &claims).unwrap(),
        ),
        ("other claims under the signature", {
            let mut other = claims.clone();
            other["cip"] = json!("203.0.113.10");
            let other = sign(&world.edge, &other);
            let (_, signature) = tail.split_once('.').unwrap();
            format!("{head}.{}.{signature}", other.split('.').nth(1).unwrap())
        }),
    ];
    for (what, proof) in &rows {
        world.check_refused(what, proof).await;
    }
    let (status, _, _) = world.ask(&[&good, &good]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "two proofs");
    let (status, _, _) = world.ask(&[&good]).await;
    assert_eq!(
        status,
        StatusCode::OK,
        "the proof that the others were made from holds"
    );
}

#[tokio::test]
async fn one_edge_cannot_speak_for_another() {
    let world = World::new().await;
    let other = enroll(&world.app, "edge-2").await;
    world
        .check_refused("edge-2 as edge-1", &sign(&other, &world.claims()))
        .await;
    let mut claims = world.claims();
    claims["iss"] = json!("edge-2");
    claims["sub"] = json!("edge-2");
    let (_, body, _) = world.ask(&[&sign(&other, &claims)]).await;
    assert_eq!(body["edge"], "edge-2");
}

#[tokio::test]
async fn a_revoked_edge_is_refused_at_once_and_its_name_can_be_given_again() {
    let world = World::new().await;
    let name = EdgeName::parse("edge-1").unwrap();
    let store = &world.app.store;
    assert!(
        edges::enroll(store, name.clone(), world.now())
            .await
            .is_err(),
        "the name is in use"
    );
    assert!(edges::revoke(store, &name, world.now()).await.unwrap());
    assert!(
        !edges::revoke(store, &name, world.now()).await.unwrap(),
        "it was revoked before"
    );
    world
        .check_refused("revoked", &sign(&world.edge, &world.claims()))
        .await;
    let fresh = enroll(&world.app, "edge-1").await;
    let (status, _, _) = world.ask(&[&sign(&fresh, &world.claims())]).await;
    assert_eq!(status, StatusCode::OK);
    world
        .check_refused("the key from before", &sign(&world.edge, &world.claims()))
        .await;
}

/// Although the key set is asked for all the time, and is made of what the database said a moment ago: a verifier that meets a key which
/// it lacks asks once and then not again for a while.
#[tokio::test]
async fn the_key_set_has_each_edge_that_is_enrolled_and_none_that_is_revoked() {
    let world = World::new().await;
    let name = EdgeName::parse("edge-2").unwrap();
    let store = &world.app.store;
    for _ in 0..3 {
        let before = world.edges_of_the_key_set().await;
        let edge = enroll(&world.app, "edge-2").await;
        let with = world.edges_of_the_key_set().await;
        assert_eq!(with, before + 1, "{} is enrolled", edge.key_id());
        assert!(edges::revoke(store, &name, world.now()).await.unwrap());
        assert_eq!(world.edges_of_the_key_set().await, before, "it is revoked");
    }
}

#[tokio::test]
async fn only_a_build_for_tests_lets_a_request_set_the_clock() {
    let world = World::new().await;
    let then = world.now().seconds() - 1_000_000;
    let mut claims = world.claims();
    claims["iat"] = json!(then);
    claims["exp"] = json!(then + 30);
    let (status, _, _) = world
        .ask_at(Some(then), &[&sign(&world.edge, &claims)])
        .await;
    let expected = if cfg!(feature = "test-clock") {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    assert_eq!(status, expected);
}
