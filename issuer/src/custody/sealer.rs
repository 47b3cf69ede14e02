//! What holds a key-encryption key, and how it fails.

use zeroize::Zeroizing;

use super::SECRET_BYTES;

/// A key that is drawn for one secret and leaves the memory only wrapped. Wiped when dropped.
pub type DataKey = Zeroizing<[u8; SECRET_BYTES]>;

/// Holds one key-encryption key and wraps data keys under it. The key itself need not be in this process.
pub trait Sealer: Send + Sync {
    /// Names the key, as it stands in every envelope that it wrapped: `kind:name`. Printable ASCII, and no secret.
    fn key_name(&self) -> &str;

    /// Wraps a data key, bound to `purpose`, which is what it is for: it opens for that and for nothing else.
    ///
    /// # Errors
    /// [`SealerError`].
    fn wrap(&self, purpose: &str, data_key: &DataKey) -> Result<Vec<u8>, SealerError>;

    /// Opens what [`Sealer::wrap`] made for the same purpose.
    ///
    /// # Errors
    /// [`SealerError`].
    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError>;
}

/// What a wrapped data key is bound to: that it is one, and the id of what it is for. Whoever holds the key authenticates that with it.
pub(super) fn bound_to(purpose: &str) -> Vec<u8> {
    [b"edgeward-data-key-2:", purpose.as_bytes()].concat()
}

/// Why a key-encryption key could not be used. Says which part and what an operator looks at; never a byte of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealerError {
    /// What was wrapped was changed, or this key did not wrap it.
    #[error("does not open: it was changed, or the key is not the one it was sealed with")]
    DoesNotOpen,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Nobody is there to ask: a module that is missing, a device that was pulled, a server that is down.
    #[error("is out of reach: {0}")]
    Unreachable(String),
    /// There was no answer in time.
    #[error("gave no answer within {0} ms")]
    Slow(u128),
    /// The thread that asked ended without an answer.
    #[error("gave no answer: the thread that asked it was lost")]
    Lost,
    /// Whoever holds the key does not let this process use it.
    #[error("is refused: {0}")]
    Refused(String),
    /// Whoever holds keys has none of this name.
    #[error("is not there: {0}")]
    NoKey(String),
    /// It failed a moment ago and is left alone for a while.
    #[error("is left alone for another {seconds} s, because it {cause}")]
    Resting {
        /// So long it is not asked.
        seconds: u64,
        /// What the last failure was.
        cause: String,
    },
}

impl SealerError {
    /// Whether asking again would be answered alike.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::DoesNotOpen => true,
            Self::NoRandomness
            | Self::Unreachable(_)
            | Self::Slow(_)
            | Self::Lost
            | Self::Refused(_)
            | Self::NoKey(_)
            | Self::Resting { .. } => false,
        }
    }

    /// The stable name in the audit log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DoesNotOpen => "does-not-open",
            Self::NoRandomness => "no-randomness",
            Self::Unreachable(_) => "unreachable",
            Self::Slow(_) => "slow",
            Self::Lost => "lost",
            Self::Refused(_) => "refused",
            Self::NoKey(_) => "no-key",
            Self::Resting { .. } => "resting",
        }
    }
}
