//! The issuer's only ambient clock for decisions. Everything below `http` and `cli` takes `now` as an argument.

#[cfg(feature = "test-clock")]
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use edgeward_core::time::UnixTime;

use crate::domain::moment::Moment;

/// By how much a test has stepped the clock of this process.
#[cfg(feature = "test-clock")]
static STEP_MILLIS: AtomicI64 = AtomicI64::new(0);

/// Tells the time of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The present moment, in whole seconds.
    ///
    /// A machine whose clock stands before 1970 reads as the epoch: every token is then unexpired but not yet valid,
    /// so verification refuses.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.moment().time()
    }

    /// The present moment, in milliseconds.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    pub fn moment(&self) -> Moment {
        let millis = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| {
                i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
            });
        #[cfg(feature = "fault-points")]
        let millis = millis.saturating_add(crate::faults::clock_step_millis());
        #[cfg(feature = "test-clock")]
        let millis = millis.saturating_add(STEP_MILLIS.load(Ordering::Relaxed));
        Moment::from_millis(millis)
    }

    /// Steps the clock of this process, so that what the issuer does by itself goes by the time of a test as well.
    #[cfg(feature = "test-clock")]
    pub(crate) fn step_to(&self, at: Moment) {
        let by = at.millis().saturating_sub(self.moment().millis());
        STEP_MILLIS.fetch_add(by, Ordering::Relaxed);
    }
}
