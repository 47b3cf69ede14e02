//! What JavaScript gets instead of claims: a plain object `{ code, reason }`.
//!
//! It never carries token bytes, a key or anything else that came from outside.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// An object with the stable public code and the precise reason.
pub(super) fn refusal(code: &str, reason: &str) -> JsValue {
    let object = Object::new();
    for (name, value) in [("code", code), ("reason", reason)] {
        // Writing to an object made a line above fails only if the engine is out of memory, which stops it anyway.
        let _written = Reflect::set(&object, &name.into(), &value.into());
    }
    object.into()
}
