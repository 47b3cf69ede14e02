//! The issuer's key set: fetched from the issuer, kept for the isolate.
//!
//! When to fetch and how long a set counts is decided in `key_cache.rs`; here it is done. A set that is redirected, too
//! large, unreadable or empty is a failure and never takes the place of a good one.

use std::cell::RefCell;
use std::rc::Rc;

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestCache, RequestInit,
    RequestRedirect, Response,
};
use worker::Context;

use super::config::Settings;
use super::key_cache::{Advice, Current, KeyCache, Wanted};
use super::log;
use super::outbound;
use super::platform;

/// The address of the key set at the issuer.
const KEY_SET_PATH: &str = "/.well-known/jwks.json";
/// Because a set of the hundred keys that core accepts is smaller, and nobody should fill an isolate's memory.
const MAX_KEY_SET_BYTES: usize = 64 * 1024;
/// Because a visitor waits for it on a cold isolate. Shorter than the lease of the fetch in `key_cache.rs`.
const FETCH_TIMEOUT_MILLISECONDS: u32 = 5_000;
/// The first look at another request's fetch; each further one waits twice as long.
const FIRST_LOOK_MILLISECONDS: i32 = 2;
/// Because a fetch takes about this long; looking more often costs timers and gains nothing.
const LONGEST_LOOK_MILLISECONDS: i32 = 32;
/// Looks until the other fetch must have ended: about [`FETCH_TIMEOUT_MILLISECONDS`] in all.
const MAX_LOOKS: u32 = 160;

thread_local! {
    static CACHE: RefCell<KeyCache<KeySet>> = const { RefCell::new(KeyCache::empty()) };
}

/// What a fetch of keys is done for, and with.
#[derive(Clone)]
pub(super) struct Errand {
    /// Where the issuer is.
    pub(super) settings: Rc<Settings>,
    /// The request that caused it, for both logs.
    pub(super) request_id: String,
    /// The time of that request.
    pub(super) now: UnixTime,
}

/// The set to judge with, if one is at hand.
pub(super) fn current(now: UnixTime) -> Option<Current<KeySet>> {
    CACHE.with_borrow(|cache| cache.current(now))
}

/// The best set that can be had for a request that could not be judged with `had`. It waits for at most one fetch.
pub(super) async fn obtain(
    errand: &Errand,
    had: Option<&Current<KeySet>>,
    context: &Context,
) -> Option<Current<KeySet>> {
    let wanted = had.map_or(Wanted::AnySet, |current| {
        Wanted::NewerThan(current.generation)
    });
    let mut look = FIRST_LOOK_MILLISECONDS;
    for _ in 0..MAX_LOOKS {
        match CACHE.with_borrow_mut(|cache| cache.advise(wanted, errand.now)) {
            Advice::Use(current) => return Some(current),
            Advice::Settle => break,
            Advice::Fetch => {
                let promise = fetch_into_cache(errand.clone());
                // It goes on even if this client leaves: others are looking at its outcome.
                keep_alive(context, &promise);
                // The promise is this request's own and is never rejected.
                let _ = JsFuture::from(promise).await;
                break;
            }
            Advice::Wait => {
                platform::pause(look).await;
                look = look.saturating_mul(2).min(LONGEST_LOOK_MILLISECONDS);
            }
        }
    }
    current(errand.now)
}

/// Refreshes a set that has become old, behind the request.
pub(super) fn refresh_behind(errand: &Errand, context: &Context) {
    if CACHE.with_borrow_mut(|cache| cache.claim_refresh(errand.now)) {
        keep_alive(context, &fetch_into_cache(errand.clone()));
    }
}

fn keep_alive(context: &Context, promise: &Promise) {
    if context.as_ref().wait_until(promise).is_err() {
        // Then the work ends with the request, and its lease lets another request take it over.
        log::line("warn", "keys-not-kept-alive", &[]);
    }
}

fn fetch_into_cache(errand: Errand) -> Promise {
    future_to_promise(async move {
        match fetch(&errand).await {
            Ok(set) => CACHE.with_borrow_mut(|cache| cache.loaded(set, errand.now)),
            Err(failure) => {
                CACHE.with_borrow_mut(|cache| cache.failed(errand.now, platform::lot()));
                log::line(
                    "warn",
                    "keys-not-loaded",
                    &[
                        ("requestId", &errand.request_id),
                        ("reason", failure.reason()),
                    ],
                );
            }
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Why no set could be loaded.
enum Failure {
    NotSent,
    Unreachable,
    Status,
    TooLarge,
    Broken,
    Refused,
    Empty,
}

impl Failure {
    const fn reason(&self) -> &'static str {
        match self {
            Self::NotSent => "request-not-made",
            Self::Unreachable => "issuer-unreachable",
            Self::Status => "status-not-200",
            Self::TooLarge => "set-too-large",
            Self::Broken => "body-broke-off",
            Self::Refused => "set-not-acceptable",
            Self::Empty => "set-empty",
        }
    }
}

async fn fetch(errand: &Errand) -> Result<KeySet, Failure> {
    let request = key_set_request(errand).map_err(|_| Failure::NotSent)?;
    let response = platform::fetch(&request)
        .await
        .map_err(|_| Failure::Unreachable)?;
    // A redirect is not followed: whoever can redirect could name any keys.
    if response.status() != 200 {
        return Err(Failure::Status);
    }
    let body = read_limited(&response).await?;
    let set = KeySet::parse(&body).map_err(|_| Failure::Refused)?;
    if set.is_empty() {
        Err(Failure::Empty)
    } else {
        Ok(set)
    }
}

fn key_set_request(errand: &Errand) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/jwk-set+json, application/json")?;
    let init = RequestInit::new();
    init.set_method("GET");
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    // A set from the platform's own cache could be older than the key that is looked for.
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(
        FETCH_TIMEOUT_MILLISECONDS,
    )));
    let url = format!("{}{KEY_SET_PATH}", errand.settings.issuer_upstream);
    let request = Request::new_with_str_and_init(&url, &init)?;
    let own = outbound::proof_headers(
        &errand.settings,
        "GET",
        KEY_SET_PATH,
        None,
        &errand.request_id,
        errand.now,
    )
    .map_err(|_| JsValue::UNDEFINED)?;
    for (name, value) in own {
        request.headers().set(name, &value)?;
    }
    Ok(request)
}

async fn read_limited(response: &Response) -> Result<Vec<u8>, Failure> {
    let Some(body) = response.body() else {
        return Ok(Vec::new());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut read = Vec::new();
    loop {
        let step = JsFuture::from(reader.read())
            .await
            .map_err(|_| Failure::Broken)?;
        let done = Reflect::get(&step, &"done".into()).map_err(|_| Failure::Broken)?;
        if done.is_truthy() {
            return Ok(read);
        }
        let chunk = Reflect::get(&step, &"value".into()).map_err(|_| Failure::Broken)?;
        let chunk: Uint8Array = chunk.dyn_into().map_err(|_| Failure::Broken)?;
        let length = usize::try_from(chunk.length()).map_err(|_| Failure::TooLarge)?;
        if read.len().saturating_add(length) > MAX_KEY_SET_BYTES {
            // Tells the runtime to stop; whether it listens changes nothing here.
            let _ = reader.cancel();
            return Err(Failure::TooLarge);
        }
        read.extend_from_slice(&chunk.to_vec());
    }
}
