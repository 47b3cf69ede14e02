//! What JavaScript gets for a token, made by functions that it brought itself: one crossing hands over numbers and text, and
//! needs no object that both sides know.
//!
//! A refusal never carries token bytes, a key or anything else that came from outside.

use edgeward_core::reject::Reject;
use edgeward_core::signature::SignatureQuestion;
use edgeward_core::time::UnixTime;
use edgeward_core::token::ClaimsText;
use wasm_bindgen::prelude::*;

/// Clocks that show this second or an earlier one do not run: a Worker's global scope reads 1970, and under that time no
/// token would ever expire.
const CLOCK_STANDS: f64 = 0.0;

#[wasm_bindgen(typescript_custom_section)]
const OUTCOMES: &str = r"
/** How answers look on this side. What they return is handed on; they must not throw. */
export interface Outcomes {
  /** The token is good: its claims as JSON text, and the seconds from and until which its time holds. */
  accepted(claims: string, from: number, until: number): unknown;
  /**
   * Nothing is wrong so far: the number of the key, how many bytes of the token were signed, and the signature as
   * WebCrypto takes it, in memory that may move with the next call.
   */
  asked(keyNumber: number, signedBytes: number, signature: Uint8Array): unknown;
  /** What is thrown. */
  refused(code: string, reason: string): unknown;
}
";

#[wasm_bindgen]
extern "C" {
    /// How answers look in JavaScript.
    #[wasm_bindgen(typescript_type = "Outcomes")]
    pub type Outcomes;

    #[wasm_bindgen(method)]
    fn accepted(this: &Outcomes, claims: &str, from: f64, until: f64) -> JsValue;

    #[wasm_bindgen(method)]
    fn asked(this: &Outcomes, key_number: u32, signed_bytes: u32, signature: &[u8]) -> JsValue;

    #[wasm_bindgen(method)]
    fn refused(this: &Outcomes, code: &str, reason: &str) -> JsValue;
}

impl Outcomes {
    /// The claims as the issuer wrote them, and the seconds from and until which the token's time holds, the leeway included.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the times of a token end with the year 9999, far below 2⁵³"
    )]
    pub(super) fn good(&self, claims: &ClaimsText) -> JsValue {
        let lifetime = claims.lifetime();
        let from = (lifetime.start.seconds() as f64).max(CLOCK_STANDS + 1.0);
        let until = lifetime.end.seconds() as f64;
        self.accepted(claims.as_signed(), from, until)
    }

    /// What the platform is to check.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a token is at most 8 KiB long"
    )]
    pub(super) fn question(&self, question: &SignatureQuestion, key_number: u32) -> JsValue {
        let signed_bytes = question.message().len() as u32;
        self.asked(key_number, signed_bytes, question.signature())
    }

    /// The refusal of a token.
    pub(super) fn rejected(&self, reject: Reject) -> JsValue {
        self.refused(reject.code(), reject.reason())
    }

    /// The refusal of a key set or of a public key.
    pub(super) fn without_keys(&self, reason: &str) -> JsValue {
        self.refused("KEYS_UNAVAILABLE", reason)
    }
}

/// A clock that does not run counts as the end of time, so that every token is expired.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, and fractions of a second decide nothing"
)]
pub(super) fn instant(now_seconds: f64) -> UnixTime {
    UnixTime::from_seconds(if now_seconds >= CLOCK_STANDS + 1.0 {
        now_seconds as i64
    } else {
        i64::MAX
    })
}
