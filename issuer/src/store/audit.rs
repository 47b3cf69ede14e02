//! The audit log in the database: appending inside a write transaction, and reading it back to check the chain.
//!
//! There is no way here to change or remove an entry, and the database refuses both.

use sqlx::{Row, sqlite::SqliteRow};

use super::{Store, WriteTx};
use crate::domain::{
    audit::{
        AuditEntry, BEFORE_THE_FIRST, ChainBreak, ChainWalk, EntryHash, LoggedEntry, entry_hash,
    },
    storage::StorageError,
};

/// How many entries are read at once while walking the chain; bounds the memory, not the log.
const PAGE: i64 = 1_000;

/// Appends an entry after the last one. The write lock is held, so nobody can come in between.
pub(super) async fn append(tx: &mut WriteTx, entry: &AuditEntry) -> Result<(), StorageError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1")
            .fetch_optional(tx.connection())
            .await?;
    let (seq, previous) = match last {
        None => (1, BEFORE_THE_FIRST),
        Some((seq, hash)) => (number(seq)?.saturating_add(1), entry_hash_of(&hash)?),
    };
    let canonical = entry
        .canonical()
        .map_err(|error| StorageError::Failed(Box::new(error)))?;
    let hash = entry_hash(seq, &previous, &canonical);
    sqlx::query("INSERT INTO audit_log (seq, entry, previous_hash, hash) VALUES ($1, $2, $3, $4)")
        .bind(i64::try_from(seq).map_err(|_| StorageError::Unreadable("audit_log.seq"))?)
        .bind(canonical)
        .bind(previous.as_slice())
        .bind(hash.as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// What walking the log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainVerdict {
    /// Every entry is in its place; the walk says how many there are and what the last hash is.
    Whole(ChainWalk),
    /// The first break.
    Broken(ChainBreak),
}

impl Store {
    /// Walks the whole log and checks each entry's place and hash.
    ///
    /// # Errors
    /// When the database cannot be read. A broken chain is an answer, not an error.
    pub async fn verify_audit_chain(&self) -> Result<ChainVerdict, StorageError> {
        let mut walk = ChainWalk::start();
        let mut after = i64::MIN;
        loop {
            let page = self.audit_page(after).await?;
            let Some(last) = page.last() else {
                return Ok(ChainVerdict::Whole(walk));
            };
            after =
                i64::try_from(last.seq).map_err(|_| StorageError::Unreadable("audit_log.seq"))?;
            for entry in &page {
                if let Err(broken) = walk.step(entry) {
                    return Ok(ChainVerdict::Broken(broken));
                }
            }
        }
    }

    /// Up to [`PAGE`] entries after a number, in order.
    async fn audit_page(&self, after: i64) -> Result<Vec<LoggedEntry>, StorageError> {
        sqlx::query(
            "SELECT seq, entry, previous_hash, hash FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(self.readers())
        .await?
        .iter()
        .map(logged)
        .collect()
    }
}

fn logged(row: &SqliteRow) -> Result<LoggedEntry, StorageError> {
    Ok(LoggedEntry {
        seq: number(row.try_get("seq")?)?,
        canonical: row.try_get("entry")?,
        previous: entry_hash_of(row.try_get("previous_hash")?)?,
        hash: entry_hash_of(row.try_get("hash")?)?,
    })
}

fn number(seq: i64) -> Result<u64, StorageError> {
    u64::try_from(seq).map_err(|_| StorageError::Unreadable("audit_log.seq"))
}

fn entry_hash_of(bytes: &[u8]) -> Result<EntryHash, StorageError> {
    bytes
        .try_into()
        .map_err(|_| StorageError::Unreadable("audit_log.hash"))
}
