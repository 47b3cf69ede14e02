//! The moment at which a request is judged.
//!
//! In a release it is the runtime's clock and nothing else. The feature `test-clock` lets a test say the time of one request
//! and hands it on to the issuer, so that a story of twelve hours needs none, and lets it stop the clock, so that a story of a
//! panic has one; no release artefact contains it. Besides, it is patient with a slow cache (`keys::cache`).

use edgeward_core::time::{Moment, UnixTime};

use super::platform;

/// The header with which a test says the time.
#[cfg(feature = "test-clock")]
pub(super) const TEST_CLOCK_HEADER: &str = "edgeward-test-clock";

/// What a test says for a time, to see what a panic does.
#[cfg(feature = "test-clock")]
const PANIC: &str = "panic";

/// The moment, asked once per request.
#[cfg(not(feature = "test-clock"))]
pub(super) fn moment(_headers: &[(String, String)]) -> Moment {
    platform::moment()
}

/// The moment: what a test says, otherwise the runtime's clock.
#[cfg(feature = "test-clock")]
pub(super) fn moment(headers: &[(String, String)]) -> Moment {
    let said = headers
        .iter()
        .find(|(name, _)| name == TEST_CLOCK_HEADER)
        .map(|(_, value)| value.as_str());
    assert!(said != Some(PANIC), "a test wants a panic");
    let said = said.and_then(|seconds| seconds.parse().ok());
    said.map_or_else(platform::moment, |seconds| {
        UnixTime::from_seconds(seconds).into()
    })
}

/// What the issuer is told about the time: nothing.
#[cfg(not(feature = "test-clock"))]
pub(super) const fn for_issuer(_now: UnixTime) -> Option<(&'static str, String)> {
    None
}

/// What the issuer is told about the time: the moment of this request.
#[cfg(feature = "test-clock")]
pub(super) fn for_issuer(now: UnixTime) -> Option<(&'static str, String)> {
    Some((TEST_CLOCK_HEADER, now.seconds().to_string()))
}
