//! Changing one's own password: the present one is proved again, every session ends, and a new one takes the place of the
//! session in use.
//!
//! The session in use ends with the others because a thief may hold a copy of all that it consists of, for which people change
//! their password. Whoever could not prove it holds nothing afterwards, as after a [step-up](super::step_up).

use super::{
    accounts::{self, UserId},
    audit::{Action, Actor, AuditEntry},
    lockout::{Attempt, NoAttempt, Swap},
    login::{self, LoginError, Prepared, Proof, SignedIn},
    password::{HashError, Password, Policy, WeakPassword},
    session::{NewSignIn, Sid},
    storage::{Proved, Storage, StorageError},
};

/// Who changes the password, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the session needs that takes the place of the one in use.
    pub sign_in: login::Context<'a>,
    /// Judges the new password.
    pub policy: &'a Policy,
    /// The person.
    pub user: UserId,
    /// The session in use.
    pub sid: Sid,
}

/// Why the password is as before.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The new password is the present one.
    #[error("the new password is the present one")]
    Unchanged,
    /// The new password does not meet the policy.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The account is gone.
    #[error("the account is gone")]
    NoAccount,
    /// The present password was not proved, or the new session could not be made.
    #[error(transparent)]
    Login(#[from] LoginError),
}

impl From<StorageError> for ChangeError {
    fn from(failure: StorageError) -> Self {
        Self::Login(failure.into())
    }
}

impl From<NoAttempt> for ChangeError {
    fn from(failure: NoAttempt) -> Self {
        Self::Login(failure.into())
    }
}

impl From<HashError> for ChangeError {
    fn from(failure: HashError) -> Self {
        Self::Login(failure.into())
    }
}

/// A change as the database gets it.
#[derive(Debug)]
pub struct PasswordChange {
    /// The account, the hash that was compared, and as `rehashed` the one to store.
    pub proved: Proved,
    /// The family that takes the place of all that the user has.
    pub sign_in: NewSignIn,
    /// The counter of failures.
    pub settled: Option<Swap>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Stored {
    /// It is done.
    Done,
    /// The counter was no longer as expected; nothing was written.
    CounterMoved,
    /// The account was no longer as it was proved; nothing was written.
    AccountMoved,
}

/// Changes the password. Answers the session that takes the place of the one in use.
///
/// # Errors
/// [`ChangeError`]; nothing was changed then but the count of failures.
pub async fn change_password(
    storage: &impl Storage,
    context: Context<'_>,
    present: Password,
    new: Password,
) -> Result<SignedIn, ChangeError> {
    let login::Context {
        lockout,
        origin,
        now,
        ..
    } = context.sign_in;
    let account = storage
        .account_by_id(context.user)
        .await?
        .ok_or(ChangeError::NoAccount)?;
    let own = accounts::own_words(&account.email, &account.first_name, &account.last_name);
    context.policy.judge(&new, &own)?;
    if new.is(&present) {
        return Err(ChangeError::Unchanged);
    }
    let attempt = lockout
        .claim_proof(storage, context.sid, &account.email, now)
        .await?;
    let passwords = (&present, &new);
    let mut tried = try_change(storage, context, &attempt, &account.email, passwords).await;
    if matches!(tried, Err(ChangeError::Login(LoginError::AccountMoved))) {
        // Another change may have been quicker, or a sign-in that stored the same password's hash at another cost.
        tried = try_change(storage, context, &attempt, &account.email, passwords).await;
    }
    match tried {
        Ok(Some(signed_in)) => {
            attempt.succeeded();
            Ok(signed_in)
        }
        Ok(None) => {
            let refusal = AuditEntry::refused(
                Action::ChangePassword,
                "wrong-password",
                Actor::User(account.id),
                now,
                origin,
            )
            .about("user", account.id)
            .in_session(context.sid);
            let attempts_left = attempt
                .fail(storage, Some(account.id), &refusal, origin)
                .await
                .map_err(LoginError::from)?;
            Err(LoginError::InvalidCredentials { attempts_left }.into())
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
    email: &accounts::Email,
    (present, new): (&Password, &Password),
) -> Result<Option<SignedIn>, ChangeError> {
    let proof = login::prove(storage, context.sign_in, Some(email), present.clone()).await?;
    let mut proved = match proof {
        // The address may have become another account's meanwhile.
        Proof::Right(proved) if proved.account.id == context.user => proved,
        Proof::Right(_) | Proof::Wrong(_) => return Ok(None),
    };
    proved.rehashed = Some(context.sign_in.hasher.hash(new.clone()).await?);
    store(storage, context, attempt, *proved).await.map(Some)
}

async fn store(
    storage: &impl Storage,
    context: Context<'_>,
    attempt: &Attempt<'_>,
    proved: Proved,
) -> Result<SignedIn, ChangeError> {
    let Context {
        sign_in, user, sid, ..
    } = context;
    // Nothing is replaced beside what ends: the families that came along are the user's.
    let prepared = Prepared::new(sign_in, proved.account.clone(), Vec::new()).await?;
    let action = Action::ChangePassword;
    let entry = AuditEntry::done(action, Actor::User(user), sign_in.now, sign_in.origin)
        .about("user", user)
        .in_session(prepared.new.sid)
        .with("inPlaceOf", sid);
    let mut change = PasswordChange {
        proved,
        sign_in: prepared.new,
        settled: None,
    };
    loop {
        // Ends: each turn that is overtaken has stored another's, of which there are fewer than the limit.
        change.settled = attempt.success(storage).await.map_err(LoginError::from)?;
        match storage.change_password(&change, &entry).await? {
            Stored::Done => return Ok(prepared.signed_in),
            Stored::CounterMoved => {}
            Stored::AccountMoved => return Err(LoginError::AccountMoved.into()),
        }
    }
}
