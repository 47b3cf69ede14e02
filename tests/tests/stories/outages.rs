//! A part is down. What needs it is refused, nothing else, and it works again without a restart of anything.

use edgeward_tests::{Setup, World};
use serde_json::json;

/// Without taps: a part that is down refuses connections itself.
async fn world() -> World {
    World::with(Setup {
        taps: false,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn without_the_app_there_is_a_502_and_sign_in_goes_on() {
    let mut world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);

    world.stack.app.stop();
    let _ = ada
        .get("/api/echo")
        .send()
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
    let _ = world
        .browser()
        .get("/")
        .send()
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
    let page = ada.navigate("/app").send().await.expect(502);
    assert!(!page.body.contains("127.0.0.1"), "{}", page.body);
    let _ = world
        .browser()
        .get("/api/echo")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    let _ = ada.get("/auth/verify-token").send().await.expect(204);
    let _ = ada.refresh().await.expect(200);

    world.stack.app.start().unwrap();
    let _ = ada.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn without_the_issuer_there_is_a_503_for_sign_in_and_the_signed_in_go_on() {
    let mut world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);

    world.stack.issuer.stop();
    let credentials = json!({ "email": ada.email, "password": ada.password });
    let login = world
        .browser()
        .post("/auth/login")
        .json(&credentials)
        .send()
        .await;
    let _ = login.expect_problem(503, "ISSUER_UNAVAILABLE");
    for path in ["/auth/csrf", "/auth/me", "/.well-known/jwks.json"] {
        let _ = ada
            .get(path)
            .send()
            .await
            .expect_problem(503, "ISSUER_UNAVAILABLE");
    }
    let _ = world.browser().navigate("/login").send().await.expect(503);
    let _ = ada.get("/api/echo").send().await.expect(200);
    let _ = ada.get("/auth/verify-token").send().await.expect(204);
    let _ = ada
        .get("/admin")
        .send()
        .await
        .expect_problem(403, "INSUFFICIENT_ROLE");
    let _ = world.browser().navigate("/").send().await.expect(200);
    let _ = world
        .browser()
        .get("/_edgeward/health")
        .send()
        .await
        .expect(200);

    world.stack.issuer.start().unwrap();
    let _ = ada.refresh().await.expect(200);
}

#[tokio::test]
async fn an_edge_that_never_saw_a_key_lets_nobody_in_and_learns_it_later() {
    let mut world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    world.stack.issuer.stop();
    world.stack.edge.stop();
    world.stack.edge.start().unwrap();
    let _ = ada
        .get("/api/echo")
        .send()
        .await
        .expect_problem(503, "KEYS_UNAVAILABLE");
    let _ = ada
        .get("/auth/verify-token")
        .send()
        .await
        .expect_problem(503, "KEYS_UNAVAILABLE");
    let _ = world
        .browser()
        .get("/api/echo")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");

    world.stack.issuer.start().unwrap();
    // Not at once: a failed fetch is not repeated for every request.
    world.wait(60);
    let _ = ada.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn users_sessions_and_keys_outlive_a_restart() {
    let mut world = world().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    world.stack.issuer.stop();
    world.stack.issuer.start().unwrap();
    let _ = ada.get("/api/echo").send().await.expect(200);
    let _ = ada.refresh().await.expect(200);
    ada.at(world.browser()).log_in().await;
}
