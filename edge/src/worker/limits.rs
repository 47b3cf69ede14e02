//! Counting turns: in this isolate, and by the platform where it has a limiter for the limit.
//!
//! Whoever is over either count is refused. The isolate counts first, because that costs nothing and knows how long to wait; the
//! platform counts for a whole data centre. A limiter that fails or takes too long is told to the log once in an isolate, and
//! then what the isolate counts is all there is.

use std::cell::RefCell;

use edgeward_core::gate::{Counts, Ruling, Turn};
use edgeward_core::time::Moment;
use wasm_bindgen::JsValue;

use super::runtime;

/// How long a limiter may take. Because it is asked in front of every request of its routes, and answers from the same data centre.
const PATIENCE_MILLISECONDS: u32 = 250;

thread_local! {
    static COUNTS: RefCell<Counts> = const { RefCell::new(Counts::new()) };
}

/// The turn that whoever asks the issuer for something takes before, where there is one.
pub(super) struct Toll {
    /// Of which limit, and whose.
    pub(super) turn: Option<Turn>,
    /// Where the platform's limiters are.
    pub(super) env: JsValue,
}

impl Toll {
    /// After how many seconds there is a turn again, if this isolate has none left.
    pub(super) fn refused_here(&self, now: Moment) -> Option<u32> {
        seconds(count(self.turn.as_ref()?, now))
    }

    /// The same by the platform's count, where it has one.
    pub(super) async fn refused_by_platform(&self) -> Option<u32> {
        let turn = self.turn.as_ref()?;
        if !platform_counts(&self.env, turn) {
            return None;
        }
        seconds(ask_platform(&self.env, turn).await)
    }
}

fn seconds(ruling: Ruling) -> Option<u32> {
    match ruling {
        Ruling::Granted => None,
        Ruling::Refused { seconds } => Some(seconds),
    }
}

/// Takes the turn in this isolate.
pub(super) fn count(turn: &Turn, now: Moment) -> Ruling {
    COUNTS.with_borrow_mut(|counts| counts.take(turn, now))
}

/// Whether the platform counts this limit too.
pub(super) fn platform_counts(env: &JsValue, turn: &Turn) -> bool {
    runtime::has_limiter(env, turn.limit.name())
}

/// Takes the turn at the platform.
pub(super) async fn ask_platform(env: &JsValue, turn: &Turn) -> Ruling {
    let (name, key) = (turn.limit.name(), turn.key.octets());
    if runtime::take_turn(env, name, &key, PATIENCE_MILLISECONDS).await {
        return Ruling::Granted;
    }
    // It does not say how long, but after its whole period it grants again.
    Ruling::Refused {
        seconds: turn.limit.within_seconds(),
    }
}
