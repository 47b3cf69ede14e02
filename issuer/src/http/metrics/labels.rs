//! The closed list of labels and their values. A test holds it against everything that is ever written out.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use axum::{
    extract::MatchedPath,
    http::{Method, StatusCode},
};
use edgeward_core::problem::ProblemCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use super::outcomes::{Fault, LoginReason, RefreshResult};

/// An enum whose variants have stable names as label values.
macro_rules! label_values {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The label value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl prometheus_client::encoding::EncodeLabelValue for $name {
            fn encode(
                &self,
                encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
            ) -> Result<(), std::fmt::Error> {
                std::fmt::Write::write_str(encoder, self.as_str())
            }
        }
    };
}
pub(super) use label_values;

label_values! {
    /// How a sign-in ended, in one word.
    LoginResult {
        /// Somebody is signed in.
        Success = "success",
        /// The person or program at the other end is not let in.
        Refused = "refused",
        /// The issuer could not do it.
        Failed = "failed",
    }
}

label_values! {
    /// What became of a CSRF token.
    CsrfResult {
        /// It holds.
        Valid = "valid",
        /// It is missing or does not hold.
        Invalid = "invalid",
    }
}

impl CsrfResult {
    pub(super) const fn of(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::Invalid }
    }
}

label_values! {
    /// What was sent and not believed.
    Credential {
        /// Address and password.
        Password = "password",
        /// An access token.
        AccessToken = "access_token",
        /// A refresh token.
        RefreshToken = "refresh_token",
        /// A CSRF token.
        CsrfToken = "csrf_token",
        /// The token of a challenge.
        Captcha = "captcha",
        /// The proof of an edge, which is the one service that signs in here.
        EdgeProof = "edge_proof",
        /// The token of a mailed link.
        MailLink = "mail_link",
    }
}

impl Credential {
    /// The credential that a refusal is about, if one was sent. An expired access token is no failed attempt: it is
    /// how every life of one ends.
    #[must_use]
    pub const fn refused_by(code: ProblemCode) -> Option<Self> {
        match code {
            ProblemCode::InvalidCredentials | ProblemCode::AccountLocked => Some(Self::Password),
            ProblemCode::TokenNotYetValid | ProblemCode::InvalidToken | ProblemCode::UnknownKey => {
                Some(Self::AccessToken)
            }
            ProblemCode::InvalidRefreshToken | ProblemCode::RefreshReused => {
                Some(Self::RefreshToken)
            }
            ProblemCode::CsrfInvalid => Some(Self::CsrfToken),
            ProblemCode::CaptchaInvalid => Some(Self::Captcha),
            ProblemCode::EdgeProofInvalid => Some(Self::EdgeProof),
            ProblemCode::LinkInvalid => Some(Self::MailLink),
            ProblemCode::ValidationFailed
            | ProblemCode::MalformedBody
            | ProblemCode::UnsupportedMediaType
            | ProblemCode::BodyTooLarge
            | ProblemCode::BodyTooSlow
            | ProblemCode::HeadersTooLarge
            | ProblemCode::PathTooLong
            | ProblemCode::AmbiguousPath
            | ProblemCode::AmbiguousCredentials
            | ProblemCode::UnclearRequest
            | ProblemCode::ProxyNotTrusted
            | ProblemCode::NotFound
            | ProblemCode::MethodNotAllowed
            | ProblemCode::NotSignedIn
            | ProblemCode::TokenExpired
            | ProblemCode::WeakPassword
            | ProblemCode::EmailTaken
            | ProblemCode::LastAdmin
            | ProblemCode::StaleVersion
            | ProblemCode::VersionRequired
            | ProblemCode::NoRefreshToken
            | ProblemCode::RefreshInProgress
            | ProblemCode::StepUpRequired
            | ProblemCode::EdgeProofRequired
            | ProblemCode::CaptchaRequired
            | ProblemCode::RouteDenied
            | ProblemCode::AddressNotAllowed
            | ProblemCode::InsufficientRole
            | ProblemCode::InsufficientScope
            | ProblemCode::OriginRefused
            | ProblemCode::RateLimited
            | ProblemCode::Internal
            | ProblemCode::UpstreamFailed
            | ProblemCode::UpstreamTimeout
            | ProblemCode::Busy
            | ProblemCode::IssuerUnavailable
            | ProblemCode::KeysUnavailable
            | ProblemCode::PolicyInvalid
            | ProblemCode::EdgeMisconfigured
            | ProblemCode::TokenRevoked
            | ProblemCode::RevocationsUnavailable
            | ProblemCode::CsrfUnavailable
            | ProblemCode::SigningUnavailable => None,
        }
    }
}

