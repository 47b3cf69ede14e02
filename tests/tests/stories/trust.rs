//! Edge, issuer and app: who believes what, and why.

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType, verify};
use edgeward_tests::client::TEST_CLOCK;
use edgeward_tests::tap::Seen;
use edgeward_tests::{World, minutes};
use serde_json::{Value, json};

#[tokio::test]
async fn the_assertion_verifies_against_the_issuers_key_set_and_as_nothing_else() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);
    let assertion = last_to_app(&world).header("edgeward-assertion")[0].to_owned();

    let body = world
        .browser()
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200)
        .body;
    let keys = KeySet::parse(body.as_bytes()).unwrap();
    let origin = world.site.origin.clone();
    let expect = |token_type| {
        Expectations::new(
            origin.clone(),
            Audiences::OneOf(vec![origin.clone()]),
            token_type,
        )
    };
    let now = UnixTime::from_seconds(world.now());

    let verified = verify(&assertion, &keys, &expect(TokenType::Assertion), now).unwrap();
    let claims = verified.claims();
    let me = ada.get("/auth/me").send().await.expect(200);
    assert_eq!(claims.subject(), Some(me.text("/user/id").as_str()));
    assert_eq!(claims.email(), Some("ada@example.test"));
    assert_eq!(claims.get("edge").and_then(Value::as_str), Some("dev"));
    assert_eq!(claims.expires_at().seconds_since(now), 60);

    assert!(verify(&assertion, &keys, &expect(TokenType::Access), now).is_err());
    let later = now.plus(60 + 61);
    assert_eq!(
        verify(&assertion, &keys, &expect(TokenType::Assertion), later)
            .map(|_| ())
            .unwrap_err()
            .code(),
        "TOKEN_EXPIRED"
    );
    assert!(
        verify(
            &ada.access_token(),
            &keys,
            &expect(TokenType::Assertion),
            now
        )
        .is_err(),
        "an access token asserts nothing"
    );
    let _ = world
        .browser()
        .get("/auth/verify-token")
        .bearer(&assertion)
        .send()
        .await
        .expect(401);
}

#[tokio::test]
async fn an_assertion_is_made_anew_as_time_goes_by() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let _ = ada.get("/api/echo").send().await.expect(200);
        seen.push(last_to_app(&world).header("edgeward-assertion")[0].to_owned());
        world.wait(minutes(2));
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each holds for a minute only");
}

#[tokio::test]
async fn the_issuer_hears_who_the_client_is_from_the_edge_alone() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let seen = world.to_issuer().seen();
    let login = seen
        .iter()
        .find(|seen| seen.target == "/auth/login")
        .unwrap();
    assert_eq!(login.header("edgeward-proof").len(), 1, "{login:?}");
    assert!(
        seen.iter()
            .all(|seen| seen.header("edgeward-proof").len() == 1),
        "every request to the issuer is proved"
    );
}

#[tokio::test]
async fn a_proof_is_good_for_its_own_request_only() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let seen = world.to_issuer().seen();
    let proof = seen
        .iter()
        .find(|seen| seen.target == "/auth/login")
        .unwrap()
        .header("edgeward-proof")[0]
        .to_owned();

    let stranger = world.stranger_at_the_issuer();
    for path in ["/auth/csrf", "/auth/login?x=1", "/healthz"] {
        let answer = stranger
            .get(path)
            .header("edgeward-proof", &proof)
            .send()
            .await;
        let _ = answer.expect_problem(401, "EDGE_PROOF_INVALID");
    }
    world.wait(minutes(3));
    let credentials = json!({ "email": ada.email, "password": ada.password });
    let late = stranger
        .post("/auth/login")
        .instead("origin", &world.site.origin)
        .json(&credentials);
    let _ = late
        .header("edgeward-proof", &proof)
        .send()
        .await
        .expect_problem(401, "EDGE_PROOF_INVALID");
}

#[tokio::test]
async fn what_claims_to_be_an_edge_and_is_not_enrolled_is_refused() {
    let world = World::start().await;
    let stranger = world.stranger_at_the_issuer();
    let key = SigningKey::from_seed(&[7; 32]).unwrap();
    let now = world.now();
    let claims = json!({
        "iss": "dev", "sub": "dev", "aud": world.site.origin, "iat": now, "exp": now + 30, "jti": "1",
        "htm": "GET", "htu": "/auth/csrf", "cip": "203.0.113.7", "rid": "r",
    });
    let forged = key.sign(&TokenType::EdgeProof, &claims).unwrap();
    for proof in [forged.as_str(), "garbage", "", "a.b.c"] {
        let answer = stranger
            .get("/auth/csrf")
            .header("edgeward-proof", proof)
            .send()
            .await;
        let _ = answer.expect_problem(401, "EDGE_PROOF_INVALID");
    }
    let _ = stranger.get("/auth/csrf").send().await.expect(200);
}

#[tokio::test]
async fn a_stranger_at_the_issuer_has_no_more_than_a_browser() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let stranger = world.stranger_at_the_issuer();
    let cookies = format!("edgeward-refresh={}", ada.cookie("refresh").unwrap().value);
    let refresh = stranger
        .post("/auth/refresh")
        .instead("origin", &world.site.origin)
        .header("cookie", &cookies);
    let _ = refresh
        .header("x-forwarded-for", "203.0.113.7")
        .send()
        .await
        .expect_problem(403, "CSRF_INVALID");
    let _ = ada.refresh().await.expect(200);
    let foreign = stranger
        .post("/auth/login")
        .json(&json!({ "email": ada.email, "password": ada.password }));
    let _ = foreign.send().await.expect_problem(403, "ORIGIN_REFUSED");
}

#[tokio::test]
async fn the_operators_pages_are_not_reached_through_the_edge() {
    let world = World::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = world.browser().get(path).send().await;
        assert!(matches!(answer.status, 401 | 403 | 404), "{answer:?}");
    }
    assert!(
        world
            .to_issuer()
            .lines()
            .iter()
            .all(|line| !line.ends_with("z") && !line.contains("metrics"))
    );
    let _ = world
        .browser()
        .get("/_edgeward/health")
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_revoked_edge_is_no_edge() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let revoked = world
        .stack
        .issuer
        .command()
        .args(["edge", "revoke", "dev"])
        .output()
        .unwrap();
    assert!(
        revoked.status.success(),
        "{}",
        String::from_utf8_lossy(&revoked.stderr)
    );
    let answer = world.browser().get("/auth/csrf").send().await;
    assert!(matches!(answer.status, 401 | 503), "{answer:?}");
    let keys = world
        .stranger_at_the_issuer()
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200)
        .json();
    let keys = keys
        .pointer("/keys")
        .and_then(Value::as_array)
        .cloned()
        .unwrap();
    assert!(
        keys.iter().all(|key| key.get("edgeward_typ").is_none()),
        "{keys:?}"
    );
}

#[tokio::test]
async fn the_clock_of_a_story_reaches_the_issuer_through_the_edge_and_never_the_app() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);
    assert_eq!(last_to_app(&world).header(TEST_CLOCK), Vec::<&str>::new());
    let seen = world.to_issuer().seen();
    let login = seen
        .iter()
        .find(|seen| seen.target == "/auth/login")
        .unwrap();
    assert_eq!(login.header(TEST_CLOCK), [world.now().to_string()]);
}

fn last_to_app(world: &World) -> Seen {
    world.to_app().seen().pop().expect("the app was asked")
}
