//! One fetch for many requests: who waits, for what and for how long, and work that outlives the request that began it.
//!
//! What is to be done is decided by a state machine of core's; here it is waited for. No request awaits another one's promise,
//! which Workers forbid: it looks again at the state.

use edgeward_core::keys::{FETCH_LEASE_SECONDS, OVERLAP_SECONDS};
use edgeward_core::time::UnixTime;
use js_sys::Promise;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::Context;

use super::{log, platform};

/// The first look at what another request does; each further one waits twice as long.
const FIRST_LOOK_MILLISECONDS: i32 = 2;
/// Because a fetch takes about this long; looking more often costs timers and gains nothing.
const LONGEST_LOOK_MILLISECONDS: i32 = 32;
/// Looks until a visitor is told that there is nothing: about nine seconds.
const MAX_LOOKS: u32 = 288;
const _: () = assert!(
    longest_wait_milliseconds() > FETCH_LEASE_SECONDS * 1_000,
    "who waits for a fetch that died takes it over"
);
const _: () = assert!(
    longest_wait_milliseconds() <= OVERLAP_SECONDS * 1_000,
    "who waited is no sign of a clock that was set back"
);

/// How long a request looks at another one's fetch.
const fn longest_wait_milliseconds() -> i64 {
    let (mut waited, mut look, mut looks) = (0, FIRST_LOOK_MILLISECONDS as i64, 0);
    while looks < MAX_LOOKS {
        waited += look;
        look = if 2 * look < LONGEST_LOOK_MILLISECONDS as i64 {
            2 * look
        } else {
            LONGEST_LOOK_MILLISECONDS as i64
        };
        looks += 1;
    }
    waited
}

/// Looks again and again at what another request does, at first soon and then more and more seldom.
pub(super) struct Looks {
    next: i32,
    longest: i32,
}

impl Looks {
    /// At most so many milliseconds apart.
    pub(super) const fn up_to(longest: i32) -> Self {
        Self {
            next: FIRST_LOOK_MILLISECONDS,
            longest,
        }
    }

    /// Waits until the next one.
    pub(super) async fn pause(&mut self) {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        platform::pause(pause).await;
    }
}

/// Tells the time of a request as it goes on.
pub(super) struct Stopwatch {
    now: UnixTime,
    began: UnixTime,
}

impl Stopwatch {
    pub(super) fn at(now: UnixTime) -> Self {
        Self {
            now,
            began: platform::clock(),
        }
    }

    pub(super) fn now(&self) -> UnixTime {
        self.now.plus(platform::clock().seconds_since(self.began))
    }
}

/// What a request that waits does next.
pub(super) enum Step {
    /// It has what it wants, or nothing better will come.
    Done,
    /// It waits for this fetch of its own, which is fulfilled when it has reported and never rejected.
    Fetches(Promise),
    /// It looks again at another one's.
    Looks,
}

/// Takes step after step until there is nothing to wait for, and tells the time then.
pub(super) async fn wait(now: UnixTime, step: &mut dyn FnMut(UnixTime) -> Step) -> UnixTime {
    let watch = Stopwatch::at(now);
    let mut looks = Looks::up_to(LONGEST_LOOK_MILLISECONDS);
    for _ in 0..MAX_LOOKS {
        match step(watch.now()) {
            Step::Done => break,
            Step::Fetches(reported) => {
                let _ = JsFuture::from(reported).await;
                break;
            }
            Step::Looks => looks.pause().await,
        }
    }
    watch.now()
}

/// Keeps work going when its client has left, because others are looking at its outcome.
pub(super) fn keep_alive(context: &Context, work: &Promise, event: &'static str) {
    if context.as_ref().wait_until(work).is_err() {
        // Then the work ends with the request, and its lease lets another request take it over.
        log::line("warn", event, &[]);
    }
}

/// The same context, for work that outlives the borrow of it.
pub(super) fn again(context: &Context) -> Context {
    let context: &JsValue = context.as_ref().as_ref();
    Context::new(context.clone().unchecked_into())
}
