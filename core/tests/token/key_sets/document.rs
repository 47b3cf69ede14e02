//! The document around the keys, their names, and keys that must never be published.

use edgeward_core::keys::{MAX_KEY_SET_BYTES, MAX_KEYS};
use edgeward_core::token::MAX_KEY_ID_BYTES;

use super::{Row, one, row};
use crate::forge::{KID, X, jwk, set};
use crate::platform::{p256 as curve, rsa};

pub(super) fn rows() -> Vec<Row> {
    let named = |kid: &str| jwk(&format!(",\"kid\":\"{kid}\""));
    let many = |count: usize| {
        set(&(0..count)
            .map(|n| named(&format!("k{n}")))
            .collect::<Vec<_>>())
    };
    let mut rows = vec![
        row("no keys", set(&[]), Ok(0)),
        row("one key", one(&named("k")), Ok(1)),
        row(
            "unknown members",
            one(&jwk(
                ",\"kid\":\"k\",\"x5t\":\"AA\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"key_ops\":[\"verify\"]",
            )),
            Ok(1),
        ),
        row(
            "members beside keys",
            format!("{{\"keys\":[{}],\"next\":1}}", named("k")),
            Ok(1),
        ),
        row("without kid", one(&jwk("")), Ok(1)),
        row("the most keys", many(MAX_KEYS), Ok(MAX_KEYS)),
        row("too many keys", many(MAX_KEYS + 1), Err("too-many-keys")),
        row(
            "too long",
            format!("{}{}", one(&named("k")), " ".repeat(MAX_KEY_SET_BYTES)),
            Err("key-set-too-large"),
        ),
        row("an error page", "<html>502</html>", Err("not-json")),
        row("nothing", String::new(), Err("not-json")),
        row("a bare array", "[]", Err("not-an-object")),
        row(
            "a key that is no object",
            "{\"keys\":[1]}",
            Err("not-an-object"),
        ),
        row(
            "a byte order mark",
            format!("\u{feff}{}", set(&[])),
            Err("byte-order-mark"),
        ),
        row(
            "keys twice",
            "{\"keys\":[],\"keys\":[]}",
            Err("duplicate-member"),
        ),
        row(
            "kid twice",
            one(&jwk(",\"kid\":\"a\",\"ki\\u0064\":\"b\"")),
            Err("duplicate-member"),
        ),
        row(
            "__proto__",
            "{\"keys\":[],\"__proto__\":{}}",
            Err("forbidden-member"),
        ),
        row(
            "too deep",
            format!("{{\"keys\":{}{}}}", "[".repeat(9), "]".repeat(9)),
            Err("too-deep"),
        ),
        row(
            "too many members",
            one(&jwk(&(0..64)
                .map(|n| format!(",\"m{n}\":0"))
                .collect::<String>())),
            Err("too-many-members"),
        ),
        row("no member keys", "{}", Err("keys-missing")),
        row("keys is no array", "{\"keys\":{}}", Err("keys-missing")),
        row("a single key is no set", named("k"), Err("keys-missing")),
        // Skipped.
        row(
            "an unknown kty",
            one("{\"kty\":\"AKP\",\"pub\":\"AA\"}"),
            Ok(0),
        ),
        row(
            "X25519",
            one("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}"),
            Ok(0),
        ),
        row(
            "no crv",
            one(&format!("{{\"kty\":\"OKP\",\"x\":\"{X}\"}}")),
            Ok(0),
        ),
        // Refused as a whole.
        row(
            "oct",
            one("{\"kty\":\"oct\",\"k\":\"AA\"}"),
            Err("symmetric-key"),
        ),
        row(
            "oct beside ours",
            set(&[named("k"), "{\"kty\":\"oct\"}".into()]),
            Err("symmetric-key"),
        ),
        row(
            "k in another kind",
            one(&jwk(",\"k\":\"AA\"")),
            Err("symmetric-key"),
        ),
        row(
            "a private key",
            one(&jwk(",\"d\":\"AA\"")),
            Err("private-key"),
        ),
        row(
            "a private key, d null",
            one(&jwk(",\"d\":null")),
            Err("private-key"),
        ),
        row(
            "a private RSA key",
            one("{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\",\"p\":\"AA\"}"),
            Err("private-key"),
        ),
        row(
            "a private key for encryption",
            one(&jwk(",\"use\":\"enc\",\"d\":\"AA\"")),
            Err("private-key"),
        ),
        row("no kty", one("{\"kid\":\"k\"}"), Err("key-malformed")),
        row("kty a number", one("{\"kty\":1}"), Err("key-malformed")),
        row(
            "kid a number",
            one(&jwk(",\"kid\":1")),
            Err("kid-malformed"),
        ),
        row("kid with a space", one(&named("a b")), Err("kid-malformed")),
        row("kid empty", one(&named("")), Err("kid-malformed")),
        row(
            "the same kid",
            set(&[named("k"), named("k")]),
            Err("duplicate-kid"),
        ),
        row(
            "the same kid on another kind",
            set(&[named("k"), "{\"kty\":\"EC\",\"kid\":\"k\"}".into()]),
            Err("duplicate-kid"),
        ),
        row(
            "the same key twice without kid",
            set(&[jwk(""), jwk("")]),
            Err("duplicate-kid"),
        ),
        row(
            "the same kid on a key that is skipped",
            set(&[
                "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"k\"}".into(),
                named("k"),
            ]),
            Err("duplicate-kid"),
        ),
        row(
            "the same kid on two keys that are skipped",
            set(&[
                "{\"kty\":\"EC\",\"kid\":\"k\"}".into(),
                "{\"kty\":\"AKP\",\"kid\":\"k\"}".into(),
            ]),
            Err("duplicate-kid"),
        ),
        row(
            "the same kid on each kind",
            set(&[named("k"), curve(",\"kid\":\"k\"")]),
            Err("duplicate-kid"),
        ),
        row(
            "the same kid on a curve and RSA",
            set(&[curve(",\"kid\":\"k\""), rsa(",\"kid\":\"k\"")]),
            Err("duplicate-kid"),
        ),
        row(
            "a kid that is the thumbprint of a nameless key",
            set(&[jwk(""), curve(&format!(",\"kid\":\"{KID}\""))]),
            Err("duplicate-kid"),
        ),
        row(
            "kids that differ in their letters",
            set(&[named("k"), named("K"), named("k.")]),
            Ok(3),
        ),
        row(
            "a key of each kind, each without kid",
            set(&[jwk(""), curve(""), rsa("")]),
            Ok(3),
        ),
        row(
            "more keys than that, all skipped",
            {
                let skipped = vec!["{\"kty\":\"AKP\"}".to_owned(); MAX_KEYS + 1];
                set(&skipped)
            },
            Err("too-many-keys"),
        ),
        row(
            "a set cut short",
            one(&named("k"))[..60].to_owned(),
            Err("not-json"),
        ),
        row(
            "two sets",
            format!("{}{}", set(&[]), set(&[])),
            Err("not-json"),
        ),
        row("keys null", "{\"keys\":null}", Err("keys-missing")),
        row(
            "null among the keys",
            "{\"keys\":[null]}",
            Err("not-an-object"),
        ),
        row(
            "keys in keys",
            "{\"keys\":[{\"keys\":[]}]}",
            Err("key-malformed"),
        ),
        row(
            "kty twice",
            one(&jwk(",\"\\u006bty\":\"oct\"")),
            Err("duplicate-member"),
        ),
        row(
            "constructor in a key",
            one(&jwk(",\"constructor\":1")),
            Err("forbidden-member"),
        ),
        row(
            "a lone surrogate",
            one(&jwk(",\"a\":\"\\ud800\"")),
            Err("not-json"),
        ),
        row("invalid UTF-8", *b"{\"keys\":[\"\xff\"]}", Err("not-utf8")),
    ];
    for kid in ["null", "true", "[]", "{}", "[\"k\"]"] {
        let key = jwk(&format!(",\"kid\":{kid}"));
        rows.push(row(format!("kid {kid}"), one(&key), Err("kid-malformed")));
    }
    let long = "k".repeat(MAX_KEY_ID_BYTES + 1);
    for kid in ["a\\u0000", "a\\n", "<b>", "käse", "a\\\\b", "a\\\"b", &long] {
        rows.push(row(
            format!("kid {kid:?}"),
            one(&named(kid)),
            Err("kid-malformed"),
        ));
    }
    let longest = "k".repeat(MAX_KEY_ID_BYTES);
    rows.push(row("the longest kid", one(&named(&longest)), Ok(1)));
    for kty in ["null", "[]", "{}", "true"] {
        rows.push(row(
            format!("kty {kty}"),
            one(&format!("{{\"kty\":{kty}}}")),
            Err("key-malformed"),
        ));
    }
    // Compared exactly: another spelling is another kind.
    for kty in ["okp", "ec", "rsa", "Oct", "OCT", "RSA ", ""] {
        rows.push(row(
            format!("kty {kty:?}"),
            one(&format!("{{\"kty\":\"{kty}\"}}")),
            Ok(0),
        ));
    }
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
        for key in [jwk, curve, rsa] {
            for value in ["\"AA\"", "\"\"", "null"] {
                let key = key(&format!(",\"{member}\":{value}"));
                rows.push(row(
                    format!("{member} {value} in a public key"),
                    one(&key),
                    Err("private-key"),
                ));
            }
        }
    }
    rows.push(row(
        "d written with an escape",
        one(&jwk(",\"\\u0064\":\"AA\"")),
        Err("private-key"),
    ));
    for key in [jwk, curve, rsa] {
        rows.push(row(
            "k in a public key",
            one(&key(",\"k\":\"AA\"")),
            Err("symmetric-key"),
        ));
    }
    rows
}
