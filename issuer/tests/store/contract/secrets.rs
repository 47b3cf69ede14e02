//! Secrets of CSRF and refresh tokens: taken in once, changed by one process at a time, and known by all of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgeward_core::{cookie::Environment, csrf::TOKEN_LIFE_SECONDS, time::UnixTime};
use edgeward_issuer::{
    custody::Secrets,
    domain::{
        audit::Action,
        keyring::{
            KeyState, Life, Rules,
            life::Pace,
            timing::{
                KEYS_READ_WITHIN_SECONDS, LEAD_SECONDS, PUBLISHED_SECONDS, RETIRED_AFTER_SECONDS,
            },
        },
        secrets::{
            Generations, Purpose, SecretChange, SecretGenerations, SecretsError, acts::Acts, plan,
        },
    },
    store::Store,
};
use tokio::task::JoinSet;

use super::world::{NOW, World, entry};

const PROCESSES: usize = 6;
const DAY: i64 = 24 * 3600;
const SESSION_SECONDS: i64 = 90 * DAY;
const MONTHLY: Rules = plan::rules(Some(30 * DAY));
const UNSCHEDULED: Rules = plan::rules(None);

fn custody() -> Arc<Secrets> {
    let folder = World::folder();
    let secrets = folder.path().join("secrets");
    Arc::new(Secrets::load_or_create(&secrets, Environment::Development).unwrap())
}

fn acts<'a>(
    store: &'a Store,
    custody: &'a Secrets,
    purpose: Purpose,
    now: UnixTime,
) -> Acts<'a, Store> {
    Acts {
        store,
        custody,
        purpose,
        refresh_life_seconds: SESSION_SECONDS,
        now,
    }
}

async fn take_in(store: &Store, custody: &Secrets) {
    for purpose in Purpose::ALL {
        acts(store, custody, purpose, NOW).take_in().await.unwrap();
    }
}

async fn lives(store: &Store, of: Purpose) -> Vec<Life> {
    let stored = store.secret_generations().await.unwrap().into_iter();
    let own = stored.filter(|secret| secret.purpose == of);
    own.map(|secret| secret.life).collect()
}

async fn states(store: &Store, of: Purpose) -> Vec<KeyState> {
    let mut states: Vec<KeyState> = lives(store, of)
        .await
        .iter()
        .map(|life| life.state)
        .collect();
    states.sort_by_key(|state| KeyState::ALL.iter().position(|it| it == state));
    states
}

pub(crate) async fn of_many_first_starts_one_takes_the_files_in(world: World) {
    let custody = custody();
    let mut running = JoinSet::new();
    for _ in 0..PROCESSES {
        let (store, custody) = (world.another().await, Arc::clone(&custody));
        running.spawn(async move {
            take_in(&store, &custody).await;
            let at = Instant::now();
            let all = Generations::load(&store, &custody, NOW, at).await.unwrap();
            let (csrf, refresh) = (all.csrf(NOW, at).unwrap(), all.refresh(NOW, at).unwrap());
            let file = custody.of_folder();
            assert_eq!(refresh.makes().as_bytes(), &**file.refresh_mac);
            let own = edgeward_core::csrf::CsrfKey::from_bytes(**file.csrf);
            assert_eq!(*csrf.makes().for_apps().reveal(), *own.for_apps().reveal());
        });
    }
    running.join_all().await;
    assert_eq!(world.rows("token_secrets").await, 2);
    assert_eq!(world.entries().await, 2);
    // Another start changes nothing, and neither does one with other files: those of the database are the ones.
    take_in(&world.store, &custody).await;
    take_in(&world.store, &self::custody()).await;
    assert_eq!(world.rows("token_secrets").await, 2);
}

