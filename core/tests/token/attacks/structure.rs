//! Attacks on size, segments, encoding and JSON.

use edgeward_core::token::MAX_TOKEN_BYTES;

use super::{OK, Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    let good = good();
    let segments: Vec<&str> = good.split('.').collect();
    let [header_segment, payload_segment, signature_segment] = segments[..] else {
        panic!("three segments")
    };
    let fits = {
        let empty = with_claims(claims().with("pad", "\"\"")).len();
        // Base64 makes four characters of three, so the largest token that fits is within three of the limit.
        with_claims(claims().with(
            "pad",
            &format!("\"{}\"", "p".repeat((MAX_TOKEN_BYTES - empty) / 4 * 3)),
        ))
    };
    assert!(fits.len() <= MAX_TOKEN_BYTES && fits.len() > MAX_TOKEN_BYTES - 4);
    let last = signature_segment.chars().last().unwrap();
    let body = &good[..good.len() - 1];
    let overlong = [b"{\"a\":\"", &[0xc0, 0xaf][..], b"\"}"].concat();
    vec![
        row("a good token", &good, OK),
        row("the longest token", fits, OK),
        row(
            "a token over the limit",
            "a".repeat(MAX_TOKEN_BYTES + 1),
            "token-too-large",
        ),
        row(
            "no token, but at the limit",
            "a".repeat(MAX_TOKEN_BYTES),
            "not-three-segments",
        ),
        row("a mebibyte of dots", ".".repeat(1 << 20), "token-too-large"),
        row(
            "thousands of dots",
            ".".repeat(MAX_TOKEN_BYTES),
            "not-three-segments",
        ),
        row("an empty string", "", "not-three-segments"),
        row("one segment", header_segment, "not-three-segments"),
        row(
            "two segments",
            format!("{header_segment}.{payload_segment}"),
            "not-three-segments",
        ),
        row("a trailing dot", format!("{good}."), "not-three-segments"),
        row(
            "a fourth segment",
            format!("{good}.AAAA"),
            "not-three-segments",
        ),
        row("a leading dot", format!(".{good}"), "not-three-segments"),
        row(
            "an encrypted token (five segments)",
            format!("{good}.AAAA.AAAA"),
            "not-three-segments",
        ),
        row(
            "the JSON serialisation",
            format!("{{\"payload\":\"{payload_segment}\"}}"),
            "not-three-segments",
        ),
        row("only dots", "..", "not-json"),
        row("a leading space", format!(" {good}"), "not-base64url"),
        row("a trailing newline", format!("{good}\n"), "not-base64url"),
        row(
            "a newline in the signature",
            format!("{}\n{last}", body),
            "not-base64url",
        ),
        row(
            "a space in the payload",
            format!("{header_segment}.{payload_segment} .{signature_segment}"),
            "not-base64url",
        ),
        row("padding", format!("{good}=="), "not-base64url"),
        row(
            "padding in the header",
            format!("{header_segment}=.{payload_segment}.{signature_segment}"),
            "not-base64url",
        ),
        row(
            "the standard alphabet",
            good.replace(['-', '_'], "+"),
            "not-base64url",
        ),
        row(
            "unused bits in the last character",
            {
                // Of 64 bytes the last character carries 2 bits; the next letter of the alphabet has the same 2 bits.
                let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
                let at = alphabet.find(last).unwrap();
                format!("{body}{}", &alphabet[at + 1..at + 2])
            },
            "not-base64url",
        ),
        row(
            "a letter outside ASCII",
            format!("{body}ä"),
            "not-base64url",
        ),
        row("a NUL", format!("{body}\0"), "not-base64url"),
        row(
            "a header over the limit",
            with_header(header().with("pad", &format!("\"{}\"", "p".repeat(1024)))),
            "header-too-large",
        ),
        row(
            "a header one byte over the limit",
            {
                let empty = header().with("pad", "\"\"").text().len();
                with_header(header().with("pad", &format!("\"{}\"", "p".repeat(1025 - empty))))
            },
            "header-too-large",
        ),
        row(
            "the longest header",
            {
                let empty = header().with("pad", "\"\"").text().len();
                with_header(header().with("pad", &format!("\"{}\"", "p".repeat(1024 - empty))))
            },
            OK,
        ),
        row(
            "invalid UTF-8 in the header",
            forge(b"{\"alg\":\"\xff\"}", claims().text()),
            "not-utf8",
        ),
        row(
            "invalid UTF-8 in the payload",
            forge(header().text(), b"{\"iss\":\"\xff\"}"),
            "not-utf8",
        ),
        row(
            "an overlong escape in the payload",
            forge(header().text(), overlong),
            "not-utf8",
        ),
        row(
            "a byte order mark before the header",
            forge(format!("\u{feff}{}", header().text()), claims().text()),
            "byte-order-mark",
        ),
        row(
            "a byte order mark before the payload",
            forge(header().text(), format!("\u{feff}{}", claims().text())),
            "byte-order-mark",
        ),
        row(
            "rubbish after the header",
            forge(format!("{}x", header().text()), claims().text()),
            "not-json",
        ),
        row(
            "rubbish after the payload",
            forge(header().text(), format!("{} {{}}", claims().text())),
            "not-json",
        ),
        row(
            "a comment",
            forge(header().text(), claims().text().replacen('{', "{/**/", 1)),
            "not-json",
        ),
        row(
            "a trailing comma",
            forge(header().text(), claims().text().replace('}', ",}")),
            "not-json",
        ),
        row(
            "a lone surrogate",
            with_claims(claims().with("sub", "\"\\ud800\"")),
            "not-json",
        ),
        row("an empty payload", forge(header().text(), ""), "not-json"),
        row("NaN", with_claims(claims().with("exp", "NaN")), "not-json"),
        row(
            "a number beyond every float",
            with_claims(claims().with("exp", "1e400")),
            "not-json",
        ),
        row(
            "a header array",
            forge("[]", claims().text()),
            "not-an-object",
        ),
        row(
            "a header array of values",
            forge("[\"EdDSA\",\"at+jwt\"]", claims().text()),
            "not-an-object",
        ),
        row(
            "a payload array",
            forge(header().text(), "[]"),
            "not-an-object",
        ),
        row(
            "a payload null",
            forge(header().text(), "null"),
            "not-an-object",
        ),
        row(
            "a payload string",
            forge(header().text(), "\"{}\""),
            "not-an-object",
        ),
        row(
            "alg twice",
            forge(header().text_and("\"alg\":\"EdDSA\""), claims().text()),
            "duplicate-member",
        ),
        row(
            "alg twice, once escaped",
            forge(header().text_and("\"\\u0061lg\":\"none\""), claims().text()),
            "duplicate-member",
        ),
        row(
            "kid twice",
            forge(header().text_and("\"kid\":\"x\""), claims().text()),
            "duplicate-member",
        ),
        row(
            "crit twice",
            forge(
                header().text_and("\"crit\":[],\"crit\":[]"),
                claims().text(),
            ),
            "duplicate-member",
        ),
        row(
            "exp twice",
            forge(header().text(), claims().text_and("\"exp\":1")),
            "duplicate-member",
        ),
        row(
            "sub twice",
            forge(header().text(), claims().text_and("\"sub\":\"u1\"")),
            "duplicate-member",
        ),
        row(
            "an unknown claim twice",
            forge(header().text(), claims().text_and("\"x\":1,\"x\":2")),
            "duplicate-member",
        ),
        row(
            "a nested member twice",
            with_claims(claims().with("cnf", "[{\"jkt\":1,\"jk\\u0074\":2}]")),
            "duplicate-member",
        ),
        row(
            "__proto__ in the header",
            with_header(header().with("__proto__", "{}")),
            "forbidden-member",
        ),
        row(
            "__proto__ in the claims",
            with_claims(claims().with("__proto__", "{\"admin\":true}")),
            "forbidden-member",
        ),
        row(
            "an escaped __proto__, nested",
            with_claims(claims().with("x", "{\"\\u005f_proto__\":1}")),
            "forbidden-member",
        ),
        row(
            "constructor",
            with_claims(claims().with("constructor", "1")),
            "forbidden-member",
        ),
        row(
            "the deepest claims",
            with_claims(claims().with("x", &deep(7))),
            OK,
        ),
        row(
            "claims too deep",
            with_claims(claims().with("x", &deep(8))),
            "too-deep",
        ),
        row(
            "a header too deep",
            with_header(header().with("x", &deep(100))),
            "too-deep",
        ),
        row(
            "nesting that would end the stack",
            with_claims(claims().with("x", &deep(2_500))),
            "too-deep",
        ),
        row("the most claims", with_claims(many(64 - 6)), OK),
        row(
            "too many claims",
            with_claims(many(64 - 5)),
            "too-many-members",
        ),
        row(
            "too many nested members",
            with_claims(claims().with("x", &many(59).text())),
            "too-many-members",
        ),
    ]
}

/// An array `depth` deep.
fn deep(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// The good claims and `more` others.
fn many(more: usize) -> Object {
    (0..more).fold(claims(), |claims, n| claims.with(&format!("m{n}"), "0"))
}
