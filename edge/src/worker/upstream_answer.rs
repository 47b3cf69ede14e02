//! What becomes of the headers of an upstream's answer, before the client gets it.
//!
//! First what belongs to the other connection ends, then our word takes the place of the app's where it must, then what is
//! absent is filled in. The rules are tables in `response_headers.rs`; here they are put together for one answer.

use std::borrow::Cow;
use std::cell::OnceCell;

use edgeward_core::cookie::{CookieHeader, CookieNames};
use edgeward_core::gate::cors::{self, vary_with_origin};
use edgeward_core::gate::{Destination, Permit, ResponsePolicy};
use edgeward_core::trace::TRACEPARENT;
use wasm_bindgen::JsValue;
use web_sys::Response;

use super::config::{Origin, Settings};
use super::log;
use super::refresh;
use super::request::Inbound;
use super::response_headers::{self, REQUEST_ID};
use super::runtime::{self, HeaderList, List, Names};

thread_local! {
    static ASKED_FOR: Names = Names::new(&["connection", "location", "cache-control", "vary", "set-cookie"]);
    static REMOVED: List = List::of(response_headers::removed(ResponsePolicy::Untouched));
    static REMOVED_FOR_ONE: List = List::of(response_headers::removed(ResponsePolicy::PrivateNoStore));
    /// The settings of an isolate are read once.
    static FILLED_IN: OnceCell<List> = const { OnceCell::new() };
}

/// What the answer says that the changes depend on.
pub(super) struct Said {
    /// The HTTP status.
    pub(super) status: u16,
    headers: HeaderList,
    /// A line for each cookie that it sets.
    cookies: String,
}

impl Said {
    /// Reads an answer.
    pub(super) fn by(upstream: &Response) -> Self {
        let (status, headers) = ASKED_FOR.with(|names| runtime::answer_head(upstream, names));
        let sets_some = headers.iter().any(|(name, _)| name == "set-cookie");
        Self {
            status,
            headers,
            // The runtime joins the lines of one name with commas, which stand in dates too.
            cookies: if sets_some {
                runtime::set_cookies(upstream)
            } else {
                String::new()
            },
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(candidate, _)| candidate == name)?;
        Some(&found.1)
    }

    /// Whether the issuer, which alone sets cookies of ours, knows them by other names than this edge. It would not know them
    /// again, and would pass them on to the app.
    pub(super) fn names_cookies_otherwise(&self, permit: &Permit, settings: &Settings) -> bool {
        match permit.destination() {
            Destination::App => false,
            Destination::Issuer => self
                .cookies
                .split('\n')
                .any(|line| !line.is_empty() && !is_one_of(line, &settings.cookies.all())),
        }
    }

    /// The changes to an answer of the upstream at `origin`.
    pub(super) fn changes<'c>(
        &'c self,
        origin: &Origin,
        permit: &Permit,
        inbound: &'c Inbound,
        settings: &Settings,
    ) -> Changes<'c> {
        // New cookies go along with it, and a cache that kept them would hand them to the next visitor.
        let policy = if refresh::brings_cookies(inbound) {
            ResponsePolicy::PrivateNoStore
        } else {
            permit.response_policy()
        };
        let named: Vec<_> = response_headers::named_by(self.header("connection")).collect();
        // What is always removed is nothing that a decision depends on.
        let stays = |name: &str| {
            let ends_here = named.iter().any(|gone| gone.eq_ignore_ascii_case(name));
            self.header(name).filter(|_| !ends_here)
        };
        let mut set = vec![(REQUEST_ID, Cow::Borrowed(&*inbound.id))];
        set.extend(inbound.traceparent().map(|said| (TRACEPARENT, said.into())));
        if let Some(rest) = stays("location").and_then(|location| inside(location, origin)) {
            let scheme = settings.issuer.scheme();
            let renamed = format!("{scheme}://{}{rest}", inbound.host);
            set.push(("location", renamed.into()));
        }
        if let Some(grant) = permit.cors() {
            let granted = grant.headers().into_iter();
            set.extend(granted.map(|(name, value)| (name, value.into())));
            set.push(("vary", vary_with_origin(stays("vary")).into()));
        }
        let knows_caller = permit.identity().is_some();
        let cache_control = stays("cache-control");
        if let Some(instead) = response_headers::cache_control(policy, knows_caller, cache_control)
        {
            set.push(("cache-control", instead.into()));
        }
        let mut also_removed = named;
        if permit.cors().is_some() {
            // The policy speaks, so the app does not.
            also_removed.extend(cors::HEADERS_OF_THE_APP);
        }
        let cookies = match permit.destination() {
            Destination::App => without_ours(&self.cookies),
            Destination::Issuer => None,
        };
        if cookies.is_some() {
            let [request_id, trace_id] = inbound.names_in_logs();
            let rule = ("rule", permit.rule());
            log::line("warn", "cookie-refused", &[request_id, trace_id, rule]);
        }
        Changes {
            policy,
            also_removed,
            set,
            cookies,
        }
    }
}

