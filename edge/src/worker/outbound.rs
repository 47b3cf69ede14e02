//! The headers of the requests that the edge sends on.
//!
//! First everything ends that the client may not say (`core::gate::headers`), then what the edge says itself is set, so that
//! nothing of the client's can stand in its place. The runtime makes `Host` and the framing anew. Only the names of the
//! client's headers are looked at, but for a few; the values go from one object of the runtime's to the other.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use edgeward_core::cookie::CookieNames;
use edgeward_core::gate::headers::impassable;
use edgeward_core::time::UnixTime;
use edgeward_core::token::SignError;
use edgeward_core::trace::{TRACEPARENT, TRACESTATE};
use web_sys::Request;

use super::config::Settings;
use super::introduction::Introduction;
use super::proof::{Asker, PROOF_HEADER, Proven};
use super::request::Inbound;
use super::response_headers::REQUEST_ID;
use super::runtime::{self, Names, Onward};
use super::unique;

/// Whether the client's `Authorization` may go on to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authorization {
    /// Its token holds, or no token was sent.
    GoesOn,
    /// A token was sent that is not acceptable; the app shall not take it for a proof. Other schemes than `Bearer` are the
    /// app's own and go on: the token may have come in the cookie.
    EndsHere,
}

/// What there is to know about the headers of a request that goes on, besides those that decided it.
pub(super) struct ClientHeaders {
    /// In lower case.
    names: Vec<String>,
    connection: Option<String>,
    /// The client's address, if the platform said it.
    pub(super) address: Option<IpAddr>,
    /// By which the issuer knows a browser without a device cookie.
    pub(super) user_agent: Option<String>,
}

thread_local! {
    /// The settings of an isolate are read once.
    static READ_LAST: OnceCell<Names> = const { OnceCell::new() };
}

impl ClientHeaders {
    /// Reads them.
    pub(super) fn of(request: &Request, settings: &Settings) -> Self {
        let (headers, names) = READ_LAST.with(|wanted| {
            let address = settings.client_address_header.as_deref();
            let wanted = wanted.get_or_init(|| {
                let names: Vec<_> = ["connection", "user-agent"]
                    .into_iter()
                    .chain(address)
                    .collect();
                Names::new(&names)
            });
            runtime::names(request, wanted)
        });
        let said = |name: &str| {
            let found = headers.iter().find(|(candidate, _)| candidate == name)?;
            Some(found.1.clone())
        };
        Self {
            names,
            connection: said("connection"),
            user_agent: said("user-agent"),
            address: settings.client_address(said),
        }
    }

    /// What may go on as the client said it.
    fn go_on(&self, inbound: &Inbound) -> Onward<'_> {
        let names = || self.names.iter().map(String::as_str);
        let gone = impassable(names(), self.connection.as_deref().as_slice());
        let mut set = Vec::new();
        if inbound.opens_websocket() {
            // Hop by hop, so it ended with its kind; this hop wants it too.
            set.push(("upgrade", "websocket".into()));
        }
        Onward { gone, set }
    }
}

/// The headers for the app: without our cookies, with the identity.
pub(super) fn to_app<'h>(
    client: &'h ClientHeaders,
    inbound: &'h Inbound,
    settings: &'h Settings,
    introduction: Option<&'h Introduction>,
    authorization: Authorization,
) -> Onward<'h> {
    let Onward { mut gone, mut set } = client.go_on(inbound);
    if inbound.header("cookie").is_some() {
        match inbound.cookies().without(&CookieNames::OF_EVERY_SETTING) {
            Some(cookies) => set.push(("cookie", cookies.into())),
            None => gone.push("cookie"),
        }
    }
    if let Some(value) = inbound.header("authorization") {
        if authorization == Authorization::EndsHere && inbound.bears_token(&settings.cookies) {
            gone.push("authorization");
        } else if value.contains(',') {
            // Perhaps two lines that the runtime joined: the app shall read what was judged, and not the first or the last.
            set.push(("authorization", value.into()));
        }
    }
    set.push((REQUEST_ID, inbound.id.as_str().into()));
    trace(inbound, &mut gone, &mut set);
    set.push(("x-forwarded-host", inbound.host.as_str().into()));
    set.push(("x-forwarded-proto", settings.issuer.scheme().into()));
    if let Some(address) = client.address {
        set.push(("x-forwarded-for", address.to_string().into()));
    }
    let introduction = introduction.into_iter().flat_map(|said| said.iter());
    set.extend(introduction.map(|(name, value)| (*name, value.as_str().into())));
    Onward { gone, set }
}

/// The trace goes on as it was understood; what was said about one that was not ends here (Trace Context, section 4.3).
fn trace<'h>(
    inbound: &'h Inbound,
    gone: &mut Vec<&'h str>,
    set: &mut Vec<(&'static str, Cow<'h, str>)>,
) {
    set.extend(inbound.traceparent().map(|said| (TRACEPARENT, said.into())));
    if !inbound.brought_trace {
        gone.push(TRACESTATE);
    }
}

