//! Session families in the database: one row for each sign-in, moved by compare-and-swap, ended by a tombstone.

use std::collections::HashSet;

use edgeward_core::time::UnixTime;

use super::{
    WriteTx,
    many_rows::ManyRows,
    sql::{Connection, Reads, Row, Statement, Writes, sql},
    users::{self, account_columns},
};

use crate::{
    custody::Sealed,
    domain::{
        accounts::{Account, Email, UserId},
        moment::Moment,
        refresh::{Arrival, HandOut, Rotation},
        reset_password::Introduced,
        session::{
            AddressRange, DeviceMark, Digest, Family, ListedFamily, NewSignIn, RevocationReason,
            SESSIONS_MAX, Sid, WEB_CLIENT,
        },
        storage::StorageError,
    },
    faults::{Point, reach},
};

/// Stands for a device that was forgotten. No name of a program has this digest.
const NO_DEVICE: [u8; 32] = [0; 32];

/// The digest of no refresh token.
const NO_TOKEN: [u8; 32] = [0; 32];

/// What [`family`] reads, of `families AS f`.
macro_rules! family_columns {
    () => {
        "f.sid, f.user_id, f.client_id, f.seq, f.current_digest, f.previous_digest, f.sealed_next, f.rotated_at_ms,
         f.handed_out_at_ms, f.confirmed, f.idle_expires_at, f.absolute_expires_at, f.auth_time, f.amr, f.acr,
         f.device_cookie_digest, f.device_digest, f.device_name, f.address_range, f.created_at, f.last_used_at, f.revoked_at,
         f.step_up_demanded_at"
    };
}
pub(super) use family_columns;

pub(super) async fn by_sid(on: impl Reads, sid: Sid) -> Result<Option<Family>, StorageError> {
    sql(concat!(
        "SELECT ",
        family_columns!(),
        " FROM families AS f WHERE f.sid = $1"
    ))
    .bind(sid.to_string())
    .optional(on)
    .await?
    .as_ref()
    .map(family)
    .transpose()
}

/// In one statement, which is half of what two cost.
pub(super) async fn with_account(
    on: impl Reads,
    sid: Sid,
) -> Result<Option<(Family, Account)>, StorageError> {
    let row = sql(concat!(
        "SELECT ",
        family_columns!(),
        ", ",
        account_columns!(),
        " FROM families AS f JOIN users AS u ON u.id = f.user_id WHERE f.sid = $1"
    ))
    .bind(sid.to_string())
    .optional(on)
    .await?;
    row.map(|row| Ok((family(&row)?, users::account(&row)?)))
        .transpose()
}

/// A family has one session cookie at most (`browser_sessions.sid` is unique), so the join adds no rows and costs one look into
/// that index for each family.
pub(super) async fn live_of_user(
    on: impl Reads,
    user: UserId,
    now: UnixTime,
) -> Result<Vec<ListedFamily>, StorageError> {
    sql(concat!(
        "SELECT ",
        family_columns!(),
        ", s.last_used_at AS session_used_at
         FROM families AS f LEFT JOIN browser_sessions AS s ON s.sid = f.sid
         WHERE f.user_id = $1 AND f.revoked_at IS NULL AND f.idle_expires_at > $2 AND f.absolute_expires_at > $2
         ORDER BY f.created_at DESC, f.sid DESC LIMIT $3"
    ))
    .bind(user.to_string())
    .bind(now)
    .bind(SESSIONS_MAX)
    .all(on)
    .await?
    .iter()
    .map(|row| {
        Ok(ListedFamily {
            family: family(row)?,
            cookie_used_at: row.optional_time("session_used_at")?,
        })
    })
    .collect()
}

/// Whether a family is a recommendation of its device: not one that was ended because it may have been somebody else's, by the
/// issuer, by an operator or an administrator, or one by one from a list by the person who had just proved who they are. What
/// strangers can cause is no suspicion, nor what a thief of one session does to the others, one by one
/// ([`RevocationReason::of_list`]) or all at once, or they could keep somebody out.
///
/// [`RevocationReason::of_list`]: crate::domain::session::RevocationReason::of_list
macro_rules! vouches {
    ($family:literal) => {
        concat!(
            "(",
            $family,
            ".revoked_reason IS NULL OR ",
            $family,
            ".revoked_reason IN ('signed-out', 'replaced', 'locked', 'roles-changed', 'revoked-all'))"
        )
    };
}
pub(super) use vouches;

