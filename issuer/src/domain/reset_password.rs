//! Resetting a forgotten password with a mailed link.
//!
//! Asking answers alike for every address, with the same work: who has an account is looked up when the mail is sent. Using
//! the link stores the password: it ends all sessions, signs nobody in, and proves nothing
//! beside the mailbox, so whatever else a sign-in asks for is asked for at the next one.
//!
//! The failures at the name are forgotten with it, and its window of sign-ins begins anew. They count guesses at a password that is no
//! more; and whoever was locked out by strangers and has proved the mailbox would otherwise stand before the lock with the new password
//! in hand. Strangers who go on would have closed it again by then, so the browser that used the link is a device of the account from
//! then on, the only one: no other has proved anything since the password is what it is.

use edgeward_core::time::UnixTime;

use super::{
    accounts::{self, Email, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{CounterKey, LockoutKey},
    mail::{LinkToken, MailStorage, Purpose},
    password::{HashError, Password, PasswordHasher, Policy, WeakPassword},
    session::{self, Device, Digest, NoRandomness, Sid},
    storage::{PasswordHash, StorageError},
};

/// A new password as the database gets it.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The link that was used.
    pub link: Digest,
    /// Whose password it is.
    pub user: UserId,
    /// The hash of the new one.
    pub hash: PasswordHash,
    /// The counters of this name are forgotten.
    pub name: CounterKey,
    /// The device that is known from then on.
    pub device: Option<Introduced>,
    /// The moment.
    pub now: UnixTime,
}

/// A device that an account knows although nobody signed in on it.
#[derive(Debug, Clone)]
pub struct Introduced {
    /// Under which it is kept: it is a session that ended as it began.
    pub sid: Sid,
    /// Which, with its cookie.
    pub device: Device,
}

/// The browser that used the link.
#[derive(Debug)]
pub struct Visit<'a> {
    /// Which, with the device cookie that the answer is to set.
    pub device: Device,
    /// Whose live sessions it brought. Those of others go on, and would be somebody else's device with another cookie.
    pub signed_in: &'a [UserId],
}

/// Why the password is as before.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The link was used, has expired or never was.
    #[error("the link does not work")]
    DeadLink,
    /// The new password does not meet the policy.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// There is no hash.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Has a link mailed to an address, if it has an account. What is no address gets none.
///
/// # Errors
/// When the database fails.
pub async fn ask(
    storage: &impl MailStorage,
    email: Option<&Email>,
    origin: &Origin,
    now: UnixTime,
) -> Result<(), StorageError> {
    let Some(email) = email else {
        return Ok(());
    };
    let entry = AuditEntry::done(Action::RequestReset, Actor::Anonymous, now, origin);
    storage.ask_for_reset(email, &entry).await
}

/// Whether a link still works. Nothing is used up.
///
/// # Errors
/// When the database fails.
pub async fn works(
    storage: &impl MailStorage,
    token: &LinkToken,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let link = token.digest(Purpose::ResetPassword);
    Ok(storage.resettable(&link, now).await?.is_some())
}

/// Stores a new password. Answers whether the browser is known from now on, by the device cookie that it is to get.
///
/// # Errors
/// [`ResetError`]; the link still works unless it did not before.
pub async fn reset(
    storage: &impl MailStorage,
    (hasher, policy, lockout): (&PasswordHasher, &Policy, &LockoutKey),
    (token, visit): (&LinkToken, Visit<'_>),
    new: Password,
    origin: &Origin,
    now: UnixTime,
) -> Result<bool, ResetError> {
    let link = token.digest(Purpose::ResetPassword);
    let account = storage
        .resettable(&link, now)
        .await?
        .ok_or(ResetError::DeadLink)?;
    let own = accounts::own_words(&account.email, &account.first_name, &account.last_name);
    policy.judge(&new, &own)?;
    let device = if visit.signed_in.iter().all(|user| *user == account.id) {
        Some(Introduced {
            sid: Sid::from_random(now, session::random()?),
            device: visit.device,
        })
    } else {
        None
    };
    let is_known = device.is_some();
    let reset = Reset {
        link,
        user: account.id,
        hash: hasher.hash(new).await?,
        name: lockout.of_name(account.email.as_str()),
        device,
        now,
    };
    let actor = Actor::User(account.id);
    let entry =
        AuditEntry::done(Action::ResetPassword, actor, now, origin).about("user", account.id);
    match storage.reset_password(&reset, &entry).await? {
        true => Ok(is_known),
        false => Err(ResetError::DeadLink),
    }
}
