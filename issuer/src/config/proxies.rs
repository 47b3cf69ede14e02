//! Proxies that may say whose request they pass on, and in which header they say it.

use std::fmt;

use axum::http::{HeaderName, header};

use super::Networks;

/// The header that is read when none is named: what nearly every proxy writes.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that no proxy writes an address into, and that would be believed if one named them by mistake.
const OTHER_MEANING: [HeaderName; 4] = [
    header::HOST,
    header::AUTHORIZATION,
    header::COOKIE,
    header::USER_AGENT,
];

/// Who is trusted to say a client's address, and where it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    /// The addresses of the proxies. Empty: nobody is believed.
    pub networks: Networks,
    /// Where they say it.
    pub header: ClientAddressHeader,
}

/// The header in which a proxy says whose request it passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAddressHeader {
    /// `X-Forwarded-For`: each proxy adds the address that it was asked from, so the last ones are the nearest.
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the same with names and quotation marks.
    Forwarded,
    /// A header with one address, which the proxy writes anew, as `X-Real-IP` or `CF-Connecting-IP`.
    Single(HeaderName),
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self {
            networks: Networks::default(),
            header: ClientAddressHeader::XForwardedFor,
        }
    }
}

impl ClientAddressHeader {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let name: HeaderName = text
            .parse()
            .map_err(|_| format!("{text:?} is no name of a header"))?;
        Ok(if name == X_FORWARDED_FOR {
            Self::XForwardedFor
        } else if name == header::FORWARDED {
            Self::Forwarded
        } else if OTHER_MEANING.contains(&name) {
            return Err(format!("{name} never holds the address of a client"));
        } else {
            Self::Single(name)
        })
    }

    /// The header.
    #[must_use]
    pub fn name(&self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => header::FORWARDED,
            Self::Single(name) => name.clone(),
        }
    }
}

impl fmt::Display for ClientAddressHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().as_str())
    }
}
