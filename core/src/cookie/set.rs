//! `Set-Cookie`, built so that a browser keeps exactly what was meant (RFC 6265bis).
//!
//! A cookie whose octets, prefix or attributes a browser would refuse or misread is an error here, not a surprise there.

use alloc::string::{String, ToString};
use core::fmt;

use super::Environment;

/// When a browser sends a cookie along with a request that another site caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only with navigations to us.
    Lax,
    /// Always; demands `Secure`.
    None,
}

/// A cookie that cannot be written as asked: a mistake of the caller or of the configuration, never of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCookie {
    /// The name is not an RFC 9110 token.
    Name,
    /// The value holds an octet outside of RFC 6265's `cookie-octet`.
    Value,
    /// The path does not start with `/` or holds `;` or a control character.
    Path,
    /// The domain is not a lower-case host name.
    Domain,
    /// `__Host-` without `Secure`, without `Path=/`, or with a domain; `__Secure-` without `Secure`.
    Prefix,
    /// `SameSite=None` without `Secure`.
    SameSite,
}

impl fmt::Display for BadCookie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Name => "the cookie's name is not a token",
            Self::Value => "the cookie's value holds a character that cookies cannot carry",
            Self::Path => "the cookie's path is not acceptable",
            Self::Domain => "the cookie's domain is not a host name",
            Self::Prefix => "the cookie's attributes contradict the prefix of its name",
            Self::SameSite => "SameSite=None demands Secure",
        })
    }
}

impl core::error::Error for BadCookie {}

/// One cookie to be set. Nothing is written until [`SetCookie::header_value`] has checked it as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<u64>,
    expired: bool,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
}

impl SetCookie {
    /// A session cookie without attributes.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: None,
            domain: None,
            max_age: None,
            expired: false,
            http_only: false,
            secure: false,
            same_site: None,
        }
    }

    /// One of our cookies with the environment's attributes: `Path=/; HttpOnly`, `SameSite=Lax` (preview: `None`), and
    /// `Secure` everywhere but in development.
    #[must_use]
    pub fn for_environment(
        environment: Environment,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        let cookie = Self::new(name, value).path("/").http_only();
        match environment {
            Environment::Production => cookie.secure().same_site(SameSite::Lax),
            Environment::Preview => cookie.secure().same_site(SameSite::None),
            Environment::Development => cookie.same_site(SameSite::Lax),
        }
    }

    /// Removes a cookie: no value, `Max-Age=0` and, for old browsers, an `Expires` long ago. Path and domain must be
    /// those the cookie was set with.
    #[must_use]
    pub fn expire(name: impl Into<String>) -> Self {
        Self::new(name, "").expired()
    }

    /// Turns the cookie into its own removal, attributes kept.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.value = String::new();
        self.max_age = Some(0);
        self.expired = true;
        self
    }

    /// `Path`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// `Domain`, without a leading dot.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// `Max-Age`, in seconds.
    #[must_use]
    pub const fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// `HttpOnly`: scripts cannot read it.
    #[must_use]
    pub const fn http_only(mut self) -> Self {
        self.http_only = true;
        self
    }

    /// `Secure`: only over HTTPS.
    #[must_use]
    pub const fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// `SameSite`.
    #[must_use]
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// The value of the `Set-Cookie` header.
    ///
    /// # Errors
    /// The first rule of [`BadCookie`] that the cookie breaks.
    pub fn header_value(&self) -> Result<String, BadCookie> {
        self.check()?;
        let mut header = String::new();
        for part in [&self.name, "=", &self.value] {
            header.push_str(part);
        }
        let mut attribute = |name: &str, value: &str| {
            for part in ["; ", name, value] {
                header.push_str(part);
            }
        };
        if let Some(path) = &self.path {
            attribute("Path=", path);
        }
        if let Some(domain) = &self.domain {
            attribute("Domain=", domain);
        }
        if let Some(seconds) = self.max_age {
            attribute("Max-Age=", &seconds.to_string());
        }
        if self.expired {
            attribute("Expires=", "Thu, 01 Jan 1970 00:00:00 GMT");
        }
        if self.secure {
            attribute("Secure", "");
        }
        if self.http_only {
            attribute("HttpOnly", "");
        }
        match self.same_site {
            Some(SameSite::Strict) => attribute("SameSite=", "Strict"),
            Some(SameSite::Lax) => attribute("SameSite=", "Lax"),
            Some(SameSite::None) => attribute("SameSite=", "None"),
            None => {}
        }
        Ok(header)
    }

    fn check(&self) -> Result<(), BadCookie> {
        let require =
            |holds: bool, otherwise: BadCookie| if holds { Ok(()) } else { Err(otherwise) };
        require(
            !self.name.is_empty() && self.name.bytes().all(is_token_byte),
            BadCookie::Name,
        )?;
        require(self.value.bytes().all(is_cookie_octet), BadCookie::Value)?;
        if let Some(path) = &self.path {
            let harmless = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b';';
            require(
                path.starts_with('/') && path.bytes().all(harmless),
                BadCookie::Path,
            )?;
        }
        if let Some(domain) = &self.domain {
            require(is_host_name(domain), BadCookie::Domain)?;
        }
        // Browsers compare the prefixes without case (RFC 6265bis, section 5.4).
        let prefixed = |prefix: &str| {
            self.name
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let host_only = self.domain.is_none() && self.path.as_deref() == Some("/");
        require(
            !prefixed("__Host-") || (self.secure && host_only),
            BadCookie::Prefix,
        )?;
        require(!prefixed("__Secure-") || self.secure, BadCookie::Prefix)?;
        require(
            self.same_site != Some(SameSite::None) || self.secure,
            BadCookie::SameSite,
        )
    }
}

