//! What stands before every key that is not in this process: a time limit, a breaker, a short memory, and a note of each
//! access.
//!
//! One thread of its own asks, so a module or a server that hangs holds nobody for longer than the limit, and a session with
//! a device is never used from two threads.

mod breaker;
mod cache;
mod worker;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use self::{cache::Cache, worker::Worker};
use super::{
    DataKey, SECRET_BYTES, Sealer, SealerError, Signer,
    access::{Accesses, Act},
    local::data_key,
    signer::{KeyInfo, SIGNATURE_BYTES, Signature},
};

/// How patient to be, and how forgetful.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// So long a question may take.
    pub(super) timeout: Duration,
    /// So long an unwrapped data key is kept.
    pub(super) cache: Duration,
}

/// What a probe is for, to whoever is asked.
const PROBE: &str = "probe";

/// A sealer elsewhere, behind its thread.
pub(super) struct GuardedSealer {
    key_name: String,
    worker: Worker<dyn Sealer>,
    cache: Arc<Mutex<Cache>>,
    accesses: Arc<Accesses>,
    /// A data key of nothing, wrapped, by which the part is tried.
    probe: Mutex<Option<Vec<u8>>>,
}

impl GuardedSealer {
    /// Starts the thread. The sealer is asked for nothing yet.
    pub(super) fn new(
        sealer: Box<dyn Sealer>,
        limits: Limits,
        accesses: Arc<Accesses>,
    ) -> io::Result<Self> {
        let cache = Arc::new(Mutex::new(Cache::new(limits.cache)));
        Ok(Self {
            key_name: sealer.key_name().to_owned(),
            worker: Worker::start(sealer, limits.timeout, Arc::clone(&cache))?,
            cache,
            accesses,
            probe: Mutex::new(None),
        })
    }

    /// Tries whether it does its work. Nothing is opened that anybody keeps, and nothing is noted as an access.
    pub(super) fn probe(&self) -> Result<(), SealerError> {
        let known = open(&self.probe).clone();
        let wrapped = match known {
            Some(wrapped) => wrapped,
            None => {
                let nothing = Zeroizing::new([0_u8; SECRET_BYTES]);
                let wrapped = self.ask_to_wrap(PROBE, nothing)?.to_vec();
                *open(&self.probe) = Some(wrapped.clone());
                wrapped
            }
        };
        let opened = self.worker.ask(move |sealer| {
            let key = sealer.unwrap(PROBE, &wrapped)?;
            Ok(Zeroizing::new(key.to_vec()))
        });
        opened.map(drop)
    }

    /// Why it did not do its work the last time it was asked, if it did not.
    pub(super) fn failure(&self) -> Option<SealerError> {
        self.worker.failure()
    }

    fn ask_to_wrap(&self, purpose: &str, key: DataKey) -> worker::Answer {
        let purpose = purpose.to_owned();
        self.worker
            .ask(move |sealer| sealer.wrap(&purpose, &key).map(Zeroizing::new))
    }
}

impl Sealer for GuardedSealer {
    fn key_name(&self) -> &str {
        &self.key_name
    }

    fn wrap(&self, purpose: &str, key: &DataKey) -> Result<Vec<u8>, SealerError> {
        let wrapped = self.ask_to_wrap(purpose, key.clone());
        let wrapped = wrapped.map(|wrapped| wrapped.to_vec());
        self.accesses
            .noted(&self.key_name, Act::Wrap, purpose, wrapped)
    }

    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        if let Some(key) = open(&self.cache).get(purpose, wrapped, Instant::now()) {
            return self
                .accesses
                .noted(&self.key_name, Act::Remember, purpose, Ok(key));
        }
        let (asked_for, wrapped) = (purpose.to_owned(), wrapped.to_vec());
        let cache = Arc::clone(&self.cache);
        let opened = self.worker.ask(move |sealer| {
            let key = sealer.unwrap(&asked_for, &wrapped)?;
            open(&cache).put(&asked_for, &wrapped, &key, Instant::now());
            Ok(Zeroizing::new(key.to_vec()))
        });
        let opened = opened.and_then(|key| data_key(&key));
        self.accesses
            .noted(&self.key_name, Act::Unwrap, purpose, opened)
    }
}

/// A signer elsewhere, behind its thread.
pub(super) struct GuardedSigner {
    info: KeyInfo,
    worker: Worker<dyn Signer>,
    accesses: Arc<Accesses>,
    has_signed: AtomicBool,
}

#[cfg_attr(
    not(any(feature = "hsm", feature = "kms")),
    expect(dead_code, reason = "only keys in a device or in KMS sign elsewhere")
)]
impl GuardedSigner {
    pub(super) fn new(
        signer: Box<dyn Signer>,
        timeout: Duration,
        accesses: Arc<Accesses>,
    ) -> io::Result<Self> {
        let nothing = Arc::new(Mutex::new(Cache::new(Duration::ZERO)));
        Ok(Self {
            info: signer.info().clone(),
            worker: Worker::start(signer, timeout, nothing)?,
            accesses,
            has_signed: AtomicBool::new(false),
        })
    }
}

impl Signer for GuardedSigner {
    fn info(&self) -> &KeyInfo {
        &self.info
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SealerError> {
        let message = message.to_vec();
        let signature = self.worker.ask(move |signer| {
            let signature = signer.sign(&message)?;
            Ok(Zeroizing::new(signature.to_vec()))
        });
        let signature = signature.and_then(|bytes| {
            <[u8; SIGNATURE_BYTES]>::try_from(bytes.as_slice())
                .map_err(|_| SealerError::Unreachable("a signature has another length".to_owned()))
        });
        let (name, purpose) = (&self.info.key_name, self.info.public.key_id());
        // What is signed has entries of its own, and there may be many in a second: here the first one is noted, and each failure of
        // which somebody was asked.
        let is_known = match &signature {
            Ok(_) => self.has_signed.swap(true, Ordering::Relaxed),
            Err(failure) => matches!(failure, SealerError::Resting { .. }),
        };
        if is_known {
            return signature;
        }
        self.accesses.noted(name, Act::Sign, purpose, signature)
    }
}

/// Nothing behind such a lock can be left half done: each holds one value that is replaced at once.
fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
