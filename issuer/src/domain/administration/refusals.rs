//! How many of those who ask and are no administrators are written down.

use std::collections::HashSet;

use edgeward_core::time::UnixTime;

use crate::domain::{accounts::UserId, audit::Action};

/// So many entries in a minute, of all users together. The audit log is never cut, and asking costs whoever is signed in nothing;
/// without an end anybody with an account could fill the disk. As many as of the refusals that are events.
const PER_MINUTE: usize = 60;

const MINUTE: i64 = 60;

/// What is written in the present minute, in this process: of each user one refusal of each act.
#[derive(Debug, Default)]
pub struct Refusals {
    minute: i64,
    written: HashSet<(UserId, &'static str)>,
    left_out: u64,
}

/// Whether a refusal is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Noted {
    /// It is, and so many before it were not.
    Write {
        /// How many, of whomever, since the last that was.
        left_out: u64,
    },
    /// It is only counted.
    LeaveOut,
}

impl Refusals {
    /// Judges one refusal. A clock that was set back begins a new minute too.
    pub fn judge(&mut self, user: UserId, act: Action, now: UnixTime) -> Noted {
        let minute = now.seconds().div_euclid(MINUTE);
        if minute != self.minute {
            self.minute = minute;
            self.written.clear();
        }
        if self.written.len() >= PER_MINUTE || !self.written.insert((user, act.name())) {
            self.left_out = self.left_out.saturating_add(1);
            return Noted::LeaveOut;
        }
        let left_out = std::mem::take(&mut self.left_out);
        Noted::Write { left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_user_one_refusal_of_each_act_is_written_in_a_minute() {
        let mut refusals = Refusals::default();
        let at = UnixTime::from_seconds;
        let user = |byte| UserId::from_random(at(0), [byte; 10]);
        let (look, end) = (Action::SearchAccounts, Action::RevokeSession);
        for (who, act, now, expected) in [
            (1, look, 600, Noted::Write { left_out: 0 }),
            (1, look, 600, Noted::LeaveOut),
            (1, look, 659, Noted::LeaveOut),
            (1, end, 659, Noted::Write { left_out: 2 }),
            (2, look, 659, Noted::Write { left_out: 0 }),
            (2, look, 659, Noted::LeaveOut),
            (1, look, 660, Noted::Write { left_out: 1 }),
            // A clock that is set back does not stop it.
            (1, look, 0, Noted::Write { left_out: 0 }),
        ] {
            assert_eq!(refusals.judge(user(who), act, at(now)), expected, "{now}");
        }
        let many =
            (0..200).filter(|byte| refusals.judge(user(*byte), end, at(6_000)) != Noted::LeaveOut);
        assert_eq!(many.count(), PER_MINUTE, "nor have many users no end");
    }
}
