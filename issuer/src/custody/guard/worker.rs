//! A thread of its own for whoever holds keys, a time limit for each answer, and a breaker for whoever does not give any.

use std::{
    io,
    sync::{
        Mutex,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{breaker::Breaker, cache::Cache, open};
use crate::custody::SealerError;

/// What was made or opened: bytes that may be a secret.
pub(super) type Answer = Result<Zeroizing<Vec<u8>>, SealerError>;

type Ask<P> = Box<dyn FnOnce(&P) -> Answer + Send>;

/// Asks a part on its thread. The part never leaves that thread and ends on it.
pub(super) struct Worker<P: ?Sized> {
    timeout: Duration,
    questions: Sender<(Ask<P>, Sender<Answer>)>,
    breaker: Mutex<Breaker>,
}

impl<P: ?Sized + Send + 'static> Worker<P> {
    /// Starts the thread. The part is asked for nothing yet. The thread also wipes what is over in the cache.
    pub(super) fn start(
        part: Box<P>,
        timeout: Duration,
        cache: std::sync::Arc<Mutex<Cache>>,
    ) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel();
        thread::Builder::new()
            .name("custody".to_owned())
            .spawn(move || serve(&*part, &asked, &cache))?;
        Ok(Self {
            timeout,
            questions,
            breaker: Mutex::new(Breaker::new()),
        })
    }

    pub(super) fn ask(&self, ask: impl FnOnce(&P) -> Answer + Send + 'static) -> Answer {
        open(&self.breaker).judge(Instant::now())?;
        let (answer, answered) = mpsc::channel();
        let outcome = match self.questions.send((Box::new(ask), answer)) {
            Ok(()) => match answered.recv_timeout(self.timeout) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => Err(SealerError::Slow(self.timeout.as_millis())),
                Err(RecvTimeoutError::Disconnected) => Err(ended()),
            },
            Err(_) => Err(ended()),
        };
        open(&self.breaker).note(Instant::now(), outcome.as_ref().err());
        outcome
    }

    /// Why it did not do its work the last time it was asked, if it did not.
    pub(super) fn failure(&self) -> Option<SealerError> {
        open(&self.breaker).failure().cloned()
    }
}

fn ended() -> SealerError {
    SealerError::Unreachable("its thread has ended".to_owned())
}

/// Answers until nobody can ask any more, and wipes data keys whose time is over.
fn serve<P: ?Sized>(part: &P, asked: &Receiver<(Ask<P>, Sender<Answer>)>, cache: &Mutex<Cache>) {
    loop {
        let next_end = open(cache).next_end();
        let question = match next_end {
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(end) => asked.recv_timeout(end.saturating_duration_since(Instant::now())),
        };
        match question {
            // Who asked may have given up.
            Ok((ask, answer)) => drop(answer.send(ask(part))),
            Err(RecvTimeoutError::Timeout) => open(cache).end(Instant::now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
