//! Keys of Ed25519 (RFC 8037 section 2).

use super::{Row, one, row};
use crate::forge::{X, base64url};

fn with_x(x: &str) -> String {
    format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"{x}\"}}")
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(
            "no x",
            one("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"),
            Err("public-key-malformed"),
        ),
        row(
            "x a number",
            one("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":1}"),
            Err("key-malformed"),
        ),
        row(
            "x too short",
            one(&with_x(&X[..42])),
            Err("public-key-malformed"),
        ),
        row(
            "x too long",
            one(&with_x(&format!("{X}A"))),
            Err("public-key-malformed"),
        ),
        row(
            "x much too long",
            one(&with_x(&X.repeat(20))),
            Err("public-key-malformed"),
        ),
        row(
            "x padded",
            one(&with_x(&format!("{X}="))),
            Err("public-key-malformed"),
        ),
        row(
            "x not canonical",
            one(&with_x("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")),
            Err("public-key-malformed"),
        ),
        row(
            "x the neutral point",
            one(&with_x("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            Err("weak-public-key"),
        ),
        row(
            "x all zero, of order 4",
            one(&with_x(&"A".repeat(43))),
            Err("weak-public-key"),
        ),
        row(
            "x beyond the field",
            one(&with_x("__________________________________________8")),
            Err("weak-public-key"),
        ),
        row(
            "no point of the curve",
            one(&with_x(&base64url(bytes(2, 0, 0)))),
            Err("weak-public-key"),
        ),
    ];
    // The points of small order in every spelling: for them one signature fits every message.
    for (about, x) in [
        ("neutral, x negative", bytes(1, 0, 0x80)),
        ("neutral, y = p + 1", bytes(0xee, 0xff, 0x7f)),
        ("neutral, y = p + 1, x negative", bytes(0xee, 0xff, 0xff)),
        ("of order 2", bytes(0xec, 0xff, 0x7f)),
        ("of order 2, x negative", bytes(0xec, 0xff, 0xff)),
        ("of order 4, x negative", bytes(0, 0, 0x80)),
        ("of order 4, y = p", bytes(0xed, 0xff, 0x7f)),
        ("of order 4, y = p, x negative", bytes(0xed, 0xff, 0xff)),
    ] {
        rows.push(row(
            format!("x {about}"),
            one(&with_x(&base64url(x))),
            Err("weak-public-key"),
        ));
    }
    for x in [
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o",
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU",
    ] {
        rows.push(row(
            format!("x of order 8, {x}"),
            one(&with_x(x)),
            Err("weak-public-key"),
        ));
    }
    for (about, x) in [
        ("in the standard alphabet", X.replace(['_', '-'], "/")),
        ("with a newline", format!("{X}\\n")),
        ("with a NUL", format!("{X}\\u0000")),
        ("in hexadecimal", "d7".repeat(32)),
        ("empty", String::new()),
    ] {
        rows.push(row(
            format!("x {about}"),
            one(&with_x(&x)),
            Err("public-key-malformed"),
        ));
    }
    for x in ["null", "[]", "{}", "true"] {
        let key = with_x("").replace("\"x\":\"\"", &format!("\"x\":{x}"));
        rows.push(row(format!("x {x}"), one(&key), Err("key-malformed")));
    }
    rows
}

/// A little-endian number of 32 bytes: its first, all in between, and its last.
fn bytes(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}
