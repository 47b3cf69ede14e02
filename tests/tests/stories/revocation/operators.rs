//! What an operator revokes by hand is refused at the edge.

use std::io::Write;
use std::process::Stdio;

use edgeward_tests::world::STRICT_PATH;
use edgeward_tests::{Person, World};

/// Runs the operator's command over the issuer's data, with this on standard input.
fn operate(world: &World, args: &[&str], input: &str) {
    let mut command = world.stack.issuer.command();
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut stdin = child.stdin.take().expect("it has one");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(child.wait().expect("it ends").success(), "{args:?}");
}

async fn ada(world: &World) -> Person {
    let ada = world.user("ada").await;
    ada.log_in().await;
    let _ = ada.get("/api/echo").send().await.expect(200);
    let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
    ada
}

/// On routes of either kind.
async fn is_revoked(world: &World, token: &str) {
    for path in ["/api/echo", STRICT_PATH] {
        let refused = world.browser().get(path).bearer(token);
        let refused = world.confirmed(refused).await;
        let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn a_person_is_refused_everywhere() {
    let world = World::with_a_strict_path().await;
    let ada = ada(&world).await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    let _ = elsewhere.get("/api/echo").send().await.expect(200);
    operate(&world, &["session", "revoke", "--user", &ada.email], "");
    let refused = world.until_refused(&ada).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    for person in [&ada, &elsewhere] {
        is_revoked(&world, &person.access_token()).await;
    }
    // Later than the second in which it was done, by the clock of the machine that the command went by.
    world.wait(600);
    let again = ada.at(world.browser());
    again.log_in().await;
    let _ = again.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn one_token_is_refused_and_the_next_one_of_its_session_is_not() {
    let world = World::with_a_strict_path().await;
    let ada = ada(&world).await;
    let stolen = ada.access_token();
    operate(&world, &["token", "revoke"], &stolen);
    let refused = world.until_refused(&ada).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    is_revoked(&world, &stolen).await;
    let _ = ada.refresh().await.expect(200);
    let _ = ada.get("/api/echo").send().await.expect(200);
}
