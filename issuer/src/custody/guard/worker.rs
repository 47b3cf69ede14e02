//! A thread of its own for whoever holds keys, a time limit for each answer, and a breaker for whoever does not give any.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::{breaker::Breaker, cache::Cache, open};
use crate::custody::SealerError;

/// What was made or opened: bytes that may be a secret.
pub(super) type Answer = Result<Zeroizing<Vec<u8>>, SealerError>;

type Ask<P> = Box<dyn FnOnce(&P) -> Answer + Send>;

/// One question on its way to the thread.
struct Question<P: ?Sized> {
    ask: Ask<P>,
    answer: Sender<Answer>,
    /// Who asked waits until then.
    until: Instant,
    has_begun: Arc<AtomicBool>,
}

/// Asks a part on its thread. The part never leaves that thread and ends on it, and whoever drops this waits for that.
pub(super) struct Worker<P: ?Sized> {
    timeout: Duration,
    // Fields are dropped in this order: when nobody can ask any more, the thread ends.
    questions: Sender<Question<P>>,
    _end: End,
    breaker: Mutex<Breaker>,
}

/// Waits for the end of the thread when it is dropped. A process that ended while its thread is in a PKCS#11 module would
/// crash or hang, because the module's own clearing up runs beneath that thread. A part that hangs is left behind.
///
/// Keys are dropped wherever their last reader is, often amid requests. There a thread of the runtime's waits, and the runtime
/// for that: it ends before the process does.
struct End(Option<Ending>);

impl Drop for End {
    fn drop(&mut self) {
        let ending = self.0.take();
        if let Ok(runtime) = Handle::try_current() {
            // A runtime that is ending may drop the errand unrun, and waits in that drop.
            drop(runtime.spawn_blocking(move || drop(ending)));
        }
    }
}

/// What waits, whoever drops it.
struct Ending {
    ended: Mutex<Receiver<Infallible>>,
    timeout: Duration,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let ended = self.ended.get_mut();
        let ended = ended.unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(self.timeout);
    }
}

impl<P: ?Sized + Send + 'static> Worker<P> {
    /// Starts the thread. The part is asked for nothing yet. The thread also wipes what is over in the cache.
    pub(super) fn start(
        part: Box<P>,
        timeout: Duration,
        cache: Arc<Mutex<Cache>>,
    ) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        thread::Builder::new()
            .name("custody".to_owned())
            .spawn(move || {
                serve(&*part, &asked, &cache);
                drop(part);
                drop(ends);
            })?;
        let ended = Mutex::new(ended);
        Ok(Self {
            timeout,
            questions,
            _end: End(Some(Ending { ended, timeout })),
            breaker: Mutex::new(Breaker::new()),
        })
    }

    pub(super) fn ask(&self, ask: impl FnOnce(&P) -> Answer + Send + 'static) -> Answer {
        let asked_at = Instant::now();
        let turn = open(&self.breaker).judge(asked_at)?;
        let (answer, answered) = mpsc::channel();
        let has_begun = Arc::new(AtomicBool::new(false));
        let until = asked_at + self.timeout;
        let question = Question {
            ask: Box::new(ask),
            answer,
            until,
            has_begun: Arc::clone(&has_begun),
        };
        let outcome = match self.questions.send(question) {
            Ok(()) => match answered.recv_timeout(self.timeout) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Disconnected) if Instant::now() < until => Err(ended()),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    Err(SealerError::Slow(self.timeout.as_millis()))
                }
            },
            Err(_) => Err(ended()),
        };
        // Who waited behind others until the time was over has learnt nothing of the part.
        let only_waited =
            matches!(outcome, Err(SealerError::Slow(_))) && !has_begun.load(Ordering::Acquire);
        if turn.is_trial || !only_waited {
            open(&self.breaker).note(turn, Instant::now(), outcome.as_ref().err());
        }
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
fn serve<P: ?Sized>(part: &P, asked: &Receiver<Question<P>>, cache: &Mutex<Cache>) {
    loop {
        let next_end = open(cache).next_end();
        let question = match next_end {
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(end) => asked.recv_timeout(end.saturating_duration_since(Instant::now())),
        };
        match question {
            // Who asked has given up: the part is not kept busy for nobody.
            Ok(question) if question.until <= Instant::now() => drop(question),
            Ok(question) => {
                question.has_begun.store(true, Ordering::Release);
                // Who asked may have given up.
                drop(question.answer.send((question.ask)(part)));
            }
            Err(RecvTimeoutError::Timeout) => open(cache).end(Instant::now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