/// The devices that signed in, and not those that refreshed: whoever stole a refresh token could make any device a known
/// one. One family of a device that ended by a suspicion outweighs all others of it, and a new password forgets them all
/// ([`forget_devices`]).
///
/// One question to two indices, so that the account does not show in the time.
pub(super) async fn has_device(
    on: impl Reads,
    email: &Email,
    cookie: &Digest,
) -> Result<bool, StorageError> {
    let row = sql(concat!(
        "SELECT count(*) AS signed_in, count(CASE WHEN ",
        vouches!("f"),
        " THEN 1 END) AS vouched FROM families AS f
         WHERE f.user_id = (SELECT id FROM users WHERE email = $1) AND f.signed_in_device = $2"
    ))
    .bind(email.as_str())
    .bind(cookie.as_bytes())
    .optional(on)
    .await?;
    // A count is always there.
    let Some(row) = row else { return Ok(false) };
    let (signed_in, vouched): (i64, i64) = (row.get("signed_in")?, row.get("vouched")?);
    Ok(signed_in > 0 && vouched == signed_in)
}

/// What every device of a user was known by is known no more; answers how many families that was of. A password is changed because a
/// stranger may have it, and whoever had it may have signed in and out on a device of their own; an administrator and an operator
/// who end all sessions think so too. The sessions have to have ended, and the account's row to be held ([`users::hold`]): of a
/// sign-in that went on beside it a device would be half known.
pub(super) async fn forget_devices(tx: &mut WriteTx, user: UserId) -> Result<u64, StorageError> {
    sql(
        "UPDATE families SET signed_in_device = NULL, device_digest = $2
         WHERE user_id = $1 AND (signed_in_device IS NOT NULL OR device_digest <> $2)",
    )
    .bind(user.to_string())
    .bind(&NO_DEVICE)
    .execute(tx)
    .await
}

pub(super) fn family(row: &Row) -> Result<Family, StorageError> {
    let unreadable = StorageError::Unreadable;
    let digest = |bytes: &[u8]| {
        bytes
            .try_into()
            .map(Digest::from_bytes)
            .map_err(|_| unreadable("families.*_digest"))
    };
    let seq: i64 = row.get("seq")?;
    let rotated_at_ms: i64 = row.get("rotated_at_ms")?;
    let handed_out_at_ms: Option<i64> = row.get("handed_out_at_ms")?;
    let previous: Option<&[u8]> = row.get("previous_digest")?;
    let sealed_next: Option<Vec<u8>> = row.get("sealed_next")?;
    let confirmed: i64 = row.get("confirmed")?;
    let cookie: Option<&[u8]> = row.get("device_cookie_digest")?;
    let amr: &str = row.get("amr")?;
    let address: Option<String> = row.get("address_range")?;
    Ok(Family {
        sid: Sid::parse(row.get("sid")?).ok_or(unreadable("families.sid"))?,
        user: UserId::parse(row.get("user_id")?).ok_or(unreadable("families.user_id"))?,
        client: row.get("client_id")?,
        seq: u64::try_from(seq).map_err(|_| unreadable("families.seq"))?,
        current: digest(row.get("current_digest")?)?,
        previous: previous.map(digest).transpose()?,
        sealed_next: sealed_next.map(Sealed::from_bytes),
        rotated_at: Moment::from_millis(rotated_at_ms),
        handed_out_at: Moment::from_millis(handed_out_at_ms.unwrap_or(rotated_at_ms)),
        confirmed: confirmed != 0,
        idle_expires_at: row.time("idle_expires_at")?,
        absolute_expires_at: row.time("absolute_expires_at")?,
        auth_time: row.time("auth_time")?,
        amr: amr.split_ascii_whitespace().map(str::to_owned).collect(),
        acr: row.get("acr")?,
        device: DeviceMark {
            cookie: cookie.map(digest).transpose()?,
            program: digest(row.get("device_digest")?)?,
        },
        device_name: row.get("device_name")?,
        address: address.map(AddressRange::from_stored),
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        revoked_at: row.optional_time("revoked_at")?,
        step_up_demanded_at: row.optional_time("step_up_demanded_at")?,
    })
}

pub(super) async fn insert(on: &mut impl Writes, new: &NewSignIn) -> Result<(), StorageError> {
    sql(
        "INSERT INTO families
             (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
              absolute_expires_at, auth_time, amr, acr, device_cookie_digest, signed_in_device, device_digest,
              device_name, user_agent, address_range, created_at, last_used_at)
         VALUES ($1, $2, $3, 0, $4, $5, 0, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15, $8, $8)",
    )
    .bind(new.sid.to_string())
    .bind(new.user.to_string())
    .bind(new.client)
    .bind(new.refresh.as_bytes())
    .bind(Moment::from_time(new.now).millis())
    .bind(new.idle_expires_at)
    .bind(new.absolute_expires_at)
    .bind(new.now)
    .bind(new.amr.join(" "))
    .bind(&new.acr)
    .bind(new.device.mark.cookie.as_ref().map(Digest::as_bytes))
    .bind(new.device.mark.program.as_bytes())
    .bind(&new.device.name)
    .bind(&new.device.user_agent)
    .bind(new.device.address.as_str())
    .execute(on)
    .await?;
    Ok(())
}

