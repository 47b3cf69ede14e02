//! Word that a session has ended: who keeps a page of the feed throws it away.
//!
//! A word says that there is something new and never what: who hears it asks the database. So one that is lost makes a
//! page older by its greatest age, and one that somebody invents costs a question.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use edgeward_core::revocation::ISSUER_HOLDS_MILLISECONDS;
use tokio::sync::watch;

/// What a page says is this old at most where nobody tells what other processes do, the command line among them.
const AGE_ALONE: Duration = Duration::from_millis(100);

/// And where they tell each other: a word can be lost, and the command line gives none. Edges count on it.
const AGE_TOGETHER: Duration = Duration::from_millis(ISSUER_HOLDS_MILLISECONDS.unsigned_abs());

/// What is told about ended sessions, in this process and between several.
#[derive(Debug, Default)]
pub struct News {
    version: AtomicU64,
    told: watch::Sender<()>,
    together: AtomicBool,
}

impl News {
    /// A transaction of this process ended sessions.
    pub fn tell(&self) {
        self.hear();
        self.told.send_replace(());
    }

    /// Another process says so, or may have said so while nobody listened.
    pub fn hear(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether other processes can be heard at the moment. Whoever begins to listen may have missed something.
    pub fn listen(&self, together: bool) {
        self.together.store(together, Ordering::Release);
        self.hear();
    }

    /// Changes with each word. Read before the database is asked, it belongs to what the database then says.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// How old a page may be.
    #[must_use]
    pub fn page_age(&self) -> Duration {
        if self.together.load(Ordering::Acquire) {
            AGE_TOGETHER
        } else {
            AGE_ALONE
        }
    }

    /// For who passes on what this process tells.
    #[must_use]
    pub fn told(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }
}
