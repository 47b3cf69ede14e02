//! Filling what rows lack that were written under an older schema.
//!
//! A migration changes the schema in one transaction, and must be short. What it would have to do to every older row is done
//! after it, here: in batches, each a transaction of its own that also notes how far it has come. So nobody waits, a process
//! that ends between two batches leaves nothing half done, and whoever comes next goes on. Several may do it at once: the
//! note is moved by compare-and-swap, and who comes late writes nothing.

mod events;

use edgeward_core::time::UnixTime;

use super::{
    Store, StoreError, WriteTx,
    sql::{Row, sql},
};
use crate::domain::storage::StorageError;

/// The rows of one batch: some tens of milliseconds for the one writer of a SQLite file.
pub const BATCH_ROWS: i64 = 500;

/// The step that makes the table of notes.
const NOTES_SINCE: i64 = 8;

/// What is to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backfill {
    /// The security events of acts that were logged before there were events.
    Events,
}

impl Backfill {
    /// All of them, in the order in which they are done.
    pub const ALL: [Self; 1] = [Self::Events];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
        }
    }
}

/// How far a back-fill has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which.
    pub backfill: Backfill,
    /// The last row that was looked at.
    pub position: i64,
    /// The last one to look at.
    pub until: i64,
    /// How many rows were written.
    pub filled: i64,
    /// Whether it is done.
    pub finished: bool,
}

/// What a batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// It was done before; nothing was written.
    Nothing,
    /// So far it has come, by this batch or by another process's.
    Done(Progress),
}

/// The note, moved by one batch.
struct Move {
    from: i64,
    to: i64,
    filled: i64,
    finished_at: Option<UnixTime>,
}

impl Store {
    /// Does the next batch of the first back-fill that is not done. `since` is how old an event may be that is kept.
    ///
    /// # Errors
    /// When the database fails; the batch is undone then, and those before it stay.
    pub async fn fill_back(&self, now: UnixTime, since: UnixTime) -> Result<Batch, StorageError> {
        for backfill in Backfill::ALL {
            let progress = match self.progress(backfill).await? {
                Some(progress) if progress.finished => continue,
                Some(progress) => progress,
                None => match self.begin(backfill, since).await? {
                    Some(progress) => progress,
                    None => continue,
                },
            };
            return match backfill {
                Backfill::Events => events::batch(self, progress, now, since).await,
            }
            .map(Batch::Done);
        }
        Ok(Batch::Nothing)
    }

    /// How far each has come; those that have not begun are not there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn backfills(&self) -> Result<Vec<Progress>, StoreError> {
        let steps = self.migration_status().await?;
        let has_notes = |version| {
            steps
                .iter()
                .any(|step| step.version == version && step.applied)
        };
        let mut found = Vec::new();
        if has_notes(NOTES_SINCE) {
            for backfill in Backfill::ALL {
                let progress = self.progress(backfill).await;
                found.extend(progress.map_err(|error| StoreError::Storage {
                    place: self.place.clone(),
                    source: error,
                })?);
            }
        }
        Ok(found)
    }

    async fn progress(&self, backfill: Backfill) -> Result<Option<Progress>, StorageError> {
        let row = sql("SELECT position, until, filled, finished_at FROM backfills WHERE name = $1")
            .bind(backfill.name())
            .optional(self.readers())
            .await?;
        row.map(|row| progress_of(backfill, &row)).transpose()
    }

    /// Notes that one begins; `None` when there is nothing at all that could lack something.
    async fn begin(
        &self,
        backfill: Backfill,
        since: UnixTime,
    ) -> Result<Option<Progress>, StorageError> {
        let range = match backfill {
            Backfill::Events => events::range(self, since).await?,
        };
        let Some((position, until)) = range else {
            return Ok(None);
        };
        let mut books = self.bookkeeping().await?;
        sql("INSERT INTO backfills (name, position, until, filled) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING")
            .bind(backfill.name())
            .bind(position)
            .bind(until)
            .execute(&mut books)
            .await?;
        drop(books);
        self.progress(backfill).await
    }
}

/// Moves the note within a batch's transaction. `false`: another process has moved it.
async fn advance(tx: &mut WriteTx, backfill: Backfill, by: &Move) -> Result<bool, StorageError> {
    let moved = sql(
        "UPDATE backfills SET position = $3, filled = filled + $4, finished_at = $5
         WHERE name = $1 AND position = $2 AND finished_at IS NULL",
    )
    .bind(backfill.name())
    .bind(by.from)
    .bind(by.to)
    .bind(by.filled)
    .bind(by.finished_at)
    .execute(tx)
    .await?;
    Ok(moved == 1)
}

fn progress_of(backfill: Backfill, row: &Row) -> Result<Progress, StorageError> {
    Ok(Progress {
        backfill,
        position: row.get("position")?,
        until: row.get("until")?,
        filled: row.get("filled")?,
        finished: row.optional_time("finished_at")?.is_some(),
    })
}
