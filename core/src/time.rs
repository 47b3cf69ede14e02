//! Points in time, as arguments.
//!
//! Nothing in this crate reads a clock: whoever calls passes `now`. This module knows no calendar and no time zone.

use core::fmt;

use serde::{Deserialize, Serialize};

/// How far two honest clocks may lie apart, in seconds.
///
/// Everything that depends on clock skew uses this one number. If the edge allowed more than the issuer assumes, a
/// revoked session would stay open at the edge after the issuer had already forgotten its revocation.
pub const LEEWAY_SECONDS: i64 = 60;

/// Whole seconds since 1970-01-01T00:00:00Z, ignoring leap seconds (the `NumericDate` of RFC 7519 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The moment `seconds` after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The moment `seconds` later (earlier if negative). Stops at the ends of the range instead of wrapping, because
    /// a wrapped expiry would lie in the past or never come.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to `self`; negative if `earlier` is in truth later. Saturating.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, for what is younger than a second or not. Nothing in a token is that exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// The moment `milliseconds` after the epoch.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// The second in which it lies.
    #[must_use]
    pub const fn time(self) -> UnixTime {
        UnixTime(self.0.div_euclid(1000))
    }

    /// The moment `milliseconds` later (earlier if negative). Saturating.
    #[must_use]
    pub const fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to `self`; negative if `earlier` is in truth later. Saturating.
    #[must_use]
    pub const fn milliseconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<UnixTime> for Moment {
    fn from(time: UnixTime) -> Self {
        Self(time.0.saturating_mul(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let last = UnixTime::from_seconds(i64::MAX);
        let first = UnixTime::from_seconds(i64::MIN);
        assert_eq!(last.plus(1), last);
        assert_eq!(first.plus(-1), first);
        assert_eq!(last.seconds_since(first), i64::MAX);
        assert_eq!(
            UnixTime::from_seconds(7)
                .plus(-2)
                .seconds_since(UnixTime::from_seconds(10)),
            -5
        );
    }

    #[test]
    fn a_moment_lies_in_the_second_that_has_begun() {
        for (milliseconds, seconds) in [(0, 0), (999, 0), (1000, 1), (-1, -1), (-1000, -1)] {
            let moment = Moment::from_milliseconds(milliseconds);
            assert_eq!(
                moment.time(),
                UnixTime::from_seconds(seconds),
                "{milliseconds}"
            );
        }
        let second = Moment::from(UnixTime::from_seconds(7));
        assert_eq!(second.plus(250).milliseconds_since(second), 250);
        assert_eq!(
            Moment::from(UnixTime::from_seconds(i64::MAX)).plus(1).0,
            i64::MAX
        );
    }

    #[test]
    fn is_a_plain_number_in_json() {
        let time = UnixTime::from_seconds(1_700_000_000);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1700000000");
        assert_eq!(
            serde_json::from_str::<UnixTime>("1700000000").unwrap(),
            time
        );
    }
}
