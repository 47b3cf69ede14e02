//! Attacks on the choice of the key.

use edgeward_core::signature::Finding;
use edgeward_core::token::{Expectations, KeyIdRule, TokenType};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{OK, Row, row};
use crate::forge::*;
use crate::platform::{self, forge_es256, forge_rs256, good_es256, good_rs256, p256, rsa};

pub(super) fn rows() -> Vec<Row> {
    let optional = |expect: &mut Expectations| expect.key_id = KeyIdRule::OptionalForSetOfOne;
    let assertion = |expect: &mut Expectations| expect.token_type = TokenType::Assertion;
    let named = format!(",\"kid\":\"{KID}\"");
    let labelled = |alg: &str| set(&[jwk(&format!("{named},\"alg\":\"{alg}\""))]);
    let restricted = |typ: &str| set(&[jwk(&format!("{named},\"edgeward_typ\":\"{typ}\""))]);
    let x448 = "{\"kty\":\"OKP\",\"crv\":\"X448\",\"kid\":\"x\",\"x\":\"AA\"}".to_owned();
    let es256 = good_es256;
    let curve = || set(&[platform::named(p256)]);
    let nameless = || with_header(header().without("kid"));
    let stranger = || with_header(header().with("kid", "\"other\""));
    let precise = || with_header(header().with("alg", "\"Ed25519\""));
    let asserted = || with_header(header().with("typ", "\"edge+jwt\""));
    vec![
        row("an empty key set", good(), "no-keys").keys("{\"keys\":[]}"),
        row("a set of other keys", good(), "no-keys").keys(&set(std::slice::from_ref(&x448))),
        row("the key is for encryption", good(), "no-keys")
            .keys(&set(&[jwk(&format!("{named},\"use\":\"enc\""))])),
        row("no kid, but optional", nameless(), OK).expecting(optional),
        row("no kid, optional, two keys", nameless(), "kid-missing")
            .keys(&set(&[jwk(&named), jwk(",\"kid\":\"b\"")]))
            .expecting(optional),
        row(
            "no kid, optional, beside a key of another kind",
            nameless(),
            "kid-missing",
        )
        .keys(&set(&[jwk(&named), x448]))
        .expecting(optional),
        row("the wrong kid, though optional", stranger(), "unknown-key").expecting(optional),
        row("any kid for one nameless key", stranger(), OK)
            .keys(&set(&[jwk("")]))
            .expecting(optional),
        row(
            "any kid for one nameless key, but required",
            stranger(),
            "unknown-key",
        )
        .keys(&set(&[jwk("")])),
        row("the thumbprint of a nameless key", good(), OK).keys(&set(&[jwk("")])),
        row("label EdDSA, header EdDSA", good(), OK).keys(&labelled("EdDSA")),
        row("label EdDSA, header Ed25519", precise(), "alg-key-mismatch").keys(&labelled("EdDSA")),
        row("label Ed25519, header Ed25519", precise(), OK).keys(&labelled("Ed25519")),
        row("label Ed25519, header EdDSA", good(), "alg-key-mismatch").keys(&labelled("Ed25519")),
        row("no label, header EdDSA", good(), OK).keys(&set(&[jwk(&named)])),
        row("no label, header Ed25519", precise(), OK).keys(&set(&[jwk(&named)])),
        row(
            "an edge's key makes an access token",
            good(),
            "key-not-for-typ",
        )
        .keys(&restricted("edge+jwt")),
        row(
            "the issuer's key makes an assertion",
            asserted(),
            "key-not-for-typ",
        )
        .expecting(assertion),
        row(
            "the issuer's key makes an assertion, typ by name",
            asserted(),
            "key-not-for-typ",
        )
        .expecting(|expect| expect.token_type = TokenType::Other("Edge+JWT".into())),
        row("an edge's key makes an assertion", asserted(), OK)
            .keys(&restricted("edge+jwt"))
            .expecting(assertion),
        row("a key for another type", good(), "key-not-for-typ").keys(&restricted("logout+jwt")),
        row("a key for this type", good(), OK).keys(&restricted("at+jwt")),
        row("ES256, and nobody to check it", es256(), "alg-not-allowed").keys(&curve()),
        row(
            "RS256, and nobody to check it",
            good_rs256(),
            "alg-not-allowed",
        )
        .keys(&set(&[platform::named(rsa)])),
        row("ES256, and the platform finds it good", es256(), OK)
            .keys(&curve())
            .found(Finding::Valid),
        row(
            "ES256, and the platform finds it bad",
            es256(),
            "signature-invalid",
        )
        .keys(&curve())
        .found(Finding::Invalid),
        row(
            "ES256, and the point is not on the curve",
            es256(),
            "key-refused",
        )
        .keys(&curve())
        .found(Finding::KeyRefused),
        row(
            "ES256, and the only key of P-256 is for encryption",
            es256(),
            "no-keys",
        )
        .keys(&set(&[p256(&format!("{named},\"use\":\"enc\""))]))
        .judged(),
        row(
            "ES256, and the key of P-256 may not verify",
            es256(),
            "unknown-key",
        )
        .keys(&set(&[
            p256(&format!("{named},\"key_ops\":[\"deriveBits\"]")),
            jwk(",\"kid\":\"other\""),
        ]))
        .judged(),
        row(
            "an edge's key of P-256 makes an access token",
            es256(),
            "key-not-for-typ",
        )
        .keys(&set(&[p256(&format!(
            "{named},\"edgeward_typ\":\"edge+jwt\""
        ))]))
        .judged(),
    ]
    .into_iter()
    .chain(labels_against_keys())
    .chain(public_keys_as_secrets())
    .collect()
}

