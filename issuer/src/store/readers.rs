//! The connections to a SQLite file that only read: opened when they are first needed, and kept.
//!
//! They are not kept by the library's pool, which asks a connection whether it lives before each use and again after it.
//! That is for servers, which may be gone; here it would be two thirds of what a read costs.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::BUSY_TIMEOUT;

/// Readers do not block each other, but each has its own page cache; more than a few per core only cost memory. One of them
/// may be shortening the log.
const READERS: u32 = 5;

/// The connections that only read.
pub(crate) struct FileReaders {
    options: Box<SqliteConnectOptions>,
    places: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl fmt::Debug for FileReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileReaders")
    }
}

impl FileReaders {
    /// Opens the first.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options.pragma("query_only", "1");
        let first = options.connect().await?;
        Ok(Self {
            options: Box::new(options),
            places: Semaphore::new(READERS as usize),
            idle: Mutex::new(vec![first]),
        })
    }

    /// Does this with a connection. Only one that did its work in order is kept: after an error, and where nobody waited
    /// for the end, the next use opens another.
    pub(crate) async fn with<T, F>(&self, work: F) -> Result<T, sqlx::Error>
    where
        F: AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    {
        let _place = self.place().await?;
        let kept = self.idle().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let done = work(&mut connection).await?;
        self.idle().push(connection);
        Ok(done)
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        timeout(BUSY_TIMEOUT, self.places.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)
    }

    fn idle(&self) -> impl std::ops::DerefMut<Target = Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets reads that are under way end, and then closes all connections.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(READERS).await;
        self.places.close();
        drop(all);
        let connections = std::mem::take(&mut *self.idle());
        for connection in connections {
            // A reader has nothing to lose.
            let _ = connection.close().await;
        }
    }
}
