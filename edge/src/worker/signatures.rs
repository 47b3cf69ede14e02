//! Signatures that the platform checks: ES256 and RS256, by WebCrypto.
//!
//! Core asks ([`SignatureQuestion`]), this answers; nothing is decided here. A key is imported once and kept for the life of
//! the isolate. A key that the platform refuses, a point off its curve for example, is remembered as refused. A failure that
//! says nothing of the key says nothing of the token either, and the next one under it has it tried again. Whatever else goes
//! wrong is an invalid signature.

use std::cell::RefCell;

use edgeward_core::keys::PlatformKey;
use edgeward_core::signature::{Finding, SignatureAnswer, SignatureQuestion};
use js_sys::{JSON, JsString, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::known_keys::KnownKeys;

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
    /// `None` for a key that the platform refused.
    static IMPORTED: RefCell<KnownKeys<Option<CryptoKey>>> = const { RefCell::new(KnownKeys::none()) };
}

/// Has the platform check the signature.
pub(super) async fn answer(question: SignatureQuestion) -> SignatureAnswer {
    let finding = match imported(question.key()).await {
        Err(finding) => finding,
        Ok(key) => match is_valid(&key, &question).await {
            Ok(true) => Finding::Valid,
            Ok(false) | Err(_) => Finding::Invalid,
        },
    };
    question.answer(finding)
}

/// The platform's key, or why there is none. Two requests may import a key at the same time; the outcome is the same.
async fn imported(key: &PlatformKey) -> Result<CryptoKey, Finding> {
    let known = IMPORTED.with_borrow(|imported| imported.get(key).cloned());
    let outcome = match known {
        Some(known) => known,
        None => {
            let outcome = match import(key).await {
                Ok(imported) => Some(imported),
                Err(error) if is_about_the_key(&name_of(&error)) => None,
                Err(_) => return Err(Finding::NotChecked),
            };
            IMPORTED.with_borrow_mut(|imported| imported.keep(key, outcome.clone()));
            outcome
        }
    };
    outcome.ok_or(Finding::KeyRefused)
}

async fn import(key: &PlatformKey) -> Result<CryptoKey, JsValue> {
    let jwk = JSON::parse(&key.to_jwk())?;
    let usages = js_sys::Array::of1(&JsString::from("verify"));
    let promise = import_key("jwk", &jwk, &algorithm(key)?, false, &usages)?;
    Ok(JsFuture::from(promise).await?.unchecked_into())
}

/// The name of what was thrown, empty if it has none.
fn name_of(error: &JsValue) -> String {
    let name = Reflect::get(error, &"name".into()).ok();
    name.and_then(|name| name.as_string()).unwrap_or_default()
}

/// Whether an import that failed under this name would fail again. WebCrypto has
/// `DataError` for a key that is none and `NotSupportedError` for a kind that the platform lacks; workerd says
/// `OperationError` to a point off its curve and to an RSA exponent that it does not take. Everything else, a `TypeError` or an
/// error without a name for example, is about the moment and not about the key.
fn is_about_the_key(name: &str) -> bool {
    matches!(name, "DataError" | "NotSupportedError" | "OperationError")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_key_is_blamed_for_is_remembered() {
        for (name, about_the_key) in [
            ("DataError", true),
            ("NotSupportedError", true),
            ("OperationError", true),
            ("TypeError", false),
            ("QuotaExceededError", false),
            ("AbortError", false),
            ("Error", false),
            ("", false),
        ] {
            assert_eq!(is_about_the_key(name), about_the_key, "{name}");
        }
    }
}
