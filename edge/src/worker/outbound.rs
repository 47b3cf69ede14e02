//! The headers of the requests that the edge sends on.
//!
//! First everything that the client may say (`core::gate::headers`), then what the edge says itself, so that nothing of
//! the client's can stand in its place. The runtime makes `Host` and the framing anew.

use std::net::IpAddr;

use edgeward_core::cookie::CookieHeader;
use edgeward_core::gate::Credential;
use edgeward_core::gate::headers::passable;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{SignError, Verified};

use super::config::Settings;
use super::introduction;
use super::proof::{PROOF_HEADER, Proven};
use super::request::Inbound;
use super::response_headers::REQUEST_ID;
use super::runtime::HeaderList;
use super::unique;

/// Made anew by the runtime for each connection; `expect` was answered by the runtime already.
const MADE_ANEW: [&str; 3] = ["host", "content-length", "expect"];

/// Whether the client's `Authorization` may go on to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authorization {
    /// Its token holds, or no token was sent.
    GoesOn,
    /// A token was sent that is not acceptable; the app shall not take it for a proof. Other schemes than `Bearer` are the
    /// app's own and go on: the token may have come in the cookie.
    EndsHere,
}

/// The headers for the app: without our cookies, with the identity.
///
/// # Errors
/// The edge's key could not sign.
pub(super) fn to_app(
    inbound: &Inbound,
    settings: &Settings,
    who: Option<&Verified>,
    authorization: Authorization,
) -> Result<HeaderList, SignError> {
    let mut headers = from_client(inbound);
    let drops_authorization =
        authorization == Authorization::EndsHere && bears_a_token(inbound, settings);
    headers
        .retain(|(name, _)| name != "cookie" && (name != "authorization" || !drops_authorization));
    if let Some(cookies) = inbound.cookies().without(&settings.cookies.all()) {
        headers.push(("cookie".to_owned(), cookies));
    }
    set(&mut headers, REQUEST_ID, inbound.id.clone());
    set(&mut headers, "x-forwarded-host", inbound.host.clone());
    set(
        &mut headers,
        "x-forwarded-proto",
        settings.issuer.scheme().to_owned(),
    );
    if let Some(client) = inbound.client {
        set(&mut headers, "x-forwarded-for", client.to_string());
    }
    if let Some(who) = who {
        for (name, value) in introduction::of(who, settings, inbound.now)?.iter() {
            set(&mut headers, name, value.clone());
        }
    }
    Ok(headers)
}

/// The headers for the issuer: with all cookies, and the proof for exactly this method and address.
///
/// # Errors
/// The edge's key could not sign.
pub(super) fn to_issuer(
    inbound: &Inbound,
    settings: &Settings,
    path_and_query: &str,
) -> Result<HeaderList, SignError> {
    let mut headers = from_client(inbound);
    let own = proof_headers(
        settings,
        &inbound.method,
        path_and_query,
        inbound.client,
        &inbound.id,
        inbound.now,
    )?;
    for (name, value) in own {
        set(&mut headers, name, value);
    }
    Ok(headers)
}

/// What the edge itself says on every request to the issuer.
///
/// # Errors
/// The edge's key could not sign.
pub(super) fn proof_headers(
    settings: &Settings,
    method: &str,
    path_and_query: &str,
    client: Option<IpAddr>,
    request_id: &str,
    now: UnixTime,
) -> Result<Vec<(&'static str, String)>, SignError> {
    let id = unique::name();
    let proof = Proven {
        id: &id,
        method,
        path_and_query,
        client,
        request_id,
    }
    .sign(settings, now)?;
    let mut headers = vec![(PROOF_HEADER, proof), (REQUEST_ID, request_id.to_owned())];
    headers.extend(super::clock::for_issuer(now));
    Ok(headers)
}

/// Whether `Authorization` holds what core would take for a token, acceptable or not.
fn bears_a_token(inbound: &Inbound, settings: &Settings) -> bool {
    let no_cookies = CookieHeader::parse(&[]);
    Credential::from_headers(
        inbound.header("authorization").as_slice(),
        &no_cookies,
        &settings.cookies,
    ) != Credential::None
}