/// What becomes of the headers of an upstream's answer. What is absent is filled in at last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes<'c> {
    /// What [`response_headers::removed`] says of it ends here,
    policy: ResponsePolicy,
    /// and these too.
    also_removed: Vec<&'c str>,
    /// These take the place of what is there.
    set: Vec<(&'static str, Cow<'c, str>)>,
    /// The lines of the cookies that are still set, where some are not.
    cookies: Option<String>,
}

impl Changes<'_> {
    /// The answer as the client gets it.
    ///
    /// # Errors
    /// The runtime takes one of the headers for none.
    pub(super) fn apply(
        &self,
        upstream: &Response,
        settings: &Settings,
    ) -> Result<Response, JsValue> {
        let removed = match self.policy {
            ResponsePolicy::Untouched => &REMOVED,
            ResponsePolicy::PrivateNoStore => &REMOVED_FOR_ONE,
        };
        let absent = FILLED_IN.with(|list| {
            let pairs = response_headers::security(settings.environment);
            list.get_or_init(|| List::of(pairs.flat_map(|(name, value)| [name, value])))
                .clone()
        });
        let set = self.set.iter().map(|(name, value)| (*name, &**value));
        let cookies = self.cookies.as_deref();
        removed.with(|removed| {
            runtime::hand_on(upstream, removed, &self.also_removed, set, &absent, cookies)
        })
    }
}