/// Makes a device known on which nobody signed in: a family that has ended as it begins, without a token or a cookie of its own.
pub(super) async fn introduce(
    on: &mut impl Writes,
    user: UserId,
    introduced: &Introduced,
    now: UnixTime,
) -> Result<(), StorageError> {
    let Introduced { sid, device } = introduced;
    sql(
        "INSERT INTO families
             (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
              absolute_expires_at, auth_time, amr, acr, device_cookie_digest, signed_in_device, device_digest,
              device_name, user_agent, address_range, created_at, last_used_at, revoked_at, revoked_reason)
         VALUES ($1, $2, $3, 0, $4, $5, 1, $6, $6, $6, '', '', $7, $7, $8, $9, $10, $11, $6, $6, $6, $12)",
    )
    .bind(sid.to_string())
    .bind(user.to_string())
    .bind(WEB_CLIENT)
    .bind(&NO_TOKEN)
    .bind(Moment::from_time(now).millis())
    .bind(now)
    .bind(device.mark.cookie.as_ref().map(Digest::as_bytes))
    .bind(device.mark.program.as_bytes())
    .bind(&device.name)
    .bind(&device.user_agent)
    .bind(device.address.as_str())
    .bind(RevocationReason::SignedOut.name())
    .execute(on)
    .await?;
    Ok(())
}

/// `false`: the family is not as the rotation expects it, or has ended; the row is then untouched.
pub(super) async fn rotate(
    on: &mut impl Writes,
    rotation: &Rotation,
) -> Result<bool, StorageError> {
    let update = sql(
        "UPDATE families
         SET seq = seq + 1, previous_digest = current_digest, current_digest = $4, sealed_next = $5,
             rotated_at_ms = $6, handed_out_at_ms = $6, confirmed = 0, idle_expires_at = $7, last_used_at = $8,
             device_cookie_digest = $9, device_digest = $10, address_range = $11,
             step_up_demanded_at = coalesce(step_up_demanded_at, $12)
         WHERE sid = $1 AND seq = $2 AND current_digest = $3
             AND revoked_at IS NULL AND idle_expires_at > $8 AND absolute_expires_at > $8",
    );
    let done = bind_rotation(update, rotation)?.execute(on).await?;
    reach(Point::FamilyMoved);
    Ok(done == 1)
}

/// What [`rotate`] does to one, done to up to [`MOST_ROWS`] in one statement of SQLite; the answers are in their order. Of two
/// that move the same family at most one is done.
pub(super) async fn rotate_together(
    tx: &mut WriteTx,
    rotations: &[&Rotation],
) -> Result<Vec<bool>, StorageError> {
    let mut update = sql(ROTATIONS.for_rows(rotations.len()));
    for rotation in rotations {
        update = bind_rotation(update, rotation)?;
    }
    let moved = update.all(tx).await?;
    reach(Point::FamilyMoved);
    let mut done = HashSet::with_capacity(moved.len());
    for row in &moved {
        let digest: &[u8] = row.get("current_digest")?;
        done.insert(digest.to_vec());
    }
    // A successor is 256 random bits, so its digest tells which rotation a row has moved by.
    let is_done = |rotation: &&Rotation| done.contains(rotation.next.as_bytes().as_slice());
    Ok(rotations.iter().map(is_done).collect())
}

/// The values of a rotation, in the order in which both statements name them.
fn bind_rotation(statement: Statement, rotation: &Rotation) -> Result<Statement, StorageError> {
    let seq = i64::try_from(rotation.seq).map_err(|_| StorageError::Unreadable("families.seq"))?;
    Ok(statement
        .bind(rotation.sid.to_string())
        .bind(seq)
        .bind(rotation.current.as_bytes())
        .bind(rotation.next.as_bytes())
        .bind(rotation.sealed_next.as_bytes())
        .bind(rotation.at.millis())
        .bind(rotation.idle_expires_at)
        .bind(rotation.at.time())
        .bind(rotation.device.cookie.as_ref().map(Digest::as_bytes))
        .bind(rotation.device.program.as_bytes())
        .bind(rotation.address.as_str())
        .bind(rotation.demands_step_up.then(|| rotation.at.time())))
}

