//! The schedule of an issuer that serves, over more than a day: keys are made, wait, sign, and end while nobody tells them to.

use std::collections::BTreeMap;

use edgeward_tests::world::Setup;
use edgeward_tests::{Person, World};

use super::own_keys::{kid, passes};

/// The shortest interval that there is is a day, and up to an hour comes by lot.
const DAILY: &str = "\n[keys]\nrotation_days = 1\n";
const DAY: i64 = 24 * 3600;
/// Less than an access token lives, so that the last of before comes by after each change.
const STEP: i64 = 480;
/// More steps than a key can need from its making to its end: a day of waiting, a day of signing, and the life of its tokens.
const MOST_STEPS: i64 = 3 * DAY / STEP;

/// What the issuer does by itself goes by the story's time from here on.
async fn tell_the_time(world: &World) {
    let ask = world.stranger_at_the_issuer();
    let told = ask
        .get("/auth/csrf")
        .header("edgeward-test-clock-of-process", "1");
    let _ = told.send().await.expect(200);
}

/// The states of signing keys of EdDSA, by their ids.
fn states(world: &World) -> BTreeMap<String, String> {
    let list = world.keys(&["list", "--algorithm", "EdDSA"]);
    let words = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.next()?))
    };
    list.lines().filter_map(words).collect()
}

/// What somebody saw in the course of the story.
#[derive(Debug, Default)]
struct Seen {
    /// The states of each key, in the order in which they came.
    states: BTreeMap<String, Vec<String>>,
    /// Which key signed, each once in the order in which they began, and for how many tokens.
    signed: Vec<(String, usize)>,
    requests: usize,
}

impl Seen {
    fn look(&mut self, world: &World) {
        for (id, state) in states(world) {
            let seen = self.states.entry(id).or_default();
            if seen.last() != Some(&state) {
                seen.push(state);
            }
        }
    }

    fn token(&mut self, person: &Person) {
        let kid = kid(&person.access_token());
        match self.signed.iter_mut().find(|(known, _)| *known == kid) {
            Some((_, tokens)) => *tokens += 1,
            None => self.signed.push((kid, 1)),
        }
    }

    async fn pass(&mut self, person: &Person) {
        passes(person).await;
        self.requests += 1;
    }

    /// Whether this is the state in which the key was seen last.
    fn is_last(&self, id: &str, state: &str) -> bool {
        let last = self.states.get(id).and_then(|states| states.last());
        last.is_some_and(|last| last == state)
    }

    /// Whether this key came by every state from its first one here on, one after the other. A new one is shown right after it
    /// was made: whoever reads the rows between these two steps sees that it was `generated`, and others do not.
    fn lived(&self, id: &str, states: &[&str]) -> bool {
        self.states.get(id).is_some_and(|seen| {
            let new = seen.first().is_some_and(|state| state == "generated");
            seen.iter().skip(usize::from(new)).eq(states)
        })
    }
}

#[tokio::test]
async fn keys_wait_sign_and_end_by_the_schedule_and_nobody_notices() {
    let world = World::with(Setup {
        issuer_settings: DAILY,
        ..Setup::default()
    })
    .await;
    let (busy, slow) = (world.user("busy").await, world.user("slow").await);
    let mut seen = Seen::default();
    for person in [&busy, &slow] {
        person.log_in().await;
        seen.token(person);
    }
    let first = kid(&busy.access_token());
    let mut steps = 0;
    loop {
        // Whoever asks last before their token ends brings the one of the key before.
        for person in [&busy, &slow] {
            seen.pass(person).await;
        }
        // Once another key signs, time stands still until the rows say so too: a key retires soon after that.
        if seen.signed.len() == 1 || !seen.is_last(&first, "active") {
            world.wait(STEP);
        }
        tell_the_time(&world).await;
        seen.pass(&slow).await;
        for person in [&busy, &slow] {
            let _ = person.refresh().await.expect(200);
            seen.token(person);
            seen.pass(person).await;
        }
        steps += 1;
        // The list is read by a process of its own; for a day of which nothing changes every hour is often enough.
        if steps % 8 == 0 || steps == 1 || seen.signed.len() > 1 {
            seen.look(&world);
        }
        if seen.is_last(&first, "retired") {
            break;
        }
        assert!(steps < MOST_STEPS, "{seen:?}");
    }
    let day = usize::try_from(DAY / STEP).expect("a number");
    let [(signed_first, before), (second, after)] = &seen.signed[..] else {
        panic!("two keys signed, one after the other: {seen:?}");
    };
    assert_eq!(*signed_first, first);
    assert!(*before >= 2 * day, "for a day at least: {seen:?}");
    assert!(*after >= 2, "{seen:?}");
    assert!(
        seen.lived(&first, &["active", "retiring", "retired"]),
        "{seen:?}"
    );
    assert!(seen.lived(second, &["published", "active"]), "{seen:?}");
    let third = seen.states.keys().find(|id| **id != first && *id != second);
    let third = third.expect("the next one is made");
    assert!(seen.lived(third, &["published"]), "{seen:?}");
    assert_eq!(seen.requests, 5 * usize::try_from(steps).expect("a number"));
    let logs = world.logs();
    for refused in ["token-refused", "keys-not-loaded"] {
        assert!(!logs.contains(refused), "nobody was refused: {refused}");
    }
}
