//! What an edge counted, on its way to the issuer, whose metrics add it up.
//!
//! Nobody can ask a Worker for its numbers: there are many isolates, and each is gone without notice. So an isolate tells what it
//! counted with its next question for ended sessions, in one header. It is told at least once: where the answer is lost it is
//! told again. The issuer adds up what an edge says that proved itself, and never refuses a question for what it says there.

use alloc::string::String;
use core::fmt::Write as _;

/// The header of the question: `name=number`, separated by `;`, without those that are zero.
pub const TALLY_HEADER: &str = "edgeward-counts";

/// Longer than every name with the largest number.
const MAX_TEXT_BYTES: usize = 512;

macro_rules! counted {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counted { $($(#[$doc])* $variant,)* }

        impl Counted {
            /// Each of them, in the order of their numbers.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in the header.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

counted! {
    /// Requests that were let on to the app or the issuer, whatever these answered.
    Passed = "passed",
    /// Requests that the gate answered itself: verify-token, preflights.
    Answered = "answered",
    /// People who were led to another page.
    Redirected = "redirected",
    /// Requests refused with 401.
    Unauthenticated = "unauthenticated",
    /// Requests refused with 403.
    Forbidden = "forbidden",
    /// Requests refused with 429.
    Limited = "limited",
    /// Requests refused with another status below 500.
    Refused = "refused",
    /// Requests that could not be judged.
    Failed = "failed",
    /// Requests that passed without current knowledge of ended sessions.
    Unconfirmed = "unconfirmed",
    /// Requests with an access token whose key was at hand, or would have been.
    KeysAtHand = "keys-at-hand",
    /// Requests with an access token for which a key set, or a newer one, had to be looked for.
    KeysAwaited = "keys-awaited",
    /// Milliseconds that these waited.
    KeyWait = "key-wait-ms",
    /// CSRF tokens that were good.
    CsrfValid = "csrf-valid",
    /// CSRF tokens that were not, or were missing.
    CsrfInvalid = "csrf-invalid",
}

/// Numbers of all that is [`Counted`]. None of them overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([u32; Counted::ALL.len()]);

impl Tally {
    /// Nothing was counted.
    pub const NONE: Self = Self([0; Counted::ALL.len()]);

    /// Adds so many.
    pub fn add(&mut self, what: Counted, many: u32) {
        if let Some(number) = self.0.get_mut(what as usize) {
            *number = number.saturating_add(many);
        }
    }

    /// How many.
    #[must_use]
    pub fn get(&self, what: Counted) -> u32 {
        self.0.get(what as usize).copied().unwrap_or(0)
    }

    /// What was counted since `told`.
    #[must_use]
    pub fn since(mut self, told: &Self) -> Self {
        for (number, told) in self.0.iter_mut().zip(told.0) {
            *number = number.saturating_sub(told);
        }
        self
    }

    /// For the header; `None` if there is nothing to tell.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let mut text = String::new();
        for what in Counted::ALL {
            let number = self.get(what);
            if number > 0 {
                let separator = if text.is_empty() { "" } else { ";" };
                // Writing into a String does not fail.
                let _ = write!(text, "{separator}{}={number}", what.name());
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// Reads the header. What a newer edge counts and this program does not know is left out; `None` if it is not of this form.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let mut tally = Self::NONE;
        for part in text.split(';') {
            let (name, number) = part.split_once('=')?;
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let number = number.parse().ok().filter(|_| is_number)?;
            if let Some(what) = Counted::ALL.into_iter().find(|what| what.name() == name) {
                tally.add(what, number);
            }
        }
        Some(tally)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut tally = Tally::NONE;
        assert_eq!(tally.to_text(), None);
        for (what, many) in Counted::ALL.into_iter().zip(1..) {
            tally.add(what, many);
        }
        tally.add(Counted::Passed, u32::MAX);
        let text = tally.to_text().unwrap();
        assert!(text.starts_with("passed=4294967295;answered=2;"), "{text}");
        assert_eq!(Tally::read(&text), Some(tally));
        let all = Tally([u32::MAX; Counted::ALL.len()]);
        let text = all.to_text().unwrap();
        assert!(text.len() <= MAX_TEXT_BYTES);
        assert_eq!(Tally::read(&text), Some(all));
    }

    #[test]
    fn names_differ_and_stand_in_order() {
        let mut names: Vec<_> = Counted::ALL.map(Counted::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Counted::ALL.len());
        for (place, what) in Counted::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, place);
        }
    }

    #[test]
    fn only_what_was_not_told_is_left() {
        let (mut now, mut told) = (Tally::NONE, Tally::NONE);
        now.add(Counted::Passed, 5);
        told.add(Counted::Passed, 3);
        told.add(Counted::Failed, 1);
        assert_eq!(now.since(&told).to_text().as_deref(), Some("passed=2"));
    }

    #[test]
    fn what_others_write() {
        for (text, passed) in [
            ("passed=3", Some(3)),
            ("passed=3;passed=4", Some(7)),
            ("passed=0", Some(0)),
            ("new-thing=9;passed=1", Some(1)),
            ("", None),
            ("passed", None),
            ("passed=", None),
            ("passed=+3", None),
            ("passed=-3", None),
            ("passed=3;", None),
            ("passed=4294967296", None),
            ("passed= 3", None),
            ("passed=3.5", None),
        ] {
            let read = Tally::read(text).map(|tally| tally.get(Counted::Passed));
            assert_eq!(read, passed, "{text}");
        }
        let long = "passed=1;".repeat(60) + "passed=1";
        assert_eq!(Tally::read(&long), None);
    }
}
