//! What is not counted as it happens but looked up when somebody asks: how many sessions live.

use std::time::{Duration, Instant};

use prometheus_client::{
    metrics::gauge::Gauge,
    registry::{Registry, Unit},
};
use std::sync::atomic::AtomicU64;
use tokio::sync::Mutex;

use super::Fault;
use crate::{App, domain::storage::StorageError};

/// A count reads every live session, so it is made once for all who ask within a minute.
const FRESH: Duration = Duration::from_secs(60);

/// A count that takes longer is given up: the scrape has its own time limit, 10 seconds with Prometheus' defaults.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The sessions that can still be refreshed, and when they were counted. Both are NaN before the first count; an old
/// number keeps its old time, so that a failure shows as age and not as a number that stands still.
#[derive(Debug)]
pub struct Sessions {
    live: Gauge<f64, AtomicU64>,
    counted_at: Gauge<f64, AtomicU64>,
    last: Mutex<Option<Instant>>,
}

impl Default for Sessions {
    fn default() -> Self {
        let unknown = || {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(f64::NAN);
            gauge
        };
        Self {
            live: unknown(),
            counted_at: unknown(),
            last: Mutex::new(None),
        }
    }
}

impl Sessions {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "active_sessions",
            "Sessions that can still be refreshed, counted at most once a minute",
            self.live.clone(),
        );
        registry.register_with_unit(
            "active_sessions_counted_timestamp",
            "When they were counted, since the epoch",
            Unit::Seconds,
            self.counted_at.clone(),
        );
    }

    /// Counts anew if the last count is old. Whoever asks meanwhile waits for that count and makes none of their own.
    pub async fn count(&self, app: &App) {
        let mut last = self.last.lock().await;
        if last.is_some_and(|counted| counted.elapsed() < FRESH) {
            return;
        }
        let now = app.clock.now();
        match tokio::time::timeout(TIMEOUT, app.store.count_live_families(now)).await {
            Ok(Ok(live)) => {
                self.live.set(float(live));
                self.counted_at.set(float(now.seconds()));
                *last = Some(Instant::now());
            }
            Ok(Err(error)) => self.failed(app, &error),
            Err(_) => tracing::warn!("the live sessions could not be counted in time"),
        }
    }

    fn failed(&self, app: &App, error: &StorageError) {
        tracing::warn!(detail = %error, "the live sessions could not be counted");
        app.metrics.failure(Fault::of_storage(error));
    }
}

/// Prometheus keeps every number as a double, exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "the format has no other numbers"
)]
const fn float(number: i64) -> f64 {
    number as f64
}
