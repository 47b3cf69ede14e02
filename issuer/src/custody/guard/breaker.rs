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
    /// How many rests there have been.
    rests: u64,
}

/// Leave to ask once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// How many rests there had been then.
    rests: u64,
    /// Whether it is the one question after a rest, by which the part is tried.
    pub(super) is_trial: bool,
}

impl Breaker {
    pub(super) const fn new() -> Self {
        Self {
            rest: FIRST_REST,
            resting: None,
            rests: 0,
        }
    }

    /// Whether it may be asked.
    pub(super) fn judge(&mut self, now: Instant) -> Result<Turn, SealerError> {
        let is_trial = match &mut self.resting {
            Some((until, cause)) if now < *until => {
                return Err(SealerError::Resting {
                    seconds: (*until - now).as_secs().max(1),
                    cause: cause.to_string(),
                });
            }
            // After the rest one question goes through; how it ends decides on the next, and the others rest meanwhile.
            Some((until, _)) => {
                *until = now + self.rest;
                true
            }
            None => false,
        };
        let rests = self.rests;
        Ok(Turn { rests, is_trial })
    }

    /// Takes what came of a question. Of many that were on their way together, the first failure begins the rest, and the
    /// others say nothing more.
    pub(super) fn note(&mut self, turn: Turn, now: Instant, failure: Option<&SealerError>) {
        let tripped = failure.filter(|failure| is_outage(failure));
        let Some(failure) = tripped else {
            self.rest = FIRST_REST;
            self.resting = None;
            return;
        };
        if turn.rests != self.rests {
            return;
        }
        self.resting = Some((now + self.rest, failure.clone()));
        self.rest = (self.rest * 2).min(LONGEST_REST);
        self.rests += 1;
    }

    /// The failure that has not been followed by a success.
    pub(super) fn failure(&self) -> Option<&SealerError> {
        self.resting.as_ref().map(|(_, failure)| failure)
    }
}

/// Whether a failure is of the part and not of the question.
const fn is_outage(failure: &SealerError) -> bool {
    match failure {
        SealerError::Unreachable(_)
        | SealerError::Slow(_)
        | SealerError::Lost
        | SealerError::Refused(_) => true,
        SealerError::DoesNotOpen
        | SealerError::NoRandomness
        | SealerError::NoKey(_)
        | SealerError::Resting { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn turn(breaker: &mut Breaker, now: Instant) -> Turn {
        breaker.judge(now).expect("it may be asked")
    }

    #[test]
    fn a_failure_rests_longer_each_time_and_a_success_forgets_it() {
        let start = Instant::now();
        let mut breaker = Breaker::new();
        let mut now = start;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let asked = turn(&mut breaker, now);
            breaker.note(asked, now, Some(&SealerError::Slow(5)));
            let last = now + Duration::from_secs(seconds) - Duration::from_millis(1);
            assert!(matches!(
                breaker.judge(last),
                Err(SealerError::Resting { cause, .. }) if cause == "gave no answer within 5 ms"
            ));
            now += Duration::from_secs(seconds);
        }
        assert_eq!(breaker.failure(), Some(&SealerError::Slow(5)));
        let asked = turn(&mut breaker, now);
        breaker.note(asked, now, None);
        assert_eq!(breaker.failure(), None);
        let asked = turn(&mut breaker, now);
        breaker.note(asked, now, Some(&SealerError::Unreachable(String::new())));
        let after = breaker.judge(now + Duration::from_secs(1));
        assert!(after.is_ok(), "it begins anew");
    }

    #[test]
    fn failures_of_questions_that_were_on_their_way_together_are_one() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        let together = [0; 7].map(|_| turn(&mut breaker, now));
        for asked in together {
            breaker.note(asked, now, Some(&SealerError::Slow(5)));
        }
        let after = now + FIRST_REST;
        let asked = turn(&mut breaker, after);
        assert!(asked.is_trial);
        // Who was on the way before the rest says nothing of the trial.
        breaker.note(together[0], after, Some(&SealerError::Slow(5)));
        assert!(breaker.judge(after).is_err(), "one goes through");
        breaker.note(asked, after, None);
        assert!(!turn(&mut breaker, after).is_trial);
    }

    #[test]
    fn a_trial_of_which_nothing_is_heard_keeps_nobody_out_for_good() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        let asked = turn(&mut breaker, now);
        breaker.note(asked, now, Some(&SealerError::Slow(5)));
        let after = now + FIRST_REST;
        assert!(turn(&mut breaker, after).is_trial);
        assert!(breaker.judge(after).is_err());
        assert!(turn(&mut breaker, after + 2 * FIRST_REST).is_trial);
    }

    #[test]
    fn an_answer_that_is_no_is_an_answer() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for failure in [SealerError::DoesNotOpen, SealerError::NoKey(String::new())] {
            let asked = turn(&mut breaker, now);
            breaker.note(asked, now, Some(&failure));
            assert!(breaker.judge(now).is_ok(), "{failure}");
        }
    }
}
