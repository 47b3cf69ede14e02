//! The request that is asked about, and the view of it that core judges.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, header};
use edgeward_core::{
    cookie::{CookieHeader, CookieNames},
    csrf::{AppCsrfKey, CsrfAnswer, CsrfQuestion},
    gate::{CanonicalPath, Client, Credential, Navigation, Renewal, RequestSource, RequestView},
    origin::{Provenance, is_unsafe},
    time::UnixTime,
};

use super::dialect::Question;
use crate::{
    domain::{language::Language, moment::Moment},
    http::languages,
};

/// Everything about it that a decision may look at.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) moment: Moment,
    client: Client,
    authorization: Vec<String>,
    cookies: Vec<String>,
    origin: Option<String>,
    fetch_site: Option<String>,
    asks_for_method: Option<String>,
    csrf_token: Option<String>,
    user_agent: Option<String>,
    opens_websocket: bool,
    navigation: bool,
    pub(super) language: Option<Language>,
}

impl Asked {
    /// Takes over what the client's headers say.
    pub(super) fn new(
        question: Question,
        headers: &HeaderMap,
        client: Client,
        moment: Moment,
    ) -> Self {
        let all = |name: HeaderName| -> Vec<String> {
            let values = headers.get_all(name).iter();
            // Ours are ASCII, and a replaced octet equals none of theirs.
            let text = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
            text.map(Cow::into_owned).collect()
        };
        // Two lines are read as a proxy would join them, and then mean nothing that one line could mean.
        let joined = |name: HeaderName| {
            let values = all(name);
            (!values.is_empty()).then(|| values.join(", "))
        };
        let named = |name: &'static str| joined(HeaderName::from_static(name));
        let says_websocket =
            named("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
        let fetches_websocket = named("sec-fetch-mode").as_deref() == Some("websocket");
        // `Upgrade` is hop by hop and proxies keep it to themselves; the key of the handshake goes through.
        let has_handshake = headers.contains_key(header::SEC_WEBSOCKET_KEY);
        Self {
            opens_websocket: question.method == "GET"
                && (question.is_websocket || says_websocket || fetches_websocket || has_handshake),
            navigation: Navigation::detect(
                named("sec-fetch-mode").as_deref(),
                named("sec-fetch-dest").as_deref(),
                joined(header::ACCEPT).as_deref(),
                question.method.as_str(),
            ),
            authorization: all(header::AUTHORIZATION),
            cookies: all(header::COOKIE),
            origin: joined(header::ORIGIN),
            fetch_site: named("sec-fetch-site"),
            asks_for_method: joined(header::ACCESS_CONTROL_REQUEST_METHOD),
            csrf_token: named("x-csrf-token"),
            user_agent: joined(header::USER_AGENT),
            language: languages::wanted(headers),
            question,
            client,
            moment,
        }
    }

    /// The one moment at which everything about it is judged.
    pub(super) const fn now(&self) -> UnixTime {
        self.moment.time()
    }

    /// Whether a person is going to a page.
    pub(super) const fn is_navigation(&self) -> bool {
        self.navigation
    }

    /// The path has segments that say "here" or "above". It has one reading, and a proxy that sends on what it received sends
    /// another path than the judged one.
    pub(super) fn has_dot_segments(&self) -> bool {
        let mut segments = self.question.path.split('/');
        segments.any(|segment| matches!(segment, "." | ".."))
    }

    /// `Cookie` as the app may see it: without ours. `None` where nothing is left.
    pub(super) fn cookies_of_the_app(&self) -> Option<String> {
        self.cookie_header().without(&CookieNames::OF_EVERY_SETTING)
    }

    /// `Authorization` as the app may see it; `refused`: without a token that is not good.
    pub(super) fn authorization_of_the_app(
        &self,
        names: &CookieNames,
        refused: bool,
    ) -> Option<&str> {
        let said = self.authorization.first()?;
        let bears = Credential::from_headers(&[said], &CookieHeader::parse(&[]), names);
        (!refused || bears == Credential::None).then_some(said)
    }

    /// Whether `Authorization` holds what core would take for a token, acceptable or not.
    fn bears_token(&self, names: &CookieNames) -> bool {
        let said: Vec<&str> = self.authorization.iter().map(String::as_str).collect();
        Credential::from_headers(&said, &CookieHeader::parse(&[]), names) != Credential::None
    }

    /// Whether it brought the CSRF token of its session in the header. Proxies ask without the body, so a form's field is not seen.
    pub(super) fn csrf_answer(
        &self,
        question: CsrfQuestion,
        names: &CookieNames,
        keys: Option<&[AppCsrfKey]>,
    ) -> CsrfAnswer {
        let cookies = self.cookie_header();
        let cookie = cookies.get(&names.csrf).ok().flatten();
        let user_agent = self.user_agent.as_deref().unwrap_or_default();
        let sent = self.csrf_token.as_deref();
        match question.submitted(cookie, sent, user_agent, self.now()) {
            Ok(submitted) => submitted.answer(keys),
            Err(answer) => answer,
        }
    }

    fn cookie_header(&self) -> CookieHeader<'_> {
        let values: Vec<&str> = self.cookies.iter().map(String::as_str).collect();
        CookieHeader::parse(&values)
    }

    /// Whether it changes something with a cookie of ours and does not say from which page. Browsers always say it; a proxy that is not
    /// told to pass it on does not.
    pub(super) fn lacks_its_origin(&self, names: &CookieNames) -> bool {
        let source = self.view(names).source;
        let Provenance { origin, fetch_site } = source.provenance;
        source.brings_cookies
            && is_unsafe(self.question.method.as_str())
            && origin.is_none()
            && fetch_site.is_none()
    }

    /// What core may look at.
    pub(super) fn view(&self, names: &CookieNames) -> RequestView<'_> {
        let cookies = self.cookie_header();
        let hides = |value: &String| CookieHeader::hides_behind_commas(value);
        let credential = if self.cookies.iter().any(hides) {
            Credential::Ambiguous
        } else {
            let authorization: Vec<&str> = self.authorization.iter().map(String::as_str).collect();
            Credential::from_headers(&authorization, &cookies, names)
        };
        RequestView {
            method: self.question.method.as_str(),
            host: &self.question.host,
            path: CanonicalPath::parse(&self.question.path),
            query: self.question.query.as_deref(),
            credential,
            source: RequestSource {
                provenance: Provenance {
                    origin: self.origin.as_deref(),
                    fetch_site: self.fetch_site.as_deref(),
                },
                // Twice of a name, or in disguise, is refused besides.
                brings_cookies: names
                    .acting()
                    .iter()
                    .any(|name| !matches!(cookies.get(name), Ok(None))),
                opens_websocket: self.opens_websocket,
                asks_for_method: self.asks_for_method.as_deref(),
                bears_token: self.bears_token(names),
                csrf: None,
            },
            client: self.client,
            navigation: self.navigation,
            // New cookies could not reach the browser through a verdict.
            renewal: Renewal::Impossible,
        }
    }
}
