//! Hosts, as rules name them and as requests ask for them.

use alloc::string::{String, ToString};
use core::fmt;

use toml::Spanned;

use super::PolicyError;
use super::document::Source;

/// The host of a rule, or of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: Option<String>,
}

impl Host {
    /// Host names are compared without case and without the dot of the root; a port counts only if the rule names one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, port) = match text.rsplit_once(':') {
            // An IPv6 address keeps its colons within brackets.
            Some((name, port)) if !port.contains(']') => (name, Some(port)),
            _ => (text.as_str(), None),
        };
        if port.is_some_and(|port| !is_port(port)) {
            return None;
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let has_empty_label = name.split('.').any(str::is_empty);
        let is_address = name.starts_with('[') && name.ends_with(']');
        let is_name = !has_empty_label
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        (is_address || is_name).then(|| Self {
            name: name.to_string(),
            port: port.map(ToString::to_string),
        })
    }
}

/// Ports are compared as they are written, and whoever reads them next compares numbers: so there is one way to write each.
fn is_port(text: &str) -> bool {
    !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && match text.len() {
            1..=4 => true,
            5 => text <= "65535",
            _ => false,
        }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)?;
        self.port
            .as_ref()
            .map_or(Ok(()), |port| write!(out, ":{port}"))
    }
}

/// Reads the host of a rule.
#[cold]
pub(super) fn host(source: Source<'_>, text: &Spanned<&str>) -> Result<Host, PolicyError> {
    let Some(host) = Host::read(text.get_ref()) else {
        let message = "write one host name, with a port from 1 to 65535 without zeros in front if it matters; there are no wildcards";
        return Err(source.error(text, "host", message));
    };
    // The rule would never speak, and a broader one would in its place.
    if host
        .port
        .as_deref()
        .is_some_and(|port| matches!(port, "80" | "443"))
    {
        let message = "leave out a default port: browsers do not send it";
        return Err(source.error(text, "host", message));
    }
    Ok(host)
}
