//! A signature that the JavaScript side has WebCrypto check: the open question, and the numbers of keys.

use std::cell::{Cell, RefCell};

use edgeward_core::keys::PlatformKey;
use edgeward_core::signature::SignatureQuestion;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::known_keys::KnownKeys;

/// Room for one question. It is used again and again, because an object that JavaScript must give back costs more to make
/// than the rest of the crossing. Nothing is shared between two of them, so answers cannot be mixed up.
#[wasm_bindgen]
#[derive(Default)]
pub struct Question {
    pub(super) open: Option<Box<SignatureQuestion>>,
}

#[wasm_bindgen]
impl Question {
    /// Room without a question.
    #[must_use]
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The key that is asked about as a JWK, `undefined` if nothing is asked.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.open.as_ref().map(|question| question.key().to_jwk())
    }
}

/// Numbers for keys.
pub(super) struct KeyNumbers {
    known: RefCell<KnownKeys<u32>>,
    next: Cell<u32>,
}

impl KeyNumbers {
    /// No key has a number.
    pub(super) const fn none() -> Self {
        Self {
            known: RefCell::new(KnownKeys::none()),
            next: Cell::new(0),
        }
    }

    /// The number of this key, a new one if it has none. No number is given twice before four thousand million.
    pub(super) fn of(&self, key: &PlatformKey) -> u32 {
        let mut known = self.known.borrow_mut();
        if let Some(number) = known.get(key) {
            return *number;
        }
        let number = self.next.replace(self.next.get().wrapping_add(1));
        known.keep(key, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_keys::tests::point;

    #[test]
    fn a_key_keeps_its_number_and_shares_it_with_no_other() {
        let numbers = KeyNumbers::none();
        assert_eq!(numbers.of(&point(1)), 0);
        assert_eq!(numbers.of(&point(2)), 1);
        assert_eq!(numbers.of(&point(1)), 0);
        assert_eq!(numbers.of(&point(3)), 2);
    }

    #[test]
    fn the_oldest_goes_and_its_number_does_not_come_back() {
        let numbers = KeyNumbers::none();
        for first in 0..=100 {
            assert_eq!(numbers.of(&point(first)), u32::from(first));
        }
        assert_eq!(numbers.of(&point(1)), 1);
        assert_eq!(numbers.of(&point(0)), 101);
    }
}
