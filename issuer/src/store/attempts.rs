//! The counters of failed sign-ins in the database: one row for each key, moved by compare-and-swap.
//!
//! The table holds no address of anybody, only keyed hashes. It is bounded: a row stays only after a password was
//! compared or while one is, which admission control bounds; it ends with its lock or its memory, and each new row
//! takes more ended ones away than it adds. Beside them stands one row for each name whose failures an act forgot, for a day.

use std::collections::HashMap;

use edgeward_core::time::UnixTime;

use super::{
    many_rows::{MOST_ROWS, ManyRows},
    sql::{Readers, Row, Statement, Value, Writes, sql},
};
use crate::domain::{
    limits::LIFT_KEPT_SECONDS,
    lockout::{Counter, CounterKey, Swap},
    storage::StorageError,
};

/// How many ended rows a new one takes away. More than one, so that the table shrinks after a flood.
const PURGED_PER_ROW: i64 = 4;

/// The end of a lock in a row that has none, so that rows compare without `NULL`.
const NEVER: i64 = 0;

pub(super) async fn by_key(
    readers: Readers<'_>,
    key: &CounterKey,
) -> Result<Option<Counter>, StorageError> {
    sql("SELECT failures, claims, claims_end_at, locked_until, forget_at FROM attempt_counters WHERE key = $1")
        .bind(key.digest())
        .optional(readers)
        .await?
        .as_ref()
        .map(counter)
        .transpose()
}

fn counter(row: &Row) -> Result<Counter, StorageError> {
    let count = |column| -> Result<u32, StorageError> {
        let found: i64 = row.get(column)?;
        u32::try_from(found).map_err(|_| StorageError::Unreadable(column))
    };
    let locked_until: i64 = row.get("locked_until")?;
    Ok(Counter {
        failures: count("failures")?,
        claims: count("claims")?,
        claims_end_at: row.time("claims_end_at")?,
        locked_until: (locked_until != NEVER).then_some(UnixTime::from_seconds(locked_until)),
        forget_at: row.time("forget_at")?,
    })
}

fn locked_until(counter: &Counter) -> i64 {
    counter.locked_until.map_or(NEVER, UnixTime::seconds)
}

/// `false`: the row is not the one that was read; it is untouched then.
pub(super) async fn swap(on: &mut impl Writes, swap: &Swap) -> Result<bool, StorageError> {
    match (&swap.from, &swap.to) {
        (None, None) => is_absent(on, &swap.key).await,
        (None, Some(to)) => insert(on, &swap.key, to).await,
        (Some(from), Some(to)) => update(on, &swap.key, from, to).await,
        (Some(from), None) => delete(on, &swap.key, from).await,
    }
}

async fn is_absent(on: &mut impl Writes, key: &CounterKey) -> Result<bool, StorageError> {
    let row = sql("SELECT failures FROM attempt_counters WHERE key = $1")
        .bind(key.digest())
        .optional(on)
        .await?;
    Ok(row.is_none())
}

async fn insert(
    on: &mut impl Writes,
    key: &CounterKey,
    to: &Counter,
) -> Result<bool, StorageError> {
    let insert = sql(
        "INSERT INTO attempt_counters (key, account, failures, claims, claims_end_at, locked_until, forget_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING",
    )
    .bind(key.digest())
    .bind(key.account());
    let done = bind_counter(insert, to).execute(on).await?;
    Ok(done == 1)
}

