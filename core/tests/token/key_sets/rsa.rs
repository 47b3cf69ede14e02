//! RSA keys (RFC 7518 section 6.3.1).

use super::{Row, one, row};
use crate::forge::base64url;
use crate::platform::{RSA_N, rsa};

pub(super) fn rows() -> Vec<Row> {
    let key = |n: &str, e: &str| one(&format!("{{\"kty\":\"RSA\",\"n\":\"{n}\",\"e\":\"{e}\"}}"));
    let mut rows = vec![
        row("an RSA key", one(&rsa("")), Ok(1)),
        row(
            "an RSA key with everything",
            one(&rsa(
                ",\"kid\":\"k\",\"alg\":\"RS256\",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"x5t\":\"AA\"",
            )),
            Ok(1),
        ),
        row(
            "no n",
            one("{\"kty\":\"RSA\",\"e\":\"AQAB\"}"),
            Err("public-key-malformed"),
        ),
        row(
            "no e",
            one(&format!("{{\"kty\":\"RSA\",\"n\":\"{RSA_N}\"}}")),
            Err("public-key-malformed"),
        ),
        row(
            "n a number",
            one("{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}"),
            Err("key-malformed"),
        ),
        row(
            "e a number",
            one(&format!(
                "{{\"kty\":\"RSA\",\"n\":\"{RSA_N}\",\"e\":65537}}"
            )),
            Err("key-malformed"),
        ),
    ];
    let weak = Err("weak-public-key");
    let malformed = Err("public-key-malformed");
    for (bits, expected) in [
        (1, weak),
        (512, weak),
        (1024, weak),
        (2047, weak),
        (2048, Ok(1)),
        (2049, Ok(1)),
        (3072, Ok(1)),
        (4096, Ok(1)),
        (8191, Ok(1)),
        (8192, Ok(1)),
        (8193, weak),
        (16_384, weak),
        (131_072, weak),
    ] {
        let n = base64url(modulus(bits));
        rows.push(row(
            format!("a modulus of {bits} bits"),
            key(&n, "AQAB"),
            expected,
        ));
    }
    let mut even = modulus(2048);
    even[255] = 2;
    for (about, n) in [
        ("even", base64url(even)),
        ("zero", base64url([0; 256])),
        (
            "with a leading zero",
            base64url([&[0], &modulus(2048)[..]].concat()),
        ),
        (
            "short, with zeros in front",
            base64url([&[0; 128], &modulus(1024)[..]].concat()),
        ),
        ("empty", String::new()),
        ("padded", format!("{RSA_N}==")),
        ("in the standard alphabet", RSA_N.replace(['_', '-'], "+")),
        ("with unused bits", format!("{}R", &RSA_N[..341])),
    ] {
        rows.push(row(
            format!("a modulus {about}"),
            key(&n, "AQAB"),
            malformed,
        ));
    }
    for (exponent, expected) in [
        (&[][..], malformed),
        (&[0], malformed),
        (&[2], malformed),
        (&[1, 0, 0], malformed),
        (&[0, 1, 0, 1], malformed),
        (&[1, 0, 0, 0, 0], malformed),
        // 1 makes the signature the message; 3 and 17 forgive a careless check of the padding nothing.
        (&[1], weak),
        (&[3], weak),
        (&[17], weak),
        (&[0xff, 0xff], weak),
        (&[1, 0, 1], Ok(1)),
        (&[1, 0, 3], Ok(1)),
        (&[0xff, 0xff, 0xff, 0xff], Ok(1)),
        (&[1, 0, 0, 0, 1], Ok(1)),
        (&[1, 0xff, 0xff, 0xff, 0xff], Ok(1)),
        (&[2, 0, 0, 0, 1], weak),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 1], weak),
        (&[0xff; 256], weak),
    ] {
        let e = base64url(exponent);
        rows.push(row(
            format!("the exponent {exponent:x?}"),
            key(RSA_N, &e),
            expected,
        ));
    }
    rows
}

/// A number of this many bits, the highest and the lowest of which are set.
fn modulus(bits: usize) -> Vec<u8> {
    let mut number = vec![0; bits.div_ceil(8)];
    number[0] = 1 << ((bits - 1) % 8);
    *number.last_mut().unwrap() |= 1;
    number
}
