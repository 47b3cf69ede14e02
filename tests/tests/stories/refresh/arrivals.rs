//! What the edge tells the issuer of access tokens that browsers presented, and what becomes of a parent that comes late.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use edgeward_core::token::ARRIVALS_HEADER;
use edgeward_tests::feed::FEED_PATH;
use edgeward_tests::world::nobody;
use edgeward_tests::{Person, Setup, World, raw};

use super::{HELD_SECONDS, OVER_SECONDS, cookies, generation, refreshes};

/// Longer than the same successor is handed out after it was handed out last, once it is known to have arrived.
const GRACE_SECONDS: i64 = 31;
/// Longer than the feed is taken for current.
const FEED_SECONDS: i64 = 2;

/// A world whose issuer shows its numbers.
async fn world() -> (World, SocketAddr) {
    let numbers = nobody();
    let settings = format!("[metrics]\nlisten = \"{numbers}\"\n");
    let setup = Setup {
        issuer_settings: Box::leak(settings.into_boxed_str()),
        ..Setup::default()
    };
    (World::with(setup).await, numbers)
}

/// How many refreshes the issuer has written down as arrived.
fn written(numbers: SocketAddr) -> u64 {
    let answer = raw::get(numbers, "/metrics", &[]).expect("the numbers");
    let series = "edgeward_refresh_arrivals_total ";
    let mut lines = answer.body.lines();
    let number = lines.find_map(|line| line.strip_prefix(series));
    number.and_then(|number| number.parse().ok()).expect(series)
}

/// It is written behind the answer to the question that told it.
fn until_written(numbers: SocketAddr, count: u64) {
    const PATIENCE: Duration = Duration::from_secs(30);
    let since = Instant::now();
    while written(numbers) < count {
        assert!(since.elapsed() < PATIENCE, "{} written", written(numbers));
    }
}

/// What the edge told with each question for the feed, where it told anything.
fn told(world: &World) -> Vec<String> {
    let seen = world.to_issuer().seen();
    let asked = seen
        .iter()
        .filter(|seen| seen.target.starts_with(FEED_PATH));
    asked
        .map(|seen| seen.header(ARRIVALS_HEADER).concat())
        .filter(|told| !told.is_empty())
        .collect()
}

async fn somebody(world: &World, name: &str) -> Person {
    let person = world.user(name).await;
    person.log_in().await;
    let _ = person.get("/api/echo").send().await.expect(200);
    person
}

#[tokio::test]
async fn once_the_edge_saw_the_access_token_a_late_parent_is_a_stolen_one() {
    let (world, numbers) = world().await;
    let ada = somebody(&world, "ada").await;
    world.wait(OVER_SECONDS);
    let parent = cookies(&ada, &world);
    let _ = ada.get("/api/echo").send().await.expect(200);
    assert_eq!(generation(&ada), "1");
    assert_eq!(told(&world), Vec::<String>::new());

    // Whoever has the answer uses what was in it; the refresh token that was in it is never seen again.
    world.wait(FEED_SECONDS);
    let token = ada.access_token();
    for _ in 0..2 {
        let uses = world.browser().get("/api/echo").bearer(&token);
        let _ = uses.send().await.expect(200);
        world.wait(FEED_SECONDS);
    }
    until_written(numbers, 1);
    let sid = ada.cookie("refresh").unwrap().value;
    let sid = sid.split('.').nth(1).unwrap();
    assert_eq!(told(&world), [format!("{sid}.1;")], "once");

    world.wait(GRACE_SECONDS);
    let late = world.browser().get("/api/echo");
    let late = late.header("cookie", &parent).send().await;
    let _ = late.expect_problem(401, "NOT_SIGNED_IN");
    world.wait(FEED_SECONDS);
    let after = world.browser().get("/api/echo").bearer(&token);
    let _ = world
        .confirmed(after)
        .await
        .expect_problem(401, "TOKEN_REVOKED");
    assert!(world.logs().contains("refresh-reuse"));
}

#[tokio::test]
async fn what_the_edge_got_in_a_refresh_of_its_own_has_not_arrived() {
    let (world, numbers) = world().await;
    let ada = somebody(&world, "ada").await;
    world.wait(OVER_SECONDS);
    // The edge refreshes, uses the token for the request, and the answer with the cookies gets lost.
    let parent = cookies(&ada, &world);
    let ask = || {
        let asking = world.browser().get("/api/echo");
        asking.header("cookie", &parent).send()
    };
    let lost = ask().await.expect(200);
    // Others go on, so the edge asks for the feed, and would tell.
    let bob = somebody(&world, "bob").await;
    let feeds = |world: &World| {
        let lines = world.to_issuer().lines();
        lines.iter().filter(|line| line.contains(FEED_PATH)).count()
    };
    for _ in 0..3 {
        let before = feeds(&world);
        world.wait(FEED_SECONDS);
        let _ = bob.get("/api/echo").send().await.expect(200);
        assert!(feeds(&world) > before);
    }
    assert_eq!(told(&world), Vec::<String>::new());
    world.wait(GRACE_SECONDS + HELD_SECONDS);
    let again = ask().await.expect(200);
    assert_eq!(refreshes(&world), 2);
    let successor = |answer: &edgeward_tests::Answer| {
        let sets = answer.set_cookies();
        let set = sets.iter().find(|set| set.starts_with("edgeward-refresh="));
        set.and_then(|set| Some(set.split_once(';')?.0.to_owned()))
    };
    assert!(successor(&lost).is_some());
    assert_eq!(successor(&again), successor(&lost));

    // This time it arrives: the browser presents what it has, and that is told.
    for field in again.set_cookies() {
        ada.jar().receive(field, false, world.now());
    }
    world.wait(FEED_SECONDS);
    let _ = ada.get("/api/echo").send().await.expect(200);
    world.wait(FEED_SECONDS);
    let _ = bob.get("/api/echo").send().await.expect(200);
    until_written(numbers, 1);
    let next = ada.refresh().await;
    let _ = next.expect(200);
    assert_eq!(generation(&ada), "2");
}
