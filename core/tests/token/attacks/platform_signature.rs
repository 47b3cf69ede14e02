//! Attacks on signatures that the platform checks. Their length is judged here; which values are good, the platform knows.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::signature::Finding;
use edgeward_core::token::KeyIdRule;

use super::{OK, Row, row};
use crate::forge::*;
use crate::platform::*;

/// The order of P-256, big-endian.
pub(crate) const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub(super) fn rows() -> Vec<Row> {
    [es256(), rs256(), order_of_rules()]
        .into_iter()
        .flatten()
        .collect()
}

pub(crate) fn with_signature(token: &str, signature: &[u8]) -> String {
    let (input, _) = token.rsplit_once('.').unwrap();
    format!("{input}.{}", base64url(signature))
}

pub(crate) fn signature_of(token: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(token.rsplit_once('.').unwrap().1).unwrap()
}

fn es256() -> Vec<Row> {
    let keys = set(&[named(p256)]);
    let good = good_es256();
    let signature = signature_of(&good);
    let mut rows = vec![
        row("ES256", good.as_str(), OK),
        row(
            "ES256, a changed claim",
            {
                let (head, _) = good.split_once('.').unwrap();
                let changed = base64url(claims().with("sub", "\"admin\"").text());
                format!("{head}.{changed}.{}", base64url(&signature))
            },
            "signature-invalid",
        ),
        row(
            "ES256, another token's signature",
            {
                let other =
                    forge_es256(es256_header().text(), claims().with("sub", "\"u2\"").text());
                with_signature(&good, &signature_of(&other))
            },
            "signature-invalid",
        ),
    ];
    for (about, bytes) in es256_lengths(&signature) {
        rows.push(row(
            format!("ES256 signature: {about}"),
            with_signature(&good, &bytes),
            "signature-length",
        ));
    }
    for (about, bytes) in es256_values(&signature) {
        rows.push(row(
            format!("ES256 signature: {about}"),
            with_signature(&good, &bytes),
            "signature-invalid",
        ));
    }
    rows.into_iter()
        .map(|row| row.keys(&keys).judged())
        .collect()
}

/// What a good signature is changed into that no longer has its length.
pub(crate) fn es256_lengths(signature: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (r, s) = signature.split_at(32);
    vec![
        ("nothing", vec![]),
        ("r alone", r.to_vec()),
        ("one byte short", signature[..63].to_vec()),
        ("a trailing byte", [signature, &[0]].concat()),
        ("a leading byte", [&[0], signature].concat()),
        (
            "each number padded to 33 bytes",
            [&[0], r, &[0], s].concat(),
        ),
        (
            "the numbers of P-384",
            [[0; 16].as_slice(), r, &[0; 16], s].concat(),
        ),
        ("with its recovery byte", [signature, &[27]].concat()),
        ("twice", [signature, signature].concat()),
        ("as DER", der(r, s)),
        ("zeros as DER", der(&[0], &[0])),
    ]
}

/// What it is changed into that has its length and is never good.
pub(crate) fn es256_values(signature: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (r, s) = signature.split_at(32);
    let n = N.as_slice();
    let mut below = N;
    below[31] -= 1;
    let zero = [0_u8; 32].as_slice();
    // DER is as long as the signature should be when both numbers happen to be short.
    let as_long = der(&[1; 29], &[1; 29]);
    vec![
        ("zeros, as CVE-2022-21449 accepted", vec![0; 64]),
        ("r zero", [zero, s].concat()),
        ("s zero", [r, zero].concat()),
        ("r the order", [n, s].concat()),
        ("s the order", [r, n].concat()),
        ("both the order", [n, n].concat()),
        ("both one less", [below, below].concat()),
        ("r zero, s the order", [zero, n].concat()),
        ("the largest numbers", vec![0xff; 64]),
        ("ones", [&zero[1..], &[1], &zero[1..], &[1]].concat()),
        ("s before r", [s, r].concat()),
        ("little-endian", signature.iter().rev().copied().collect()),
        ("DER of the right length", as_long),
        ("text of the right length", vec![b'0'; 64]),
    ]
}

