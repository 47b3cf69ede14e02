//! How long a request waited for the database, all its statements together: for a connection, a lock, an answer and the disk.
//!
//! Each place that waits adds to what is counted for the task that it runs in. Work that a request hands to another task takes the
//! count along by [`taken_along`]; what no request asked for, as the clean-up does, is counted nowhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Nanoseconds, and whether the database was asked at all is whether there are any.
#[derive(Debug, Clone, Default)]
struct Waited(Arc<AtomicU64>);

tokio::task_local! {
    static WAITED: Waited;
}

/// Does this and answers how long it waited for the database; `None` if it did not ask it.
pub async fn around<F: Future>(work: F) -> (F::Output, Option<Duration>) {
    let waited = Waited::default();
    let done = WAITED.scope(waited.clone(), work).await;
    let nanos = waited.0.load(Ordering::Relaxed);
    (done, (nanos > 0).then(|| Duration::from_nanos(nanos)))
}

/// The same work, for another task of the same request.
pub fn taken_along<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let waited = WAITED.try_with(Waited::clone).unwrap_or_default();
    WAITED.scope(waited, work)
}

/// Waits for the database. Nothing that waits here may wait here again within, or it would count twice.
pub(super) async fn wait<F: Future>(work: F) -> F::Output {
    let started = Instant::now();
    let done = work.await;
    // At least one, so that it shows that the database was asked.
    let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    // Outside of any request there is nothing to add it to.
    let _ = WAITED.try_with(|waited| waited.0.fetch_add(nanos.max(1), Ordering::Relaxed));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_request_waits_for_in_any_of_its_tasks_is_its_own() {
        let (_, waited) = around(async {}).await;
        assert_eq!(waited, None, "it did not ask");
        wait(async {}).await;
        let (inner, outer) = around(async {
            let one = wait(std::future::ready(1)).await;
            let other = tokio::spawn(taken_along(async {
                wait(async { std::thread::yield_now() }).await;
                WAITED.with(|waited| waited.0.load(Ordering::Relaxed))
            }));
            let own = WAITED.with(Waited::clone);
            let of_both = other.await.unwrap();
            assert_eq!(
                own.0.load(Ordering::Relaxed),
                of_both,
                "they count together"
            );
            (one, of_both)
        })
        .await;
        assert_eq!(inner.0, 1);
        assert_eq!(outer, Some(Duration::from_nanos(inner.1)));
        // A task that nothing was taken along to belongs to no request.
        let (_, waited) = around(async {
            tokio::spawn(wait(async {})).await.unwrap();
        })
        .await;
        assert_eq!(waited, None);
    }
}
