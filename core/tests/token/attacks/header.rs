//! Attacks through the header.

use super::{OK, Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(
            "no alg",
            with_header(header().without("alg")),
            "alg-missing",
        ),
        row(
            "alg null",
            with_header(header().with("alg", "null")),
            "alg-malformed",
        ),
        row(
            "alg a number",
            with_header(header().with("alg", "1")),
            "alg-malformed",
        ),
        row(
            "alg a list",
            with_header(header().with("alg", "[\"EdDSA\"]")),
            "alg-malformed",
        ),
        row(
            "none without a signature",
            unsigned("\"none\""),
            "alg-not-allowed",
        ),
        row(
            "crit unknown",
            with_header(header().with("crit", "[\"x\"]").with("x", "1")),
            "crit-present",
        ),
        row(
            "crit empty",
            with_header(header().with("crit", "[]")),
            "crit-present",
        ),
        row(
            "crit a string",
            with_header(header().with("crit", "\"x\"")),
            "crit-present",
        ),
        row(
            "crit null",
            with_header(header().with("crit", "null")),
            "crit-present",
        ),
        row(
            "crit names alg",
            with_header(header().with("crit", "[\"alg\"]")),
            "crit-present",
        ),
        row(
            "b64 with crit",
            with_header(header().with("b64", "false").with("crit", "[\"b64\"]")),
            "crit-present",
        ),
        row(
            "b64 without crit",
            with_header(header().with("b64", "false")),
            "b64-present",
        ),
        row(
            "a nested token",
            with_header(header().with("cty", "\"JWT\"")),
            "cty-present",
        ),
        row(
            "cty json",
            with_header(header().with("cty", "\"json\"")),
            "cty-present",
        ),
        row(
            "jwk",
            with_header(header().with(
                "jwk",
                &format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\"}}"),
            )),
            "embedded-key",
        ),
        row(
            "jku",
            with_header(header().with("jku", "\"https://evil.example/jwks\"")),
            "embedded-key",
        ),
        row(
            "x5u",
            with_header(header().with("x5u", "\"https://evil.example/crt\"")),
            "embedded-key",
        ),
        row(
            "x5c",
            with_header(header().with("x5c", "[\"MII\"]")),
            "embedded-key",
        ),
        row(
            "x5t is a mere hint",
            with_header(header().with("x5t", "\"dGVzdA\"")),
            OK,
        ),
        row(
            "no typ",
            with_header(header().without("typ")),
            "typ-missing",
        ),
        row(
            "typ a number",
            with_header(header().with("typ", "1")),
            "typ-malformed",
        ),
        row(
            "typ null",
            with_header(header().with("typ", "null")),
            "typ-malformed",
        ),
        row(
            "typ in other letters",
            with_header(header().with("typ", "\"AT+JWT\"")),
            OK,
        ),
        row(
            "typ as a media type",
            with_header(header().with("typ", "\"application/at+jwt\"")),
            OK,
        ),
        row(
            "no kid",
            with_header(header().without("kid")),
            "kid-missing",
        ),
        row(
            "kid of an unknown key",
            with_header(header().with("kid", "\"other\"")),
            "unknown-key",
        ),
        row(
            "kid in other letters",
            with_header(header().with("kid", &format!("\"{}\"", KID.to_lowercase()))),
            "unknown-key",
        ),
        row(
            "kid at the limit",
            with_header(header().with("kid", &format!("\"{}\"", "k".repeat(128)))),
            "unknown-key",
        ),
    ];
    for alg in [
        "",
        "none",
        "None",
        "nOnE",
        "NONE",
        "HS256",
        "RS512",
        "ES384",
        "PS256",
        "Ed448",
        "eddsa",
        "ED25519",
        "EdDSA\\u0000",
    ] {
        let token = with_header(header().with("alg", &format!("\"{alg}\"")));
        rows.push(row(format!("alg {alg:?}"), token, "alg-not-allowed"));
    }
    for typ in [
        "",
        "JWT",
        "JWE",
        "logout+jwt",
        "dpop+jwt",
        "edge+jwt",
        "edge-proof+jwt",
        "id_token",
        "at+jwt;v=1",
        "at jwt",
    ] {
        let token = with_header(header().with("typ", &format!("\"{typ}\"")));
        rows.push(row(format!("typ {typ:?}"), token, "typ-mismatch"));
    }
    let long = "k".repeat(129);
    for kid in [
        "",
        "' OR 1=1 --",
        "<script>",
        "a\\u0000",
        "a b",
        "käse",
        "a\\\\b",
        &long,
    ] {
        let token = with_header(header().with("kid", &format!("\"{kid}\"")));
        rows.push(row(format!("kid {kid:?}"), token, "kid-malformed"));
    }
    // Well-formed, because issuers use such names; they are compared and nothing else.
    for kid in ["../../etc/passwd", "https://evil.example/", "a+b/c="] {
        let token = with_header(header().with("kid", &format!("\"{kid}\"")));
        rows.push(row(format!("kid {kid:?}"), token, "unknown-key"));
    }
    for alg in ["RS256", "ES256"] {
        let token = with_header(header().with("alg", &format!("\"{alg}\"")));
        rows.push(row(format!("alg {alg:?}"), token, "alg-key-mismatch"));
    }
    for kid in ["1", "null", "{}", "[\"k\"]", "true"] {
        rows.push(row(
            format!("kid {kid}"),
            with_header(header().with("kid", kid)),
            "kid-malformed",
        ));
    }
    rows
}

fn unsigned(alg: &str) -> String {
    let token = with_header(header().with("alg", alg));
    let (input, _) = token.rsplit_once('.').unwrap();
    format!("{input}.")
}
