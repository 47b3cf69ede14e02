//! Ending somebody's lock, and their sessions.

use super::Mandate;
use crate::domain::{
    accounts::{Account, UserId},
    audit::Action,
    lockout::LockoutKey,
    session::{RevocationReason, Sid},
    storage::{Storage, StorageError},
};

/// Forgets the failures at an account, and so ends its locks: that of the name, of known devices and of repeated proofs; and the wait
/// of the name. `false`: there were no failures.
///
/// # Errors
/// When the database fails; nothing was done then.
pub async fn unlock(
    storage: &impl Storage,
    key: &LockoutKey,
    mandate: &Mandate,
    account: &Account,
) -> Result<bool, StorageError> {
    let name = key.of_name(account.email.as_str());
    let entry = mandate.done(Action::Unlock, account.id);
    storage.forget_failures(&name, &entry).await
}

/// Ends a session; of the user, where one is named. `false`: there is none such, or it ended
/// before.
///
/// # Errors
/// When the database fails; nothing was done then.
pub async fn end_session(
    storage: &impl Storage,
    mandate: &Mandate,
    user: Option<UserId>,
    sid: Sid,
) -> Result<bool, StorageError> {
    let family = storage.family(sid).await?;
    let of_whom = |whose| user.is_none_or(|user| user == whose);
    let Some(family) = family.filter(|family| of_whom(family.user)) else {
        return Ok(false);
    };
    let entry = mandate
        .done(Action::RevokeSession, family.user)
        .in_session(sid);
    let reason = RevocationReason::Revoked;
    storage.revoke(sid, reason, mandate.now(), &entry).await
}

/// Ends all sessions of a user, and answers how many there were. Nor is any device of theirs known any more, as after the end of
/// one session: whoever else signed in on one would have attempts of their own on it, and no mail would tell of them.
///
/// # Errors
/// When the database fails; nothing was done then.
pub async fn end_all_sessions(
    storage: &impl Storage,
    mandate: &Mandate,
    user: UserId,
) -> Result<u64, StorageError> {
    let entry = mandate.done(Action::RevokeAllSessions, user);
    let now = mandate.now();
    storage.revoke_all_and_devices(user, now, &entry).await
}
