//! Refresh: exchanging a single-use token for its successor and a new access token.
//!
//! A token is `rt1.<sid>.<seq>.<random>.<mac>`. The MAC, whose key is not in the database, proves that the issuer made
//! it, so a forged token changes nothing, and a spent token of any generation is known for what it is without being
//! stored. The row of the family holds the digests of the current token and of the one before, and moves by
//! compare-and-swap; generations are told apart by `seq`, never by time.
//!
//! Of several requests with the current token exactly one rotates. The others, and whoever shows the token before the
//! current one within [`IN_PROGRESS_SECONDS`], are told to wait for the winner's cookies. After that, a spent token
//! counts as stolen: its family is ended. So, for now, a lone client that lost the answer to its refresh and repeats it
//! later has to sign in again. Handing out the same successor to it once more is not done here yet; the row has its
//! place for that (`sealed_next`, `confirmed`), which stays unused.

mod token;

pub use token::{Genuine, RefreshToken, genuine};

use edgeward_core::time::UnixTime;

use super::{
    access_token::{self, AccessToken, MintError, Minter},
    audit::{Action, Actor, AuditEntry, Origin},
    session::{self, AddressRange, Digest, Family, NoRandomness, RevocationReason, Sid},
    storage::{Storage, StorageError},
};
use crate::{config::Tokens, custody::MacKey};

/// How long after a rotation the token before is taken for a request that ran at the same time. The clock counts whole
/// seconds, so it is one second to nearly two.
pub const IN_PROGRESS_SECONDS: i64 = 1;

/// A compare-and-swap that loses is judged once more, by what the winner wrote.
const ATTEMPTS: usize = 2;

/// A move of a family to its next token, done only if the family is still as it was read.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The family.
    pub sid: Sid,
    /// Its number, as read.
    pub seq: u64,
    /// The digest of its current token, as read; becomes the previous one.
    pub current: Digest,
    /// The digest of the successor.
    pub next: Digest,
    /// The moment.
    pub now: UnixTime,
    /// The new idle end.
    pub idle_expires_at: UnixTime,
    /// Where it was used.
    pub address: AddressRange,
}

/// How a spent token came back. The name in the audit log is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// The token before the current one, too late for a simultaneous request.
    ParentLate,
    /// An older one.
    Older,
}

impl Reuse {
    /// The name in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParentLate => "parent-late",
            Self::Older => "older",
        }
    }
}

/// What a genuine token gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
enum Verdict {
    /// It is the current one.
    Rotate,
    /// Another request rotated a moment ago.
    InProgress,
    /// It was spent before.
    Reused(Reuse),
    /// Its family has ended, or the row is from another history of the database than the token.
    Dead,
}

/// Judges a genuine token by its family.
fn judge(family: &Family, presented: &Genuine, now: UnixTime) -> Verdict {
    if !family.is_live(now) {
        return Verdict::Dead;
    }
    if presented.seq == family.seq && presented.digest == family.current {
        return Verdict::Rotate;
    }
    if presented.seq >= family.seq {
        // Genuine, but not known here: the database was restored from an older copy. That proves no theft.
        return Verdict::Dead;
    }
    if Some(presented.digest) == family.previous {
        return if now.seconds_since(family.rotated_at) <= IN_PROGRESS_SECONDS {
            Verdict::InProgress
        } else {
            Verdict::Reused(Reuse::ParentLate)
        };
    }
    Verdict::Reused(Reuse::Older)
}