/// The headers for the issuer: with all cookies, and the proof for exactly this method and address.
///
/// # Errors
/// The edge's key could not sign.
pub(super) fn to_issuer<'h>(
    client: &'h ClientHeaders,
    inbound: &'h Inbound,
    settings: &Settings,
    path_and_query: &str,
) -> Result<Onward<'h>, SignError> {
    let mut headers = client.go_on(inbound);
    let own = proof_headers(
        settings,
        &inbound.method,
        path_and_query,
        Asker::Client(client.address),
        &inbound.id,
        inbound.now,
    )?;
    headers
        .set
        .extend(own.into_iter().map(|(name, value)| (name, value.into())));
    trace(inbound, &mut headers.gone, &mut headers.set);
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
    asker: Asker,
    request_id: &str,
    now: UnixTime,
) -> Result<Vec<(&'static str, String)>, SignError> {
    let id = unique::name();
    let proof = Proven {
        id: &id,
        method,
        path_and_query,
        asker,
        request_id,
    }
    .sign(settings, now)?;
    let mut headers = vec![(PROOF_HEADER, proof), (REQUEST_ID, request_id.to_owned())];
    headers.extend(super::clock::for_issuer(now));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::request::tests::inbound;

    /// What reaches the app of a request with these headers.
    fn arrive(
        sent: &[(&str, &str)],
        address: Option<&str>,
        authorization: Authorization,
    ) -> Vec<(String, String)> {
        let settings = settings_with(&[]).ok().unwrap();
        let request = inbound("GET", "http://app.test/a", sent);
        let client = ClientHeaders {
            names: sent.iter().map(|(name, _)| (*name).to_owned()).collect(),
            connection: sent
                .iter()
                .find(|(name, _)| *name == "connection")
                .map(|(_, said)| (*said).to_owned()),
            user_agent: None,
            address: address.map(|address| address.parse().unwrap()),
        };
        let Onward { gone, set } = to_app(&client, &request, &settings, None, authorization);
        let is_set = |name: &str| set.iter().filter(|(other, _)| *other == name).count();
        for (name, _) in &set {
            assert_eq!(is_set(name), 1, "{name}");
        }
        let stays = |name: &str| !gone.contains(&name) && is_set(name) == 0;
        let stayed = sent.iter().filter(|(name, _)| stays(name));
        let own = set.iter().map(|(name, value)| (*name, &**value));
        let mut arrived: Vec<_> = stayed
            .copied()
            .chain(own)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        arrived.sort();
        arrived
    }

    fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
        let found = headers.iter().find(|(candidate, _)| candidate == name)?;
        Some(&found.1)
    }

    #[test]
    fn the_app_gets_what_is_the_clients_own_and_nothing_of_ours() {
        let arrived = arrive(
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
                    "theme=dark; __Host-edgeward-access=T; __Host-edgeward-refresh=R; __Host-edgeward-session=S; __Secure-edgeward-refresh=R; edgeward-access=T; __secure-edgeward-session=S",
                ),
            ],
            Some("203.0.113.7"),
            Authorization::GoesOn,
        );
        let expected = [
            ("accept-language", "de"),
            ("cookie", "theme=dark"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-host", "app.test"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "r-1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(arrived, expected);
    }

    #[test]
    fn no_cookie_is_sent_where_only_ours_were() {
        for cookie in ["__Host-edgeward-access=T", ""] {
            let arrived = arrive(&[("cookie", cookie)], None, Authorization::GoesOn);
            assert_eq!(header(&arrived, "cookie"), None, "{cookie}");
        }
    }

    #[test]
    fn an_unknown_client_is_not_made_up() {
        let sent = [("x-forwarded-for", "10.0.0.1")];
        let arrived = arrive(&sent, None, Authorization::GoesOn);
        assert_eq!(header(&arrived, "x-forwarded-for"), None);
    }

    #[test]
    fn a_refused_token_ends_at_the_edge() {
        for (said, authorization, goes_on) in [
            ("Bearer x.y.z", Authorization::GoesOn, true),
            ("Bearer x.y.z", Authorization::EndsHere, false),
            ("bearer\tx.y.z", Authorization::EndsHere, false),
            ("Basic dTpw", Authorization::EndsHere, true),
            ("Basic dTpw, Bearer x.y.z", Authorization::GoesOn, true),
            ("Basic dTpw, Bearer x.y.z", Authorization::EndsHere, false),
        ] {
            let arrived = arrive(&[("authorization", said)], None, authorization);
            let expected = goes_on.then_some(said);
            assert_eq!(header(&arrived, "authorization"), expected, "{said}");
        }
    }

    #[test]
    fn an_upgrade_is_asked_for_again() {
        let sent = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-protocol", "chat"),
        ];
        let arrived = arrive(&sent, None, Authorization::GoesOn);
        assert_eq!(header(&arrived, "upgrade"), Some("websocket"));
        assert_eq!(header(&arrived, "sec-websocket-protocol"), Some("chat"));
        assert_eq!(header(&arrived, "connection"), None);
    }

    #[test]
    fn only_a_get_can_become_a_websocket() {
        for (method, upgrade, wanted) in [
            ("GET", "websocket", true),
            ("GET", "WebSocket", true),
            ("POST", "websocket", false),
            ("GET", "h2c", false),
        ] {
            let request = inbound(method, "http://app.test/a", &[("upgrade", upgrade)]);
            assert_eq!(request.opens_websocket(), wanted, "{method} {upgrade}");
        }
    }
}
