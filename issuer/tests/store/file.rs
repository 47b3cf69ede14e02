//! The database file: whose it is, what its schema is, and what happens when it is not ours.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use edgeward_issuer::store::{Store, StoreError};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tokio::time::timeout;

use crate::folder::Folder;

async fn versions(store: &Store, applied: bool) -> Vec<i64> {
    let status = store.migration_status().await.unwrap();
    status
        .iter()
        .filter(|step| step.applied == applied)
        .map(|step| step.version)
        .collect()
}

#[tokio::test]
async fn the_schema_goes_up_and_down_and_up_again() {
    let folder = Folder::new();
    let path = folder.path().join("deep/er/edgeward.db");
    let store = Store::open(&path).await.unwrap();
    let all = versions(&store, false).await;
    assert!(all.starts_with(&[1, 2, 3, 4]) && all.is_sorted(), "{all:?}");
    assert_eq!(store.migrate_up().await.unwrap().len(), all.len());
    assert_eq!(store.migrate_up().await.unwrap().len(), 0);
    assert_eq!(versions(&store, true).await, all);

    let undone = store.migrate_down(2).await.unwrap();
    let oldest_first: Vec<_> = undone.iter().rev().map(|step| step.version).collect();
    assert_eq!(oldest_first, all[2..]);
    assert_eq!(versions(&store, true).await, [1, 2]);
    assert_eq!(store.migrate_up().await.unwrap().len(), all.len() - 2);
    assert_eq!(store.migrate_down(0).await.unwrap().len(), all.len());
    let mut sql = crate::desk::connect(&path).await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '%sqlx%' AND name NOT LIKE 'sqlite_%'")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is left behind");
    assert_eq!(store.migrate_up().await.unwrap().len(), all.len());
    assert!(matches!(
        store.migrate_down(77).await,
        Err(StoreError::NoSuchMigration(77))
    ));
}

#[tokio::test]
async fn two_first_starts_agree() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.db");
    let start = || async {
        let store = Store::open(&path).await?;
        store.migrate_up().await
    };
    let (one, two) = tokio::join!(start(), start());
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
}

/// SQLite itself does not wait there: of two that change the journal of a new file each would wait for the other.
#[tokio::test]
async fn an_open_waits_for_another_that_makes_the_file() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.db");
    let mut other = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let mut opening = Box::pin(Store::open(&path));
    let early = timeout(Duration::from_millis(300), &mut opening).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    let store = opening.await.unwrap();
    assert!(!store.migrate_up().await.unwrap().is_empty());
}

#[tokio::test]
async fn only_its_owner_reads_the_file() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.db");
    let store = Store::open(&path).await.unwrap();
    store.migrate_up().await.unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_named_and_left_alone() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.db");
    let ours = |path: &std::path::Path| {
        let path = path.to_path_buf();
        async move {
            let store = Store::open(&path).await.unwrap();
            store.migrate_up().await.unwrap();
            store.close().await;
        }
    };

    fs::write(
        &path,
        "this is a text and not a database, however long it may be. ".repeat(20),
    )
    .unwrap();
    check(
        &path,
        |error| matches!(error, StoreError::NotADatabase(_)),
        "is not a database",
    )
    .await;

    fs::remove_file(&path).unwrap();
    run(&path, "CREATE TABLE theirs (x); PRAGMA application_id = 7").await;
    check(
        &path,
        |error| matches!(error, StoreError::Foreign { found: 7, .. }),
        "another program",
    )
    .await;

    fs::remove_file(&path).unwrap();
    ours(&path).await;
    run(
        &path,
        "INSERT INTO _sqlx_migrations VALUES (99, 'later', 0, 1, zeroblob(48), 0)",
    )
    .await;
    check(
        &path,
        |error| {
            matches!(
                error,
                StoreError::NewerSchema {
                    found: 99,
                    known: 22,
                    ..
                }
            )
        },
        "schema 99",
    )
    .await;

    fs::remove_file(&path).unwrap();
    ours(&path).await;
    run(
        &path,
        "UPDATE _sqlx_migrations SET checksum = zeroblob(48) WHERE version = 2",
    )
    .await;
    check(
        &path,
        |error| matches!(error, StoreError::OtherWording { version: 2, .. }),
        "migration 2",
    )
    .await;

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    check(
        &path,
        |error| matches!(error, StoreError::Database { .. }),
        "edgeward.db",
    )
    .await;

    let below_a_file = folder.path().join("file");
    fs::write(&below_a_file, "").unwrap();
    check(
        &below_a_file.join("edgeward.db"),
        |error| matches!(error, StoreError::Io { .. }),
        "file",
    )
    .await;
}

async fn run(path: &std::path::Path, statements: &'static str) {
    use sqlx::Connection;
    if !path.exists() {
        fs::write(path, "").unwrap();
    }
    let mut sql = crate::desk::connect(path).await;
    sqlx::raw_sql(statements).execute(&mut sql).await.unwrap();
    sql.close().await.unwrap();
}

async fn check(path: &std::path::Path, is_expected: fn(&StoreError) -> bool, text: &str) {
    let before = fs::read(path).ok();
    let error = Store::open(path).await.unwrap_err();
    assert!(is_expected(&error), "{error:?}");
    let said = error.to_string();
    let folder = path.parent().unwrap().to_str().unwrap();
    assert!(said.contains(text) && said.contains(folder), "{said}");
    assert_eq!(fs::read(path).ok(), before, "left alone");
}
