//! The audit log: one chain, whoever writes and however many at once, and nobody takes anything back.

use std::sync::Arc;

use edgeward_issuer::{
    domain::{
        audit::Action,
        storage::{Storage, StorageError},
    },
    store::Store,
};
use tokio::task::JoinSet;

use super::world::{NOW, World, entry};

const WRITERS: usize = 20;
const ENTRIES_EACH: usize = 10;

/// Writes an entry. SQLite has one writer at a time and no queue, so of many one may be refused, and comes again: were anything
/// left of what was refused, there would be an entry too many.
async fn record(store: &Store) {
    loop {
        match store.record(&entry(Action::SignIn)).await {
            Err(StorageError::Busy(_)) => {}
            written => return written.unwrap(),
        }
    }
}

pub(crate) async fn the_log_is_one_chain_under_many_writers(world: World) {
    let stores = [
        Arc::new(world.another().await),
        Arc::new(world.another().await),
    ];
    let mut running = JoinSet::new();
    for index in 0..WRITERS {
        let store = Arc::clone(&stores[index % stores.len()]);
        running.spawn(async move {
            for _ in 0..ENTRIES_EACH {
                record(&store).await;
            }
        });
    }
    running.join_all().await;
    let expected = WRITERS * ENTRIES_EACH;
    assert_eq!(world.entries().await, u64::try_from(expected).unwrap());
}

/// An entry past the store, with any hash.
fn insertion(world: &World, seq: &str, previous: &str) -> String {
    let hash = world.bytes(9);
    format!(
        "INSERT INTO audit_log (seq, entry, previous_hash, hash)
         SELECT {seq}, entry, {previous}, {hash} FROM audit_log WHERE seq = 3"
    )
}

pub(crate) async fn the_log_only_grows(world: World) {
    for _ in 0..3 {
        world.store.record(&entry(Action::SignIn)).await.unwrap();
    }
    let follows = insertion(&world, "4", "hash");
    world
        .run(&format!("BEGIN; {follows}; ROLLBACK"))
        .await
        .unwrap();
    for statement in [
        "UPDATE audit_log SET entry = '{}' WHERE seq = 3".to_owned(),
        "UPDATE audit_log SET seq = 9 WHERE seq = 3".to_owned(),
        "DELETE FROM audit_log WHERE seq = 3".to_owned(),
        "DELETE FROM audit_log".to_owned(),
        // A second entry after the second one, a gap and a number that is taken.
        insertion(&world, "4", "previous_hash"),
        insertion(&world, "5", "hash"),
        insertion(&world, "seq", "hash"),
        insertion(&world, "seq", "previous_hash"),
    ] {
        let refused = world.run(&statement).await.expect_err(&statement);
        assert!(refused.contains("append-only"), "{statement}: {refused}");
        assert_eq!(world.entries().await, 3, "{statement}");
    }
    world.store.record(&entry(Action::SignIn)).await.unwrap();
    assert_eq!(world.entries().await, 4);
}

/// Who knows nothing of the lock of the writers, and began before another one's entry was there, does not see that entry: the
/// trigger lets it pass. What stops it is the number, or in SQLite that it began to read before.
pub(crate) async fn of_two_who_go_around_the_lock_one_writes(world: World) {
    for _ in 0..3 {
        world.store.record(&entry(Action::SignIn)).await.unwrap();
    }
    let follows = insertion(&world, "4", "hash");
    let (mut first, mut second) = (world.raw().await, world.raw().await);
    second.begin_and_look().await;
    first.run(&follows).await.unwrap();
    let refused = second.run(&follows).await.unwrap_err();
    let is_number = refused.contains("audit_log_pkey");
    assert!(is_number || refused.contains("locked"), "{refused}");
    second.run("ROLLBACK").await.unwrap();
    let ends = "SELECT count(*) FROM audit_log WHERE seq > 3";
    assert_eq!(world.number(ends).await, 1);
}

pub(crate) async fn what_is_searched_is_what_is_hashed(world: World) {
    world
        .store
        .record(&entry(Action::RevokeEdge))
        .await
        .unwrap();
    let found = format!(
        "SELECT count(*) FROM audit_log WHERE action = 'edge.revoke' AND actor = 'operator' AND outcome = 'done'
         AND at = {} AND request_id IS NULL",
        NOW.seconds()
    );
    assert_eq!(world.number(&found).await, 1);
    world
        .run("UPDATE audit_log SET actor = 'anonymous'")
        .await
        .expect_err("a column that is computed");
}
