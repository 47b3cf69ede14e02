//! The runtime's own abilities, each behind one small function: time, randomness, fetch, the cache, timers, the log.
//!
//! This is the only place of the Worker that reads a clock or draws lots; everything else gets values. `runtime.js` has timers besides, and the
//! line of a limiter that fails.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use edgeward_core::time::{Moment, UnixTime};
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Request, Response, WorkerGlobalScope};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);

    #[wasm_bindgen(js_namespace = console, js_name = log)]
    fn console_log(line: &str);

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &js_sys::Function, milliseconds: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);

    /// A cache of the platform.
    type Cache;

    // Each may throw where there is no cache.
    #[wasm_bindgen(js_namespace = caches, js_name = open, catch)]
    fn open_cache(name: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = match, catch)]
    fn look_up(this: &Cache, url: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, js_name = put, catch)]
    fn put(this: &Cache, url: &str, response: &Response) -> Result<Promise, JsValue>;
}

/// Fills the bytes from the runtime's secure source.
pub(super) fn draw(bytes: &mut [u8]) {
    get_random_values(bytes);
}

/// One line of the log. The caller has made sure that nothing secret is in it.
pub(super) fn log(line: &str) {
    console_log(line);
}

/// Seconds since the epoch.
pub(super) fn clock() -> UnixTime {
    moment().time()
}

/// Milliseconds since the epoch. In Workers the clock stands still between IO, so this is asked when a request comes, and after each wait.
pub(super) fn moment() -> Moment {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds of this age of the world fit, and `as` saturates"
    )]
    let milliseconds = js_sys::Date::now().floor() as i64;
    Moment::from_milliseconds(milliseconds)
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

/// What the platform's cache of this name holds under this address.
///
/// # Errors
/// There is no cache, or it failed.
pub(super) async fn cached(name: &str, url: &str) -> Result<Option<Response>, JsValue> {
    let found = JsFuture::from(cache(name).await?.look_up(url)?).await?;
    if found.is_undefined() {
        Ok(None)
    } else {
        found.dyn_into().map(Some)
    }
}

/// Puts a response into the platform's cache of this name, for as long as its headers say.
///
/// # Errors
/// There is no cache, or it failed.
pub(super) async fn keep_cached(name: &str, url: &str, response: &Response) -> Result<(), JsValue> {
    JsFuture::from(cache(name).await?.put(url, response)?).await?;
    Ok(())
}

async fn cache(name: &str) -> Result<Cache, JsValue> {
    Ok(JsFuture::from(open_cache(name)?).await?.unchecked_into())
}

/// Waits on a timer of this request.
pub(super) async fn pause(milliseconds: i32) {
    // A timer's promise is never rejected.
    let _ = JsFuture::from(Timer::start(milliseconds).rings).await;
}

/// Begins work. The promise is fulfilled when it is done, and never rejected.
pub(super) fn begin(work: impl Future<Output = ()> + 'static) -> Promise {
    begin_boxed(Box::pin(work))
}

/// Apart, because what makes a promise of a future is a few hundred bytes for each kind of one.
fn begin_boxed(work: Pin<Box<dyn Future<Output = ()>>>) -> Promise {
    future_to_promise(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    })
}

/// What `work` comes to, unless it takes longer than this. Then it is left alone; whoever can, should stop it.
pub(super) async fn within<T: 'static>(
    milliseconds: i32,
    work: impl Future<Output = T> + 'static,
) -> Option<T> {
    let outcome = Rc::new(Cell::new(None));
    let place = Rc::clone(&outcome);
    let work = begin(async move { place.set(Some(work.await)) });
    wait_for(&work, milliseconds).await;
    outcome.take()
}

/// Waits until a promise of this request's own is fulfilled, and not longer than this. It must be one that is never rejected.
pub(super) async fn wait_for(promise: &Promise, milliseconds: i32) {
    let timer = Timer::start(milliseconds);
    // A timer's promise is never rejected either.
    let _ = JsFuture::from(Promise::race(&Array::of2(promise, &timer.rings))).await;
    clear_timeout(&timer.handle);
}

struct Timer {
    handle: JsValue,
    rings: Promise,
}

impl Timer {
    fn start(milliseconds: i32) -> Self {
        let mut handle = JsValue::UNDEFINED;
        let rings = Promise::new(&mut |resolve, _| {
            handle = set_timeout(&resolve, milliseconds);
        });
        Self { handle, rings }
    }
}
