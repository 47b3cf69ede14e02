//! Sessions: what a sign-in leaves behind, when it ends, and what is remembered about the device.
//!
//! A sign-in makes a *family*: the row that a refresh token moves along and that the session list shows; its identifier
//! is the `sid` of every token. A browser gets a *browser session* besides: a short-lived cookie for the issuer's own
//! pages and for acts upon the account, which a refresh does not prolong. How a refresh token moves is in
//! [`refresh`](super::refresh).

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::time::{LEEWAY_SECONDS, UnixTime};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{accounts::UserId, audit::AuditEntry, moment::Moment};
use crate::{config::Tokens, custody::Sealed};

pub use super::device::{AddressRange, Device, DeviceMark};

/// 256 bits: beyond guessing, so the digest needs neither salt nor a slow hash.
pub const SECRET_BYTES: usize = 32;

/// The client of browsers and of callers that sign in with a password.
pub const WEB_CLIENT: &str = "edgeward-web";

/// The idle end of a browser session is moved at most this often, so that reading does not become writing.
const TOUCH_EVERY_SECONDS: i64 = 60;

/// More live sessions an account does not have: a further sign-in ends the one that lies longest unused. A person has a dozen, and a
/// script that signs in every hour and never out has 336 of those that the default idle end leaves. What ends all of them at once
/// is written in one transaction, for which everybody else waits, and every edge hears of each; without a bound, who may sign in to one
/// account could stop both. The list of sessions shows as many, so whoever looks sees all.
pub const SESSIONS_MAX: i64 = 500;

/// Who proved the password within so many seconds is trusted to say that a device is a stranger's: as long as a change of
/// administrators bears by default. Whoever copied a session rarely has one that is as young.
const PROVED_LATELY_SECONDS: i64 = 5 * 60;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// Random bytes of the operating system.
///
/// # Errors
/// [`NoRandomness`] when it has none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// SHA-256 of a bearer secret: all that the database knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a secret's text.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Takes what the database holds.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What the database is to hold.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The identifier of a family: a UUIDv7, so families sort by their sign-in. Not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid(Uuid);

impl Sid {
    /// A new identifier.
    #[must_use]
    pub fn from_random(now: UnixTime, random: [u8; 10]) -> Self {
        Self(uuid_v7(now, random))
    }

    /// Takes the one spelling that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_uuid(text).map(Self)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A UUIDv7 from a given moment and given randomness.
pub(super) fn uuid_v7(now: UnixTime, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.seconds())
        .unwrap_or(0)
        .saturating_mul(1000);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Lower-case with hyphens and nothing else: one identifier has one spelling.
pub(super) fn parse_uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (id.hyphenated().encode_lower(&mut buffer) == text).then_some(id)
}

/// The value of a session cookie, shown once. Only its digest is stored.
pub struct SessionSecret(Zeroizing<String>);

impl SessionSecret {
    /// A new secret.
    #[must_use]
    pub fn from_random(random: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(&random)))
    }

    /// The text for the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest for the database.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(redacted)")
    }
}

/// Why a family ended before its time. The name in the database is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// The person signed out, here or from the list of sessions.
    SignedOut,
    /// The person ended it from the list after they had lately proved who they are, or an administrator or an operator did: its
    /// device is not to be known any more.
    Revoked,
    /// The person ended all sessions.
    RevokedAll,
    /// The same browser signed in anew, or somebody did while the account had [`SESSIONS_MAX`] and this lay longest unused.
    Replaced,
    /// A spent refresh token came back.
    Reuse,
    /// It was refreshed from another device, and the configuration wants that to end it.
    DeviceChanged,
    /// It was refreshed from another range of addresses, and the configuration wants that to end it.
    AddressChanged,
    /// Too many wrong passwords locked the account, and it is configured that this ends its sessions.
    Locked,
    /// An operator gave or took a role.
    RolesChanged,
    /// The person changed the password, here or elsewhere, or reset it.
    PasswordChanged,
}

impl RevocationReason {
    /// The name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::Revoked => "revoked",
            Self::RevokedAll => "revoked-all",
            Self::Replaced => "replaced",
            Self::Reuse => "reuse",
            Self::DeviceChanged => "device-changed",
            Self::AddressChanged => "address-changed",
            Self::Locked => "locked",
            Self::RolesChanged => "roles-changed",
            Self::PasswordChanged => "password-changed",
        }
    }

    /// Why a session ends that the person ends from the list, of which `asking` is the one that asks. Whoever copied a session can
    /// ask too. If that were enough to have every other browser forgotten, they could lock the account by wrong passwords with
    /// nobody exempt; so it takes a password that was proved lately, by a sign-in or a step-up.
    #[must_use]
    pub fn of_list(asking: &Family, now: UnixTime) -> Self {
        let age = now.seconds_since(asking.auth_time);
        // A moment that seems to come is taken for a clock that is a little ahead.
        if (-LEEWAY_SECONDS..=PROVED_LATELY_SECONDS).contains(&age) {
            Self::Revoked
        } else {
            Self::SignedOut
        }
    }
}

