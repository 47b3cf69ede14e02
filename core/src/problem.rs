//! Every refusal that leaves Edgeward as JSON, in one closed table: its stable code, its HTTP status and its title.
//!
//! The body is `application/problem+json` (RFC 9457). The edge and the issuer both answer from this table, so a
//! client meets one code with one meaning wherever it was refused. This module does not write responses, and it
//! never sees a token: what goes into `detail` is chosen by the caller and is public.

use alloc::string::{String, ToString};
use core::fmt;

/// The media type of a problem body (RFC 9457, section 3).
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// The closed list of public error codes. A code, once published, never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemCode { $($(#[$doc])* $variant,)* }

        impl ProblemCode {
            /// Every code, in the order of the table; documentation and tests walk it.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable public code, for example `TOKEN_EXPIRED`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that the code is answered with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short sentence for people, the same for every occurrence (RFC 9457, section 3.1.3).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// The entry of the table with this code, or `None` for a code that is not ours.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.code() == code)
            }
        }
    };
}

problem_codes! {
    /// The request's syntax or a field's content is wrong; `detail` names the fields.
    ValidationFailed = "VALIDATION_FAILED", 422, "Some fields are not acceptable.";
    /// The body is not the JSON or form it claims to be.
    MalformedBody = "MALFORMED_BODY", 400, "The request body cannot be read.";
    /// The body's media type is not one that this resource reads.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "This media type is not accepted here.";
    /// The body is longer than this resource reads.
    BodyTooLarge = "BODY_TOO_LARGE", 413, "The request body is too large.";
    /// The body that has to be read before anything is decided did not arrive in time.
    BodyTooSlow = "BODY_TOO_SLOW", 408, "The request body took too long to arrive.";
    /// The headers that say who asks are longer than anybody reads.
    HeadersTooLarge = "HEADERS_TOO_LARGE", 431, "The request's headers are too large.";
    /// The path is longer than is judged.
    PathTooLong = "PATH_TOO_LONG", 414, "The path is too long.";
    /// The path can be read in more than one way, so no rule can judge it.
    AmbiguousPath = "AMBIGUOUS_PATH", 400, "The path can be read in more than one way.";
    /// The proxy that asks for a verdict does not say, or says twice or in contradictory ways, about which request.
    UnclearRequest = "UNCLEAR_REQUEST", 400, "The proxy does not say clearly which request it asks about.";
    /// More than one credential was sent, or one that can be read in more than one way.
    AmbiguousCredentials = "AMBIGUOUS_CREDENTIALS", 400, "More than one credential was sent.";
    /// There is nothing at this path.
    NotFound = "NOT_FOUND", 404, "There is nothing here.";
    /// The resource exists, the method does not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "This method is not allowed here.";

    /// No credential was sent where one is needed.
    NotSignedIn = "NOT_SIGNED_IN", 401, "Sign in first.";
    /// The access token's time is over; refreshing helps.
    TokenExpired = "TOKEN_EXPIRED", 401, "The access token has expired.";
    /// The access token's time has not begun; the clocks disagree.
    TokenNotYetValid = "TOKEN_NOT_YET_VALID", 401, "The access token is not valid yet.";
    /// The access token is refused. The edge tells the exact rule to its log only; the issuer also names it in `detail`.
    InvalidToken = "INVALID_TOKEN", 401, "The access token is not acceptable.";
    /// What the access token belongs to, its session for example, was ended before its time.
    TokenRevoked = "TOKEN_REVOKED", 401, "The access token was revoked.";
    /// The access token names a key that the issuer does not list.
    UnknownKey = "UNKNOWN_KEY", 401, "The access token was signed by an unknown key.";
    /// E-mail and password do not belong together, or there is no such user: the two are not told apart.
    InvalidCredentials = "INVALID_CREDENTIALS", 401, "The e-mail address or the password is wrong.";
    /// Too many wrong passwords; the account opens again by itself.
    AccountLocked = "ACCOUNT_LOCKED", 423, "The account is locked for a while.";
    /// The new password is too easy to guess.
    WeakPassword = "WEAK_PASSWORD", 422, "The password is too weak.";
    /// An account with this e-mail address exists already.
    EmailTaken = "EMAIL_TAKEN", 409, "This e-mail address is already registered.";
    /// Somebody has to keep the role of administrators.
    LastAdmin = "LAST_ADMIN", 409, "Nobody else could administer this site.";
    /// What was to be changed is no longer as it was read.
    StaleVersion = "STALE_VERSION", 412, "This was changed meanwhile; read it again.";
    /// A change has to say which version it was decided upon (RFC 6585, section 3).
    VersionRequired = "VERSION_REQUIRED", 428, "Say in If-Match which version is to be changed.";
    /// Refreshing needs a refresh token, and none was sent.
    NoRefreshToken = "NO_REFRESH_TOKEN", 401, "No refresh token was sent.";
    /// Another request is refreshing the same session; repeat after `Retry-After`.
    RefreshInProgress = "REFRESH_IN_PROGRESS", 409, "The session is being refreshed by another request.";
    /// The refresh token is unknown, expired or malformed.
    InvalidRefreshToken = "INVALID_REFRESH_TOKEN", 401, "The refresh token is not acceptable.";
    /// An old refresh token came back: the session is ended, because somebody holds a copy.
    RefreshReused = "REFRESH_REUSED", 401, "The refresh token was used before; the session is ended.";
    /// The route wants a more recent or a stronger sign-in (RFC 9470).
    StepUpRequired = "STEP_UP_REQUIRED", 401, "Confirm your identity again.";
    /// The edge's proof of itself is present and wrong.
    EdgeProofInvalid = "EDGE_PROOF_INVALID", 401, "The edge's proof is not acceptable.";
    /// Only an enrolled edge that asks for itself may have this.
    EdgeProofRequired = "EDGE_PROOF_REQUIRED", 401, "Only an edge that asks for itself may read this.";
    /// The token of a mailed link was used, has expired or never was.
    LinkInvalid = "LINK_INVALID", 410, "This link does not work any more.";

    /// A challenge has to be solved that keeps machines out, and no answer to one was sent.
    CaptchaRequired = "CAPTCHA_REQUIRED", 403, "Solve the challenge first.";
    /// The answer to the challenge does not hold: it was not solved, was used before, or is too old.
    CaptchaInvalid = "CAPTCHA_INVALID", 403, "The challenge was not solved; try again.";

    /// No rule lets this request pass.
    RouteDenied = "ROUTE_DENIED", 403, "No rule allows this request.";
    /// The route is open to some addresses only, and the client's is none of them or not known.
    AddressNotAllowed = "ADDRESS_NOT_ALLOWED", 403, "Requests from your address are not allowed here.";
    /// The signed-in caller lacks the role that the route demands.
    InsufficientRole = "INSUFFICIENT_ROLE", 403, "Your role does not allow this.";
    /// The token lacks a scope that the route demands.
    InsufficientScope = "INSUFFICIENT_SCOPE", 403, "The token's scope does not allow this.";
    /// The CSRF token is missing, stale or wrong.
    CsrfInvalid = "CSRF_INVALID", 403, "The CSRF token is missing or not acceptable.";
    /// The request comes from a page of another origin.
    OriginRefused = "ORIGIN_REFUSED", 403, "Requests from this origin are refused.";
    /// Only a proxy that the configuration names may ask for a verdict.
    ProxyNotTrusted = "PROXY_NOT_TRUSTED", 403, "Only a configured proxy may ask this.";
    /// Too many requests; repeat after `Retry-After`.
    RateLimited = "RATE_LIMITED", 429, "Too many requests.";

    /// A defect of ours; the log knows more.
    Internal = "INTERNAL", 500, "Something went wrong.";
    /// The application behind the gate did not answer.
    UpstreamFailed = "UPSTREAM_FAILED", 502, "The application did not answer.";
    /// The application behind the gate did not begin to answer in time.
    UpstreamTimeout = "UPSTREAM_TIMEOUT", 504, "The application took too long to answer.";
    /// All places for costly work are taken; repeat after `Retry-After`.
    Busy = "BUSY", 503, "Too much is going on; try again in a moment.";
    /// Whoever holds the signing key does not answer, so no token can be made; repeat after `Retry-After`. Nothing was changed.
    SigningUnavailable = "SIGNING_UNAVAILABLE", 503, "Tokens cannot be signed at the moment.";
    /// The issuer did not answer.
    IssuerUnavailable = "ISSUER_UNAVAILABLE", 503, "The sign-in service is not available.";
    /// No key set could be loaded, so no token can be judged.
    KeysUnavailable = "KEYS_UNAVAILABLE", 503, "Tokens cannot be checked at the moment.";
    /// Whether the token was revoked cannot be known, and the route does not do without.
    RevocationsUnavailable = "REVOCATIONS_UNAVAILABLE", 503, "Revocations cannot be checked at the moment.";
    /// Whether the CSRF token is genuine cannot be known, and the route demands one.
    CsrfUnavailable = "CSRF_UNAVAILABLE", 503, "CSRF tokens cannot be checked at the moment.";
    /// The route policy cannot be read, so everything is refused.
    PolicyInvalid = "POLICY_INVALID", 503, "The route policy cannot be read.";
    /// The edge lacks a part of its configuration, so everything is refused.
    EdgeMisconfigured = "EDGE_MISCONFIGURED", 503, "The edge is not configured.";
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

/// One refusal, ready to be written as a problem body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status, also the status of the response.
    pub status: u16,
    /// The stable public code.
    pub code: &'static str,
    /// The sentence that belongs to the code.
    pub title: &'static str,
    /// What is particular to this occurrence. It is public: no token, no secret, no name of a backend.
    pub detail: Option<String>,
    /// A further member that a program reads (RFC 9457, section 3.2).
    pub number: Option<(&'static str, u32)>,
}

impl Problem {
    /// The problem as the table has it, without a detail.
    #[must_use]
    pub const fn new(code: ProblemCode) -> Self {
        Self {
            status: code.status(),
            code: code.code(),
            title: code.title(),
            detail: None,
            number: None,
        }
    }

    /// The same problem with a sentence about this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same problem with a further member.
    #[must_use]
    pub const fn with_number(mut self, name: &'static str, value: u32) -> Self {
        self.number = Some((name, value));
        self
    }

    /// The body: `{"type","title","status","code"}` and, where there is one, `"detail"`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut members = serde_json::Map::new();
        let mut member =
            |name: &str, value: serde_json::Value| members.insert(name.to_string(), value);
        member(
            "type",
            alloc::format!("urn:edgeward:problem:{}", self.code).into(),
        );
        member("title", self.title.into());
        member("status", self.status.into());
        member("code", self.code.into());
        if let Some(detail) = &self.detail {
            member("detail", detail.as_str().into());
        }
        if let Some((name, value)) = self.number {
            member(name, value.into());
        }
        serde_json::Value::Object(members).to_string()
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_code_is_unique_well_formed_and_found_again() {
        let mut seen = BTreeSet::new();
        for &problem in ProblemCode::ALL {
            let code = problem.code();
            assert!(seen.insert(code), "{code} appears twice");
            assert!(
                code.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
                "{code}"
            );
            assert!((400..600).contains(&problem.status()), "{code}");
            assert!(
                problem.title().ends_with('.'),
                "{code}: a title is a sentence"
            );
            assert_eq!(ProblemCode::from_code(code), Some(problem));
        }
        assert_eq!(ProblemCode::from_code("token_expired"), None);
    }

    #[test]
    fn the_body_is_what_rfc_9457_describes() {
        let body = Problem::new(ProblemCode::TokenExpired)
            .with_detail("say \"when\"")
            .to_json();
        let read: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
        assert_eq!(read["type"], "urn:edgeward:problem:TOKEN_EXPIRED");
        assert_eq!(read["status"], 401);
        assert_eq!(read["code"], "TOKEN_EXPIRED");
        assert_eq!(read["title"], "The access token has expired.");
        assert_eq!(read["detail"], "say \"when\"");
        let bare = Problem::new(ProblemCode::Internal).to_json();
        assert!(!bare.contains("detail"));
        let counted = Problem::new(ProblemCode::InvalidCredentials).with_number("attemptsLeft", 4);
        assert!(counted.to_json().contains("\"attemptsLeft\":4"));
    }
}