fn rs256() -> Vec<Row> {
    let keys = set(&[named(rsa)]);
    let good = good_rs256();
    let signature = signature_of(&good);
    let modulus = Base64UrlUnpadded::decode_vec(RSA_N).unwrap();
    let mut rows = vec![row("RS256", good.as_str(), OK)];
    for (about, bytes) in rs256_lengths(&signature) {
        rows.push(row(
            format!("RS256 signature: {about}"),
            with_signature(&good, &bytes),
            "signature-length",
        ));
    }
    for (about, bytes) in rs256_values(&signature, &modulus) {
        rows.push(row(
            format!("RS256 signature: {about}"),
            with_signature(&good, &bytes),
            "signature-invalid",
        ));
    }
    rows.into_iter()
        .map(|row| row.keys(&keys).judged())
        .collect()
}

/// What a good signature of a key of 2048 bits is changed into that no longer has its length.
pub(crate) fn rs256_lengths(signature: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", vec![]),
        ("one byte short", signature[..255].to_vec()),
        ("without its first byte", signature[1..].to_vec()),
        ("a trailing byte", [signature, &[0]].concat()),
        ("a leading zero", [&[0], signature].concat()),
        ("of a key of 1024 bits", vec![1; 128]),
        ("of a key of 4096 bits", vec![1; 512]),
        ("of P-256", vec![1; 64]),
    ]
}

/// What it is changed into that has its length and is never good.
pub(crate) fn rs256_values(signature: &[u8], modulus: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("zero", vec![0; 256]),
        ("one", [vec![0; 255], vec![1]].concat()),
        ("the modulus", modulus.to_vec()),
        ("the largest number", vec![0xff; 256]),
        ("reversed", signature.iter().rev().copied().collect()),
        // RFC 8017 section 9.2 without the digest: what a careless padding check lets pass with a small exponent.
        ("bare padding", [&[0, 1][..], &[0xff; 253], &[0]].concat()),
    ]
}

/// The platform is asked after everything that needs no key's mathematics and before the payload is read as JSON.
fn order_of_rules() -> Vec<Row> {
    let keys = set(&[named(p256)]);
    let optional =
        |row: Row| row.expecting(|expect| expect.key_id = KeyIdRule::OptionalForSetOfOne);
    let broken = || forge_es256(es256_header().text(), "{\"exp\":1,\"exp\":2");
    let expired = || forge_es256(es256_header().text(), claims().with("exp", "1").text());
    vec![
        row(
            "broken claims under a bad signature tell nothing",
            broken(),
            "signature-invalid",
        )
        .found(Finding::Invalid),
        row(
            "broken claims under a key that nobody takes",
            broken(),
            "key-refused",
        )
        .found(Finding::KeyRefused),
        row(
            "broken claims under a signature that nobody looked at",
            broken(),
            "signature-not-checked",
        )
        .found(Finding::NotChecked),
        row(
            "broken claims under a good signature",
            broken(),
            "duplicate-member",
        )
        .found(Finding::Valid),
        row(
            "expired under a bad signature tells nothing",
            expired(),
            "signature-invalid",
        )
        .found(Finding::Invalid),
        row("expired under a good signature", expired(), "expired").found(Finding::Valid),
        row(
            "ES256 without a kid",
            forge_es256(es256_header().without("kid").text(), claims().text()),
            "kid-missing",
        )
        .judged(),
        optional(row(
            "ES256 without a kid, optional",
            forge_es256(es256_header().without("kid").text(), claims().text()),
            OK,
        ))
        .judged(),
        row(
            "ES256 with crit",
            forge_es256(
                es256_header().with("crit", "[\"x\"]").text(),
                claims().text(),
            ),
            "crit-present",
        )
        .judged(),
        row(
            "ES256 of another type",
            forge_es256(
                es256_header().with("typ", "\"JWT\"").text(),
                claims().text(),
            ),
            "typ-mismatch",
        )
        .judged(),
    ]
    .into_iter()
    .map(|row| row.keys(&keys))
    .collect()
}

/// RFC 3279 section 2.2.3: the two numbers as ASN.1 wants them.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        let length = (sign.len() + number.len()) as u8;
        [&[2, length], sign, number].concat()
    };
    let content = [integer(r), integer(s)].concat();
    [&[0x30, content.len() as u8], &content[..]].concat()
}