/// Everything but the value, which is a secret.
impl fmt::Debug for SetCookie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SetCookie")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("domain", &self.domain)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// RFC 6265, section 4.1.1.
const fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn attributes_follow_the_environment() {
        for (environment, name, expected) in [
            (
                Environment::Production,
                "__Host-a",
                "__Host-a=v; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax",
            ),
            (
                Environment::Preview,
                "__Host-a",
                "__Host-a=v; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=None",
            ),
            (
                Environment::Development,
                "a",
                "a=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax",
            ),
        ] {
            let cookie = SetCookie::for_environment(environment, name, "v").max_age(600);
            assert_eq!(cookie.header_value().as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_expired_cookie_keeps_its_place() {
        let gone = SetCookie::for_environment(Environment::Production, "__Secure-a", "v")
            .domain("example.com")
            .expired();
        assert_eq!(
            gone.header_value().as_deref(),
            Ok(
                "__Secure-a=; Path=/; Domain=example.com; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; \
                Secure; HttpOnly; SameSite=Lax"
            )
        );
        assert_eq!(
            SetCookie::expire("a").path("/").header_value().as_deref(),
            Ok("a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        );
    }

    #[test]
    fn what_a_browser_would_refuse_or_misread_is_not_written() {
        let plain = || SetCookie::new("a", "v");
        let host = || SetCookie::new("__Host-a", "v").secure().path("/");
        for (cookie, expected) in [
            (SetCookie::new("", "v"), BadCookie::Name),
            (SetCookie::new("a b", "v"), BadCookie::Name),
            (SetCookie::new("a=b", "v"), BadCookie::Name),
            (SetCookie::new("a\u{2000}", "v"), BadCookie::Name),
            (SetCookie::new("a", "v;w"), BadCookie::Value),
            (
                SetCookie::new("a", "v\r\nSet-Cookie: b=c"),
                BadCookie::Value,
            ),
            (SetCookie::new("a", "v,w"), BadCookie::Value),
            (SetCookie::new("a", "\"v\""), BadCookie::Value),
            (SetCookie::new("a", "é"), BadCookie::Value),
            (plain().path("x"), BadCookie::Path),
            (plain().path("/; HttpOnly"), BadCookie::Path),
            (plain().domain(".example.com"), BadCookie::Domain),
            (plain().domain("example.com; Secure"), BadCookie::Domain),
            (plain().domain("Example.com"), BadCookie::Domain),
            (host().domain("example.com"), BadCookie::Prefix),
            (host().path("/app"), BadCookie::Prefix),
            (SetCookie::new("__Host-a", "v").path("/"), BadCookie::Prefix),
            (SetCookie::new("__hOsT-a", "v").path("/"), BadCookie::Prefix),
            (SetCookie::new("__Secure-a", "v"), BadCookie::Prefix),
            (plain().same_site(SameSite::None), BadCookie::SameSite),
        ] {
            assert_eq!(cookie.header_value(), Err(expected), "{cookie:?}");
        }
        assert!(host().header_value().is_ok());
    }

    #[test]
    fn the_value_is_not_printed() {
        assert!(!format!("{:?}", SetCookie::new("a", "secret")).contains("secret"));
    }
}
