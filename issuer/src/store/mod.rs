//! The database: SQLite in one file, or PostgreSQL for several processes; opened, migrated, and written through one narrow door.
//!
//! Reads go through a pool whose connections cannot write. Writes are transactions whose only end that keeps anything is
//! [`WriteTx::commit`], which takes the audit entry; dropping one undoes everything. In SQLite there is one connection
//! that writes, and each transaction begins with `BEGIN IMMEDIATE` so that it cannot fail half-way for want of the lock.
//! In PostgreSQL transactions run beside each other at READ COMMITTED: what may happen once is decided by one statement
//! with a condition (compare-and-swap on the row), and the log is written last, by one at a time (see [`audit`]).
//! Nothing here decides: rules are in `domain`.

pub mod backfill;
pub mod copy;
pub mod migrations;

pub mod alerts;
pub mod attempts;
pub mod audit;
pub mod counts;
pub mod ends;
pub mod events;
pub mod families;
pub mod outbox;
pub mod registrations;
pub mod revocations;
pub mod sessions;
pub mod users;

pub mod edges;
pub mod keys;
pub mod sealed;
pub mod secrets;

pub mod legacy;
pub mod redis;

mod checkpoints;
mod health;
mod import;
mod people;
mod many_rows;
mod storage;

mod error;
mod postgres;
mod readers;
mod rotations;
#[cfg(test)]
mod plans;
pub mod stopwatch;
mod sql;
mod sqlite;

pub use error::StoreError;

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction, pool::PoolConnection};

use crate::{
    config::ServerUrl,
    domain::{
        audit::AuditEntry,
        revocations::{Ended, News},
        storage::StorageError,
    },
    faults::{Point, reach},
};
use audit::End;
use checkpoints::Checkpoints;
use health::Room;
use outbox::Queue;
use readers::FileReaders;
use rotations::Rotations;
use sql::{Connection, Readers, Writes};
use stopwatch::wait;

/// How long a statement waits for a lock that another process holds (`edgeward user add` beside `edgeward serve`), and
/// a request for a connection. Longer than any transaction here takes, shorter than a person waits.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database. Cheap to share by reference; closing is by [`Store::close`] or by dropping.
#[derive(Debug)]
pub struct Store {
    place: String,
    db: Db,
    news: Arc<News>,
    room: Room,
    /// Where mail is configured.
    mails: Option<Queue>,
}

/// Which database, and its two ways in.
#[derive(Debug)]
enum Db {
    Lite {
        file: health::OpenedFile,
        writer: SqlitePool,
        readers: Arc<FileReaders>,
        rotations: Rotations,
        /// Held for as long as the log is to be shortened.
        _checkpoints: Checkpoints,
    },
    Pg {
        writers: PgPool,
        readers: PgPool,
    },
}

impl Store {
    /// Opens the SQLite file, or makes an empty one that only its owner can read. Does not migrate.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, belongs to another program, or has a schema that is newer than
    /// this program. Such a file is left as it was.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (writer, readers, checkpoints) = sqlite::open(path).await?;
        let file = health::OpenedFile::at(path).map_err(|source| StoreError::Io {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(Self {
            place: path.display().to_string(),
            room: Room::default(),
            mails: None,
            db: Db::Lite {
                file,
                rotations: Rotations::start(writer.clone()),
                writer,
                readers,
                _checkpoints: checkpoints,
            },
            news: Arc::default(),
        })
    }

    /// Connects to a PostgreSQL server, with at most this many connections. Does not migrate.
    ///
    /// # Errors
    /// When the server cannot be reached or is unfit, or the database has a schema that is newer than this program.
    pub async fn connect(url: &ServerUrl, connections: u32) -> Result<Self, StoreError> {
        let (writers, readers) = postgres::connect(url, connections).await?;
        Ok(Self {
            place: url.to_string(),
            room: Room::default(),
            mails: None,
            db: Db::Pg { writers, readers },
            news: Arc::default(),
        })
    }

    /// The file, or the server without its password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is told about sessions that end.
    #[must_use]
    pub const fn news(&self) -> &Arc<News> {
        &self.news
    }

    /// The connections that can only read.
    pub(crate) fn readers(&self) -> Readers<'_> {
        match &self.db {
            Db::Lite { readers, .. } => Readers::Lite(readers),
            Db::Pg { readers, .. } => Readers::Pg(readers),
        }
    }

