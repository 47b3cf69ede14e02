//! More time than is given outside of tests, where a busy machine could be taken for what is tried.

use edgeward_issuer::{config::Config, domain::lockout::Turns};

/// Past the time in which a spent token is told to wait under [`wait_long`], and not past the grace.
pub(crate) const PAST_A_LONG_WAIT: i64 = 12;

/// Lets a spent token be told to wait for so long that the next request comes in time.
pub(crate) fn wait_long(config: &mut Config) {
    config.refresh.conflict_seconds = 10;
}

/// In which an attempt waits for others for a minute.
pub(crate) fn turns() -> Turns {
    Turns::of_rounds(240)
}
