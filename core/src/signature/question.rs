//! A signature that somebody else checks: the question, and the answer that belongs to it and to no other.
//!
//! ES256 and RS256 are checked by the platform: WebCrypto at the edge and in browsers, aws-lc in a native program. This
//! crate does no IO, so it hands out a question and is asked again with the answer. An answer is bound to its question:
//! given for one signature, it says nothing about any other token, key or algorithm.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Algorithm;
use crate::keys::{KeySet, PlatformKey};
use crate::reject::Reject;
use crate::token::Expectations;

/// Whether the signature of a token is good for a key. It holds what was found about the token so far, so that the answer need
/// not begin anew.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureQuestion {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: PlatformKey,
    pub(crate) signature: Vec<u8>,
    /// The token, and how much of it was signed.
    pub(crate) token: String,
    pub(crate) signed_bytes: usize,
    /// Its payload, decoded and not read.
    pub(crate) payload: Vec<u8>,
    /// What all of this was found under.
    pub(crate) key_id: String,
    pub(crate) keys: [u8; 32],
    pub(crate) expect: Expectations,
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
    /// The platform failed before it looked at the signature, which says nothing about key or token.
    NotChecked,
}

impl Finding {
    pub(crate) fn holds(self) -> Result<(), Reject> {
        match self {
            Self::Valid => Ok(()),
            Self::Invalid => Err(Reject::SignatureInvalid),
            Self::KeyRefused => Err(Reject::KeyRefused),
            Self::NotChecked => Err(Reject::SignatureNotChecked),
        }
    }
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
        self.token
            .as_bytes()
            .get(..self.signed_bytes)
            .unwrap_or_default()
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
    /// What was asked and what was found, if it is about this very token under these keys and expectations.
    pub(crate) fn about(
        &self,
        token: &str,
        keys: &KeySet,
        expect: &Expectations,
    ) -> Option<(&SignatureQuestion, Finding)> {
        let question = &self.question;
        let is_about_it = question.token == token
            && question.keys == *keys.fingerprint()
            && question.expect == *expect;
        is_about_it.then_some((question, self.finding))
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
