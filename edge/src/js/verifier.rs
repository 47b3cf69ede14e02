//! One issuer's tokens, judged with the keys at hand.

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, KeyIdRule, TokenType, verify};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::refusal::refusal;

/// Keys and expectations. A key set that is not acceptable leaves the one before it in force.
#[wasm_bindgen]
pub struct Verifier {
    keys: Option<KeySet>,
    expect: Expectations,
}

#[wasm_bindgen]
impl Verifier {
    /// `audiences`: `undefined` turns the audience check off. `token_type`: the `typ` to insist on.
    #[wasm_bindgen(constructor)]
    pub fn new(
        issuer: String,
        audiences: Option<Vec<String>>,
        token_type: &str,
        leeway_seconds: u32,
    ) -> Self {
        let audiences = audiences.map_or(Audiences::Unchecked, Audiences::OneOf);
        let mut expect = Expectations::new(issuer, audiences, token_type_named(token_type));
        expect.leeway_seconds = i64::from(leeway_seconds);
        Self { keys: None, expect }
    }

    /// Lets tokens without a `kid` pass as long as the set holds one key (RFC 7515 §4.1.4 makes `kid` optional).
    #[wasm_bindgen(js_name = keyIdOptional)]
    pub fn key_id_optional(&mut self) {
        self.expect.key_id = KeyIdRule::OptionalForSetOfOne;
    }

    /// Replaces the keys by a key set (RFC 7517 §5, UTF-8 JSON).
    ///
    /// # Errors
    /// `{ code: "KEYS_UNAVAILABLE", reason }` when the set is not acceptable or holds no key of use.
    #[wasm_bindgen(js_name = useKeySet)]
    pub fn use_key_set(&mut self, json: &[u8]) -> Result<(), JsValue> {
        let keys =
            KeySet::parse(json).map_err(|error| refusal(KEYS_UNAVAILABLE, error.reason()))?;
        if keys.is_empty() {
            return Err(refusal(KEYS_UNAVAILABLE, "key-set-without-usable-key"));
        }
        self.keys = Some(keys);
        Ok(())
    }

    /// Replaces the keys by one public key, a SubjectPublicKeyInfo in PEM (RFC 7468 §13).
    ///
    /// # Errors
    /// `{ code: "KEYS_UNAVAILABLE", reason }` when it is not such a key.
    #[wasm_bindgen(js_name = usePublicKey)]
    pub fn use_public_key(&mut self, pem: &str) -> Result<(), JsValue> {
        let keys = KeySet::from_spki_pem(pem)
            .map_err(|error| refusal(KEYS_UNAVAILABLE, error.reason()))?;
        self.keys = Some(keys);
        Ok(())
    }

    /// The claims of an acceptable token as JSON text. `now_seconds`: seconds since the epoch.
    ///
    /// # Errors
    /// `{ code, reason }`, see `Reject` in the core.
    pub fn verify(&self, token: &str, now_seconds: f64) -> Result<String, JsValue> {
        let Some(keys) = &self.keys else {
            return Err(refusal(KEYS_UNAVAILABLE, "keys-not-loaded"));
        };
        match verify(token, keys, &self.expect, instant(now_seconds)) {
            Ok(verified) => Ok(verified.claims().to_json()),
            Err(reject) => Err(refusal(reject.code(), reject.reason())),
        }
    }
}

const KEYS_UNAVAILABLE: &str = "KEYS_UNAVAILABLE";

/// A clock that does not run counts as the end of time, so that every token is expired: a Worker's global scope reads
/// 1970, and under that time no token would ever expire.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, and fractions of a second decide nothing"
)]
fn instant(now_seconds: f64) -> UnixTime {
    UnixTime::from_seconds(if now_seconds >= 1.0 {
        now_seconds as i64
    } else {
        i64::MAX
    })
}

fn token_type_named(name: &str) -> TokenType {
    match name {
        "at+jwt" => TokenType::Access,
        "edge+jwt" => TokenType::Assertion,
        "edge-proof+jwt" => TokenType::EdgeProof,
        other => TokenType::Other(other.into()),
    }
}
