//! `WWW-Authenticate` (RFC 6750, section 3; RFC 9470, section 3).
//!
//! Only constants and words that the policy's reader has checked stand between quotation marks; nothing of the request.

use alloc::format;
use alloc::string::{String, ToString};

use super::policy::StepUp;
use crate::problem::ProblemCode;

/// No credential was sent: no error attribute (RFC 6750, section 3.1).
pub(super) fn none_sent() -> String {
    "Bearer".to_string()
}

/// A credential was sent and is not acceptable.
pub(super) fn invalid_token(code: ProblemCode) -> String {
    let description = if code == ProblemCode::TokenExpired {
        "The access token expired"
    } else if code == ProblemCode::TokenRevoked {
        "The access token was revoked"
    } else {
        "The access token is not acceptable"
    };
    format!("Bearer error=\"invalid_token\", error_description=\"{description}\"")
}

/// The token lacks one of these scopes, all of which the route demands.
pub(super) fn insufficient_scope(scopes: &[String]) -> String {
    format!(
        "Bearer error=\"insufficient_scope\", scope=\"{}\"",
        scopes.join(" ")
    )
}

/// The sign-in is too old or too weak. `acr_values` lists the methods of authentication of which one would do.
pub(super) fn insufficient_user_authentication(step_up: &StepUp) -> String {
    let mut challenge = "Bearer error=\"insufficient_user_authentication\", \
                         error_description=\"A more recent or stronger sign-in is required\""
        .to_string();
    if let Some(seconds) = step_up.max_age_seconds {
        challenge.push_str(&format!(", max_age=\"{seconds}\""));
    }
    if !step_up.amr.is_empty() {
        challenge.push_str(&format!(", acr_values=\"{}\"", step_up.amr.join(" ")));
    }
    challenge
}
