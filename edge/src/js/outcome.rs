//! What JavaScript gets for a token: `[claims, from, until]`, or a plain object `{ code, reason }` that is thrown.
//!
//! A refusal never carries token bytes, a key or anything else that came from outside.

use edgeward_core::reject::Reject;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Claims, Expectations};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;

/// Clocks that show this second or an earlier one do not run: a Worker's global scope reads 1970, and under that time no
/// token would ever expire.
const CLOCK_STANDS: f64 = 0.0;

/// The claims as the issuer wrote them, and the seconds from and until which the token's time holds, the leeway included.
#[expect(
    clippy::cast_precision_loss,
    reason = "the times of a token end with the year 9999, far below 2⁵³"
)]
pub(super) fn accepted(claims: &Claims, expect: &Expectations) -> JsValue {
    let lifetime = claims.lifetime(expect.leeway_seconds);
    let from = (lifetime.start.seconds() as f64).max(CLOCK_STANDS + 1.0);
    let until = lifetime.end.seconds() as f64;
    Array::of3(&claims.as_signed().into(), &from.into(), &until.into()).into()
}

/// The refusal of a token.
pub(super) fn rejected(reject: Reject) -> JsValue {
    refusal(reject.code(), reject.reason())
}

/// An object with the stable public code and the precise reason.
pub(super) fn refusal(code: &str, reason: &str) -> JsValue {
    let object = Object::new();
    for (name, value) in [("code", code), ("reason", reason)] {
        // Writing to an object made a line above fails only if the engine is out of memory, which stops it anyway.
        let _written = Reflect::set(&object, &name.into(), &value.into());
    }
    object.into()
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
