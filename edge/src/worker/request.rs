//! A request as the Worker received it, and the view of it that core judges.
//!
//! Everything is taken as the runtime gives it: the raw path, the header lines. Nothing that a client may write says who
//! it is or where it comes from; the address is the platform's word.

use std::rc::Rc;

use edgeward_core::cookie::{CookieHeader, CookieNames};
use edgeward_core::gate::{
    CanonicalPath, Client, Credential, Navigation, Renewal, RequestSource, RequestView,
};
use edgeward_core::origin::Provenance;
use edgeward_core::time::{Moment, UnixTime};
use edgeward_core::trace::{TRACEPARENT, TraceParent};

use super::refresh::Outcome;
use super::reply::Reader;
use super::runtime::HeaderList;
use super::target::Target;

/// The headers that an answer of the edge's own depends on. Reading the others costs as much as everything else that is done
/// for such an answer.
pub(super) const DECISIVE: &[&str] = &[
    "authorization",
    "cookie",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "accept",
    "origin",
    "sec-fetch-site",
    "upgrade",
    "access-control-request-method",
    TRACEPARENT,
    "sec-purpose",
    "purpose",
    "x-moz",
    "next-router-prefetch",
    #[cfg(feature = "test-clock")]
    super::clock::TEST_CLOCK_HEADER,
];

/// The most octets of the headers that a decision may look at. Because they are read several times for each request, the longest
/// cookie among them, and what stands behind the edge reads no more: Node ends at 16 KiB, nginx at 32.
const MAX_DECISIVE_BYTES: usize = 32 * 1024;

/// One request, without its body.
pub(super) struct Inbound {
    /// Made here; the name of this request in all logs.
    pub(super) id: String,
    /// The one moment at which everything about it is judged, as tokens count time. It [passes](Self::pass) only while a form is read.
    pub(super) now: UnixTime,
    /// The same moment more exactly, for what is younger than a second or not.
    pub(super) moment: Moment,
    /// The method, in capitals where it is a known one.
    pub(super) method: String,
    /// Host and port as the client named them.
    pub(super) host: String,
    /// Those that a decision may look at ([`DECISIVE`]); names in lower case, one entry per name: the runtime has joined
    /// repeated ones with `, `.
    pub(super) headers: HeaderList,
    /// The trace that it belongs to; ids that are made here always give one.
    pub(super) trace: Option<TraceParent>,
    /// Whether the client brought that trace, and may have said more about it.
    pub(super) brought_trace: bool,
    /// What refreshing came to, if it was tried.
    pub(super) refreshed: Option<Rc<Outcome>>,
    path: String,
    query: Option<String>,
}

impl Inbound {
    /// Takes a request apart. `None` if its address has no plain host, see [`Target::split`].
    pub(super) fn new(
        id: String,
        moment: Moment,
        method: String,
        url: &str,
        headers: HeaderList,
    ) -> Option<Self> {
        let target = Target::split(url)?;
        let (host, path, query) = (
            target.host.to_owned(),
            target.path.to_owned(),
            target.query.map(str::to_owned),
        );
        let brought = headers.iter().find(|(name, _)| name == TRACEPARENT);
        let brought = brought.and_then(|(_, value)| TraceParent::read(value));
        Some(Self {
            brought_trace: brought.is_some(),
            trace: brought.or_else(|| TraceParent::beginning_with(&id)),
            id,
            now: moment.time(),
            moment,
            method,
            host,
            headers,
            refreshed: None,
            path,
            query,
        })
    }

    /// So many milliseconds went by while the client had its turn: it is judged by the time that it is then, or whoever sends
    /// slowly would be judged by what was true when it began.
    pub(super) fn pass(&mut self, milliseconds: i64) {
        self.moment = self.moment.plus(milliseconds.max(0));
        self.now = self.moment.time();
    }

    /// Whether the headers that a decision may look at are longer than anybody reads.
    pub(super) fn has_too_large_headers(&self) -> bool {
        let lengths = self.headers.iter().map(|(_, value)| value.len());
        lengths.sum::<usize>() > MAX_DECISIVE_BYTES
    }

