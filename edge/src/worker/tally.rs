//! What this isolate counts, and what of it the issuer was told.

use std::cell::Cell;

use edgeward_core::csrf::CsrfAnswer;
use edgeward_core::gate::Decision;
use edgeward_core::tally::{Counted, Tally};

use super::request::Inbound;

thread_local! {
    static COUNTED: Cell<Tally> = const { Cell::new(Tally::NONE) };
    static TOLD: Cell<Tally> = const { Cell::new(Tally::NONE) };
}

/// What stood there when a question was asked: told as soon as it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot(Tally);

impl Snapshot {
    /// As it is now.
    pub(super) fn take() -> Self {
        Self(COUNTED.get())
    }

    /// What the issuer was not told yet, for [`edgeward_core::tally::TALLY_HEADER`].
    pub(super) fn untold(&self) -> Option<String> {
        self.0.since(&TOLD.get()).to_text()
    }

    /// The issuer has it.
    pub(super) fn was_told(self) {
        TOLD.set(self.0);
    }
}

/// Adds so many.
pub(super) fn add(what: Counted, many: u32) {
    let mut counted = COUNTED.get();
    counted.add(what, many);
    COUNTED.set(counted);
}

/// How many since the isolate started.
pub(super) fn count(what: Counted) -> u32 {
    COUNTED.get().get(what)
}

/// Counts what a request comes to. Nothing, if more has to be brought for it.
pub(super) fn decided(decision: &Decision) {
    let what = match decision {
        Decision::Forward(_) => Counted::Passed,
        Decision::Answer(_) | Decision::AnswerPreflight(_) => Counted::Answered,
        Decision::Redirect(_) => Counted::Redirected,
        Decision::Refuse(refusal) => match refusal.status {
            401 => Counted::Unauthenticated,
            403 => Counted::Forbidden,
            429 => Counted::Limited,
            500.. => Counted::Failed,
            _ => Counted::Refused,
        },
        Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_) => return,
    };
    add(what, 1);
}

/// Counts that the key set was at hand, if the request may have an access token: whether it has one is the gate's to judge.
pub(super) fn keys_at_hand(inbound: &Inbound, access_cookie: &str) {
    let has_cookie = |sent: &str| sent.contains(access_cookie);
    if inbound.header("authorization").is_some() || inbound.header("cookie").is_some_and(has_cookie)
    {
        add(Counted::KeysAtHand, 1);
    }
}

/// Counts what was found about a CSRF token. Where the keys for it could not be had, or the form was not read, it was not judged.
pub(super) fn csrf(answer: &CsrfAnswer) {
    match answer.is_good() {
        Some(true) => add(Counted::CsrfValid, 1),
        Some(false) => add(Counted::CsrfInvalid, 1),
        None => {}
    }
}
