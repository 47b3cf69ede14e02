//! How many refusals of strangers are written down.

use std::collections::BTreeMap;

use edgeward_core::time::UnixTime;

use super::EventType;

/// Of one kind in one minute. A refusal costs its sender nothing and a row costs a synced write, so without an end whoever
/// sends forged requests would fill the disk. One a second shows an attack as well as a thousand; the metrics count all.
const PER_MINUTE: u32 = 60;

const MINUTE: i64 = 60;

/// What is written of each kind in the present minute, in this process.
#[derive(Debug, Default)]
pub struct Quota {
    minute: i64,
    kinds: BTreeMap<EventType, Written>,
}

#[derive(Debug, Default)]
struct Written {
    this_minute: u32,
    left_out: u64,
}

/// Whether a refusal is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ruling {
    /// It is, and so many of its kind before it were not.
    Write {
        /// How many, since the last that was.
        left_out: u64,
    },
    /// It is only counted.
    LeaveOut,
}

impl Quota {
    /// Judges one refusal. A clock that was set back begins a new minute too.
    pub fn judge(&mut self, kind: EventType, now: UnixTime) -> Ruling {
        let minute = now.seconds().div_euclid(MINUTE);
        if minute != self.minute {
            self.minute = minute;
            for written in self.kinds.values_mut() {
                written.this_minute = 0;
            }
        }
        let written = self.kinds.entry(kind).or_default();
        if written.this_minute >= PER_MINUTE {
            written.left_out = written.left_out.saturating_add(1);
            return Ruling::LeaveOut;
        }
        written.this_minute = written.this_minute.saturating_add(1);
        let left_out = std::mem::take(&mut written.left_out);
        Ruling::Write { left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_is_cut_and_told_and_hides_no_other() {
        let mut quota = Quota::default();
        let at = UnixTime::from_seconds;
        let (csrf, proof) = (EventType::CsrfRefused, EventType::EdgeProofRefused);
        let written = (0..1000).filter(|_| quota.judge(csrf, at(600)) != Ruling::LeaveOut);
        assert_eq!(written.count(), 60);
        assert_eq!(quota.judge(csrf, at(659)), Ruling::LeaveOut);
        assert_eq!(quota.judge(proof, at(659)), Ruling::Write { left_out: 0 });
        assert_eq!(quota.judge(csrf, at(660)), Ruling::Write { left_out: 941 });
        assert_eq!(quota.judge(csrf, at(660)), Ruling::Write { left_out: 0 });
        // A clock that is set back does not stop it.
        assert_eq!(quota.judge(csrf, at(0)), Ruling::Write { left_out: 0 });
    }
}
