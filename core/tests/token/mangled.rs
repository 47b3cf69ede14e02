//! A token with any bit flipped, any end cut off or anything appended is refused, and for the right reason.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::keys::KeySet;
use edgeward_core::token::{Unverified, verify_with};

use crate::forge::*;
use crate::platform::{good_es256, good_rs256, judge, named, p256, rsa};

/// The token's algorithm with the keys that it is verified with.
struct Issuer {
    alg: &'static str,
    good: String,
    keys: KeySet,
}

fn eddsa() -> Issuer {
    Issuer {
        alg: "EdDSA",
        good: good(),
        keys: keys(),
    }
}

fn es256() -> Issuer {
    Issuer {
        alg: "ES256",
        good: good_es256(),
        keys: KeySet::parse(set(&[named(p256)]).as_bytes()).unwrap(),
    }
}

fn rs256() -> Issuer {
    Issuer {
        alg: "RS256",
        good: good_rs256(),
        keys: KeySet::parse(set(&[named(rsa)]).as_bytes()).unwrap(),
    }
}

impl Issuer {
    fn reason(&self, token: &str) -> &'static str {
        let ask = |answer| verify_with(token, &self.keys, &expect(), answer, NOW);
        let outcome = match ask(None) {
            Err(Unverified::NeedsSignature(question)) => {
                let finding = judge(&question);
                ask(Some(&question.answer(finding)))
            }
            outcome => outcome,
        };
        match outcome {
            Ok(_) => "ok",
            Err(Unverified::Rejected(reject)) => reject.reason(),
            Err(Unverified::NeedsSignature(_)) => "asked twice",
        }
    }
}

/// What a token must be refused for, given that it differs from a good one: written as simply as possible and apart from the
/// code under test.
fn predicted(expected_alg: &str, token: &str) -> &'static str {
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
        (Some(alg), _, _) if !["EdDSA", "Ed25519", "ES256", "RS256"].contains(&alg) => {
            "alg-not-allowed"
        }
        (_, _, None) => "typ-missing",
        (_, _, Some(typ)) if !typ.eq_ignore_ascii_case("at+jwt") => "typ-mismatch",
        (_, None, _) => "kid-missing",
        (_, Some(kid), _) if kid != KID => "unknown-key",
        (Some(alg), _, _) if alg != expected_alg => "alg-key-mismatch",
        _ if decoded_length(segments[2]) != signature_length(expected_alg) => "signature-length",
        (Some(_), Some(_), Some(_)) => "signature-invalid",
    }
}

fn decoded_length(segment: &str) -> usize {
    segment.len() * 3 / 4
}

/// Of the keys of these tests.
fn signature_length(alg: &str) -> usize {
    if alg == "RS256" { 256 } else { 64 }
}

/// Flips each bit and returns how often each reason was given.
fn flip(issuer: &Issuer) -> BTreeMap<&'static str, usize> {
    assert_eq!(issuer.reason(&issuer.good), "ok");
    let mut seen = BTreeMap::new();
    for at in 0..issuer.good.len() {
        for bit in 0..8 {
            let mut bytes = issuer.good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            // The highest bit makes text that is not UTF-8, which cannot even be passed.
            let Ok(mangled) = String::from_utf8(bytes) else {
                assert_eq!(bit, 7);
                continue;
            };
            let reason = issuer.reason(&mangled);
            assert_eq!(
                reason,
                predicted(issuer.alg, &mangled),
                "bit {bit} of byte {at}: {mangled}"
            );
            assert_ne!(reason, "ok", "bit {bit} of byte {at}");
            *seen.entry(reason).or_default() += 1;
        }
    }
    seen
}

#[test]
fn any_flipped_bit() {
    for issuer in [eddsa(), es256(), rs256()] {
        let seen = flip(&issuer);
        for class in [
            "not-three-segments",
            "not-base64url",
            "not-utf8",
            "not-json",
            "alg-not-allowed",
            "unknown-key",
            "typ-mismatch",
            "signature-invalid",
        ] {
            let alg = issuer.alg;
            assert!(
                seen.contains_key(class),
                "{alg}: no flip gave {class}: {seen:?}"
            );
        }
    }
}

#[test]
fn any_end_cut_off() {
    for issuer in [eddsa(), es256(), rs256()] {
        for end in 0..issuer.good.len() {
            let cut = &issuer.good[..end];
            let expected = predicted(issuer.alg, cut);
            assert_eq!(issuer.reason(cut), expected, "{} cut at {end}", issuer.alg);
        }
    }
}

#[test]
fn anything_appended() {
    for issuer in [eddsa(), es256(), rs256()] {
        for tail in [
            "A", "AA", "AAA", "AAAA", "=", ".", " ", "\n", "\0", "ä", "?x", "#x", ";", ",",
        ] {
            let longer = format!("{}{tail}", issuer.good);
            let expected = predicted(issuer.alg, &longer);
            assert_eq!(issuer.reason(&longer), expected, "{} {tail:?}", issuer.alg);
        }
    }
}

#[test]
fn any_byte_left_out_doubled_or_swapped() {
    for issuer in [eddsa(), es256(), rs256()] {
        let good = issuer.good.as_bytes();
        for at in 0..good.len() {
            let left_out = [&good[..at], &good[at + 1..]].concat();
            let doubled = [&good[..at], &good[at..=at], &good[at..]].concat();
            let mut swapped = good.to_vec();
            swapped.swap(at, (at + 1) % good.len());
            for mangled in [left_out, doubled, swapped] {
                let mangled = String::from_utf8(mangled).unwrap();
                if mangled != issuer.good {
                    let expected = predicted(issuer.alg, &mangled);
                    assert_ne!(expected, "ok");
                    assert_eq!(
                        issuer.reason(&mangled),
                        expected,
                        "{} at {at}: {mangled}",
                        issuer.alg
                    );
                }
            }
        }
    }
}
