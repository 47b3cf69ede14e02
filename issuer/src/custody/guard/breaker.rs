//! When somebody who failed is asked again. Pure: the present moment is an argument.

use std::time::{Duration, Instant};

use crate::custody::SealerError;

/// How long the first failure keeps others from asking: longer than a person's second try, shorter than a restart.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest rest. An operator who has repaired something waits no longer than this, and no device is asked more often
/// while it is broken.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Keeps a failure from being asked for again and again: each question of a broken part costs its whole time limit.
#[derive(Debug)]
pub(super) struct Breaker {
    rest: Duration,
    resting: Option<(Instant, SealerError)>,
}

impl Breaker {
    pub(super) const fn new() -> Self {
        Self {
            rest: FIRST_REST,
            resting: None,
        }
    }

    /// Whether it may be asked.
    pub(super) fn judge(&self, now: Instant) -> Result<(), SealerError> {
        match &self.resting {
            Some((until, cause)) if now < *until => Err(SealerError::Resting {
                seconds: (*until - now).as_secs().max(1),
                cause: cause.to_string(),
            }),
            // After the rest one question goes through; how it ends decides on the next.
            Some(_) | None => Ok(()),
        }
    }

    /// Takes what came of a question.
    pub(super) fn note(&mut self, now: Instant, failure: Option<&SealerError>) {
        let tripped = failure.filter(|failure| is_outage(failure));
        let Some(failure) = tripped else {
            *self = Self::new();
            return;
        };
        self.resting = Some((now + self.rest, failure.clone()));
        self.rest = (self.rest * 2).min(LONGEST_REST);
    }

    /// The failure that has not been followed by a success.
    pub(super) fn failure(&self) -> Option<&SealerError> {
        self.resting.as_ref().map(|(_, failure)| failure)
    }
}

/// Whether a failure is of the part and not of the question.
const fn is_outage(failure: &SealerError) -> bool {
    match failure {
        SealerError::Unreachable(_) | SealerError::Slow(_) | SealerError::Refused(_) => true,
        SealerError::DoesNotOpen
        | SealerError::NoRandomness
        | SealerError::NoKey(_)
        | SealerError::Resting { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_rests_longer_each_time_and_a_success_forgets_it() {
        let start = Instant::now();
        let mut breaker = Breaker::new();
        let mut now = start;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(breaker.judge(now), Ok(()));
            breaker.note(now, Some(&SealerError::Slow(5)));
            let last = now + Duration::from_secs(seconds) - Duration::from_millis(1);
            assert!(matches!(
                breaker.judge(last),
                Err(SealerError::Resting { cause, .. }) if cause == "gave no answer within 5 ms"
            ));
            now += Duration::from_secs(seconds);
        }
        assert_eq!(breaker.failure(), Some(&SealerError::Slow(5)));
        breaker.note(now, None);
        assert_eq!((breaker.judge(now), breaker.failure()), (Ok(()), None));
        breaker.note(now, Some(&SealerError::Unreachable(String::new())));
        assert_eq!(
            breaker.judge(now + Duration::from_secs(1)),
            Ok(()),
            "it begins anew"
        );
    }

    #[test]
    fn an_answer_that_is_no_is_an_answer() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for failure in [SealerError::DoesNotOpen, SealerError::NoKey(String::new())] {
            breaker.note(now, Some(&failure));
            assert_eq!(breaker.judge(now), Ok(()), "{failure}");
        }
    }
}
