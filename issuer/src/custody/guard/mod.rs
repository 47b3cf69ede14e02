//! What stands before every key-encryption key that is not in this process: a time limit, a breaker, a short memory, and
//! a note of each access.
//!
//! One thread of its own asks, so a module or a server that hangs holds nobody for longer than the limit, and a C library is
//! never called from two threads.

mod breaker;
mod cache;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use self::{breaker::Breaker, cache::Cache};
use super::{
    DataKey, SECRET_BYTES, Sealer, SealerError,
    access::{Accesses, Act},
    local::data_key,
};

/// How patient to be, and how forgetful.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// So long a question may take.
    pub(super) timeout: Duration,
    /// So long an unwrapped data key is kept.
    pub(super) cache: Duration,
}

/// What a probe is noted to be for; a probe opens no key and is not noted.
const PROBE: &str = "probe";

/// A sealer elsewhere, behind its thread.
pub(super) struct Guarded {
    key_name: String,
    limits: Limits,
    questions: Sender<Question>,
    breaker: Mutex<Breaker>,
    cache: Arc<Mutex<Cache>>,
    accesses: Arc<Accesses>,
    /// A data key of nothing, wrapped, by which the part is tried.
    probe: Mutex<Option<Vec<u8>>>,
}

enum Ask {
    Wrap(String, DataKey),
    Unwrap(String, Vec<u8>),
}

struct Question {
    ask: Ask,
    answer: Sender<Answer>,
}

/// What was wrapped, or the data key.
type Answer = Result<Zeroizing<Vec<u8>>, SealerError>;

impl Guarded {
    /// Starts the thread. The sealer is asked for nothing yet.
    pub(super) fn new(
        sealer: Box<dyn Sealer>,
        limits: Limits,
        accesses: Arc<Accesses>,
    ) -> std::io::Result<Self> {
        let key_name = sealer.key_name().to_owned();
        let cache = Arc::new(Mutex::new(Cache::new(limits.cache)));
        let (questions, asked) = mpsc::channel();
        let kept = Arc::clone(&cache);
        thread::Builder::new()
            .name("custody".to_owned())
            .spawn(move || serve(sealer.as_ref(), &asked, &kept))?;
        Ok(Self {
            key_name,
            limits,
            questions,
            breaker: Mutex::new(Breaker::new()),
            cache,
            accesses,
            probe: Mutex::new(None),
        })
    }

    /// Tries whether it does its work. Nothing is opened that anybody keeps.
    pub(super) fn probe(&self) -> Result<(), SealerError> {
        let known = open(&self.probe).clone();
        let wrapped = match known {
            Some(wrapped) => wrapped,
            None => {
                let nothing = Zeroizing::new([0_u8; SECRET_BYTES]);
                let wrapped = self.ask(Ask::Wrap(PROBE.to_owned(), nothing))?.to_vec();
                *open(&self.probe) = Some(wrapped.clone());
                wrapped
            }
        };
        self.ask(Ask::Unwrap(PROBE.to_owned(), wrapped)).map(drop)
    }

    /// Why it did not do its work the last time it was asked, if it did not.
    pub(super) fn failure(&self) -> Option<SealerError> {
        open(&self.breaker).failure().cloned()
    }

    fn ask(&self, ask: Ask) -> Answer {
        open(&self.breaker).judge(Instant::now())?;
        let (answer, answered) = mpsc::channel();
        let outcome = match self.questions.send(Question { ask, answer }) {
            Ok(()) => match answered.recv_timeout(self.limits.timeout) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => {
                    Err(SealerError::Slow(self.limits.timeout.as_millis()))
                }
                Err(RecvTimeoutError::Disconnected) => Err(ended()),
            },
            Err(_) => Err(ended()),
        };
        open(&self.breaker).note(Instant::now(), outcome.as_ref().err());
        outcome
    }

    fn noted<T>(
        &self,
        act: Act,
        purpose: &str,
        outcome: Result<T, SealerError>,
    ) -> Result<T, SealerError> {
        self.accesses
            .note(&self.key_name, act, purpose, outcome.as_ref().err());
        outcome
    }
}

impl Sealer for Guarded {
    fn key_name(&self) -> &str {
        &self.key_name
    }

    fn wrap(&self, purpose: &str, key: &DataKey) -> Result<Vec<u8>, SealerError> {
        let wrapped = self.ask(Ask::Wrap(purpose.to_owned(), key.clone()));
        self.noted(Act::Wrap, purpose, wrapped.map(|wrapped| wrapped.to_vec()))
    }

    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        if let Some(key) = open(&self.cache).get(wrapped, Instant::now()) {
            return self.noted(Act::Remember, purpose, Ok(key));
        }
        let opened = self.ask(Ask::Unwrap(purpose.to_owned(), wrapped.to_vec()));
        self.noted(Act::Unwrap, purpose, opened.and_then(|key| data_key(&key)))
    }
}

/// Nothing behind such a lock can be left half done: each holds one value that is replaced at once.
fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended() -> SealerError {
    SealerError::Unreachable("its thread has ended".to_owned())
}

/// Answers until nobody can ask any more, and wipes data keys whose time is over.
fn serve(sealer: &dyn Sealer, asked: &Receiver<Question>, cache: &Mutex<Cache>) {
    loop {
        let next_end = open(cache).next_end();
        let question = match next_end {
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(end) => asked.recv_timeout(end.saturating_duration_since(Instant::now())),
        };
        match question {
            Ok(Question { ask, answer }) => {
                // Who asked may have given up.
                let _ = answer.send(act(sealer, ask, cache));
            }
            Err(RecvTimeoutError::Timeout) => open(cache).end(Instant::now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn act(sealer: &dyn Sealer, ask: Ask, cache: &Mutex<Cache>) -> Answer {
    match ask {
        Ask::Wrap(purpose, key) => sealer.wrap(&purpose, &key).map(Zeroizing::new),
        Ask::Unwrap(purpose, wrapped) => {
            let key = sealer.unwrap(&purpose, &wrapped)?;
            if purpose != PROBE {
                open(cache).put(&wrapped, &key, Instant::now());
            }
            Ok(Zeroizing::new(key.to_vec()))
        }
    }
}

#[cfg(test)]
mod tests;
