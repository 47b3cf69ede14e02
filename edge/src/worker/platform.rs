//! The runtime's own abilities, each behind one small function: time, randomness, fetch, timers, the log.
//!
//! This is the only place of the Worker that has a clock or a source of chance; everything else gets values.

use edgeward_core::time::UnixTime;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response, WorkerGlobalScope};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> String;

    #[wasm_bindgen(js_namespace = console, js_name = log)]
    fn console_log(line: &str);

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &js_sys::Function, milliseconds: i32) -> JsValue;
}

/// A random UUID (version 4), 122 bits from the runtime's secure source.
pub(super) fn unique_id() -> String {
    random_uuid()
}

/// One line of the log. The caller has made sure that nothing secret is in it.
pub(super) fn log(line: &str) {
    console_log(line);
}

/// Seconds since the epoch. In Workers the clock stands still between IO, so this is asked once per request.
pub(super) fn clock() -> UnixTime {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds of this age of the world fit, and `as` saturates"
    )]
    let seconds = (js_sys::Date::now() / 1000.0).floor() as i64;
    UnixTime::from_seconds(seconds)
}

/// A random byte that spreads retries; nothing secret depends on it.
pub(super) fn lot() -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the product lies in 0..256, and `as` saturates"
    )]
    let lot = (js_sys::Math::random() * 256.0) as u8;
    lot
}

/// Sends a request.
///
/// # Errors
/// Whatever the runtime throws: the host is unreachable, the connection broke, the request's time is over.
pub(super) async fn fetch(request: &Request) -> Result<Response, JsValue> {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    JsFuture::from(scope.fetch_with_request(request))
        .await?
        .dyn_into()
}

/// Waits on a timer of this request.
pub(super) async fn pause(milliseconds: i32) {
    let timer = js_sys::Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, milliseconds);
    });
    // A timer's promise is never rejected.
    let _ = JsFuture::from(timer).await;
}
