//! The edge bundle: what is in it, for whom, and what an edge can do with it.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::{
    bundle::{self, BUNDLE_TYPE, Bundle},
    cookie::{CookieNames, Environment},
    csrf,
    token::{self, SigningKey, TokenType},
};
use edgeward_issuer::domain::edges::{self, EdgeName};
use serde_json::{Value, json};

use crate::desk::{Answer, Browser, Desk, SITE, USER_AGENT};

const BUNDLE: &str = "/.well-known/edgeward-edge";

/// What an enrolled edge is answered whose proof says this besides.
async fn asks(desk: &Desk, whose: Value) -> Answer {
    let name = EdgeName::parse("edge-1").unwrap();
    let (store, now) = (&desk.app.store, desk.app.clock.now());
    let _ = edges::revoke(store, &name, now).await.unwrap();
    let secret = edges::enroll(store, name, now).await.unwrap();
    let seed = Base64UrlUnpadded::decode_vec(secret.rsplit('.').next().unwrap()).unwrap();
    let key = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
    let now = now.seconds();
    let mut claims = json!({
        "iss": "edge-1", "sub": "edge-1", "aud": SITE, "iat": now, "exp": now + 30, "jti": "j-1", "htm": "GET",
        "htu": BUNDLE, "rid": "r-1",
    });
    for (name, value) in whose.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let proof = key.sign(&TokenType::EdgeProof, &claims).unwrap();
    let mut http: Browser = desk.browser();
    let ask = http.get(BUNDLE).header("edgeward-proof", &proof);
    ask.send().await
}

#[tokio::test]
async fn an_edge_reads_it_and_learns_the_derived_key_only() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let answer = asks(&desk, json!({ "own": true })).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let media = answer.header("content-type").to_owned();
    assert_eq!(media, format!("application/{BUNDLE_TYPE}"));

    let config = &desk.app.config.issuer;
    let expect = bundle::expectations(&config.url, &config.audience);
    let (keys, now) = (desk.app.keyring.public_keys(), desk.app.clock.now());
    let names = CookieNames::for_environment(Environment::Development, false);
    let body = answer.body.as_bytes();
    let read = |id, now| Bundle::read(body, id, &names, &keys, &expect, now);
    let bundle = read("r-1", now).unwrap();
    assert!(bundle.names_agree && bundle.good_until > now.plus(3600));
    assert!(read("r-2", now).is_err() && read("r-1", now.plus(121)).is_err());
    let mut as_access = expect.clone();
    as_access.token_type = TokenType::Access;
    assert!(token::verify(&answer.body, &keys, &as_access, now).is_err());

    let known = desk.app.csrf_keys(now).await.unwrap();
    let [key] = bundle.csrf_keys.as_slice() else {
        panic!("one generation")
    };
    assert_eq!(*key.reveal(), *known.makes().for_apps().reveal());
    // With what an edge knows nobody makes a token that the issuer takes.
    let stolen: [u8; 32] = Base64UrlUnpadded::decode_vec(&key.reveal())
        .unwrap()
        .try_into()
        .unwrap();
    let forger = csrf::CsrfKey::from_bytes(stolen);
    let sid = browser
        .get("/auth/sessions")
        .send()
        .await
        .expect(200)
        .json()["sessions"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let forged = csrf::issue(&forger, &sid, USER_AGENT, now, &[7; 16]);
    browser.set_cookie("csrf", &forged);
    let posted = browser
        .post("/auth/refresh")
        .header("x-csrf-token", &forged);
    posted.send().await.expect_problem(403, "CSRF_INVALID");
    browser.refresh().await.expect(200);
}

#[tokio::test]
async fn nobody_else_reads_it() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let stranger = browser.get(BUNDLE).send().await;
    stranger.expect_problem(401, "EDGE_PROOF_REQUIRED");
    for (whose, code) in [
        (json!({ "cip": "203.0.113.9" }), "EDGE_PROOF_REQUIRED"),
        (
            json!({ "own": true, "htu": "/.well-known/edgeward-revocations" }),
            "EDGE_PROOF_INVALID",
        ),
        (
            json!({ "own": true, "aud": "https://other.example" }),
            "EDGE_PROOF_INVALID",
        ),
        (json!({ "own": false }), "EDGE_PROOF_INVALID"),
        (json!({}), "EDGE_PROOF_INVALID"),
    ] {
        let answer = asks(&desk, whose).await;
        assert!(!answer.body.contains("eyJ"), "{}", answer.body);
        answer.expect_problem(401, code);
    }
}

#[tokio::test]
async fn the_token_that_is_handed_out_serves_app_routes_and_stays_while_it_is_good() {
    let (_desk, mut browser) = Desk::with_ada_signed_in().await;
    let token = browser.csrf_token().await;
    assert!(csrf::serves_app_routes(&token));
    assert_eq!(token, browser.csrf_token().await);
}
