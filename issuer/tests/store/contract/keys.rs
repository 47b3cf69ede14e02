//! Signing keys: who changes them, who may sign, and who hears of a revoked one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgeward_core::{
    cookie::Environment,
    revocation::Kind,
    time::{LEEWAY_SECONDS, UnixTime},
};
use edgeward_issuer::{
    custody::Secrets,
    domain::{
        audit::Action,
        keyring::{
            KeyChange, KeyState, KeyringError, Life, Need, Rules, SigningKeys, StoredKey,
            acts::Acts,
            life::{Due, Pace},
            timing::{KEYS_READ_WITHIN_SECONDS, LEAD_SECONDS, PUBLISHED_SECONDS},
        },
        revocations::{KEPT_SECONDS, KEY_IS_KEPT_SECONDS, Revocations},
        storage::StorageError,
    },
    signatures::SigningAlgorithm,
    store::Store,
};
use tokio::task::JoinSet;

use super::{
    processes::Processes,
    world::{NOW, World, entry},
};

const PROCESSES: usize = 6;
const MONTHLY: Rules = Rules {
    every_seconds: Some(30 * 24 * 3600),
    need: Need::Always,
};

fn secrets() -> Arc<Secrets> {
    let folder = World::folder();
    let secrets = folder.path().join("secrets");
    Arc::new(Secrets::load_or_create(&secrets, Environment::Development).unwrap())
}

fn acts<'a>(store: &'a Store, secrets: &'a Secrets, now: UnixTime) -> Acts<'a, Store> {
    Acts {
        store,
        secrets,
        algorithm: SigningAlgorithm::EdDsa,
        now,
    }
}

async fn lives(store: &Store) -> Vec<Life> {
    let keys = store.signing_keys().await.unwrap();
    keys.into_iter().map(|key| key.life).collect()
}

async fn states(store: &Store) -> Vec<KeyState> {
    let mut states: Vec<KeyState> = lives(store).await.iter().map(|key| key.state).collect();
    states.sort_by_key(|state| KeyState::ALL.iter().position(|it| it == state));
    states
}

/// The id of the one key in a state.
async fn in_state(store: &Store, state: KeyState) -> String {
    let keys = lives(store).await;
    let mut found = keys.into_iter().filter(|key| key.state == state);
    let key = found.next().unwrap();
    assert!(found.next().is_none());
    key.key_id
}

pub(crate) async fn of_many_processes_one_does_each_step(world: World) {
    let secrets = secrets();
    let mut running = JoinSet::new();
    for _ in 0..PROCESSES {
        let (store, secrets) = (world.another().await, Arc::clone(&secrets));
        running.spawn(async move {
            let done = acts(&store, &secrets, NOW).keep_schedule(MONTHLY, 0).await;
            done.unwrap()
        });
    }
    let steps: usize = running.join_all().await.into_iter().sum();
    // The first key; the next one is made, published and planned.
    assert_eq!(steps, 4);
    assert_eq!(world.entries().await, 4);
    assert_eq!(
        states(&world.store).await,
        [KeyState::Published, KeyState::Active]
    );
    let next = lives(&world.store).await;
    let next = next.iter().find(|key| key.state == KeyState::Published);
    let planned = next.unwrap().signs_from.unwrap();
    assert_eq!(
        Some(planned.seconds()),
        Some(NOW.seconds() + 30 * 24 * 3600)
    );

    let mut running = JoinSet::new();
    for _ in 0..PROCESSES {
        let (store, secrets) = (world.another().await, Arc::clone(&secrets));
        running.spawn(async move {
            acts(&store, &secrets, planned)
                .keep_schedule(MONTHLY, 0)
                .await
                .unwrap()
        });
    }
    let steps: usize = running.join_all().await.into_iter().sum();
    // The old one is retired with it: it signed nothing at all.
    let expected = [KeyState::Published, KeyState::Active, KeyState::Retiring];
    assert_eq!(
        (steps, states(&world.store).await.as_slice()),
        (4, &expected[..])
    );
}

