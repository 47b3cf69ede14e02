//! Lives that are lowered while people are signed in: nobody is signed out by it, and what is made afterwards lives shorter.

use edgeward_tests::{World, days, minutes};

/// The settings step by step, with the lives of the access token and of an unused refresh token.
const STEPS: [(&str, i64, i64); 2] = [
    (
        "tokens.access_seconds = 300\ntokens.refresh_idle_seconds = 86400\ntokens.session_idle_seconds = 900\n",
        300,
        86_400,
    ),
    (
        "tokens.access_seconds = 120\ntokens.refresh_idle_seconds = 600\ntokens.refresh_absolute_seconds = 172800\n\
         tokens.session_idle_seconds = 300\ntokens.session_absolute_seconds = 3600\n",
        120,
        600,
    ),
];

#[tokio::test]
async fn lives_are_lowered_in_steps_without_a_sign_out() {
    let mut world = World::start().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    for person in [&ada, &bob] {
        person.log_in().await;
    }
    for (settings, access_seconds, refresh_idle_seconds) in STEPS {
        let before = ada.access_token();
        world.stack.issuer.stop();
        world.stack.issuer.settle(settings).expect("new settings");
        world
            .stack
            .issuer
            .start()
            .expect("the issuer starts with them");

        // The session cookie and the access token of before are as good as they were.
        let _ = ada.get("/auth/me").send().await.expect(200);
        let judged = ada.get("/auth/verify-token").bearer(&before).send().await;
        let _ = judged.expect(204);
        let _ = ada.get("/api/echo").send().await.expect(200);
        // What is made from now on has the new life.
        let refreshed = ada.refresh().await.expect(200);
        assert_eq!(refreshed.json()["expiresIn"], access_seconds);
        let expires_at = ada.cookie("refresh").and_then(|cookie| cookie.expires_at);
        assert_eq!(expires_at, Some(world.now() + refresh_idle_seconds));
    }

    // Somebody who did nothing meanwhile has the end that was promised at the sign-in, 14 days after it.
    // The edge refreshes for the browser.
    world.wait(days(13));
    let _ = bob.get("/api/echo").send().await.expect(200);
    let me = bob.get("/auth/me").bearer(&bob.access_token()).send().await;
    assert_eq!(me.expect(200).json()["expiresIn"], 120);
    // Whoever was refreshed by the new settings ends by them.
    world.wait(minutes(11));
    for person in [&ada, &bob] {
        let _ = person.get("/api/echo").send().await.expect(401);
    }
}
