//! The edge's own health: that it runs, with settings and a policy it can read.
//!
//! It asks nobody else. Whether the issuer and the app are well is theirs to say.

use edgeward_core::gate::PolicyState;
use edgeward_core::problem::ProblemCode;

use super::config::Settings;
use super::reply::{Reader, Reply};
use super::request::Inbound;

/// Answered here and never judged or forwarded.
pub(super) const PATH: &str = "/_edgeward/health";

/// `200 {"status":"ok"}`, or `503 POLICY_INVALID`; broken settings have been refused before.
pub(super) fn answer(inbound: &Inbound, settings: &Settings) -> Reply {
    match (inbound.method.as_str(), &settings.policy) {
        ("GET" | "HEAD", PolicyState::Ready(_)) => {
            Reply::json(200, "{\"status\":\"ok\"}".to_owned())
        }
        ("GET" | "HEAD", PolicyState::Broken(_)) => {
            Reply::refusal(ProblemCode::PolicyInvalid, Reader::Program, &inbound.id)
        }
        _ => Reply::refusal(ProblemCode::MethodNotAllowed, Reader::Program, &inbound.id)
            .with("allow", "GET, HEAD".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::request::tests::inbound;

    #[test]
    fn health_follows_the_policy() {
        for (method, policy, status) in [
            ("GET", "version = 1", 200),
            ("HEAD", "version = 1", 200),
            ("GET", "version = 2", 503),
            ("POST", "version = 1", 405),
        ] {
            let settings = settings_with(&[("GATE_POLICY", policy)]).ok().unwrap();
            let request = inbound(method, "http://app.test/_edgeward/health", &[]);
            assert_eq!(
                answer(&request, &settings).status,
                status,
                "{method} {policy}"
            );
        }
    }
}
