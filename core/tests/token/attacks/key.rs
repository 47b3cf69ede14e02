//! Attacks on the choice of the key.

use edgeward_core::signature::Finding;
use edgeward_core::token::{Expectations, KeyIdRule, TokenType};

use super::{OK, Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    let optional = |expect: &mut Expectations| expect.key_id = KeyIdRule::OptionalForSetOfOne;
    let assertion = |expect: &mut Expectations| expect.token_type = TokenType::Assertion;
    let named = format!(",\"kid\":\"{KID}\"");
    let labelled = |alg: &str| set(&[jwk(&format!("{named},\"alg\":\"{alg}\""))]);
    let restricted = |typ: &str| set(&[jwk(&format!("{named},\"edgeward_typ\":\"{typ}\""))]);
    let x448 = "{\"kty\":\"OKP\",\"crv\":\"X448\",\"kid\":\"x\",\"x\":\"AA\"}".to_owned();
    let p256 = |kid: &str| {
        format!(
            "{{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"{kid}\",\"x\":\"{X}\",\"y\":\"{X}\"}}"
        )
    };
    let es256 = || with_header(header().with("alg", "\"ES256\""));
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
        row("EdDSA with a key of P-256", good(), "alg-key-mismatch").keys(&set(&[p256(KID)])),
        row("ES256, and nobody to check it", es256(), "alg-not-allowed").keys(&set(&[p256(KID)])),
        row("ES256, and the platform finds it good", es256(), OK)
            .keys(&set(&[p256(KID)]))
            .found(Finding::Valid),
        row(
            "ES256, and the platform finds it bad",
            es256(),
            "signature-invalid",
        )
        .keys(&set(&[p256(KID)]))
        .found(Finding::Invalid),
        row(
            "ES256, and the point is not on the curve",
            es256(),
            "key-refused",
        )
        .keys(&set(&[p256(KID)]))
        .found(Finding::KeyRefused),
    ]
}
