//! Everything that can go wrong with a request, sorted by who must act, and the one place that says how it is answered.
//!
//! Answers are RFC 9457 problems with a stable `code`. What only the operator may know goes to the log, which carries
//! the request id of the answer; no answer contains it, and neither contains a token or a password.

use std::{borrow::Cow, error::Error, fmt};

use axum::{
    extract::rejection::{BytesRejection, FormRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use edgeward_core::{
    problem::{PROBLEM_CONTENT_TYPE, Problem, ProblemCode},
    reject::Reject,
};

use super::metrics::Fault;
use edgeward_core::token::SignError;

use crate::domain::{
    accounts::UnfitField, password::WeakPassword, revocations::FeedError, storage::StorageError,
};

/// What a client waits after the database was busy: a request gives up after as many seconds of waiting for it.
const BUSY_RETRY_SECONDS: u64 = 5;

/// RFC 9470, section 3: what `POST /auth/step-up` gives is of this class.
const STEP_UP_CHALLENGE: &str = "Bearer error=\"insufficient_user_authentication\", \
     error_description=\"A more recent sign-in is required\", acr_values=\"aal1\"";

/// Why a request is refused.
#[derive(Debug)]
pub enum ApiError {
    // The program that sent the request must change it.
    /// The body or a parameter does not have the documented shape. The text says which part, and repeats no value.
    Malformed(Cow<'static, str>),
    /// The body is readable and a field of it is not acceptable. The text names the field and repeats no value.
    Invalid(Cow<'static, str>),
    /// The same of a field of an account.
    Unfit(UnfitField),
    /// The body is in another format than the resource takes.
    UnsupportedMediaType,
    /// The body is larger than [`BODY_MAX_BYTES`](super::routes::BODY_MAX_BYTES).
    BodyTooLarge,
    /// No resource has this path.
    NotFound,
    /// The resource has no such method.
    MethodNotAllowed,
    /// Two different credentials came with one request.
    AmbiguousCredentials,

    // Somebody is not believed: a person must sign in (again), or an attack was stopped.
    /// E-mail and password do not belong together, for whichever reason.
    InvalidCredentials {
        /// Attempts before the lock, unless they are not counted.
        attempts_left: Option<u32>,
    },
    /// The resource is for the signed-in, and nobody is.
    NotSignedIn,
    /// An access token does not verify.
    InvalidToken(Reject),
    /// A refresh without a refresh token.
    NoRefreshToken,
    /// The refresh token is not genuine, has expired, or its session has ended.
    InvalidRefreshToken,
    /// The refresh token was used before: its session has been ended.
    RefreshReused,
    /// The session is doubtful, and the act demands that the person confirms their identity first.
    StepUpRequired,
    /// The sign-in is too old for the act: the person confirms their identity first.
    RecentSignInRequired {
        /// How old it may be.
        max_age_seconds: i64,
    },
    /// Who asks lacks the role that the resource is for.
    InsufficientRole,
    /// The resource is open to some addresses only, and the client's is none of them or not known.
    AddressNotAllowed,
    /// A challenge has to be solved first, and no token of one was sent.
    CaptchaRequired,
    /// The token of the challenge does not hold.
    CaptchaInvalid,
    /// The CSRF token is missing or not valid.
    CsrfInvalid,
    /// The request comes from a page of another origin.
    OriginRefused,
    /// What should be the proof of an edge is not signed by one.
    EdgeProofInvalid,
    /// An enrolled edge signed the proof, and not for this request at this time. Answered like the other; operators are told.
    EdgeProofMisused,
    /// Only an edge that asks for itself may have this.
    EdgeProofRequired,
    /// A mailed link was used, has expired or never was.
    LinkInvalid,

    // The person must choose otherwise.
    /// The new password does not meet the policy.
    WeakPassword(WeakPassword),
    /// The new password is the present one.
    PasswordUnchanged,
    /// The registration came from another browser, so its password has to be typed.
    PasswordNeeded,
    /// Another account has this e-mail address.
    EmailTaken,
    /// The site would be left without anybody who may administer it.
    LastAdmin,
    /// What is to be changed is not what it was when it was read.
    StaleVersion,
    /// A change does not say which version it is of.
    VersionRequired,

    // It will work later.
    /// Too many wrong passwords under this name, whether it has an account or not.
    AccountLocked {
        /// When the lock ends.
        retry_after_seconds: u64,
    },
    /// Too many requests from this address, in this session, or under this name.
    RateLimited {
        /// When the next one is let through.
        retry_after_seconds: u64,
    },
    /// All places for costly work are taken.
    Busy {
        /// When to try again.
        retry_after_seconds: u64,
    },
    /// The database was busy for longer than a request waits for it.
    DatabaseBusy,
    /// The database cannot be written, because its disk is full. Nothing was done.
    DatabaseUnwritable,
    /// Whoever holds the signing key does not sign. Nothing was changed.
    SigningUnavailable,
    /// The same session is being refreshed by another request.
    RefreshInProgress {
        /// When the same token will do.
        retry_after_seconds: u64,
    },
    /// The answer took longer than [`REQUEST_TIMEOUT`](super::routes::REQUEST_TIMEOUT).
    TooSlow,

    // The operator must act.
    /// Anything else. The detail is logged and not answered.
    Internal(Internal),
}

/// A failure for the operator's eyes.
#[derive(Debug)]
pub struct Internal {
    cause: Box<dyn Error + Send + Sync>,
    fault: Fault,
}

/// What a refusal leaves on its answer, for the metrics and the security events.
#[derive(Debug, Clone, Copy)]
pub struct Refused {
    /// The public code.
    pub code: ProblemCode,
    /// What the operator must look at, if anything.
    pub fault: Option<Fault>,
    /// Whether the credential was genuine, and somebody used it for what it is not for.
    pub misused: bool,
}

impl Internal {
    /// How it counts.
    pub(super) const fn fault(&self) -> Fault {
        self.fault
    }

    /// A failure in words.
    #[must_use]
    pub fn new(detail: &'static str) -> Self {
        Self {
            cause: detail.into(),
            fault: Fault::Internal,
        }
    }
}

impl ApiError {
    /// A malformed request; `detail` names the part and repeats no value.
    #[must_use]
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(detail.into())
    }

    /// An unacceptable field; `detail` names it and repeats no value.
    #[must_use]
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(detail.into())
    }

    /// A failure for the operator, from its cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(Internal {
            cause: cause.into(),
            fault: Fault::Internal,
        })
    }

    /// The public code.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Malformed(_) => ProblemCode::MalformedBody,
            Self::Invalid(_) | Self::Unfit(_) | Self::PasswordUnchanged | Self::PasswordNeeded => {
                ProblemCode::ValidationFailed
            }
            Self::UnsupportedMediaType => ProblemCode::UnsupportedMediaType,
            Self::BodyTooLarge => ProblemCode::BodyTooLarge,
            Self::NotFound => ProblemCode::NotFound,
            Self::MethodNotAllowed => ProblemCode::MethodNotAllowed,
            Self::AmbiguousCredentials => ProblemCode::AmbiguousCredentials,
            Self::InvalidCredentials { .. } => ProblemCode::InvalidCredentials,
            Self::NotSignedIn => ProblemCode::NotSignedIn,
            Self::InvalidToken(reject) => {
                ProblemCode::from_code(reject.code()).unwrap_or(ProblemCode::InvalidToken)
            }
            Self::NoRefreshToken => ProblemCode::NoRefreshToken,
            Self::InvalidRefreshToken => ProblemCode::InvalidRefreshToken,
            Self::RefreshReused => ProblemCode::RefreshReused,
            Self::StepUpRequired | Self::RecentSignInRequired { .. } => ProblemCode::StepUpRequired,
            Self::InsufficientRole => ProblemCode::InsufficientRole,
            Self::AddressNotAllowed => ProblemCode::AddressNotAllowed,
            Self::CaptchaRequired => ProblemCode::CaptchaRequired,
            Self::CaptchaInvalid => ProblemCode::CaptchaInvalid,
            Self::CsrfInvalid => ProblemCode::CsrfInvalid,
            Self::OriginRefused => ProblemCode::OriginRefused,
            Self::EdgeProofInvalid | Self::EdgeProofMisused => ProblemCode::EdgeProofInvalid,
            Self::EdgeProofRequired => ProblemCode::EdgeProofRequired,
            Self::LinkInvalid => ProblemCode::LinkInvalid,
            Self::WeakPassword(_) => ProblemCode::WeakPassword,
            Self::EmailTaken => ProblemCode::EmailTaken,
            Self::LastAdmin => ProblemCode::LastAdmin,
            Self::StaleVersion => ProblemCode::StaleVersion,
            Self::VersionRequired => ProblemCode::VersionRequired,
            Self::AccountLocked { .. } => ProblemCode::AccountLocked,
            Self::RateLimited { .. } => ProblemCode::RateLimited,
            Self::Busy { .. } | Self::DatabaseBusy | Self::DatabaseUnwritable | Self::TooSlow => {
                ProblemCode::Busy
            }
            Self::SigningUnavailable => ProblemCode::SigningUnavailable,
            Self::RefreshInProgress { .. } => ProblemCode::RefreshInProgress,
            Self::Internal(_) => ProblemCode::Internal,
        }
    }

    fn detail(&self) -> Option<Cow<'_, str>> {
        if let Self::Malformed(text) | Self::Invalid(text) = self {
            Some(Cow::Borrowed(text))
        } else if let Self::Unfit(unfit) = self {
            Some(unfit.to_string().into())
        } else if let Self::WeakPassword(weak) = self {
            Some(weak.to_string().into())
        } else if let Self::InvalidToken(reject) = self {
            Some(reject.reason().into())
        } else if matches!(self, Self::PasswordUnchanged) {
            Some("newPassword is the present password".into())
        } else if matches!(self, Self::PasswordNeeded) {
            Some(
                "password is needed: the registration came from another browser than this one"
                    .into(),
            )
        } else {
            None
        }
    }

    /// Whether the same request may be taken a little later, though nothing about it changes.
    #[must_use]
    pub fn will_pass(&self) -> bool {
        self.retry_after_seconds().is_some() || matches!(self, Self::Internal(_))
    }

    /// After how many seconds the same request may work, for `Retry-After`.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        if let Self::Busy {
            retry_after_seconds,
        }
        | Self::AccountLocked {
            retry_after_seconds,
        }
        | Self::RateLimited {
            retry_after_seconds,
        }
        | Self::RefreshInProgress {
            retry_after_seconds,
        } = self
        {
            Some(*retry_after_seconds)
        } else if matches!(
            self,
            Self::SigningUnavailable
                | Self::TooSlow
                | Self::DatabaseBusy
                | Self::DatabaseUnwritable
        ) {
            Some(BUSY_RETRY_SECONDS)
        } else {
            None
        }
    }

    /// Writes down what only the operator may know. Done by `into_response`; for those who answer in another form.
    pub fn log(&self) {
        if let Self::Internal(failure) = self {
            tracing::error!(detail = %failure, "internal error");
        }
    }

    /// The challenge of a 401 about an access token: RFC 6750, without `error` when no credential was sent, or RFC 9470.
    fn challenge(&self) -> Option<HeaderValue> {
        if matches!(self, Self::NotSignedIn) {
            Some(HeaderValue::from_static("Bearer"))
        } else if matches!(self, Self::InvalidToken(_)) {
            Some(HeaderValue::from_static("Bearer error=\"invalid_token\""))
        } else if matches!(self, Self::StepUpRequired) {
            Some(HeaderValue::from_static(STEP_UP_CHALLENGE))
        } else if let Self::RecentSignInRequired { max_age_seconds } = self {
            let challenge = format!("{STEP_UP_CHALLENGE}, max_age=\"{max_age_seconds}\"");
            HeaderValue::try_from(challenge).ok()
        } else {
            None
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let mut problem = Problem::new(self.code());
        if let Some(detail) = self.detail() {
            problem = problem.with_detail(detail);
        }
        if let Self::InvalidCredentials {
            attempts_left: Some(left),
        } = &self
        {
            problem = problem.with_number("attemptsLeft", *left);
        }
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, problem.to_json()).into_response();
        response.extensions_mut().insert(Refused {
            code: self.code(),
            fault: Fault::of(&self),
            misused: matches!(self, Self::EdgeProofMisused),
        });
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(PROBLEM_CONTENT_TYPE),
        );
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        let mut cause = self.cause.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl From<Internal> for ApiError {
    fn from(failure: Internal) -> Self {
        Self::Internal(failure)
    }
}

