//! What happens to the instance when something in it panics.
//!
//! Its memory may be in any state then, so it is given up as a whole, and the next call from JavaScript starts another. The glue of
//! wasm-bindgen does both; here it is told to.

use std::panic;

use wasm_bindgen::handler::{schedule_reinit, set_on_abort};
use wasm_bindgen::prelude::*;

use super::log;

#[wasm_bindgen(start, private)]
fn begin() {
    panic::set_hook(Box::new(|info| {
        // Where, and not what: the message may quote the request.
        let at = info.location().map(ToString::to_string);
        log::line("error", "panicked", &[("at", at.as_deref().unwrap_or(""))]);
    }));
    set_on_abort(schedule_reinit);
}

/// The entry that worker-build makes, which `edge/worker.mjs` goes past, asks for this when it is loaded.
#[wasm_bindgen(js_name = "__worker_init_state")]
#[expect(
    unreachable_pub,
    reason = "it is reached from JavaScript, and wasm-bindgen exports what is public"
)]
pub fn state_of_entry() -> js_sys::Object {
    js_sys::Object::new()
}
