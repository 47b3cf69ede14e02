//! The sessions that ended and the keys that were revoked, as the database of this process has them.
//!
//! Before a good token passes, what was committed since the last time is read: one short query, and one for all who wait for it
//! together, as long as it began after they came. So every mode of a route is kept, `strict` too, without a feed to be fetched. While
//! the database cannot be read, or does not answer in time, `strict` routes refuse and the others go on, as at the edge.

use std::{
    cell::Cell,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use edgeward_core::{
    gate::Decision,
    revocation::{Consulted, Feed, Full, PATIENCE_MILLISECONDS, Page, Revocations},
    time::Moment,
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{error::Elapsed, timeout},
};
use tracing::Instrument;

use super::Judged;
use crate::{
    App, SharedApp,
    domain::{
        revocations::{self, Following},
        storage::StorageError,
    },
    store::stopwatch,
};

/// How long a verdict waits for the database. After that it is given by what is known, as at the edge, and well before
/// [`TIMEOUT`](super::TIMEOUT).
const PATIENCE: Duration = Duration::from_millis(PATIENCE_MILLISECONDS.unsigned_abs());

/// A reading that takes longer is given up: whoever has what it was asked of may have gone without a word, and no other reading begins
/// meanwhile. Less than the lease of the feed.
const READING: Duration = Duration::from_secs(5);

/// When the last reading began that reached the end. Whoever holds it reads.
type ReadAt = Mutex<Option<Instant>>;

/// What this process knows of ended sessions.
#[derive(Debug)]
pub(super) struct Ended {
    feed: RwLock<Feed>,
    read_at: Arc<ReadAt>,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            feed: RwLock::new(Feed::empty()),
            read_at: Arc::default(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the database did not answer in time")]
    TooSlow(#[from] Elapsed),
    #[error("more sessions ended within an hour than can be kept")]
    Full,
}

impl From<Full> for NotRead {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl Ended {
    /// Reads what was committed before `arrived`, unless somebody has since.
    pub(super) async fn catch_up(self: &Arc<Self>, app: &SharedApp, arrived: Instant) {
        let now = Moment::from_milliseconds(app.clock.moment().millis());
        if self.look(|feed| feed.is_settled(now)) {
            return;
        }
        let reading = async {
            let read_at = Arc::clone(&self.read_at).lock_owned().await;
            if read_at.is_some_and(|began| began >= arrived) {
                return;
            }
            let (this, app) = (Arc::clone(self), Arc::clone(app));
            let read = async move { this.read_and_note(&app, read_at).await };
            // On a task of its own, because whoever asks may leave: a reading that nobody ends is taken for one that goes on, and
            // for seconds there is no other.
            let _ = tokio::spawn(stopwatch::taken_along(read).in_current_span()).await;
        };
        let _ = timeout(PATIENCE, reading).await;
    }

    async fn read_and_note(&self, app: &App, mut read_at: OwnedMutexGuard<Option<Instant>>) {
        let now = || Moment::from_milliseconds(app.clock.moment().millis());
        let Some(ticket) = self.change(|feed| feed.claim_anew(now())) else {
            // It failed while this waited, and is left alone for a moment.
            return;
        };
        let began = Instant::now();
        let read = timeout(READING, self.read(app, now())).await;
        match read.map_err(NotRead::from).flatten() {
            Ok(()) => {
                self.change(|feed| feed.ended(&ticket));
                *read_at = Some(began);
            }
            Err(error) => {
                tracing::error!(%error, "ended sessions could not be read: strict routes refuse");
                self.change(|feed| feed.failed(&ticket, now(), 0));
            }
        }
    }

    async fn read(&self, app: &App, now: Moment) -> Result<(), NotRead> {
        loop {
            let from = self.look(Feed::asks_from);
            let Following {
                after,
                last,
                more,
                found,
            } = revocations::following(&app.store, from, now.time()).await?;
            let entries = found
                .into_iter()
                .map(|ended| (ended.kind, ended.id, ended.at))
                .collect();
            let page = Page::of_the_issuer_itself((after, last), entries);
            self.change(|feed| feed.page(&page, now))?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Hands what is known to a decision, as the last word on it; answers also whether the decision depended on it.
    pub(super) fn with(
        &self,
        now: Moment,
        decide: impl FnOnce(Revocations<'_>) -> Decision,
    ) -> (Judged, bool) {
        let consulted: Cell<Option<Consulted>> = Cell::new(None);
        let decision = self.look(|feed| decide(Revocations::new(feed, now, true, &consulted)));
        let consulted = consulted.get();
        let judged = Judged {
            decision,
            is_unconfirmed: consulted.is_some_and(|seen| !seen.was_current),
        };
        (judged, consulted.is_some())
    }

    fn look<T>(&self, look: impl FnOnce(&Feed) -> T) -> T {
        look(&self.feed.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Feed) -> T) -> T {
        change(&mut self.feed.write().unwrap_or_else(PoisonError::into_inner))
    }
}
