//! The audit log: one chain, whoever writes and however many at once, and nobody takes anything back.

use std::sync::Arc;

use edgeward_issuer::domain::{audit::Action, storage::Storage};
use tokio::task::JoinSet;

use super::world::{NOW, World, entry};

const WRITERS: usize = 20;
const ENTRIES_EACH: usize = 10;

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
                store.record(&entry(Action::SignIn)).await.unwrap();
            }
        });
    }
    running.join_all().await;
    let expected = WRITERS * ENTRIES_EACH;
    assert_eq!(world.entries().await, u64::try_from(expected).unwrap());
}

pub(crate) async fn the_log_only_grows(world: World) {
    for _ in 0..3 {
        world.store.record(&entry(Action::SignIn)).await.unwrap();
    }
    for statement in [
        "UPDATE audit_log SET entry = '{}' WHERE seq = 3",
        "UPDATE audit_log SET seq = 9 WHERE seq = 3",
        "DELETE FROM audit_log WHERE seq = 3",
        "DELETE FROM audit_log",
        // A second entry after the second one, a gap, a number that is taken, and a hash that is.
        "INSERT INTO audit_log (seq, entry, previous_hash, hash)
         SELECT 4, entry, previous_hash, substr(previous_hash, 1, 31) || substr(hash, 32, 1) FROM audit_log WHERE seq = 3",
        "INSERT INTO audit_log (seq, entry, previous_hash, hash)
         SELECT 5, entry, hash, substr(previous_hash, 1, 31) || substr(hash, 32, 1) FROM audit_log WHERE seq = 3",
        "INSERT INTO audit_log (seq, entry, previous_hash, hash)
         SELECT seq, entry, previous_hash, hash FROM audit_log WHERE seq = 3",
        "INSERT INTO audit_log (seq, entry, previous_hash, hash)
         SELECT 4, entry, hash, hash FROM audit_log WHERE seq = 3",
    ] {
        world.run(statement).await.expect_err(statement);
        assert_eq!(world.entries().await, 3, "{statement}");
    }
    world.store.record(&entry(Action::SignIn)).await.unwrap();
    assert_eq!(world.entries().await, 4);
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
