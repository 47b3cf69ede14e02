//! Where a client is: what the platform says about it, and the ranges of addresses that a route may be open to.
//!
//! Nothing that a client can write is an address here. Whoever makes a [`Client`] has asked the platform, and says so if the
//! platform said nothing.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a request comes from, as the platform vouches for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Client {
    /// At this address.
    At(IpAddr),
    /// The platform names addresses, and named none here. All who come so are counted as one.
    Unnamed,
    /// Nobody names addresses here, so nothing can be counted by them.
    #[default]
    Untold,
    /// The developer's own machine: nobody names addresses, and there is one person. It is on no list of addresses.
    OwnMachine,
}

impl Client {
    /// Whether somebody there may ask where these addresses may; an empty list is everybody's. Nobody whose address is not known is
    /// on a list.
    pub(super) fn is_among(self, ranges: &[AddressRange]) -> bool {
        match self {
            _ if ranges.is_empty() => true,
            Self::At(address) => ranges.iter().any(|range| range.covers(address)),
            Self::Unnamed | Self::Untold | Self::OwnMachine => false,
        }
    }

    /// Whether the request comes from the machine that the edge runs on.
    pub(super) const fn is_own_machine(self) -> bool {
        match self {
            Self::At(address) => address.to_canonical().is_loopback(),
            Self::OwnMachine => true,
            Self::Unnamed | Self::Untold => false,
        }
    }

    /// What is counted as one sender: an IPv4 address, or the /64 that one customer has of IPv6 at least. `None` where all
    /// senders of the world would be one.
    pub(super) fn sender(self) -> Option<u128> {
        let number = match self {
            Self::At(address) => number(address),
            Self::OwnMachine => number(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Self::Unnamed => 0,
            Self::Untold => return None,
        };
        Some(if is_of_ipv4(number) {
            number
        } else {
            number & NETWORK
        })
    }
}

/// Where the neighbourhood of an address begins, and how many bits name it: /24 of IPv4, /48 of IPv6, which is as far as one household or
/// office reaches. An IPv4 address in IPv6 clothing is taken as IPv4. What the issuer keeps of an address, and judges a change of it by.
#[must_use]
pub fn neighbourhood(address: IpAddr) -> (IpAddr, u32) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (Ipv4Addr::from_bits(v4.to_bits() & !0xff).into(), 24),
        IpAddr::V6(v6) => (
            Ipv6Addr::from_bits(v6.to_bits() & u128::MAX << 80).into(),
            48,
        ),
    }
}

/// The bits of an IPv6 address that name a network (RFC 4291, section 2.5.4).
const NETWORK: u128 = u128::MAX << 64;

/// Every address as one of IPv6, those of IPv4 in their mapped form (RFC 4291, section 2.5.5.2), which some platforms report
/// them in.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => MAPPED | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// What stands in front of an address of IPv4.
const MAPPED: u128 = 0xffff_0000_0000;

const fn is_of_ipv4(number: u128) -> bool {
    number >> 32 == MAPPED >> 32
}

/// A range of addresses in the notation of RFC 4632 and RFC 4291, section 2.3: `10.0.0.0/8`, `2001:db8::/32`, or one address.
/// A range of IPv6 never covers an address of IPv4, however wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: u128,
    /// Ones in front, zeros behind.
    mask: u128,
}

impl AddressRange {
    /// Reads a range. `None` if it is none, or has bits behind its prefix: whoever wrote those meant another range.
    #[cold]
    #[inline(never)]
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { u128::BITS };
        let behind = match prefix {
            None => 0,
            // `+8` and `08` are numbers to Rust and to nobody who writes ranges.
            Some(digits) if matches!(digits.as_bytes(), [b'+' | b'0', _, ..]) => return None,
            Some(digits) => bits.checked_sub(digits.parse().ok()?)?,
        };
        let first = number(address);
        let mask = u128::MAX.checked_shl(behind).unwrap_or(0);
        let reaches_into_ipv4 = is_of_ipv4(first) && behind > 32;
        (first & !mask == 0 && !reaches_into_ipv4).then_some(Self { first, mask })
    }

    /// Whether the address lies in it.
    pub(super) fn covers(&self, address: IpAddr) -> bool {
        let number = number(address);
        number & self.mask == self.first && is_of_ipv4(number) == is_of_ipv4(self.first)
    }
}