    /// Begins a write transaction; in SQLite the only one that may run.
    pub(crate) async fn write(&self) -> Result<WriteTx, StorageError> {
        let mut tx = match &self.db {
            Db::Lite { writer, .. } => WriteTx::begin_immediate(writer).await?,
            Db::Pg { writers, .. } => {
                let tx = Tx::Pg(wait(writers.begin()).await?);
                reach(Point::TransactionBegun);
                WriteTx {
                    room: self.room.clone(),
                    ..WriteTx::of(tx)
                }
            }
        };
        tx.news = Some(Arc::clone(&self.news));
        tx.mails.clone_from(&self.mails);
        Ok(tx)
    }

    /// Where refreshes share commits: with one writer. A server's transactions run beside each other.
    const fn shared_commits(&self) -> Option<&Rotations> {
        match &self.db {
            Db::Lite { rotations, .. } => Some(rotations),
            Db::Pg { .. } => None,
        }
    }

    /// A writing connection without an audit entry: for what is no act, which are times of last use, claims of attempts, and
    /// the events that belong to no entry.
    async fn bookkeeping(&self) -> Result<Bookkeeping, StorageError> {
        Ok(match &self.db {
            Db::Lite { writer, .. } => Bookkeeping::Lite(wait(writer.acquire()).await?),
            Db::Pg { writers, .. } => {
                let connection = wait(writers.acquire()).await?;
                Bookkeeping::Pg(connection, self.room.clone())
            }
        })
    }

    /// Ends all connections; in SQLite this also folds the write-ahead log into the file.
    pub async fn close(&self) {
        match &self.db {
            Db::Lite {
                writer, readers, ..
            } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Pg { writers, readers } => {
                readers.close().await;
                writers.close().await;
            }
        }
    }
}

/// A write transaction. Its only end that keeps anything is [`WriteTx::commit`].
pub(crate) struct WriteTx {
    tx: Tx,
    /// Written at the end: the log's lock must be the last one that is taken.
    entries: Vec<AuditEntry>,
    /// The end of the log, once it was read: nobody else moves it before this transaction ends.
    end: Option<End>,
    /// Numbered at the end, under the same lock.
    ended: Vec<Ended>,
    /// Where it is told that some did. Rotations that share a commit end none.
    news: Option<Arc<News>>,
    /// Where mail is configured.
    mails: Option<Queue>,
    /// Whether a mail was queued.
    queued: bool,
    /// Where it is noted that a server had no room. A file is asked for room whenever it is checked.
    room: Room,
}

/// Tells when it goes, which is also after an error, or when nobody waits any more: the server may have committed.
struct Telling(Arc<News>);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.tell();
    }
}

enum Tx {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Writes for WriteTx {
    fn connection(&mut self) -> Connection<'_> {
        match &mut self.tx {
            Tx::Lite(tx) => Connection::Lite(tx),
            Tx::Pg(tx) => Connection::Pg(tx),
        }
    }

    fn refused(&self, error: sqlx::Error) -> StorageError {
        let error = error.into();
        self.room.note(&error);
        error
    }
}

impl WriteTx {
    async fn begin_immediate(writer: &SqlitePool) -> Result<Self, StorageError> {
        let tx = wait(writer.begin_with("BEGIN IMMEDIATE")).await?;
        reach(Point::TransactionBegun);
        Ok(Self::of(Tx::Lite(tx)))
    }

    fn of(tx: Tx) -> Self {
        Self {
            tx,
            entries: Vec::new(),
            end: None,
            ended: Vec::new(),
            news: None,
            mails: None,
            queued: false,
            room: Room::default(),
        }
    }

    /// Notes an act that is followed by another in the same transaction.
    pub(crate) fn append(&mut self, entry: &AuditEntry) {
        self.entries.push(entry.clone());
    }