/// One sign-in, as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its identifier.
    pub sid: Sid,
    /// Whose.
    pub user: UserId,
    /// Through which client.
    pub client: String,
    /// How often the refresh token was rotated.
    pub seq: u64,
    /// The digest of the refresh token that rotates next.
    pub current: Digest,
    /// The digest of the one before.
    pub previous: Option<Digest>,
    /// The current one, sealed under a key that only the text of the one before gives.
    pub sealed_next: Option<Sealed>,
    /// When the current one was made, by the issuer's clock.
    pub rotated_at: Moment,
    /// When the current one was handed out last while nobody was known to have got it; at first as `rotated_at`.
    pub handed_out_at: Moment,
    /// Whether somebody is known to have got the current one: an access token of its number was seen.
    pub confirmed: bool,
    /// A refresh token that is not used until then has ended.
    pub idle_expires_at: UnixTime,
    /// The family ends then, used or not.
    pub absolute_expires_at: UnixTime,
    /// When the person proved who they are.
    pub auth_time: UnixTime,
    /// By which means (RFC 8176), in order.
    pub amr: Vec<String>,
    /// How strong that was.
    pub acr: String,
    /// By what the device of the sign-in or the last rotation is known again.
    pub device: DeviceMark,
    /// The device's name.
    pub device_name: String,
    /// Where it was used last.
    pub address: Option<AddressRange>,
    /// When it began.
    pub created_at: UnixTime,
    /// When it was refreshed last.
    pub last_used_at: UnixTime,
    /// When it was ended, if it was.
    pub revoked_at: Option<UnixTime>,
    /// Since when the person has to prove again who they are, because a refresh came from somewhere else.
    pub step_up_demanded_at: Option<UnixTime>,
}

impl Family {
    /// Whether it can still be refreshed.
    #[must_use]
    pub fn is_live(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && now < self.idle_expires_at && now < self.absolute_expires_at
    }
}

/// A family as a list of sessions shows it. Apart from [`Family`], so that no refresh is judged by what only a list tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFamily {
    /// The family.
    pub family: Family,
    /// When its session cookie was used last, to the minute; `None` where the sign-in gave none. A cookie that has ended counts too:
    /// it was used all the same.
    pub cookie_used_at: Option<UnixTime>,
}

impl ListedFamily {
    /// When somebody or something was last seen to use it: the last refresh, or the last use of the session cookie, whichever is
    /// later. An access token that is used meanwhile is not seen here, so the truth may be later by the life of one.
    #[must_use]
    pub fn last_activity_at(&self) -> UnixTime {
        let refreshed_at = self.family.last_used_at;
        self.cookie_used_at
            .map_or(refreshed_at, |used_at| used_at.max(refreshed_at))
    }
}

/// A session cookie, as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    /// The family it belongs to.
    pub sid: Sid,
    /// When it was used last, to the minute.
    pub last_used_at: UnixTime,
    /// It ends when it is not used until then.
    pub idle_expires_at: UnixTime,
    /// It ends then, used or not.
    pub absolute_expires_at: UnixTime,
}

impl BrowserSession {
    /// Whether the cookie still counts.
    #[must_use]
    pub fn is_live(&self, now: UnixTime) -> bool {
        now < self.idle_expires_at && now < self.absolute_expires_at
    }

    /// The new idle end after a use at `now`; `None` when the stored one is recent enough.
    #[must_use]
    pub fn touched(&self, tokens: &Tokens, now: UnixTime) -> Option<UnixTime> {
        (now.seconds_since(self.last_used_at) >= TOUCH_EVERY_SECONDS)
            .then(|| now.plus(tokens.session_idle_seconds))
    }
}

/// A family to be written.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// Its identifier.
    pub sid: Sid,
    /// Whose.
    pub user: UserId,
    /// Through which client.
    pub client: &'static str,
    /// The digest of its first refresh token.
    pub refresh: Digest,
    /// The digest of the session cookie; `None` for callers without cookies.
    pub session: Option<Digest>,
    /// The moment of the sign-in, from which all ends are counted.
    pub now: UnixTime,
    /// See [`Family::idle_expires_at`].
    pub idle_expires_at: UnixTime,
    /// See [`Family::absolute_expires_at`].
    pub absolute_expires_at: UnixTime,
    /// See [`BrowserSession::idle_expires_at`].
    pub session_idle_expires_at: UnixTime,
    /// See [`BrowserSession::absolute_expires_at`].
    pub session_absolute_expires_at: UnixTime,
    /// By which means the person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    /// How strong that was.
    pub acr: String,
    /// From which device.
    pub device: Device,
    /// The families that the same browser brought along; they end in the same transaction.
    pub replaces: Vec<Replaced>,
    /// What is written down of each session beyond [`SESSIONS_MAX`] that ends for this one; which it is, is added.
    pub makes_room: AuditEntry,
}

/// A family that ends because its browser signs in anew.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// Which.
    pub sid: Sid,
    /// What is written down if it was live until then.
    pub entry: AuditEntry,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling() {
        let sid = Sid::from_random(UnixTime::from_seconds(1_795_000_000), [0xab; 10]);
        let text = sid.to_string();
        assert_eq!(Sid::parse(&text), Some(sid));
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!("{text} "),
            String::new(),
        ] {
            assert_eq!(Sid::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn a_session_ends_at_whichever_end_comes_first() {
        let at = UnixTime::from_seconds;
        let session = BrowserSession {
            sid: Sid::from_random(at(0), [0; 10]),
            last_used_at: at(1000),
            idle_expires_at: at(2000),
            absolute_expires_at: at(3000),
        };
        assert!(session.is_live(at(1999)));
        assert!(!session.is_live(at(2000)));
        let used_much = BrowserSession {
            idle_expires_at: at(9000),
            ..session
        };
        assert!(used_much.is_live(at(2999)));
        assert!(!used_much.is_live(at(3000)));
    }
}
