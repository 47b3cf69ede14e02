//! Taking the request's address apart, byte for byte as the runtime gives it.
//!
//! Nothing is decoded or normalised here: core judges the raw path, and what it judged is what is forwarded.

/// A URL's parts, as they stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'u> {
    /// `http` or `https`.
    pub(super) scheme: &'u str,
    /// Host and, where it was given, port.
    pub(super) host: &'u str,
    /// From the first slash on, `/` if there was none.
    pub(super) path: &'u str,
    /// What stood between `?` and `#`.
    pub(super) query: Option<&'u str>,
}

impl<'u> Target<'u> {
    /// Splits an absolute URL. `None` if it is not one; the runtime makes no such requests.
    pub(super) fn split(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (host, path) = match before_query.find('/') {
            Some(slash) => before_query.split_at(slash),
            None => (before_query, "/"),
        };
        (!scheme.is_empty() && !host.is_empty()).then_some(Self {
            scheme,
            host,
            path,
            query,
        })
    }

    /// Path and query as they stand in a request line.
    pub(super) fn path_and_query(&self) -> String {
        match self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_and_nothing_is_changed() {
        for (url, scheme, host, path, query) in [
            ("https://app.test/", "https", "app.test", "/", None),
            (
                "http://app.test:8787/a/%2e%2e/b?x=%27'",
                "http",
                "app.test:8787",
                "/a/%2e%2e/b",
                Some("x=%27'"),
            ),
            (
                "http://app.test//evil/a",
                "http",
                "app.test",
                "//evil/a",
                None,
            ),
            (
                "http://app.test/a?b?c=/d#e",
                "http",
                "app.test",
                "/a",
                Some("b?c=/d"),
            ),
            ("http://app.test?x", "http", "app.test", "/", Some("x")),
            ("http://app.test/a?", "http", "app.test", "/a", Some("")),
            ("http://[::1]:80/a://b", "http", "[::1]:80", "/a://b", None),
        ] {
            assert_eq!(
                Target::split(url),
                Some(Target {
                    scheme,
                    host,
                    path,
                    query
                }),
                "{url}"
            );
        }
        for url in ["", "/a", "app.test/a", "://app.test/", "http:///a"] {
            assert_eq!(Target::split(url), None, "{url}");
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