pub(crate) async fn a_key_that_was_changed_by_hand_is_taken_in_with_the_one_before(world: World) {
    let place = World::folder();
    let folder = place.path().join("secrets");
    let load = || Secrets::load_or_create(&folder, Environment::Development).unwrap();
    let _ = load();
    std::fs::copy(folder.join("csrf"), folder.join("csrf-previous")).unwrap();
    std::fs::write(folder.join("csrf"), [9; 32]).unwrap();
    let (store, custody, purpose) = (&world.store, load(), Purpose::Csrf);
    take_in(store, &custody).await;
    assert_eq!(
        states(store, purpose).await,
        [KeyState::Active, KeyState::Retiring]
    );
    let at = Instant::now();
    let known = Generations::load(store, &custody, NOW, at).await.unwrap();
    let known = known.csrf(NOW, at).unwrap();
    let told = |key: &edgeward_core::csrf::CsrfKey| key.for_apps().reveal();
    let accepted: Vec<_> = known.accepts().map(told).collect();
    let files = [[9; 32], **custody.of_folder().csrf_previous.unwrap()];
    let files = files.map(|bytes| told(&edgeward_core::csrf::CsrfKey::from_bytes(bytes)));
    assert_eq!(accepted, files);
    let ended = NOW.plus(TOKEN_LIFE_SECONDS + DAY);
    let steps = acts(store, &custody, purpose, ended);
    steps.keep_schedule(UNSCHEDULED, 0).await.unwrap();
    let expected = [KeyState::Published, KeyState::Active, KeyState::Retired];
    assert_eq!(states(store, purpose).await, expected);
}

pub(crate) async fn of_many_processes_one_rotates_the_secrets(world: World) {
    let custody = custody();
    let (store, refresh) = (&world.store, Purpose::Refresh);
    take_in(store, &custody).await;
    let at_once = async |now: UnixTime| -> usize {
        let mut running = JoinSet::new();
        for _ in 0..PROCESSES {
            let (store, custody) = (world.another().await, Arc::clone(&custody));
            running.spawn(async move {
                let acts = acts(&store, &custody, refresh, now);
                acts.keep_schedule(MONTHLY, 0).await.unwrap()
            });
        }
        running.join_all().await.into_iter().sum()
    };
    // The next one is made, published and planned.
    assert_eq!(at_once(NOW).await, 3);
    assert_eq!(
        states(store, refresh).await,
        [KeyState::Published, KeyState::Active]
    );
    let planned = NOW.plus(30 * DAY);
    assert_eq!(at_once(planned).await, 4);
    let expected = [KeyState::Published, KeyState::Active, KeyState::Retiring];
    assert_eq!(states(store, refresh).await, expected);
    assert_eq!(
        states(store, Purpose::Csrf).await,
        [KeyState::Active],
        "the other kind is left alone"
    );
    let one_active = world
        .run("UPDATE token_secrets SET state = 'active' WHERE purpose = 'refresh'")
        .await;
    assert!(
        one_active.is_err(),
        "two active ones there cannot be, whoever writes"
    );
}

pub(crate) async fn a_secret_is_accepted_until_its_last_token_has_ended(world: World) {
    let custody = custody();
    let store = &world.store;
    take_in(store, &custody).await;
    let ada = world.with_account("ada@example.test").await;
    for (purpose, life, session) in [
        (Purpose::Csrf, TOKEN_LIFE_SECONDS, None),
        (Purpose::Refresh, SESSION_SECONDS, None),
        // A session that began when longer ones were configured.
        (
            Purpose::Refresh,
            365 * DAY - KEYS_READ_WITHIN_SECONDS,
            Some(365 * DAY),
        ),
    ] {
        let known = acts(store, &custody, purpose, NOW);
        known.keep_schedule(UNSCHEDULED, 0).await.unwrap();
        let now = NOW.plus(PUBLISHED_SECONDS);
        if let Some(ends) = session {
            world.with_sign_in(ada).await;
            let ends = now.plus(ends).seconds();
            let lasts = format!("UPDATE families SET absolute_expires_at = {ends}");
            world.run(&lasts).await.unwrap();
        }
        let before = lives(store, purpose).await;
        let old = before
            .iter()
            .find(|life| life.state == KeyState::Active)
            .unwrap();
        acts(store, &custody, purpose, now)
            .rotate(Pace::Forced)
            .await
            .unwrap();
        let after = lives(store, purpose).await;
        let old = after.iter().find(|life| life.key_id == old.key_id).unwrap();
        let ends = now.plus(life + KEYS_READ_WITHIN_SECONDS + RETIRED_AFTER_SECONDS);
        assert_eq!(
            (old.state, old.retires_at()),
            (KeyState::Retiring, Some(ends))
        );
        for (seconds, state) in [(-1, KeyState::Retiring), (0, KeyState::Retired)] {
            let steps = acts(store, &custody, purpose, ends.plus(seconds));
            steps.keep_schedule(UNSCHEDULED, 0).await.unwrap();
            let now = lives(store, purpose).await;
            let now = now.iter().find(|life| life.key_id == old.key_id).unwrap();
            assert_eq!(now.state, state, "{purpose:?}");
        }
        let stored = store.secret_generations().await.unwrap();
        let ended = stored
            .iter()
            .find(|secret| secret.life.key_id == old.key_id);
        assert!(
            ended.unwrap().sealed.as_bytes().is_empty(),
            "and the secret is gone"
        );
        world
            .run(&format!(
                "DELETE FROM token_secrets WHERE purpose = '{}'",
                purpose.name()
            ))
            .await
            .unwrap();
        acts(store, &custody, purpose, NOW).take_in().await.unwrap();
    }
}