    /// The path as the runtime gave it.
    pub(super) fn raw_path(&self) -> &str {
        &self.path
    }

    /// What stood behind the `?`.
    pub(super) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The trace as the header that says it.
    pub(super) fn traceparent(&self) -> Option<&str> {
        self.trace.as_ref().map(TraceParent::as_str)
    }

    /// The names of this request in logs: its own, and that of its trace.
    pub(super) fn names_in_logs(&self) -> [(&'static str, &str); 2] {
        let trace = self.trace.as_ref().map_or("", TraceParent::trace_id);
        [("requestId", &self.id), ("traceId", trace)]
    }

    /// A header's value; `name` in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a person is going to a page.
    pub(super) fn is_navigation(&self) -> bool {
        Navigation::detect(
            self.header("sec-fetch-mode"),
            self.header("sec-fetch-dest"),
            self.header("accept"),
            &self.method,
        )
    }

    /// Who reads the answer.
    pub(super) fn reader(&self) -> Reader {
        Reader::of(self.is_navigation())
    }

    /// The cookies.
    pub(super) fn cookies(&self) -> CookieHeader<'_> {
        CookieHeader::parse(self.header("cookie").as_slice())
    }

    /// Whether one of our cookies stands right behind a comma. Two `Cookie` headers look like that after the runtime has
    /// joined them, and a cookie of a sibling domain can look like that on purpose, to slip a name past the browser's
    /// `__Host-` rule. It is refused instead of being read in one of two ways. A comma in the value of somebody else's
    /// cookie hides nothing: behind the next `;` both readers agree again.
    pub(super) fn hides_a_cookie(&self) -> bool {
        CookieHeader::hides_behind_commas(self.header("cookie").unwrap_or(""))
    }

    /// Whether the client wants to speak WebSocket (RFC 6455, section 4.1).
    pub(super) fn opens_websocket(&self) -> bool {
        self.method == "GET"
            && self
                .header("upgrade")
                .is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
    }

    /// Whether `Authorization` holds what core would take for a token, acceptable or not.
    pub(super) fn bears_token(&self, names: &CookieNames) -> bool {
        let authorization = self.header("authorization");
        let no_cookies = CookieHeader::parse(&[]);
        authorization.is_some()
            && Credential::from_headers(authorization.as_slice(), &no_cookies, names)
                != Credential::None
    }

