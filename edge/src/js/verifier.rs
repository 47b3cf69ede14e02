//! One issuer's tokens, judged with the keys at hand.

use std::rc::Rc;

use edgeward_core::keys::KeySet;
use edgeward_core::token::{
    Audiences, Expectations, KeyIdRule, TokenType, Unverified, verified_claims,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::outcome::{accepted, instant, refusal, rejected};
use super::question::{KeyNumbers, Question};

/// Keys and expectations. A key set that is not acceptable leaves the one before it in force.
#[wasm_bindgen]
pub struct Verifier {
    keys: Option<Rc<KeySet>>,
    expect: Rc<Expectations>,
    key_numbers: KeyNumbers,
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
        Self {
            keys: None,
            expect: Rc::new(expect),
            key_numbers: KeyNumbers::default(),
        }
    }

    /// Lets tokens without a `kid` pass as long as the set holds one key (RFC 7515 §4.1.4 makes `kid` optional).
    #[wasm_bindgen(js_name = keyIdOptional)]
    pub fn key_id_optional(&mut self) {
        Rc::make_mut(&mut self.expect).key_id = KeyIdRule::OptionalForSetOfOne;
    }

    /// Replaces the keys by a key set (RFC 7517 §5, UTF-8 JSON). `true` if it accepts other tokens than the one before.
    ///
    /// # Errors
    /// `{ code: "KEYS_UNAVAILABLE", reason }` when the set is not acceptable or holds no key of use.
    #[wasm_bindgen(js_name = useKeySet)]
    pub fn use_key_set(&mut self, json: &[u8]) -> Result<bool, JsValue> {
        let mut keys =
            KeySet::parse(json).map_err(|error| refusal(KEYS_UNAVAILABLE, error.reason()))?;
        if keys.is_empty() {
            return Err(refusal(KEYS_UNAVAILABLE, "key-set-without-usable-key"));
        }
        if let Some(before) = &self.keys {
            keys.adopt(before);
        }
        let is_another = self
            .keys
            .as_ref()
            .is_none_or(|before| before.fingerprint() != keys.fingerprint());
        self.keys = Some(Rc::new(keys));
        Ok(is_another)
    }

    /// Replaces the keys by one public key, a SubjectPublicKeyInfo in PEM (RFC 7468 §13).
    ///
    /// # Errors
    /// `{ code: "KEYS_UNAVAILABLE", reason }` when it is not such a key.
    #[wasm_bindgen(js_name = usePublicKey)]
    pub fn use_public_key(&mut self, pem: &str) -> Result<(), JsValue> {
        let keys = KeySet::from_spki_pem(pem)
            .map_err(|error| refusal(KEYS_UNAVAILABLE, error.reason()))?;
        self.keys = Some(Rc::new(keys));
        Ok(())
    }

    /// Judges a token: its claims as JSON text with the seconds from and until which its time holds, or the question about
    /// its signature. `now_seconds`: seconds since the epoch.
    ///
    /// # Errors
    /// `{ code, reason }`, see `Reject` in the core.
    #[wasm_bindgen(
        unchecked_return_type = "[claims: string, from: number, until: number] | Question"
    )]
    pub fn verify(&self, token: &str, now_seconds: f64) -> Result<JsValue, JsValue> {
        let Some(keys) = &self.keys else {
            return Err(refusal(KEYS_UNAVAILABLE, "keys-not-loaded"));
        };
        match verified_claims(token, keys, &self.expect, None, instant(now_seconds)) {
            Ok(claims) => Ok(accepted(&claims, &self.expect)),
            Err(Unverified::Rejected(reject)) => Err(rejected(reject)),
            Err(Unverified::NeedsSignature(question)) => Ok(Question {
                token: token.into(),
                keys: Rc::clone(keys),
                expect: Rc::clone(&self.expect),
                key_number: self.key_numbers.of(question.key()),
                question: *question,
            }
            .into()),
        }
    }
}

const KEYS_UNAVAILABLE: &str = "KEYS_UNAVAILABLE";

fn token_type_named(name: &str) -> TokenType {
    match name {
        "at+jwt" => TokenType::Access,
        "edge+jwt" => TokenType::Assertion,
        "edge-proof+jwt" => TokenType::EdgeProof,
        other => TokenType::Other(other.into()),
    }
}
