//! Proxies that may say whose request they pass on, and in which header they say it.

use std::{fmt, net::IpAddr};

use axum::http::{HeaderName, header};
use ipnet::IpNet;

use super::source::Raw;

/// More networks than any provider publishes; each is held against each hop of a request.
const NETWORKS_MAX: usize = 256;

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

/// Addresses and networks, none of them with bits beyond its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

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

impl Networks {
    /// Whether this is the address of a trusted proxy. An IPv4 address in IPv6 clothing is taken as IPv4.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, as `10.0.0.0/8`.
    pub fn iter(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn read(raw: &Raw) -> Result<Self, String> {
        let texts: Vec<&str> = match raw {
            Raw::List(items) => items.iter().map(String::as_str).collect(),
            Raw::Variable(text) => text.split(',').map(str::trim).collect(),
            Raw::Text(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::Tables(_) | Raw::Other(_) => {
                return Err(
                    "must be a list of addresses and networks, as [\"10.0.0.0/8\", \"192.0.2.7\"]"
                        .to_owned(),
                );
            }
        };
        if texts.len() > NETWORKS_MAX {
            return Err(format!("has more than {NETWORKS_MAX} networks"));
        }
        texts
            .into_iter()
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => text
            .parse::<IpAddr>()
            .map(IpNet::from)
            .map_err(|_| format!("{text:?} is neither an address nor a network, as 10.0.0.0/8"))?,
    };
    if network.trunc() != network {
        return Err(format!(
            "{text} has bits beyond its prefix: is {} meant?",
            network.trunc()
        ));
    }
    let is_mapped = matches!(network, IpNet::V6(v6) if v6.network().to_ipv4_mapped().is_some());
    if is_mapped {
        return Err(format!("{text} is IPv4 in IPv6 clothing: write it as IPv4"));
    }
    Ok(network)
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
