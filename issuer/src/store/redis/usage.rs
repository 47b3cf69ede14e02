//! What Redis was asked for, and how often that failed.

use std::sync::atomic::{AtomicU64, Ordering};

/// For what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Counting together.
    Limits,
    /// Whose turn it is to refresh.
    Mutex,
    /// Word that a session has ended.
    News,
}

/// Numbers since the start.
#[derive(Debug, Default)]
pub struct Usage([Numbers; 3]);

#[derive(Debug, Default)]
struct Numbers {
    answers: AtomicU64,
    errors: AtomicU64,
    fallbacks: AtomicU64,
}

impl Usage {
    fn of(&self, what: Use) -> &Numbers {
        let [limits, mutex, news] = &self.0;
        match what {
            Use::Limits => limits,
            Use::Mutex => mutex,
            Use::News => news,
        }
    }

    pub(super) fn answered(&self, what: Use) {
        self.of(what).answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, what: Use) {
        self.of(what).errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn went_without(&self, what: Use) {
        self.of(what).fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// Questions that Redis answered.
    #[must_use]
    pub fn answers(&self, what: Use) -> u64 {
        self.of(what).answers.load(Ordering::Relaxed)
    }

    /// Questions that failed or were not answered in time.
    #[must_use]
    pub fn errors(&self, what: Use) -> u64 {
        self.of(what).errors.load(Ordering::Relaxed)
    }

    /// What was done without Redis although it is configured, with an error or because it was left alone.
    #[must_use]
    pub fn fallbacks(&self, what: Use) -> u64 {
        self.of(what).fallbacks.load(Ordering::Relaxed)
    }
}
