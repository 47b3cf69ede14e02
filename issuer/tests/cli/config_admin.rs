//! From where a site is administered is said in addresses and networks, or not at all.

use edgeward_issuer::config::Config;

use crate::settings::{check, load};

fn listed(config: &Config) -> Vec<String> {
    let networks = config.admin.addresses.iter();
    networks.map(|network| network.to_string()).collect()
}

#[test]
fn addresses_are_read_from_the_file_and_from_a_variable() {
    let nothing = load(None, &[]).unwrap();
    assert!(nothing.admin.addresses.is_empty());
    let file = "[admin]\naddresses = [\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\"]";
    let variable = [(
        "EDGEWARD__ADMIN__ADDRESSES",
        "10.0.0.0/8, 192.0.2.7,2001:db8::/32",
    )];
    let from_file = load(Some(file), &[]).unwrap();
    assert_eq!(from_file, load(None, &variable).unwrap());
    assert_eq!(
        listed(&from_file),
        ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]
    );
    // The variable is the last word.
    let both = load(Some(file), &[("EDGEWARD__ADMIN__ADDRESSES", "192.0.2.8")]);
    assert_eq!(listed(&both.unwrap()), ["192.0.2.8/32"]);
    let none = load(Some("admin.addresses = []"), &[]).unwrap();
    assert!(none.admin.addresses.is_empty());
}

#[test]
fn a_list_that_means_nothing_is_refused_at_its_place() {
    const PLACE: &str = "FILE:2: admin.addresses: ";
    let many = format!("[{}]", "\"10.0.0.1\", ".repeat(257));
    for (value, says) in [
        ("\"10.0.0.1\"", "must be a list of addresses and networks"),
        ("true", "must be a list"),
        ("[\"10.0.0.1\", 7]", "must be a list"),
        ("[\"office\"]", "\"office\" is neither an address nor"),
        ("[\"10.0.0.0/33\"]", "\"10.0.0.0/33\" is neither"),
        ("[\"\"]", "\"\" is neither"),
        (
            "[\"10.0.0.1/8\"]",
            "10.0.0.1/8 has bits beyond its prefix: is 10.0.0.0/8 meant?",
        ),
        (
            "[\"::ffff:10.0.0.1\"]",
            "::ffff:10.0.0.1 is IPv4 in IPv6 clothing",
        ),
        (many.as_str(), "has more than 256 networks"),
    ] {
        let file = format!("[admin]\naddresses = {value}");
        check(&file, &[], &[&format!("{PLACE}{says}")]);
    }
    let empty = [("EDGEWARD__ADMIN__ADDRESSES", "")];
    check(
        "",
        &empty,
        &["EDGEWARD__ADMIN__ADDRESSES: admin.addresses: \"\" is neither"],
    );
    let misspelt = "[admin]\naddress = [\"10.0.0.1\"]";
    check(
        misspelt,
        &[],
        &["FILE:2: admin.address: there is no such setting; did you mean admin.addresses?"],
    );
}
