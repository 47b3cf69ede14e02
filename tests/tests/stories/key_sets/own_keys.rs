//! The issuer's own keys, while people are signed in: a planned rotation, a forced one, and a key that was stolen.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use edgeward_core::token::ParsedToken;
use edgeward_tests::world::STRICT_PATH;
use edgeward_tests::{Person, World};
use tokio::task::JoinHandle;

use super::NEVER;

/// How old the feed may be on a bounded route.
const BOUND_SECONDS: i64 = 1;

/// The id of the key that signed a token.
pub(super) fn kid(token: &str) -> String {
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
            let list = world.keys(&["list"]);
            let next = list.lines().find(|line| line.contains(" published "));
            if let Some(id) = next.and_then(|line| line.split(' ').next()) {
                return id.to_owned();
            }
            // Where nothing waits the end of the time would go unnoticed.
            tokio::task::yield_now().await;
        }
    });
    let id = found.await.expect("a next key is made");
    until_shown(world, &id, true).await;
    id
}

pub(super) async fn passes(person: &Person) {
    let _ = person.get("/api/echo").send().await.expect(200);
}

/// People who ask and refresh beside each other, over and over, while the key changes that signs for them.
struct Crowd {
    /// How many rounds each has made.
    rounds: Vec<Arc<AtomicU32>>,
    /// The next key signs by now.
    over: Arc<AtomicBool>,
    running: Vec<JoinHandle<(u32, u32)>>,
}

impl Crowd {
    /// Signs them in; who is signed in does not wait for the others.
    async fn begin(world: &World, next: &str) -> Self {
        const PEOPLE: usize = 6;
        let over = Arc::new(AtomicBool::new(false));
        let (mut rounds, mut running) = (Vec::new(), Vec::new());
        for number in 0..PEOPLE {
            let person = world.user(&format!("p{number}")).await;
            person.log_in().await;
            passes(&person).await;
            let made = Arc::new(AtomicU32::new(0));
            rounds.push(Arc::clone(&made));
            let (next, over) = (next.to_owned(), Arc::clone(&over));
            running.push(tokio::spawn(goes_on(person, next, over, made)));
        }
        Self {
            rounds,
            over,
            running,
        }
    }

