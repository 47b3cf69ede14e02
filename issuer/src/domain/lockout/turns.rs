//! Waiting for other attempts at the same counter, so that honest sign-ins that come at once are not taken for guesses.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::CounterKey;

/// How often an attempt asks again while others are under way: those of this process wake it, those of another are found
/// by asking.
const ROUND: Duration = Duration::from_millis(250);

/// So many rounds, five seconds, are far longer than a hash takes with its wait for a place; then the machine is busy.
const ROUNDS_MAX: u32 = 20;

/// So many wait in all; a waiting one holds a connection and some KiB. As many as wait for a hash on 16 cores.
const WAITING_MAX: usize = 256;

/// Who waits for which counter in this process.
#[derive(Debug)]
pub struct Turns {
    waited_for: Arc<Mutex<HashMap<CounterKey, Waited>>>,
    rounds: u32,
}

impl Default for Turns {
    fn default() -> Self {
        Self::of_rounds(ROUNDS_MAX)
    }
}

#[derive(Debug, Default)]
struct Waited {
    settled: Arc<Notify>,
    waiting: usize,
}

/// A place among those who wait, given back by dropping.
#[derive(Debug)]
pub(super) struct Turn {
    waited_for: Arc<Mutex<HashMap<CounterKey, Waited>>>,
    key: CounterKey,
    settled: Arc<Notify>,
}

impl Turns {
    /// In which an attempt asks so often before it is told that the machine is busy.
    #[must_use]
    pub fn of_rounds(rounds: u32) -> Self {
        Self {
            waited_for: Arc::default(),
            rounds,
        }
    }

    pub(super) const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Takes a place to wait for one counter; `None` when too many wait.
    pub(super) fn join(&self, key: CounterKey) -> Option<Turn> {
        let mut all = lock(&self.waited_for);
        let waiting: usize = all.values().map(|one| one.waiting).sum();
        if waiting >= WAITING_MAX {
            return None;
        }
        let one = all.entry(key).or_default();
        one.waiting = one.waiting.saturating_add(1);
        Some(Turn {
            waited_for: Arc::clone(&self.waited_for),
            key,
            settled: Arc::clone(&one.settled),
        })
    }

    /// Says that an attempt at a counter is settled.
    pub(super) fn settled(&self, key: &CounterKey) {
        if let Some(one) = lock(&self.waited_for).get(key) {
            one.settled.notify_waiters();
        }
    }
}

impl Turn {
    /// Runs `ask`, and if it answers `None` waits until an attempt is settled, at most for one round.
    pub(super) async fn ask_then_wait<T, E>(
        &self,
        ask: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Option<T>, E> {
        let settled = self.settled.notified();
        tokio::pin!(settled);
        // From here on a settlement counts, also one that comes while the database is asked.
        settled.as_mut().enable();
        let answer = ask.await?;
        if answer.is_none() {
            // Either way the next round asks the database, which knows.
            let _ = tokio::time::timeout(ROUND, settled).await;
        }
        Ok(answer)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = lock(&self.waited_for);
        if let Some(one) = all.get_mut(&self.key) {
            one.waiting = one.waiting.saturating_sub(1);
            if one.waiting == 0 {
                all.remove(&self.key);
            }
        }
    }
}

/// The map holds nothing that a panic could leave half-done.
fn lock(
    all: &Mutex<HashMap<CounterKey, Waited>>,
) -> std::sync::MutexGuard<'_, HashMap<CounterKey, Waited>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}
