//! Whatever ends a session at the issuer ends it at the edge, for every token of it, within a second.

use edgeward_tests::world::STRICT_PATH;
use edgeward_tests::{Person, World};
use reqwest::Method;
use serde_json::json;

use super::{BOUND_SECONDS, NOT_LOADED};

const CHALLENGE: &str =
    "Bearer error=\"invalid_token\", error_description=\"The access token was revoked\"";

/// Ada at two browsers, both of which the edge knows well.
async fn ada_twice(world: &World) -> (Person, Person) {
    let ada = world.user("ada").await;
    ada.log_in().await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    for person in [&ada, &elsewhere] {
        for _ in 0..2 {
            let _ = person.get("/api/echo").send().await.expect(200);
            let _ = world.confirmed(person.get(STRICT_PATH)).await.expect(404);
        }
    }
    (ada, elsewhere)
}

async fn is_refused(world: &World, person: &Person) {
    for path in ["/api/echo", STRICT_PATH] {
        let refused = world.confirmed(person.get(path)).await;
        let refused = refused.expect_problem(401, "TOKEN_REVOKED");
        assert_eq!(refused.header("www-authenticate"), Some(CHALLENGE));
    }
    for method in [Method::GET, Method::HEAD] {
        let verdict = person.ask(method, "/auth/verify-token").send().await;
        let verdict = verdict.expect(401);
        assert_eq!(verdict.header("www-authenticate"), Some(CHALLENGE));
    }
    let page = person.navigate("/app?tab=2").send().await;
    let _ = page.expect_redirect("/login?returnTo=%2Fapp%3Ftab%3D2");
    // The sign-in page shows itself, although the cookie is there.
    let _ = person.navigate("/login").send().await.expect(200);
}

#[tokio::test]
async fn signing_out_everywhere_is_known_at_another_browser_within_a_second() {
    let world = World::with_a_strict_path().await;
    let (ada, elsewhere) = ada_twice(&world).await;
    let token = elsewhere.access_token();
    let all = ada.post("/auth/logout-all").with_csrf().send().await;
    let _ = all.expect(204);

    world.wait(BOUND_SECONDS);
    is_refused(&world, &elsewhere).await;
    // In `Authorization` it is the same token, and to the app of a public page it is nobody's.
    let bearer = world.browser().get("/api/echo").bearer(&token).send().await;
    let _ = bearer.expect_problem(401, "TOKEN_REVOKED");
    let public = elsewhere.navigate("/").send().await.expect(200);
    assert!(!public.body.contains(&ada.email), "{}", public.body);
    let last = world.to_app().seen().pop().expect("the app was asked");
    assert!(last.header("edgeward-assertion").is_empty(), "{last:?}");

    let again = ada.at(world.browser());
    again.log_in().await;
    let _ = again.get("/api/echo").send().await.expect(200);
    assert!(world.logs().contains("token-refused: revoked"));
}

#[tokio::test]
async fn one_session_ends_and_the_others_go_on() {
    let world = World::with_a_strict_path().await;
    let (ada, elsewhere) = ada_twice(&world).await;
    let sessions = ada.get("/auth/sessions").send().await.expect(200).json();
    let other = sessions["sessions"]
        .as_array()
        .and_then(|all| all.iter().find(|session| session["current"] == false))
        .and_then(|session| session["id"].as_str())
        .expect("another session");
    let path = format!("/auth/sessions/{other}");
    let origin = &world.site.origin;
    let end = ada.ask(Method::DELETE, &path).header("origin", origin);
    let _ = end.with_csrf().send().await.expect(204);
    world.wait(BOUND_SECONDS);
    is_refused(&world, &elsewhere).await;
    let _ = ada.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn signing_out_ends_the_token_that_somebody_copied() {
    let world = World::with_a_strict_path().await;
    let (ada, elsewhere) = ada_twice(&world).await;
    let copied = ada.access_token();
    let _ = ada.log_out().await.expect(204);
    world.wait(BOUND_SECONDS);
    for path in ["/api/echo", STRICT_PATH] {
        let thief = world.browser().get(path).bearer(&copied);
        let thief = world.confirmed(thief).await;
        let _ = thief.expect_problem(401, "TOKEN_REVOKED");
    }
    let _ = elsewhere.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_the_session_at_the_edge() {
    let world = World::with_a_strict_path().await;
    let ada = world.user("ada").await;
    let script = world.browser();
    let credentials = json!({ "email": ada.email, "password": ada.password, "tokenMode": "body" });
    let refresh = |token: &str| {
        let body = json!({ "refreshToken": token });
        script
            .post("/auth/refresh")
            .without_cookies()
            .json(&body)
            .send()
    };
    let login = script
        .post("/auth/login")
        .without_cookies()
        .json(&credentials);
    let first = login.send().await.expect(200).text("/refreshToken");
    let second = refresh(&first).await.expect(200).text("/refreshToken");
    world.wait(60);
    let access = refresh(&second).await.expect(200).text("/accessToken");
    let ask = |path| world.confirmed(script.get(path).bearer(&access));
    let _ = ask("/api/echo").await.expect(200);
    let _ = ask(STRICT_PATH).await.expect(404);

    let reused = refresh(&first).await;
    let _ = reused.expect_problem(401, "REFRESH_REUSED");
    world.wait(BOUND_SECONDS);
    for path in ["/api/echo", STRICT_PATH] {
        let _ = ask(path).await.expect_problem(401, "TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn another_role_is_taken_at_the_next_sign_in_and_the_old_token_is_good_no_more() {
    let world = World::with_a_strict_path().await;
    let ada = world.admin("ada").await;
    ada.log_in().await;
    let _ = ada.navigate("/admin").send().await.expect(200);
    let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
    let mut command = world.stack.issuer.command();
    let taken = command
        .args(["user", "role", "remove", &ada.email, "admin"])
        .status();
    assert!(taken.expect("the command runs").success());
    let refused = world.until_refused(&ada).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    is_refused(&world, &ada).await;
    let again = ada.at(world.browser());
    again.log_in().await;
    let _ = again
        .get("/admin")
        .send()
        .await
        .expect_problem(403, "INSUFFICIENT_ROLE");
}

#[tokio::test]
async fn a_new_isolate_knows_all_that_ended_before() {
    let mut world = World::with_a_strict_path().await;
    let (ada, elsewhere) = ada_twice(&world).await;
    let _ = ada
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect(204);
    world.stack.edge.stop();
    world.stack.edge.start().expect("the edge starts again");
    // No time has passed: it has nothing to go by but the whole feed.
    is_refused(&world, &elsewhere).await;
    let asked = world.to_issuer().lines();
    let feed = "GET /.well-known/edgeward-revocations";
    let in_vain = world.reasons(NOT_LOADED).len();
    assert_eq!(
        asked.iter().filter(|line| *line == feed).count(),
        2 + in_vain,
        "one for each isolate, and one after each that was in vain: {asked:?}"
    );
}
