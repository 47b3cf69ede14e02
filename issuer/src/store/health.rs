//! Whether the database can be used at this moment.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Db, Store, postgres, sql::sql};
use crate::domain::storage::StorageError;

/// Where the file of a database was opened, and which one was there.
#[derive(Debug)]
pub(super) struct OpenedFile {
    path: PathBuf,
    found: Identity,
}

/// Which file it is, on this machine.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// The file is not where it was opened: it was moved, removed, or another one was put there.
#[derive(Debug, thiserror::Error)]
#[error("the database file is not where it was opened")]
struct Moved;

impl OpenedFile {
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            found: identity(path)?,
        })
    }

    fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|found| found == self.found)
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    Ok(Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

/// Whether an act found no room on a server's disk, and nothing has since. Shared by everything that writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<AtomicBool>);

impl Room {
    /// Notes of an act that did not succeed whether it was for want of room.
    pub(super) fn note(&self, error: &StorageError) {
        if matches!(error, StorageError::Unwritable(_)) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn is_missing(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn found(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Store {
    /// Reads and writes. In SQLite it writes a number that is there already, down to the disk, because a disk that is full
    /// still gives the lock; and an open connection goes on reading and writing a file that was removed, all of which would
    /// be lost, so whether the file is still in its place is asked too. A PostgreSQL server must not have become a standby,
    /// and begins what every act begins with. Whether its disk is full only shows when a row finds no place: once an act has found none,
    /// room for a page is asked for as well, until there is.
    ///
    /// Waits as long as an act would: bound it by a time limit.
    ///
    /// # Errors
    /// What keeps the database from being used.
    pub async fn check(&self) -> Result<(), StorageError> {
        match &self.db {
            Db::Lite { file, .. } => {
                if !file.is_in_place() {
                    return Err(StorageError::Failed(Box::new(Moved)));
                }
                sql("SELECT count(*) AS tables FROM sqlite_schema")
                    .optional(self.readers())
                    .await?;
                // Nothing of ours is in this number; setting it writes a page, also when it stays the same.
                sql("PRAGMA user_version = 0")
                    .execute(&mut self.bookkeeping().await?)
                    .await
                    .map(drop)
            }
            Db::Pg { readers, .. } => {
                postgres::ping(readers).await?;
                self.write().await?.roll_back().await?;
                if self.room.is_missing() {
                    self.find_room().await?;
                    self.room.found();
                }
                Ok(())
            }
        }
    }

    /// Writes more into a table of a server than a page has left, and nothing of it stays. What this takes is given back when the server
    /// clears up, so it is not done without need.
    async fn find_room(&self) -> Result<(), StorageError> {
        let mut tx = self.write().await?;
        // What could be compressed would take no room.
        sql("INSERT INTO storage_sizes (name, kind, bytes, measured_at)
             SELECT 'room', string_agg(md5(random()::text || n), ''), 0, 0 FROM generate_series(1, 1000) AS n")
        .execute(&mut tx)
        .await?;
        tx.roll_back().await
    }
}