    /// Notes a session that ends in this transaction, for the edges to hear of.
    pub(crate) fn note_end(&mut self, ended: Ended) {
        self.ended.push(ended);
    }

    /// Appends the entry and commits both, or neither.
    pub(crate) async fn commit(mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        self.append(entry);
        let news = self.news.take().filter(|_| !self.ended.is_empty());
        self.write_entries().await?;
        let _telling = news.map(Telling);
        self.finish().await
    }

    /// Appends what was noted to the log and to the feed.
    async fn write_entries(&mut self) -> Result<(), StorageError> {
        let entries = std::mem::take(&mut self.entries);
        audit::append(self, &entries).await?;
        let ended = std::mem::take(&mut self.ended);
        revocations::append(self, &ended).await
    }

    /// Commits acts whose entries were written.
    async fn finish(self) -> Result<(), StorageError> {
        reach(Point::BeforeCommit);
        let committed = match self.tx {
            Tx::Lite(tx) => wait(tx.commit()).await,
            Tx::Pg(tx) => wait(tx.commit()).await,
        };
        committed.map_err(|error| {
            let error = error.into();
            self.room.note(&error);
            error
        })?;
        reach(Point::AfterCommit);
        if let (Some(mails), true) = (&self.mails, self.queued) {
            mails.wake();
        }
        Ok(())
    }

    /// Commits with the entry what was done; ends without a trace what was not. Answers which of the two.
    pub(crate) async fn commit_if(
        self,
        done: bool,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        if done {
            self.commit(entry).await?;
        } else {
            self.roll_back().await?;
        }
        Ok(done)
    }

    /// Ends without keeping anything. Dropping does the same, a little later.
    pub(crate) async fn roll_back(self) -> Result<(), StorageError> {
        match self.tx {
            Tx::Lite(tx) => wait(tx.rollback()).await?,
            Tx::Pg(tx) => wait(tx.rollback()).await?,
        }
        Ok(())
    }

    /// From here to the end no other transaction changes the signing keys or the secrets of tokens. In SQLite it is so from the beginning.
    async fn keep_keys_still(&mut self) -> Result<(), StorageError> {
        match &mut self.tx {
            Tx::Lite(_) => Ok(()),
            Tx::Pg(tx) => wait(postgres::lock_keys(tx)).await,
        }
    }

    /// From here to the end no other transaction commits an act. In SQLite it is so from the beginning.
    async fn be_alone(&mut self) -> Result<(), StorageError> {
        match &mut self.tx {
            Tx::Lite(_) => Ok(()),
            Tx::Pg(tx) => wait(postgres::lock_log(tx)).await,
        }
    }
}

/// See [`Store::bookkeeping`].
enum Bookkeeping {
    Lite(PoolConnection<Sqlite>),
    Pg(PoolConnection<Postgres>, Room),
}

impl Writes for Bookkeeping {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Lite(connection) => Connection::Lite(connection),
            Self::Pg(connection, _) => Connection::Pg(connection),
        }
    }

    fn refused(&self, error: sqlx::Error) -> StorageError {
        let error = error.into();
        if let Self::Pg(_, room) = self {
            room.note(&error);
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::{sql::sql, *};
    use crate::custody::tests::Folder;

    #[tokio::test]
    async fn only_the_writer_writes() {
        let folder = Folder::new();
        let store = Store::open(&folder.path().join("edgeward.db"))
            .await
            .unwrap();
        store.migrate_up().await.unwrap();
        let refused = sql("DELETE FROM users RETURNING id")
            .all(store.readers())
            .await;
        let refused = refused.map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains("readonly"), "{refused}");
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
        sql(insert).execute(&mut dropped).await.unwrap();
        drop(dropped);
        let mut rolled_back = store.write().await.unwrap();
        sql(insert).execute(&mut rolled_back).await.unwrap();
        rolled_back.roll_back().await.unwrap();
        let edges = sql("SELECT name FROM edges").all(store.readers()).await;
        assert!(edges.unwrap().is_empty());
    }
}
