//! The feed of ended sessions in the database, numbered in the order of the commits.

use edgeward_core::{revocation::Kind, time::UnixTime};

use super::{
    Store, WriteTx, ends, families,
    many_rows::{MOST_ROWS, ManyRows},
    sql::{Row, sql},
};
use crate::{
    domain::{
        accounts::UserId,
        audit::AuditEntry,
        moment::Moment,
        revocations::{
            Ended, KEPT_SECONDS, KEY_IS_KEPT_SECONDS, Revocation, Revocations, Revoking, TokenId,
        },
        session::RevocationReason,
        storage::StorageError,
    },
    faults::{Point, reach},
};

/// What one transaction forgets at most of what nobody needs any more: more than it adds, and yet bounded.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// Appends under the log's lock, which the caller holds: so a number that is seen is never followed by a smaller one.
pub(super) async fn append(tx: &mut WriteTx, ended: &[Ended]) -> Result<(), StorageError> {
    let Some(now) = ended.iter().map(Ended::at).max() else {
        return Ok(());
    };
    let last = last(&mut *tx).await?;
    // Numbers go on from the time, so that a database that was restored from an older copy gives none again that an edge may
    // have read: what came under it would be missing there.
    let mut seq = last.max(Moment::from_time(now).millis());
    for some in ended.chunks(MOST_ROWS) {
        let mut insert = sql(ENTRIES.for_rows(some.len()));
        for ended in some {
            seq = seq.saturating_add(1);
            insert = insert
                .bind(seq)
                .bind(ended.kind().name())
                .bind(ended.id())
                .bind(ended.at())
                .bind(ended.reason());
        }
        // A server wants a value for each placeholder.
        for _ in some.len()..some.len().next_power_of_two() {
            let (number, text) = (None::<i64>, None::<String>);
            insert = insert.bind(number).bind(text.clone()).bind(text.clone());
            insert = insert.bind(number).bind(text);
        }
        insert.execute(tx).await?;
        reach(Point::EndWritten);
    }
    sql("DELETE FROM revocations WHERE seq IN
             (SELECT seq FROM revocations
              WHERE seq <= $1 AND at < $2 AND (kind <> $4 OR at < $5) ORDER BY seq LIMIT $3)")
    .bind(last)
    .bind(now.plus(-KEPT_SECONDS))
    .bind(FORGOTTEN_AT_ONCE)
    .bind(Kind::Key.name())
    .bind(now.plus(-KEY_IS_KEPT_SECONDS))
    .execute(tx)
    .await?;
    Ok(())
}

static ENTRIES: ManyRows = ManyRows::new(
    5,
    "INSERT INTO revocations (seq, kind, sid, at, reason)
     SELECT asked.column1, asked.column2, asked.column3, asked.column4, asked.column5 FROM (",
    ") AS asked WHERE asked.column1 IS NOT NULL",
);

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
        now: UnixTime,
        most: usize,
    ) -> Result<Vec<Revocation>, StorageError> {
        sql("SELECT seq, kind, sid, at, reason FROM revocations
             WHERE seq > $1 AND (at >= $2 OR (kind = $4 AND at >= $5)) ORDER BY seq LIMIT $3")
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(now.plus(-KEPT_SECONDS))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(Kind::Key.name())
        .bind(now.plus(-KEY_IS_KEPT_SECONDS))
        .all(self.readers())
        .await?
        .iter()
        .map(revocation)
        .collect()
    }
}

impl Revoking for Store {
    async fn revoke_subject(
        &self,
        user: UserId,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<u64, StorageError> {
        let mut tx = self.write().await?;
        let reason = RevocationReason::RevokedAll;
        let ended = ends::revoke_all(&mut tx, user, None, reason, now).await?;
        // Whoever had the person's password may have signed in on a device of their own.
        families::forget_devices(&mut tx, user).await?;
        tx.note_end(Ended::Subject { user, at: now });
        tx.commit(entry).await?;
        Ok(ended)
    }

    async fn revoke_token(
        &self,
        id: &TokenId,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<(), StorageError> {
        let mut tx = self.write().await?;
        let id = id.clone();
        tx.note_end(Ended::Token { id, at: now });
        tx.commit(entry).await
    }

    async fn is_token_revoked(&self, id: &str) -> Result<bool, StorageError> {
        // The kind is written out, because the index is of this kind only.
        let found = sql("SELECT seq FROM revocations WHERE kind = 'jti' AND sid = $1 LIMIT 1")
            .bind(id)
            .optional(self.readers())
            .await?;
        Ok(found.is_some())
    }
}

fn revocation(row: &Row) -> Result<Revocation, StorageError> {
    Ok(Revocation {
        seq: number(row.get("seq")?)?,
        kind: Kind::named(row.get("kind")?).ok_or(StorageError::Unreadable("revocations.kind"))?,
        id: word(row.get("sid")?).ok_or(StorageError::Unreadable("revocations.sid"))?,
        at: row.time("at")?,
        reason: row.get("reason")?,
    })
}

/// An id that keeps the form of a line whatever the row holds.
fn word(id: String) -> Option<String> {
    let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(id)
}

fn number(seq: i64) -> Result<u64, StorageError> {
    u64::try_from(seq).map_err(|_| StorageError::Unreadable("revocations.seq"))
}
