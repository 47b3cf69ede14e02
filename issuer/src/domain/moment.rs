//! Moments to the millisecond, for the few decisions in which the width of a second matters.

use edgeward_core::time::UnixTime;

const MILLIS: i64 = 1000;

/// Milliseconds since 1970-01-01T00:00:00Z, ignoring leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The moment `millis` after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The beginning of a second.
    #[must_use]
    pub const fn from_time(time: UnixTime) -> Self {
        Self(time.seconds().saturating_mul(MILLIS))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The second it lies in.
    #[must_use]
    pub const fn time(self) -> UnixTime {
        UnixTime::from_seconds(self.0.div_euclid(MILLIS))
    }

    /// Milliseconds from `earlier` to `self`; negative if `earlier` is in truth later. Saturating.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_in_its_second_on_both_sides_of_the_epoch() {
        for (millis, seconds) in [(0, 0), (999, 0), (1000, 1), (-1, -1), (-1000, -1)] {
            assert_eq!(
                Moment::from_millis(millis).time(),
                UnixTime::from_seconds(seconds)
            );
        }
        let last = Moment::from_time(UnixTime::from_seconds(i64::MAX));
        assert_eq!(last.millis(), i64::MAX);
        assert_eq!(last.millis_since(Moment::from_millis(-1)), i64::MAX);
    }
}
