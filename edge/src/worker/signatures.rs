//! Signatures that the platform checks: ES256 and RS256, by WebCrypto.
//!
//! Core asks ([`SignatureQuestion`]), this answers; nothing is decided here. A key is imported once and kept for the life of
//! the isolate. A key that the platform refuses, a point off its curve for example, is remembered as refused. Whatever else
//! goes wrong is an invalid signature.

use std::cell::RefCell;
use std::collections::VecDeque;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edgeward_core::keys::{MAX_KEYS, PlatformKey};
use edgeward_core::signature::{Finding, SignatureAnswer, SignatureQuestion};
use js_sys::{JSON, JsString, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Because the largest key set that is accepted fits, and keys that left it go when others come.
const MAX_IMPORTED_KEYS: usize = MAX_KEYS;

#[wasm_bindgen]
extern "C" {
    /// A key of the platform. It belongs to no request.
    #[derive(Clone)]
    type CryptoKey;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = verify, catch)]
    fn verify(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        message: &[u8],
    ) -> Result<Promise, JsValue>;
}

thread_local! {
    static IMPORTED: RefCell<Imported<Option<CryptoKey>>> = const { RefCell::new(Imported::none()) };
}

/// Has the platform check the signature.
pub(super) async fn answer(question: SignatureQuestion) -> SignatureAnswer {
    let finding = match imported(question.key()).await {
        None => Finding::KeyRefused,
        Some(key) => match is_valid(&key, &question).await {
            Ok(true) => Finding::Valid,
            Ok(false) | Err(_) => Finding::Invalid,
        },
    };
    question.answer(finding)
}

/// The platform's key, `None` if it refuses this one. Two requests may import a key at the same time; the outcome is the same.
async fn imported(key: &PlatformKey) -> Option<CryptoKey> {
    if let Some(known) = IMPORTED.with_borrow(|imported| imported.get(key).cloned()) {
        return known;
    }
    let outcome = import(key).await.ok();
    IMPORTED.with_borrow_mut(|imported| imported.keep(key, outcome.clone()));
    outcome
}

async fn import(key: &PlatformKey) -> Result<CryptoKey, JsValue> {
    let jwk = JSON::parse(&jwk(key))?;
    let usages = js_sys::Array::of1(&JsString::from("verify"));
    let promise = import_key("jwk", &jwk, &algorithm(key)?, false, &usages)?;
    Ok(JsFuture::from(promise).await?.unchecked_into())
}

async fn is_valid(key: &CryptoKey, question: &SignatureQuestion) -> Result<bool, JsValue> {
    let promise = verify(
        &algorithm(question.key())?,
        key,
        question.signature(),
        question.message(),
    )?;
    Ok(JsFuture::from(promise).await?.is_truthy())
}

/// The algorithm of a key's kind, for import and for verification alike: each kind has one here.
fn algorithm(key: &PlatformKey) -> Result<JsValue, JsValue> {
    JSON::parse(match key {
        PlatformKey::P256 { .. } => r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#,
        PlatformKey::Rsa { .. } => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
    })
}

/// The key as a JWK (RFC 7518, section 6) without anything that is not needed.
fn jwk(key: &PlatformKey) -> String {
    let number = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    match key {
        PlatformKey::P256 { x, y } => {
            let (x, y) = (number(x), number(y));
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
        }
        PlatformKey::Rsa { modulus, exponent } => {
            let (n, e) = (number(modulus), number(exponent));
            format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#)
        }
    }
}

/// What became of the keys that the platform was given. A key is found by its numbers, never by a name.
struct Imported<T> {
    /// The oldest first.
    keys: VecDeque<(PlatformKey, T)>,
}

impl<T> Imported<T> {
    const fn none() -> Self {
        Self {
            keys: VecDeque::new(),
        }
    }

    fn get(&self, key: &PlatformKey) -> Option<&T> {
        let (_, outcome) = self.keys.iter().find(|(known, _)| known == key)?;
        Some(outcome)
    }

    fn keep(&mut self, key: &PlatformKey, outcome: T) {
        if self.get(key).is_some() {
            return;
        }
        if self.keys.len() >= MAX_IMPORTED_KEYS {
            self.keys.pop_front();
        }
        self.keys.push_back((key.clone(), outcome));
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
    fn a_key_is_found_by_its_numbers_and_kept_once() {
        let mut imported = Imported::none();
        imported.keep(&point(1), "first");
        imported.keep(&point(1), "again");
        imported.keep(&point(2), "second");
        assert_eq!(imported.get(&point(1)), Some(&"first"));
        assert_eq!(imported.get(&point(2)), Some(&"second"));
        assert_eq!(imported.get(&point(3)), None);
        assert_eq!(imported.keys.len(), 2);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut imported = Imported::none();
        for first in 0..=100 {
            imported.keep(&point(first), first);
        }
        assert_eq!(imported.keys.len(), MAX_IMPORTED_KEYS);
        assert_eq!(imported.get(&point(0)), None);
        assert_eq!(imported.get(&point(1)), Some(&1));
        assert_eq!(imported.get(&point(100)), Some(&100));
    }

    #[test]
    fn keys_are_handed_over_in_the_form_that_the_platform_reads() {
        assert_eq!(
            jwk(&PlatformKey::P256 {
                x: [0; 32],
                y: [255; 32]
            }),
            "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\
             \"y\":\"__________________________________________8\"}"
        );
        assert_eq!(
            jwk(&PlatformKey::Rsa {
                modulus: vec![0xfb, 0xff],
                exponent: vec![1, 0, 1]
            }),
            "{\"kty\":\"RSA\",\"n\":\"-_8\",\"e\":\"AQAB\"}"
        );
    }
}