    /// Where it comes from, as the browser tells it.
    fn source(&self, names: &CookieNames) -> RequestSource<'_> {
        let cookies = self.cookies();
        RequestSource {
            provenance: Provenance {
                origin: self.header("origin"),
                fetch_site: self.header("sec-fetch-site"),
            },
            // Twice of a name, or in disguise, is refused besides.
            brings_cookies: names
                .acting()
                .iter()
                .any(|name| !matches!(cookies.get(name), Ok(None))),
            opens_websocket: self.opens_websocket(),
            asks_for_method: self.header("access-control-request-method"),
            bears_token: self.bears_token(names),
            csrf: None,
        }
    }

    /// What core may look at, but for the client's address: which header says that is a setting.
    pub(super) fn view(&self, names: &CookieNames) -> RequestView<'_> {
        let (authorization, cookies) = (self.header("authorization"), self.cookies());
        let mut credential = if self.hides_a_cookie() {
            Credential::Ambiguous
        } else {
            Credential::from_headers(authorization.as_slice(), &cookies, names)
        };
        let renewal = match self.refreshed.as_deref() {
            None => {
                let ahead = Renewal::loads_ahead(
                    self.header("sec-purpose"),
                    self.header("purpose"),
                    self.header("x-moz"),
                    self.header("next-router-prefetch"),
                );
                Renewal::of(authorization.as_slice(), &cookies, names, ahead)
            }
            Some(Outcome::Answered(answered)) => {
                // It takes the place of what was absent or has expired.
                if let Some(new) = &answered.access_token {
                    credential = Credential::Token(new);
                }
                Renewal::Tried
            }
            Some(Outcome::Unanswered { retry_after }) => Renewal::Unanswered {
                retry_after: *retry_after,
            },
            Some(Outcome::OverLimit { retry_after }) => Renewal::OverLimit {
                retry_after: *retry_after,
            },
        };
        RequestView {
            method: &self.method,
            host: &self.host,
            path: CanonicalPath::parse(&self.path),
            query: self.query(),
            credential,
            source: self.source(names),
            client: Client::Untold,
            navigation: self.is_navigation(),
            renewal,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use edgeward_core::cookie::Environment;

    /// A request of a test.
    pub(in super::super) fn inbound(method: &str, url: &str, headers: &[(&str, &str)]) -> Inbound {
        let headers = headers
            .iter()
            .filter(|(name, _)| DECISIVE.contains(name))
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Inbound::new(
            "r-1".to_owned(),
            UnixTime::from_seconds(1_800_000_000).into(),
            method.to_owned(),
            url,
            headers,
        )
        .unwrap()
    }

    #[test]
    fn the_view_holds_the_path_that_stood_there() {
        let names = CookieNames::for_environment(Environment::Production, false);
        let request = inbound(
            "GET",
            "http://app.test:8787/a/b?c=%27",
            &[
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
        );
        let view = request.view(&names);
        assert_eq!(
            (view.method, view.host, view.query),
            ("GET", "app.test:8787", Some("c=%27"))
        );
        assert_eq!(
            view.path.map(|path| path.as_str().to_owned()),
            Ok("/a/b".to_owned())
        );
        assert!(view.navigation);
        assert!(
            inbound("GET", "http://app.test//a", &[])
                .view(&names)
                .path
                .is_err()
        );
    }

    #[test]
    fn headers_have_a_most_in_all() {
        let cookie = "a".repeat(MAX_DECISIVE_BYTES - 9);
        for (accept, too_large) in [("text/html", false), ("text/html,", true)] {
            let headers = [("cookie", cookie.as_str()), ("accept", accept)];
            let request = inbound("GET", "http://app.test/", &headers);
            assert_eq!(request.has_too_large_headers(), too_large, "{accept}");
        }
    }

    #[test]
    fn time_passes_in_one_direction() {
        let mut request = inbound("POST", "http://app.test/pay", &[]);
        let (now, moment) = (request.now, request.moment);
        for (milliseconds, passed) in [(0, 0), (999, 999), (1, 1_000), (-5_000, 1_000)] {
            request.pass(milliseconds);
            assert_eq!(request.moment.milliseconds_since(moment), passed);
            assert_eq!(request.now.seconds_since(now), passed / 1_000);
        }
    }

    #[test]
    fn a_cookie_of_ours_behind_a_comma_is_ambiguous() {
        let names = CookieNames::for_environment(Environment::Production, false);
        for (cookie, hidden) in [
            ("__Host-edgeward-access=T", false),
            ("a=1; __Host-edgeward-access=T; b=2,3", false),
            ("a=1,2; b=x, y", false),
            (
                "prefs={\"a\":1,\"b\":2}; __Host-edgeward-access=T; c=3,4",
                false,
            ),
            ("a=1, b=2; __Host-edgeward-access=T", false),
            ("a=1, __Host-edgeward-access=T", true),
            ("a=1,__Host-edgeward-access=T", true),
            ("__Host-edgeward-access=T, __Host-edgeward-access=T", true),
            ("b=2; a=1, c=3, __Host-edgeward-refresh=R; d=4", true),
            ("a=1, %5f_Host-edgeward-session=S", true),
            ("a=1, __Secure-edgeward-refresh=R", true),
            ("a=1, edgeward-refresh=R", true),
        ] {
            let request = inbound("GET", "http://app.test/", &[("cookie", cookie)]);
            assert_eq!(request.hides_a_cookie(), hidden, "{cookie}");
            let credential = request.view(&names).credential;
            assert_eq!(credential == Credential::Ambiguous, hidden, "{cookie}");
            let is_found = credential == Credential::Token("T");
            assert_eq!(is_found, cookie.contains("access=T") && !hidden, "{cookie}");
        }
    }
}
