//! How families end before their time: one by one, all of a user, and those for which there is no room.
//!
//! Of a user's families only those are ended that can still matter, edges are told of those whose access tokens may still be good, and
//! a sign-in beyond [`SESSIONS_MAX`] makes room. So nobody who signs in often enough fills the set in which edges keep what has
//! ended. Forgetting devices has no such bound yet: it changes the ended families of the user too.

use edgeward_core::time::UnixTime;

use super::{
    WriteTx,
    many_rows::{MOST_ROWS, ManyRows},
    sql::{Reads, Row, sql},
    users,
};
use crate::{
    config::OnReuse,
    domain::{
        accounts::UserId,
        refresh::ReusedFamily,
        revocations::{Ended, KEPT_SECONDS},
        session::{NewSignIn, RevocationReason, SESSIONS_MAX, Sid},
        storage::StorageError,
    },
    faults::{Point, reach},
};

/// A family that expired longer ago is none that the ends of all take: its last access token has ended too, whatever life was
/// configured when it was made. By this much a clock may have been ahead and be set back before a family that was passed over
/// would live again.
const EXPIRED_FOR_SECONDS: i64 = KEPT_SECONDS;

/// A family whose refresh token was handed out last longer ago has no access token any more, and edges are not told of its end.
/// Each token comes with a sign-in, a rotation or a repetition, and lives for an hour at most ([`KEPT_SECONDS`]); of repetitions
/// not all are noted in the row, but those that are not come within an hour after one that is. A day is far beyond both.
const UNUSED_FOR_SECONDS: i64 = 24 * 3600;

/// What one sign-in ends at most to make room: more than it adds, so that accounts from before there was a bound come down to it, and
/// yet bounded.
const ROOM_AT_ONCE: i64 = 16;

/// `false`: it had ended before, or never was.
pub(super) async fn end_reused(
    tx: &mut WriteTx,
    reused: &ReusedFamily,
) -> Result<bool, StorageError> {
    let (user, now) = (reused.user, reused.now);
    let with_others = match reused.scope {
        OnReuse::User => true,
        OnReuse::Family => false,
    };
    if with_others {
        // Before the family, because every other act takes the two in this order.
        users::hold(tx, user).await?;
    }
    let ended = revoke(tx, reused.sid, RevocationReason::Reuse, now).await?;
    if ended && with_others {
        let (but, reason) = (Some(reused.sid), RevocationReason::RevokedAll);
        revoke_all(tx, user, but, reason, now).await?;
    }
    Ok(ended)
}

/// `false`: it had ended before, or never was.
pub(super) async fn revoke(
    tx: &mut WriteTx,
    sid: Sid,
    reason: RevocationReason,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let reuse_seen_at = match reason {
        RevocationReason::Reuse => Some(now),
        RevocationReason::SignedOut
        | RevocationReason::Revoked
        | RevocationReason::RevokedAll
        | RevocationReason::Replaced
        | RevocationReason::DeviceChanged
        | RevocationReason::AddressChanged
        | RevocationReason::Locked
        | RevocationReason::RolesChanged
        | RevocationReason::PasswordChanged => None,
    };
    let done = sql(
        "UPDATE families SET revoked_at = $2, revoked_reason = $3, reuse_seen_at = $4
         WHERE sid = $1 AND revoked_at IS NULL",
    )
    .bind(sid.to_string())
    .bind(now)
    .bind(reason.name())
    .bind(reuse_seen_at)
    .execute(tx)
    .await?;
    reach(Point::FamilyEnded);
    sql("DELETE FROM browser_sessions WHERE sid = $1")
        .bind(sid.to_string())
        .execute(tx)
        .await?;
    reach(Point::CookiesEnded);
    let done = done == 1;
    if done {
        tx.note_end(Ended::Session {
            sid,
            at: now,
            reason,
        });
    }
    Ok(done)
}

