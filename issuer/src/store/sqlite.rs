//! SQLite in one file: whose it is, who may read it, and how its connections are opened.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    BUSY_TIMEOUT, StoreError,
    checkpoints::{Checkpoints, LONGEST_LOG},
    migrations,
    readers::FileReaders,
};

/// `PRAGMA application_id` of our files, the letters "EDGW"; set by the first migration.
const APPLICATION_ID: i64 = 0x4544_4757;

/// From one try to open to the next, while another process holds the file: it does so for a few writes to the disk.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The one connection that writes, those that only read, and who shortens the log.
pub(super) type Opened = (SqlitePool, Arc<FileReaders>, Checkpoints);

/// Opens the file, and makes it where there is none.
///
/// SQLite does not wait for whoever changes the journal of a new file at the same moment, because each of the two would
/// wait for the other: it refuses one of them at once. So that one begins again.
pub(super) async fn open(path: &Path) -> Result<Opened, StoreError> {
    make_private_file(path)?;
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        match open_once(path).await {
            Err(error) if error.is_busy() && Instant::now() < until => sleep(BETWEEN_TRIES).await,
            done => return done,
        }
    }
}

async fn open_once(path: &Path) -> Result<Opened, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // Statements are never logged: their values are personal.
        .disable_statement_logging();
    let place = path.display().to_string();
    let failed = |source| StoreError::from_sqlx(&place, source);

    judge_owner(path, &options).await?;
    let written = Arc::new(Notify::new());
    let tell = Arc::clone(&written);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        // That the library asks whether the connection lives is for servers, which may be gone.
        .test_before_acquire(false)
        // SQLite ends a transaction by itself on some errors, such as a full disk, and the driver still waits for its end.
        .before_acquire(|writer, _| Box::pin(async move { Ok(!writer.is_in_transaction()) }))
        .after_release(move |_, _| {
            tell.notify_one();
            Box::pin(async { Ok(true) })
        })
        .connect_with(
            options
                .clone()
                .journal_mode(SqliteJournalMode::Wal)
                // An act that was answered must survive a power cut: FULL syncs the log at each commit.
                .synchronous(SqliteSynchronous::Full)
                .pragma("wal_autocheckpoint", LONGEST_LOG.to_string()),
        )
        .await
        .map_err(failed)?;
    let readers = Arc::new(FileReaders::open(options).await.map_err(failed)?);
    let checkpoints = Checkpoints::start(Arc::clone(&readers), written);
    Ok((writer, readers, checkpoints))
}

/// Makes an empty file with mode 0600 where there is none; SQLite gives its log the mode of the file.
fn make_private_file(path: &Path) -> Result<(), StoreError> {
    let io_error = |path: &Path| {
        let path = path.to_path_buf();
        move |source| StoreError::Io { path, source }
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(io_error(folder))?;
    }
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(io_error(path)(error)),
    }
}

/// Reads whose file it is before any pragma could write to it.
async fn judge_owner(path: &Path, options: &SqliteConnectOptions) -> Result<(), StoreError> {
    let place = path.display().to_string();
    let failed = |source| StoreError::from_sqlx(&place, source);
    let mut connection = options
        .clone()
        .pragma("query_only", "1")
        .connect()
        .await
        .map_err(failed)?;
    let found: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    if found != APPLICATION_ID && tables > 0 {
        return Err(StoreError::Foreign {
            path: path.to_path_buf(),
            found,
        });
    }
    if tables > 0 {
        migrations::judge_sqlite(&place, &mut connection).await?;
    }
    connection.close().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use edgeward_core::time::UnixTime;

    use crate::{
        custody::tests::Folder,
        domain::{
            audit::{Action, Actor, AuditEntry, Origin},
            storage::{Storage, StorageError},
        },
        store::{Store, audit::ChainVerdict, sql::sql},
    };

    #[tokio::test]
    async fn a_full_disk_is_an_error_that_passes() {
        let folder = Folder::new();
        let path = folder.path().join("edgeward.db");
        let store = Store::open(&path).await.unwrap();
        store.migrate_up().await.unwrap();
        let now = UnixTime::from_seconds(1_795_000_000);
        let small = AuditEntry::done(Action::SignIn, Actor::Issuer, now, &Origin::default());
        let large = small.clone().with("text", "x".repeat(1_000_000));
        let opened = &store;
        let pages = |statement| async move {
            let mut tx = opened.write().await.unwrap();
            sql(statement).optional(&mut tx).await.unwrap();
            tx.roll_back().await.unwrap();
        };
        pages("PRAGMA max_page_count = 100").await;
        let refused = store.record(&large).await;
        assert!(
            matches!(refused, Err(StorageError::Unwritable(_))),
            "{refused:?}"
        );
        pages("PRAGMA max_page_count = 1000000").await;
        store.record(&small).await.unwrap();
        let ChainVerdict::Whole(walk) = store.verify_audit_chain().await.unwrap() else {
            panic!("the chain is broken");
        };
        assert_eq!(walk.entries(), 1);
    }
}
