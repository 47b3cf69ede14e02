//! Attacks on the signature itself.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::token::SigningKey;

use super::{Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    let good = good();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let signed = |bytes: &[u8]| format!("{input}.{}", base64url(bytes));
    let plus_order = |times: u8| {
        let mut bytes = signature.clone();
        add_order(&mut bytes[32..], times);
        signed(&bytes)
    };
    let with_r = |r: [u8; 32]| signed(&[&r[..], &signature[32..]].concat());
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
        row("S + L", plus_order(1), "signature-invalid"),
        row("S + 2L", plus_order(2), "signature-invalid"),
        row("S + 8L", plus_order(8), "signature-invalid"),
        row(
            "R the neutral point",
            with_r(neutral()),
            "signature-invalid",
        ),
        row("R not canonical", with_r([0xff; 32]), "signature-invalid"),
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
    ]
}

fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

fn x_of(key: &SigningKey) -> String {
    let jwk: serde_json::Value = serde_json::from_str(&key.public_jwk().to_json()).unwrap();
    jwk["x"].as_str().unwrap().to_owned()
}

fn neutral() -> [u8; 32] {
    let mut point = [0; 32];
    point[0] = 1;
    point
}

/// Adds the group order L = 2^252 + 27742317777372353535851937790883648493 to a little-endian number, `times` times.
fn add_order(number: &mut [u8], times: u8) {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    for _ in 0..times {
        let mut carry = 0u16;
        for (digit, order) in number.iter_mut().zip(L) {
            let sum = u16::from(*digit) + u16::from(order) + carry;
            *digit = sum as u8;
            carry = sum >> 8;
        }
    }
}
