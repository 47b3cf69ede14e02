//! Session cookies in the database: one row for each, by the digest of the cookie.

use edgeward_core::time::UnixTime;
use sqlx::{Row, SqliteConnection, SqlitePool};

use crate::domain::{
    session::{BrowserSession, Digest, NewSignIn, Sid},
    storage::StorageError,
};

pub(super) async fn by_digest(
    pool: &SqlitePool,
    digest: &Digest,
) -> Result<Option<BrowserSession>, StorageError> {
    let row = sqlx::query(
        "SELECT sid, last_used_at, idle_expires_at, absolute_expires_at FROM browser_sessions
         WHERE digest = $1",
    )
    .bind(digest.as_bytes().as_slice())
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let time = |column| row.try_get(column).map(UnixTime::from_seconds);
    Ok(Some(BrowserSession {
        sid: Sid::parse(row.try_get("sid")?)
            .ok_or(StorageError::Unreadable("browser_sessions.sid"))?,
        last_used_at: time("last_used_at")?,
        idle_expires_at: time("idle_expires_at")?,
        absolute_expires_at: time("absolute_expires_at")?,
    }))
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    digest: &Digest,
    sign_in: &NewSignIn,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO browser_sessions
             (digest, sid, created_at, last_used_at, idle_expires_at, absolute_expires_at)
         VALUES ($1, $2, $3, $3, $4, $5)",
    )
    .bind(digest.as_bytes().as_slice())
    .bind(sign_in.sid.to_string())
    .bind(sign_in.now.seconds())
    .bind(sign_in.session_idle_expires_at.seconds())
    .bind(sign_in.session_absolute_expires_at.seconds())
    .execute(connection)
    .await?;
    Ok(())
}

/// Only ever moves forward: of two uses at once the later one counts, whichever is written last.
pub(super) async fn touch(
    connection: &mut SqliteConnection,
    digest: &Digest,
    used_at: UnixTime,
    idle_expires_at: UnixTime,
) -> Result<(), StorageError> {
    sqlx::query(
        "UPDATE browser_sessions SET last_used_at = $2, idle_expires_at = $3
         WHERE digest = $1 AND last_used_at < $2",
    )
    .bind(digest.as_bytes().as_slice())
    .bind(used_at.seconds())
    .bind(idle_expires_at.seconds())
    .execute(connection)
    .await?;
    Ok(())
}
