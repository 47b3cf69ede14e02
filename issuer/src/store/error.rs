//! What a database says when it does not do what it was asked, in the words of this program.

use std::{io, path::PathBuf};

use sqlx::{postgres::PgDatabaseError, sqlite::SqliteError};

use crate::domain::storage::StorageError;

/// SQLite's primary result codes that are told apart here.
const SQLITE_BUSY: i32 = 5;
const SQLITE_NOTADB: i32 = 26;
const SQLITE_FULL: i32 = 13;

/// SQLite's extended codes of a file system that takes no writes. It says `SQLITE_FULL` for `ENOSPC` only; a quota, a limit of
/// a file's size, and a file system that the kernel made read-only are among these.
const SQLITE_UNWRITABLE: [i32; 6] = [
    778,  // SQLITE_IOERR_WRITE
    1034, // SQLITE_IOERR_FSYNC
    1290, // SQLITE_IOERR_DIR_FSYNC
    1546, // SQLITE_IOERR_TRUNCATE
    4618, // SQLITE_IOERR_SHMOPEN
    4874, // SQLITE_IOERR_SHMSIZE
];

/// PostgreSQL's codes after which the same act may succeed (its manual, appendix A).
const PG_BUSY: [&str; 9] = [
    "40001", // serialization_failure
    "40P01", // deadlock_detected: the other one went on
    "55P03", // lock_not_available: longer than lock_timeout
    "57014", // query_canceled: longer than statement_timeout
    "53300", // too_many_connections
    "57P01", // admin_shutdown
    "57P02", // crash_shutdown
    "57P03", // cannot_connect_now: it is starting
    "25006", // read_only_sql_transaction: it has become a standby, and another one will be the primary
];

/// The class of PostgreSQL's codes of a connection that is gone or was never made.
const PG_CONNECTION: &str = "08";

/// PostgreSQL's codes of a server whose disk takes no writes.
const PG_UNWRITABLE: [&str; 2] = [
    "53100", // disk_full
    "58030", // io_error
];

/// Why a database cannot be used. For the operator; names the file, or the server without its password.
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
    /// The server is none that this program can keep its promises on.
    #[error("{place}: {why}")]
    UnfitServer {
        /// The server.
        place: String,
        /// What it lacks.
        why: String,
    },
    /// The database was written by a later version of this program.
    #[error(
        "{place} has schema {found}, this program knows up to {known}: use the newer program, or its `migrate down`"
    )]
    NewerSchema {
        /// The file or the server.
        place: String,
        /// The latest migration in the database.
        found: i64,
        /// The latest migration of this program.
        known: i64,
    },
    /// A migration was applied in another wording than this program has.
    #[error("{place}: migration {version} was applied in another wording")]
    OtherWording {
        /// The file or the server.
        place: String,
        /// The migration.
        version: i64,
    },
    /// A statement on it failed.
    #[error("{place}: {source}")]
    Storage {
        /// The file or the server.
        place: String,
        /// What was said.
        source: StorageError,
    },
    /// There is no such migration to go down to.
    #[error("there is no migration {0}")]
    NoSuchMigration(i64),
    /// Anything else that the database says.
    #[error("{place}: {source}")]
    Database {
        /// The file or the server.
        place: String,
        /// What was said.
        source: sqlx::Error,
    },
}

impl StoreError {
    pub(super) fn from_sqlx(place: &str, source: sqlx::Error) -> Self {
        if sqlite_code(&source) == Some(SQLITE_NOTADB) {
            return Self::NotADatabase(place.into());
        }
        Self::Database {
            place: place.to_owned(),
            source,
        }
    }

    /// Whether another process holds the file at this moment.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Database { source, .. } if sqlite_code(source) == Some(SQLITE_BUSY))
    }
}

/// The primary result code: SQLite keeps details in the higher bytes of the extended one.
fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    extended_code(error).map(|extended| extended & 0xff)
}

fn extended_code(error: &sqlx::Error) -> Option<i32> {
    let error = error
        .as_database_error()?
        .try_downcast_ref::<SqliteError>()?;
    sqlx::error::DatabaseError::code(error)?.parse().ok()
}

/// What PostgreSQL said, if it was the one to speak.
fn pg_code(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?;
    Some(error.try_downcast_ref::<PgDatabaseError>()?.code())
}

fn is_unwritable(error: &sqlx::Error) -> bool {
    sqlite_code(error) == Some(SQLITE_FULL)
        || extended_code(error).is_some_and(|code| SQLITE_UNWRITABLE.contains(&code))
        || pg_code(error).is_some_and(|code| PG_UNWRITABLE.contains(&code))
}

fn is_busy(error: &sqlx::Error) -> bool {
    // A server that is away, or went away: it may come back. The driver of SQLite says none of these of a file that is there.
    let is_away = matches!(
        error,
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::BeginFailed
    );
    let says_so = |code: &str| PG_BUSY.contains(&code) || code.starts_with(PG_CONNECTION);
    is_away || sqlite_code(error) == Some(SQLITE_BUSY) || pg_code(error).is_some_and(says_so)
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        if is_busy(&error) {
            Self::Busy(Box::new(error))
        } else if is_unwritable(&error) {
            Self::Unwritable(Box::new(error))
        } else {
            Self::Failed(Box::new(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_did_not_begin_may_begin_later() {
        let failure = StorageError::from(sqlx::Error::BeginFailed);
        assert!(matches!(failure, StorageError::Busy(_)), "{failure:?}");
    }
}