pub(crate) async fn a_change_of_keys_is_whole_or_not_at_all(world: World) {
    let secrets = secrets();
    let begun = acts(&world.store, &secrets, NOW)
        .keep_schedule(MONTHLY, 0)
        .await;
    assert_eq!(begun.unwrap(), 4);
    let before = world.store.signing_keys().await.unwrap();
    world.refuse_marked_entries().await;
    let lives: Vec<Life> = before.iter().map(|key| key.life.clone()).collect();
    let active = in_state(&world.store, KeyState::Active).await;
    let change = KeyChange {
        algorithm: SigningAlgorithm::EdDsa,
        after: edgeward_issuer::domain::keyring::life::revoke(&lives, &active, None, NOW).unwrap(),
        before: lives,
        added: None,
        entries: vec![
            entry(Action::RevokeKey),
            entry(Action::ActivateKey).about("key", "refuse-me"),
        ],
        at: NOW,
    };
    assert!(world.store.change_signing_keys(&change).await.is_err());
    assert_eq!(world.store.signing_keys().await.unwrap(), before);
    assert_eq!(world.rows("revocations").await, 0);
    assert_eq!(world.entries().await, 4);
}

pub(crate) async fn a_change_that_was_overtaken_is_not_done(world: World) {
    let secrets = secrets();
    acts(&world.store, &secrets, NOW)
        .keep_schedule(MONTHLY, 0)
        .await
        .unwrap();
    let before = lives(&world.store).await;
    let next = in_state(&world.store, KeyState::Published).await;
    let activate = Due::Activate(next);
    let change = KeyChange {
        algorithm: SigningAlgorithm::EdDsa,
        after: edgeward_issuer::domain::keyring::life::step(&before, &activate, None, NOW).unwrap(),
        before,
        added: None,
        entries: vec![entry(Action::ActivateKey)],
        at: NOW,
    };
    acts(&world.store, &secrets, NOW)
        .rotate(Pace::Orderly)
        .await
        .unwrap();
    let rows: Vec<StoredKey> = world.store.signing_keys().await.unwrap();
    assert!(!world.store.change_signing_keys(&change).await.unwrap());
    assert_eq!(world.store.signing_keys().await.unwrap(), rows);
    // The same act in an unchanged store leaves no second trace.
    let entries = world.entries().await;
    acts(&world.store, &secrets, NOW)
        .rotate(Pace::Orderly)
        .await
        .unwrap();
    assert_eq!(world.entries().await, entries);
    // And two active keys there cannot be, whoever writes.
    let second = world.run("UPDATE signing_keys SET state = 'active'").await;
    assert!(second.is_err());
}

pub(crate) async fn only_the_key_that_signs_gets_a_permit(world: World) {
    let secrets = secrets();
    let store = &world.store;
    acts(store, &secrets, NOW)
        .keep_schedule(MONTHLY, 0)
        .await
        .unwrap();
    let first = in_state(store, KeyState::Active).await;
    let next = in_state(store, KeyState::Published).await;
    let permit = async |key: &str, exp: i64, now: i64| {
        let permitted = store
            .permit_signing(key, NOW.plus(exp), NOW.plus(now))
            .await;
        permitted.unwrap()
    };
    let until = async |key: &str| {
        let keys = lives(store).await;
        let key = keys.iter().find(|life| life.key_id == key).unwrap();
        key.signed_until.map(|at| at.seconds_since(NOW))
    };
    assert!(permit(&first, 600, 0).await && permit(&first, 500, 0).await);
    assert_eq!(
        until(&first).await,
        Some(600),
        "what was signed is never forgotten"
    );
    assert!(!permit(&next, 600, 0).await && !permit("nobody", 600, 0).await);
    acts(store, &secrets, NOW)
        .rotate(Pace::Orderly)
        .await
        .unwrap();
    let from = PUBLISHED_SECONDS;
    assert!(!permit(&next, from + 600, from - 1).await);
    assert!(
        permit(&next, from + 600, from).await,
        "its moment has come, whatever the row says"
    );
    // That it has signed meanwhile stops nobody from writing down that it signs.
    let later = NOW.plus(from);
    assert!(
        acts(store, &secrets, later)
            .keep_schedule(MONTHLY, 0)
            .await
            .unwrap()
            > 0
    );
    assert!(!permit(&first, from + 600, from).await);
    let revoked = acts(store, &secrets, later).revoke(&next).await.unwrap();
    assert!(!permit(&next, from + 600, from).await);
    assert!(permit(&revoked.key.key_id, from + 600, from).await);
}

