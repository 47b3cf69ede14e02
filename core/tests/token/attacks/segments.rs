//! Attacks on size, segments and encoding.

use edgeward_core::token::MAX_TOKEN_BYTES;

use super::{OK, Row, row};
use crate::forge::*;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn rows() -> Vec<Row> {
    [sizes(), shapes(), encodings(), last_bits()]
        .into_iter()
        .flatten()
        .collect()
}

fn segments(token: &str) -> [&str; 3] {
    let segments: Vec<&str> = token.split('.').collect();
    segments.try_into().unwrap()
}

fn sizes() -> Vec<Row> {
    let fits = {
        let empty = with_claims(claims().with("pad", "\"\"")).len();
        // Base64 makes four characters of three, so the largest token that fits is within three of the limit.
        with_claims(claims().with(
            "pad",
            &format!("\"{}\"", "p".repeat((MAX_TOKEN_BYTES - empty) / 4 * 3)),
        ))
    };
    assert!(fits.len() <= MAX_TOKEN_BYTES && fits.len() > MAX_TOKEN_BYTES - 4);
    let header_of = |length: usize| {
        let empty = header().with("pad", "\"\"").text().len();
        with_header(header().with("pad", &format!("\"{}\"", "p".repeat(length - empty))))
    };
    vec![
        row("a good token", good(), OK),
        row("the longest token", fits, OK),
        row(
            "a token over the limit",
            "a".repeat(MAX_TOKEN_BYTES + 1),
            "token-too-large",
        ),
        row(
            "a good token and spaces up to over the limit",
            format!("{:<1$}", good(), MAX_TOKEN_BYTES + 1),
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
        row(
            "a header over the limit",
            header_of(2000),
            "header-too-large",
        ),
        row(
            "a header one byte over the limit",
            header_of(1025),
            "header-too-large",
        ),
        row("the longest header", header_of(1024), OK),
    ]
}

/// What has not exactly three segments, among it every form of JWE (RFC 7516).
fn shapes() -> Vec<Row> {
    let good = good();
    let [head, payload, signature] = segments(&good);
    let jwe = base64url(r#"{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}"#);
    let four = "not-three-segments";
    vec![
        row("an empty string", "", four),
        row("one segment", head, four),
        row("two segments", format!("{head}.{payload}"), four),
        row("a trailing dot", format!("{good}."), four),
        row("a fourth segment", format!("{good}.AAAA"), four),
        row("a leading dot", format!(".{good}"), four),
        row(
            "a dot for every segment",
            format!("{head}..{payload}.{signature}"),
            four,
        ),
        row("a token behind a token", format!("{good}.{good}"), four),
        row(
            "two tokens with a comma",
            format!("{good},{good}"),
            "not-three-segments",
        ),
        row("five segments", format!("{good}.AAAA.AAAA"), four),
        row(
            "an encrypted token, direct key",
            format!("{jwe}..AAAA.{payload}.AAAA"),
            four,
        ),
        row(
            "a token in place of the ciphertext",
            format!("{jwe}.AAAA.AAAA.{good}"),
            four,
        ),
        row(
            "an encrypted token's header with three segments",
            format!("{jwe}.{payload}.{signature}"),
            "alg-not-allowed",
        ),
        row(
            "the flattened JSON serialisation",
            format!(
                "{{\"protected\":\"{head}\",\"payload\":\"{payload}\",\"signature\":\"{signature}\"}}"
            ),
            four,
        ),
        // CVE-2022-39227: one reader saw JSON, the other a compact token between the dots.
        row(
            "a compact token inside JSON",
            format!("{{\" {head}.\":\"\",\"protected\":\"{head}\",\".{payload}.{signature}\":1}}"),
            four,
        ),
        row(
            "a detached payload",
            format!("{head}..{signature}"),
            "signature-invalid",
        ),
        row(
            "an empty header",
            format!(".{payload}.{signature}"),
            "not-json",
        ),
        row("only dots", "..", "not-json"),
        row(
            "another character that looks like a dot",
            good.replace('.', "\u{2024}"),
            four,
        ),
        row("full-width dots", good.replace('.', "\u{ff0e}"), four),
        row("ideographic dots", good.replace('.', "\u{3002}"), four),
        row("percent-encoded dots", good.replace('.', "%2e"), four),
        row(
            "a look-alike of a dot in the signature",
            format!("{head}.{payload}.\u{2024}{signature}"),
            "not-base64url",
        ),
    ]
}

/// Other characters than those of RFC 4648 section 5, in every segment.
fn encodings() -> Vec<Row> {
    let good = good();
    let strange = [
        ("a space", " "),
        ("a tab", "\t"),
        ("a newline", "\n"),
        ("a carriage return", "\r\n"),
        ("a NUL", "\0"),
        ("padding", "="),
        ("more padding", "=="),
        ("a plus", "+"),
        ("a slash", "/"),
        ("a letter outside ASCII", "ä"),
        ("a full-width letter", "\u{ff21}"),
        ("a Cyrillic letter", "\u{0430}"),
        ("a zero-width space", "\u{200b}"),
        ("a byte order mark", "\u{feff}"),
        ("a right-to-left mark", "\u{202e}"),
        ("an escape", "%41"),
        ("a comma", ","),
        ("a tilde, as in SD-JWT", "~"),
    ];
    let mut rows = Vec::new();
    for (about, text) in strange {
        for at in 0..3 {
            let mut parts = segments(&good).map(str::to_owned);
            let middle = parts[at].len() / 2;
            for (place, index) in [
                ("before", 0),
                ("within", middle),
                ("after", parts[at].len()),
            ] {
                let whole = parts[at].clone();
                parts[at].insert_str(index, text);
                rows.push(row(
                    format!("{about} {place} segment {at}"),
                    parts.join("."),
                    "not-base64url",
                ));
                parts[at] = whole;
            }
        }
    }
    let [head, payload, signature] = segments(&good);
    rows.extend([
        row(
            "the standard alphabet",
            good.replace(['-', '_'], "+"),
            "not-base64url",
        ),
        row(
            "padded as its length asks",
            format!("{head}.{payload}.{signature}=="),
            "not-base64url",
        ),
        row(
            "one character too many",
            format!("{head}.{payload}.{signature}AAA"),
            "not-base64url",
        ),
        row(
            "with the scheme in front",
            format!("Bearer {good}"),
            "not-base64url",
        ),
        row("in quotes", format!("\"{good}\""), "not-base64url"),
    ]);
    rows
}

/// Every other last character that decodes to the same bytes (RFC 4648 section 3.5), in every segment.
fn last_bits() -> Vec<Row> {
    let mut rows = Vec::new();
    // Claims and headers of each length modulo three, so that segments end in each number of unused bits.
    for pad in ["", "p", "pp"] {
        let padded = format!("\"{pad}\"");
        let token = forge(
            header().with("pad", &padded).text(),
            claims().with("pad", &padded).text(),
        );
        rows.push(row(format!("{pad:?} as padding"), token.as_str(), OK));
        for at in 0..3 {
            let parts = segments(&token);
            let last = parts[at].chars().last().unwrap();
            let place = ALPHABET.find(last).unwrap();
            let unused = match parts[at].len() % 4 {
                2 => 4,
                3 => 2,
                _ => 0,
            };
            for bits in 1..1 << unused {
                let other = &ALPHABET[place + bits..=place + bits];
                let mut parts = parts.map(str::to_owned);
                parts[at].pop();
                parts[at].push_str(other);
                rows.push(row(
                    format!("{pad:?}: unused bits {bits} of segment {at}"),
                    parts.join("."),
                    "not-base64url",
                ));
            }
        }
    }
    assert!(rows.len() > 30, "every number of unused bits is tried");
    rows
}
