//! Tokens of other algorithms than EdDSA: whom they are for, and that the issuer takes its own.

use std::time::Instant;

use edgeward_core::token::{Audiences, Expectations, ParsedToken, TokenType};
use edgeward_issuer::{
    chores,
    config::{Audience, Config, Origin},
    domain::keyring::{KeyState, Life, SigningKeys, acts::Acts, life::Pace},
    signatures::{self, SigningAlgorithm},
};
use serde_json::{Value, json};

use crate::desk::{Desk, EMAIL, PASSWORD, SITE};

const REPORTS: &str = "https://reports.example.test";

fn audience(name: &str, algorithm: SigningAlgorithm) -> Audience {
    Audience {
        name: name.to_owned(),
        algorithm,
        origin: Origin::Default,
    }
}

/// The application's tokens are of ES256, those for the reports of RS256.
fn of_all(config: &mut Config) {
    config.tokens.algorithm = SigningAlgorithm::Es256;
    config.tokens.audiences = vec![audience(REPORTS, SigningAlgorithm::Rs256)];
}

/// The name of the algorithm, once the token verifies for this audience.
fn algorithm_of(desk: &Desk, token: &str, audience: &str) -> String {
    let audiences = Audiences::OneOf(vec![audience.to_owned()]);
    let expect = Expectations::new(SITE, audiences, TokenType::Access);
    let keys = desk.app.keyring.public_keys();
    let verified = signatures::verify(token, &keys, &expect, desk.app.clock.now());
    assert!(verified.is_ok(), "{verified:?}");
    ParsedToken::parse(token).unwrap().algorithm().to_owned()
}

#[tokio::test]
async fn the_issuer_takes_the_tokens_that_it_signs_by_any_algorithm() {
    for algorithm in SigningAlgorithm::ALL {
        let choose = |config: &mut Config| config.tokens.algorithm = algorithm;
        let (desk, mut ada) = Desk::with_ada_and(choose).await;
        ada.log_in(EMAIL).await;
        let first = ada.cookie("access");
        assert_eq!(algorithm_of(&desk, &first, SITE), algorithm.name());
        let _ = ada.refresh().await.expect(200);
        let second = ada.cookie("access");
        assert_eq!(algorithm_of(&desk, &second, SITE), algorithm.name());
        let mut machine = desk.browser();
        for (token, status) in [(second.as_str(), 200), (&second[..second.len() - 8], 401)] {
            let bearer = format!("Bearer {token}");
            let asked = machine.get("/auth/me").header("authorization", &bearer);
            let _ = asked.send().await.expect(status);
        }
        let ready = desk.readiness().await.expect(200).json();
        assert_eq!(ready["checks"]["signingKey"], "ok", "{algorithm}");
        let set = machine.get("/.well-known/jwks.json").send().await;
        let set = set.expect(200).json();
        let keys = set["keys"].as_array().unwrap();
        let in_set = |name: &str| keys.iter().filter(|key| key["alg"] == name).count();
        assert_eq!(
            in_set("EdDSA"),
            1,
            "what edges are told is signed by it: {set}"
        );
        assert_eq!(in_set(algorithm.name()), 1, "{set}");
        let own = keys.iter().find(|key| key["alg"] == algorithm.name());
        let parsed = ParsedToken::parse(&second).unwrap();
        assert_eq!(own.unwrap()["kid"].as_str(), parsed.key_id());
        assert!(!set.to_string().contains("\"d\""), "no private half: {set}");
    }
}

