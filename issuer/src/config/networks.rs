//! Addresses and networks, as settings name them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::source::Raw;

/// More networks than any provider publishes; each is held against an address, or against each hop of a request.
const NETWORKS_MAX: usize = 256;

/// Addresses and networks, none of them with bits beyond its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Whether this address is one of them. An IPv4 address in IPv6 clothing is taken as IPv4.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, as `10.0.0.0/8`.
    pub fn iter(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.0.iter().copied()
    }

    /// As TOML.
    pub(super) fn shown(&self) -> String {
        let texts = self.iter().map(|network| network.to_string().into());
        toml::Value::Array(texts.collect()).to_string()
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
