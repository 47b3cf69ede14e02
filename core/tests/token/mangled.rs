//! A token with any bit flipped, any end cut off or anything appended is refused, and for the right reason.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::token::verify;

use crate::forge::*;

fn reason(token: &str) -> &'static str {
    match verify(token, &keys(), &expect(), NOW) {
        Ok(_) => "ok",
        Err(reject) => reject.reason(),
    }
}

/// What a token must be refused for, given that it differs from a good one: written as simply as possible and apart from the
/// code under test.
fn predicted(token: &str) -> &'static str {
    let segments: Vec<_> = token.split('.').collect();
    if segments.len() != 3 {
        return "not-three-segments";
    }
    if segments
        .iter()
        .any(|segment| Base64UrlUnpadded::decode_vec(segment).is_err())
    {
        return "not-base64url";
    }
    let Ok(header) = String::from_utf8(Base64UrlUnpadded::decode_vec(segments[0]).unwrap()) else {
        return "not-utf8";
    };
    let Ok(header) = serde_json::from_str::<serde_json::Value>(&header) else {
        return "not-json";
    };
    let kid_form = |kid: &str| {
        kid.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._~-+/=:".contains(&b))
    };
    match (
        header["alg"].as_str(),
        header["kid"].as_str(),
        header["typ"].as_str(),
    ) {
        (None, _, _) => "alg-missing",
        (_, Some(kid), _) if !kid_form(kid) => "kid-malformed",
        (Some(alg), _, _) if alg != "EdDSA" => "alg-not-allowed",
        (_, _, None) => "typ-missing",
        (_, _, Some(typ)) if !typ.eq_ignore_ascii_case("at+jwt") => "typ-mismatch",
        (_, None, _) => "kid-missing",
        (_, Some(kid), _) if kid != KID => "unknown-key",
        (Some(_), Some(_), Some(_)) => "signature-invalid",
    }
}

#[test]
fn any_flipped_bit() {
    let good = good();
    assert_eq!(reason(&good), "ok");
    let mut seen = std::collections::BTreeMap::<_, usize>::new();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            // The highest bit makes text that is not UTF-8, which cannot even be passed.
            let Ok(mangled) = String::from_utf8(bytes) else {
                assert_eq!(bit, 7);
                continue;
            };
            let reason = reason(&mangled);
            assert_eq!(
                reason,
                predicted(&mangled),
                "bit {bit} of byte {at}: {mangled}"
            );
            assert_ne!(reason, "ok", "bit {bit} of byte {at}");
            *seen.entry(reason).or_default() += 1;
        }
    }
    for class in [
        "not-three-segments",
        "not-base64url",
        "not-utf8",
        "not-json",
        "unknown-key",
        "typ-mismatch",
        "signature-invalid",
    ] {
        assert!(seen.contains_key(class), "no flip gave {class}: {seen:?}");
    }
}

#[test]
fn any_end_cut_off() {
    let good = good();
    let signature_at = good.rfind('.').unwrap() + 1;
    for end in 0..good.len() {
        let expected: &[&str] = if end < signature_at {
            &["not-three-segments"]
        } else {
            &["signature-length", "not-base64url"]
        };
        assert!(
            expected.contains(&reason(&good[..end])),
            "cut at {end}: {}",
            reason(&good[..end])
        );
    }
}

#[test]
fn anything_appended() {
    for tail in [
        "A", "AA", "AAA", "AAAA", "=", ".", " ", "\n", "\0", "ä", "?x", "#x", ";", ",",
    ] {
        let expected: &[&str] = &["not-three-segments", "not-base64url", "signature-length"];
        let reason = reason(&format!("{}{tail}", good()));
        assert!(expected.contains(&reason), "{tail:?}: {reason}");
    }
}