/// Ends every family of a user but one that lives or did lately; answers how many there were. Nobody signs in to the account before
/// the transaction ends, so no family is made beside it that it does not see.
pub(super) async fn revoke_all(
    tx: &mut WriteTx,
    user: UserId,
    except: Option<Sid>,
    reason: RevocationReason,
    now: UnixTime,
) -> Result<u64, StorageError> {
    users::hold(tx, user).await?;
    let except = except.map(|sid| sid.to_string()).unwrap_or_default();
    let ended = sql("UPDATE families SET revoked_at = $2, revoked_reason = $3
         WHERE user_id = $1 AND sid <> $4 AND revoked_at IS NULL
             AND idle_expires_at > $5 AND absolute_expires_at > $5
         RETURNING sid, last_used_at, handed_out_at_ms")
    .bind(user.to_string())
    .bind(now)
    .bind(reason.name())
    .bind(&except)
    .bind(now.plus(-EXPIRED_FOR_SECONDS))
    .all(&mut *tx)
    .await?;
    for row in &ended {
        if is_for_edges(row, now)? {
            tx.note_end(Ended::Session {
                sid: sid_of(row)?,
                at: now,
                reason,
            });
        }
    }
    // By name, because a question for the user's families goes through all that ever were.
    for some in ended.chunks(MOST_ROWS) {
        let mut delete = sql(COOKIES.for_rows(some.len()));
        for row in some {
            delete = delete.bind(sid_of(row)?.to_string());
        }
        // A server wants a value for each placeholder.
        for _ in some.len()..some.len().next_power_of_two() {
            delete = delete.bind(None::<String>);
        }
        delete.execute(&mut *tx).await?;
    }
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}

pub(super) static COOKIES: ManyRows =
    ManyRows::new(1, "DELETE FROM browser_sessions WHERE sid IN (", ")");

/// Whether [`revoke_all`] would find anything. Asked first where anybody may ask as often as they like, so that whoever has nothing
/// to end keeps nobody from writing.
pub(super) async fn are_any_open(
    on: impl Reads,
    user: UserId,
    except: Option<Sid>,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let found = sql("SELECT sid FROM families
         WHERE user_id = $1 AND sid <> $2 AND revoked_at IS NULL
             AND idle_expires_at > $3 AND absolute_expires_at > $3 LIMIT 1")
    .bind(user.to_string())
    .bind(except.map(|sid| sid.to_string()).unwrap_or_default())
    .bind(now.plus(-EXPIRED_FOR_SECONDS))
    .optional(on)
    .await?;
    Ok(found.is_some())
}

/// Whether an access token of a family may be unexpired.
fn is_for_edges(row: &Row, now: UnixTime) -> Result<bool, StorageError> {
    let handed_out_at_ms: Option<i64> = row.get("handed_out_at_ms")?;
    let used = row.time("last_used_at")?;
    let handed_out = handed_out_at_ms.map_or(used, |millis| {
        UnixTime::from_seconds(millis.div_euclid(1000))
    });
    Ok(now.seconds_since(used.max(handed_out)) <= UNUSED_FOR_SECONDS)
}

/// Ends those of a user's live families that lie longer unused than the most recent ones for which there is room. Of a large surplus,
/// from before there was a bound, a sign-in ends [`ROOM_AT_ONCE`], those used latest first. A session is used by a refresh, and by its
/// cookie at the issuer's own pages.
pub(super) async fn make_room(tx: &mut WriteTx, new: &NewSignIn) -> Result<(), StorageError> {
    let over = sql(
        "SELECT f.sid FROM families AS f LEFT JOIN browser_sessions AS s ON s.sid = f.sid
         WHERE f.user_id = $1 AND f.sid <> $2 AND f.revoked_at IS NULL
             AND f.idle_expires_at > $3 AND f.absolute_expires_at > $3
         ORDER BY CASE WHEN s.last_used_at > f.last_used_at THEN s.last_used_at ELSE f.last_used_at END DESC, f.sid DESC
         LIMIT $4 OFFSET $5",
    )
    .bind(new.user.to_string())
    .bind(new.sid.to_string())
    .bind(new.now)
    .bind(ROOM_AT_ONCE)
    .bind(SESSIONS_MAX - 1)
    .all(&mut *tx)
    .await?;
    for row in &over {
        let sid = sid_of(row)?;
        if revoke(tx, sid, RevocationReason::Replaced, new.now).await? {
            tx.append(&new.makes_room.clone().in_session(sid));
        }
    }
    Ok(())
}

fn sid_of(row: &Row) -> Result<Sid, StorageError> {
    Sid::parse(row.get("sid")?).ok_or(StorageError::Unreadable("families.sid"))
}
