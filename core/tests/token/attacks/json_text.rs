//! Attacks on the JSON of header and claims. Each text stands in both places, because both are read by the same strict reader
//! and the payload is only read after the signature was good.

use super::{OK, Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    [
        not_utf8(),
        not_json(),
        not_objects(),
        members(),
        depth_and_width(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The text as a header and as a payload, both properly signed.
fn both(about: &str, text: impl AsRef<[u8]>, reason: &'static str) -> [Row; 2] {
    [
        row(
            format!("{about}, as header"),
            forge(&text, claims().text()),
            reason,
        ),
        row(
            format!("{about}, as claims"),
            forge(header().text(), &text),
            reason,
        ),
    ]
}

/// A member put to the end of the header and of the claims.
fn both_and(about: &str, member: &str, reason: &'static str) -> [Row; 2] {
    [
        row(
            format!("{about}, in the header"),
            forge(header().text_and(member), claims().text()),
            reason,
        ),
        row(
            format!("{about}, in the claims"),
            forge(header().text(), claims().text_and(member)),
            reason,
        ),
    ]
}

fn not_utf8() -> Vec<Row> {
    let within = |bytes: &[u8]| [b"{\"a\":\"", bytes, b"\"}"].concat();
    let utf16: Vec<u8> = "{\"a\":1}"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let mut rows = Vec::new();
    for (about, bytes) in [
        ("a byte that is never UTF-8", &[0xff][..]),
        ("an overlong slash", &[0xc0, 0xaf]),
        ("an overlong NUL", &[0xc0, 0x80]),
        ("a surrogate in three bytes", &[0xed, 0xa0, 0x80]),
        ("a character beyond Unicode", &[0xf4, 0x90, 0x80, 0x80]),
        ("a character cut short", &[0xe2, 0x82]),
        ("a continuation alone", &[0x80]),
    ] {
        rows.extend(both(about, within(bytes), "not-utf8"));
    }
    rows.extend(both(
        "UTF-16 with its mark",
        [&[0xfe, 0xff][..], &utf16].concat(),
        "not-utf8",
    ));
    // Without a mark it is valid UTF-8, with NULs in it.
    rows.extend(both("UTF-16", &utf16, "not-json"));
    rows.extend([
        row(
            "a byte order mark before the header",
            forge(format!("\u{feff}{}", header().text()), claims().text()),
            "byte-order-mark",
        ),
        row(
            "a byte order mark before the claims",
            forge(header().text(), format!("\u{feff}{}", claims().text())),
            "byte-order-mark",
        ),
        row(
            "a byte order mark behind the claims",
            forge(header().text(), format!("{}\u{feff}", claims().text())),
            "not-json",
        ),
        row(
            "two byte order marks",
            forge(
                format!("\u{feff}\u{feff}{}", header().text()),
                claims().text(),
            ),
            "byte-order-mark",
        ),
    ]);
    rows
}

fn not_json() -> Vec<Row> {
    let mut rows = Vec::new();
    for (about, text) in [
        ("nothing", ""),
        ("a blank", " "),
        ("an open object", "{"),
        ("a closing brace", "}"),
        ("a name alone", "{\"a\"}"),
        ("a name without quotes", "{a:1}"),
        ("single quotes", "{'a':1}"),
        ("a trailing comma", "{\"a\":1,}"),
        ("a leading comma", "{,\"a\":1}"),
        ("two commas", "{\"a\":1,,\"b\":1}"),
        ("a comment", "{/**/\"a\":1}"),
        ("a comment to the end of the line", "{\"a\":1}//"),
        ("an equals sign", "{\"a\"=1}"),
        ("two objects", "{}{}"),
        ("rubbish behind", "{}x"),
        ("a NUL behind", "{}\0"),
        ("a vertical tab", "\u{b}{}"),
        ("a no-break space", "\u{a0}{}"),
        ("NaN", "{\"exp\":NaN}"),
        ("Infinity", "{\"exp\":Infinity}"),
        ("minus Infinity", "{\"exp\":-Infinity}"),
        ("undefined", "{\"exp\":undefined}"),
        ("True", "{\"a\":True}"),
        ("a number beyond every float", "{\"exp\":1e400}"),
        ("a negative one", "{\"exp\":-1e400}"),
        ("a leading zero", "{\"exp\":01700000600}"),
        ("a leading plus", "{\"exp\":+1}"),
        ("a leading point", "{\"exp\":.5}"),
        ("a trailing point", "{\"exp\":5.}"),
        ("an exponent of nothing", "{\"exp\":1e}"),
        ("hexadecimal", "{\"exp\":0xff}"),
        ("digits apart", "{\"exp\":1_000}"),
        ("a bare minus", "{\"exp\":-}"),
        ("a raw newline in a text", "{\"a\":\"\n\"}"),
        ("a raw NUL in a text", "{\"a\":\"\0\"}"),
        ("a raw tab in a name", "{\"a\t\":1}"),
        ("an unknown escape", r#"{"a":"\x41"}"#),
        ("an escaped quote of the other kind", r#"{"a":"\'"}"#),
        ("a short escape", r#"{"a":"\u004"}"#),
        ("an escape of no digits", r#"{"a":"\uzzzz"}"#),
        ("an open text", "{\"a\":\"b}"),
        ("a lone high surrogate", r#"{"a":"\ud800"}"#),
        ("a lone low surrogate", r#"{"a":"\udc00"}"#),
        ("surrogates the wrong way round", r#"{"a":"\udc00\ud800"}"#),
        ("a high surrogate and a letter", r#"{"a":"\ud800\u0041"}"#),
        ("a lone surrogate in a name", r#"{"\ud800":1}"#),
        ("a lone surrogate, nested", r#"{"a":[{"b":"\ud800"}]}"#),
    ] {
        rows.extend(both(about, text, "not-json"));
    }
    rows.push(row(
        "a pair of surrogates is a character",
        with_claims(claims().with("name", r#""\ud83d\ude00""#)),
        OK,
    ));
    rows.push(row(
        "white space around",
        forge(
            format!("\n{}\t", header().text()),
            format!(" \r\n{} ", claims().text()),
        ),
        OK,
    ));
    rows.push(row(
        "rubbish behind good claims",
        forge(header().text(), format!("{} {{}}", claims().text())),
        "not-json",
    ));
    rows
}

fn not_objects() -> Vec<Row> {
    let mut rows = Vec::new();
    for text in [
        "[]",
        "[\"EdDSA\",\"at+jwt\"]",
        "[{}]",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "\"\"",
        "\"{}\"",
    ] {
        rows.extend(both(text, text, "not-an-object"));
    }
    rows
}

fn members() -> Vec<Row> {
    let mut rows = Vec::new();
    let duplicate = "duplicate-member";
    let forbidden = "forbidden-member";
    for member in [
        "\"alg\":\"EdDSA\"",
        "\"\\u0061lg\":\"none\"",
        "\"al\\u0067\":\"none\"",
        "\"kid\":\"x\"",
        "\"\\u006b\\u0069\\u0064\":\"x\"",
        "\"typ\":\"at+jwt\"",
        "\"crit\":[],\"crit\":[]",
        "\"jwk\":{},\"jwk\":{}",
    ] {
        let token = forge(header().text_and(member), claims().text());
        rows.push(row(format!("again {member}"), token, duplicate));
    }
    for member in [
        "\"exp\":1",
        "\"exp\":1700000600",
        "\"\\u0065xp\":9999999999",
        "\"iss\":\"https://evil.example\"",
        "\"aud\":\"x\"",
        "\"nbf\":0",
        "\"sub\":\"u1\"",
        "\"su\\u0062\":\"admin\"",
        "\"x\":1,\"x\":2",
        "\"\":1,\"\":1",
        "\"\\u0000\":1,\"\\u0000\":1",
        "\"/\":1,\"\\/\":1",
        "\"ä\":1,\"\\u00e4\":1",
        "\"😀\":1,\"\\ud83d\\ude00\":1",
    ] {
        let token = forge(header().text(), claims().text_and(member));
        rows.push(row(format!("again {member}"), token, duplicate));
    }
    rows.extend(both_and(
        "twice, in an array in an object",
        "\"o\":[{\"jkt\":1,\"jk\\u0074\":2}]",
        duplicate,
    ));
    for (about, member) in [
        ("__proto__", "\"__proto__\":{\"admin\":true}"),
        ("__proto__ null", "\"__proto__\":null"),
        ("constructor", "\"constructor\":1"),
        ("an escaped __proto__", "\"\\u005f_proto__\":1"),
        ("an escaped constructor", "\"constru\\u0063tor\":1"),
        ("__proto__, nested", "\"x\":[[{\"__proto__\":1}]]"),
        (
            "constructor, nested",
            "\"x\":{\"constructor\":{\"prototype\":{}}}",
        ),
    ] {
        rows.extend(both_and(about, member, forbidden));
    }
    // Names are compared as they are: neither letter case nor Unicode's normal forms make two names one.
    rows.extend(both_and(
        "names that differ",
        "\"Alg\":\"none\",\"EXP\":1,\"a\":1,\"A\":1,\"é\":1,\"e\\u0301\":1",
        OK,
    ));
    rows.extend(both_and(
        "prototype alone is a name like others",
        "\"prototype\":1,\"toString\":1,\"hasOwnProperty\":1",
        OK,
    ));
    rows
}

fn depth_and_width() -> Vec<Row> {
    let objects = |depth: usize| format!("{}1{}", "{\"o\":".repeat(depth), "}".repeat(depth));
    let mut rows = Vec::new();
    rows.extend(both_and(
        "the deepest arrays",
        &format!("\"x\":{}", deep(7)),
        OK,
    ));
    rows.extend(both_and(
        "the deepest objects",
        &format!("\"x\":{}", objects(7)),
        OK,
    ));
    for (about, value) in [
        ("arrays too deep", deep(8)),
        ("objects too deep", objects(8)),
        ("arrays far too deep", deep(300)),
        ("arrays that nobody closes", "[".repeat(600)),
    ] {
        rows.extend(both_and(about, &format!("\"x\":{value}"), "too-deep"));
    }
    rows.extend(both("arrays without an object", deep(400), "too-deep"));
    rows.extend([
        row(
            "nesting that would end the stack",
            with_claims(claims().with("x", &deep(2_500))),
            "too-deep",
        ),
        row(
            "objects that would end the stack",
            with_claims(claims().with("x", &objects(800))),
            "too-deep",
        ),
        row("the most claims", with_claims(many(claims(), 64 - 6)), OK),
        row(
            "too many claims",
            with_claims(many(claims(), 64 - 5)),
            "too-many-members",
        ),
        row(
            "the most members of a header",
            with_header(many(header(), 64 - 3)),
            OK,
        ),
        row(
            "too many members of a header",
            with_header(many(header(), 64 - 2)),
            "too-many-members",
        ),
        row(
            "too many nested members",
            with_claims(claims().with("x", &many(claims(), 59).text())),
            "too-many-members",
        ),
        row(
            "a long array is bounded by the token",
            with_claims(claims().with("x", &format!("[{}0]", "0,".repeat(2_500)))),
            OK,
        ),
    ]);
    rows
}

/// An array `depth` deep.
fn deep(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// The object and `more` other members.
fn many(object: Object, more: usize) -> Object {
    (0..more).fold(object, |object, n| object.with(&format!("m{n}"), "0"))
}
