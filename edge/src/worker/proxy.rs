//! Sending a request on, and its answer back.
//!
//! Bodies stream both ways and are never looked at. Redirects are the client's to follow. Every `Set-Cookie` stays apart,
//! because the answer is handed on as the runtime's own object. The platform's cache is asked only for what is for anyone.
//! What an upstream does wrong is said with a public code and without a name, an address or a message from inside.

use edgeward_core::gate::{Destination, Permit, ResponsePolicy};
use edgeward_core::problem::ProblemCode;
use wasm_bindgen::JsValue;
use web_sys::Request;

use super::config::{Origin, Settings};
use super::exchange::{Exchange, Forwarded};
use super::identity::Bound;
use super::introduction;
use super::outbound::{self, Authorization, ClientHeaders};
use super::request::Inbound;
use super::runtime::{self, Sending, To};
use super::target::Target;

/// Because every answer of the issuer is short and made at once; the slowest waits in its queue for password hashes.
const ISSUER_TIMEOUT_MILLISECONDS: u32 = 20_000;

/// Statuses with which the platform itself reports that an origin cannot be reached; their pages name the backend.
const PLATFORM_FAILURES: std::ops::RangeInclusive<u16> = 520..=530;

/// The one of them that says that the origin was reached and did not answer.
const PLATFORM_TIMEOUT: u16 = 524;

/// Why nothing came back that could be handed on.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the client is told.
    pub(super) code: ProblemCode,
    /// For the log, from a closed list.
    pub(super) reason: &'static str,
}

/// Sends the request to the app, with the identity of the permit.
///
/// # Errors
/// The edge's key could not sign, or not even a refusal could be made.
pub(super) fn to_app(
    original: &Request,
    forwarded: &Forwarded,
    exchange: Exchange,
) -> Result<JsValue, Failure> {
    let Forwarded {
        inbound,
        permit,
        settings,
    } = forwarded;
    let authorization = if permit.drops_credential() {
        Authorization::EndsHere
    } else {
        Authorization::GoesOn
    };
    let bound = permit.binds_request().then(|| Bound {
        method: &inbound.method,
        path: permit.path().as_str(),
    });
    let introduction = permit
        .identity()
        .map(|who| introduction::of(who, bound, settings, inbound.now))
        .transpose()
        .map_err(|_| internal("assertion-not-signed"))?;
    let client = ClientHeaders::of(original, settings);
    let headers = outbound::to_app(
        &client,
        inbound,
        settings,
        introduction.as_ref(),
        authorization,
    );
    let upstream = &settings.app_upstream;
    let sending = Sending {
        to: To::Address(&address(upstream, permit.path().as_str(), inbound.query())),
        has_body: has_body(inbound),
        no_store: !is_for_anyone(permit, inbound, settings),
        timeout: None,
        patience: settings.app_patience,
        one_line: false,
        headers,
    };
    runtime::send(original, sending, exchange).map_err(|_| internal("not-refused"))
}

/// Sends the request to the issuer, with the edge's proof.
///
/// # Errors
/// The address or the proof could not be made, or not even a refusal.
pub(super) fn to_issuer(
    original: &Request,
    forwarded: &Forwarded,
    exchange: Exchange,
) -> Result<JsValue, Failure> {
    let Forwarded {
        inbound,
        permit,
        settings,
    } = forwarded;
    let not_made = || Failure {
        code: ProblemCode::IssuerUnavailable,
        reason: "request-not-made",
    };
    let url = address(
        &settings.issuer_upstream,
        permit.path().as_str(),
        inbound.query(),
    );
    let draft = runtime::draft(&url).map_err(|_| not_made())?;
    // The proof names the address as it leaves: the runtime may have encoded a character of the query.
    let leaving = draft.url();
    let target = Target::split(&leaving).ok_or_else(not_made)?;
    let client = ClientHeaders::of(original, settings);
    let headers = outbound::to_issuer(&client, inbound, settings, &target.path_and_query())
        .map_err(|_| internal("proof-not-signed"))?;
    let sending = Sending {
        to: To::Draft(draft),
        has_body: has_body(inbound),
        no_store: true,
        timeout: Some(ISSUER_TIMEOUT_MILLISECONDS),
        patience: None,
        // It judges more of them than the gate does, and shall find no second line behind the first.
        one_line: true,
        headers,
    };
    runtime::send(original, sending, exchange).map_err(|_| internal("not-refused"))
}

/// Whether a status is the platform's own word for an upstream that it cannot reach.
pub(super) fn is_platform_failure(status: u16) -> bool {
    PLATFORM_FAILURES.contains(&status)
}

/// Whether a status is the platform's word for an upstream that took too long.
pub(super) const fn is_platform_timeout(status: u16) -> bool {
    status == PLATFORM_TIMEOUT
}

/// What the client is told if the permit's destination does not do its part.
pub(super) const fn code(permit: &Permit) -> ProblemCode {
    match permit.destination() {
        Destination::App => ProblemCode::UpstreamFailed,
        Destination::Issuer => ProblemCode::IssuerUnavailable,
    }
}

