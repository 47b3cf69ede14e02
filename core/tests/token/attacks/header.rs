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
            "b64 with crit",
            with_header(header().with("b64", "false").with("crit", "[\"b64\"]")),
            "crit-present",
        ),
        row(
            "x5t is a mere hint",
            with_header(
                header()
                    .with("x5t", "\"dGVzdA\"")
                    .with("x5t#S256", "\"dGVzdA\""),
            ),
            OK,
        ),
        // RFC 7515 section 4: what is not understood is ignored, also what would mean something in a JWE.
        row(
            "members of a JWE",
            with_header(
                header()
                    .with("enc", "\"A256GCM\"")
                    .with("zip", "\"DEF\"")
                    .with("epk", "{}"),
            ),
            OK,
        ),
        row(
            "claims repeated in the header say nothing",
            with_header(
                header()
                    .with("exp", "1")
                    .with("iss", "\"https://evil.example\""),
            ),
            OK,
        ),
        row(
            "alg written with escapes",
            with_header(header().with("alg", r#""\u0045dDS\u0041""#)),
            OK,
        ),
        row(
            "no typ",
            with_header(header().without("typ")),
            "typ-missing",
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
        "NoNe",
        " none",
        "none ",
        "none\\u0000",
        "n\\u006fne",
        "ｎｏｎｅ",
        "null",
        "HS256",
        "HS384",
        "HS512",
        "hs256",
        "RS1",
        "RS384",
        "RS512",
        "rs256",
        "ES256K",
        "ES384",
        "ES512",
        "PS256",
        "PS384",
        "PS512",
        "Ed448",
        "Ed25519ph",
        "eddsa",
        "EDDSA",
        "ED25519",
        "EdDSA ",
        "EdDSA\\u0000",
        "ЕdDSA",
        "ML-DSA-65",
        "dir",
        "A256KW",
        "A128GCMKW",
        "RSA1_5",
        "RSA-OAEP-256",
        "ECDH-ES",
        "PBES2-HS256+A128KW",
    ] {
        let token = with_header(header().with("alg", &format!("\"{alg}\"")));
        let (input, _) = token.rsplit_once('.').unwrap();
        let bare = format!("{input}.");
        rows.push(row(format!("alg {alg:?}"), &token, "alg-not-allowed"));
        rows.push(row(
            format!("alg {alg:?} without a signature"),
            bare,
            "alg-not-allowed",
        ));
    }
    for alg in ["null", "1", "true", "{}", "[]", "[\"EdDSA\"]"] {
        let token = with_header(header().with("alg", alg));
        rows.push(row(format!("alg {alg}"), token, "alg-malformed"));
    }
    for typ in [
        "",
        "JWT",
        "jwt",
        "JWE",
        "JOSE",
        "JOSE+JSON",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "id+jwt",
        "id_token",
        "rt+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "entity-statement+jwt",
        "statuslist+jwt",
        "kb+jwt",
        "vc+sd-jwt",
        "edge+jwt",
        "edge-proof+jwt",
        "at+jwt;v=1",
        "at jwt",
        " at+jwt",
        "at+jwt ",
        "at+jwt\\u0000",
        "аt+jwt",
        "application/",
        "application/jwt",
        "application/application/at+jwt",
        "text/at+jwt",
    ] {
        let token = with_header(header().with("typ", &format!("\"{typ}\"")));
        rows.push(row(format!("typ {typ:?}"), token, "typ-mismatch"));
    }
    for typ in ["null", "1", "true", "{}", "[\"at+jwt\"]"] {
        let token = with_header(header().with("typ", typ));
        rows.push(row(format!("typ {typ}"), token, "typ-malformed"));
    }
    // Whatever it says, and also when it says that nothing is critical (CVE-2025-59420).
    for crit in [
        "[\"x\"]",
        "[]",
        "[\"b64\"]",
        "[\"alg\"]",
        "[\"exp\"]",
        "[\"x\",\"x\"]",
        "[\"\"]",
        "[1]",
        "[null]",
        "\"x\"",
        "null",
        "true",
        "0",
        "{}",
    ] {
        let token = with_header(header().with("crit", crit).with("x", "1"));
        rows.push(row(format!("crit {crit}"), token, "crit-present"));
    }
    for b64 in ["false", "true", "null", "\"false\""] {
        let token = with_header(header().with("b64", b64));
        rows.push(row(format!("b64 {b64} without crit"), token, "b64-present"));
    }
    for cty in ["\"JWT\"", "\"jwt\"", "\"json\"", "\"\"", "null", "1"] {
        let token = with_header(header().with("cty", cty));
        rows.push(row(format!("cty {cty}"), token, "cty-present"));
    }
    // The issuer's own public key among them: a token that brings even the right key wants to be believed for it.
    let own = format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\"}}");
    for (name, value) in [
        ("jwk", own.as_str()),
        ("jwk", "{\"kty\":\"oct\",\"k\":\"AA\"}"),
        ("jwk", "null"),
        ("jwk", "\"\""),
        ("jku", "\"https://evil.example/jwks\""),
        ("jku", "\"https://id.example/.well-known/jwks.json\""),
        ("jku", "\"file:///etc/passwd\""),
        ("jku", "null"),
        ("x5u", "\"https://evil.example/crt\""),
        ("x5u", "null"),
        ("x5c", "[\"MII\"]"),
        ("x5c", "[]"),
        ("\\u006awk", own.as_str()),
        ("jk\\u0075", "\"https://evil.example/jwks\""),
    ] {
        let token = with_header(header().with(name, value));
        rows.push(row(format!("{name} {value}"), token, "embedded-key"));
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
        "a\\n",
        "a\\r\\nSet-Cookie: a",
        "%00",
        "a?b",
        "a#b",
        "a,b",
        "\\ud83d\\ude00",
        &long,
    ] {
        let token = with_header(header().with("kid", &format!("\"{kid}\"")));
        rows.push(row(format!("kid {kid:?}"), token, "kid-malformed"));
    }
    // Well-formed, because issuers use such names; they are compared and nothing else.
    for kid in [
        "../../etc/passwd",
        "/dev/null",
        "https://evil.example/",
        "a+b/c=",
        "__proto__",
        "constructor",
        "toString",
        "0",
        "null",
    ] {
        let token = with_header(header().with("kid", &format!("\"{kid}\"")));
        rows.push(row(format!("kid {kid:?}"), token, "unknown-key"));
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