/// The lines of `Set-Cookie` that are none of ours, if one is. Who is signed in is the issuer's to say, so an app, or whoever
/// can make it answer what they like, must not put a session of its own choice into a browser, nor end one, nor plant a name
/// that makes the gate refuse everything that the browser sends from then on.
fn without_ours(lines: &str) -> Option<String> {
    let mut kept = String::with_capacity(lines.len());
    let mut dropped = false;
    for line in lines.split('\n').filter(|line| !line.is_empty()) {
        if is_one_of(line, &CookieNames::OF_EVERY_SETTING) {
            dropped = true;
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    dropped.then_some(kept)
}

/// Whether a line of `Set-Cookie` sets a cookie of one of these names, or what somebody could take for one of ours.
fn is_one_of(line: &str, names: &[&str]) -> bool {
    let pair = line.split(';').next().unwrap_or_default();
    CookieHeader::parse(&[pair]).without(names).is_none() || CookieHeader::hides_behind_commas(pair)
}

/// What follows the upstream's own origin in a redirect of its. The client knows the upstream by another name.
fn inside<'l>(location: &'l str, origin: &Origin) -> Option<&'l str> {
    let rest = location.strip_prefix(origin.as_str())?;
    match rest.bytes().next() {
        None | Some(b'/' | b'?' | b'#') => Some(rest),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::proxy::tests::permit;
    use crate::worker::request::tests::inbound;
    use edgeward_core::time::Moment;
    use std::rc::Rc;
    use std::str::FromStr as _;

    fn said(headers: &[(&str, &str)]) -> Said {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Said {
            status: 200,
            headers: headers.collect(),
            cookies: String::new(),
        }
    }

    /// The changes to an answer with these headers, on a route for anyone or one for the signed-in.
    fn check(path: &str, headers: &[(&str, &str)], expected: &[(&str, Option<&str>)]) {
        let settings = settings_with(&[]).ok().unwrap();
        let request = inbound("GET", &format!("https://app.test{path}"), &[]);
        let permit = permit(path);
        let said = said(headers);
        let changes = said.changes(&settings.app_upstream, &permit, &request, &settings);
        assert_eq!(changes.policy, permit.response_policy());
        for (name, value) in expected {
            let set = changes.set.iter().find(|(candidate, _)| candidate == name);
            let becomes = set.map(|(_, value)| &**value);
            assert_eq!(becomes, *value, "{path} {name}");
        }
        let named: Vec<_> = changes
            .also_removed
            .iter()
            .map(|name| name.to_lowercase())
            .collect();
        let connection = said.header("connection").map(str::to_lowercase);
        assert_eq!(named, Vec::from_iter(connection), "{path}");
    }

    #[test]
    fn our_word_takes_the_place_of_the_apps_where_it_must() {
        check(
            "/public",
            &[],
            &[("x-request-id", Some("r-1")), ("cache-control", None)],
        );
        check(
            "/mine",
            &[("cache-control", "public, max-age=60")],
            &[("cache-control", Some("private, no-store"))],
        );
        check(
            "/mine",
            &[("cache-control", "no-store")],
            &[("cache-control", None)],
        );
        check(
            "/mine",
            &[
                ("connection", "Cache-Control"),
                ("cache-control", "no-store"),
            ],
            &[("cache-control", Some("private, no-store"))],
        );
        check(
            "/public",
            &[("location", "http://127.0.0.1:3000/login")],
            &[("location", Some("https://app.test/login"))],
        );
        check(
            "/public",
            &[("location", "https://elsewhere.test/")],
            &[("location", None)],
        );
        check(
            "/public",
            &[
                ("connection", "location"),
                ("location", "http://127.0.0.1:3000/login"),
            ],
            &[("location", None)],
        );
    }

    #[test]
    fn an_answer_that_brings_new_cookies_is_for_one_whatever_the_app_says() {
        let settings = settings_with(&[]).ok().unwrap();
        let mut request = inbound("GET", "https://app.test/public", &[]);
        request.refreshed = Some(Rc::new(refresh::Outcome::Answered(refresh::Answered {
            access_token: None,
            set_cookies: Vec::new(),
            at: Moment::from_milliseconds(0),
        })));
        let said = said(&[("cache-control", "public, max-age=60")]);
        let permit = permit("/public");
        let changes = said.changes(&settings.app_upstream, &permit, &request, &settings);
        assert_eq!(changes.policy, ResponsePolicy::PrivateNoStore);
        let set = changes
            .set
            .iter()
            .find(|(name, _)| *name == "cache-control");
        assert_eq!(set.map(|(_, value)| &**value), Some("private, no-store"));
    }

    #[test]
    fn an_app_sets_its_own_cookies_and_none_of_ours() {
        for (lines, kept) in [
            ("", None),
            (
                "a=1; Path=/\nb=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
                None,
            ),
            // Of another setting: it is good for nothing now, and would be under that one.
            ("edgeward-access=T", Some("")),
            ("__Secure-edgeward-refresh=R; Max-Age=31536000", Some("")),
            ("a=__Host-edgeward-access=T", None),
            ("__Host-edgeward-access=T; Path=/; Secure", Some("")),
            ("a=1\n__Host-edgeward-session=S\nb=2", Some("a=1\nb=2\n")),
            ("__Host-edgeward-device=\na=1", Some("a=1\n")),
            // What other readers, and the gate's own care, take for ours.
            ("__HOST-Edgeward-Csrf=C; Domain=app.test", Some("")),
            ("%5f_Host-edgeward-refresh=R", Some("")),
            ("=__Host-edgeward-access=T", Some("")),
            (" __Host-edgeward-access =T", Some("")),
            ("__Host-edgeward-access", Some("")),
            ("lang=de,__Host-edgeward-access=T; Path=/", Some("")),
            ("lang=de,__Host-edgeward-accessory=T", None),
        ] {
            let said = without_ours(lines);
            assert_eq!(said.as_deref(), kept, "{lines}");
        }
    }

    #[test]
    fn only_redirects_to_the_upstream_itself_are_renamed() {
        let upstream = Origin::from_str("http://127.0.0.1:3000").unwrap();
        for (location, rest) in [
            ("http://127.0.0.1:3000/login", Some("/login")),
            ("http://127.0.0.1:3000", Some("")),
            ("http://127.0.0.1:3000?x", Some("?x")),
            ("http://127.0.0.1:30001/", None),
            ("http://127.0.0.1:3000.evil.test/", None),
            ("http://127.0.0.1:3000@evil.test/", None),
            ("/login", None),
            ("https://elsewhere.test/", None),
        ] {
            assert_eq!(inside(location, &upstream), rest, "{location}");
        }
    }
}
