//! Session families in the database: one row for each sign-in, moved by compare-and-swap, ended by a tombstone.

use edgeward_core::time::UnixTime;

use super::sql::{Reads, Row, Writes, sql};

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

pub(super) async fn by_sid(on: impl Reads, sid: Sid) -> Result<Option<Family>, StorageError> {
    sql(select!("WHERE sid = $1"))
        .bind(sid.to_string())
        .optional(on)
        .await?
        .as_ref()
        .map(family)
        .transpose()
}

pub(super) async fn live_of_user(
    on: impl Reads,
    user: UserId,
    now: UnixTime,
) -> Result<Vec<Family>, StorageError> {
    sql(select!(
        "WHERE user_id = $1 AND revoked_at IS NULL AND idle_expires_at > $2 AND absolute_expires_at > $2
         ORDER BY created_at DESC, sid DESC LIMIT $3"
    ))
    .bind(user.to_string())
    .bind(now)
    .bind(LISTED_MAX)
    .all(on)
    .await?
    .iter()
    .map(family)
    .collect()
}

fn family(row: &Row) -> Result<Family, StorageError> {
    let unreadable = StorageError::Unreadable;
    let digest = |bytes: &[u8]| {
        bytes
            .try_into()
            .map(Digest::from_bytes)
            .map_err(|_| unreadable("families.*_digest"))
    };
    let seq: i64 = row.get("seq")?;
    let rotated_at_ms: i64 = row.get("rotated_at_ms")?;
    let previous: Option<&[u8]> = row.get("previous_digest")?;
    let amr: &str = row.get("amr")?;
    let address: Option<String> = row.get("address_range")?;
    Ok(Family {
        sid: Sid::parse(row.get("sid")?).ok_or(unreadable("families.sid"))?,
        user: UserId::parse(row.get("user_id")?).ok_or(unreadable("families.user_id"))?,
        client: row.get("client_id")?,
        seq: u64::try_from(seq).map_err(|_| unreadable("families.seq"))?,
        current: digest(row.get("current_digest")?)?,
        previous: previous.map(digest).transpose()?,
        rotated_at: UnixTime::from_seconds(rotated_at_ms.div_euclid(MILLIS)),
        idle_expires_at: row.time("idle_expires_at")?,
        absolute_expires_at: row.time("absolute_expires_at")?,
        auth_time: row.time("auth_time")?,
        amr: amr.split_ascii_whitespace().map(str::to_owned).collect(),
        acr: row.get("acr")?,
        device_name: row.get("device_name")?,
        address: address.map(AddressRange::from_stored),
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        revoked_at: row.optional_time("revoked_at")?,
    })
}

pub(super) async fn insert(on: &mut impl Writes, new: &NewSignIn) -> Result<(), StorageError> {
    sql(
        "INSERT INTO families
             (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
              absolute_expires_at, auth_time, amr, acr, device_digest, device_name, user_agent, address_range,
              created_at, last_used_at)
         VALUES ($1, $2, $3, 0, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13, $14, $8, $8)",
    )
    .bind(new.sid.to_string())
    .bind(new.user.to_string())
    .bind(new.client)
    .bind(new.refresh.as_bytes())
    .bind(new.now.seconds().saturating_mul(MILLIS))
    .bind(new.idle_expires_at)
    .bind(new.absolute_expires_at)
    .bind(new.now)
    .bind(new.amr.join(" "))
    .bind(&new.acr)
    .bind(new.device.digest.as_bytes())
    .bind(&new.device.name)
    .bind(&new.device.user_agent)
    .bind(new.device.address.as_str())
    .execute(on)
    .await?;
    Ok(())
}

/// `false`: the family is not as the rotation expects it, or has ended; the row is then untouched.
pub(super) async fn rotate(
    on: &mut impl Writes,
    rotation: &Rotation,
) -> Result<bool, StorageError> {
    let seq = i64::try_from(rotation.seq).map_err(|_| StorageError::Unreadable("families.seq"))?;
    let done = sql(
        "UPDATE families
         SET seq = seq + 1, previous_digest = current_digest, current_digest = $4, rotated_at_ms = $5,
             confirmed = 0, idle_expires_at = $6, last_used_at = $7, address_range = $8
         WHERE sid = $1 AND seq = $2 AND current_digest = $3
             AND revoked_at IS NULL AND idle_expires_at > $7 AND absolute_expires_at > $7",
    )
    .bind(rotation.sid.to_string())
    .bind(seq)
    .bind(rotation.current.as_bytes())
    .bind(rotation.next.as_bytes())
    .bind(rotation.now.seconds().saturating_mul(MILLIS))
    .bind(rotation.idle_expires_at)
    .bind(rotation.now)
    .bind(rotation.address.as_str())
    .execute(on)
    .await?;
    Ok(done == 1)
}

/// `false`: it had ended before, or never was.
pub(super) async fn revoke(
    on: &mut impl Writes,
    sid: Sid,
    reason: RevocationReason,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let reuse_seen_at = match reason {
        RevocationReason::Reuse => Some(now),
        RevocationReason::SignedOut
        | RevocationReason::Revoked
        | RevocationReason::RevokedAll
        | RevocationReason::Replaced => None,
    };
    let done = sql(
        "UPDATE families SET revoked_at = $2, revoked_reason = $3, reuse_seen_at = $4
         WHERE sid = $1 AND revoked_at IS NULL",
    )
    .bind(sid.to_string())
    .bind(now)
    .bind(reason.name())
    .bind(reuse_seen_at)
    .execute(on)
    .await?;
    sql("DELETE FROM browser_sessions WHERE sid = $1")
        .bind(sid.to_string())
        .execute(on)
        .await?;
    Ok(done == 1)
}

/// Ends every live family of a user but one; answers how many there were.
pub(super) async fn revoke_all(
    on: &mut impl Writes,
    user: UserId,
    except: Option<Sid>,
    now: UnixTime,
) -> Result<u64, StorageError> {
    let except = except.map(|sid| sid.to_string()).unwrap_or_default();
    let done = sql("UPDATE families SET revoked_at = $2, revoked_reason = $3
         WHERE user_id = $1 AND sid <> $4 AND revoked_at IS NULL")
    .bind(user.to_string())
    .bind(now)
    .bind(RevocationReason::RevokedAll.name())
    .bind(&except)
    .execute(on)
    .await?;
    sql("DELETE FROM browser_sessions
         WHERE sid IN (SELECT sid FROM families WHERE user_id = $1 AND sid <> $2)")
    .bind(user.to_string())
    .bind(&except)
    .execute(on)
    .await?;
    Ok(done)
}
