//! Accesses to key-encryption keys, written down by whoever ends after it: a process that stops, or a command. There is no next time, so
//! what a busy store does not take is tried again for a while.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    custody::{Access, Secrets},
    domain::{
        custody_log::{self, AccessLog},
        storage::StorageError,
    },
};

/// So long it is tried again where a store is busy, and a try may take as long once more: with the running requests it is less than a
/// supervisor's patience.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// And so long it waits between two tries.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// [`custody_log::write`], tried again.
///
/// # Errors
/// When the store fails to the last. What it did not take is in the log lines only.
pub async fn drain(store: &impl AccessLog, secrets: &Secrets) -> Result<(), StorageError> {
    until_taken(|| custody_log::write(store, secrets)).await
}

/// [`custody_log::append`], tried again.
///
/// # Errors
/// As [`drain`].
pub async fn append(store: &impl AccessLog, access: &Access) -> Result<(), StorageError> {
    until_taken(|| custody_log::append(store, access)).await
}

async fn until_taken<F: Future<Output = Result<(), StorageError>>>(
    act: impl Fn() -> F,
) -> Result<(), StorageError> {
    let until = Instant::now() + DRAIN_WITHIN;
    loop {
        match act().await {
            Err(StorageError::Busy(_) | StorageError::Unwritable(_)) if Instant::now() < until => {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            written => return written,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{
        custody::tests::Folder,
        domain::custody_log::tests::{Log, access, secrets},
    };

    #[tokio::test(start_paused = true)]
    async fn whoever_ends_tries_again_and_not_for_ever() {
        let folder = Folder::new();
        let (log, secrets) = (Log::default(), secrets(&folder, &["a"]));
        log.busy.store(3, Ordering::SeqCst);
        drain(&log, &secrets).await.unwrap();
        append(&log, &access("b")).await.unwrap();
        assert_eq!(*log.taken.lock().unwrap(), ["key:a", "key:b"]);
        log.busy.store(usize::MAX - 1, Ordering::SeqCst);
        assert!(append(&log, &access("c")).await.is_err());
    }
}
