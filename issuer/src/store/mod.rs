//! The embedded database: SQLite in one file, opened, migrated, and written through one narrow door.
//!
//! Reads go through a pool whose connections cannot write. Writes go through the only connection that can, one
//! transaction at a time, each begun with `BEGIN IMMEDIATE` so that it cannot fail half-way for want of the lock. A
//! write transaction has no other end than [`WriteTx::commit`], which takes the audit entry; dropping it undoes
//! everything. Nothing here decides: rules are in `domain`.

pub mod migrations;

pub mod audit;
pub mod families;
pub mod sessions;
pub mod users;

pub mod edges;
pub mod keys;

mod storage;

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    error::DatabaseError,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::domain::{audit::AuditEntry, storage::StorageError};

/// How long a statement waits for a lock that another process holds (`edgeward user add` beside `edgeward serve`).
/// Longer than any transaction here takes, shorter than a person waits.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request waits for a connection before it is told to come back: as long as for a lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Readers do not block each other, but each has its own page cache; more than a few per core only cost memory.
const READERS: u32 = 4;

/// `PRAGMA application_id` of our files, the letters "EDGW"; set by the first migration.
const APPLICATION_ID: i64 = 0x4544_4757;

/// SQLite's primary result codes that are told apart here.
const SQLITE_BUSY: i32 = 5;
const SQLITE_NOTADB: i32 = 26;

/// Why a database file cannot be used. For the operator; names the file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file or its folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The file is no SQLite database.
    #[error("{path} is not a database", path = .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database of another program.
    #[error(
        "{path} is a database of another program (application id {found})", path = .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its `PRAGMA application_id`.
        found: i64,
    },
    /// The file was written by a later version of this program.
    #[error(
        "{path} has schema {found}, this program knows up to {known}: use the newer program, or its `migrate down`",
        path = .path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The latest migration in the file.
        found: i64,
        /// The latest migration of this program.
        known: i64,
    },
    /// A migration was applied in another wording than this program has.
    #[error(
        "{path}: migration {version} was applied in another wording", path = .path.display()
    )]
    OtherWording {
        /// The file.
        path: PathBuf,
        /// The migration.
        version: i64,
    },
    /// There is no such migration to go down to.
    #[error("there is no migration {0}")]
    NoSuchMigration(i64),
    /// Anything else that SQLite says.
    #[error("{path}: {source}", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
}

impl StoreError {
    fn from_sqlx(path: &Path, source: sqlx::Error) -> Self {
        if result_code(&source) == Some(SQLITE_NOTADB) {
            return Self::NotADatabase(path.to_path_buf());
        }
        Self::Sqlite {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// The primary result code: SQLite keeps details in the higher bytes of the extended one.
fn result_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) || result_code(&error) == Some(SQLITE_BUSY) {
            Self::Busy(Box::new(error))
        } else {
            Self::Failed(Box::new(error))
        }
    }
}

/// Whether a statement failed because a UNIQUE column already holds the value.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(DatabaseError::is_unique_violation)
}

/// An open database. Cheap to share by reference; closing is by [`Store::close`] or by dropping.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the file, or makes an empty one that only its owner can read. Does not migrate.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, belongs to another program, or has a schema that is newer than
    /// this program. Such a file is left as it was.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        make_private_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let failed = |source| StoreError::from_sqlx(path, source);

        judge_owner(path, &options).await?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(
                options
                    .clone()
                    .journal_mode(SqliteJournalMode::Wal)
                    // An act that was answered must survive a power cut: FULL syncs the log at each commit.
                    .synchronous(SqliteSynchronous::Full),
            )
            .await
            .map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "1"))
            .await
            .map_err(failed)?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            readers,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connections that can only read.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins the one write transaction that may run.
    pub(crate) async fn write(&self) -> Result<WriteTx, StorageError> {
        Ok(WriteTx(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// The writing connection without an audit entry: only for times of last use, which are no acts.
    async fn bookkeeping(&self) -> Result<PoolConnection<Sqlite>, StorageError> {
        Ok(self.writer.acquire().await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What kept it from answering.
    pub async fn ping(&self) -> Result<(), StorageError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Ends all connections, which also folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A write transaction. Its only end that keeps anything is [`WriteTx::commit`].
pub(crate) struct WriteTx(Transaction<'static, Sqlite>);

impl WriteTx {
    /// For statements inside the transaction.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }

    /// Writes down an act that is followed by another in the same transaction.
    pub(crate) async fn append(&mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        audit::append(self, entry).await
    }

    /// Appends the entry and commits both, or neither.
    pub(crate) async fn commit(mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        audit::append(&mut self, entry).await?;
        self.0.commit().await?;
        Ok(())
    }

    /// Ends without keeping anything. Dropping does the same, a little later.
    pub(crate) async fn roll_back(self) -> Result<(), StorageError> {
        Ok(self.0.rollback().await?)
    }
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
    use sqlx::{ConnectOptions, Connection};

    let failed = |source| StoreError::from_sqlx(path, source);
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
        migrations::judge_applied(path, &mut connection).await?;
    }
    connection.close().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::tests::Folder;

    #[tokio::test]
    async fn only_the_writer_writes() {
        let folder = Folder::new();
        let store = Store::open(&folder.path().join("edgeward.db"))
            .await
            .unwrap();
        store.migrate_up().await.unwrap();
        let refused = sqlx::query("DELETE FROM users")
            .execute(store.readers())
            .await;
        assert!(refused.unwrap_err().to_string().contains("readonly"));
    }

    #[tokio::test]
    async fn what_is_not_committed_is_undone() {
        let folder = Folder::new();
        let store = Store::open(&folder.path().join("edgeward.db"))
            .await
            .unwrap();
        store.migrate_up().await.unwrap();
        let insert = "INSERT INTO edges VALUES ('e', 'k', '{}', 0, NULL)";
        let mut dropped = store.write().await.unwrap();
        sqlx::query(insert)
            .execute(dropped.connection())
            .await
            .unwrap();
        drop(dropped);
        let mut rolled_back = store.write().await.unwrap();
        sqlx::query(insert)
            .execute(rolled_back.connection())
            .await
            .unwrap();
        rolled_back.roll_back().await.unwrap();
        let edges: i64 = sqlx::query_scalar("SELECT count(*) FROM edges")
            .fetch_one(store.readers())
            .await
            .unwrap();
        assert_eq!(edges, 0);
    }
}
