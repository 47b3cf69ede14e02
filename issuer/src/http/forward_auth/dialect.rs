//! Which request a proxy asks about, in the words of the one configured dialect.
//!
//! What decides is said by the proxy once and in one spelling, or nothing is judged: every default here would be a path, a host
//! or a method that nobody judged. Headers of another dialect can only be the client's, so a request with one is refused and
//! not judged without it.

use std::fmt;

use axum::http::{HeaderMap, Method, request::Parts};
use edgeward_core::gate::{headers, identity};

use crate::config::Dialect;

/// The path of the question.
const PATH: &str = "/forward-auth";

/// Where nginx fetches what the client reads, after a verdict that refuses: the answer to its sub-request cannot be shown.
const ANSWER: &str = "/forward-auth/answer";

/// Everything in which some proxy states method, path or host of the request that it asks about.
pub(super) const STATEMENTS: [&str; 10] = [
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-original-host",
    "x-rewrite-url",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-host",
];

/// What proxies further in front state as well, about the same host: it is not believed where another header decides.
pub(super) const STATED_BY_OTHERS: [&str; 2] = ["x-forwarded-proto", "x-forwarded-host"];

/// In which form the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// 200, 401 or 403, which is all that `auth_request` understands.
    Verdict,
    /// What the client is to read in place of the app's answer. It lets nothing pass.
    InPlace,
    /// 200, or what the client is to read.
    Whole(Passing),
}

/// What the proxy makes of answers that are no refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// Every 2xx lets the request pass.
    AnySuccess,
    /// Only 200 does.
    OkOnly,
}

/// What is not said as it must be. The text names headers and never their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclear {
    Missing(&'static str),
    Twice(&'static str),
    OtherSpelling(&'static str),
    OtherDialect(&'static str),
    Value(&'static str),
    /// A header that only Edgeward sets, in a spelling that the proxy would not take away.
    Introduction,
    /// A header by which a framework routes, whatever path was asked for.
    OtherRoute,
}

/// The request that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// Whether the proxy says that it is a WebSocket.
    pub(super) is_websocket: bool,
}

impl Form {
    /// What is asked at a path, if anything is.
    pub(super) fn of(dialect: Dialect, path: &str) -> Option<Self> {
        match dialect {
            Dialect::Nginx if path == PATH => Some(Self::Verdict),
            Dialect::Nginx if path == ANSWER => Some(Self::InPlace),
            Dialect::Traefik if path == PATH => Some(Self::Whole(Passing::AnySuccess)),
            Dialect::Envoy if behind_prefix(path).is_some() => Some(Self::Whole(Passing::OkOnly)),
            Dialect::Nginx | Dialect::Traefik | Dialect::Envoy => None,
        }
    }
}

/// What Envoy appended.
fn behind_prefix(path: &str) -> Option<&str> {
    path.strip_prefix(PATH).filter(|path| path.starts_with('/'))
}

impl Question {
    /// Reads it.
    ///
    /// # Errors
    /// The first thing that is not clear.
    pub(super) fn read(dialect: Dialect, request: &Parts) -> Result<Self, Unclear> {
        let headers = &request.headers;
        refuse_others(dialect, headers)?;
        let one = |name| one(headers, name);
        let (method, host, target, scheme) = match dialect {
            Dialect::Nginx => (
                self::method(one("x-original-method")?, "x-original-method")?,
                self::host(one("x-original-host")?, "x-original-host")?,
                one("x-original-uri")?,
                None,
            ),
            Dialect::Traefik => (
                self::method(one("x-forwarded-method")?, "x-forwarded-method")?,
                self::host(one("x-forwarded-host")?, "x-forwarded-host")?,
                one("x-forwarded-uri")?,
                Some(one("x-forwarded-proto")?),
            ),
            Dialect::Envoy => {
                let whole = request.uri.path_and_query();
                let target = whole.and_then(|both| behind_prefix(both.as_str()));
                (
                    request.method.clone(),
                    self::host(one("host")?, "host")?,
                    target.ok_or(Unclear::Missing("path"))?,
                    None,
                )
            }
        };
        let is_websocket = match scheme {
            None | Some("http" | "https") => false,
            Some("ws" | "wss") => true,
            Some(_) => return Err(Unclear::Value("x-forwarded-proto")),
        };
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Ok(Self {
            method,
            host,
            path: path.to_owned(),
            query,
            is_websocket,
        })
    }
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Unclear> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Unclear::Missing(name)),
        (Some(_), Some(_)) => Err(Unclear::Twice(name)),
        (Some(value), None) if value.is_empty() => Err(Unclear::Missing(name)),
        (Some(value), None) => {
            std::str::from_utf8(value.as_bytes()).map_err(|_| Unclear::Value(name))
        }
    }
}

/// A method in one word: two that were joined are none.
fn method(text: &str, name: &'static str) -> Result<Method, Unclear> {
    Method::from_bytes(text.as_bytes()).map_err(|_| Unclear::Value(name))
}

/// A host, with or without a port, as in the authority of a URL: nothing that some reader would take for the end of it.
fn host(text: &str, name: &'static str) -> Result<String, Unclear> {
    let is_plain = text.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    });
    if is_plain {
        Ok(text.to_owned())
    } else {
        Err(Unclear::Value(name))
    }
}

