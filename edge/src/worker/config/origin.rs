//! An origin from the configuration: scheme, host and port, and nothing behind them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `http://host[:port]` or `https://host[:port]`, lower case, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Origin {
    text: String,
    https: bool,
}

/// The text is not an origin.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct NotAnOrigin;

impl Origin {
    /// The origin as a browser would write it.
    pub(in super::super) fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    pub(in super::super) const fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Host and, where one was written, port.
    pub(in super::super) fn authority(&self) -> &str {
        self.text
            .split_once("://")
            .map_or("", |(_, authority)| authority)
    }

    /// The host alone; an address of IPv6 without its brackets.
    pub(in super::super) fn host(&self) -> &str {
        let authority = self.authority();
        match authority
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((address, _)) => address,
            None => authority
                .split_once(':')
                .map_or(authority, |(host, _)| host),
        }
    }

    /// Whether what is sent there is encrypted.
    pub(in super::super) const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host can only be this machine.
    pub(in super::super) fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, authority) = text.split_once("://").ok_or(NotAnOrigin)?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(NotAnOrigin),
        };
        let plain = authority
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'[' | b']'));
        if plain && !authority.is_empty() && !authority.starts_with(':') {
            Ok(Self {
                text: text.to_owned(),
                https,
            })
        } else {
            Err(NotAnOrigin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_nothing_behind_its_port() {
        for (text, https, loopback) in [
            ("https://app.test", true, false),
            ("http://127.0.0.1:8080", false, true),
            ("http://localhost:3000", false, true),
            ("http://[::1]:3000", false, true),
            ("http://127.0.0.1.evil.test", false, false),
            ("http://localhost.evil.test", false, false),
        ] {
            let origin = Origin::from_str(text).unwrap();
            assert_eq!(
                (origin.as_str(), origin.is_https(), origin.is_loopback()),
                (text, https, loopback)
            );
        }
        for text in [
            "",
            "app.test",
            "ftp://app.test",
            "https://",
            "https://app.test/",
            "https://app.test?x",
            "https://user@app.test",
            "HTTPS://app.test",
            "https://App.test",
            "https://:80",
        ] {
            assert_eq!(Origin::from_str(text), Err(NotAnOrigin), "{text}");
        }
    }
}
