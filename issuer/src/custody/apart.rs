//! What is asked of whoever holds keys once, on a thread of its own and within the time limit.
//!
//! An answer is taken up by whoever asked, or it came too late: never both and never neither. Both sides leave their mark on one place, and
//! whoever finds the other's mark acts on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::Duration,
};

use super::SealerError;
use crate::config::Custody;

/// Does it on a thread of its own, within the time limit. What comes later is handed to whoever knows what to do with it.
pub(super) fn apart<T: Send + 'static>(
    settings: &Custody,
    act: impl FnOnce(&Custody) -> Result<T, SealerError> + Send + 'static,
    too_late: impl FnOnce(&Custody, T) + Send + 'static,
) -> Result<T, SealerError> {
    let timeout = settings.timeout;
    let settings = settings.clone();
    let (giver, taker) = hand_over();
    // Whoever hangs keeps this thread and nobody else.
    let started = std::thread::Builder::new()
        .name("custody".to_owned())
        .spawn(move || {
            if let Err(Ok(made)) = giver.give(act(&settings)) {
                too_late(&settings, made);
            }
        });
    started.map_err(|error| SealerError::Unreachable(error.to_string()))?;
    taker.wait(timeout).unwrap_or_else(Err)
}

fn hand_over<T>() -> (Giver<T>, Taker<T>) {
    let (answer, answered) = mpsc::channel();
    let is_settled = Arc::new(AtomicBool::new(false));
    let giver = Giver {
        answer,
        is_settled: Arc::clone(&is_settled),
    };
    let taker = Taker {
        answered,
        is_settled,
    };
    (giver, taker)
}

/// Has the answer, in the end.
struct Giver<T> {
    answer: Sender<T>,
    is_settled: Arc<AtomicBool>,
}

impl<T> Giver<T> {
    /// Gives the answer, or has it back because nobody waits any more.
    fn give(self, answer: T) -> Result<(), T> {
        if self.is_settled.swap(true, Ordering::AcqRel) {
            return Err(answer);
        }
        self.answer.send(answer).map_err(|unheard| unheard.0)
    }
}

/// Waits for the answer.
struct Taker<T> {
    answered: Receiver<T>,
    is_settled: Arc<AtomicBool>,
}

impl<T> Taker<T> {
    fn wait(self, timeout: Duration) -> Result<T, SealerError> {
        match self.answered.recv_timeout(timeout) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                let slow = SealerError::Slow(timeout.as_millis());
                self.give_up().ok_or(slow)
            }
            Err(RecvTimeoutError::Disconnected) => Err(SealerError::Lost),
        }
    }

    /// Waits no more; but for an answer that is on its way already, which nobody else would take.
    fn give_up(self) -> Option<T> {
        if self.is_settled.swap(true, Ordering::AcqRel) {
            return self.answered.recv().ok();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn an_answer_is_taken_by_exactly_one_side() {
        let (giver, taker) = hand_over();
        assert_eq!(giver.give(1), Ok(()));
        assert_eq!(taker.give_up(), Some(1), "it came between");
        let (giver, taker) = hand_over();
        assert_eq!(taker.give_up(), None);
        assert_eq!(giver.give(2), Err(2));
        let (giver, taker) = hand_over();
        assert_eq!(giver.give(3), Ok(()));
        assert_eq!(taker.wait(Duration::ZERO), Ok(3));
    }

    /// Between the end of the time and the giving up, in whatever order the two threads come.
    #[test]
    fn what_is_not_taken_comes_back_however_the_two_meet() {
        for round in 0..200 {
            let (giver, taker) = hand_over();
            let gave = std::thread::spawn(move || giver.give(round));
            let took = taker.give_up();
            let came_back = gave.join().unwrap().err();
            assert_eq!(took.or(came_back), Some(round));
            assert!(took.is_none() || came_back.is_none(), "{took:?}");
        }
    }

    #[test]
    fn what_comes_too_late_is_handed_on_and_a_thread_that_is_lost_is_told_so() {
        let mut settings = Config::defaults("data".as_ref()).custody;
        settings.timeout = Duration::from_millis(1);
        let (go_on, waits) = mpsc::channel();
        let (late, handed_on) = mpsc::channel();
        let act = move |_: &Custody| {
            let _ = waits.recv();
            Ok(7)
        };
        let slow = apart(&settings, act, move |_, made| {
            let _ = late.send(made);
        });
        assert_eq!(slow, Err(SealerError::Slow(1)));
        go_on.send(()).unwrap();
        let limit = Duration::from_secs(20);
        assert_eq!(handed_on.recv_timeout(limit), Ok(7));

        settings.timeout = limit;
        let lost: Result<(), _> = apart(&settings, |_| panic!("in the module"), |_, ()| {});
        assert_eq!(lost, Err(SealerError::Lost));
    }
}
