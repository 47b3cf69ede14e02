//! Session families in the database: one row for each sign-in, moved by compare-and-swap, ended by a tombstone.

use edgeward_core::time::UnixTime;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::domain::{
    accounts::UserId,
    refresh::Rotation,
    session::{AddressRange, Digest, Family, NewSignIn, RevocationReason, Sid},
    storage::StorageError,
};

/// More sessions than this are not shown: the list is for a person.
const LISTED_MAX: i64 = 500;

/// `rotated_at_ms` is kept in milliseconds; the clock of requests counts seconds.
const MILLIS: i64 = 1000;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT sid, user_id, client_id, seq, current_digest, previous_digest, rotated_at_ms, idle_expires_at,
                    absolute_expires_at, auth_time, amr, acr, device_name, address_range, created_at, last_used_at,
                    revoked_at
             FROM families ",
            $rest
        )
    };
}

pub(super) async fn by_sid(pool: &SqlitePool, sid: Sid) -> Result<Option<Family>, StorageError> {
    sqlx::query(select!("WHERE sid = $1"))
        .bind(sid.to_string())
        .fetch_optional(pool)
        .await?
        .as_ref()
        .map(family)
        .transpose()
}

pub(super) async fn live_of_user(
    pool: &SqlitePool,
    user: UserId,
    now: UnixTime,
) -> Result<Vec<Family>, StorageError> {
    sqlx::query(select!(
        "WHERE user_id = $1 AND revoked_at IS NULL AND idle_expires_at > $2 AND absolute_expires_at > $2
         ORDER BY created_at DESC, sid DESC LIMIT $3"
    ))
    .bind(user.to_string())
    .bind(now.seconds())
    .bind(LISTED_MAX)
    .fetch_all(pool)
    .await?
    .iter()
    .map(family)
    .collect()
}

fn family(row: &SqliteRow) -> Result<Family, StorageError> {
    let unreadable = StorageError::Unreadable;
    let time = |column| row.try_get(column).map(UnixTime::from_seconds);
    let digest = |bytes: &[u8]| {
        bytes
            .try_into()
            .map(Digest::from_bytes)
            .map_err(|_| unreadable("families.*_digest"))
    };
    let seq: i64 = row.try_get("seq")?;
    let rotated_at_ms: i64 = row.try_get("rotated_at_ms")?;
    let previous: Option<&[u8]> = row.try_get("previous_digest")?;
    let amr: &str = row.try_get("amr")?;
    let address: Option<String> = row.try_get("address_range")?;
    let revoked_at: Option<i64> = row.try_get("revoked_at")?;
    Ok(Family {
        sid: Sid::parse(row.try_get("sid")?).ok_or(unreadable("families.sid"))?,
        user: UserId::parse(row.try_get("user_id")?).ok_or(unreadable("families.user_id"))?,
        client: row.try_get("client_id")?,
        seq: u64::try_from(seq).map_err(|_| unreadable("families.seq"))?,
        current: digest(row.try_get("current_digest")?)?,
        previous: previous.map(digest).transpose()?,
        rotated_at: UnixTime::from_seconds(rotated_at_ms.div_euclid(MILLIS)),
        idle_expires_at: time("idle_expires_at")?,
        absolute_expires_at: time("absolute_expires_at")?,
        auth_time: time("auth_time")?,
        amr: amr.split_ascii_whitespace().map(str::to_owned).collect(),
        acr: row.try_get("acr")?,
        device_name: row.try_get("device_name")?,
        address: address.map(AddressRange::from_stored),
        created_at: time("created_at")?,
        last_used_at: time("last_used_at")?,
        revoked_at: revoked_at.map(UnixTime::from_seconds),
    })
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewSignIn,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO families
             (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
              absolute_expires_at, auth_time, amr, acr, device_digest, device_name, user_agent, address_range,
              created_at, last_used_at)
         VALUES ($1, $2, $3, 0, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13, $14, $8, $8)",
    )
    .bind(new.sid.to_string())
    .bind(new.user.to_string())
    .bind(new.client)
    .bind(new.refresh.as_bytes().as_slice())
    .bind(new.now.seconds().saturating_mul(MILLIS))
    .bind(new.idle_expires_at.seconds())
    .bind(new.absolute_expires_at.seconds())
    .bind(new.now.seconds())
    .bind(new.amr.join(" "))
    .bind(&new.acr)
    .bind(new.device.digest.as_bytes().as_slice())
    .bind(&new.device.name)
    .bind(&new.device.user_agent)
    .bind(new.device.address.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// `false`: the family is not as the rotation expects it, or has ended; the row is then untouched.
pub(super) async fn rotate(
    connection: &mut SqliteConnection,
    rotation: &Rotation,
) -> Result<bool, StorageError> {
    let seq = i64::try_from(rotation.seq).map_err(|_| StorageError::Unreadable("families.seq"))?;
    let done = sqlx::query(
        "UPDATE families
         SET seq = seq + 1, previous_digest = current_digest, current_digest = $4, rotated_at_ms = $5,
             confirmed = 0, idle_expires_at = $6, last_used_at = $7, address_range = $8
         WHERE sid = $1 AND seq = $2 AND current_digest = $3
             AND revoked_at IS NULL AND idle_expires_at > $7 AND absolute_expires_at > $7",
    )
    .bind(rotation.sid.to_string())
    .bind(seq)
    .bind(rotation.current.as_bytes().as_slice())
    .bind(rotation.next.as_bytes().as_slice())
    .bind(rotation.now.seconds().saturating_mul(MILLIS))
    .bind(rotation.idle_expires_at.seconds())
    .bind(rotation.now.seconds())
    .bind(rotation.address.as_str())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `false`: it had ended before, or never was.
pub(super) async fn revoke(
    connection: &mut SqliteConnection,
    sid: Sid,
    reason: RevocationReason,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let reuse_seen_at = match reason {
        RevocationReason::Reuse => Some(now.seconds()),
        RevocationReason::SignedOut
        | RevocationReason::Revoked
        | RevocationReason::RevokedAll
        | RevocationReason::Replaced => None,
    };
    let done = sqlx::query(
        "UPDATE families SET revoked_at = $2, revoked_reason = $3, reuse_seen_at = $4
         WHERE sid = $1 AND revoked_at IS NULL",
    )
    .bind(sid.to_string())
    .bind(now.seconds())
    .bind(reason.name())
    .bind(reuse_seen_at)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM browser_sessions WHERE sid = $1")
        .bind(sid.to_string())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every live family of a user but one; answers how many there were.
pub(super) async fn revoke_all(
    connection: &mut SqliteConnection,
    user: UserId,
    except: Option<Sid>,
    now: UnixTime,
) -> Result<u64, StorageError> {
    let except = except.map(|sid| sid.to_string()).unwrap_or_default();
    let done = sqlx::query(
        "UPDATE families SET revoked_at = $2, revoked_reason = $3
         WHERE user_id = $1 AND sid <> $4 AND revoked_at IS NULL",
    )
    .bind(user.to_string())
    .bind(now.seconds())
    .bind(RevocationReason::RevokedAll.name())
    .bind(&except)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM browser_sessions
         WHERE sid IN (SELECT sid FROM families WHERE user_id = $1 AND sid <> $2)",
    )
    .bind(user.to_string())
    .bind(&except)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
