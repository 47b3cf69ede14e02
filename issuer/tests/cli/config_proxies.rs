//! Who may say a client's address is configured narrowly, or not at all.

use edgeward_issuer::config::{ClientAddressHeader, TrustedProxies};

use crate::settings::{PRODUCTION, check, load};

#[test]
fn nobody_is_trusted_unless_it_is_said() {
    let proxies = load(None, &[]).unwrap().server.proxies;
    assert_eq!(proxies, TrustedProxies::default());
    for address in ["127.0.0.1", "::1", "10.0.0.1", "0.0.0.0"] {
        assert!(!proxies.networks.contain(address.parse().unwrap()));
    }
}

#[test]
fn networks_are_read_from_the_file_and_from_a_variable() {
    let file = "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\"]";
    let variable = [(
        "EDGEWARD__SERVER__TRUSTED_PROXIES",
        "10.0.0.0/8, 192.0.2.7,2001:db8::/32",
    )];
    let from_file = load(Some(file), &[]).unwrap().server.proxies;
    assert_eq!(from_file, load(None, &variable).unwrap().server.proxies);
    assert_eq!(from_file.header, ClientAddressHeader::XForwardedFor);
    for (address, is_trusted) in [
        ("10.255.0.1", true),
        ("::ffff:10.255.0.1", true),
        ("11.0.0.1", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("2001:db8:ffff::1", true),
        ("2001:db9::1", false),
    ] {
        let found = from_file.networks.contain(address.parse().unwrap());
        assert_eq!(found, is_trusted, "{address}");
    }
}

#[test]
fn what_is_no_network_or_no_header_is_refused() {
    const PROXIES: &str = "FILE:2: server.trusted_proxies: ";
    const HEADER: &str = "FILE:3: server.client_address_header: ";
    for (lines, place, says) in [
        (
            "trusted_proxies = \"10.0.0.1\"",
            PROXIES,
            "must be a list of addresses and networks",
        ),
        ("trusted_proxies = true", PROXIES, "must be a list"),
        (
            "trusted_proxies = [\"10.0.0.1\", 7]",
            PROXIES,
            "must be a list",
        ),
        (
            "trusted_proxies = [\"nginx\"]",
            PROXIES,
            "\"nginx\" is neither an address nor a network",
        ),
        (
            "trusted_proxies = [\"10.0.0.0/33\"]",
            PROXIES,
            "\"10.0.0.0/33\" is neither",
        ),
        ("trusted_proxies = [\"\"]", PROXIES, "\"\" is neither"),
        (
            "trusted_proxies = [\"10.0.0.1/8\"]",
            PROXIES,
            "10.0.0.1/8 has bits beyond its prefix: is 10.0.0.0/8 meant?",
        ),
        (
            "trusted_proxies = [\"::ffff:10.0.0.1\"]",
            PROXIES,
            "::ffff:10.0.0.1 is IPv4 in IPv6 clothing",
        ),
        (
            "trusted_proxies = [\"10.0.0.1\"]\nclient_address_header = \"x real ip\"",
            HEADER,
            "\"x real ip\" is no name of a header",
        ),
        (
            "trusted_proxies = [\"10.0.0.1\"]\nclient_address_header = \"Host\"",
            HEADER,
            "host never holds the address of a client",
        ),
        (
            "trusted_proxies = []\nclient_address_header = \"x-real-ip\"",
            HEADER,
            "is read from nobody: name the proxies in server.trusted_proxies",
        ),
    ] {
        check(
            &format!("[server]\n{lines}"),
            &[],
            &[&format!("{place}{says}")],
        );
    }
}

#[test]
fn production_refuses_to_trust_strangers() {
    for (network, is_refused) in [
        ("0.0.0.0/0", true),
        ("::/0", true),
        ("128.0.0.0/1", true),
        ("10.0.0.0/7", true),
        ("10.0.0.0/8", false),
        ("127.0.0.1", false),
        ("fc00::/6", true),
        ("fc00::/7", false),
    ] {
        let line = format!("server.trusted_proxies = [\"{network}\"]\n");
        let found = load(Some(&format!("{PRODUCTION}{line}")), &[]);
        match found {
            Ok(_) => assert!(!is_refused, "{network}"),
            Err(complaint) => {
                let says = format!("FILE:3: server.trusted_proxies: {network} holds strangers");
                assert!(
                    is_refused && complaint[0].starts_with(&says),
                    "{complaint:?}"
                );
            }
        }
        load(Some(&line), &[]).unwrap();
    }
}