/// Refuses statements in the words of another dialect, and in spellings that other readers take for the ones that decide.
fn refuse_others(dialect: Dialect, sent: &HeaderMap) -> Result<(), Unclear> {
    let own: &[&str] = match dialect {
        Dialect::Nginx => &["x-original-method", "x-original-uri", "x-original-host"],
        Dialect::Traefik => &[
            "x-forwarded-method",
            "x-forwarded-uri",
            "x-forwarded-proto",
            "x-forwarded-host",
        ],
        Dialect::Envoy => &[],
    };
    for name in sent.keys() {
        let written = name.as_str();
        let folded: String = written.chars().map(fold).collect();
        if let Some(statement) = STATEMENTS.into_iter().find(|known| *known == folded) {
            if written != statement {
                return Err(Unclear::OtherSpelling(statement));
            }
            if !own.contains(&statement) && !STATED_BY_OTHERS.contains(&statement) {
                return Err(Unclear::OtherDialect(statement));
            }
        }
        // nginx overwrites the names that its configuration lists, which is tested, and passes every other one on. Traefik and Envoy
        // replace the names they are told, and no other spelling.
        let is_ours = ["edgeward-", "x-edgeward-", "x-middleware-"]
            .iter()
            .any(|prefix| folded.starts_with(prefix));
        let ends_there = dialect == Dialect::Nginx && ends_at_nginx(written);
        match (is_ours, headers::leads_elsewhere(&folded)) {
            _ if ends_there => {}
            (true, _) => return Err(Unclear::Introduction),
            (false, true) => return Err(Unclear::OtherRoute),
            (false, false) => {}
        }
    }
    Ok(())
}

/// Whether the shipped configuration of nginx overwrites a header with a name of these, in the one spelling that it knows.
fn ends_at_nginx(name: &str) -> bool {
    // Stories set their clock through nginx.
    #[cfg(feature = "test-clock")]
    if name == crate::http::caller::TEST_CLOCK_HEADER {
        return true;
    }
    identity::NAMES.contains(&name)
        || matches!(
            name,
            "edgeward-proof"
                | "edgeward-target"
                | "x-middleware-subrequest"
                | "x-middleware-invoke"
        )
        || headers::ROUTING.contains(&name)
}

/// As the most generous reader would: CGI and WSGI make `X_User` and `X-User` the same variable. Names are in lower case here.
fn fold(character: char) -> char {
    if character.is_ascii_alphanumeric() {
        character
    } else {
        '-'
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Twice(name) => write!(f, "{name} stands there more than once"),
            Self::OtherSpelling(name) => write!(f, "{name} stands there in another spelling"),
            Self::OtherDialect(name) => write!(f, "{name} is not of the configured dialect"),
            Self::Value(name) => write!(f, "{name} has no readable value"),
            Self::Introduction => f.write_str("a header that only Edgeward sets was sent"),
            Self::OtherRoute => {
                f.write_str("a header that tells the app another path or method was sent")
            }
        }
    }
}
