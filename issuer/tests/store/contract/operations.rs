//! What an operator meets: first starts, keys, edges, schema, and a database that is busy or was closed.

use std::{sync::Arc, time::Instant};

use edgeward_core::cookie::Environment;
use edgeward_issuer::{
    custody::Secrets,
    domain::{
        accounts::UserId,
        audit::Action,
        custody_log::AccessLog,
        edges::{Edge, EdgeName, Edges},
        keyring::Keyring,
        reseal::{self, SealedKeys, Which},
        session::Sid,
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

/// Every schema that was ever released is filled with rows, brought up to date, read, and brought back.
pub(crate) async fn rows_of_every_older_schema_go_up_and_back(world: World) {
    let steps = world.store.migration_status().await.unwrap();
    let newest = steps.last().unwrap().version;
    let user = "01a1ee56-5e00-7ad0-ac7a-c00d092abf61";
    let sid = "01a1ee56-5e00-7ad0-ac7a-c00d092abf62";
    for older in steps
        .iter()
        .map(|step| step.version)
        .filter(|it| *it < newest)
    {
        world.store.migrate_down(0).await.unwrap();
        world.store.migrate_up().await.unwrap();
        world.store.migrate_down(older).await.unwrap();
        let filled: Vec<&str> = fill(&world, older, user, sid).await;
        world.store.migrate_up().await.unwrap();
        let user_id = UserId::parse(user).unwrap();
        let account = world.store.account_by_id(user_id).await.unwrap().unwrap();
        assert_eq!(account.email.as_str(), "ada@example.test", "from {older}");
        assert_eq!(account.roles.len(), 1, "from {older}");
        let family = world.store.family(Sid::parse(sid).unwrap()).await.unwrap();
        assert_eq!(
            family.map(|family| family.seq),
            (older >= 2).then_some(7),
            "from {older}"
        );
        world.store.record(&entry(Action::SignIn)).await.unwrap();
        assert_eq!(
            world.entries().await,
            if older >= 3 { 3 } else { 1 },
            "from {older}"
        );
        world.store.migrate_down(older).await.unwrap();
        for table in filled {
            assert!(world.rows(table).await > 0, "{table} back to {older}");
        }
        world.store.migrate_up().await.unwrap();
        let account = world.store.account_by_id(user_id).await.unwrap().unwrap();
        assert_eq!(
            account.email.as_str(),
            "ada@example.test",
            "from {older}, again"
        );
    }
}

/// Puts rows into the tables that a schema has, past the store; answers which tables these are.
async fn fill(world: &World, version: i64, user: &str, sid: &str) -> Vec<&'static str> {
    let (one, two) = (world.bytes(1), world.bytes(2));
    world
        .run(&format!(
            "INSERT INTO users (id, email, first_name, last_name, password_hash, created_at, updated_at)
                 VALUES ('{user}', 'ada@example.test', 'Ada', 'Lovelace', '$argon2id$', 5, 6);
             INSERT INTO user_roles (user_id, role, granted_at) VALUES ('{user}', 'editor', 5)"
        ))
        .await
        .unwrap();
    let mut tables = vec!["users", "user_roles"];
    if version >= 2 {
        world
            .run(&format!(
                "INSERT INTO families (sid, user_id, client_id, seq, current_digest, previous_digest, rotated_at_ms,
                     confirmed, idle_expires_at, absolute_expires_at, auth_time, amr, acr, device_digest, device_name,
                     user_agent, created_at, last_used_at)
                 VALUES ('{sid}', '{user}', 'edgeward-web', 7, {one}, {two}, 5000, 0, 90, 99, 5, 'pwd', 'aal1', {two},
                     'Firefox', 'Mozilla', 5, 5);
                 INSERT INTO browser_sessions (digest, sid, created_at, last_used_at, idle_expires_at, absolute_expires_at)
                 VALUES ({one}, '{sid}', 5, 5, 90, 99)"
            ))
            .await
            .unwrap();
        tables.extend(["families", "browser_sessions"]);
    }
    if version >= 3 {
        for _ in 0..2 {
            // An act that is no security event, because older schemas have no place for those.
            world.store.record(&entry(Action::Refresh)).await.unwrap();
        }
        tables.push("audit_log");
    }
    if version >= 4 {
        world
            .run(&format!(
                "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at)
                     VALUES ('k', 'EdDSA', 'active', '{{}}', {one}, 5);
                 INSERT INTO edges (name, kid, public_jwk, enrolled_at) VALUES ('eu-1', 'e', '{{}}', 5)"
            ))
            .await
            .unwrap();
        tables.extend(["signing_keys", "edges"]);
    }
    if version >= 16 {
        let row = format!(
            "INSERT INTO token_secrets (id, purpose, state, sealed, created_at) VALUES ('s', 'csrf', 'active', {one}, 5)"
        );
        world.run(&row).await.unwrap();
        tables.push("token_secrets");
    }
    tables
}