impl From<StorageError> for ApiError {
    fn from(failure: StorageError) -> Self {
        match failure {
            StorageError::Busy(_) => {
                tracing::warn!(detail = %failure, "database busy");
                Self::DatabaseBusy
            }
            StorageError::Unwritable(_) => {
                tracing::error!(detail = %failure, "database cannot be written");
                Self::DatabaseUnwritable
            }
            StorageError::Failed(_) | StorageError::Unreadable(_) => Self::Internal(Internal {
                fault: Fault::of_storage(&failure),
                cause: Box::new(failure),
            }),
        }
    }
}

impl From<FeedError> for ApiError {
    fn from(failure: FeedError) -> Self {
        match failure {
            FeedError::Storage(failure) => failure.into(),
            FeedError::Sign(failure) => failure.into(),
        }
    }
}

impl From<SignError> for ApiError {
    fn from(failure: SignError) -> Self {
        Self::internal(failure)
    }
}

impl From<FormRejection> for ApiError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the list of reasons is open, and each further one is the client's mistake too"
    )]
    fn from(rejection: FormRejection) -> Self {
        match rejection {
            FormRejection::InvalidFormContentType(_) => Self::UnsupportedMediaType,
            FormRejection::BytesRejection(bytes) => bytes.into(),
            _ => Self::malformed("the form does not have the documented fields"),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Self::BodyTooLarge
        } else {
            Self::malformed("the body could not be read")
        }
    }
}

#[cfg(test)]
mod tests;
