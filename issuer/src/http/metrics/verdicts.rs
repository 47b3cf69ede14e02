//! What is counted of forward-auth.

use edgeward_core::problem::ProblemCode;
use prometheus_client::encoding::EncodeLabelSet;

use super::labels::label_values;

label_values! {
    /// What a proxy was told about a request.
    VerdictResult {
        /// It may pass.
        Passed = "passed",
        /// It passes, or its token is said to be good, although ended sessions could not be read in time.
        Unconfirmed = "unconfirmed",
        /// A person is led to another page.
        Redirected = "redirected",
        /// The gate answered in place of the app: `/auth/verify-token`, or a preflight.
        Answered = "answered",
        /// The policy refuses it.
        Refused = "refused",
        /// It is over a limit.
        Limited = "limited",
        /// It is not clear which request the proxy asks about.
        Unclear = "unclear",
        /// Who asked is no configured proxy.
        Untrusted = "untrusted",
        /// It could not be judged.
        Failed = "failed",
    }
}

impl VerdictResult {
    /// How a refusal with this code counts.
    #[must_use]
    pub const fn refused_with(code: ProblemCode) -> Self {
        if matches!(code, ProblemCode::UnclearRequest) {
            return Self::Unclear;
        }
        if matches!(code, ProblemCode::ProxyNotTrusted) {
            return Self::Untrusted;
        }
        match code.status() {
            429 => Self::Limited,
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// The labels of verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VerdictLabels {
    pub(super) result: VerdictResult,
}
