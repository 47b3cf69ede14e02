//! What a genuine token gets, from the family as it was read and the moment of the request. Nothing is read or written.
//!
//! Generations are told apart by `seq` and by digests, never by time: two rotations may fall into one millisecond, and
//! clocks are set back. Time only decides how long the token before the current one is still answered.

use super::token::Genuine;
use crate::{
    config::{OnChange, Refresh},
    domain::{
        moment::Moment,
        session::{AddressRange, DeviceMark, Family, RevocationReason},
    },
};

const MILLIS: i64 = 1000;

/// How a spent token came back. The name in the audit log is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// The token before the current one, after its successor had come into use.
    ParentLate,
    /// The token before the current one, from another device than the one that used it.
    ParentOtherDevice,
    /// An older one.
    Older,
}

impl Reuse {
    /// The name in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParentLate => "parent-late",
            Self::ParentOtherDevice => "parent-other-device",
            Self::Older => "older",
        }
    }
}

/// A genuine token in a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) text: &'a str,
    pub(super) token: &'a Genuine,
    pub(super) device: &'a DeviceMark,
    pub(super) address: &'a AddressRange,
    pub(super) at: Moment,
}

/// What a genuine token gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Verdict {
    /// It is the current one.
    Rotate,
    /// Another request rotated a moment ago.
    InProgress,
    /// It is the one before, whose holder may have lost the answer: the same successor once more.
    HandOut,
    /// It was spent before.
    Reused(Reuse),
    /// Its family has ended, or the row is from another history of the database than the token.
    Dead,
}

/// Judges a genuine token by its family.
pub(super) fn judge(family: &Family, presented: Presented<'_>, rules: &Refresh) -> Verdict {
    let Presented {
        token, device, at, ..
    } = presented;
    if !family.is_live(at.time()) {
        return Verdict::Dead;
    }
    if token.seq == family.seq && token.digest == family.current {
        return Verdict::Rotate;
    }
    if token.seq >= family.seq {
        // Genuine, but not known here: the database was restored from an older copy. That proves no theft.
        return Verdict::Dead;
    }
    if Some(token.digest) != family.previous {
        return Verdict::Reused(Reuse::Older);
    }
    judge_parent(family, device, at, rules)
}

/// Judges a token anew after a compare-and-swap was lost by what the winner wrote. At the first reading it was one that
/// is answered, so nothing that came between makes a thief of its holder: who is too late now is told to come back.
pub(super) fn judge_again(family: &Family, presented: Presented<'_>, rules: &Refresh) -> Verdict {
    match judge(family, presented, rules) {
        Verdict::Reused(_) => Verdict::InProgress,
        verdict @ (Verdict::Rotate | Verdict::InProgress | Verdict::HandOut | Verdict::Dead) => {
            verdict
        }
    }
}

fn judge_parent(family: &Family, device: &DeviceMark, at: Moment, rules: &Refresh) -> Verdict {
    let age = at.millis_since(family.rotated_at);
    let conflict = rules.conflict_seconds * MILLIS;
    if rules.strict {
        return if age <= conflict {
            Verdict::InProgress
        } else {
            Verdict::Reused(Reuse::ParentLate)
        };
    }
    // A clock that was set back far must not keep a client waiting until it has caught up.
    if age.saturating_abs() <= conflict {
        return Verdict::InProgress;
    }
    if !family.device.is_of(device) {
        return Verdict::Reused(Reuse::ParentOtherDevice);
    }
    let since_handed_out = at.millis_since(family.handed_out_at);
    if family.confirmed && since_handed_out > rules.grace_seconds * MILLIS {
        return Verdict::Reused(Reuse::ParentLate);
    }
    match family.sealed_next {
        Some(_) => Verdict::HandOut,
        // Rotated by a version that kept no successor.
        None => Verdict::Reused(Reuse::ParentLate),
    }
}

/// What is different from the last use of a family, and whether the configuration wants that to end it or to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) device: bool,
    pub(super) address: bool,
    pub(super) ends: Option<RevocationReason>,
    pub(super) steps_up: bool,
}

impl Changes {
    /// Compares a request with the current token, or with the one before that gets its successor once more, to the family's last use.
    pub(super) fn of(family: &Family, presented: Presented<'_>, rules: &Refresh) -> Self {
        let device = !family.device.is_of(presented.device);
        let last = family.address.as_ref();
        let address = last.is_some_and(|last| last != presented.address);
        let leads_to = |consequence| {
            [
                device && rules.on_device_change == consequence,
                address && rules.on_address_change == consequence,
            ]
        };
        let [device_ends, address_ends] = leads_to(OnChange::Revoke);
        Self {
            device,
            address,
            steps_up: leads_to(OnChange::StepUp).contains(&true),
            ends: match (device_ends, address_ends) {
                (true, _) => Some(RevocationReason::DeviceChanged),
                (false, true) => Some(RevocationReason::AddressChanged),
                (false, false) => None,
            },
        }
    }

    /// For the audit log; `None` when nothing is different.
    pub(super) const fn name(self) -> Option<&'static str> {
        match (self.device, self.address) {
            (true, true) => Some("device, address"),
            (true, false) => Some("device"),
            (false, true) => Some("address"),
            (false, false) => None,
        }
    }
}

/// Whether an access token of number `seq` shows for the first time that somebody has got the family's current token.
pub(super) fn confirms(family: &Family, seq: u64) -> bool {
    !family.confirmed && family.previous.is_some() && seq == family.seq
}
