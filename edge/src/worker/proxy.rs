//! Sending a request on, and its answer back.
//!
//! Bodies stream both ways and are never looked at. Redirects are the client's to follow. Every `Set-Cookie` stays apart,
//! because the answer is handed on as the runtime's own object. The platform's cache is asked only for what is for anyone.
//! What an upstream does wrong is said with a public code and without a name, an address or a message from inside.

use edgeward_core::gate::{Permit, ResponsePolicy};
use edgeward_core::problem::ProblemCode;
use js_sys::Promise;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Request, RequestCache, RequestInit, RequestRedirect, Response};

use super::config::{Origin, Settings};
use super::outbound::{self, Authorization};
use super::request::Inbound;
use super::runtime;
use super::target::Target;
use super::upstream_answer::Said;

/// Because every answer of the issuer is short and made at once; the slowest waits in its queue for password hashes.
const ISSUER_TIMEOUT_MILLISECONDS: u32 = 20_000;

/// Statuses with which the platform itself reports that an origin cannot be reached; their pages name the backend.
const PLATFORM_FAILURES: std::ops::RangeInclusive<u16> = 520..=530;

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
/// The app cannot be reached, or the request cannot be made.
pub(super) async fn to_app(
    original: &Request,
    inbound: &Inbound,
    permit: &Permit,
    settings: &Settings,
) -> Result<Response, Failure> {
    let failed = |reason| Failure {
        code: ProblemCode::UpstreamFailed,
        reason,
    };
    let authorization = if permit.drops_credential() {
        Authorization::EndsHere
    } else {
        Authorization::GoesOn
    };
    let headers =
        outbound::to_app(inbound, settings, permit.identity(), authorization).map_err(|_| {
            Failure {
                code: ProblemCode::Internal,
                reason: "assertion-not-signed",
            }
        })?;
    let url = address(
        &settings.app_upstream,
        permit.path().as_str(),
        inbound.query(),
    );
    let init = begin(original, inbound);
    if !is_for_anyone(permit, inbound, settings) {
        init.set_cache(RequestCache::NoStore);
    }
    let request =
        Request::new_with_str_and_init(&url, &init).map_err(|_| failed("request-not-made"))?;
    let sent = runtime::send(&request, &headers).map_err(|_| failed("header-not-sent"))?;
    let upstream = answered(sent)
        .await
        .ok_or_else(|| failed("app-unreachable"))?;
    let said = Said::by(&upstream);
    let changes = said.changes(&settings.app_upstream, permit, inbound, settings);
    runtime::hand_on(&upstream, &changes).map_err(|_| failed("answer-not-handed-on"))
}

/// Sends the request to the issuer, with the edge's proof.
///
/// # Errors
/// The issuer cannot be reached, or the request cannot be made.
pub(super) async fn to_issuer(
    original: &Request,
    inbound: &Inbound,
    permit: &Permit,
    settings: &Settings,
) -> Result<Response, Failure> {
    let failed = |reason| Failure {
        code: ProblemCode::IssuerUnavailable,
        reason,
    };
    let url = address(
        &settings.issuer_upstream,
        permit.path().as_str(),
        inbound.query(),
    );
    let init = begin(original, inbound);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(
        ISSUER_TIMEOUT_MILLISECONDS,
    )));
    let request =
        Request::new_with_str_and_init(&url, &init).map_err(|_| failed("request-not-made"))?;
    // The proof names the address as it leaves: the runtime may have encoded a character of the query.
    let leaving = request.url();
    let target = Target::split(&leaving).ok_or_else(|| failed("request-not-made"))?;
    let headers =
        outbound::to_issuer(inbound, settings, &target.path_and_query()).map_err(|_| Failure {
            code: ProblemCode::Internal,
            reason: "proof-not-signed",
        })?;
    let sent = runtime::send(&request, &headers).map_err(|_| failed("header-not-sent"))?;
    let upstream = answered(sent)
        .await
        .ok_or_else(|| failed("issuer-unreachable"))?;
    let said = Said::by(&upstream);
    let changes = said.changes(&settings.issuer_upstream, permit, inbound, settings);
    runtime::hand_on(&upstream, &changes).map_err(|_| failed("answer-not-handed-on"))
}

/// What the upstream answered, if it was the upstream.
async fn answered(sent: Promise) -> Option<Response> {
    let response: Response = JsFuture::from(sent).await.ok()?.unchecked_into();
    (!PLATFORM_FAILURES.contains(&response.status())).then_some(response)
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

/// Method and body of the request that goes on.
fn begin(original: &Request, inbound: &Inbound) -> RequestInit {
    let init = RequestInit::new();
    init.set_method(&inbound.method);
    init.set_redirect(RequestRedirect::Manual);
    // GET and HEAD have no body that means anything (RFC 9110, section 9.3.1), and fetch refuses one.
    if !matches!(inbound.method.as_str(), "GET" | "HEAD")
        && let Some(body) = original.body()
    {
        init.set_body(&body);
    }
    init
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
            keys: Some(keys),
            keys_are_final: true,
            expect: &settings.expect,
            answer: None,
            seen: None,
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