pub(crate) async fn a_process_that_knows_of_no_change_signs_on_and_with_nothing_that_is_retired(
    world: World,
) {
    let mut processes = Processes::of(world).await;
    processes.let_pass(Duration::ZERO).await;
    let [one, other] = &processes.both;
    let began = Instant::now();
    let signer = async |who: &super::processes::Process, exp: i64, now: i64, read_ago: i64| {
        let at = began + Duration::from_secs(read_ago.unsigned_abs());
        let (exp, now) = (NOW.plus(exp), NOW.plus(now));
        let signs = who
            .keyring
            .signer(
                &who.store,
                &who.secrets,
                SigningAlgorithm::EdDsa,
                exp,
                now,
                at,
            )
            .await;
        signs.map(|signer| signer.key_for(exp).unwrap().key_id().to_owned())
    };
    let first = signer(one, 600, 0, 0).await.unwrap();
    assert_eq!(signer(other, 600, 0, 0).await.unwrap(), first);
    let forced = acts(&one.store, &one.secrets, NOW)
        .rotate(Pace::Forced)
        .await
        .unwrap();
    // Within its permit it signs with what it knows, and the key stays in the set for that.
    assert_eq!(signer(other, 640, 10, 10).await.unwrap(), first);
    // Beyond it the store is asked, which says no; then it reads.
    assert_eq!(signer(other, 700, 50, 50).await.unwrap(), forced.key.key_id);
    let outdated = KEYS_READ_WITHIN_SECONDS + 60;
    let kept = one
        .keyring
        .published_keys(began + Duration::from_secs(outdated.unsigned_abs()));
    assert!(matches!(kept, Err(KeyringError::Outdated)), "{kept:?}");
    one.store.close().await;
    let by_then = signer(one, 660 + outdated, outdated, outdated).await;
    assert!(
        matches!(by_then, Err(KeyringError::Store(_))),
        "{by_then:?}"
    );
}

pub(crate) async fn processes_change_together_at_the_moment_in_the_row(world: World) {
    let processes = Processes::of(world).await;
    let [one, other] = &processes.both;
    let at = Instant::now();
    acts(&one.store, &one.secrets, NOW)
        .keep_schedule(MONTHLY, 0)
        .await
        .unwrap();
    let later = NOW.plus(PUBLISHED_SECONDS);
    let planned = acts(&other.store, &other.secrets, later)
        .rotate(Pace::Orderly)
        .await
        .unwrap();
    assert_eq!(planned.key.signs_from, Some(later.plus(LEAD_SECONDS)));
    for process in [one, other] {
        process
            .keyring
            .reload(&process.store, &process.secrets, later, at)
            .await
            .unwrap();
        let signs = |seconds| {
            let key = process
                .keyring
                .signing_key(later.plus(seconds), at)
                .unwrap();
            key.key_id() == planned.key.key_id
        };
        // Nobody has to do anything at that moment, and a clock that goes back goes back.
        let seconds = [
            LEAD_SECONDS - 1,
            LEAD_SECONDS,
            LEAD_SECONDS - 1,
            LEAD_SECONDS + 1,
        ];
        assert_eq!(seconds.map(signs), [false, true, false, true]);
        let set = process.keyring.public_keys();
        assert_eq!(set.len(), 2, "both are there before and after");
    }
}

pub(crate) async fn a_revoked_key_is_in_the_feed_for_a_day(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let processes = Processes::of(world).await;
    let [one, other] = &processes.both;
    let (sign_in, _) = one.signed_in(ada).await;
    let first = in_state(&one.store, KeyState::Active).await;
    let asked = Instant::now();
    let before = other.page(asked).await;
    acts(&one.store, &one.secrets, NOW)
        .revoke(&first)
        .await
        .unwrap();
    assert_ne!(other.page(asked + Duration::from_millis(251)).await, before);
    let reason = edgeward_issuer::domain::session::RevocationReason::SignedOut;
    use edgeward_issuer::domain::storage::Storage as _;
    let noted = entry(Action::SignOut);
    assert!(
        one.store
            .revoke(sign_in.sid, reason, NOW, &noted)
            .await
            .unwrap()
    );
    let told = async |now: i64| -> Result<Vec<(Kind, String)>, StorageError> {
        let found = other.store.revocations(0, NOW.plus(now), 10).await?;
        Ok(found
            .into_iter()
            .map(|entry| (entry.kind, entry.id))
            .collect())
    };
    let key = (Kind::Key, first.clone());
    let both = vec![key.clone(), (Kind::Session, sign_in.sid.to_string())];
    assert_eq!(told(KEPT_SECONDS).await.unwrap(), both);
    assert_eq!(
        told(KEPT_SECONDS + 1).await.unwrap(),
        std::slice::from_ref(&key)
    );
    assert_eq!(told(KEY_IS_KEPT_SECONDS).await.unwrap(), [key]);
    assert!(told(KEY_IS_KEPT_SECONDS + 1).await.unwrap().is_empty());
    const { assert!(KEY_IS_KEPT_SECONDS >= 24 * 3600 + LEEWAY_SECONDS) };
}
