//! Rotations that arrive together share a commit, in SQLite.
//!
//! A commit waits for the disk, and the one writer can do nothing else meanwhile. So rotations are queued, and one task
//! takes all that wait, does them in one statement and their entries in another, commits, and only then answers: nothing
//! that was answered can be lost. If that fails each is tried alone, so that one does not take the others with it. A
//! rotation that comes alone is committed at once; under load the queue fills while the disk works. Whoever stops waiting
//! before its turn is left out; one that was in its turn is done, as if the answer had been lost on the way.

use sqlx::SqlitePool;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{BUSY_TIMEOUT, WriteTx, audit, families, many_rows::MOST_ROWS, stopwatch::wait};
use crate::{
    domain::{audit::AuditEntry, refresh::Rotation, storage::StorageError},
    faults::{Point, reach},
};

/// The most that share a commit: beyond it the disk's part in each is small already, and other writers wait for the lock.
const TOGETHER: usize = MOST_ROWS;

/// The most that wait: at the slowest disk that can serve, a second's worth. Whoever finds it full waits outside of it.
const QUEUED: usize = 1024;

/// A rotation and whom to answer.
struct Asked {
    rotation: Rotation,
    entry: AuditEntry,
    answer: oneshot::Sender<Result<bool, StorageError>>,
}

impl Asked {
    /// Whoever asked may have gone; what was done is done.
    fn answer(self, answer: Result<bool, StorageError>) {
        let _ = self.answer.send(answer);
    }
}

/// The way to the one that writes. When the last of it is gone, the writer ends.
#[derive(Debug, Clone)]
pub(super) struct Rotations(mpsc::Sender<Asked>);

impl Rotations {
    /// Starts the one that writes.
    pub(super) fn start(writer: SqlitePool) -> Self {
        let (queue, mut asked) = mpsc::channel(QUEUED);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(TOGETHER);
            while asked.recv_many(&mut batch, TOGETHER).await > 0 {
                answer_together(&writer, &mut batch).await;
            }
        });
        Self(queue)
    }

    /// Queues a rotation and waits until it is on the disk, or is not done.
    pub(super) async fn ask(
        &self,
        rotation: Rotation,
        entry: AuditEntry,
    ) -> Result<bool, StorageError> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            rotation,
            entry,
            answer,
        };
        let done = wait(async {
            match timeout(BUSY_TIMEOUT, self.0.send(asked)).await {
                Ok(Ok(())) => answered.await.unwrap_or_else(|_| Err(ended())),
                Ok(Err(_)) => Err(ended()),
                Err(_) => Err(StorageError::Busy("too many refreshes wait".into())),
            }
        });
        done.await
    }
}

fn ended() -> StorageError {
    StorageError::Failed("the database is being closed".into())
}

/// Empties the batch: each gets its own answer, or all the error that kept the commit from happening.
async fn answer_together(writer: &SqlitePool, batch: &mut Vec<Asked>) {
    batch.retain(|asked| !asked.answer.is_closed());
    if batch.is_empty() {
        return;
    }
    reach(Point::BatchTaken);
    match write_together(writer, batch).await {
        Ok(done) => {
            for (asked, done) in batch.drain(..).zip(done) {
                asked.answer(Ok(done));
            }
        }
        // Something is wrong with one of them, or with all: alone, each finds out about itself. What the batch would have
        // done was undone, and if the commit was kept in spite of its error, a second try finds the family moved.
        Err(StorageError::Failed(_) | StorageError::Unreadable(_)) if batch.len() > 1 => {
            for asked in batch.drain(..) {
                let done = write_together(writer, std::slice::from_ref(&asked)).await;
                asked.answer(done.map(|done| done == [true]));
            }
        }
        Err(failure) => {
            for asked in batch.drain(..) {
                asked.answer(Err(same(&failure)));
            }
        }
    }
}

/// Which rotations were done, in the order of the batch, after the commit. On an error nothing of the batch was kept.
async fn write_together(writer: &SqlitePool, batch: &[Asked]) -> Result<Vec<bool>, StorageError> {
    let mut tx = WriteTx::begin_immediate(writer).await?;
    let rotations: Vec<&Rotation> = batch.iter().map(|asked| &asked.rotation).collect();
    let done = families::rotate_together(&mut tx, &rotations).await?;
    let entries: Vec<&AuditEntry> = batch
        .iter()
        .zip(&done)
        .filter_map(|(asked, done)| done.then_some(&asked.entry))
        .collect();
    audit::append_together(&mut tx, &entries).await?;
    tx.finish().await?;
    Ok(done)
}

/// An error for each of those who share it.
fn same(failure: &StorageError) -> StorageError {
    match failure {
        StorageError::Busy(cause) => StorageError::Busy(cause.to_string().into()),
        StorageError::Unwritable(cause) => StorageError::Unwritable(cause.to_string().into()),
        StorageError::Failed(cause) => StorageError::Failed(cause.to_string().into()),
        StorageError::Unreadable(column) => StorageError::Unreadable(column),
    }
}