label_values! {
    /// Where a password is.
    Place {
        /// It is being hashed.
        Running = "running",
        /// It waits for a core.
        Waiting = "waiting",
    }
}

label_values! {
    /// What became of a password that was to be hashed.
    Fate {
        /// It was hashed.
        Hashed = "hashed",
        /// There was no place to wait.
        TurnedAway = "turned_away",
    }
}

label_values! {
    /// A part that readiness asks.
    Check {
        /// The database.
        Database = "database",
        /// The key that signs access tokens.
        SigningKey = "signing_key",
        /// The key of CSRF tokens.
        CsrfSecret = "csrf_secret",
        /// The origin of the site.
        Origins = "origins",
        /// Redis, where it is configured.
        Redis = "redis",
        /// Key-encryption keys that are not in this process, where there are any.
        Custody = "custody",
    }
}

label_values! {
    /// A method. What no route here knows is one value, however it is spelt.
    Verb {
        /// `GET`
        Get = "GET",
        /// `HEAD`
        Head = "HEAD",
        /// `POST`
        Post = "POST",
        /// `PUT`
        Put = "PUT",
        /// `DELETE`
        Delete = "DELETE",
        /// Any other.
        Other = "other",
    }
}

impl From<&Method> for Verb {
    fn from(method: &Method) -> Self {
        let known = [
            (Method::GET, Self::Get),
            (Method::HEAD, Self::Head),
            (Method::POST, Self::Post),
            (Method::PUT, Self::Put),
            (Method::DELETE, Self::Delete),
        ];
        let mut known = known.into_iter();
        known
            .find(|(name, _)| name == method)
            .map_or(Self::Other, |(_, verb)| verb)
    }
}

label_values! {
    /// The class of a status.
    StatusClass {
        /// 200 to 299.
        Success = "2xx",
        /// 300 to 399.
        Redirect = "3xx",
        /// 400 to 499: the client's to change.
        Refused = "4xx",
        /// The issuer's own.
        Failed = "5xx",
    }
}

impl From<StatusCode> for StatusClass {
    fn from(status: StatusCode) -> Self {
        if status.is_success() {
            Self::Success
        } else if status.is_redirection() {
            Self::Redirect
        } else if status.is_client_error() {
            Self::Refused
        } else {
            Self::Failed
        }
    }
}

/// A route of ours by its pattern, as in `/auth/sessions/{id}`; never a path as it was sent.
#[derive(Clone)]
pub struct Route(Option<MatchedPath>);

impl Route {
    /// The pattern that the router found, if it found one.
    #[must_use]
    pub const fn matched(path: Option<MatchedPath>) -> Self {
        Self(path)
    }

    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        fmt::Write::write_str(encoder, self.as_str())
    }
}

/// The labels of sign-ins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoginLabels {
    result: LoginResult,
    reason: LoginReason,
}

impl LoginLabels {
    pub(super) const fn of(reason: LoginReason) -> Self {
        let result = reason.result();
        Self { result, reason }
    }
}

/// The labels of refreshes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefreshLabels {
    pub(super) result: RefreshResult,
}

/// The labels of CSRF checks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CsrfLabels {
    pub(super) result: CsrfResult,
}

/// The labels of failed attempts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FailedAttemptLabels {
    pub(super) credential: Credential,
}

/// The labels of failures.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FailureLabels {
    pub(super) kind: Fault,
}

/// The labels of refusals: one of the public codes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusalLabels {
    code: &'static str,
}

impl RefusalLabels {
    pub(super) const fn of(code: ProblemCode) -> Self {
        Self { code: code.code() }
    }
}

/// The labels of requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Which route.
    pub route: Route,
    /// How it was asked.
    pub method: Verb,
    /// How it ended.
    pub status: StatusClass,
}

/// The labels of the time that requests take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    pub(super) route: Route,
}

/// The labels of readiness.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CheckLabels {
    pub(super) check: Check,
}
