//! Changing one's own password: the present one is proved again, all other sessions end, and the session goes on under
//! a new identifier.

use edgeward_core::time::UnixTime;

use super::{
    accounts::{self, Account, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{Attempt, Lockout, NoAttempt, Swap},
    password::{Comparison, HashError, Password, PasswordHasher, Policy, WeakPassword},
    session::{self, Digest, NoRandomness, SessionSecret, Sid},
    storage::{Rehash, Storage, StorageError},
};

/// Who changes the password, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Hashes and compares.
    pub hasher: &'a PasswordHasher,
    /// Judges the new password.
    pub policy: &'a Policy,
    /// Counts failures.
    pub lockout: Lockout<'a>,
    /// Where the request came from.
    pub origin: &'a Origin,
    /// The person.
    pub user: UserId,
    /// The family that goes on.
    pub sid: Sid,
    /// The session cookie that gets a new value, if one was used.
    pub session: Option<Digest>,
    /// The moment.
    pub now: UnixTime,
}

/// Why the password is as before.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The present password was another one.
    #[error("the present password is another one")]
    InvalidCredentials {
        /// Attempts before the lock, unless they are not counted.
        attempts_left: Option<u32>,
    },
    /// The new password is the present one.
    #[error("the new password is the present one")]
    Unchanged,
    /// The password was not compared.
    #[error(transparent)]
    NoAttempt(#[from] NoAttempt),
    /// The new password does not meet the policy.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// There is no hash.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The account is gone.
    #[error("the account is gone")]
    NoAccount,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// A change as the database gets it.
#[derive(Debug)]
pub struct PasswordChange {
    /// Whose.
    pub user: UserId,
    /// The hash that was compared, and the one to store.
    pub hash: Rehash,
    /// The family that goes on; all others of the user end.
    pub keep: Sid,
    /// The session cookie's digest, and the one that takes its place.
    pub session: Option<(Digest, Digest)>,
    /// The counter of failures.
    pub settled: Option<Swap>,
    /// The moment.
    pub now: UnixTime,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Stored {
    /// It is done.
    Done,
    /// The counter was no longer as expected; nothing was written.
    CounterMoved,
    /// The password was changed meanwhile; nothing was written.
    HashMoved,
}

/// Changes the password. Answers the new value of the session cookie, if one was used.
///
/// # Errors
/// [`ChangeError`]; nothing was changed then.
pub async fn change_password(
    storage: &impl Storage,
    context: Context<'_>,
    present: Password,
    new: Password,
) -> Result<Option<SessionSecret>, ChangeError> {
    let account = storage
        .account_by_id(context.user)
        .await?
        .ok_or(ChangeError::NoAccount)?;
    let own = accounts::own_words(&account.email, &account.first_name, &account.last_name);
    context.policy.judge(&new, &own)?;
    if new.is(&present) {
        return Err(ChangeError::Unchanged);
    }
    let attempt = context
        .lockout
        .claim_proof(storage, account.id, &account.email, context.now)
        .await?;
    let changed = try_change(storage, context, &attempt, &account, present, new).await;
    match changed {
        Ok(Some(secret)) => {
            attempt.succeeded();
            Ok(secret)
        }
        Ok(None) => {
            let refusal = AuditEntry::refused(
                Action::ChangePassword,
                "wrong-password",
                Actor::User(account.id),
                context.now,
                context.origin,
            )
            .about("user", account.id)
            .in_session(context.sid);
            let attempts_left = attempt
                .fail(storage, Some(account.id), &refusal, context.origin)
                .await?;
            Err(ChangeError::InvalidCredentials { attempts_left })
        }
        Err(error) => {
            attempt.give_back(storage).await;
            Err(error)
        }
    }
}

/// `None`: the present password is another one.
async fn try_change(
    storage: &impl Storage,
    context: Context<'_>,
    attempt: &Attempt<'_>,
    account: &Account,
    present: Password,
    new: Password,
) -> Result<Option<Option<SessionSecret>>, ChangeError> {
    let stored = storage
        .account_by_email(&account.email)
        .await?
        .ok_or(ChangeError::NoAccount)?;
    let compared = context
        .hasher
        .compare(present, Some(&stored.password_hash))
        .await?;
    match compared {
        Comparison::Wrong => return Ok(None),
        Comparison::Right { .. } => {}
    }
    let hash = Rehash {
        from: stored.password_hash,
        to: context.hasher.hash(new).await?,
    };
    store(storage, context, attempt, hash).await
}

async fn store(
    storage: &impl Storage,
    context: Context<'_>,
    attempt: &Attempt<'_>,
    hash: Rehash,
) -> Result<Option<Option<SessionSecret>>, ChangeError> {
    let Context { user, sid, now, .. } = context;
    let secret = match context.session {
        Some(_) => Some(SessionSecret::from_random(session::random()?)),
        None => None,
    };
    let action = Action::ChangePassword;
    let entry = AuditEntry::done(action, Actor::User(user), now, context.origin)
        .about("user", user)
        .in_session(sid);
    let mut change = PasswordChange {
        user,
        hash,
        keep: sid,
        session: context
            .session
            .zip(secret.as_ref().map(SessionSecret::digest)),
        settled: None,
        now,
    };
    loop {
        // Ends: each turn that is overtaken has stored another's, of which there are fewer than the limit.
        change.settled = attempt.success(storage).await?;
        match storage.change_password(&change, &entry).await? {
            Stored::Done => return Ok(Some(secret)),
            Stored::CounterMoved => {}
            Stored::HashMoved => return Ok(None),
        }
    }
}
