//! A token that was seen before has everything about it but its signature judged on every use; `platform_signatures` counts the checks.

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, TokenType, verify};
use edgeward_tests::other_issuer::{OtherIssuer, Signing, base64url};
use edgeward_tests::{Client, World};
use serde_json::json;

/// A token that is good for so many seconds from now on.
fn token(world: &World, issuer: &OtherIssuer, seconds: i64) -> String {
    let claims = json!({
        "iss": world.site.origin, "aud": world.site.origin, "sub": "u-1", "client_id": "other-web",
        "iat": world.now(), "exp": world.now() + seconds, "jti": "t-1",
    });
    issuer.sign(Signing::Es256, &claims)
}

async fn world() -> (World, OtherIssuer) {
    let mut world = World::start().await;
    let issuer = OtherIssuer::start();
    let edge = &mut world.stack.edge;
    edge.bind("ISSUER_ORIGIN", Some(&issuer.origin()));
    edge.stop();
    edge.start().expect("the edge starts again");
    (world, issuer)
}

#[tokio::test]
async fn its_time_is_looked_at_on_every_use() {
    let (world, issuer) = world().await;
    let token = token(&world, &issuer, 100);
    let ask = || world.browser().get("/auth/verify-token").bearer(&token);
    for _ in 0..3 {
        let _ = ask().send().await.expect(204);
    }
    world.wait(159); // the last second of the leeway
    let _ = ask().send().await.expect(204);
    world.wait(1);
    let _ = ask().send().await.expect_problem(401, "TOKEN_EXPIRED");
    world.wait(-100);
    let _ = ask().send().await.expect(204);
}

#[tokio::test]
async fn a_key_that_left_the_set_is_good_for_nothing_that_it_signed() {
    let (world, issuer) = world().await;
    let token = token(&world, &issuer, 600);
    let ask = |token: &str| world.browser().get("/auth/verify-token").bearer(token);
    for _ in 0..3 {
        let _ = ask(&token).send().await.expect(204);
    }
    let [_, other_key] = issuer.keys();
    issuer.show(&[other_key]);
    // A key that nobody knows makes the edge look for a newer set.
    let header = base64url(br#"{"alg":"ES256","kid":"nobody","typ":"at+jwt"}"#);
    let unknown = format!("{header}.e30.{}", base64url(&[1; 64]));
    let _ = ask(&unknown).send().await.expect(401);
    let _ = ask(&token).send().await.expect_problem(401, "UNKNOWN_KEY");

    issuer.show(&issuer.keys());
    world.wait(60);
    let _ = ask(&token).send().await.expect(204);
}

#[tokio::test]
async fn another_spelling_is_another_token() {
    let (world, issuer) = world().await;
    let token = token(&world, &issuer, 600);
    let ask = |token: &str| world.browser().get("/auth/verify-token").bearer(token);
    let _ = ask(&token).send().await.expect(204);
    let (head, signature) = token.rsplit_once('.').expect("a token of three parts");
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for near in [
        format!("{token}="),
        format!("{token}."),
        format!("{head}.{flipped}{}", &signature[1..]),
        format!("{head}."),
        head.to_owned(),
        token[..token.len() - 1].to_owned(),
    ] {
        let _ = ask(&near).send().await.expect(401);
    }
    let _ = ask(&token).send().await.expect(204);
}

#[tokio::test]
async fn the_policy_is_asked_on_every_use() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    for _ in 0..2 {
        let _ = ada.get("/api/echo").send().await.expect(200);
        let refused = ada.get("/admin").send().await;
        let _ = refused.expect_problem(403, "INSUFFICIENT_ROLE");
        let _ = ada
            .get("/metrics")
            .send()
            .await
            .expect_problem(403, "ROUTE_DENIED");
    }
}

#[tokio::test]
async fn two_people_never_share_an_assertion_and_each_has_half_a_minute_left() {
    let world = World::start().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    for person in [&ada, &bob] {
        person.log_in().await;
    }
    let keys = world.browser().get("/.well-known/jwks.json").send().await;
    let keys = KeySet::parse(keys.expect(200).body.as_bytes()).unwrap();
    let origin = world.site.origin.clone();
    let expect = Expectations::new(
        origin.clone(),
        Audiences::OneOf(vec![origin]),
        TokenType::Assertion,
    );
    let mut assertions = Vec::new();
    for _ in 0..10 {
        for person in [&ada, &bob] {
            let assertion = sent_on(&world, person).await;
            let now = UnixTime::from_seconds(world.now());
            let verified = verify(&assertion, &keys, &expect, now).unwrap();
            let claims = verified.claims();
            assert_eq!(claims.email(), Some(person.email.as_str()));
            let left = claims.expires_at().seconds_since(now);
            assert!((30..=60).contains(&left), "{left} seconds are left");
            assertions.push(assertion);
        }
        world.wait(10);
    }
    assertions.sort();
    assertions.dedup();
    // One for four uses, ten seconds apart, of each of the two.
    assert_eq!(assertions.len(), 2 * 3);
}

/// The assertion with which a request of this client came to the app.
async fn sent_on(world: &World, client: &Client) -> String {
    let _ = client.get("/api/echo").send().await.expect(200);
    let seen = world.to_app().seen();
    let seen = seen.last().expect("it came through");
    let [assertion] = seen.header("edgeward-assertion")[..] else {
        panic!("one assertion: {seen:?}")
    };
    assertion.to_owned()
}
