//! The client's address as trusted proxies tell it.
//!
//! A header is read only when the socket's peer is a configured proxy. Lists are read from the right, where the nearest
//! proxy has written, and no further than the first address that is no proxy's: what is left of it, anybody may have sent.

use std::{net::IpAddr, str, sync::Once};

use axum::http::{HeaderMap, HeaderValue};
use edgeward_core::gate::Client;

use crate::config::{ClientAddressHeader, TrustedProxies};

/// So many proxies in a row are believed. More are a loop, or a list that somebody made long.
const HOPS_MAX: usize = 16;

/// A trusted proxy sent a header out of which no address can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unreadable;

/// Said once for a process: such a proxy sends it with every request.
static TOLD: Once = Once::new();

/// Who asks: the peer of the socket, or whom a trusted proxy names. A trusted proxy that names nobody readable is itself
/// the one who asks.
pub(super) fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.networks.contain(peer) {
        return peer;
    }
    match told(headers, trusted) {
        Ok(Some(client)) => client,
        Ok(None) => peer,
        Err(Unreadable) => {
            TOLD.call_once(|| {
                tracing::warn!(
                    proxy = %peer,
                    header = %trusted.header,
                    "a trusted proxy names no readable address; its own is taken (said once)"
                );
            });
            peer
        }
    }
}

/// Whom the trusted proxy names that asks about somebody else's request: it is never itself the one who wants in.
pub(super) fn named_client(headers: &HeaderMap, trusted: &TrustedProxies) -> Client {
    match told(headers, trusted) {
        Ok(Some(client)) => Client::At(client),
        Ok(None) => Client::Untold,
        Err(Unreadable) => Client::Unnamed,
    }
}

/// `None`: the header is not there.
fn told(headers: &HeaderMap, trusted: &TrustedProxies) -> Result<Option<IpAddr>, Unreadable> {
    let values = headers.get_all(trusted.header.name()).iter();
    match &trusted.header {
        ClientAddressHeader::XForwardedFor => nearest_stranger(values, trusted, address),
        ClientAddressHeader::Forwarded => nearest_stranger(values, trusted, for_of_element),
        ClientAddressHeader::Single(_) => only(values),
    }
}

fn only<'h>(
    mut values: impl Iterator<Item = &'h HeaderValue>,
) -> Result<Option<IpAddr>, Unreadable> {
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => address(value.as_bytes().trim_ascii()).map(Some),
        (Some(_), Some(_)) => Err(Unreadable),
    }
}

/// The first from the right that is no trusted proxy; where all are, the last. Elements are parted by their commas alone,
/// quoted or not: no address has one, and a quotation mark that a client left open must not hide what proxies added.
fn nearest_stranger<'h>(
    values: impl DoubleEndedIterator<Item = &'h HeaderValue>,
    trusted: &TrustedProxies,
    read: impl Fn(&[u8]) -> Result<IpAddr, Unreadable>,
) -> Result<Option<IpAddr>, Unreadable> {
    let elements = values
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty());
    let mut furthest = None;
    for (hops, element) in elements.enumerate() {
        if hops >= HOPS_MAX {
            return Err(Unreadable);
        }
        let hop = read(element)?;
        furthest = Some(hop);
        if !trusted.networks.contain(hop) {
            break;
        }
    }
    Ok(furthest)
}

/// The `for` of an element of `Forwarded` (RFC 7239, section 4). Every pair must be well-formed: a piece out of the middle
/// of a quoted value, which a client may have written, has a quotation mark too many.
fn for_of_element(element: &[u8]) -> Result<IpAddr, Unreadable> {
    let mut found = None;
    for pair in element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = at
            .and_then(|at| pair.split_at_checked(at))
            .and_then(|(name, rest)| Some((name, rest.get(1..)?)))
            .ok_or(Unreadable)?;
        let value = match value {
            [b'"', quoted @ .., b'"'] => quoted,
            bare => bare,
        };
        let is_plain = !value.iter().any(|byte| matches!(byte, b'"' | b'\\'));
        if name.is_empty() || !name.iter().all(u8::is_ascii_alphanumeric) || !is_plain {
            return Err(Unreadable);
        }
        if name.eq_ignore_ascii_case(b"for") && found.replace(address(value)?).is_some() {
            return Err(Unreadable);
        }
    }
    found.ok_or(Unreadable)
}

