//! Taking the request's address apart, byte for byte as the runtime gives it.
//!
//! Nothing is decoded or normalised here: core judges the raw path, and what it judged is what is forwarded. Only a host
//! that is more than a name and a port is refused, because the app and our own redirects would repeat it.

/// A URL's parts, as they stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'u> {
    /// Host and, where it was given, port.
    pub(super) host: &'u str,
    /// From the first slash on, `/` if there was none.
    pub(super) path: &'u str,
    /// What stood between `?` and `#`.
    pub(super) query: Option<&'u str>,
}

impl<'u> Target<'u> {
    /// Splits an absolute URL. `None` if it is none, or if its host holds what no host holds: the runtime puts the client's
    /// `Host` there as it came, with a user name before an `@` or two of them joined by a comma.
    pub(super) fn split(url: &'u str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (host, path) = match before_query.find('/') {
            Some(slash) => before_query.split_at(slash),
            None => (before_query, "/"),
        };
        is_host(host).then_some(Self { host, path, query })
    }

    /// Path and query as they stand in a request line.
    pub(super) fn path_and_query(&self) -> String {
        match self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_owned(),
        }
    }
}

/// Whether a text can be a name or an address with a port (RFC 9110, section 7.2); escapes are not needed in either.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(':')
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_and_nothing_is_changed() {
        for (url, host, path, query) in [
            ("https://app.test/", "app.test", "/", None),
            (
                "http://app.test:8787/a/%2e%2e/b?x=%27'",
                "app.test:8787",
                "/a/%2e%2e/b",
                Some("x=%27'"),
            ),
            ("http://app.test//evil/a", "app.test", "//evil/a", None),
            (
                "http://app.test/a?b?c=/d#e",
                "app.test",
                "/a",
                Some("b?c=/d"),
            ),
            ("http://app.test?x", "app.test", "/", Some("x")),
            ("http://app.test/a?", "app.test", "/a", Some("")),
            ("http://[::1]:80/a://b", "[::1]:80", "/a://b", None),
        ] {
            assert_eq!(
                Target::split(url),
                Some(Target { host, path, query }),
                "{url}"
            );
        }
        for url in ["", "/a", "app.test/a", "http:///a"] {
            assert_eq!(Target::split(url), None, "{url}");
        }
    }

    #[test]
    fn a_host_that_could_be_read_as_another_is_none() {
        for host in [
            "app.test@evil.test",
            "user:secret@app.test",
            "app.test, evil.test",
            "app.test*",
            "app.test\\evil.test",
            "app.test%2eevil.test",
            "app.t\u{e9}st",
            ":80",
        ] {
            assert_eq!(Target::split(&format!("http://{host}/a")), None, "{host}");
        }
    }

    #[test]
    fn path_and_query_keep_an_empty_query() {
        for (url, expected) in [
            ("http://a/b?c", "/b?c"),
            ("http://a/b?", "/b?"),
            ("http://a", "/"),
        ] {
            assert_eq!(Target::split(url).unwrap().path_and_query(), expected);
        }
    }
}
