//! The secrets of CSRF and refresh tokens, while people are signed in: a planned rotation, a forced one, and one that was stolen.

use edgeward_tests::bundle::BUNDLE_PATH;
use edgeward_tests::world::NEVER;
use edgeward_tests::{Person, Setup, World};

use super::issuer::POLICY;

/// The longest that a busy edge goes by a bundle, and a little more.
const BUNDLE_SECONDS: i64 = 16 * 60;

async fn world_with_ada() -> (World, Person) {
    let world = World::with(Setup {
        policy: Some(POLICY.to_owned()),
        ..Setup::default()
    })
    .await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    (world, ada)
}

/// The id of the secret of a kind in a state, once there is one.
async fn secret(world: &World, kind: &str, state: &str) -> String {
    let found = tokio::time::timeout(NEVER, async {
        loop {
            let list = world.keys(&["list"]);
            let mut lines = list.lines().filter(|line| line.starts_with(kind));
            let line = lines.find(|line| line.contains(&format!(" {state} ")));
            if let Some(id) = line.and_then(|line| line.split(' ').next()) {
                return id.to_owned();
            }
            tokio::task::yield_now().await;
        }
    });
    found.await.expect("it comes")
}

/// From when the next secret makes tokens, as the command says.
fn planned(said: &str) -> i64 {
    let from = said
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    from.and_then(|(from, _)| from.parse().ok())
        .unwrap_or_else(|| panic!("it says when: {said}"))
}

async fn token_of(person: &Person) -> String {
    let given = person.get("/auth/csrf").send().await.expect(200);
    given.text("/csrfToken")
}

/// The token of another secret than the one that made `before`. An issuer reads its secrets every half a second, by the machine's time.
async fn token_after(person: &Person, before: &str) -> String {
    let anew = tokio::time::timeout(NEVER, async {
        loop {
            let token = token_of(person).await;
            if token != before {
                return token;
            }
        }
    });
    anew.await
        .expect("the issuer makes it with the next secret")
}

/// How often the edge has asked for the secrets.
fn asked(world: &World) -> usize {
    let seen = world.to_issuer().seen();
    let bundles = seen.iter().filter(|seen| seen.target == BUNDLE_PATH);
    bundles.count()
}

async fn posts(person: &Person, token: &str) -> edgeward_tests::Answer {
    person
        .post("/api/echo")
        .header("x-csrf-token", token)
        .send()
        .await
}

#[tokio::test]
async fn nobody_notices_a_planned_rotation() {
    let (world, ada) = world_with_ada().await;
    let sleeper = ada.at(world.browser());
    sleeper.log_in().await;
    for kind in ["csrf", "refresh"] {
        secret(&world, kind, "published").await;
    }
    let mut last = world.now();
    for kind in ["csrf", "refresh"] {
        let said = world.keys(&["rotate", kind]);
        last = last.max(planned(&said));
    }
    assert!(last > world.now() + 60, "with minutes to spare");
    // She works on until a moment before, with one page after the other.
    while world.now() + 120 < last {
        let page = token_of(&ada).await;
        let _ = posts(&ada, &page).await.expect(200);
        world.wait(120);
        let _ = ada.refresh().await.expect(200);
    }
    let page = token_of(&ada).await;
    let _ = posts(&ada, &page).await.expect(200);
    let of_sleeper = token_of(&sleeper).await;
    world.wait(last - world.now());
    let before = asked(&world);
    // The page of before, then a page of after at an edge that has not asked for anything because of it.
    let _ = posts(&ada, &page).await.expect(200);
    let _ = ada.refresh().await.expect(200);
    let _ = sleeper.refresh().await.expect(200);
    for (person, before) in [(&ada, &page), (&sleeper, &of_sleeper)] {
        let page = token_after(person, before).await;
        let _ = posts(person, &page).await.expect(200);
    }
    assert!(
        asked(&world) <= before + 1,
        "at most what is refreshed anyway"
    );
    let logs = world.logs();
    assert!(!logs.contains("csrf-forged"), "nobody was refused: {logs}");
}

#[tokio::test]
async fn a_forced_rotation_waits_for_issuers_and_nobody_is_refused() {
    let (world, ada) = world_with_ada().await;
    let page = token_of(&ada).await;
    let _ = posts(&ada, &page).await.expect(200);
    secret(&world, "csrf", "published").await;
    let said = world.keys(&["rotate", "csrf", "--force"]);
    world.wait(planned(&said) - world.now());
    let _ = posts(&ada, &page).await.expect(200);
    let _ = ada.refresh().await.expect(200);
    let anew = token_after(&ada, &page).await;
    let _ = posts(&ada, &anew).await.expect(200);
    let logs = world.logs();
    assert!(!logs.contains("csrf-forged"), "nobody was refused: {logs}");
}

#[tokio::test]
async fn what_a_stolen_secret_made_is_refused_everywhere_and_fetched_anew() {
    let (world, ada) = world_with_ada().await;
    let page = token_of(&ada).await;
    let _ = posts(&ada, &page).await.expect(200);
    secret(&world, "csrf", "published").await;
    let stolen = secret(&world, "csrf", "active").await;
    let said = world.keys(&["revoke", &stolen]);
    assert!(said.ends_with(" makes CSRF tokens now\n"), "{said}");
    let anew = token_after(&ada, &page).await;
    let _ = posts(&ada, &anew).await.expect(200);
    // An edge goes by what it knows for a quarter of an hour at most; then the forger's token is one no more.
    world.wait(BUNDLE_SECONDS);
    let _ = ada.refresh().await.expect(200);
    let access = ada.access_token();
    let cookies = format!("edgeward-access={access}; edgeward-csrf={page}");
    let forged = ada
        .post("/api/echo")
        .without_cookies()
        .header("cookie", &cookies)
        .header("x-csrf-token", &page);
    let _ = forged.send().await.expect_problem(403, "CSRF_INVALID");
    let page = token_of(&ada).await;
    let _ = posts(&ada, &page).await.expect(200);
}
