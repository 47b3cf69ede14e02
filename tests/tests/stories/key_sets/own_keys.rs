//! The issuer's own keys, while people are signed in: a planned rotation, a forced one, and a key that was stolen.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use edgeward_core::token::ParsedToken;
use edgeward_tests::{Person, World};

/// What has not come by then does not come.
const NEVER: Duration = Duration::from_secs(60);
/// How old the feed may be on a bounded route.
const BOUND_SECONDS: i64 = 1;

/// `edgeward keys …`, and what it printed.
fn keys(world: &World, args: &[&str]) -> String {
    let mut command: Command = world.stack.issuer.command();
    let ran = command.arg("keys").args(args).output().expect("it runs");
    assert!(ran.status.success(), "{args:?}: {ran:?}");
    String::from_utf8(ran.stdout).expect("text")
}

/// The id of the key that signed a token.
fn kid(token: &str) -> String {
    let parsed = ParsedToken::parse(token).expect("a token");
    parsed.key_id().expect("a kid").to_owned()
}

/// Whether the issuer shows the key.
async fn is_shown(world: &World, kid: &str) -> bool {
    let ask = world.stranger_at_the_issuer();
    let set = ask.get("/.well-known/jwks.json").send().await.expect(200);
    set.body.contains(kid)
}

/// Waits until the issuer that serves has read what a command wrote.
async fn until_shown(world: &World, kid: &str, shown: bool) {
    let waited = tokio::time::timeout(NEVER, async {
        while is_shown(world, kid).await != shown {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "{kid} is shown: {}", !shown);
}

/// The next key, once the issuer has made it and shows it.
async fn next_key(world: &World) -> String {
    let found = tokio::time::timeout(NEVER, async {
        loop {
            let list = keys(world, &["list"]);
            let next = list.lines().find(|line| line.contains(" published "));
            if let Some(id) = next.and_then(|line| line.split(' ').next()) {
                return id.to_owned();
            }
        }
    });
    let id = found.await.expect("a next key is made");
    until_shown(world, &id, true).await;
    id
}

async fn passes(person: &Person) {
    let _ = person.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn nobody_notices_a_planned_rotation() {
    let world = World::start().await;
    let next = next_key(&world).await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let old = kid(&ada.access_token());
    assert_ne!(old, next);
    let planned = keys(&world, &["rotate"]);
    assert!(
        planned.starts_with(&format!("{next} signs from ")),
        "{planned}"
    );
    let from: i64 = planned
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')')?.0.parse().ok())
        .expect("it says when");
    // The plan says it with minutes to spare; the serving issuer reads it twice a second.
    assert!(from > world.now() + 60, "{planned}");
    lives_until(&world, &ada, from, &next).await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    assert_eq!(kid(&elsewhere.access_token()), next);
    // One of before and one of after, at the same edge.
    for person in [&ada, &elsewhere] {
        passes(person).await;
    }
    assert!(
        !world.logs().contains("token-refused"),
        "nobody was refused"
    );
}

/// Lives through the time until that moment, refreshing as a browser does; the last token of before is kept.
async fn lives_until(world: &World, ada: &Person, from: i64, next: &str) {
    const STEP: i64 = 60;
    while world.now() + STEP < from {
        world.wait(STEP);
        let _ = ada.refresh().await.expect(200);
        assert_ne!(kid(&ada.access_token()), next, "before its moment");
        passes(ada).await;
    }
    world.wait(from - world.now());
    passes(ada).await;
}

#[tokio::test]
async fn a_forced_rotation_under_load_refuses_nobody() {
    const PEOPLE: usize = 6;
    let world = Arc::new(World::start().await);
    let next = next_key(&world).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut running = Vec::new();
    for number in 0..PEOPLE {
        let person = world.user(&format!("p{number}")).await;
        person.log_in().await;
        passes(&person).await;
        let (over, next) = (Arc::clone(&over), next.clone());
        running.push(tokio::spawn(async move {
            let mut asked = 0_u32;
            // Goes on until the new key has signed for this person too, and a little longer.
            loop {
                passes(&person).await;
                let _ = person.refresh().await.expect(200);
                passes(&person).await;
                asked += 3;
                let signed = kid(&person.access_token()) == next;
                if signed && over.load(Ordering::SeqCst) {
                    return asked;
                }
            }
        }));
    }
    let at = Arc::clone(&world);
    let forced = tokio::task::spawn_blocking(move || keys(&at, &["rotate", "--force"]));
    assert_eq!(forced.await.expect("it ran"), format!("{next} signs now\n"));
    over.store(true, Ordering::SeqCst);
    for person in running {
        let asked = tokio::time::timeout(NEVER, person)
            .await
            .expect("the new key signs");
        assert!(asked.expect("nobody was refused") >= 3);
    }
    assert!(
        !world.logs().contains("token-refused"),
        "nobody was refused"
    );
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_refused_within_a_second() {
    let world = World::start().await;
    let next = next_key(&world).await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    passes(&ada).await;
    let stolen = kid(&ada.access_token());
    assert_eq!(
        keys(&world, &["revoke", &stolen]),
        format!("{next} signs now\n")
    );
    world.until_refused(&ada).await;
    let refused = ada.get("/api/echo").send().await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    assert!(world.logs().contains("token-refused: revoked"));

    until_shown(&world, &stolen, false).await;
    // Ada's session has not ended: she gets another token, of the next key, which the edge has known for long.
    let _ = ada.refresh().await.expect(200);
    assert_eq!(kid(&ada.access_token()), next);
    passes(&ada).await;
    // And the feed, which that key signs by now, is read on.
    world.wait(BOUND_SECONDS + 1);
    passes(&ada).await;
    assert!(
        !world.logs().contains("revocations-not-loaded"),
        "{}",
        world.logs()
    );
}
