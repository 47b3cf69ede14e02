//! What a browser keeps of `Set-Cookie`, by the rules of RFC 6265bis, for a single site.
//!
//! A cookie that a browser would drop — a `__Host-` name without Secure, say — is a bug of ours, so it panics here.

use std::collections::BTreeMap;

/// One kept cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// The value as it was set.
    pub value: String,
    /// Sent to this path and below.
    pub path: String,
    /// Only over HTTPS.
    pub secure: bool,
    /// Out of reach for scripts.
    pub http_only: bool,
    /// `Lax`, `Strict` or `None`, as it was set.
    pub same_site: Option<String>,
    /// The domain it is shared with; `None` means this host only.
    pub domain: Option<String>,
    /// Seconds since the epoch, or `None` for as long as the browser runs.
    pub expires_at: Option<i64>,
}

/// The cookies of one browser for one site.
#[derive(Debug, Clone, Default)]
pub struct CookieJar(BTreeMap<String, Cookie>);

impl CookieJar {
    /// Keeps what one `Set-Cookie` field says, received at `now` over HTTPS or not.
    pub fn receive(&mut self, field: &str, over_https: bool, now: i64) {
        let (name, cookie, max_age) = parse(field);
        assert!(
            !cookie.secure || over_https,
            "a Secure cookie over plain HTTP is dropped by a browser: {field}"
        );
        if name.starts_with("__Host-") {
            let kept = cookie.secure && cookie.domain.is_none() && cookie.path == "/";
            assert!(
                kept,
                "a __Host- cookie needs Secure, Path=/ and no Domain, or a browser drops it: {field}"
            );
        }
        if name.starts_with("__Secure-") {
            assert!(
                cookie.secure,
                "a __Secure- cookie needs Secure, or a browser drops it: {field}"
            );
        }
        if cookie.same_site.as_deref() == Some("None") {
            assert!(
                cookie.secure,
                "SameSite=None needs Secure, or a browser drops it: {field}"
            );
        }
        match max_age {
            Some(seconds) if seconds <= 0 => {
                self.0.remove(&name);
            }
            seconds => {
                let expires_at = seconds.map(|seconds| now + seconds);
                self.0.insert(
                    name,
                    Cookie {
                        expires_at,
                        ..cookie
                    },
                );
            }
        }
    }

    /// The `Cookie` field for a request to `path` at `now`, or `None` when there is nothing to send.
    #[must_use]
    pub fn field(&self, path: &str, over_https: bool, now: i64) -> Option<String> {
        let sent = |(_, cookie): &(&String, &Cookie)| {
            (over_https || !cookie.secure)
                && cookie.expires_at.is_none_or(|expires_at| now < expires_at)
                && matches_path(&cookie.path, path)
        };
        let pairs: Vec<_> = self
            .0
            .iter()
            .filter(sent)
            .map(|(name, cookie)| format!("{name}={}", cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// A kept cookie by the end of its name, whatever prefix the environment gives it: `access`, `refresh` …
    #[must_use]
    pub fn ending_in(&self, end: &str) -> Option<&Cookie> {
        let end = format!("edgeward-{end}");
        self.0
            .iter()
            .find(|(name, _)| name.ends_with(&end))
            .map(|(_, cookie)| cookie)
    }

    /// The names that are kept.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Forgets every cookie.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets one cookie by the end of its name, as a browser does when a person or its age removes it.
    pub fn forget(&mut self, end: &str) {
        let end = format!("edgeward-{end}");
        self.0.retain(|name, _| !name.ends_with(&end));
    }
}

fn parse(field: &str) -> (String, Cookie, Option<i64>) {
    let mut parts = field.split(';').map(str::trim);
    let (name, value) = parts
        .next()
        .and_then(|pair| pair.split_once('='))
        .expect("NAME=VALUE");
    let mut max_age = None;
    let mut cookie = Cookie {
        value: value.to_owned(),
        path: "/".to_owned(),
        secure: false,
        http_only: false,
        same_site: None,
        domain: None,
        expires_at: None,
    };
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key.to_ascii_lowercase().as_str() {
            "path" => cookie.path = value.to_owned(),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = Some(value.to_owned()),
            "domain" => cookie.domain = Some(value.to_owned()),
            "max-age" => max_age = Some(value.parse().expect("Max-Age in whole seconds")),
            // Max-Age wins over Expires, and every cookie of ours that expires has it.
            "expires" => {}
            other => panic!("`{other}` is no attribute of a cookie: {field}"),
        }
    }
    (name.to_owned(), cookie, max_age)
}

/// RFC 6265, section 5.1.4.
fn matches_path(cookie: &str, request: &str) -> bool {
    let request = request.split(['?', '#']).next().unwrap_or(request);
    match request.strip_prefix(cookie) {
        Some("") => true,
        Some(rest) => cookie.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::CookieJar;

    #[test]
    fn a_cookie_is_sent_where_and_while_a_browser_would() {
        let mut jar = CookieJar::default();
        jar.receive(
            "edgeward-access=a; Path=/; Max-Age=600; HttpOnly; SameSite=Lax",
            false,
            1000,
        );
        jar.receive("edgeward-refresh=r; Path=/auth; HttpOnly", false, 1000);
        let check = |path: &str, now: i64, expected: Option<&str>| {
            assert_eq!(
                jar.field(path, false, now).as_deref(),
                expected,
                "{path} at {now}"
            );
        };
        check("/app", 1000, Some("edgeward-access=a"));
        check(
            "/auth/refresh?x",
            1599,
            Some("edgeward-access=a; edgeward-refresh=r"),
        );
        check("/authority", 1000, Some("edgeward-access=a"));
        check("/auth", 1600, Some("edgeward-refresh=r"));
        check("/app", 1600, None);
    }

    #[test]
    fn max_age_of_zero_removes() {
        let mut jar = CookieJar::default();
        jar.receive("edgeward-access=a; Path=/", false, 0);
        jar.receive("edgeward-access=; Path=/; Max-Age=0", false, 0);
        assert!(jar.names().is_empty());
    }

    #[test]
    #[should_panic(expected = "__Host- cookie needs Secure")]
    fn a_host_cookie_without_secure_is_a_bug() {
        CookieJar::default().receive("__Host-edgeward-access=a; Path=/", true, 0);
    }
}
