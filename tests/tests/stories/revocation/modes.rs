//! What a route bears: with the feed at hand, with the issuer away, and when it is back.

use edgeward_tests::{Person, Setup, World};
use reqwest::Method;
use serde_json::Value;

use super::{BOUND_SECONDS, LONGEST_BACKOFF_SECONDS, NOT_LOADED};

/// One path in three ways: GET is bounded, POST strict, PUT eventual.
const POLICY: &str = r#"
version = 1

[gate]
revocation_within_seconds = 10

[[route]]
path = "/api/echo"
methods = ["GET"]
allow = "signed-in"

[[route]]
path = "/api/echo"
methods = ["POST"]
allow = "signed-in"
revocation = "strict"

[[route]]
path = "/api/echo"
methods = ["PUT"]
allow = "signed-in"
revocation = "eventual"
"#;

/// Without taps: an issuer that is down refuses connections itself.
async fn world() -> World {
    World::with(Setup {
        policy: Some(POLICY.to_owned()),
        taps: false,
        ..Setup::default()
    })
    .await
}

const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::PUT];

/// What is answered on the bounded, the strict and the eventual route.
async fn answers(person: &Person) -> [u16; 3] {
    let mut answers = [0; 3];
    for (method, answer) in METHODS.into_iter().zip(&mut answers) {
        *answer = person.ask(method, "/api/echo").send().await.status;
    }
    answers
}

/// The same, of requests that are judged by current word of ended sessions.
async fn confirmed(world: &World, person: &Person) -> [u16; 3] {
    let mut answers = [0; 3];
    for (method, answer) in METHODS.into_iter().zip(&mut answers) {
        let asking = person.ask(method, "/api/echo");
        *answer = world.confirmed(asking).await.status;
    }
    answers
}

/// How many requests the edge has let pass without current word.
async fn unconfirmed(world: &World) -> u64 {
    let seen = world.feed_health().await;
    let passed = seen.get("passedUnconfirmed").and_then(Value::as_u64);
    passed.expect("a number")
}

#[tokio::test]
async fn while_the_issuer_is_away_each_route_bears_what_it_says_and_nothing_needs_a_restart() {
    let mut world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let token = ada.access_token();
    assert_eq!(confirmed(&world, &ada).await, [200, 200, 200]);
    let before = unconfirmed(&world).await;

    world.stack.issuer.stop();
    // What was known a moment ago is known.
    assert_eq!(answers(&ada).await, [200, 200, 200]);
    assert_eq!(unconfirmed(&world).await, before);
    world.wait(BOUND_SECONDS);
    assert_eq!(answers(&ada).await, [200, 503, 200]);
    assert_eq!(unconfirmed(&world).await, before + 1);
    let closed = ada.ask(Method::POST, "/api/echo").send().await;
    let closed = closed.expect_problem(503, "REVOCATIONS_UNAVAILABLE");
    assert_eq!(closed.header("retry-after"), Some("1"));
    assert_eq!(world.feed_health().await["feed"], "failing");
    assert_eq!(world.reasons(NOT_LOADED), ["issuer-unreachable"]);
    // Nobody's token is a way around, and an expired one is expired.
    let _ = world.browser().get("/api/echo").send().await.expect(401);
    world.wait(660);
    let expired = world.browser().get("/api/echo").bearer(&token).send().await;
    let _ = expired.expect_problem(401, "TOKEN_EXPIRED");
    world.wait(-660);

    world.stack.issuer.start().expect("the issuer starts again");
    world.wait(LONGEST_BACKOFF_SECONDS);
    assert_eq!(confirmed(&world, &ada).await, [200, 200, 200]);
    assert_eq!(world.feed_health().await["feed"], "read");
    assert!(world.logs().contains("revocations-loaded-again"));
}

#[tokio::test]
async fn what_ended_while_nobody_could_be_asked_is_known_when_somebody_can() {
    let mut world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    assert_eq!(confirmed(&world, &elsewhere).await, [200, 200, 200]);
    let all = ada.post("/auth/logout-all").with_csrf().send().await;
    let _ = all.expect(204);
    world.stack.issuer.stop();
    world.wait(BOUND_SECONDS);
    assert_eq!(
        answers(&elsewhere).await,
        [200, 503, 200],
        "the promise is not kept, visibly"
    );

    world.stack.issuer.start().expect("the issuer starts again");
    world.wait(LONGEST_BACKOFF_SECONDS);
    assert_eq!(confirmed(&world, &elsewhere).await, [401, 401, 401]);
    // And stays known when the issuer is away again.
    world.stack.issuer.stop();
    world.wait(60);
    assert_eq!(answers(&elsewhere).await, [401, 401, 401]);
}

#[tokio::test]
async fn an_eventual_route_knows_within_its_bound() {
    let world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    let eventual = || elsewhere.ask(Method::PUT, "/api/echo");
    let _ = world.confirmed(eventual()).await.expect(200);
    let _ = ada
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect(204);
    // Below half of its bound nobody asks.
    world.wait(4);
    let _ = eventual().send().await.expect(200);
    assert_eq!(world.feed_health().await["fetches"], 1);
    world.wait(6);
    let refused = world.confirmed(eventual()).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
}
