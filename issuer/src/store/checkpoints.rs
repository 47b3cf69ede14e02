//! Brings the pages of SQLite's log into the file, beside the writing.
//!
//! SQLite's own way is that the commit which makes the log 1,000 pages long also copies them and waits twice for the disk,
//! and everybody behind it waits too. The more families there are, the more pages a second of rotations touches, so those
//! waits would grow with the database. Here one task copies, on a connection that else only reads, while the writer goes
//! on. Under load it never finds the log at rest, and only a log that was copied to its end begins again from the front:
//! that last step is left to the writer, at [`LONGEST_LOG`], when little is left to copy.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle, time::sleep};

use super::readers::FileReaders;

/// How many pages the log has until a commit copies the rest itself: 64 MB on the disk beside the database, reached every
/// few seconds at full load.
pub(super) const LONGEST_LOG: u32 = 16_000;

/// From one copying to the next: long enough that a page which many acts change, as the end of the audit log, is copied
/// once for all of them, and that the disk's work for it is a small part of the time; short enough that little is left for
/// the writer.
const BETWEEN: Duration = Duration::from_secs(2);

/// Who copies, until this is dropped. Without writes it sleeps.
#[derive(Debug)]
pub(super) struct Checkpoints(JoinHandle<()>);

impl Checkpoints {
    /// Starts to copy, some time after each time that it is told of writes.
    pub(super) fn start(readers: Arc<FileReaders>, written: Arc<Notify>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                written.notified().await;
                sleep(BETWEEN).await;
                // It copies nothing where a commit does so at this moment. What a disk refuses is told to those who write,
                // and the log keeps it until then.
                let _ = readers
                    .with(async |connection| {
                        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                            .execute(connection)
                            .await
                    })
                    .await;
            }
        }))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use edgeward_core::time::UnixTime;
    use tokio::time::{interval, timeout};

    use crate::{
        custody::tests::Folder,
        domain::{
            audit::{Action, Actor, AuditEntry, Origin},
            storage::Storage,
        },
        store::Store,
    };

    const TEXT: usize = 1_000_000;

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
