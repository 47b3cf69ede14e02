//! Key sets: what is read, what is skipped and what refuses the whole set.

use std::collections::BTreeSet;

use edgeward_core::keys::{Jwk, KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS};
use edgeward_core::token::TokenType;

use crate::forge::{KID, X, jwk, set, signing_key};

const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
const EC_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwCr6UwtQYdwiM/qfjk5g2ZiWbH7e\nlFmFNiOxH4cmRBUfbn0BBLQ5GagV7e/Wc0NHuV0G+0NJzUzxPEz//gohaw==\n-----END PUBLIC KEY-----\n";

fn with_x(x: &str) -> String {
    format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"{x}\"}}")
}

fn one(key: &str) -> String {
    set(&[key.to_owned()])
}

/// Each row: what, the document, and either how many keys are usable or why it is refused.
fn rows() -> Vec<(&'static str, Vec<u8>, Result<usize, &'static str>)> {
    let named = |kid: &str| jwk(&format!(",\"kid\":\"{kid}\""));
    let many = |count: usize| {
        set(&(0..count)
            .map(|n| named(&format!("k{n}")))
            .collect::<Vec<_>>())
    };
    let text = [
        ("no keys", set(&[]), Ok(0)),
        ("one key", one(&named("k")), Ok(1)),
        (
            "unknown members",
            one(&jwk(
                ",\"kid\":\"k\",\"x5t\":\"AA\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"key_ops\":[\"verify\"]",
            )),
            Ok(1),
        ),
        (
            "members beside keys",
            format!("{{\"keys\":[{}],\"next\":1}}", named("k")),
            Ok(1),
        ),
        ("without kid", one(&jwk("")), Ok(1)),
        ("the most keys", many(MAX_KEYS), Ok(MAX_KEYS)),
        ("too many keys", many(MAX_KEYS + 1), Err("too-many-keys")),
        (
            "too long",
            format!("{}{}", one(&named("k")), " ".repeat(MAX_KEY_SET_BYTES)),
            Err("key-set-too-large"),
        ),
        ("an error page", "<html>502</html>".into(), Err("not-json")),
        ("nothing", String::new(), Err("not-json")),
        ("a bare array", "[]".into(), Err("not-an-object")),
        (
            "a key that is no object",
            "{\"keys\":[1]}".into(),
            Err("not-an-object"),
        ),
        (
            "a byte order mark",
            format!("\u{feff}{}", set(&[])),
            Err("byte-order-mark"),
        ),
        (
            "keys twice",
            "{\"keys\":[],\"keys\":[]}".into(),
            Err("duplicate-member"),
        ),
        (
            "kid twice",
            one(&jwk(",\"kid\":\"a\",\"ki\\u0064\":\"b\"")),
            Err("duplicate-member"),
        ),
        (
            "__proto__",
            "{\"keys\":[],\"__proto__\":{}}".into(),
            Err("forbidden-member"),
        ),
        (
            "too deep",
            format!("{{\"keys\":{}{}}}", "[".repeat(9), "]".repeat(9)),
            Err("too-deep"),
        ),
        (
            "too many members",
            one(&jwk(&(0..64)
                .map(|n| format!(",\"m{n}\":0"))
                .collect::<String>())),
            Err("too-many-members"),
        ),
        ("no member keys", "{}".into(), Err("keys-missing")),
        (
            "keys is no array",
            "{\"keys\":{}}".into(),
            Err("keys-missing"),
        ),
        ("a single key is no set", named("k"), Err("keys-missing")),
        // Skipped.
        (
            "an EC key for key agreement",
            one(
                "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"AA\",\"y\":\"AA\",\"alg\":\"ECDH-ES\"}",
            ),
            Ok(0),
        ),
        (
            "an RSA key beside ours",
            set(&[
                "{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\",\"kid\":\"a/b=\",\"alg\":\"RS512\"}"
                    .into(),
                named("k"),
            ]),
            Ok(1),
        ),
        (
            "an unknown kty",
            one("{\"kty\":\"AKP\",\"pub\":\"AA\"}"),
            Ok(0),
        ),
        (
            "X25519",
            one("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}"),
            Ok(0),
        ),
        (
            "no crv",
            one(&format!("{{\"kty\":\"OKP\",\"x\":\"{X}\"}}")),
            Ok(0),
        ),
        ("for encryption", one(&jwk(",\"use\":\"enc\"")), Ok(0)),
        (
            "key_ops without verify",
            one(&jwk(",\"key_ops\":[\"deriveKey\"]")),
            Ok(0),
        ),
        ("no key_ops at all", one(&jwk(",\"key_ops\":[]")), Ok(0)),
        // Refused as a whole.
        (
            "oct",
            one("{\"kty\":\"oct\",\"k\":\"AA\"}"),
            Err("symmetric-key"),
        ),
        (
            "oct beside ours",
            set(&[named("k"), "{\"kty\":\"oct\"}".into()]),
            Err("symmetric-key"),
        ),
        (
            "k in another kind",
            one(&jwk(",\"k\":\"AA\"")),
            Err("symmetric-key"),
        ),
        (
            "a private key",
            one(&jwk(",\"d\":\"AA\"")),
            Err("private-key"),
        ),
        (
            "a private key, d null",
            one(&jwk(",\"d\":null")),
            Err("private-key"),
        ),
        (
            "a private RSA key",
            one("{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\",\"p\":\"AA\"}"),
            Err("private-key"),
        ),
        (
            "a private key for encryption",
            one(&jwk(",\"use\":\"enc\",\"d\":\"AA\"")),
            Err("private-key"),
        ),
        ("no kty", one("{\"kid\":\"k\"}"), Err("key-malformed")),
        ("kty a number", one("{\"kty\":1}"), Err("key-malformed")),
        (
            "use a number",
            one(&jwk(",\"use\":1")),
            Err("key-malformed"),
        ),
        (
            "key_ops a string",
            one(&jwk(",\"key_ops\":\"verify\"")),
            Err("key-malformed"),
        ),
        (
            "alg a number",
            one(&jwk(",\"alg\":1")),
            Err("key-malformed"),
        ),
        (
            "kid a number",
            one(&jwk(",\"kid\":1")),
            Err("kid-malformed"),
        ),
        ("kid with a space", one(&named("a b")), Err("kid-malformed")),
        ("kid empty", one(&named("")), Err("kid-malformed")),
        (
            "the same kid",
            set(&[named("k"), named("k")]),
            Err("duplicate-kid"),
        ),
        (
            "the same kid on another kind",
            set(&[named("k"), "{\"kty\":\"EC\",\"kid\":\"k\"}".into()]),
            Err("duplicate-kid"),
        ),
        (
            "the same key twice without kid",
            set(&[jwk(""), jwk("")]),
            Err("duplicate-kid"),
        ),
        (
            "alg of another kind",
            one(&jwk(",\"alg\":\"ES256\"")),
            Err("alg-key-mismatch"),
        ),
        (
            "alg HS256",
            one(&jwk(",\"alg\":\"HS256\"")),
            Err("alg-key-mismatch"),
        ),
        (
            "alg none",
            one(&jwk(",\"alg\":\"none\"")),
            Err("alg-key-mismatch"),
        ),
        (
            "no x",
            one("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"),
            Err("public-key-malformed"),
        ),
        (
            "x a number",
            one("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":1}"),
            Err("key-malformed"),
        ),
        (
            "x too short",
            one(&with_x(&X[..42])),
            Err("public-key-malformed"),
        ),
        (
            "x too long",
            one(&with_x(&format!("{X}A"))),
            Err("public-key-malformed"),
        ),
        (
            "x much too long",
            one(&with_x(&X.repeat(20))),
            Err("public-key-malformed"),
        ),
        (
            "x padded",
            one(&with_x(&format!("{X}="))),
            Err("public-key-malformed"),
        ),
        (
            "x not canonical",
            one(&with_x("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")),
            Err("public-key-malformed"),
        ),
        (
            "x the neutral point",
            one(&with_x("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            Err("weak-public-key"),
        ),
        (
            "x all zero, of order 4",
            one(&with_x(&"A".repeat(43))),
            Err("weak-public-key"),
        ),
        (
            "x beyond the field",
            one(&with_x("__________________________________________8")),
            Err("weak-public-key"),
        ),
        (
            "restricted",
            one(&jwk(",\"edgeward_typ\":\"edge+jwt\"")),
            Ok(1),
        ),
        (
            "restricted to nothing",
            one(&jwk(",\"edgeward_typ\":\"\"")),
            Err("edgeward-typ-malformed"),
        ),
        (
            "restricted to a number",
            one(&jwk(",\"edgeward_typ\":1")),
            Err("edgeward-typ-malformed"),
        ),
    ];
    let mut rows: Vec<_> = text
        .into_iter()
        .map(|(about, text, expected)| (about, text.into_bytes(), expected))
        .collect();
    rows.push((
        "invalid UTF-8",
        b"{\"keys\":[\"\xff\"]}".to_vec(),
        Err("not-utf8"),
    ));
    rows
}

#[test]
fn every_set_is_read_skipped_or_refused() {
    for (about, document, expected) in rows() {
        let outcome = KeySet::parse(&document)
            .map(|set| set.len())
            .map_err(|error| error.reason());
        assert_eq!(outcome, expected, "{about}");
    }
}

#[test]
fn pem_keys() {
    let der = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let check = |pem: &str, expected: Result<(), &str>| {
        assert_eq!(
            KeySet::from_spki_pem(pem)
                .map(|_| ())
                .map_err(|error| error.reason()),
            expected,
            "{pem}"
        );
    };
    check(PEM, Ok(()));
    check(&PEM.replace('\n', "\r\n"), Ok(()));
    check(&format!("\n  {PEM}  \n"), Ok(()));
    check(EC_PEM, Ok(()));
    check("", Err("not-pem"));
    check(der, Err("not-pem"));
    check(&PEM.replace("PUBLIC", "PRIVATE"), Err("not-pem"));
    check(&format!("{PEM}{PEM}"), Err("not-pem"));
    check(&format!("note\n{PEM}"), Err("not-pem"));
    check(&PEM.replace("Ro=", "Rp="), Err("not-pem"));
    check(&PEM.replace(der, ""), Err("not-pem"));
    check(&PEM.replace(der, &der[..40]), Err("public-key-malformed"));
    check(&PEM.replace("MCow", "MCox"), Err("unsupported-key"));
    check(
        &PEM.replace(&der[16..], &format!("{}=", "A".repeat(43))),
        Err("weak-public-key"),
    );
    check(&PEM.repeat(100), Err("key-set-too-large"));
}

#[test]
fn every_rule_refuses_a_set() {
    let mut reached: BTreeSet<_> = rows()
        .iter()
        .filter_map(|(_, _, expected)| expected.err())
        .collect();
    // Of PEM only; see `pem_keys`.
    reached.extend(["not-pem", "unsupported-key"]);
    let unreached: Vec<_> = KeySetError::ALL
        .iter()
        .map(KeySetError::reason)
        .filter(|reason| !reached.contains(reason))
        .collect();
    assert!(unreached.is_empty(), "no row for {unreached:?}");
}

#[test]
fn the_thumbprint_is_that_of_rfc_8037() {
    assert_eq!(signing_key().key_id(), KID);
    assert_eq!(
        Jwk::parse(jwk(",\"kid\":\"other\"").as_bytes())
            .unwrap()
            .thumbprint(),
        KID
    );
    assert!(KeySet::from_spki_pem(PEM).unwrap().contains(KID));
}

#[test]
fn our_key_is_written_as_promised_and_read_back() {
    let key = signing_key().public_jwk();
    let plain = format!(
        "{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\",\"kid\":\"{KID}\",\"alg\":\"EdDSA\",\"use\":\"sig\"}}"
    );
    assert_eq!(key.to_json(), plain);
    let edge = key.clone().restricted_to(&TokenType::Assertion);
    assert_eq!(
        edge.to_json(),
        plain.replace('}', ",\"edgeward_typ\":\"edge+jwt\"}")
    );
    for key in [key, edge] {
        assert_eq!(Jwk::parse(key.to_json().as_bytes()).unwrap(), key);
    }
}

#[test]
fn a_set_is_written_and_read_back() {
    let other = edgeward_core::token::SigningKey::from_seed(&[7; 32])
        .unwrap()
        .public_jwk();
    let keys = [
        signing_key().public_jwk(),
        other.clone().restricted_to(&TokenType::Assertion),
    ];
    let set = KeySet::from_keys(keys.clone()).unwrap();
    assert_eq!(KeySet::parse(set.to_json().as_bytes()).unwrap(), set);
    assert_eq!(set.keys().cloned().collect::<Vec<_>>(), keys);
    assert!(set.contains(KID) && set.contains(other.key_id()) && !set.contains("other"));
    assert_eq!(
        KeySet::from_keys([other.clone(), other]),
        Err(KeySetError::DuplicateKeyId)
    );
}

#[test]
fn a_key_of_another_kind_alone_is_unsupported() {
    assert_eq!(
        Jwk::parse(b"{\"kty\":\"EC\"}"),
        Err(KeySetError::UnsupportedKey)
    );
}
