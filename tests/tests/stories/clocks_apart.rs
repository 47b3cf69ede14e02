//! The clocks of edge and issuer differ: by half a minute, which nobody notices, and by two, of which the edge believes nothing.

use edgeward_core::time::LEEWAY_SECONDS;
use edgeward_tests::world::{LONGEST_BACKOFF_SECONDS, STRICT_PATH};
use edgeward_tests::{Answer, Person, World, minutes};

/// As long as the issuer's access tokens live.
const TOKEN_SECONDS: i64 = 600;
/// As long as an edge's proof holds.
const PROOF_SECONDS: i64 = 30;

/// A world whose issuer's clock is so many seconds ahead, or behind. Both are after the moment at which the issuer made its key.
async fn world(issuer_ahead: i64) -> World {
    let world = World::with_a_strict_path().await;
    world.wait(minutes(5));
    world.to_issuer().sets_the_clock_ahead_by(issuer_ahead);
    world
}

async fn bounded(person: &Person) -> Answer {
    person.get("/api/echo").send().await
}

async fn strict(person: &Person) -> Answer {
    person.get(STRICT_PATH).send().await
}

/// How it stands with the feed, as the edge tells.
async fn feed(world: &World) -> String {
    let health = world.feed_health().await;
    let state = health.get("feed").and_then(|state| state.as_str());
    state.expect("a word").to_owned()
}

/// How often a refresh was asked for.
fn refreshes(world: &World) -> usize {
    let lines = world.to_issuer().lines();
    let refreshes = lines.iter().filter(|line| *line == "POST /auth/refresh");
    refreshes.count()
}

#[tokio::test]
async fn half_a_minute_apart_nobody_notices() {
    for issuer_ahead in [30, -30] {
        let world = world(issuer_ahead).await;
        let ada = world.user("ada").await;
        ada.log_in().await;
        let elsewhere = ada.at(world.browser());
        elsewhere.log_in().await;
        let token = ada.access_token();
        let signed_in = world.now();
        let _ = bounded(&ada).await.expect(200);
        let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
        assert_eq!(feed(&world).await, "read", "{issuer_ahead}");

        // A sign-out is obeyed as soon as ever: the age of the feed is the edge's own measure.
        let ended = elsewhere.access_token();
        let _ = elsewhere.log_out().await.expect(204);
        world.wait(1);
        let ended = world.browser().get("/api/echo").bearer(&ended);
        let ended = world.confirmed(ended).await;
        let _ = ended.expect_problem(401, "TOKEN_REVOKED");
        let _ = bounded(&ada).await.expect(200);

        // The issuer wrote down when the token ends, and the edge looks at its own clock.
        let ends = signed_in + issuer_ahead + TOKEN_SECONDS + LEEWAY_SECONDS;
        let bearer = || world.browser().get("/api/echo").bearer(&token).send();
        world.wait(ends - 1 - world.now());
        let _ = bearer().await.expect(200);
        world.wait(1);
        let _ = bearer().await.expect_problem(401, "TOKEN_EXPIRED");

        // The browser's session goes on by one refresh, whose token is good at once.
        let before = refreshes(&world);
        let _ = ada.navigate("/app").send().await.expect(200);
        let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
        assert_eq!(refreshes(&world), before + 1, "{issuer_ahead}");
        let _ = ada.log_out().await.expect(204);
        let _ = bounded(&ada).await.expect_problem(401, "NOT_SIGNED_IN");
    }
}

#[tokio::test]
async fn a_proof_bears_a_minute_and_its_own_time() {
    let world = world(0).await;
    let ada = world.user("ada").await;
    for (issuer_ahead, is_believed) in [
        (-LEEWAY_SECONDS, true),
        (-LEEWAY_SECONDS - 1, false),
        (PROOF_SECONDS + LEEWAY_SECONDS - 1, true),
        (PROOF_SECONDS + LEEWAY_SECONDS, false),
        (0, true),
    ] {
        world.to_issuer().sets_the_clock_ahead_by(issuer_ahead);
        let asked = ada.at(world.browser()).get("/auth/csrf").send().await;
        if is_believed {
            let _ = asked.expect(200);
        } else {
            let _ = asked.expect_problem(401, "EDGE_PROOF_INVALID");
        }
    }
}

/// The clocks agreed, and then the edge's goes wrong by two minutes.
#[tokio::test]
async fn two_minutes_apart_what_was_known_goes_on_and_nothing_new_is_believed() {
    // An issuer that is ahead made its tokens in the future of this edge.
    for (edge_goes, token_is_good) in [(120, true), (-120, false)] {
        let world = world(0).await;
        let ada = world.user("ada").await;
        ada.log_in().await;
        let _ = bounded(&ada).await.expect(200);
        let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
        world.wait(edge_goes);
        world.to_issuer().sets_the_clock_ahead_by(-edge_goes);

        if token_is_good {
            // As while the issuer is away.
            let _ = bounded(&ada).await.expect(200);
            let _ = strict(&ada)
                .await
                .expect_problem(503, "REVOCATIONS_UNAVAILABLE");
            assert_eq!(feed(&world).await, "failing");
        } else {
            for answer in [bounded(&ada).await, strict(&ada).await] {
                let _ = answer.expect_problem(401, "TOKEN_NOT_YET_VALID");
            }
            // A new token would be as much too new, so none is asked for.
            assert_eq!(refreshes(&world), 0);
        }
        let _ = ada
            .at(world.browser())
            .get("/auth/csrf")
            .send()
            .await
            .expect_problem(401, "EDGE_PROOF_INVALID");
        assert!(world.logs().contains("edge proof refused"), "{edge_goes}");

        // Whose token has ended keeps the session, which nobody can ask about.
        world.wait(minutes(15));
        let refused = bounded(&ada).await;
        let refused = refused.expect_problem(503, "ISSUER_UNAVAILABLE");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.set_cookies().is_empty(), "{edge_goes}");

        // With the clocks mended everything goes on, without a restart.
        world.to_issuer().sets_the_clock_ahead_by(0);
        world.wait(LONGEST_BACKOFF_SECONDS);
        let _ = bounded(&ada).await.expect(200);
        let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
        assert_eq!(feed(&world).await, "read");
    }
}

/// Not even the key set is given to who brings a proof that does not hold.
#[tokio::test]
async fn an_edge_that_starts_two_minutes_apart_knows_nobody() {
    for issuer_ahead in [120, -120] {
        let mut world = world(0).await;
        let ada = world.user("ada").await;
        ada.log_in().await;
        world.to_issuer().sets_the_clock_ahead_by(issuer_ahead);
        world.stack.edge.stop();
        world.stack.edge.start().expect("the edge starts again");
        let _ = bounded(&ada).await.expect_problem(503, "KEYS_UNAVAILABLE");
        let _ = world.browser().navigate("/").send().await.expect(200);
        world.to_issuer().sets_the_clock_ahead_by(0);
        world.wait(minutes(1));
        let _ = bounded(&ada).await.expect(200);
    }
}
