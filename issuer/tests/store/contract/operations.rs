//! What an operator meets: first starts, keys, edges, schema, and a database that is busy or was closed.

use std::{sync::Arc, time::Instant};

use edgeward_core::cookie::Environment;
use edgeward_issuer::{
    custody::Secrets,
    domain::{
        audit::Action,
        custody_log::AccessLog,
        edges::{Edge, EdgeName, Edges},
        keyring::Keyring,
        reseal::{self, SealedKeys, Which},
        storage::{Storage, StorageError},
    },
    store::StoreError,
};
use tokio::task::JoinSet;

use super::world::{NOW, World, entry, first_rotation};

/// As many processes as an operator starts at once, and some more.
const STARTS: usize = 6;

pub(crate) async fn first_starts_at_once_agree_on_schema_and_key(world: World) {
    world.store.migrate_down(0).await.unwrap();
    let folder = World::folder();
    let secrets = Secrets::load_or_create(&folder.path().join("secrets"), Environment::Development);
    let secrets = Arc::new(secrets.unwrap());
    let mut running = JoinSet::new();
    for _ in 0..STARTS {
        let (store, secrets) = (world.another().await, Arc::clone(&secrets));
        running.spawn(async move {
            store.migrate_up().await.unwrap();
            let keyring = Keyring::load_or_create(&store, &secrets, &[], NOW, Instant::now())
                .await
                .unwrap();
            let signs = keyring.signing_key(NOW, Instant::now()).unwrap();
            signs.key_id().to_owned()
        });
    }
    let mut keys = running.join_all().await;
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(world.rows("signing_keys").await, 1);
    assert_eq!(world.entries().await, 1);
}

pub(crate) async fn a_sealed_key_is_replaced_only_if_it_is_the_one_that_was_read(world: World) {
    let folder = World::folder();
    let secrets = Secrets::load_or_create(&folder.path().join("secrets"), Environment::Development);
    let secrets = secrets.unwrap();
    Keyring::load_or_create(&world.store, &secrets, &[], NOW, Instant::now())
        .await
        .unwrap();
    let read = world.store.sealed_keys().await.unwrap().remove(0);
    let seed = secrets.open(&read.key_id, &read.sealed).unwrap();
    let anew = || secrets.seal(&read.key_id, &seed).unwrap();
    let (first, second) = (anew(), anew());
    let entries = world.entries().await;
    let entry = entry(Action::ResealKey);
    for (after, replaced) in [(&first, true), (&second, false)] {
        let done = world.store.replace_sealed(&read, after, &entry).await;
        assert_eq!(done.unwrap(), replaced);
    }
    assert_eq!(world.store.sealed_keys().await.unwrap()[0].sealed, first);
    assert_eq!(world.entries().await, entries + 1);

    let done = reseal::reseal(&world.store, &secrets, Which::All, NOW).await;
    assert_eq!(done.unwrap().moved.len(), 1);
    assert_ne!(world.store.sealed_keys().await.unwrap()[0].sealed, first);
    let used = [entry.clone(), entry];
    world.store.log_accesses(&used).await.unwrap();
    world.store.log_accesses(&[]).await.unwrap();
    assert_eq!(world.entries().await, entries + 4, "each is an entry");
}

pub(crate) async fn a_name_of_an_edge_is_given_once(world: World) {
    let edge = |key: &str| Edge {
        name: EdgeName::parse("eu-1").unwrap(),
        key_id: key.to_owned(),
        public_jwk: "{}".to_owned(),
        enrolled_at: NOW,
        revoked_at: None,
    };
    let store = &world.store;
    let enroll = |key: &'static str| async move {
        let entry = entry(Action::EnrollEdge);
        store.enroll_edge(&edge(key), &entry).await.unwrap()
    };
    let both = tokio::join!(enroll("a"), enroll("b"));
    assert!(both.0 != both.1, "{both:?}");
    assert_eq!(store.edges().await.unwrap().len(), 1);
    let name = EdgeName::parse("eu-1").unwrap();
    let entry = entry(Action::RevokeEdge);
    assert!(store.revoke_edge(&name, NOW, &entry).await.unwrap());
    assert!(!store.revoke_edge(&name, NOW, &entry).await.unwrap());
    assert!(store.edge_by_key("a").await.unwrap().is_none());
    assert!(enroll("c").await, "the name is free again");
    assert!(store.edge_by_key("c").await.unwrap().is_some());
    assert_eq!(world.entries().await, 3);
}

pub(crate) async fn a_lock_that_is_held_too_long_is_busy(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let mut holder = world.raw().await;
    // In SQLite the first statement takes the one lock of the file, in PostgreSQL that of the row.
    holder
        .run("BEGIN; UPDATE families SET last_used_at = last_used_at + 1")
        .await
        .unwrap();
    let rotation = first_rotation(&sign_in);
    let waited = world.store.rotate(&rotation, &entry(Action::Refresh)).await;
    assert!(matches!(waited, Err(StorageError::Busy(_))), "{waited:?}");
    assert!(
        world.store.family(sign_in.sid).await.is_ok(),
        "readers do not wait"
    );
    holder.run("ROLLBACK").await.unwrap();
    let done = world.store.rotate(&rotation, &entry(Action::Refresh)).await;
    assert!(done.unwrap(), "the same act succeeds later");
}

pub(crate) async fn what_was_answered_is_there_after_closing(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let rotation = first_rotation(&sign_in);
    assert!(
        world
            .store
            .rotate(&rotation, &entry(Action::Refresh))
            .await
            .unwrap()
    );
    world.store.check().await.unwrap();
    world.store.close().await;
    assert!(world.store.family(sign_in.sid).await.is_err());
    let again = world.another().await;
    let family = again.family(sign_in.sid).await.unwrap().unwrap();
    assert_eq!((family.seq, family.current), (1, rotation.next));
}

pub(crate) async fn a_schema_that_is_not_ours_is_left_alone(world: World) {
    world.store.migrate_up().await.unwrap();
    world
        .run("UPDATE _sqlx_migrations SET checksum = substr(checksum, 1, 4) WHERE version = 2")
        .await
        .unwrap();
    let refused = world.store.migrate_up().await.unwrap_err();
    assert!(
        matches!(refused, StoreError::OtherWording { version: 2, .. }),
        "{refused}"
    );
    world
        .run("UPDATE _sqlx_migrations SET version = 99 WHERE version = 2")
        .await
        .unwrap();
    let refused = world.store.migrate_down(0).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 99, .. }),
        "{refused}"
    );
    assert_eq!(world.rows("users").await, 0, "the tables are there");
}
