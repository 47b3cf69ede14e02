//! The edge's own health: that it runs, with settings and a policy it can read.
//!
//! It asks nobody else. Whether the issuer and the app are well is theirs to say; but what this isolate knows of the feed of ended
//! sessions is told, because while it cannot be had, revoked tokens pass on most routes.

use edgeward_core::gate::PolicyState;
use edgeward_core::problem::ProblemCode;
use edgeward_core::revocation::State;
use edgeward_core::tally::Counted;

use super::config::Settings;
use super::reply::{Reader, Reply};
use super::request::Inbound;
use super::revocations::{self, Counts};
use super::tally;

/// Answered here and never judged or forwarded.
pub(super) const PATH: &str = "/_edgeward/health";

/// `200 {"status":"ok",…}`, or `503 POLICY_INVALID`; broken settings have been refused before.
pub(super) fn answer(inbound: &Inbound, settings: &Settings) -> Reply {
    match (inbound.method.as_str(), &settings.policy) {
        ("GET" | "HEAD", PolicyState::Ready(_)) => {
            let (state, counts) = revocations::standing();
            Reply::json(200, body(state, counts))
        }
        ("GET" | "HEAD", PolicyState::Broken(_)) => {
            Reply::refusal(ProblemCode::PolicyInvalid, Reader::Program, &inbound.id)
        }
        _ => Reply::refusal(ProblemCode::MethodNotAllowed, Reader::Program, &inbound.id)
            .with("allow", "GET, HEAD".to_owned()),
    }
}

/// Counted since the isolate started. How many sessions have ended is nobody's business.
fn body(state: State, counts: Counts) -> String {
    let Counts { fetches, failures } = counts;
    let passed_unconfirmed = tally::count(Counted::Unconfirmed);
    let state = match state {
        State::Unread => "unread",
        State::Read => "read",
        State::Failing => "failing",
    };
    format!(
        "{{\"status\":\"ok\",\"revocations\":{{\"feed\":\"{state}\",\"fetches\":{fetches},\"failures\":{failures},\
         \"passedUnconfirmed\":{passed_unconfirmed}}}}}"
    )
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