/// With a plus before a column SQLite answers no condition on it by an index: by that of open families it would go through all of
/// them to find a few. A test asks for the plan.
pub(super) static ROTATIONS: ManyRows = ManyRows::new(
    12,
    "UPDATE families
     SET seq = seq + 1, previous_digest = current_digest, current_digest = asked.column4, sealed_next = asked.column5,
         rotated_at_ms = asked.column6, handed_out_at_ms = asked.column6, confirmed = 0,
         idle_expires_at = asked.column7, last_used_at = asked.column8, device_cookie_digest = asked.column9,
         device_digest = asked.column10, address_range = asked.column11,
         step_up_demanded_at = coalesce(step_up_demanded_at, asked.column12)
     FROM (",
    ") AS asked
     WHERE sid = asked.column1 AND seq = asked.column2 AND current_digest = asked.column3
         AND +revoked_at IS NULL AND idle_expires_at > asked.column8 AND absolute_expires_at > asked.column8
     RETURNING current_digest",
);

/// `false`: the family has moved or ended; the row is then untouched. The moment only ever moves forward.
pub(super) async fn hand_out(
    on: &mut impl Writes,
    hand_out: &HandOut,
) -> Result<bool, StorageError> {
    let seq = i64::try_from(hand_out.seq).map_err(|_| StorageError::Unreadable("families.seq"))?;
    let done = sql(
        "UPDATE families
         SET handed_out_at_ms = CASE WHEN confirmed = 0 AND coalesce(handed_out_at_ms, rotated_at_ms) < $3
                                     THEN $3 ELSE handed_out_at_ms END,
             step_up_demanded_at = coalesce(step_up_demanded_at, $5)
         WHERE sid = $1 AND seq = $2
             AND revoked_at IS NULL AND idle_expires_at > $4 AND absolute_expires_at > $4",
    )
    .bind(hand_out.sid.to_string())
    .bind(seq)
    .bind(hand_out.at.millis())
    .bind(hand_out.at.time())
    .bind(hand_out.demands_step_up.then(|| hand_out.at.time()))
    .execute(on)
    .await?;
    reach(Point::FamilyHandedOut);
    Ok(done == 1)
}

pub(super) async fn confirm(on: &mut impl Writes, sid: Sid, seq: u64) -> Result<(), StorageError> {
    let seq = i64::try_from(seq).map_err(|_| StorageError::Unreadable("families.seq"))?;
    sql("UPDATE families SET confirmed = 1
         WHERE sid = $1 AND seq = $2 AND confirmed = 0 AND revoked_at IS NULL")
    .bind(sid.to_string())
    .bind(seq)
    .execute(on)
    .await?;
    Ok(())
}

/// What [`confirm`] does to one, done to up to [`MOST_ROWS`] in one statement; answers how many it was news for. On a server a row that
/// another transaction holds is passed over: whoever waits for rows in an order of their own could keep others from ending sessions.
pub(super) async fn confirm_all(
    on: &mut impl Writes,
    arrivals: &[Arrival],
) -> Result<u64, StorageError> {
    let text = match on.connection() {
        Connection::Lite(_) => CONFIRMATIONS.for_rows(arrivals.len()),
        Connection::Pg(_) => CONFIRMATIONS_ON_A_SERVER.for_rows(arrivals.len()),
    };
    let mut update = sql(text);
    for (sid, seq) in arrivals {
        let seq = i64::try_from(*seq).map_err(|_| StorageError::Unreadable("families.seq"))?;
        update = update.bind(sid.to_string()).bind(seq);
    }
    // A server wants a value for each placeholder.
    for _ in arrivals.len()..arrivals.len().next_power_of_two() {
        update = update.bind(None::<String>).bind(None::<i64>);
    }
    let news = update.execute(on).await?;
    reach(Point::ArrivalsWritten);
    Ok(news)
}

/// As [`ROTATIONS`].
pub(super) static CONFIRMATIONS: ManyRows = ManyRows::new(
    2,
    "UPDATE families SET confirmed = 1 FROM (",
    ") AS asked
     WHERE sid = asked.column1 AND seq = asked.column2 AND confirmed = 0 AND +revoked_at IS NULL",
);

static CONFIRMATIONS_ON_A_SERVER: ManyRows = ManyRows::new(
    2,
    "UPDATE families SET confirmed = 1 WHERE sid IN (SELECT f.sid FROM families AS f JOIN (",
    ") AS asked ON f.sid = asked.column1 AND f.seq = asked.column2
     WHERE f.confirmed = 0 AND f.revoked_at IS NULL FOR UPDATE OF f SKIP LOCKED)",
);