/// As a policy writes it.
impl fmt::Display for AddressRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, prefix) = (Ipv6Addr::from(self.first), self.mask.count_ones());
        match first.to_ipv4_mapped() {
            Some(v4) => write!(out, "{v4}/{}", prefix.saturating_sub(96)),
            None => write!(out, "{first}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_range_is_what_the_notation_says_and_nothing_else() {
        for (text, expected) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("203.0.113.9", Some("203.0.113.9/32")),
            ("203.0.113.9/32", Some("203.0.113.9/32")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("2001:DB8:0::/48", Some("2001:db8::/48")),
            ("::/0", Some("::/0")),
            ("::1", Some("::1/128")),
            ("::ffff:10.0.0.0/104", Some("10.0.0.0/8")),
            ("::ffff:0:0/90", None),
            ("::ffff:0:0/96", Some("0.0.0.0/0")),
            ("10.0.0.1/8", None),
            ("2001:db8::1/32", None),
            ("10.0.0.0/33", None),
            ("::/129", None),
            ("10.0.0.0/4294967295", None),
            ("10.0.0.0/", None),
            ("10.0.0.0/+8", None),
            ("10.0.0.0/08", None),
            ("10.0.0.0/-1", None),
            ("10.0.0.0/8/8", None),
            ("10.0.0.0/255.0.0.0", None),
            ("10.0.0", None),
            ("010.0.0.1", None),
            ("10.*", None),
            ("[::1]", None),
            ("fe80::1%eth0", None),
            (" 10.0.0.1", None),
            ("localhost", None),
            ("", None),
        ] {
            let read = AddressRange::read(text).map(|range| range.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_lies_in_the_ranges_of_its_own_kind() {
        for (range, address, expected) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:11.1.2.3", false),
            ("10.0.0.0/8", "::10.1.2.3", false),
            ("10.0.0.0/8", "64:ff9b::a01:203", false),
            ("203.0.113.9", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.8", false),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("0.0.0.0/0", "::", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "198.51.100.1", false),
            ("::/0", "::ffff:198.51.100.1", false),
            ("::1", "::1", true),
            ("::1", "127.0.0.1", false),
            ("127.0.0.0/8", "::1", false),
        ] {
            let found = AddressRange::read(range)
                .unwrap()
                .covers(address.parse().unwrap());
            assert_eq!(found, expected, "{range} {address}");
        }
    }

    #[test]
    fn a_neighbourhood_is_24_bits_of_ipv4_and_48_of_ipv6() {
        for (address, first, prefix) in [
            ("203.0.113.9", "203.0.113.0", 24),
            ("::ffff:203.0.113.9", "203.0.113.0", 24),
            ("2001:db8:1:2::3", "2001:db8:1::", 48),
            ("::1", "::", 48),
        ] {
            let found = neighbourhood(address.parse().unwrap());
            assert_eq!(found, (first.parse().unwrap(), prefix), "{address}");
        }
    }

    #[test]
    fn one_sender_is_one_address_of_ipv4_or_one_network_of_ipv6() {
        let at = |text: &str| Client::At(text.parse().unwrap()).sender();
        for (one, other, same) in [
            ("203.0.113.9", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.8", false),
            ("203.0.113.9", "::ffff:203.0.113.9", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("203.0.113.9", "::203.0.113.9", false),
        ] {
            assert_eq!(at(one) == at(other), same, "{one} {other}");
        }
        assert_eq!(Client::Untold.sender(), None);
        assert!(Client::Unnamed.sender().is_some());
        assert!(Client::OwnMachine.is_own_machine());
        for (address, own) in [
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
        ] {
            assert_eq!(Client::At(address.parse().unwrap()).is_own_machine(), own);
        }
    }
}