/// A refreshed session. Secrets are shown once.
#[derive(Debug)]
pub struct Refreshed {
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
    /// Not genuine, ended or expired. Nothing was changed.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Another request rotates at this moment. Nothing was changed.
    #[error("the session is being refreshed by another request")]
    InProgress,
    /// A spent token came back; the family has been ended.
    #[error("the refresh token was used before")]
    Reused,
    /// The access token could not be made; the family was not moved.
    #[error(transparent)]
    Mint(#[from] MintError),
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
    /// The key of the MAC.
    pub key: &'a MacKey,
    /// The configured lives.
    pub tokens: &'a Tokens,
    /// Makes the access token.
    pub minter: Minter<'a>,
    /// Where the request came from.
    pub origin: &'a Origin,
    /// The range of its address.
    pub address: &'a AddressRange,
    /// The moment.
    pub now: UnixTime,
}

/// Exchanges a refresh token.
///
/// # Errors
/// [`RefreshError`].
pub async fn refresh(
    storage: &impl Storage,
    context: Context<'_>,
    presented: &str,
) -> Result<Refreshed, RefreshError> {
    let presented = genuine(context.key, presented).ok_or(RefreshError::Invalid)?;
    for _ in 0..ATTEMPTS {
        let family = storage
            .family(presented.sid)
            .await?
            .ok_or(RefreshError::Invalid)?;
        match judge(&family, &presented, context.now) {
            Verdict::Rotate => {
                if let Some(refreshed) = rotate(storage, context, &family).await? {
                    return Ok(refreshed);
                }
            }
            Verdict::InProgress => return Err(RefreshError::InProgress),
            Verdict::Reused(how) => {
                end_reused(storage, context, &family, &presented, how).await?;
                return Err(RefreshError::Reused);
            }
            Verdict::Dead => return Err(RefreshError::Invalid),
        }
    }
    // Lost twice: the family moves under our hands, so somebody else is refreshing it.
    Err(RefreshError::InProgress)
}

/// Tries to move the family. `None`: another request was quicker.
async fn rotate(
    storage: &impl Storage,
    context: Context<'_>,
    family: &Family,
) -> Result<Option<Refreshed>, RefreshError> {
    let account = storage
        .account_by_id(family.user)
        .await?
        .ok_or(RefreshError::Invalid)?;
    let now = context.now;
    let seq = family.seq.saturating_add(1);
    let refresh_token = RefreshToken::make(context.key, family.sid, seq, session::random()?);
    let idle_expires_at = now
        .plus(context.tokens.refresh_idle_seconds)
        .min(family.absolute_expires_at);
    // Made before the move: when the key fails, the client can still use the token it has.
    let access_token = context.minter.mint(
        &access_token::Subject {
            account: &account,
            sid: family.sid,
            seq,
            client: &family.client,
            auth_time: family.auth_time,
            amr: &family.amr,
            acr: &family.acr,
        },
        now,
    )?;
    let rotation = Rotation {
        sid: family.sid,
        seq: family.seq,
        current: family.current,
        next: refresh_token.digest(),
        now,
        idle_expires_at,
        address: context.address.clone(),
    };
    let entry = AuditEntry::done(
        Action::Refresh,
        Actor::User(family.user),
        now,
        context.origin,
    )
    .about("user", family.user)
    .in_session(family.sid)
    .with("seq", seq);
    let moved = storage.rotate(&rotation, &entry).await?;
    Ok(moved.then_some(Refreshed {
        sid: family.sid,
        idle_expires_at,
        refresh_token,
        access_token,
    }))
}

async fn end_reused(
    storage: &impl Storage,
    context: Context<'_>,
    family: &Family,
    presented: &Genuine,
    how: Reuse,
) -> Result<(), RefreshError> {
    let entry = AuditEntry::refused(
        Action::RefreshReuse,
        how.name(),
        Actor::Anonymous,
        context.now,
        context.origin,
    )
    .about("user", family.user)
    .in_session(family.sid)
    .with("presentedSeq", presented.seq)
    .with("currentSeq", family.seq);
    storage
        .revoke(family.sid, RevocationReason::Reuse, context.now, &entry)
        .await?;
    tracing::warn!(sid = %family.sid, how = how.name(), "refresh token reuse, session ended");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::accounts::UserId;

    const KEY: MacKey = MacKey::from_bytes([3; 32]);

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_795_000_000 + seconds)
    }

    fn sid() -> Sid {
        Sid::from_random(at(0), [9; 10])
    }

    fn token(seq: u64) -> RefreshToken {
        RefreshToken::make(&KEY, sid(), seq, [u8::try_from(seq).unwrap(); 32])
    }

    fn family() -> Family {
        Family {
            sid: sid(),
            user: UserId::from_random(at(0), [1; 10]),
            client: "edgeward-web".to_owned(),
            seq: 5,
            current: token(5).digest(),
            previous: Some(token(4).digest()),
            rotated_at: at(0),
            idle_expires_at: at(1000),
            absolute_expires_at: at(2000),
            auth_time: at(-100),
            amr: vec!["pwd".to_owned()],
            acr: "aal1".to_owned(),
            device_name: String::new(),
            address: None,
            created_at: at(-100),
            last_used_at: at(0),
            revoked_at: None,
        }
    }

    #[test]
    fn what_a_genuine_token_gets() {
        let revoked = Family {
            revoked_at: Some(at(1)),
            ..family()
        };
        let capped = Family {
            absolute_expires_at: at(50),
            ..family()
        };
        let other_history = RefreshToken::make(&KEY, sid(), 5, [77; 32]);
        let other_parent = RefreshToken::make(&KEY, sid(), 4, [77; 32]);
        let rows: [(&str, &Family, &RefreshToken, i64, Verdict); 15] = [
            ("current", &family(), &token(5), 10, Verdict::Rotate),
            (
                "current at the last moment",
                &family(),
                &token(5),
                999,
                Verdict::Rotate,
            ),
            (
                "current, idle too long",
                &family(),
                &token(5),
                1000,
                Verdict::Dead,
            ),
            (
                "current, family too old",
                &capped,
                &token(5),
                50,
                Verdict::Dead,
            ),
            ("current, ended", &revoked, &token(5), 10, Verdict::Dead),
            (
                "previous at once",
                &family(),
                &token(4),
                0,
                Verdict::InProgress,
            ),
            (
                "previous from a clock behind",
                &family(),
                &token(4),
                -3,
                Verdict::InProgress,
            ),
            (
                "previous after a second",
                &family(),
                &token(4),
                1,
                Verdict::InProgress,
            ),
            (
                "previous later",
                &family(),
                &token(4),
                2,
                Verdict::Reused(Reuse::ParentLate),
            ),
            ("previous, ended", &revoked, &token(4), 2, Verdict::Dead),
            (
                "older",
                &family(),
                &token(3),
                0,
                Verdict::Reused(Reuse::Older),
            ),
            (
                "the first",
                &family(),
                &token(0),
                10,
                Verdict::Reused(Reuse::Older),
            ),
            (
                "newer than the row",
                &family(),
                &token(6),
                10,
                Verdict::Dead,
            ),
            (
                "same number, other history",
                &family(),
                &other_history,
                10,
                Verdict::Dead,
            ),
            (
                "previous number, other history",
                &family(),
                &other_parent,
                0,
                Verdict::Reused(Reuse::Older),
            ),
        ];
        for (what, family, token, seconds, expected) in rows {
            let presented = genuine(&KEY, token.reveal()).unwrap();
            assert_eq!(judge(family, &presented, at(seconds)), expected, "{what}");
        }
    }
}
