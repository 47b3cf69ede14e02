//! A signature that the JavaScript side has WebCrypto check: the question, and how the token fares with the answer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use edgeward_core::keys::{KeySet, MAX_KEYS, PlatformKey};
use edgeward_core::signature::{Finding, SignatureQuestion};
use edgeward_core::token::{Expectations, Unverified, verified_claims};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::outcome::{accepted, instant, refusal, rejected};

/// Nothing is wrong with the token so far. It is judged to its end under the keys it was begun with.
#[wasm_bindgen]
pub struct Question {
    pub(super) token: String,
    pub(super) keys: Rc<KeySet>,
    pub(super) expect: Rc<Expectations>,
    pub(super) question: SignatureQuestion,
    pub(super) key_number: u32,
}

#[wasm_bindgen]
impl Question {
    /// `ES256` or `RS256`.
    #[must_use]
    pub fn algorithm(&self) -> String {
        self.question.algorithm().name().into()
    }

    /// The same for the same key as long as the verifier lives, so that a key needs to be imported once only.
    #[must_use]
    #[wasm_bindgen(js_name = keyNumber)]
    pub fn key_number(&self) -> u32 {
        self.key_number
    }

    /// The key as a JWK.
    #[must_use]
    pub fn key(&self) -> String {
        self.question.key().to_jwk()
    }

    /// What was signed.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        self.question.message().to_vec()
    }

    /// In the form that WebCrypto takes.
    #[must_use]
    pub fn signature(&self) -> Vec<u8> {
        self.question.signature().to_vec()
    }

    /// Judges the token to its end. `is_valid`: what WebCrypto says of the signature, `undefined` if it does not take the key.
    ///
    /// # Errors
    /// `{ code, reason }`, see `Reject` in the core.
    #[wasm_bindgen(unchecked_return_type = "[claims: string, from: number, until: number]")]
    pub fn settle(self, is_valid: Option<bool>, now_seconds: f64) -> Result<JsValue, JsValue> {
        let finding = match is_valid {
            Some(true) => Finding::Valid,
            Some(false) => Finding::Invalid,
            None => Finding::KeyRefused,
        };
        let answer = self.question.answer(finding);
        match verified_claims(
            &self.token,
            &self.keys,
            &self.expect,
            Some(&answer),
            instant(now_seconds),
        ) {
            Ok(claims) => Ok(accepted(&claims, &self.expect)),
            Err(Unverified::Rejected(reject)) => Err(rejected(reject)),
            // The same token, keys and expectations ask the same question, so this does not come about.
            Err(Unverified::NeedsSignature(_)) => Err(refusal("INVALID_TOKEN", "asked-twice")),
        }
    }
}

/// Numbers for keys. A key is known by its own numbers, never by a name, which another key could bear tomorrow.
#[derive(Default)]
pub(super) struct KeyNumbers {
    /// The oldest first; what has to go, goes in this order.
    known: RefCell<VecDeque<(u32, PlatformKey)>>,
}

impl KeyNumbers {
    /// The number of this key, a new one if it has none. No number is given twice before four thousand million.
    pub(super) fn of(&self, key: &PlatformKey) -> u32 {
        let mut known = self.known.borrow_mut();
        if let Some((number, _)) = known.iter().find(|(_, other)| other == key) {
            return *number;
        }
        let number = known.back().map_or(0, |(last, _)| last.wrapping_add(1));
        // The largest set that is accepted fits, and keys that left it go when others come.
        if known.len() >= MAX_KEYS {
            known.pop_front();
        }
        known.push_back((number, key.clone()));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(first: u8) -> PlatformKey {
        let mut x = [0; 32];
        x[0] = first;
        PlatformKey::P256 { x, y: [0; 32] }
    }

    #[test]
    fn a_key_keeps_its_number_and_shares_it_with_no_other() {
        let numbers = KeyNumbers::default();
        assert_eq!(numbers.of(&point(1)), 0);
        assert_eq!(numbers.of(&point(2)), 1);
        assert_eq!(numbers.of(&point(1)), 0);
        assert_eq!(numbers.of(&point(3)), 2);
    }

    #[test]
    fn the_oldest_goes_and_its_number_does_not_come_back() {
        let numbers = KeyNumbers::default();
        for first in 0..=100 {
            assert_eq!(numbers.of(&point(first)), u32::from(first));
        }
        assert_eq!(numbers.known.borrow().len(), MAX_KEYS);
        assert_eq!(numbers.of(&point(1)), 1);
        assert_eq!(numbers.of(&point(0)), 101);
    }
}