#[tokio::test]
async fn a_caller_that_keeps_its_tokens_itself_says_whom_they_are_for() {
    let (desk, mut ada) = Desk::with_ada_and(of_all).await;
    let sign_in = |audience: Value| json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body", "audience": audience });
    let answer = ada.post("/auth/login").json(&sign_in(json!(REPORTS)));
    let body = answer.with_csrf().send().await.expect(200).json();
    let token = body["accessToken"].as_str().unwrap();
    assert_eq!(algorithm_of(&desk, token, REPORTS), "RS256");
    // It is not for the issuer, nor for the application.
    let bearer = format!("Bearer {token}");
    let asked = ada.get("/auth/me").header("authorization", &bearer);
    let _ = asked.send().await.expect(401);

    let mut refresh = body["refreshToken"].clone();
    for (asked, expected) in [
        (json!(REPORTS), Some((REPORTS, "RS256"))),
        (json!(SITE), Some((SITE, "ES256"))),
        (Value::Null, Some((SITE, "ES256"))),
        (json!("https://reports.example.test/"), None),
        (json!(""), None),
    ] {
        let request = json!({ "refreshToken": refresh, "audience": asked });
        let answer = ada
            .post("/auth/refresh")
            .json(&request)
            .with_csrf()
            .send()
            .await;
        match expected {
            Some((audience, algorithm)) => {
                let body = answer.expect(200).json();
                let token = body["accessToken"].as_str().unwrap();
                assert_eq!(algorithm_of(&desk, token, audience), algorithm);
                refresh = body["refreshToken"].clone();
            }
            None => assert_eq!(answer.expect(422).json()["code"], "VALIDATION_FAILED"),
        }
    }
    // The refusals have not used the token up.
    let request = json!({ "refreshToken": refresh });
    let _ = ada
        .post("/auth/refresh")
        .json(&request)
        .with_csrf()
        .send()
        .await
        .expect(200);

    let mut in_cookies = sign_in(json!(REPORTS));
    in_cookies["tokenMode"] = json!("cookie");
    let answer = ada
        .post("/auth/login")
        .json(&in_cookies)
        .with_csrf()
        .send()
        .await;
    assert_eq!(answer.expect(400).json()["code"], "MALFORMED_BODY");
    let unknown = sign_in(json!("nobody"));
    let answer = ada
        .post("/auth/login")
        .json(&unknown)
        .with_csrf()
        .send()
        .await;
    assert_eq!(answer.expect(422).json()["code"], "VALIDATION_FAILED");
}

async fn lives(desk: &Desk, algorithm: SigningAlgorithm) -> Vec<Life> {
    let stored = desk.app.store.signing_keys().await.unwrap();
    let of_it = stored.into_iter().filter(|key| key.algorithm == algorithm);
    of_it.map(|key| key.life).collect()
}

/// Verifiers that have seen keys of this issuer have to see the first of another algorithm too. Until then the tokens are what
/// they were.
#[tokio::test]
async fn a_new_algorithm_begins_when_its_first_key_is_seen_and_ends_after_its_last_token() {
    let (desk, mut ada) = Desk::with_ada().await;
    ada.log_in(EMAIL).await;
    let mut config = desk.app.config.clone();
    config.tokens.algorithm = SigningAlgorithm::Es256;
    let app = |config: &Config| edgeward_issuer::App::open(config.clone());
    let second = app(&config).await.unwrap();
    chores::make_next_key(&second).await;
    let signer = async |app: &edgeward_issuer::App| {
        let signer = app.signer(SITE, app.clock.now()).await.unwrap();
        signer.key_for(app.clock.now()).unwrap().algorithm()
    };
    assert_eq!(signer(&second).await, SigningAlgorithm::EdDsa);
    let [waits] = &lives(&desk, SigningAlgorithm::Es256).await[..] else {
        panic!("one key of ES256");
    };
    assert_eq!(waits.state, KeyState::Published);
    assert_eq!(waits.signs_from, waits.seen_everywhere_from());
    let forced = Acts {
        store: &second.store,
        secrets: &second.secrets,
        algorithm: SigningAlgorithm::Es256,
        now: second.clock.now(),
    };
    let done = forced.rotate(Pace::Forced).await.unwrap();
    assert_eq!(done.key.key_id, waits.key_id);
    let (now, at) = (second.clock.now(), Instant::now());
    let read = second
        .keyring
        .reload(&second.store, &second.secrets, now, at);
    read.await.unwrap();
    assert_eq!(signer(&second).await, SigningAlgorithm::Es256);
    second.store.close().await;

    // It is out of use again: tokens are of EdDSA at once, and the key stays for those that it signed.
    let third = app(&desk.app.config).await.unwrap();
    chores::make_next_key(&third).await;
    assert_eq!(signer(&third).await, SigningAlgorithm::EdDsa);
    let [left] = &lives(&desk, SigningAlgorithm::Es256).await[..] else {
        panic!("no other key of ES256");
    };
    assert_eq!(left.state, KeyState::Retiring);
    assert!(left.retires_at() > left.signed_until && left.signed_until > Some(now.plus(600)));
    assert!(third.keyring.public_keys().contains(&left.key_id));
    third.store.close().await;
}
