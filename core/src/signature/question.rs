//! A signature that somebody else checks: the question, and the answer that belongs to it and to no other.
//!
//! ES256 and RS256 are checked by the platform: WebCrypto at the edge and in browsers, aws-lc in a native program. This
//! crate does no IO, so it hands out a question and is asked again with the answer. An answer is bound to its question:
//! given for one signature, it says nothing about any other token, key or algorithm.

use alloc::vec::Vec;
use core::fmt;

use super::Algorithm;
use crate::keys::PlatformKey;
use crate::reject::Reject;

/// Whether `signature` over `message` is good for `key`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureQuestion {
    pub(super) algorithm: Algorithm,
    pub(super) key: PlatformKey,
    pub(super) message: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What a platform found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The signature is good.
    Valid,
    /// The signature is not good.
    Invalid,
    /// The platform does not take the key, for example because the point is not on the curve.
    KeyRefused,
}

/// A finding about one question.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureAnswer {
    question: SignatureQuestion,
    finding: Finding,
}

impl SignatureQuestion {
    /// [`Algorithm::Es256`] or [`Algorithm::Rs256`].
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key, of the kind that belongs to the algorithm.
    #[must_use]
    pub fn key(&self) -> &PlatformKey {
        &self.key
    }

    /// What was signed (RFC 7515 section 5.2 step 8).
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// For ES256 r and s of 32 bytes each (RFC 7518 section 3.4), for RS256 as long as the modulus.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The answer to this very question.
    #[must_use]
    pub fn answer(self, finding: Finding) -> SignatureAnswer {
        SignatureAnswer {
            question: self,
            finding,
        }
    }
}

impl SignatureAnswer {
    /// The finding, if it is about `question`.
    pub(crate) fn to(&self, question: &SignatureQuestion) -> Option<Result<(), Reject>> {
        (self.question == *question).then_some(match self.finding {
            Finding::Valid => Ok(()),
            Finding::Invalid => Err(Reject::SignatureInvalid),
            Finding::KeyRefused => Err(Reject::KeyRefused),
        })
    }
}

impl fmt::Debug for SignatureQuestion {
    /// Shows no byte of the token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignatureQuestion")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignatureAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignatureAnswer")
            .field("finding", &self.finding)
            .finish_non_exhaustive()
    }
}
