//! Session cookies in the database: one row for each, by the digest of the cookie.

use edgeward_core::time::UnixTime;

use super::{
    families::{self, family_columns},
    sql::{Reads, Writes, sql},
};
use crate::domain::{
    session::{BrowserSession, Digest, Family, NewSignIn},
    storage::StorageError,
};

/// The session of a cookie, with its family.
pub(super) async fn by_digest(
    on: impl Reads,
    digest: &Digest,
) -> Result<Option<(BrowserSession, Family)>, StorageError> {
    let row = sql(concat!(
        "SELECT ",
        family_columns!(),
        ", s.last_used_at AS session_used_at, s.idle_expires_at AS session_idle_expires_at,
           s.absolute_expires_at AS session_absolute_expires_at
         FROM browser_sessions AS s JOIN families AS f ON f.sid = s.sid WHERE s.digest = $1"
    ))
    .bind(digest.as_bytes())
    .optional(on)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let family = families::family(&row)?;
    let session = BrowserSession {
        sid: family.sid,
        last_used_at: row.time("session_used_at")?,
        idle_expires_at: row.time("session_idle_expires_at")?,
        absolute_expires_at: row.time("session_absolute_expires_at")?,
    };
    Ok(Some((session, family)))
}

pub(super) async fn insert(
    on: &mut impl Writes,
    digest: &Digest,
    sign_in: &NewSignIn,
) -> Result<(), StorageError> {
    sql("INSERT INTO browser_sessions
             (digest, sid, created_at, last_used_at, idle_expires_at, absolute_expires_at)
         VALUES ($1, $2, $3, $3, $4, $5)")
    .bind(digest.as_bytes())
    .bind(sign_in.sid.to_string())
    .bind(sign_in.now)
    .bind(sign_in.session_idle_expires_at)
    .bind(sign_in.session_absolute_expires_at)
    .execute(on)
    .await?;
    Ok(())
}

/// Only ever moves forward: of two uses at once the later one counts, whichever is written last.
pub(super) async fn touch(
    on: &mut impl Writes,
    digest: &Digest,
    used_at: UnixTime,
    idle_expires_at: UnixTime,
) -> Result<(), StorageError> {
    sql(
        "UPDATE browser_sessions SET last_used_at = $2, idle_expires_at = $3
         WHERE digest = $1 AND last_used_at < $2",
    )
    .bind(digest.as_bytes())
    .bind(used_at)
    .bind(idle_expires_at)
    .execute(on)
    .await?;
    Ok(())
}
