//! Brings the pages of SQLite's log into the file, beside the writing.
//!
//! SQLite's own way is that the commit which makes the log 1,000 pages long also copies them and waits twice for the disk,
//! and everybody behind it waits too. The more families there are, the more pages a second of rotations touches, so those
//! waits would grow with the database. Here one task copies, on a connection that else only reads, while the writer goes
//! on. Under load it rarely finds the log at rest, and only a log that was copied to its end begins again from the front:
//! where it does not get there, that last step is left to the writer, at [`LONGEST_LOG`], when little is left to copy.

use std::{sync::Arc, time::Duration};

use sqlx::SqliteConnection;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::readers::FileReaders;

/// How many pages the log has until a commit copies the rest itself: 64 MB on the disk beside the database, reached every
/// few seconds at full load.
pub(super) const LONGEST_LOG: u32 = 16_000;

/// From one copying to the next: long enough that a page which many acts change, as the end of the audit log, is copied
/// once for all of them, and that the disk's work for it is a small part of the time.
const BETWEEN: Duration = Duration::from_secs(2);

/// From one copying to the next when the log is about to be at its longest. The writer copies, and waits for the disk with
/// everybody behind it, what was written since the last: that is no more than within this time.
const BEFORE_THE_WRITER: Duration = Duration::from_millis(50);

/// So many times it copies at once until all is in the file. Only who copies the last page has SQLite wait for the disk to
/// write the file; where somebody commits during each copying, that would be the writer. Each turn finds less to copy, so one of a few
/// gets to the end.
const AT_ONCE: usize = 8;

/// Who copies, until this is dropped. Without writes it sleeps.
#[derive(Debug)]
pub(super) struct Checkpoints(JoinHandle<()>);

impl Checkpoints {
    /// Starts to copy, some time after each time that it is told of writes.
    pub(super) fn start(readers: Arc<FileReaders>, written: Arc<Notify>) -> Self {
        Self(tokio::spawn(async move {
            let mut pause = BETWEEN;
            let mut before = (Instant::now(), 0);
            loop {
                written.notified().await;
                sleep(pause).await;
                // It copies nothing where a commit does so at this moment. What a disk refuses is told to those who write,
                // and the log keeps it until then.
                let length = readers.with(copy).await.unwrap_or_default();
                let now = Instant::now();
                pause = pause_at(length, before.1, now - before.0);
                before = (now, length);
            }
        }))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How many pages the log has afterwards.
async fn copy(reader: &mut SqliteConnection) -> Result<u32, sqlx::Error> {
    let mut length = 0;
    for _ in 0..AT_ONCE {
        let (_, pages, copied): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
            .fetch_one(&mut *reader)
            .await?;
        // Of a log that somebody else copies SQLite says -1.
        length = u32::try_from(pages).unwrap_or_default();
        if copied == pages {
            break;
        }
    }
    Ok(length)
}

/// How long to wait when the log has this length and had another so long ago: half of the time that it needs to be at its longest
/// if it grows on like that, so that what is left to copy halves with each turn until then.
fn pause_at(length: u32, before: u32, ago: Duration) -> Duration {
    // A shorter one began again from the front.
    let grown = length.checked_sub(before).unwrap_or(length);
    let left = LONGEST_LOG.saturating_sub(length);
    let until_longest = ago.saturating_mul(left).checked_div(grown);
    until_longest.map_or(BETWEEN, |time| (time / 2).clamp(BEFORE_THE_WRITER, BETWEEN))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use edgeward_core::time::UnixTime;
    use tokio::time::{interval, timeout};

    use super::pause_at;
    use crate::{
        custody::tests::Folder,
        domain::{
            audit::{Action, Actor, AuditEntry, Origin},
            storage::Storage,
        },
        store::Store,
    };

    const TEXT: usize = 1_000_000;

    #[test]
    fn what_is_left_to_the_writer_is_what_came_in_a_moment() {
        // Pages now, pages at the last copying, milliseconds since, and the pause in milliseconds.
        let rows = [
            ("nothing was written", 500, 500, 2_000, 2_000),
            ("far from its longest", 1_000, 500, 2_000, 2_000),
            ("half of it in a turn", 8_000, 0, 2_000, 1_000),
            ("a quarter is left", 12_000, 8_000, 1_000, 500),
            ("about to be at its longest", 15_990, 15_000, 200, 50),
            ("beyond it, for somebody reads", 16_100, 16_050, 50, 50),
            ("began again from the front", 1_000, 15_900, 500, 2_000),
        ];
        for (name, length, before, ago, pause) in rows {
            assert_eq!(
                pause_at(length, before, Duration::from_millis(ago)),
                Duration::from_millis(pause),
                "{name}"
            );
        }
    }

    /// Without the task the file keeps its length until it is closed: the log is far from its longest.
    #[tokio::test]
    async fn what_is_written_comes_into_the_file_while_it_is_open() {
        let folder = Folder::new();
        let path = folder.path().join("edgeward.db");
        let store = Store::open(&path).await.unwrap();
        store.migrate_up().await.unwrap();
        let now = UnixTime::from_seconds(1_795_000_000);
        let entry = AuditEntry::done(Action::SignIn, Actor::Issuer, now, &Origin::default());
        let large = entry.with("text", "x".repeat(TEXT));
        store.record(&large).await.unwrap();
        let length = || fs::metadata(&path).unwrap().len();
        let copied = async {
            let mut looks = interval(Duration::from_millis(20));
            while length() < TEXT as u64 {
                looks.tick().await;
            }
        };
        timeout(Duration::from_secs(20), copied).await.unwrap();
        store.close().await;
        let log = fs::metadata(path.with_extension("db-wal"));
        assert!(log.is_err(), "closing leaves no log");
    }
}
