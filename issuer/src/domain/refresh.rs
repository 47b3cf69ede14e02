//! Refresh: exchanging a single-use token for its successor and a new access token.
//!
//! A token is `rt1.<sid>.<seq>.<random>.<mac>`. The MAC, whose key the database has only sealed, proves that the issuer made
//! it, so a forged token changes nothing, and a spent token of any generation is known for what it is without being
//! stored. The row of the family holds the digests of the current token and of the one before, and moves by
//! compare-and-swap; generations are told apart by `seq`, never by time.
//!
//! Of several requests with the current token exactly one rotates; the others are told to wait for the winner's answer.
//! The successor is kept sealed under a key that only its parent gives ([`successor`]), so a client that lost the answer
//! repeats its token and gets the *same* successor, as long as nobody is known to have got it, and for a grace after
//! that. What comes back later, from another device, or from an older generation counts as stolen and ends the family.
//! The whole protocol with its table and its proof is in `docs/REFRESH.md`.

mod arrivals;
mod judge;
mod reuse;
mod rotation;
mod successor;
mod token;
mod turn;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod model;

pub use arrivals::{Arrival, Arrivals};
pub use judge::Reuse;
pub use reuse::{ReusedFamily, Sighting, end_if_spent};
pub use rotation::{HandOut, Rotation};
pub use token::{Genuine, RefreshToken, genuine};
pub use turn::{FamilyMutex, Hold, Turn, refresh_in_turn};

use edgeward_core::time::UnixTime;

use super::{
    access_token::{self, AccessToken, Authentication, MintError, Minter},
    accounts::Account,
    audit::{Action, Actor, AuditEntry, Origin},
    moment::Moment,
    secrets::Known,
    session::{self, AddressRange, DeviceMark, Family, NoRandomness, RevocationReason, Sid},
    storage::{Storage, StorageError},
};
use crate::{
    config::{Refresh, Tokens},
    custody::{MacKey, SealError},
    faults::{Point, reach},
};
use judge::{Changes, Presented, Verdict, judge, judge_again};

/// A compare-and-swap that loses is judged once more, by what the winner wrote.
const ATTEMPTS: [fn(&Family, Presented<'_>, &Refresh) -> Verdict; 2] = [judge, judge_again];

/// How a session was refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// The family moved on to a new token.
    Rotated,
    /// The client lost an answer: it got the same successor once more, and the family did not move.
    Repeated,
}

/// A refreshed session. Secrets are shown once.
#[derive(Debug)]
pub struct Refreshed {
    /// How.
    pub exchange: Exchange,
    /// The family.
    pub sid: Sid,
    /// The successor's idle end.
    pub idle_expires_at: UnixTime,
    /// The successor.
    pub refresh_token: RefreshToken,
    /// A new access token.
    pub access_token: AccessToken,
}

/// Why there is no successor.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Not genuine, ended, expired, or ended just now because it came from somewhere else.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Another request rotates at this moment. Nothing was changed.
    #[error("the session is being refreshed by another request")]
    InProgress {
        /// After so long the same token gets the successor.
        retry_after_seconds: u64,
    },
    /// A spent token came back; the family has been ended.
    #[error("the refresh token was used before")]
    Reused,
    /// The access token could not be made; the family was not moved.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The successor could not be sealed; the family was not moved.
    #[error("the successor: {0}")]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// What refreshing needs beside the token.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The keys of the MAC.
    pub keys: &'a Known<MacKey>,
    /// The configured lives.
    pub tokens: &'a Tokens,
    /// The configured windows and consequences.
    pub rules: &'a Refresh,
    /// Makes the access token.
    pub minter: Minter<'a>,
    /// Where the request came from.
    pub origin: &'a Origin,
    /// From which device.
    pub device: &'a DeviceMark,
    /// The range of its address.
    pub address: &'a AddressRange,
    /// The moment.
    pub at: Moment,
}

impl<'a> Context<'a> {
    fn now(&self) -> UnixTime {
        self.at.time()
    }

    fn in_progress(&self) -> RefreshError {
        RefreshError::InProgress {
            retry_after_seconds: self.rules.conflict_seconds.unsigned_abs(),
        }
    }

    fn sighting(&self) -> Sighting<'a> {
        Sighting {
            keys: self.keys,
            rules: self.rules,
            origin: self.origin,
            device: self.device,
            address: self.address,
            at: self.at,
        }
    }
}

/// Exchanges a refresh token.
///
/// # Errors
/// [`RefreshError`].
pub async fn refresh(
    storage: &impl Storage,
    context: Context<'_>,
    text: &str,
) -> Result<Refreshed, RefreshError> {
    let token = genuine(context.keys, text).ok_or(RefreshError::Invalid)?;
    reach(Point::TokenGenuine);
    let presented = Presented {
        text,
        token: &token,
        device: context.device,
        address: context.address,
        at: context.at,
    };
    for judge in ATTEMPTS {
        // Together, because most tokens that come are good, and each question to the database costs.
        let (family, account) = storage
            .family_and_account(token.sid)
            .await?
            .ok_or(RefreshError::Invalid)?;
        reach(Point::FamilyRead);
        let of = Held {
            family: &family,
            account: &account,
        };
        let refreshed = match judge(&family, presented, context.rules) {
            Verdict::Rotate => rotate(storage, context, of, presented).await?,
            Verdict::HandOut => hand_out(storage, context, of, presented).await?,
            Verdict::InProgress => return Err(context.in_progress()),
            Verdict::Reused(how) => {
                reuse::end(storage, context.sighting(), &family, &token, how).await?;
                return Err(RefreshError::Reused);
            }
            Verdict::Dead => return Err(RefreshError::Invalid),
        };
        if let Some(refreshed) = refreshed {
            return Ok(refreshed);
        }
    }
    // Lost twice: the family moves under our hands, so somebody else is refreshing it.
    Err(context.in_progress())
}

