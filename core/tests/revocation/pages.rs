//! What is a page, and each way in which an answer is none.

use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::revocation::{
    FEED_TYPE, MAX_PAGE_BYTES, MAX_PAGE_ENTRIES, Page, PageFault, expectations,
};
use edgeward_core::token::SigningKey;
use serde_json::{Value, json};

use crate::{ISSUER, at, key, keys, page, read, signed_page};

const LINES: &str = "sid s-1 1800000000 revoked\nsid s-2 1800000000 signed-out and more\n";

fn fault(body: &str, after: u64) -> &'static str {
    read(body, after).map_or_else(|fault| fault.reason(), |_| "accepted")
}

fn check(changes: &Value, expected: &str) {
    assert_eq!(fault(&page(3, 5, LINES, changes), 3), expected, "{changes}");
}

#[test]
fn a_page_is_read_where_it_goes_on_or_begins_anew() {
    for (asked, after, expected) in [
        (3, 3, "accepted"),
        (0, 0, "accepted"),
        (3, 0, "accepted"),
        (3, 2, "page-leaves-a-gap"),
        (3, 4, "page-leaves-a-gap"),
        (0, 3, "page-leaves-a-gap"),
    ] {
        assert_eq!(
            fault(&page(after, 5, LINES, &json!({})), asked),
            expected,
            "{asked} {after}"
        );
    }
    assert_eq!(fault(&page(3, 3, "", &json!({})), 3), "accepted");
    check(&json!({ "more": true }), "accepted");
}

#[test]
fn each_claim_of_a_page_is_demanded() {
    check(
        &json!({ "iss": "https://other.example" }),
        "issuer-mismatch",
    );
    check(
        &json!({ "aud": "https://other.example" }),
        "audience-mismatch",
    );
    check(&json!({ "aud": null }), "audience-missing");
    check(&json!({ "exp": null }), "exp-missing");
    check(&json!({ "exp": crate::NOW - 61 }), "expired");
    check(&json!({ "rid": "r-2" }), "page-of-another-request");
    check(&json!({ "rid": null }), "page-of-another-request");
    check(&json!({ "after": null }), "page-claims");
    check(&json!({ "last": null }), "page-claims");
    check(&json!({ "last": "5" }), "page-claims");
    check(&json!({ "last": -1 }), "page-claims");
    check(&json!({ "more": null }), "page-claims");
    check(&json!({ "more": 1 }), "page-claims");
    check(&json!({ "count": null }), "page-claims");
    check(&json!({ "count": 1 }), "page-entries-changed");
    check(&json!({ "count": 3 }), "page-entries-changed");
    check(&json!({ "sha256": null }), "page-entries-changed");
    check(&json!({ "sha256": "" }), "page-entries-changed");
    // It would lead back, or nowhere for ever.
    check(&json!({ "last": 2 }), "page-claims");
    check(&json!({ "last": 3, "more": true }), "page-claims");
}

#[test]
fn what_another_signed_or_for_another_purpose_is_no_page() {
    let sign = |seed: u8, typ: &str| {
        let other = SigningKey::from_seed(&[seed; 32]).unwrap();
        signed_page(&other, typ, 3, 5, LINES, &json!({}))
    };
    assert_eq!(fault(&sign(7, FEED_TYPE), 3), "accepted");
    assert_eq!(fault(&sign(8, FEED_TYPE), 3), "unknown-key");
    for typ in ["at+jwt", "edge+jwt", "edge-proof+jwt", "JWT"] {
        assert_eq!(fault(&sign(7, typ), 3), "typ-mismatch", "{typ}");
    }
    // An edge's key stands in the same set.
    let edge = SigningKey::from_seed(&[9; 32]).unwrap();
    let restricted = edge
        .public_jwk()
        .restricted_to(&edgeward_core::token::TokenType::Assertion);
    let both = KeySet::from_keys([key().public_jwk(), restricted]).unwrap();
    let body = signed_page(&edge, FEED_TYPE, 3, 5, LINES, &json!({}));
    let expect = expectations(ISSUER, ISSUER);
    let found = Page::read(body.as_bytes(), (3, "r-1"), &both, &expect, at(0));
    assert_eq!(
        found.err(),
        Some(PageFault::Token(Reject::KeyTypeRestricted))
    );
    assert!(
        Page::read(
            page(3, 5, LINES, &json!({})).as_bytes(),
            (3, "r-1"),
            &keys(),
            &expect,
            at(121)
        )
        .is_err()
    );
}

#[test]
fn changed_in_any_place_it_is_no_page() {
    let body = page(3, 5, LINES, &json!({}));
    for index in 0..body.len() {
        let mut bytes = body.clone().into_bytes();
        bytes[index] ^= 1;
        let expect = expectations(ISSUER, ISSUER);
        let found = Page::read(&bytes, (3, "r-1"), &keys(), &expect, at(0));
        assert!(found.is_err(), "octet {index}");
        if index % 7 != 0 {
            continue;
        }
        assert!(
            fault(body.get(..index).unwrap_or_default(), 3) != "accepted",
            "cut at {index}"
        );
    }
    assert_eq!(
        fault(&format!("{body}sid s-3 1800000000 revoked\n"), 3),
        "page-entries-changed"
    );
    for (text, expected) in [
        ("", "not-a-page"),
        ("a.b.c", "not-a-page"),
        ("\n", "not-three-segments"),
        ("{}\n{}", "not-three-segments"),
    ] {
        assert_eq!(fault(text, 3), expected, "{text:?}");
    }
    let expect = expectations(ISSUER, ISSUER);
    let found = Page::read(b"\xff\n", (3, "r-1"), &keys(), &expect, at(0));
    assert_eq!(found.err(), Some(PageFault::NotAPage));
}

#[test]
fn an_entry_has_one_form_and_a_kind_that_is_known() {
    for (line, expected) in [
        ("sid s-1 1800000000 revoked", "accepted"),
        ("sub u-1 1800000000 revoked", "accepted"),
        ("jti t-1 1800000000 revoked", "accepted"),
        ("kid k-1 1800000000 revoked", "accepted"),
        ("device d-1 1800000000 revoked", "page-kind-unknown"),
        ("SID s-1 1800000000 revoked", "page-kind-unknown"),
        ("sid s-1 1800000000", "page-entry-malformed"),
        ("sid s-1 soon revoked", "page-entry-malformed"),
        ("sid  1800000000 revoked", "page-entry-malformed"),
        ("", "page-entry-malformed"),
    ] {
        let body = page(3, 5, &format!("{line}\n"), &json!({}));
        assert_eq!(fault(&body, 3), expected, "{line}");
    }
}

#[test]
fn a_page_has_bounds() {
    let line = "sid s-1 1800000000 revoked\n";
    for (count, expected) in [
        (MAX_PAGE_ENTRIES, "accepted"),
        (MAX_PAGE_ENTRIES + 1, "page-too-large"),
    ] {
        let body = page(3, 5, &line.repeat(count), &json!({}));
        assert_eq!(fault(&body, 3), expected, "{count}");
    }
    let long = format!("sid {} 1800000000 revoked\n", "s".repeat(MAX_PAGE_BYTES));
    assert_eq!(fault(&page(3, 5, &long, &json!({})), 3), "page-too-large");
}
