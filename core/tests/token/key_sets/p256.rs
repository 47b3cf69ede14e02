//! Keys of P-256 (RFC 7518 section 6.2.1). Whether a point lies on the curve, the platform knows.

use super::{Row, one, row};
use crate::forge::base64url;
use crate::platform::{P256_X, P256_Y, p256};

pub(super) fn rows() -> Vec<Row> {
    let key = |x: &str, y: &str| {
        one(&format!(
            "{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":{x},\"y\":{y}}}"
        ))
    };
    let text = |text: &str| format!("\"{text}\"");
    let (x, y) = (text(P256_X), text(P256_Y));
    let malformed = Err("public-key-malformed");
    let mut rows = vec![
        row("a key of P-256", one(&p256("")), Ok(1)),
        row(
            "a key of P-256 with everything",
            one(&p256(
                ",\"kid\":\"k\",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"x5c\":[]",
            )),
            Ok(1),
        ),
        row(
            "a point that may not be on the curve",
            key(&text(&base64url([1; 32])), &y),
            Ok(1),
        ),
        row(
            "no coordinate",
            one("{\"kty\":\"EC\",\"crv\":\"P-256\"}"),
            malformed,
        ),
        row(
            "no y",
            one(&format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":{x}}}")),
            malformed,
        ),
        row(
            "no x",
            one(&format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":{y}}}")),
            malformed,
        ),
        row(
            "no crv",
            one(&format!("{{\"kty\":\"EC\",\"x\":{x},\"y\":{y}}}")),
            Ok(0),
        ),
        row(
            "crv a number",
            one("{\"kty\":\"EC\",\"crv\":256}"),
            Err("key-malformed"),
        ),
    ];
    for (about, number) in [
        ("empty", base64url([])),
        ("of 31 bytes", base64url([1; 31])),
        ("of 33 bytes", base64url([1; 33])),
        (
            "with a leading zero",
            base64url([&[0][..], &[1; 32]].concat()),
        ),
        ("of P-384", base64url([1; 48])),
        (
            "uncompressed, both in one",
            base64url([&[4][..], &[1; 64]].concat()),
        ),
        ("compressed", base64url([&[2][..], &[1; 32]].concat())),
        ("padded", format!("{P256_X}=")),
        ("in the standard alphabet", P256_X.replace(['_', '-'], "+")),
        ("with unused bits", format!("{}V", &P256_X[..42])),
        ("in decimal", "1".repeat(43)),
    ] {
        let number = text(&number);
        rows.push(row(format!("x {about}"), key(&number, &y), malformed));
        rows.push(row(format!("y {about}"), key(&x, &number), malformed));
    }
    for value in ["1", "null", "[]", "{}", "true"] {
        rows.push(row(
            format!("x {value}"),
            key(value, &y),
            Err("key-malformed"),
        ));
        rows.push(row(
            format!("y {value}"),
            key(&x, value),
            Err("key-malformed"),
        ));
    }
    // Other curves are skipped whatever they say of themselves; so are spellings that are no name.
    for crv in [
        "P-384",
        "P-521",
        "secp256k1",
        "p-256",
        "P256",
        "prime256v1",
        "Ed25519",
        "",
    ] {
        let key = p256(",\"alg\":\"ES256\"").replace("\"P-256\"", &text(crv));
        rows.push(row(format!("EC with crv {crv:?}"), one(&key), Ok(0)));
    }
    rows
}
