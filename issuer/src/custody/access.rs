//! Who asked a key-encryption key elsewhere for what. Kept until somebody writes it into the audit log.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use edgeward_core::time::UnixTime;

use super::SealerError;
use crate::clock::Clock;

/// The most accesses that wait to be written. An issuer makes a few in an hour; more is a loop, which the log lines show too.
const MAX_WAITING: usize = 1000;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// To wrap a data key.
    Wrap,
    /// To open one.
    Unwrap,
    /// To open one that had been opened a moment ago: nobody was asked.
    Remember,
    /// To sign.
    Sign,
    /// To make a key there.
    Make,
    /// To destroy one.
    Destroy,
}

impl Act {
    /// The name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wrap => "wrap",
            Self::Unwrap => "unwrap",
            Self::Remember => "remembered",
            Self::Sign => "sign",
            Self::Make => "make",
            Self::Destroy => "destroy",
        }
    }
}

/// One access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// When.
    pub at: UnixTime,
    /// The name of the key-encryption key.
    pub key_name: String,
    /// What was asked for.
    pub act: Act,
    /// The signing key that it was for.
    pub purpose: String,
    /// The stable name of the failure, if it failed.
    pub failure: Option<&'static str>,
}

impl Access {
    /// What became of one just now, told in the log as well.
    #[must_use]
    pub fn told(key_name: &str, act: Act, purpose: &str, failure: Option<&SealerError>) -> Self {
        let access = Self {
            at: Clock.now(),
            key_name: key_name.to_owned(),
            act,
            purpose: purpose.to_owned(),
            failure: failure.map(SealerError::name),
        };
        let act = act.name();
        match failure {
            None => tracing::info!(key_encryption_key = key_name, act, purpose, "custody"),
            Some(failure) => {
                tracing::error!(key_encryption_key = key_name, act, purpose, detail = %failure, "custody");
            }
        }
        access
    }
}

/// The accesses that were not written yet.
#[derive(Debug, Default)]
pub(super) struct Accesses(Mutex<Vec<Access>>);

impl Accesses {
    /// Notes what became of an access, and gives it back.
    pub(super) fn noted<T>(
        &self,
        key_name: &str,
        act: Act,
        purpose: &str,
        outcome: Result<T, SealerError>,
    ) -> Result<T, SealerError> {
        self.note(key_name, act, purpose, outcome.as_ref().err());
        outcome
    }

    pub(super) fn note(
        &self,
        key_name: &str,
        act: Act,
        purpose: &str,
        failure: Option<&SealerError>,
    ) {
        let access = Access::told(key_name, act, purpose, failure);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING {
            waiting.push(access);
        }
    }

    /// Lets these wait again, before those that came after them. What there is no room for is in the log lines only.
    pub(super) fn keep(&self, mut accesses: Vec<Access>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accesses.append(&mut waiting);
        accesses.truncate(MAX_WAITING);
        *waiting = accesses;
    }

    pub(super) fn take(&self) -> Vec<Access> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
