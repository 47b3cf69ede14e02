//! The package's wasm in a real browser engine: what crosses the boundary, and in which shape.
//!
//! Which tokens are good is the business of the core's own tests; here stand the crossings: text in, JSON or
//! `{ code, reason }` out, keys replaced or kept.
#![cfg(all(target_arch = "wasm32", feature = "js"))]
#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics fails, which is what it is for"
)]

use edgeward_core::reject::Reject;
use edgeward_core::token::{SigningKey, TokenType};
use edgeward_edge::js::{Outcomes, Question, Verifier};
use js_sys::{Array, Function, JSON, Object, Reflect};
use serde_json::{Value, json};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://app.example";
const NOW: f64 = 1_800_000_000.0;

/// The token that the interop suite shows to jose.
const CORE_SIGNED: &str = include_str!("../../tests/js/interop/core_signed.json");
/// The front's list of codes.
const ERRORS_TS: &str = include_str!("../js/src/errors.ts");

fn key() -> SigningKey {
    key_of(7)
}

fn key_of(octet: u8) -> SigningKey {
    SigningKey::from_seed(&[octet; 32]).expect("not all zeros")
}

fn key_set(key: &SigningKey) -> Vec<u8> {
    json!({ "keys": [key.public_jwk()] })
        .to_string()
        .into_bytes()
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": 1_800_000_000, "exp": 1_800_000_600 })
}

fn token(key: &SigningKey, claims: &Value) -> String {
    key.sign(&TokenType::Access, claims)
        .expect("claims are an object")
}

/// Answers as plain values.
fn outcomes() -> Outcomes {
    let made = Object::new();
    for (name, parameters, body) in [
        (
            "accepted",
            "claims, from, until",
            "return [claims, from, until]",
        ),
        ("asked", "keyNumber, signedBytes", "return signedBytes"),
        ("refused", "code, reason", "return { code, reason }"),
    ] {
        let function = Function::new_with_args(parameters, body);
        Reflect::set(&made, &name.into(), &function).expect("an object of our own");
    }
    made.unchecked_into()
}

fn verifier_for(audiences: Option<Vec<String>>) -> Verifier {
    Verifier::new(ISSUER.into(), audiences, "at+jwt", 60, false, outcomes())
}

fn verifier_without_keys() -> Verifier {
    verifier_for(Some(vec![AUDIENCE.into()]))
}

fn verify(verifier: &Verifier, token: &str, now: f64) -> Result<JsValue, JsValue> {
    verifier.verify(&mut Question::new(), token.as_bytes(), now)
}

fn verifier() -> Verifier {
    let mut verifier = verifier_without_keys();
    verifier
        .use_key_set(&key_set(&key()))
        .expect("a key set of one good key");
    verifier
}

/// The members of a refusal; anything but exactly `{ code, reason }` fails the test.
fn refused<T>(result: Result<T, JsValue>) -> (String, String) {
    let refusal = result.err().expect("a refusal");
    let text = String::from(JSON::stringify(&refusal).expect("a plain object"));
    let members: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        members.as_object().map(serde_json::Map::len),
        Some(2),
        "{text}"
    );
    let member = |name: &str| {
        Reflect::get(&refusal, &name.into())
            .expect("a member")
            .as_string()
            .expect("text")
    };
    (member("code"), member("reason"))
}

#[wasm_bindgen_test]
fn a_good_token_comes_back_as_json_claims_and_its_time() {
    let check = |claims: Value, from: f64, until: f64| {
        let said = verify(&verifier(), &token(&key(), &claims), NOW)
            .map_err(|_| "refused")
            .expect("a good token");
        let said: Array = said.dyn_into().expect("an array");
        let text = said.get(0).as_string().expect("text");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), claims);
        assert_eq!(said.get(1).as_f64(), Some(from));
        assert_eq!(said.get(2).as_f64(), Some(until));
        assert_eq!(said.length(), 3);
    };
    check(claims(), NOW - 60.0, NOW + 660.0);
    // A clock that stands at the beginning of time is in no token's time.
    let mut ageless = claims();
    ageless.as_object_mut().expect("an object").remove("iat");
    check(ageless, 1.0, NOW + 660.0);
}