/// The permit's destination cannot be reached.
pub(super) const fn unreachable(permit: &Permit) -> Failure {
    Failure {
        code: code(permit),
        reason: match permit.destination() {
            Destination::App => "app-unreachable",
            Destination::Issuer => "issuer-unreachable",
        },
    }
}

/// The permit's destination takes too long.
pub(super) const fn late(permit: &Permit) -> Failure {
    match permit.destination() {
        Destination::App => Failure {
            code: ProblemCode::UpstreamTimeout,
            reason: "app-too-late",
        },
        Destination::Issuer => Failure {
            code: ProblemCode::IssuerUnavailable,
            reason: "issuer-too-late",
        },
    }
}

const fn internal(reason: &'static str) -> Failure {
    Failure {
        code: ProblemCode::Internal,
        reason,
    }
}

/// The canonical path that was judged, and the query as it came.
fn address(upstream: &Origin, path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{upstream}{path}?{query}"),
        None => format!("{upstream}{path}"),
    }
}

/// Whether the answer may come from the platform's own cache, and stay there. It lies between the edge and the upstream,
/// keeps by file name (`/app/invoice.pdf`) what does not forbid it, and finds it again by the upstream's address alone: not
/// by who asked, nor by the host that was asked for.
fn is_for_anyone(permit: &Permit, inbound: &Inbound, settings: &Settings) -> bool {
    permit.response_policy() == ResponsePolicy::Untouched
        && permit.identity().is_none()
        && inbound.host == settings.issuer.authority()
}

/// GET and HEAD have no body that means anything (RFC 9110, section 9.3.1), and fetch refuses one.
fn has_body(inbound: &Inbound) -> bool {
    !matches!(inbound.method.as_str(), "GET" | "HEAD")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::identity::tests::access_token;
    use crate::worker::request::tests::inbound;
    use edgeward_core::gate::{Decision, Gate, decide};
    use edgeward_core::keys::KeySet;
    use std::str::FromStr as _;

    const POLICY: &str = "version = 1\n\
        [[route]]\npath = \"/public\"\nallow = \"public\"\n\
        [[route]]\npath = \"/mine\"\nallow = \"signed-in\"\n";

    fn permitted(request: &Inbound, settings: &Settings, keys: &KeySet) -> Permit {
        let gate = Gate {
            policy: &settings.policy,
            site: settings.issuer.as_str(),
            keys: Some(keys),
            keys_are_final: true,
            expect: &settings.expect,
            answer: None,
            seen: None,
            revocations: None,
        };
        let view = request.view(&settings.cookies);
        let Decision::Forward(permit) = decide(&gate, &view, request.now) else {
            panic!("{} is let through", view.host)
        };
        permit
    }

    /// A permit for `/public`, which is for anyone, or for `/mine`, which is for the signed-in; its caller is signed in there.
    pub(in super::super) fn permit(path: &str) -> Permit {
        let settings = settings_with(&[("GATE_POLICY", POLICY)]).ok().unwrap();
        let (token, keys) = access_token(&serde_json::json!({}));
        let bearer = format!("Bearer {token}");
        let headers: &[_] = match path {
            "/public" => &[],
            _ => &[("authorization", bearer.as_str())],
        };
        let request = inbound("GET", &format!("https://app.test{path}"), headers);
        permitted(&request, &settings, &keys)
    }

    #[test]
    fn the_judged_path_and_the_query_as_it_came_make_the_address() {
        let upstream = Origin::from_str("http://127.0.0.1:3000").unwrap();
        for (path, query, expected) in [
            ("/a", None, "http://127.0.0.1:3000/a"),
            ("/a", Some("b=%27&c"), "http://127.0.0.1:3000/a?b=%27&c"),
            ("/a", Some(""), "http://127.0.0.1:3000/a?"),
        ] {
            assert_eq!(address(&upstream, path, query), expected);
        }
    }

    #[test]
    fn only_what_anyone_may_see_is_left_to_the_platforms_cache() {
        let settings = settings_with(&[("GATE_POLICY", POLICY)]).ok().unwrap();
        let (token, keys) = access_token(&serde_json::json!({}));
        let bearer = format!("Bearer {token}");
        for (url, authorization, expected) in [
            ("https://app.test/public", None, true),
            ("https://app.test/public", Some(bearer.as_str()), false),
            ("https://app.test/public", Some("Bearer x.y.z"), true),
            ("https://app.test/mine", Some(bearer.as_str()), false),
            ("https://other.test/public", None, false),
        ] {
            let headers: Vec<_> = authorization
                .map(|value| ("authorization", value))
                .into_iter()
                .collect();
            let request = inbound("GET", url, &headers);
            let permit = permitted(&request, &settings, &keys);
            assert_eq!(
                is_for_anyone(&permit, &request, &settings),
                expected,
                "{url} {authorization:?}"
            );
        }
    }
}
