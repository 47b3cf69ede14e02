//! Confirming one's identity again within a session (RFC 9470): the password is proved, and the session goes on under a new
//! family with a new time of authentication.
//!
//! A step-up makes a new family and ends the one before. If only the time of the family were renewed, a thief who refreshes
//! the same family would be lifted along with the person: whoever could not prove the password holds nothing afterwards.

use super::{
    accounts::UserId,
    audit::{Action, Actor, AuditEntry},
    login::{self, Context, LoginError, Proof, SignedIn},
    password::Password,
    session::Sid,
    storage::{Storage, StorageError},
};

/// Why the session is as before.
#[derive(Debug, thiserror::Error)]
pub enum StepUpError {
    /// The account is gone.
    #[error("the account is gone")]
    NoAccount,
    /// The password was not proved, or the new family could not be made.
    #[error(transparent)]
    Login(#[from] LoginError),
}

impl From<StorageError> for StepUpError {
    fn from(failure: StorageError) -> Self {
        Self::Login(failure.into())
    }
}

/// Proves the password of a signed-in person and makes a family in place of `sid` and of whatever else
/// [`Context::replaces`] names. Failures are counted apart from those of sign-ins, together with those of a change of password, and by
/// session: strangers cannot lock it, nor does whoever has a stolen session lock the others, who has no more guesses by it.
///
/// # Errors
/// [`StepUpError`]; nothing was changed then but the count of failures.
pub async fn step_up(
    storage: &impl Storage,
    context: Context<'_>,
    (user, sid): (UserId, Sid),
    password: Password,
) -> Result<SignedIn, StepUpError> {
    let account = storage.account_by_id(user).await?;
    let account = account.ok_or(StepUpError::NoAccount)?;
    let attempt = context
        .lockout
        .claim_proof(storage, sid, &account.email, context.now)
        .await
        .map_err(LoginError::from)?;
    match login::prove(storage, context, Some(&account.email), password).await {
        // The address may have become another account's meanwhile.
        Ok(Proof::Right(proved)) if proved.account.id == user => {
            Ok(login::enter(storage, context, &attempt, *proved, Action::StepUp).await?)
        }
        Ok(Proof::Right(_) | Proof::Wrong(_)) => {
            let refusal = AuditEntry::refused(
                Action::StepUp,
                "wrong-password",
                Actor::User(user),
                context.now,
                context.origin,
            )
            .about("user", user)
            .in_session(sid);
            let attempts_left = attempt
                .fail(storage, Some(user), &refusal, context.origin)
                .await?;
            Err(LoginError::InvalidCredentials { attempts_left }.into())
        }
        Err(error) => {
            attempt.give_back(storage).await;
            Err(error.into())
        }
    }
}
