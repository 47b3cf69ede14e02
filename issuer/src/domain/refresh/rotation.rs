//! The two acts on a family that a good token leads to, planned before they are done: each is done by the database only
//! if the family still is as it was read.

use edgeward_core::time::UnixTime;

use super::{
    judge::Presented,
    successor::{open, seal},
    token::RefreshToken,
};
use crate::{
    custody::{MacKey, SealError, Sealed},
    domain::{
        moment::Moment,
        session::{AddressRange, DeviceMark, Digest, Family, SECRET_BYTES, Sid},
        storage::StorageError,
    },
};

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
    /// The successor, sealed under a key that only the current token gives.
    pub sealed_next: Sealed,
    /// The moment.
    pub at: Moment,
    /// The new idle end.
    pub idle_expires_at: UnixTime,
    /// The device that used it, from which the spent token may come back.
    pub device: DeviceMark,
    /// Where it was used.
    pub address: AddressRange,
    /// Whether the person has to prove again who they are, because it came from somewhere else.
    pub demands_step_up: bool,
}

impl Rotation {
    /// The move of a family whose current token was presented, and its successor, from 256 random bits.
    pub(super) fn plan(
        key: &MacKey,
        idle_seconds: i64,
        family: &Family,
        presented: Presented<'_>,
        random: [u8; SECRET_BYTES],
    ) -> Result<(Self, RefreshToken), SealError> {
        let seq = family.seq.saturating_add(1);
        let successor = RefreshToken::make(key, family.sid, seq, random);
        let idle_expires_at = presented.at.time().plus(idle_seconds);
        let rotation = Self {
            sid: family.sid,
            seq: family.seq,
            current: family.current,
            next: successor.digest(),
            sealed_next: seal(presented.text, family.sid, seq, &successor)?,
            at: presented.at,
            idle_expires_at: idle_expires_at.min(family.absolute_expires_at),
            device: *presented.device,
            address: presented.address.clone(),
            demands_step_up: false,
        };
        Ok((rotation, successor))
    }
}

/// Another answer with the token that the family has already, done only if the family still has it and lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOut {
    /// The family.
    pub sid: Sid,
    /// Its number, as read.
    pub seq: u64,
    /// The moment. It is written down only while the token is unconfirmed: from its last such answer on the grace runs,
    /// so that requests which were under way beside this one are not taken for a thief's.
    pub at: Moment,
    /// Whether the person has to prove again who they are, because it came from somewhere else.
    pub demands_step_up: bool,
}

impl HandOut {
    /// The answer for who presents the token before the current one, and the successor that its first use made.
    pub(super) fn plan(
        family: &Family,
        presented: Presented<'_>,
    ) -> Result<(Self, RefreshToken), StorageError> {
        let unreadable = || StorageError::Unreadable("families.sealed_next");
        let sealed = family.sealed_next.as_ref().ok_or_else(unreadable)?;
        let successor =
            open(presented.text, family.sid, family.seq, sealed).map_err(|_| unreadable())?;
        if successor.digest() != family.current {
            return Err(unreadable());
        }
        let hand_out = Self {
            sid: family.sid,
            seq: family.seq,
            at: presented.at,
            demands_step_up: false,
        };
        Ok((hand_out, successor))
    }
}