#[wasm_bindgen_test]
fn a_refusal_is_an_object_with_code_and_reason() {
    let good = token(&key(), &claims());
    let check = |token: &str, now: f64, code: &str| {
        let (said, reason) = refused(verify(&verifier(), token, now));
        assert_eq!(said, code, "{reason}");
        assert!(
            reason.chars().all(|letter| letter.is_ascii_lowercase()
                || letter.is_ascii_digit()
                || letter == '-'),
            "{reason}"
        );
    };
    check(&good, NOW + 661.0, "TOKEN_EXPIRED");
    check(&good, NOW - 3_600.0, "TOKEN_NOT_YET_VALID");
    check(&good[..good.len() - 1], NOW, "INVALID_TOKEN");
    check("", NOW, "INVALID_TOKEN");
    check("\u{0}.\u{feff}.é", NOW, "INVALID_TOKEN");
    check(&token(&key_of(8), &claims()), NOW, "UNKNOWN_KEY");
}

#[wasm_bindgen_test]
fn a_clock_that_does_not_run_expires_every_token() {
    let good = token(&key(), &claims());
    for now in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        assert_eq!(
            refused(verify(&verifier(), &good, now)).0,
            "TOKEN_EXPIRED",
            "{now}"
        );
    }
}

#[wasm_bindgen_test]
fn every_single_bit_of_a_token_counts() {
    let good = token(&key(), &claims());
    let verifier = verifier();
    for position in 0..good.len() {
        let mut octets = good.clone().into_bytes();
        octets[position] ^= 1;
        // Every octet of a token is ASCII and stays so under a change of the lowest bit.
        let changed = String::from_utf8(octets).expect("ASCII");
        assert!(
            verify(&verifier, &changed, NOW).is_err(),
            "accepted a change at {position}"
        );
    }
}

#[wasm_bindgen_test]
fn without_keys_nothing_passes() {
    assert_eq!(
        refused(verify(
            &verifier_without_keys(),
            &token(&key(), &claims()),
            NOW
        ))
        .0,
        "KEYS_UNAVAILABLE"
    );
}

#[wasm_bindgen_test]
fn a_bad_key_set_leaves_the_one_before_in_force() {
    let mut verifier = verifier();
    for bad in [
        &b""[..],
        b"{",
        b"[]",
        br#"{"keys":[]}"#,
        br#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#,
        b"\xff\xfe",
    ] {
        assert_eq!(refused(verifier.use_key_set(bad)).0, "KEYS_UNAVAILABLE");
    }
    assert!(verify(&verifier, &token(&key(), &claims()), NOW).is_ok());

    let next = key_of(8);
    assert_eq!(verifier.use_key_set(&key_set(&key())).ok(), Some(false));
    assert_eq!(verifier.use_key_set(&key_set(&next)).ok(), Some(true));
    assert!(verify(&verifier, &token(&next, &claims()), NOW).is_ok());
    assert_eq!(
        refused(verify(&verifier, &token(&key(), &claims()), NOW)).0,
        "UNKNOWN_KEY"
    );
}

#[wasm_bindgen_test]
fn what_is_no_public_key_in_pem_is_refused() {
    for bad in [
        "",
        "ssh-ed25519 AAAA",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    ] {
        assert_eq!(
            refused(verifier_without_keys().use_public_key(bad)).0,
            "KEYS_UNAVAILABLE",
            "{bad}"
        );
    }
}

#[wasm_bindgen_test]
fn audiences_are_unchecked_only_without_a_list() {
    let elsewhere = token(
        &key(),
        &json!({ "iss": ISSUER, "aud": "elsewhere", "sub": "ada", "iat": 1_800_000_000, "exp": 1_800_000_600 }),
    );
    assert_eq!(
        refused(verify(&verifier(), &elsewhere, NOW)).0,
        "INVALID_TOKEN"
    );

    let mut unchecked = verifier_for(None);
    unchecked
        .use_key_set(&key_set(&key()))
        .expect("a key set of one good key");
    assert!(verify(&unchecked, &elsewhere, NOW).is_ok());
}

#[wasm_bindgen_test]
fn the_token_shown_to_jose_is_what_the_core_signs() {
    let vector: Value = serde_json::from_str(CORE_SIGNED).expect("JSON");
    let claims = &vector["claims"];
    let made = json!({ "claims": claims, "jwks": { "keys": [key().public_jwk()] }, "token": token(&key(), claims) });
    assert_eq!(
        vector, made,
        "tests/js/interop/core_signed.json should be:\n{made:#}"
    );
}

#[wasm_bindgen_test]
fn the_front_knows_every_code_of_the_core() {
    for reject in Reject::ALL {
        let code = reject.code();
        assert!(
            ERRORS_TS.contains(&format!("| \"{code}\"")),
            "edge/js/src/errors.ts does not list {code}"
        );
    }
}