pub(crate) async fn issuers_change_their_secrets_together_and_know_those_before(world: World) {
    let custody = custody();
    let purpose = Purpose::Refresh;
    let (one, other) = (world.another().await, world.another().await);
    take_in(&one, &custody).await;
    acts(&one, &custody, purpose, NOW)
        .keep_schedule(MONTHLY, 0)
        .await
        .unwrap();
    let at = Instant::now();
    let known_there = Generations::load(&other, &custody, NOW, at).await.unwrap();
    let later = NOW.plus(PUBLISHED_SECONDS);
    let planned = acts(&one, &custody, purpose, later)
        .rotate(Pace::Orderly)
        .await
        .unwrap();
    assert_eq!(planned.secret.signs_from, Some(later.plus(LEAD_SECONDS)));
    known_there
        .reload(&other, &custody, later, at)
        .await
        .unwrap();
    let file = **custody.of_folder().refresh_mac;
    let makes = |seconds| {
        let known = known_there.refresh(later.plus(seconds), at).unwrap();
        assert_eq!(
            known.accepts().count(),
            2,
            "both are accepted before and after"
        );
        *known.makes().as_bytes() == file
    };
    // Nobody has to do anything at that moment, and a clock that goes back goes back.
    let seconds = [LEAD_SECONDS - 1, LEAD_SECONDS, LEAD_SECONDS - 1];
    assert_eq!(seconds.map(makes), [true, false, true]);
    // Who cannot read for a minute makes and accepts nothing.
    other.close().await;
    let outdated = at + Duration::from_secs(KEYS_READ_WITHIN_SECONDS.unsigned_abs() + 1);
    assert!(matches!(
        known_there.refresh(later, outdated),
        Err(SecretsError::Outdated)
    ));
    let again = known_there
        .ensure_fresh(&other, &custody, later, outdated)
        .await;
    assert!(matches!(again, Err(SecretsError::Store(_))), "{again:?}");
}

pub(crate) async fn a_revoked_secret_makes_way_at_once(world: World) {
    let custody = custody();
    let (store, purpose) = (&world.store, Purpose::Csrf);
    take_in(store, &custody).await;
    let revokes = async |id: &str| acts(store, &custody, purpose, NOW).revoke(id).await;
    let first = lives(store, purpose).await.remove(0).key_id;
    let done = revokes(&first).await.unwrap();
    assert_eq!(done.secret.state, KeyState::Active);
    let at = Instant::now();
    let known = Generations::load(store, &custody, NOW, at).await.unwrap();
    assert_eq!(known.csrf(NOW, at).unwrap().accepts().count(), 1);
    for (id, why) in [
        (first.as_str(), "revoked already"),
        ("csrf-nobody", "no secret with this id"),
    ] {
        let refused = revokes(id).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

pub(crate) async fn a_change_of_secrets_is_whole_or_not_at_all(world: World) {
    let custody = custody();
    let (store, purpose) = (&world.store, Purpose::Csrf);
    take_in(store, &custody).await;
    acts(store, &custody, purpose, NOW)
        .keep_schedule(UNSCHEDULED, 0)
        .await
        .unwrap();
    let rows = store.secret_generations().await.unwrap();
    let before = lives(store, purpose).await;
    let active = before
        .iter()
        .find(|life| life.state == KeyState::Active)
        .unwrap();
    let after = plan::revoke(purpose, &before, &active.key_id, None, NOW);
    let mut change = SecretChange {
        purpose,
        after: after.unwrap(),
        before,
        added: Vec::new(),
        entries: vec![
            entry(Action::RevokeSecret),
            entry(Action::ActivateSecret).about("secret", "refuse-me"),
        ],
    };
    world.refuse_marked_entries().await;
    assert!(store.change_secrets(&change).await.is_err());
    assert_eq!(store.secret_generations().await.unwrap(), rows);
    // And one that was judged by what is there no more is not done.
    change.before.pop();
    change.entries.pop();
    assert!(!store.change_secrets(&change).await.unwrap());
    assert_eq!(store.secret_generations().await.unwrap(), rows);
}