/// Notes that somebody has got the family's current refresh token, because an access token of its number was seen.
///
/// # Errors
/// When the database fails.
pub async fn confirm(
    storage: &impl Storage,
    family: &Family,
    seq: u64,
) -> Result<(), StorageError> {
    if judge::confirms(family, seq) {
        reach(Point::ConfirmationJudged);
        storage.confirm(family.sid, seq).await?;
        reach(Point::ConfirmationKept);
    }
    Ok(())
}

/// A family, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Held<'a> {
    family: &'a Family,
    account: &'a Account,
}

/// Tries to move the family. `None`: another request was quicker.
async fn rotate(
    storage: &impl Storage,
    context: Context<'_>,
    of: Held<'_>,
    presented: Presented<'_>,
) -> Result<Option<Refreshed>, RefreshError> {
    let family = of.family;
    let changes = Changes::of(family, presented, context.rules);
    if let Some(reason) = changes.ends {
        end_changed(storage, context, family, reason).await?;
        return Err(RefreshError::Invalid);
    }
    let (mut rotation, refresh_token) = Rotation::plan(
        context.keys.makes(),
        context.tokens.refresh_idle_seconds,
        family,
        presented,
        session::random()?,
    )?;
    reach(Point::SuccessorSealed);
    rotation.demands_step_up = changes.steps_up;
    // Made before the move: when the key fails, the client can still use the token it has.
    let seq = rotation.seq.saturating_add(1);
    let doubtful = changes.steps_up || family.step_up_demanded_at.is_some();
    let access_token = access_token(context, of, seq, doubtful).await?;
    let action = if changes.steps_up {
        Action::DemandStepUp
    } else {
        Action::Refresh
    };
    let mut entry = done(context, family, action, seq);
    if let Some(changed) = changes.name() {
        entry = entry.with("changed", changed);
    }
    let moved = storage.rotate(&rotation, &entry).await?;
    reach(Point::RotationKept);
    Ok(moved.then_some(Refreshed {
        exchange: Exchange::Rotated,
        sid: family.sid,
        idle_expires_at: rotation.idle_expires_at,
        refresh_token,
        access_token,
    }))
}

/// Tries to hand out the current token once more. `None`: the family has moved or ended meanwhile.
async fn hand_out(
    storage: &impl Storage,
    context: Context<'_>,
    of: Held<'_>,
    presented: Presented<'_>,
) -> Result<Option<Refreshed>, RefreshError> {
    let family = of.family;
    // Where the current token would be judged, so is the one before it: else a repetition would be the way around.
    let changes = Changes::of(family, presented, context.rules);
    if let Some(reason) = changes.ends {
        end_changed(storage, context, family, reason).await?;
        return Err(RefreshError::Invalid);
    }
    let (mut hand_out, refresh_token) = HandOut::plan(family, presented)?;
    reach(Point::SuccessorOpened);
    let was_doubtful = family.step_up_demanded_at.is_some();
    hand_out.demands_step_up = changes.steps_up && !was_doubtful;
    let doubtful = changes.steps_up || was_doubtful;
    let access_token = access_token(context, of, family.seq, doubtful).await?;
    let action = if hand_out.demands_step_up {
        Action::DemandStepUp
    } else {
        Action::RepeatRefresh
    };
    let mut entry = done(context, family, action, family.seq);
    if let Some(changed) = changes.name() {
        entry = entry.with("changed", changed);
    }
    let done = storage.hand_out(&hand_out, &entry).await?;
    reach(Point::HandOutKept);
    Ok(done.then_some(Refreshed {
        exchange: Exchange::Repeated,
        sid: family.sid,
        idle_expires_at: family.idle_expires_at,
        refresh_token,
        access_token,
    }))
}

async fn access_token(
    context: Context<'_>,
    Held { family, account }: Held<'_>,
    seq: u64,
    doubtful: bool,
) -> Result<AccessToken, RefreshError> {
    let subject = access_token::Subject {
        account,
        sid: family.sid,
        seq,
        client: &family.client,
        authentication: (!doubtful).then_some(Authentication {
            time: family.auth_time,
            amr: &family.amr,
            acr: &family.acr,
        }),
    };
    let token = context.minter.mint(&subject, context.now()).await?;
    reach(Point::AccessTokenMade);
    Ok(token)
}

fn done(context: Context<'_>, family: &Family, action: Action, seq: u64) -> AuditEntry {
    let actor = Actor::User(family.user);
    AuditEntry::done(action, actor, context.now(), context.origin)
        .about("user", family.user)
        .in_session(family.sid)
        .with("seq", seq)
}

async fn end_changed(
    storage: &impl Storage,
    context: Context<'_>,
    family: &Family,
    reason: RevocationReason,
) -> Result<(), RefreshError> {
    let (name, now) = (reason.name(), context.now());
    let actor = Actor::User(family.user);
    let entry = AuditEntry::refused(Action::Refresh, name, actor, now, context.origin)
        .about("user", family.user)
        .in_session(family.sid);
    storage.revoke(family.sid, reason, now, &entry).await?;
    reach(Point::ChangeKept);
    tracing::warn!(sid = %family.sid, reason = name, "session ended at its refresh");
    Ok(())
}
