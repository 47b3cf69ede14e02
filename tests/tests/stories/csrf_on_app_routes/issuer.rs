//! The token and the bundle of the real issuer.

use edgeward_tests::bundle::BUNDLE_PATH;
use edgeward_tests::{Person, Setup, World};

pub(super) const POLICY: &str = r#"
version = 1
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/api/**"
allow = "signed-in"
csrf = true
"#;

async fn ada_in_a_world() -> (World, Person) {
    let world = World::with(Setup {
        policy: Some(POLICY.to_owned()),
        ..Setup::default()
    })
    .await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    (world, ada)
}

#[tokio::test]
async fn one_token_serves_the_issuer_and_the_app() {
    let (world, ada) = ada_in_a_world().await;
    let given = ada.get("/auth/csrf").send().await.expect(200);
    let token = given.text("/csrfToken");
    let posts = |token: &str| ada.post("/api/echo").header("x-csrf-token", token).send();
    let _ = posts(&token).await.expect(200);
    let bare = ada.post("/api/echo").send().await;
    let _ = bare.expect_problem(403, "CSRF_INVALID");
    // The same person at another browser has another session, whose token is none here.
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    let other = elsewhere.get("/auth/csrf").send().await.expect(200);
    let _ = posts(&other.text("/csrfToken"))
        .await
        .expect_problem(403, "CSRF_INVALID");
    let planted = elsewhere
        .post("/api/echo")
        .header("x-csrf-token", &other.text("/csrfToken"))
        .header("user-agent", "Mozilla/5.0 (another)");
    let _ = planted.send().await.expect_problem(403, "CSRF_INVALID");
    // As a form, and after a refresh, which sets another.
    let form = ada
        .post("/api/echo")
        .form(&[("a", "1"), ("csrf_token", &token)]);
    let _ = form.send().await.expect(200);
    let _ = ada.refresh().await.expect(200);
    let _ = ada.post("/api/echo").with_csrf().send().await.expect(200);
    let _ = ada.post("/auth/logout").with_csrf().send().await;
}

#[tokio::test]
async fn a_stranger_cannot_read_the_bundle() {
    let (world, ada) = ada_in_a_world().await;
    let _ = ada.post("/api/echo").with_csrf().send().await.expect(200);
    let direct = world.stranger_at_the_issuer();
    let refused = direct.get(BUNDLE_PATH).send().await;
    let _ = refused.expect_problem(401, "EDGE_PROOF_REQUIRED");
    // Through the edge it is somebody's request, and not the edge's own.
    for client in [&world.browser(), &*ada] {
        let refused = client.get(BUNDLE_PATH).send().await;
        let _ = refused.expect_problem(401, "EDGE_PROOF_REQUIRED");
    }
    // A proof that went by speaks for its own request only.
    let seen = world.to_issuer().seen();
    let own = seen.iter().find(|seen| seen.target == BUNDLE_PATH);
    let proof = own
        .expect("the edge asked")
        .header("edgeward-proof")
        .concat();
    let elsewhere = direct
        .get("/.well-known/edgeward-revocations")
        .header("edgeward-proof", &proof);
    let _ = elsewhere
        .send()
        .await
        .expect_problem(401, "EDGE_PROOF_INVALID");
}
