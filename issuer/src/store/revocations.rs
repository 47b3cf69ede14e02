//! The feed of ended sessions in the database, numbered in the order of the commits.

use edgeward_core::time::UnixTime;

use super::{
    Store, WriteTx,
    sql::{Row, sql},
};
use crate::{
    domain::{
        moment::Moment,
        revocations::{Ended, KEPT_SECONDS, Revocation, Revocations},
        session::Sid,
        storage::StorageError,
    },
    faults::{Point, reach},
};

/// What one transaction forgets at most of what nobody needs any more: more than it adds, and yet bounded.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// Appends under the log's lock, which the caller holds: so a number that is seen is never followed by a smaller one.
pub(super) async fn append(tx: &mut WriteTx, ended: &[Ended]) -> Result<(), StorageError> {
    let Some(now) = ended.iter().map(|ended| ended.at).max() else {
        return Ok(());
    };
    let last = last(&mut *tx).await?;
    // Numbers go on from the time, so that a database that was restored from an older copy gives none again that an edge may
    // have read: what came under it would be missing there.
    let mut seq = last.max(Moment::from_time(now).millis());
    for Ended { sid, at, reason } in ended {
        seq = seq.saturating_add(1);
        sql("INSERT INTO revocations (seq, sid, at, reason) VALUES ($1, $2, $3, $4)")
            .bind(seq)
            .bind(sid.to_string())
            .bind(*at)
            .bind(reason.name())
            .execute(tx)
            .await?;
        reach(Point::EndWritten);
    }
    sql("DELETE FROM revocations WHERE seq IN
             (SELECT seq FROM revocations WHERE seq <= $1 AND at < $2 ORDER BY seq LIMIT $3)")
    .bind(last)
    .bind(now.plus(-KEPT_SECONDS))
    .bind(FORGOTTEN_AT_ONCE)
    .execute(tx)
    .await?;
    Ok(())
}

async fn last(on: impl super::sql::Reads) -> Result<i64, StorageError> {
    let row = sql("SELECT seq FROM revocations ORDER BY seq DESC LIMIT 1")
        .optional(on)
        .await?;
    row.map_or(Ok(0), |row| row.get("seq"))
}

impl Revocations for Store {
    async fn last_revocation(&self) -> Result<u64, StorageError> {
        number(last(self.readers()).await?)
    }

    async fn revocations(
        &self,
        after: u64,
        since: UnixTime,
        most: usize,
    ) -> Result<Vec<Revocation>, StorageError> {
        sql(
            "SELECT seq, sid, at, reason FROM revocations WHERE seq > $1 AND at >= $2
             ORDER BY seq LIMIT $3",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(since)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .all(self.readers())
        .await?
        .iter()
        .map(revocation)
        .collect()
    }
}

fn revocation(row: &Row) -> Result<Revocation, StorageError> {
    Ok(Revocation {
        seq: number(row.get("seq")?)?,
        sid: Sid::parse(row.get("sid")?).ok_or(StorageError::Unreadable("revocations.sid"))?,
        at: row.time("at")?,
        reason: row.get("reason")?,
    })
}

fn number(seq: i64) -> Result<u64, StorageError> {
    u64::try_from(seq).map_err(|_| StorageError::Unreadable("revocations.seq"))
}