    /// Waits until each of them has made another round.
    async fn another_round(&self) {
        let made = |rounds: &Arc<AtomicU32>| rounds.load(Ordering::SeqCst);
        let before: Vec<u32> = self.rounds.iter().map(made).collect();
        let waited = tokio::time::timeout(NEVER, async {
            loop {
                let mut both = self.rounds.iter().zip(&before);
                let all_have = both.all(|(rounds, before)| made(rounds) != *before);
                // Who was refused makes no more rounds; `ends` says so.
                if all_have || self.running.iter().any(JoinHandle::is_finished) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
        assert!(waited.await.is_ok(), "everybody goes on");
    }

    /// Lets them go on until the next key has signed for each of them. How many tokens each got of the key before, and of that one.
    async fn ends(self) -> Vec<(u32, u32)> {
        self.over.store(true, Ordering::SeqCst);
        let mut tokens = Vec::new();
        for person in self.running {
            let asked = tokio::time::timeout(NEVER, person)
                .await
                .expect("the new key signs");
            tokens.push(asked.expect("nobody was refused"));
        }
        tokens
    }
}

/// Asks and refreshes until the new key has signed for this person too, and a little longer. How many tokens there were of either key.
async fn goes_on(
    person: Person,
    next: String,
    over: Arc<AtomicBool>,
    rounds: Arc<AtomicU32>,
) -> (u32, u32) {
    // With a token of the new key each person goes on so often.
    const ROUNDS_AFTER: u32 = 2;
    let (mut before, mut after) = (0, 0);
    loop {
        let is_over = over.load(Ordering::SeqCst);
        passes(&person).await;
        let _ = person.refresh().await.expect(200);
        passes(&person).await;
        if kid(&person.access_token()) == next {
            after += 1;
        } else {
            assert_eq!(after, 0, "the key of before signs again");
            before += 1;
        }
        rounds.fetch_add(1, Ordering::SeqCst);
        if is_over && after >= ROUNDS_AFTER {
            return (before, after);
        }
    }
}

#[tokio::test]
async fn nobody_notices_a_planned_rotation() {
    // So long before the moment at which the next key signs others begin to ask as well, and so long after it they still do.
    const LOADED_SECONDS: i64 = 5;
    let world = World::start().await;
    let next = next_key(&world).await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let old = kid(&ada.access_token());
    assert_ne!(old, next);
    let planned = world.keys(&["rotate"]);
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
    lives_until(&world, &ada, from - LOADED_SECONDS, &next).await;

    // The moment itself comes while requests are on their way that were sent before it.
    let crowd = Crowd::begin(&world, &next).await;
    while world.now() < from + LOADED_SECONDS {
        crowd.another_round().await;
        world.wait(1);
    }
    let tokens = crowd.ends().await;
    let had_both = |(before, after): &(u32, u32)| *before > 0 && *after > 0;
    assert!(tokens.iter().all(had_both), "tokens of both: {tokens:?}");

    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    assert_eq!(kid(&elsewhere.access_token()), next);
    assert_eq!(kid(&ada.access_token()), old);
    // One of before and one of after, at the same edge.
    for person in [&ada, &elsewhere] {
        passes(person).await;
    }
    assert!(
        !world.logs().contains("token-refused"),
        "nobody was refused"
    );
}

/// Lives through the time until then, which is before the next key signs, refreshing as a browser does; the last token is kept.
async fn lives_until(world: &World, ada: &Person, then: i64, next: &str) {
    const STEP: i64 = 60;
    while world.now() + STEP < then {
        world.wait(STEP);
        let _ = ada.refresh().await.expect(200);
        assert_ne!(kid(&ada.access_token()), next, "before its moment");
        passes(ada).await;
    }
    world.wait(then - world.now());
    passes(ada).await;
}

#[tokio::test]
async fn a_forced_rotation_under_load_refuses_nobody() {
    let world = Arc::new(World::start().await);
    let next = next_key(&world).await;
    let crowd = Crowd::begin(&world, &next).await;
    let at = Arc::clone(&world);
    let forced = tokio::task::spawn_blocking(move || at.keys(&["rotate", "--force"]));
    assert_eq!(forced.await.expect("it ran"), format!("{next} signs now\n"));
    let tokens = crowd.ends().await;
    // The command starts a process, in which time the others are not idle: some were served by either key.
    assert!(
        tokens.iter().any(|(before, _)| *before > 0),
        "the key changed under load: {tokens:?}"
    );
    assert!(
        !world.logs().contains("token-refused"),
        "nobody was refused"
    );
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_refused_by_an_edge_that_asks_again() {
    let world = World::with_a_strict_path().await;
    let next = next_key(&world).await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    passes(&ada).await;
    let _ = world.confirmed(ada.get(STRICT_PATH)).await.expect(404);
    let stolen = kid(&ada.access_token());
    assert_eq!(
        world.keys(&["revoke", &stolen]),
        format!("{next} signs now\n")
    );
    let bounded = world.until_refused(&ada).await;
    let strict = world.confirmed(ada.get(STRICT_PATH)).await;
    for refused in [bounded, strict] {
        let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    }
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

/// Revokes the next key. The issuer that serves may have made another one since the first was revoked, which signs then: so on until
/// none is left. Which were revoked, and what the last command came to.
async fn revoke_all(world: &World, stolen: String, next: String) -> (Vec<String>, Output) {
    let mut revoked = vec![stolen, next];
    let ended = tokio::time::timeout(NEVER, async {
        loop {
            let mut command: Command = world.stack.issuer.command();
            command.args(["keys", "revoke"]).args(revoked.last());
            let ran = command.output().expect("it runs");
            if ran.status.code() != Some(0) {
                return ran;
            }
            let said = String::from_utf8_lossy(&ran.stdout);
            let signs = said.strip_suffix(" signs now\n");
            revoked.push(signs.expect("it names the key that signs").to_owned());
            tokio::task::yield_now().await;
        }
    });
    let ran = ended.await.expect("some time no key is left");
    (revoked, ran)
}

/// Whoever types it has no key-encryption key; the issuer that serves has, and makes another key when the last one is gone.
#[tokio::test]
async fn keys_are_revoked_without_the_key_encryption_key_and_people_go_on() {
    let world = World::start().await;
    let next = next_key(&world).await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    passes(&ada).await;
    let stolen = kid(&ada.access_token());
    let data = world.stack.issuer.log().with_file_name("data");
    std::fs::rename(data.join("secrets"), data.join("away")).expect("the secrets are there");
    assert_eq!(
        world.keys(&["revoke", &stolen]),
        format!("{next} signs now\n")
    );
    let refused = world.until_refused(&ada).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    until_shown(&world, &stolen, false).await;
    let _ = ada.refresh().await.expect(200);
    assert_eq!(kid(&ada.access_token()), next);
    passes(&ada).await;

    let (revoked, ran) = revoke_all(&world, stolen, next).await;
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("no key could be made in its place"), "{said}");
    let refused = world.until_refused(&ada).await.text("/code");
    // The feed says so as soon as a key signs it that the edge can know; and the set that has this key has the old one no more.
    assert!(
        ["TOKEN_REVOKED", "UNKNOWN_KEY"].contains(&refused.as_str()),
        "{refused}"
    );
    // It has read of it within a moment, and makes another one as soon as it has.
    let served = tokio::time::timeout(NEVER, async {
        while ada.refresh().await.status != 200 || revoked.contains(&kid(&ada.access_token())) {
            tokio::task::yield_now().await;
        }
    });
    served.await.expect("another key is made");
    passes(&ada).await;
}
