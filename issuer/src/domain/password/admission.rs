//! How many hashes are at work at once, and who waits. A hash takes its memory only while it is at work, so a storm of
//! sign-ins takes as much memory as there are cores, and not as many as come.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::Semaphore;

use super::HashError;

/// When who found the queue full should come back: when all who wait now have been served.
pub const RETRY_AFTER_SECONDS: u64 = 1;

/// What hashing has done and is doing; for metrics and for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCounts {
    /// At work.
    pub running: usize,
    /// At work at once, at most so far.
    pub running_peak: usize,
    /// Waiting for a place.
    pub waiting: usize,
    /// Done, whatever came of them.
    pub done: u64,
    /// Turned away because the queue was full.
    pub refused: u64,
}

/// Places for work, and places to wait for them.
#[derive(Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    inside_max: usize,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    inside: AtomicUsize,
    running: AtomicUsize,
    running_peak: AtomicUsize,
    done: AtomicU64,
    refused: AtomicU64,
}

impl Admission {
    pub(super) fn new(places: usize, waiting_max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            inside_max: places.saturating_add(waiting_max),
            counts: Arc::default(),
        }
    }

    pub(super) fn counts(&self) -> HashCounts {
        let counts = &self.counts;
        let running = counts.running.load(Ordering::Acquire);
        HashCounts {
            running,
            running_peak: counts.running_peak.load(Ordering::Acquire),
            waiting: counts
                .inside
                .load(Ordering::Acquire)
                .saturating_sub(running),
            done: counts.done.load(Ordering::Acquire),
            refused: counts.refused.load(Ordering::Acquire),
        }
    }

    /// Runs one piece of hashing on a thread that may block, when a place is free.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let inside = Inside::enter(&self.counts, self.inside_max)?;
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Lost)?;
        tokio::task::spawn_blocking(move || {
            // All are given back when the work is done, not when a caller who went away stops waiting for it. The place is given back
            // last, or the next one would be at work before this one is counted as done.
            let _kept = place;
            let _running = Running::begin(&inside.0);
            work()
        })
        .await
        .map_err(|_| HashError::Lost)?
    }
}

/// A place among those who hash and those who wait, given back by dropping.
struct Inside(Arc<Counts>);

impl Inside {
    fn enter(counts: &Arc<Counts>, max: usize) -> Result<Self, HashError> {
        let entered = counts
            .inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < max).then(|| n.saturating_add(1))
            });
        if entered.is_err() {
            counts.refused.fetch_add(1, Ordering::AcqRel);
            return Err(HashError::Overloaded);
        }
        Ok(Self(Arc::clone(counts)))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Running(Arc<Counts>);

impl Running {
    fn begin(counts: &Arc<Counts>) -> Self {
        let running = counts
            .running
            .fetch_add(1, Ordering::AcqRel)
            .saturating_add(1);
        counts.running_peak.fetch_max(running, Ordering::AcqRel);
        Self(Arc::clone(counts))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::AcqRel);
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, sync::mpsc, task::Poll};

    use super::*;

    /// Whether a future is still pending after it was asked once.
    async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending()))
            .await
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_so_and_a_place_comes_back() {
        let admission = Admission::new(1, 1);
        let taken = Arc::clone(&admission.places).acquire_owned().await.unwrap();
        let working = Inside::enter(&admission.counts, admission.inside_max).unwrap();
        {
            let waiting = admission.run(|| Ok(()));
            tokio::pin!(waiting);
            assert!(is_pending(waiting.as_mut()).await, "the second one waits");
            assert_eq!(admission.counts().waiting, 2);
            let third = admission.run(|| Ok(())).await;
            assert!(matches!(third, Err(HashError::Overloaded)), "{third:?}");
        }
        // The one that waited went away; its place is free again.
        assert_eq!(admission.counts().waiting, 1);
        drop((taken, working));
        admission.run(|| Ok(())).await.unwrap();
        let counts = admission.counts();
        assert_eq!((counts.running, counts.waiting), (0, 0));
        assert_eq!((counts.done, counts.refused), (1, 1));
    }

    #[tokio::test]
    async fn of_five_hundred_at_once_no_more_work_than_there_are_places() {
        let admission = Arc::new(Admission::new(3, 60));
        let (let_go, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let storm: Vec<_> = (0..500)
            .map(|_| {
                let (admission, gate) = (Arc::clone(&admission), Arc::clone(&gate));
                tokio::spawn(async move {
                    let work = move || {
                        // Ends when the storm has come, or when its sender is gone.
                        let _ = gate.lock().unwrap().recv();
                        Ok(())
                    };
                    admission.run(work).await.is_ok()
                })
            })
            .collect();
        while admission.counts().refused < 500 - 63 || admission.counts().running < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(admission.counts().waiting + admission.counts().running, 63);
        drop(let_go);
        let mut served = 0;
        for one in storm {
            served += usize::from(one.await.unwrap());
        }
        let counts = admission.counts();
        assert_eq!((served, counts.done, counts.refused), (63, 63, 437));
        assert_eq!(counts.running_peak, 3);
        assert_eq!((counts.running, counts.waiting), (0, 0));
    }
}
