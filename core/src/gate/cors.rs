//! Cross-origin reading (the CORS protocol of the Fetch standard): which other origins' scripts may read a route's answers.
//!
//! Only what the policy says is said. Origins are exact, so an answer names the one that asked or none; there is no `*`,
//! and where a rule speaks, nothing that the app says about it reaches the browser. Whether the request itself passes is not
//! decided here.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a policy's `cors` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Exact origins; none lets no other origin read.
    pub(super) origins: Vec<String>,
    /// Request headers that a script may set, as the answer lists them.
    pub(super) headers: String,
    /// Headers of the answer that a script may read, as the answer lists them.
    pub(super) expose: String,
    /// How long a browser may remember the answer to a preflight.
    pub(super) max_age_seconds: u32,
    /// Whether cookies may go along.
    pub(super) credentials: bool,
}

/// What an answer says about who may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsGrant {
    cors: Arc<Cors>,
    origin: Option<String>,
}

/// The answer to a preflight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    grant: CorsGrant,
    methods: Vec<&'static str>,
}

/// The headers with which an app speaks about cross-origin reading itself.
pub const HEADERS_OF_THE_APP: [&str; 7] = [
    ALLOW_ORIGIN,
    ALLOW_CREDENTIALS,
    ALLOW_METHODS,
    ALLOW_HEADERS,
    EXPOSE_HEADERS,
    MAX_AGE,
    "access-control-allow-private-network",
];

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const ALLOW_METHODS: &str = "access-control-allow-methods";
const ALLOW_HEADERS: &str = "access-control-allow-headers";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";
const MAX_AGE: &str = "access-control-max-age";

/// The methods that a preflight is told about, if rules with the same word about this origin cover them.
pub(super) const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Cors {
    pub(super) fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }

    /// The origins that may act with a visitor's cookies.
    pub(super) fn trusted_with_cookies(&self) -> &[String] {
        if self.credentials { &self.origins } else { &[] }
    }
}

impl CorsGrant {
    /// What a rule's word comes to for the origin that asks.
    pub(super) fn of(cors: &Arc<Cors>, origin: Option<&str>) -> Self {
        Self {
            cors: Arc::clone(cors),
            origin: origin
                .filter(|origin| cors.allows(origin))
                .map(ToOwned::to_owned),
        }
    }

    /// Whether the origin that asks may read the answer.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.origin.is_some()
    }

    /// The headers of an answer. `Vary: Origin` belongs to it besides, whoever asks.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let Some(origin) = &self.origin else {
            return Vec::new();
        };
        let mut headers = Vec::from([(ALLOW_ORIGIN, origin.clone())]);
        if self.cors.credentials {
            headers.push((ALLOW_CREDENTIALS, "true".to_string()));
        }
        if !self.cors.expose.is_empty() {
            headers.push((EXPOSE_HEADERS, self.cors.expose.clone()));
        }
        headers
    }
}

impl Preflight {
    /// The answer for `grant`, with those of [`METHODS`] that `covered` says are under the same word. HEAD is always among
    /// them: browsers send it without asking.
    pub(super) fn new(grant: CorsGrant, covered: impl Fn(&str) -> bool) -> Self {
        let methods = METHODS
            .into_iter()
            .filter(|method| *method == "HEAD" || covered(method))
            .collect();
        Self { grant, methods }
    }

    /// The headers of the answer, which is 204. `Vary: Origin` belongs to it besides.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let Cors {
            headers,
            max_age_seconds,
            ..
        } = &*self.grant.cors;
        let mut all = self.grant.headers();
        // What may be read of an answer, the answer itself says.
        all.retain(|(name, _)| *name != EXPOSE_HEADERS);
        all.push((ALLOW_METHODS, self.methods.join(", ")));
        if !headers.is_empty() {
            all.push((ALLOW_HEADERS, headers.clone()));
        }
        all.push((MAX_AGE, format!("{max_age_seconds}")));
        all
    }
}

/// What an answer that depends on the origin says to caches, beside what it `said` already (RFC 9110, section 12.5.5).
#[must_use]
pub fn vary_with_origin(said: Option<&str>) -> String {
    let said = said.unwrap_or_default().trim();
    let is_said = |wanted: &str| {
        said.split(',')
            .any(|name| name.trim().eq_ignore_ascii_case(wanted))
    };
    if said.is_empty() {
        "Origin".to_owned()
    } else if is_said("origin") || is_said("*") {
        said.to_owned()
    } else {
        format!("{said}, Origin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_preflight_names_one_origin_or_none() {
        let cors = Arc::new(Cors {
            origins: Vec::from([
                "https://a.example".to_owned(),
                "https://b.example".to_owned(),
            ]),
            headers: "Content-Type".to_owned(),
            expose: "X-Request-Id".to_owned(),
            max_age_seconds: 60,
            credentials: true,
        });
        let grant = CorsGrant::of(&cors, Some("https://b.example"));
        let lines = |headers: Vec<(&str, String)>| {
            let lines: Vec<_> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            lines.join("\n")
        };
        assert_eq!(
            lines(grant.headers()),
            "access-control-allow-origin: https://b.example\naccess-control-allow-credentials: true\n\
             access-control-expose-headers: X-Request-Id"
        );
        let preflight = Preflight::new(grant, |method| method == "PUT");
        assert_eq!(
            lines(preflight.headers()),
            "access-control-allow-origin: https://b.example\naccess-control-allow-credentials: true\n\
             access-control-allow-methods: HEAD, PUT\naccess-control-allow-headers: Content-Type\naccess-control-max-age: 60"
        );
        for origin in [
            None,
            Some("https://c.example"),
            Some("null"),
            Some("*"),
            Some(""),
        ] {
            let grant = CorsGrant::of(&cors, origin);
            assert_eq!(
                (grant.is_given(), grant.headers().len()),
                (false, 0),
                "{origin:?}"
            );
        }
    }

    #[test]
    fn what_an_answer_varies_by_is_added_to() {
        for (said, becomes) in [
            (None, "Origin"),
            (Some(""), "Origin"),
            (Some("Accept-Encoding"), "Accept-Encoding, Origin"),
            (Some("Cookie, origin"), "Cookie, origin"),
            (Some("X-Origin"), "X-Origin, Origin"),
            (Some("*"), "*"),
        ] {
            assert_eq!(vary_with_origin(said), becomes, "{said:?}");
        }
    }
}