/// Each name of an algorithm against each kind of key and each label that such a key may carry: only the one that belongs
/// together is even tried (RFC 8725 section 3.1).
fn labels_against_keys() -> Vec<Row> {
    type Key = fn(&str) -> String;
    let kinds: [(&str, Key, &[&str]); 3] = [
        ("Ed25519", jwk, &["EdDSA", "Ed25519"]),
        ("P-256", p256, &["ES256"]),
        ("RSA", rsa, &["RS256"]),
    ];
    let mut rows = Vec::new();
    for (kind, key, algorithms) in kinds {
        for label in std::iter::once(None).chain(algorithms.iter().map(Some)) {
            let member = label.map_or(String::new(), |label| format!(",\"alg\":\"{label}\""));
            let keys = set(&[key(&format!(",\"kid\":\"{KID}\"{member}"))]);
            for alg in ["EdDSA", "Ed25519", "ES256", "RS256"] {
                let header = header().with("alg", &format!("\"{alg}\"")).text();
                let token = match alg {
                    "ES256" => forge_es256(header, claims().text()),
                    "RS256" => forge_rs256(header, claims().text()),
                    _ => forge(header, claims().text()),
                };
                let belongs = match label {
                    Some(label) => *label == alg,
                    None => algorithms.contains(&alg),
                };
                let about = format!("alg {alg} with a key {kind} labelled {label:?}");
                let reason = if belongs { OK } else { "alg-key-mismatch" };
                let row = row(about, token, reason).keys(&keys);
                let asks = belongs && kind != "Ed25519";
                rows.push(if asks { row.judged() } else { row });
            }
        }
    }
    rows
}

/// Tokens whose HMAC was made with what everybody knows: the public key in each of its spellings (CVE-2016-10555,
/// CVE-2022-29217, CVE-2026-34950).
fn public_keys_as_secrets() -> Vec<Row> {
    let spki = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let secrets = [
        ("nothing", String::new()),
        ("its PEM", spki.to_owned()),
        ("its PEM and a blank", format!(" {spki}")),
        (
            "its PEM without the last newline",
            spki.trim_end().to_owned(),
        ),
        ("its x", X.to_owned()),
        ("its JSON", jwk("")),
        ("its kid", KID.to_owned()),
    ];
    let mut rows = Vec::new();
    for (about, secret) in secrets {
        for (alg, reason) in [
            ("HS256", "alg-not-allowed"),
            ("EdDSA", "signature-length"),
            ("ES256", "alg-key-mismatch"),
        ] {
            let header = header().with("alg", &format!("\"{alg}\""));
            let input = format!(
                "{}.{}",
                base64url(header.text()),
                base64url(claims().text())
            );
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                .unwrap()
                .chain_update(&input)
                .finalize()
                .into_bytes();
            let token = format!("{input}.{}", base64url(mac));
            rows.push(row(format!("{alg} keyed with {about}"), token, reason));
        }
    }
    rows
}
