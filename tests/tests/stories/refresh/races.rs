//! Many requests at once, and answers that are lost.

use std::time::Instant;

use edgeward_tests::world::NEVER;
use edgeward_tests::{Person, World};
use tokio::task::JoinSet;

use super::{HELD_SECONDS, OVER_SECONDS, cookies, generation, refreshes};

/// Ada, whose access token is over.
async fn ada_late(world: &World) -> Person {
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);
    world.wait(OVER_SECONDS);
    ada
}

#[tokio::test]
async fn ten_requests_at_once_are_one_refresh_and_all_go_on() {
    let world = World::start().await;
    let ada = ada_late(&world).await;
    let sent = cookies(&ada, &world);
    let mut requests = JoinSet::new();
    for number in 0..10 {
        let asking = ada.get(&format!("/api/echo?{number}")).without_cookies();
        let asking = asking.header("cookie", &sent);
        requests.spawn(async move { asking.send().await.expect(200) });
    }
    let answers = requests.join_all().await;
    assert_eq!(refreshes(&world), 1);
    let mut tokens: Vec<_> = answers
        .iter()
        .flat_map(|answer| answer.set_cookies())
        .filter(|set| set.starts_with("edgeward-refresh="))
        .collect();
    // Whichever answer a browser reads last, it has the one successor.
    assert_eq!(tokens.len(), 10);
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    ada.jar().receive(tokens[0], false, world.now());
    assert_eq!(generation(&ada), "1");
    // The next one that comes with the token before asks the issuer, and gets the same.
    world.wait(HELD_SECONDS);
    let late = ada.get("/api/echo").without_cookies();
    let late = late.header("cookie", &sent).send().await.expect(200);
    assert_eq!(refreshes(&world), 2);
    let again = late.set_cookies();
    let again = again
        .iter()
        .find(|set| set.starts_with("edgeward-refresh="));
    assert_eq!(
        again
            .and_then(|set| set.split_once(';'))
            .map(|(pair, _)| pair),
        tokens[0].split_once(';').map(|(pair, _)| pair)
    );
}

#[tokio::test]
async fn a_refresh_goes_on_though_the_browser_that_caused_it_goes_away() {
    let world = World::start().await;
    let ada = ada_late(&world).await;
    let sent = cookies(&ada, &world);
    let asking = || {
        let asking = ada.get("/api/echo").without_cookies();
        asking.header("cookie", &sent).send()
    };
    world.to_issuer().holds_back();
    let first = tokio::spawn(asking());
    let began = Instant::now();
    while refreshes(&world) == 0 {
        assert!(began.elapsed() < NEVER, "it never refreshes");
        let _ = world.feed_health().await;
    }
    first.abort();
    assert!(first.await.is_err(), "it was not answered");
    // The runtime has seen the reset when it has answered something that came after it.
    let _ = world.feed_health().await;
    world.to_issuer().lets_go();
    let _ = asking().await.expect(200);
    assert_eq!(refreshes(&world), 1, "for whoever comes with the token");
}

#[tokio::test]
async fn who_is_late_in_a_race_with_another_isolate_waits_and_repeats_once() {
    let world = World::start().await;
    let ada = ada_late(&world).await;
    let before = cookies(&ada, &world);
    // Another isolate would do it in the same way: the row moves, and this one knows nothing of it.
    let _ = ada.refresh().await.expect(200);
    assert_eq!(refreshes(&world), 1);
    let loser = ada.get("/api/echo").without_cookies();
    let answer = loser.header("cookie", &before).send().await.expect(200);
    assert_eq!(refreshes(&world), 3, "409, and once more");
    for field in answer.set_cookies() {
        ada.jar().receive(field, false, world.now());
    }
    assert_eq!(generation(&ada), "1", "one rotation");
    let _ = ada.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn a_lost_answer_of_the_issuer_costs_one_request_and_no_session() {
    let world = World::start().await;
    let ada = ada_late(&world).await;
    world.to_issuer().loses_the_next_answer_to("/auth/refresh");
    let lost = ada.get("/api/echo").send().await;
    let lost = lost.expect_problem(503, "ISSUER_UNAVAILABLE");
    assert_eq!(lost.header("retry-after"), Some("1"));
    assert_eq!(generation(&ada), "0");
    world.wait(HELD_SECONDS);
    let _ = ada.get("/api/echo").send().await.expect(200);
    assert_eq!(generation(&ada), "1");
    world.wait(OVER_SECONDS);
    let _ = ada.get("/api/echo").send().await.expect(200);
    assert_eq!(generation(&ada), "2");
}

#[tokio::test]
async fn a_browser_that_lost_the_answer_of_the_edge_goes_on() {
    let world = World::start().await;
    let ada = ada_late(&world).await;
    let sent = cookies(&ada, &world);
    let ask = || {
        let asking = ada.get("/api/echo").without_cookies();
        asking.header("cookie", &sent).send()
    };
    let first = ask().await.expect(200);
    // At once from the isolate, later from the issuer; the same successor each time.
    for (seconds, count) in [(0, 1), (HELD_SECONDS, 2), (60, 3)] {
        world.wait(seconds);
        let again = ask().await.expect(200);
        assert_eq!(refreshes(&world), count);
        let refresh = |answer: &edgeward_tests::Answer| {
            let sets = answer.set_cookies();
            let set = sets.iter().find(|set| set.starts_with("edgeward-refresh="));
            set.and_then(|set| Some(set.split_once(';')?.0.to_owned()))
        };
        assert_eq!(refresh(&again), refresh(&first), "after {seconds} s");
    }
}
