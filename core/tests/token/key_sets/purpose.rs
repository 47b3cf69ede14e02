//! What a key says that it is for: `alg`, `use`, `key_ops` and our own restriction.

use super::{Row, one, row};
use crate::forge::{jwk, set};
use crate::platform::{p256, rsa};

type Key = fn(&str) -> String;

const KINDS: [(&str, Key); 3] = [("Ed25519", jwk), ("P-256", p256), ("RSA", rsa)];

pub(super) fn rows() -> Vec<Row> {
    [labels(), uses(), restrictions()]
        .into_iter()
        .flatten()
        .collect()
}

/// Every label on every kind: its own, that of another use of such keys, or one that contradicts it.
fn labels() -> Vec<Row> {
    let own: [&[&str]; 3] = [&["EdDSA", "Ed25519"], &["ES256"], &["RS256"]];
    let for_another_use: [&[&str]; 3] = [
        &[],
        &["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"],
        &[
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "RSA1_5",
            "RSA-OAEP",
            "RSA-OAEP-256",
        ],
    ];
    let nobody: &[&str] = &[
        "",
        "none",
        "None",
        "HS256",
        "HS512",
        "dir",
        "A256KW",
        "ES384",
        "ES512",
        "ES256K",
        "RS1",
        "Ed448",
        "eddsa",
        "es256",
        "rs256",
        "ES256 ",
        "null",
        "ML-DSA-65",
    ];
    let all = own.iter().chain(&for_another_use).chain([&nobody]);
    let all: Vec<&str> = all.flat_map(|labels| labels.iter().copied()).collect();
    let mut rows = Vec::new();
    for (index, (kind, key)) in KINDS.into_iter().enumerate() {
        for label in &all {
            let expected = if own[index].contains(label) {
                Ok(1)
            } else if for_another_use[index].contains(label) {
                Ok(0)
            } else {
                Err("alg-key-mismatch")
            };
            let key = key(&format!(",\"alg\":\"{label}\""));
            rows.push(row(
                format!("{kind} with alg {label:?}"),
                one(&key),
                expected,
            ));
        }
        for label in ["1", "null", "true", "[]", "[\"ES256\"]", "{}"] {
            let key = key(&format!(",\"alg\":{label}"));
            rows.push(row(
                format!("{kind} with alg {label}"),
                one(&key),
                Err("key-malformed"),
            ));
        }
    }
    rows
}

fn uses() -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, key) in KINDS {
        for (members, expected) in [
            ("\"use\":\"sig\"", Ok(1)),
            ("\"use\":\"enc\"", Ok(0)),
            ("\"use\":\"SIG\"", Ok(0)),
            ("\"use\":\"\"", Ok(0)),
            ("\"use\":1", Err("key-malformed")),
            ("\"use\":null", Err("key-malformed")),
            ("\"use\":[\"sig\"]", Err("key-malformed")),
            ("\"key_ops\":[\"verify\"]", Ok(1)),
            ("\"key_ops\":[\"sign\",\"verify\"]", Ok(1)),
            ("\"key_ops\":[]", Ok(0)),
            ("\"key_ops\":[\"sign\"]", Ok(0)),
            ("\"key_ops\":[\"Verify\"]", Ok(0)),
            ("\"key_ops\":[\"encrypt\",\"wrapKey\"]", Ok(0)),
            ("\"key_ops\":[\"deriveBits\"]", Ok(0)),
            // RFC 7517 section 4.3: texts, and none twice.
            ("\"key_ops\":[\"verify\",\"verify\"]", Err("key-malformed")),
            ("\"key_ops\":[\"verify\",1]", Err("key-malformed")),
            ("\"key_ops\":[null]", Err("key-malformed")),
            ("\"key_ops\":[[\"verify\"]]", Err("key-malformed")),
            ("\"key_ops\":\"verify\"", Err("key-malformed")),
            ("\"key_ops\":null", Err("key-malformed")),
            ("\"key_ops\":{\"verify\":true}", Err("key-malformed")),
            ("\"use\":\"sig\",\"key_ops\":[\"verify\"]", Ok(1)),
            ("\"use\":\"sig\",\"key_ops\":[\"encrypt\"]", Ok(0)),
            ("\"use\":\"enc\",\"key_ops\":[\"verify\"]", Ok(0)),
        ] {
            rows.push(row(
                format!("{kind} with {members}"),
                one(&key(&format!(",{members}"))),
                expected,
            ));
        }
    }
    // A key for another use is not looked at closely, but its name and its secrets are.
    rows.extend([
        row(
            "for encryption, malformed",
            set(&[
                "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"use\":\"enc\"}"
                    .into(),
                jwk(""),
            ]),
            Ok(1),
        ),
        row(
            "for another padding, short, with a kid that no token of ours carries",
            set(&[
                "{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\",\"kid\":\"a b\",\"alg\":\"RS512\"}"
                    .into(),
                jwk(""),
            ]),
            Ok(1),
        ),
        row(
            "for encryption, with a kid that is no text",
            one(&jwk(",\"use\":\"enc\",\"kid\":1")),
            Err("kid-malformed"),
        ),
    ]);
    rows
}

fn restrictions() -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, key) in KINDS {
        for (value, expected) in [
            ("\"edge+jwt\"", Ok(1)),
            ("\"at+jwt\"", Ok(1)),
            ("\"application/at+jwt\"", Ok(1)),
            ("\"\"", Err("edgeward-typ-malformed")),
            ("1", Err("edgeward-typ-malformed")),
            ("null", Err("edgeward-typ-malformed")),
            ("true", Err("edgeward-typ-malformed")),
            ("[\"edge+jwt\"]", Err("edgeward-typ-malformed")),
            ("{}", Err("edgeward-typ-malformed")),
        ] {
            let key = key(&format!(",\"edgeward_typ\":{value}"));
            rows.push(row(
                format!("{kind} restricted to {value}"),
                one(&key),
                expected,
            ));
        }
    }
    rows
}