async fn update(
    on: &mut impl Writes,
    key: &CounterKey,
    from: &Counter,
    to: &Counter,
) -> Result<bool, StorageError> {
    let update = sql("UPDATE attempt_counters
         SET failures = $7, claims = $8, claims_end_at = $9, locked_until = $10, forget_at = $11
         WHERE key = $1 AND failures = $2 AND claims = $3 AND claims_end_at = $4 AND locked_until = $5
             AND forget_at = $6")
    .bind(key.digest());
    let done = bind_counter(bind_counter(update, from), to)
        .execute(on)
        .await?;
    Ok(done == 1)
}

async fn delete(
    on: &mut impl Writes,
    key: &CounterKey,
    from: &Counter,
) -> Result<bool, StorageError> {
    let delete = sql("DELETE FROM attempt_counters
         WHERE key = $1 AND failures = $2 AND claims = $3 AND claims_end_at = $4 AND locked_until = $5
             AND forget_at = $6")
    .bind(key.digest());
    let done = bind_counter(delete, from).execute(on).await?;
    Ok(done == 1)
}

/// The values of a counter, in the order in which every statement names them.
fn bind_counter(statement: Statement, counter: &Counter) -> Statement {
    statement
        .bind(i64::from(counter.failures))
        .bind(i64::from(counter.claims))
        .bind(counter.claims_end_at)
        .bind(locked_until(counter))
        .bind(counter.forget_at)
}

/// Takes some ended rows away. On a connection of its own and never within an act: what it locks could be what another
/// act waits for. A failure is passed over, because the next new row does the same.
pub(super) async fn purge(on: &mut impl Writes, now: UnixTime) {
    let purged = sql("DELETE FROM attempt_counters
         WHERE key IN (SELECT key FROM attempt_counters WHERE forget_at <= $1 ORDER BY forget_at LIMIT $2)")
    .bind(now)
    .bind(PURGED_PER_ROW)
    .execute(on)
    .await;
    if let Err(failure) = purged {
        tracing::warn!(detail = %failure, "ended counters were not removed");
    }
}

/// The last end of a lock at each of these names, over or not.
pub(super) static LOCKS: ManyRows = ManyRows::new(
    1,
    "SELECT account, max(locked_until) AS locked_until FROM attempt_counters WHERE account IN (",
    ") GROUP BY account",
);

/// The end of the last lock that holds at each name or at what belongs to it.
pub(super) async fn locks(
    readers: Readers<'_>,
    names: &[CounterKey],
    now: UnixTime,
) -> Result<Vec<Option<UnixTime>>, StorageError> {
    let mut found: HashMap<Vec<u8>, UnixTime> = HashMap::new();
    for names in names.chunks(MOST_ROWS) {
        let mut question = sql(LOCKS.for_rows(names.len()));
        for row in 0..names.len().next_power_of_two() {
            // A server wants a value for each placeholder, also where there is no name.
            let name = names.get(row).and_then(CounterKey::account);
            question = question.bind(Value::from(name));
        }
        for row in question.all(readers).await? {
            let until = row.time("locked_until")?;
            if until > now {
                found.insert(row.get("account")?, until);
            }
        }
    }
    let until = |name: &CounterKey| found.get(name.account()?.as_slice()).copied();
    Ok(names.iter().map(until).collect())
}

/// Removes every counter that belongs to a name, and notes when; answers whether there was one.
pub(super) async fn forget(
    on: &mut impl Writes,
    name: &CounterKey,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let done = sql("DELETE FROM attempt_counters WHERE account = $1")
        .bind(name.account())
        .execute(on)
        .await?;
    lift(on, name, now).await?;
    Ok(done > 0)
}

/// Notes that the failures at a name were forgotten, for each process to begin its window of the name anew. There may be a window
/// without failures: what it refuses is not compared and so not counted.
async fn lift(on: &mut impl Writes, name: &CounterKey, now: UnixTime) -> Result<(), StorageError> {
    let key = name.lift();
    sql(
        "INSERT INTO attempt_counters (key, account, failures, claims, claims_end_at, locked_until, forget_at)
         VALUES ($1, $2, 0, 0, $3, $4, $5)
         ON CONFLICT (key) DO UPDATE SET claims_end_at = excluded.claims_end_at, forget_at = excluded.forget_at",
    )
    .bind(key.digest())
    .bind(key.account())
    .bind(now)
    .bind(NEVER)
    .bind(now.plus(LIFT_KEPT_SECONDS))
    .execute(on)
    .await?;
    Ok(())
}

/// When the failures at a name were forgotten last, as far as a window may remember what was before.
pub(super) async fn lifted_at(
    readers: Readers<'_>,
    name: &CounterKey,
) -> Result<Option<UnixTime>, StorageError> {
    let lift = by_key(readers, &name.lift()).await?;
    Ok(lift.map(|lift| lift.claims_end_at))
}
