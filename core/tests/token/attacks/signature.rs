//! Attacks on the signature of Ed25519 itself.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_compact::{KeyPair, Seed};
use edgeward_core::token::SigningKey;

use super::{Row, row};
use crate::forge::*;
use crate::platform::good_es256;

pub(super) fn rows() -> Vec<Row> {
    let good = good();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let signed = |bytes: &[u8]| format!("{input}.{}", base64url(bytes));
    let other_key = SigningKey::from_seed(&[7; 32]).unwrap();
    vec![
        row("no signature", format!("{input}."), "signature-length"),
        row("63 bytes", signed(&signature[..63]), "signature-length"),
        row(
            "65 bytes",
            signed(&[&signature[..], &[0]].concat()),
            "signature-length",
        ),
        row("32 bytes", signed(&signature[..32]), "signature-length"),
        row(
            "the public key appended",
            signed(&[&signature[..], &decode(X)[..]].concat()),
            "signature-length",
        ),
        row("all zero", signed(&[0; 64]), "signature-invalid"),
        row(
            "another token's signature",
            {
                let other = with_claims(claims().with("sub", "\"u2\""));
                format!("{input}.{}", other.rsplit_once('.').unwrap().1)
            },
            "signature-invalid",
        ),
        row(
            "another key under the issuer's kid",
            good.as_str(),
            "signature-invalid",
        )
        .keys(&set(&[format!(
            "{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{}\",\"kid\":\"{KID}\"}}",
            x_of(&other_key)
        )])),
        row(
            "a changed claim",
            {
                let (head, _) = input.split_once('.').unwrap();
                let changed = base64url(claims().with("sub", "\"admin\"").text());
                format!("{head}.{changed}.{}", base64url(&signature))
            },
            "signature-invalid",
        ),
        row(
            "bad claims under a bad signature tell nothing",
            {
                let (head, _) = input.split_once('.').unwrap();
                format!(
                    "{head}.{}.{}",
                    base64url("{\"exp\":1,\"exp\":2"),
                    base64url(&signature)
                )
            },
            "signature-invalid",
        ),
        row(
            "R and S the other way round",
            signed(&[&signature[32..], &signature[..32]].concat()),
            "signature-invalid",
        ),
        row(
            "big-endian",
            signed(&signature.iter().rev().copied().collect::<Vec<_>>()),
            "signature-invalid",
        ),
        row(
            "a signature over the payload alone",
            {
                let (_, payload) = input.split_once('.').unwrap();
                let key = KeyPair::from_seed(Seed::new(SEED)).sk;
                signed(key.sign(payload, None).as_ref())
            },
            "signature-invalid",
        ),
        row(
            "a signature over the decoded segments",
            {
                let plain = format!("{}.{}", header().text(), claims().text());
                let key = KeyPair::from_seed(Seed::new(SEED)).sk;
                signed(key.sign(plain, None).as_ref())
            },
            "signature-invalid",
        ),
        row(
            "a signature of ES256",
            signed(&decode(good_es256().rsplit_once('.').unwrap().1)),
            "signature-invalid",
        ),
    ]
    .into_iter()
    .chain(values_of_s(input, &signature))
    .chain(values_of_r(input, &signature))
    .collect()
}

/// RFC 8032 section 5.1.7: S must be below the order L. Otherwise a signature has other spellings that anybody can write.
fn values_of_s(input: &str, signature: &[u8]) -> Vec<Row> {
    let (r, s) = signature.split_at(32);
    let mut values = vec![
        ("0".to_owned(), [0; 32]),
        ("L".to_owned(), ORDER),
        ("2^252".to_owned(), power_of_two(252)),
        ("2^253".to_owned(), power_of_two(253)),
        ("2^254".to_owned(), power_of_two(254)),
        ("2^255".to_owned(), power_of_two(255)),
        ("2^256 - 1".to_owned(), [0xff; 32]),
    ];
    let s: [u8; 32] = s.try_into().unwrap();
    let mut sum = s;
    // With fifteen times the order it may no longer fit.
    for times in 1..15 {
        sum = add(sum, ORDER);
        values.push((format!("S + {times} L"), sum));
    }
    for bit in 252..256 {
        values.push((format!("S + 2^{bit}"), add(s, power_of_two(bit))));
    }
    values
        .into_iter()
        .map(|(about, s)| {
            let token = format!("{input}.{}", base64url([r, &s].concat()));
            row(format!("S = {about}"), token, "signature-invalid")
        })
        .collect()
}

/// The points of small order, and numbers that are no canonical point, in place of R.
fn values_of_r(input: &str, signature: &[u8]) -> Vec<Row> {
    let number = |last: u8, rest: u8, first: u8| {
        let mut point = [rest; 32];
        point[0] = last;
        point[31] = first;
        point
    };
    let mut points = vec![
        ("the neutral point", number(1, 0, 0)),
        ("the neutral point, x negative", number(1, 0, 0x80)),
        ("the neutral point, y = p + 1", number(0xee, 0xff, 0x7f)),
        (
            "the neutral point, y = p + 1, x negative",
            number(0xee, 0xff, 0xff),
        ),
        ("of order 2", number(0xec, 0xff, 0x7f)),
        ("of order 2, x negative", number(0xec, 0xff, 0xff)),
        ("of order 4", [0; 32]),
        ("of order 4, x negative", number(0, 0, 0x80)),
        ("of order 4, y = p", number(0xed, 0xff, 0x7f)),
        ("of order 4, y = p, x negative", number(0xed, 0xff, 0xff)),
        ("the largest number", [0xff; 32]),
        ("y = 2^255 - 1", number(0xff, 0xff, 0x7f)),
        ("y = 2, which is no point", number(2, 0, 0)),
        ("the base point", number(0x58, 0x66, 0x66)),
        ("the public key", decode(X).try_into().unwrap()),
    ];
    for (y, about) in ORDER_8
        .into_iter()
        .zip(["of order 8", "of order 8, the other"])
    {
        let mut negative = y;
        negative[31] |= 0x80;
        points.extend([(about, y), (about, negative)]);
    }
    let (r, s) = signature.split_at(32);
    let mut sign_flipped: [u8; 32] = r.try_into().unwrap();
    sign_flipped[31] ^= 0x80;
    points.push(("R with the other sign", sign_flipped));
    let zero = [0; 32].as_slice();
    points
        .into_iter()
        .flat_map(|(about, r)| {
            [("", s), (", S zero", zero)].map(|(also, s)| {
                let token = format!("{input}.{}", base64url([&r, s].concat()));
                row(format!("R = {about}{also}"), token, "signature-invalid")
            })
        })
        .collect()
}

fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

fn x_of(key: &SigningKey) -> String {
    let jwk: serde_json::Value = serde_json::from_str(&key.public_jwk().to_json()).unwrap();
    jwk["x"].as_str().unwrap().to_owned()
}

/// L = 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The y of the points of order 8; each has two x.
const ORDER_8: [[u8; 32]; 2] = [
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
];

fn power_of_two(bit: usize) -> [u8; 32] {
    let mut number = [0; 32];
    number[bit / 8] = 1 << (bit % 8);
    number
}

/// The sum of two little-endian numbers, modulo 2^256.
fn add(mut number: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    for (digit, other) in number.iter_mut().zip(other) {
        let sum = u16::from(*digit) + u16::from(other) + carry;
        *digit = sum as u8;
        carry = sum >> 8;
    }
    number
}
