//! Counting turns: in this isolate, and by the platform where it has a limiter for the limit.
//!
//! Whoever is over either count is refused. The isolate counts first, because that costs nothing and knows how long to wait; the
//! platform counts for a whole data centre. A limiter that fails or takes too long is told to the log once in an isolate, and
//! then what the isolate counts is all there is.

use std::cell::{Cell, RefCell};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edgeward_core::gate::{Counts, Ruling, Turn};
use edgeward_core::time::Moment;
use js_sys::Reflect;
use wasm_bindgen::JsValue;

use super::request::Inbound;
use super::{log, runtime};

/// What the binding of a limit is called: this, and the limit's name in capitals with `_` for `-`.
const BINDING_PREFIX: &str = "RATE_LIMITER_";

/// How long a limiter may take. Because it is asked in front of every request of its routes, and answers from the same data centre.
const PATIENCE_MILLISECONDS: u32 = 250;

thread_local! {
    static COUNTS: RefCell<Counts> = const { RefCell::new(Counts::new()) };
    static FAILURE_IS_TOLD: Cell<bool> = const { Cell::new(false) };
}

/// Takes the turn in this isolate.
pub(super) fn count(turn: &Turn, now: Moment) -> Ruling {
    COUNTS.with_borrow_mut(|counts| counts.take(turn, now))
}

/// What the platform counts this limit with, if anything is bound.
pub(super) fn limiter(env: &JsValue, turn: &Turn) -> Option<JsValue> {
    let bound = Reflect::get(env, &binding(turn.limit.name()).into()).ok()?;
    (!bound.is_null() && !bound.is_undefined()).then_some(bound)
}

fn binding(limit: &str) -> String {
    let mut name = String::from(BINDING_PREFIX);
    for letter in limit.chars() {
        name.push(match letter {
            '-' => '_',
            other => other.to_ascii_uppercase(),
        });
    }
    name
}

/// Takes the turn at the platform.
pub(super) async fn ask(limiter: &JsValue, turn: &Turn, inbound: &Inbound) -> Ruling {
    let key = Base64UrlUnpadded::encode_string(turn.key.as_bytes());
    match runtime::take_turn(limiter, &key, PATIENCE_MILLISECONDS).await {
        Some(true) => Ruling::Granted,
        // It does not say how long, but after its whole period it grants again.
        Some(false) => Ruling::Refused {
            seconds: turn.limit.within_seconds(),
        },
        None => {
            if !FAILURE_IS_TOLD.replace(true) {
                let [request_id, trace_id] = inbound.names_in_logs();
                let fields = [request_id, trace_id, ("limit", turn.limit.name())];
                log::line("error", "limiter-failed", &fields);
            }
            // This isolate has counted it.
            Ruling::Granted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_one_binding() {
        for (limit, expected) in [
            ("search", "RATE_LIMITER_SEARCH"),
            ("sign-in", "RATE_LIMITER_SIGN_IN"),
            ("a-2", "RATE_LIMITER_A_2"),
        ] {
            assert_eq!(binding(limit), expected);
        }
    }
}
