//! One issuer's tokens, judged with the keys at hand.

use edgeward_core::keys::{KeySet, NO_USABLE_KEY};
use edgeward_core::reject::Reject;
use edgeward_core::signature::Finding;
use edgeward_core::token::{
    Audiences, Expectations, KeyIdRule, TokenType, Unverified, settled_claims, verified_claims,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::outcome::{Outcomes, instant};
use super::question::{KeyNumbers, Question};

/// Keys and expectations. A key set that is not acceptable leaves the one before it in force.
#[wasm_bindgen]
pub struct Verifier {
    keys: Option<KeySet>,
    expect: Expectations,
    key_numbers: KeyNumbers,
    outcomes: Outcomes,
}

#[wasm_bindgen]
impl Verifier {
    /// `audiences`: `undefined` turns the audience check off. `token_type`: the `typ` to insist on. `key_id_optional` lets
    /// tokens without a `kid` pass as long as the set holds one key (RFC 7515 §4.1.4 makes `kid` optional).
    #[wasm_bindgen(constructor)]
    pub fn new(
        issuer: String,
        audiences: Option<Vec<String>>,
        token_type: &str,
        leeway_seconds: u32,
        key_id_optional: bool,
        outcomes: Outcomes,
    ) -> Self {
        let audiences = audiences.map_or(Audiences::Unchecked, Audiences::OneOf);
        let mut expect = Expectations::new(issuer, audiences, TokenType::named(token_type));
        expect.leeway_seconds = i64::from(leeway_seconds);
        if key_id_optional {
            expect.key_id = KeyIdRule::OptionalForSetOfOne;
        }
        Self {
            keys: None,
            expect,
            key_numbers: KeyNumbers::none(),
            outcomes,
        }
    }

    /// Replaces the keys by a key set (RFC 7517 §5, UTF-8 JSON). `true` if it accepts other tokens than the one before.
    ///
    /// # Errors
    /// What `Outcomes` makes of a set that is not acceptable or holds no key of use.
    #[wasm_bindgen(js_name = useKeySet)]
    pub fn use_key_set(&mut self, json: &[u8]) -> Result<bool, JsValue> {
        let mut keys =
            KeySet::parse(json).map_err(|error| self.outcomes.without_keys(error.reason()))?;
        if keys.is_empty() {
            return Err(self.outcomes.without_keys(NO_USABLE_KEY));
        }
        if let Some(before) = &self.keys {
            keys.adopt(before);
        }
        let is_another = self
            .keys
            .as_ref()
            .is_none_or(|before| before.fingerprint() != keys.fingerprint());
        self.keys = Some(keys);
        Ok(is_another)
    }

    /// Replaces the keys by one public key, a SubjectPublicKeyInfo in PEM (RFC 7468 §13).
    ///
    /// # Errors
    /// What `Outcomes` makes of anything else.
    #[wasm_bindgen(js_name = usePublicKey)]
    pub fn use_public_key(&mut self, pem: &str) -> Result<(), JsValue> {
        let keys = KeySet::from_spki_pem(pem)
            .map_err(|error| self.outcomes.without_keys(error.reason()))?;
        self.keys = Some(keys);
        Ok(())
    }

    /// Judges a token, given in UTF-8: it is accepted, or `question` is open and asked. `now_seconds`: seconds since the epoch.
    ///
    /// # Errors
    /// What `Outcomes` makes of a refusal, see `Reject` in the core.
    pub fn verify(
        &self,
        question: &mut Question,
        token: &[u8],
        now_seconds: f64,
    ) -> Result<JsValue, JsValue> {
        question.open = None;
        let keys = self
            .keys
            .as_ref()
            .ok_or_else(|| self.outcomes.without_keys("keys-not-loaded"))?;
        let token =
            str::from_utf8(token).map_err(|_| self.outcomes.rejected(Reject::NotBase64Url))?;
        match verified_claims(token, keys, &self.expect, None, instant(now_seconds)) {
            Ok(claims) => Ok(self.outcomes.good(&claims)),
            Err(Unverified::Rejected(reject)) => Err(self.outcomes.rejected(reject)),
            Err(Unverified::NeedsSignature(asked)) => {
                let key_number = self.key_numbers.of(asked.key());
                let answer = self.outcomes.question(&asked, key_number);
                question.open = Some(asked);
                Ok(answer)
            }
        }
    }

    /// Judges the token of a question to its end, under the keys and expectations that it was begun with. `is_valid`: what
    /// WebCrypto says of the signature, `undefined` if it does not take the key.
    ///
    /// # Errors
    /// What `Outcomes` makes of a refusal. Without an open question the signature counts as bad.
    pub fn settle(
        &self,
        question: &mut Question,
        is_valid: Option<bool>,
        now_seconds: f64,
    ) -> Result<JsValue, JsValue> {
        let finding = match is_valid {
            Some(true) => Finding::Valid,
            Some(false) => Finding::Invalid,
            None => Finding::KeyRefused,
        };
        let claims = question
            .open
            .take()
            .ok_or(Reject::SignatureInvalid)
            .and_then(|asked| settled_claims(*asked, finding, instant(now_seconds)))
            .map_err(|reject| self.outcomes.rejected(reject))?;
        Ok(self.outcomes.good(&claims))
    }
}
