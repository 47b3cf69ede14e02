//! A spent token that came back: what ends by it, and what is written down.
//!
//! It is judged with a sign-in, a sign-out and a registration too, which would end its session anyhow. A sign-out by a thief, or by
//! the person while a thief goes on, would else be the way to have the theft forgotten.

use edgeward_core::time::UnixTime;

use super::{
    Genuine, Reuse, genuine,
    judge::{Presented, Verdict, judge},
};
use crate::{
    config::{OnReuse, Refresh},
    custody::MacKey,
    domain::{
        accounts::UserId,
        audit::{Action, Actor, AuditEntry, Origin},
        moment::Moment,
        secrets::Known,
        session::{AddressRange, DeviceMark, Family, Sid},
        storage::{Storage, StorageError},
    },
    faults::{Point, reach},
};

/// Families that end because a spent token came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReusedFamily {
    /// The family of the token.
    pub sid: Sid,
    /// Whose it is.
    pub user: UserId,
    /// What ends beside it.
    pub scope: OnReuse,
    /// When it came back.
    pub now: UnixTime,
}

/// Where and how a token was seen.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// The keys of the MAC.
    pub keys: &'a Known<MacKey>,
    /// The configured windows and consequences.
    pub rules: &'a Refresh,
    /// Where the request came from.
    pub origin: &'a Origin,
    /// From which device.
    pub device: &'a DeviceMark,
    /// The range of its address.
    pub address: &'a AddressRange,
    /// The moment.
    pub at: Moment,
}

/// Judges a token that came with a request which is no refresh. Nothing moves by it, and nothing is handed out; one that was
/// spent before ends its family as at a refresh: `true`.
///
/// # Errors
/// When the database fails.
pub async fn end_if_spent(
    storage: &impl Storage,
    seen: Sighting<'_>,
    text: &str,
) -> Result<bool, StorageError> {
    let Some(token) = genuine(seen.keys, text) else {
        return Ok(false);
    };
    let Some(family) = storage.family(token.sid).await? else {
        return Ok(false);
    };
    let presented = Presented {
        text,
        token: &token,
        device: seen.device,
        address: seen.address,
        at: seen.at,
    };
    match judge(&family, presented, seen.rules) {
        Verdict::Reused(how) => {
            end(storage, seen, &family, &token, how).await?;
            Ok(true)
        }
        Verdict::Rotate | Verdict::InProgress | Verdict::HandOut | Verdict::Dead => Ok(false),
    }
}

pub(super) async fn end(
    storage: &impl Storage,
    seen: Sighting<'_>,
    family: &Family,
    presented: &Genuine,
    how: Reuse,
) -> Result<(), StorageError> {
    let (now, scope) = (seen.at.time(), seen.rules.on_reuse);
    let (action, actor) = (Action::RefreshReuse, Actor::Anonymous);
    let entry = AuditEntry::refused(action, how.name(), actor, now, seen.origin)
        .about("user", family.user)
        .in_session(family.sid)
        .with("presentedSeq", presented.seq)
        .with("currentSeq", family.seq)
        .with("ended", scope.name());
    let reused = ReusedFamily {
        sid: family.sid,
        user: family.user,
        scope,
        now,
    };
    storage.end_reused(&reused, &entry).await?;
    reach(Point::ReuseKept);
    tracing::warn!(
        event = "refresh-reuse",
        sid = %family.sid,
        user = %family.user,
        how = how.name(),
        presented_seq = presented.seq,
        current_seq = family.seq,
        "refresh token reuse, session ended"
    );
    Ok(())
}
