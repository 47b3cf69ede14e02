//! The audit log in the database: appending at the end of a write transaction, and reading it back to check the chain.
//!
//! There is no way here to change or remove an entry, and the database refuses both.
//!
//! Each entry names the one before, so two transactions must not read the same end of the log. In SQLite there is one
//! writer. In PostgreSQL an advisory lock stands in for it, from just before the end is read until the transaction has
//! ended; the next statement then sees what the last holder committed. The lock was chosen over a row that holds the
//! head: such a row would be a second truth about the end of the log, and each entry would leave a dead version of it
//! for vacuum. It is taken last, after every row lock, so that holders never wait for each other, and an act that
//! changes nothing never asks for it. Whoever went around it would still not fork the chain, because `seq` is unique and a
//! trigger lets nothing follow but the last entry. The hashes have no index: each entry would fall into it at a random
//! place, and the larger the log, the more pages of the disk a second of acts would touch.

use super::{
    Store, WriteTx, events,
    many_rows::{MOST_ROWS, ManyRows},
    outbox,
    sql::{Row, sql},
};
use crate::{
    domain::{
        audit::{
            AuditEntry, BEFORE_THE_FIRST, ChainBreak, ChainWalk, EntryHash, LoggedEntry, entry_hash,
        },
        storage::StorageError,
    },
    faults::{Point, reach},
};

/// How many entries are read at once while walking the chain; bounds the memory, not the log.
const PAGE: i64 = 1_000;

/// Appends entries after the last one.
pub(super) async fn append(tx: &mut WriteTx, entries: &[AuditEntry]) -> Result<(), StorageError> {
    if entries.is_empty() {
        return Ok(());
    }
    let End { mut seq, mut hash } = match tx.end.take() {
        Some(end) => end,
        None => read_end(tx).await?,
    };
    for entry in entries {
        seq = seq.saturating_add(1);
        let canonical = entry
            .canonical()
            .map_err(|error| StorageError::Failed(Box::new(error)))?;
        let previous = hash;
        hash = entry_hash(seq, &previous, &canonical);
        sql("INSERT INTO audit_log (seq, entry, previous_hash, hash) VALUES ($1, $2, $3, $4)")
            .bind(i64::try_from(seq).map_err(|_| StorageError::Unreadable("audit_log.seq"))?)
            .bind(canonical)
            .bind(&previous)
            .bind(&hash)
            .execute(tx)
            .await?;
        reach(Point::EntryWritten);
        append_what_follows(tx, entry, seq).await?;
    }
    tx.end = Some(End { seq, hash });
    Ok(())
}

/// The same with one statement for many entries, which only SQLite understands.
pub(super) async fn append_together(
    tx: &mut WriteTx,
    entries: &[&AuditEntry],
) -> Result<(), StorageError> {
    let End { mut seq, mut hash } = match tx.end.take() {
        Some(end) => end,
        None => read_end(tx).await?,
    };
    for group in entries.chunks(MOST_ROWS) {
        let mut insert = sql(INSERTS.for_rows(group.len()));
        let first = seq.saturating_add(1);
        for entry in group {
            seq = seq.saturating_add(1);
            let canonical = entry
                .canonical()
                .map_err(|error| StorageError::Failed(Box::new(error)))?;
            let previous = hash;
            hash = entry_hash(seq, &previous, &canonical);
            insert = insert
                .bind(i64::try_from(seq).map_err(|_| StorageError::Unreadable("audit_log.seq"))?)
                .bind(canonical)
                .bind(&previous)
                .bind(&hash);
        }
        insert.execute(tx).await?;
        reach(Point::EntryWritten);
        for (entry, seq) in group.iter().zip(first..) {
            append_what_follows(tx, entry, seq).await?;
        }
    }
    tx.end = Some(End { seq, hash });
    Ok(())
}

/// The security event of an entry, and the mail to whom it is about.
async fn append_what_follows(
    tx: &mut WriteTx,
    entry: &AuditEntry,
    seq: u64,
) -> Result<(), StorageError> {
    if let Some(event) = entry.event() {
        events::append(tx, &event, i64::try_from(seq).ok()).await?;
        reach(Point::EventWritten);
    }
    // In this order: a notice is written in the language that was known before the act it warns of.
    outbox::tell_owner(tx, entry).await?;
    outbox::remember_language(tx, entry).await
}

/// In the order of the rows, each of which must follow the one before.
static INSERTS: ManyRows = ManyRows::new(
    4,
    "INSERT INTO audit_log (seq, entry, previous_hash, hash)
     SELECT column1, column2, column3, column4 FROM (",
    ") WHERE column1 IS NOT NULL",
);

/// The end of the log: what the next entry comes after.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    seq: u64,
    hash: EntryHash,
}

async fn read_end(tx: &mut WriteTx) -> Result<End, StorageError> {
    tx.be_alone().await?;
    let last = sql("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1")
        .optional(tx)
        .await?;
    Ok(match last {
        None => End {
            seq: 0,
            hash: BEFORE_THE_FIRST,
        },
        Some(row) => End {
            seq: number(row.get("seq")?)?,
            hash: entry_hash_of(row.get("hash")?)?,
        },
    })
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
        self.walk_audit_log(ChainWalk::start()).await
    }

    /// Goes on with a walk from where it stands, after a look whether the log still has what stood there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn walk_audit_log(&self, mut walk: ChainWalk) -> Result<ChainVerdict, StorageError> {
        let mut after = i64::MIN;
        if walk.entries() > 0 {
            after = i64::try_from(walk.entries())
                .map_err(|_| StorageError::Unreadable("audit_log.seq"))?;
            let last = self.audit_page(after.saturating_sub(1), 1).await?;
            if let Err(broken) = walk.go_on_from(last.first()) {
                return Ok(ChainVerdict::Broken(broken));
            }
        }
        loop {
            let page = self.audit_page(after, PAGE).await?;
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

    /// Up to so many entries after a number, in order.
    async fn audit_page(&self, after: i64, most: i64) -> Result<Vec<LoggedEntry>, StorageError> {
        sql("SELECT seq, entry, previous_hash, hash FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(most)
            .all(self.readers())
            .await?
            .iter()
            .map(logged)
            .collect()
    }
}

fn logged(row: &Row) -> Result<LoggedEntry, StorageError> {
    Ok(LoggedEntry {
        seq: number(row.get("seq")?)?,
        canonical: row.get("entry")?,
        previous: entry_hash_of(row.get("previous_hash")?)?,
        hash: entry_hash_of(row.get("hash")?)?,
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