fn from_client(inbound: &Inbound) -> HeaderList {
    let all: Vec<_> = inbound
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut headers: HeaderList = passable(&all)
        .into_iter()
        .filter(|(name, _)| !MADE_ANEW.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if inbound.wants_websocket() {
        // Hop by hop, so it was dropped with its kind; this hop wants it too.
        set(&mut headers, "upgrade", "websocket".to_owned());
    }
    headers
}

fn set(headers: &mut HeaderList, name: &'static str, value: String) {
    headers.retain(|(candidate, _)| candidate != name);
    headers.push((name.to_owned(), value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::request::tests::inbound;

    fn header<'h>(headers: &'h HeaderList, name: &str) -> Option<&'h str> {
        let mut values = headers
            .iter()
            .filter(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        assert!(values.next().is_none(), "{name} stands twice");
        first
    }

    #[test]
    fn the_app_gets_what_is_the_clients_own_and_nothing_of_ours() {
        let settings = settings_with(&[]).ok().unwrap();
        let mut request = inbound(
            "GET",
            "http://app.test/a",
            &[
                ("host", "app.test"),
                ("accept-language", "de"),
                ("content-length", "3"),
                ("expect", "100-continue"),
                ("connection", "close, x-hop"),
                ("x-hop", "1"),
                ("transfer-encoding", "chunked"),
                ("edgeward-user", "admin"),
                ("edgeward_roles", "admin"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-host", "evil.test"),
                ("x-request-id", "forged"),
                ("x-middleware-subrequest", "middleware"),
                (
                    "cookie",
                    "theme=dark; __Host-edgeward-access=T; __Host-edgeward-refresh=R; __Host-edgeward-session=S",
                ),
            ],
        );
        request.client = Some("203.0.113.7".parse().unwrap());
        let mut headers = to_app(&request, &settings, None, Authorization::GoesOn).unwrap();
        headers.sort();
        let expected = [
            ("accept-language", "de"),
            ("cookie", "theme=dark"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-host", "app.test"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "r-1"),
        ];
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(headers, expected);
    }

    #[test]
    fn an_unknown_client_is_not_made_up() {
        let settings = settings_with(&[]).ok().unwrap();
        let request = inbound(
            "GET",
            "http://app.test/a",
            &[("x-forwarded-for", "10.0.0.1")],
        );
        assert_eq!(
            header(
                &to_app(&request, &settings, None, Authorization::GoesOn).unwrap(),
                "x-forwarded-for"
            ),
            None
        );
    }

    #[test]
    fn a_refused_token_ends_at_the_edge() {
        let settings = settings_with(&[]).ok().unwrap();
        for (said, authorization, goes_on) in [
            ("Bearer x.y.z", Authorization::GoesOn, true),
            ("Bearer x.y.z", Authorization::EndsHere, false),
            ("bearer\tx.y.z", Authorization::EndsHere, false),
            ("Basic dTpw", Authorization::EndsHere, true),
        ] {
            let request = inbound("GET", "http://app.test/a", &[("authorization", said)]);
            let headers = to_app(&request, &settings, None, authorization).unwrap();
            assert_eq!(
                header(&headers, "authorization"),
                goes_on.then_some(said),
                "{said}"
            );
        }
    }

    #[test]
    fn an_upgrade_is_asked_for_again() {
        let settings = settings_with(&[]).ok().unwrap();
        let request = inbound(
            "GET",
            "http://app.test/a",
            &[
                ("upgrade", "websocket"),
                ("connection", "Upgrade"),
                ("sec-websocket-protocol", "chat"),
            ],
        );
        let headers = to_app(&request, &settings, None, Authorization::GoesOn).unwrap();
        assert_eq!(header(&headers, "upgrade"), Some("websocket"));
        assert_eq!(header(&headers, "sec-websocket-protocol"), Some("chat"));
        assert_eq!(header(&headers, "connection"), None);
    }
}
