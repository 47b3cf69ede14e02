//! Refusals, and those of a credential that could not be taken for good.

use alloc::format;
use alloc::string::String;

use super::challenge;
use super::cors::CorsGrant;
use super::path::PathRefusal;
use crate::problem::{Problem, ProblemCode};
use crate::reject::Reject;

/// Because the issuer is asked again after about as long.
pub(super) const RETRY_AFTER_SECONDS: u32 = 1;

/// A refusal, with what the client and what the log is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The stable public code.
    pub code: ProblemCode,
    /// A public sentence about this occurrence, made of constants and the policy's own words.
    pub detail: Option<String>,
    /// The value of `WWW-Authenticate`.
    pub www_authenticate: Option<String>,
    /// The value of `Allow`, for 405.
    pub allow: Option<&'static str>,
    /// Which other origin may read the refusal, where the policy speaks about that.
    pub cors: Option<CorsGrant>,
    /// The value of `Retry-After` in seconds, where waiting helps.
    pub retry_after: Option<u32>,
    /// For the log only: the precise reason and, where one was asked, the rule. Never token bytes.
    pub log_reason: String,
}

impl Refusal {
    pub(super) fn new(code: ProblemCode, log_reason: impl Into<String>) -> Self {
        let (detail, www_authenticate, allow) = (None, None, None);
        Self {
            cors: None,
            status: code.status(),
            code,
            detail,
            www_authenticate,
            allow,
            retry_after: None,
            log_reason: log_reason.into(),
        }
    }

    pub(super) fn challenging(mut self, www_authenticate: String) -> Self {
        self.www_authenticate = Some(www_authenticate);
        self
    }

    /// The body of the answer.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.code);
        match &self.detail {
            Some(detail) => problem.with_detail(detail.as_str()),
            None => problem,
        }
    }
}

/// To be too long is no ambiguity, and a client that is told so need not look for one.
pub(super) fn path_refused(refusal: PathRefusal) -> Refusal {
    let code = match refusal {
        PathRefusal::TooLong => ProblemCode::PathTooLong,
        PathRefusal::NotAbsolute
        | PathRefusal::EmptySegment
        | PathRefusal::HiddenSeparator
        | PathRefusal::PathParameter
        | PathRefusal::ControlCharacter
        | PathRefusal::HiddenDelimiter
        | PathRefusal::InvalidEscape
        | PathRefusal::DoubleEncoding
        | PathRefusal::EncodedDotSegment
        | PathRefusal::InvalidUtf8 => ProblemCode::AmbiguousPath,
    };
    Refusal::new(code, refusal.reason())
}

pub(super) fn token_refused(reject: &Reject) -> Refusal {
    let code = ProblemCode::from_code(reject.code()).unwrap_or(ProblemCode::InvalidToken);
    let refusal = Refusal::new(code, format!("token-refused: {}", reject.reason()));
    if code.status() == 401 {
        refusal.challenging(challenge::invalid_token(code))
    } else {
        refusal
    }
}

pub(super) fn token_revoked() -> Refusal {
    let code = ProblemCode::TokenRevoked;
    Refusal::new(code, "token-refused: revoked").challenging(challenge::invalid_token(code))
}

pub(super) fn keys_unavailable(reject: Reject) -> Refusal {
    Refusal::new(ProblemCode::KeysUnavailable, reject.reason())
}

pub(super) fn revocations_unavailable() -> Refusal {
    let refusal = Refusal::new(
        ProblemCode::RevocationsUnavailable,
        "revocations-unavailable",
    );
    Refusal {
        retry_after: Some(RETRY_AFTER_SECONDS),
        ..refusal
    }
}