/// An address, with or without a port. `unknown` and names that hide an address (RFC 7239, section 6) are none.
fn address(text: &[u8]) -> Result<IpAddr, Unreadable> {
    let text = str::from_utf8(text).map_err(|_| Unreadable)?;
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, behind) = rest.split_once(']').ok_or(Unreadable)?;
            if !behind.is_empty() && !behind.strip_prefix(':').is_some_and(is_port) {
                return Err(Unreadable);
            }
            inside.parse().map(IpAddr::V6).map_err(|_| Unreadable)?
        }
        None => match text.split_once(':') {
            Some((v4, port)) if is_port(port) => {
                v4.parse().map(IpAddr::V4).map_err(|_| Unreadable)?
            }
            Some(_) | None => text.parse().map_err(|_| Unreadable)?,
        },
    };
    let address = address.to_canonical();
    // Nobody asks from there; elsewhere it stands for an address that is not known.
    if address.is_unspecified() {
        return Err(Unreadable);
    }
    Ok(address)
}

/// A number, or a name that hides it.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        }
        None => {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_digit())
                && text.parse::<u16>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Inputs};

    fn trusted(header: &str) -> TrustedProxies {
        let variables = [
            (
                "EDGEWARD__SERVER__TRUSTED_PROXIES",
                "10.0.0.0/8, 192.0.2.7,2001:db8:1::/48",
            ),
            ("EDGEWARD__SERVER__CLIENT_ADDRESS_HEADER", header),
        ];
        let inputs = Inputs {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Inputs::default()
        };
        Config::load(&inputs).unwrap().server.proxies
    }

    #[track_caller]
    fn check(header: &str, peer: &str, sent: &[(&str, &[u8])], expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let name: axum::http::HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let found = client_address(peer.parse().unwrap(), &headers, &trusted(header));
        assert_eq!(found.to_string(), expected, "{header} {peer} {sent:?}");
    }

    /// A proxy that is trusted, and somebody who is not.
    const PROXY: &str = "192.0.2.7";
    const STRANGER: &str = "198.51.100.66";

    #[test]
    fn x_forwarded_for_is_read_from_the_right_over_trusted_hops() {
        let xff = |peer: &str, values: &[&[u8]], expected: &str| {
            let sent: Vec<_> = values
                .iter()
                .map(|value| ("x-forwarded-for", *value))
                .collect();
            check("x-forwarded-for", peer, &sent, expected);
        };
        for (peer, values, expected) in [
            // Whoever is not trusted says nothing about anybody.
            (STRANGER, &[b"203.0.113.9".as_slice()] as &[&[u8]], STRANGER),
            (STRANGER, &[b"10.0.0.1"], STRANGER),
            ("2001:db8:2::1", &[b"203.0.113.9"], "2001:db8:2::1"),
            // Without the header the proxy asks for itself.
            (PROXY, &[], PROXY),
            (PROXY, &[b""], PROXY),
            // One hop, and the ways to write it.
            (PROXY, &[b"203.0.113.9"], "203.0.113.9"),
            (PROXY, &[b" 203.0.113.9 "], "203.0.113.9"),
            (PROXY, &[b"203.0.113.9:65535"], "203.0.113.9"),
            (PROXY, &[b"2001:db8:2::9"], "2001:db8:2::9"),
            (PROXY, &[b"[2001:db8:2::9]"], "2001:db8:2::9"),
            (PROXY, &[b"[2001:db8:2::9]:443"], "2001:db8:2::9"),
            (PROXY, &[b"::ffff:203.0.113.9"], "203.0.113.9"),
            (PROXY, &[b"[::ffff:203.0.113.9]:1"], "203.0.113.9"),
            // The peer in IPv6 clothing, and one of IPv6.
            ("::ffff:192.0.2.7", &[b"203.0.113.9"], "203.0.113.9"),
            ("::ffff:198.51.100.66", &[b"203.0.113.9"], STRANGER),
            ("2001:db8:1::5", &[b"203.0.113.9"], "203.0.113.9"),
            // What the client sent stands to the left of what the proxies added.
            (PROXY, &[b"127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            (PROXY, &[b"10.0.0.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (
                PROXY,
                &[b"1.1.1.1,2.2.2.2,203.0.113.9,10.0.0.2,10.0.0.3"],
                "203.0.113.9",
            ),
            (PROXY, &[b"127.0.0.1", b"203.0.113.9"], "203.0.113.9"),
            (
                PROXY,
                &[b"127.0.0.1", b"203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            (
                PROXY,
                &[b"127.0.0.1, 203.0.113.9", b"10.0.0.2"],
                "203.0.113.9",
            ),
            (
                PROXY,
                &[b"::ffff:10.0.0.9, 203.0.113.9, ::ffff:10.0.0.2"],
                "203.0.113.9",
            ),
            (PROXY, &[b"\"127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            (PROXY, &[b"\xff\xfe, 203.0.113.9"], "203.0.113.9"),
            (PROXY, &[b"unknown, 203.0.113.9"], "203.0.113.9"),
            (PROXY, &[b"203.0.113.9,, ,10.0.0.2,"], "203.0.113.9"),
            // A request from among the proxies.
            (PROXY, &[b"10.0.0.2, 10.0.0.3"], "10.0.0.2"),
            // What cannot be read where it counts makes the proxy itself the one who asks.
            (PROXY, &[b"unknown"], PROXY),
            (PROXY, &[b"_hidden"], PROXY),
            (PROXY, &[b"203.0.113.9, unknown"], PROXY),
            (PROXY, &[b"203.0.113.9, unknown, 10.0.0.2"], PROXY),
            (PROXY, &[b"203.0.113.9 10.0.0.2"], PROXY),
            (PROXY, &[b"203.0.113.9;10.0.0.2"], PROXY),
            (PROXY, &[b"203.0.113.9:65536"], PROXY),
            (PROXY, &[b"203.0.113.9:"], PROXY),
            (PROXY, &[b"203.0.113.9:+1"], PROXY),
            (PROXY, &[b"203.0.113.09"], PROXY),
            (PROXY, &[b"0xcb007109"], PROXY),
            (PROXY, &[b"3405803785"], PROXY),
            (PROXY, &[b"203.0.113"], PROXY),
            (PROXY, &[b"203.0.113.9/32"], PROXY),
            (PROXY, &[b"fe80::1%eth0"], PROXY),
            (PROXY, &[b"[2001:db8:2::9"], PROXY),
            (PROXY, &[b"[2001:db8:2::9]x"], PROXY),
            (PROXY, &[b"[203.0.113.9]"], PROXY),
            (PROXY, &[b"localhost"], PROXY),
            (PROXY, &[b"0.0.0.0"], PROXY),
            (PROXY, &[b"::"], PROXY),
            (PROXY, &[b"::ffff:0.0.0.0"], PROXY),
            (PROXY, &[b"\xff"], PROXY),
        ] {
            xff(peer, values, expected);
        }
        let chain = |proxies: usize| format!("203.0.113.9{}", ", 10.0.0.2".repeat(proxies));
        xff(PROXY, &[chain(HOPS_MAX - 1).as_bytes()], "203.0.113.9");
        xff(PROXY, &[chain(HOPS_MAX).as_bytes()], PROXY);
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (value, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"203.0.113.9\"", "203.0.113.9"),
            ("for=\"203.0.113.9:8080\";proto=https", "203.0.113.9"),
            ("proto=https;by=10.0.0.2; FOR=203.0.113.9", "203.0.113.9"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=\"[2001:db8:cafe::17]:_port\"", "2001:db8:cafe::17"),
            ("for=127.0.0.1, for=203.0.113.9", "203.0.113.9"),
            (
                "for=127.0.0.1, for=203.0.113.9;by=x, for=10.0.0.2",
                "203.0.113.9",
            ),
            // A quotation mark that the client left open hides nothing.
            ("for=\"127.0.0.1, for=203.0.113.9", "203.0.113.9"),
            ("for=\"_x, for=203.0.113.9, for=\"10.0.0.2\"", "203.0.113.9"),
            // A `Host` that the proxy wrote into the quoted value of its own element.
            ("for=203.0.113.9;host=\"a,for=127.0.0.1\"", PROXY),
            ("for=203.0.113.9;host=\"a,for=127.0.0.1;x=\"", PROXY),
            ("for=203.0.113.9;host=\"a,for=127.0.0.1;x=\\\"\"", PROXY),
            ("for=203.0.113.9;for=127.0.0.1", PROXY),
            ("for=unknown", PROXY),
            ("for=_hidden", PROXY),
            ("for=\"_SEVKISEK\"", PROXY),
            ("for=203.0.113.9, for=unknown", PROXY),
            ("for=", PROXY),
            ("for", PROXY),
            ("=203.0.113.9", PROXY),
            ("proto=https", PROXY),
            ("203.0.113.9", PROXY),
            ("for=203.0.113.9;", PROXY),
            ("for=\"203.0.113.9\\\"\"", PROXY),
        ] {
            let sent = [("forwarded", value.as_bytes())];
            check("forwarded", PROXY, &sent, expected);
            check("Forwarded", STRANGER, &sent, STRANGER);
        }
    }

    #[test]
    fn a_header_with_one_address_occurs_once() {
        for (values, expected) in [
            (&["203.0.113.9"] as &[&str], "203.0.113.9"),
            (&["2001:db8:2::9"], "2001:db8:2::9"),
            // The address of a proxy is a client's here: the proxy has overwritten what the client sent.
            (&["10.0.0.2"], "10.0.0.2"),
            (&[], PROXY),
            (&[""], PROXY),
            (&["203.0.113.9, 127.0.0.1"], PROXY),
            (&["203.0.113.9", "127.0.0.1"], PROXY),
            (&["203.0.113.9", "203.0.113.9"], PROXY),
            (&["unknown"], PROXY),
        ] {
            let sent: Vec<_> = values
                .iter()
                .map(|value| ("x-real-ip", value.as_bytes()))
                .collect();
            check("X-Real-IP", PROXY, &sent, expected);
            check("X-Real-IP", STRANGER, &sent, STRANGER);
        }
    }

    #[test]
    fn only_the_configured_header_counts_and_by_default_none_does() {
        let all: [(&str, &[u8]); 4] = [
            ("x-forwarded-for", b"203.0.113.1"),
            ("x-real-ip", b"203.0.113.2"),
            ("cf-connecting-ip", b"203.0.113.3"),
            ("forwarded", b"for=203.0.113.4"),
        ];
        for (header, expected) in [
            ("x-forwarded-for", "203.0.113.1"),
            ("x-real-ip", "203.0.113.2"),
            ("cf-connecting-ip", "203.0.113.3"),
            ("forwarded", "203.0.113.4"),
            ("true-client-ip", PROXY),
        ] {
            check(header, PROXY, &all, expected);
        }
        let headers = all.iter().map(|(name, value)| {
            (
                name.parse().unwrap(),
                HeaderValue::from_bytes(value).unwrap(),
            )
        });
        let headers: HeaderMap = headers.collect();
        for peer in ["127.0.0.1", "::1", "10.0.0.1", STRANGER] {
            let peer: IpAddr = peer.parse().unwrap();
            let found = client_address(peer, &headers, &TrustedProxies::default());
            assert_eq!(found, peer);
        }
    }
}
