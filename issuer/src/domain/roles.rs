//! Giving and taking roles. Roles travel in access tokens, so a change ends the user's sessions everywhere: the next
//! sign-in has the new ones.

use edgeward_core::time::UnixTime;

use super::{
    accounts::{Account, Email, Role, UnfitField, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    storage::{Storage, StorageError},
};

/// Whether a role is given or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The user gets it.
    Give,
    /// The user loses it.
    Take,
}

/// A change as the database gets it.
#[derive(Debug, Clone)]
pub struct RoleChange {
    /// Whose.
    pub user: UserId,
    /// Which role.
    pub role: Role,
    /// Which way.
    pub direction: Direction,
    /// The moment.
    pub now: UnixTime,
}

/// Why a role was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// Nobody has the address.
    #[error("no account has this e-mail address")]
    NoAccount,
    /// The roles would not fit into a token.
    #[error(transparent)]
    Unfit(#[from] UnfitField),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Changes a role and ends the user's sessions, or does neither. Answers how many sessions ended; `None`: the user has,
/// or lacks, the role already, and nothing was done.
///
/// # Errors
/// [`RoleError`]; nothing was done then.
pub async fn change_role(
    storage: &impl Storage,
    email: &Email,
    role: Role,
    direction: Direction,
    now: UnixTime,
) -> Result<Option<u64>, RoleError> {
    let stored = storage.account_by_email(email).await?;
    let account = stored.ok_or(RoleError::NoAccount)?.account;
    if direction == Direction::Give {
        judge(&account, &role)?;
    }
    let action = match direction {
        Direction::Give => Action::GiveRole,
        Direction::Take => Action::TakeRole,
    };
    let entry = AuditEntry::done(action, Actor::Operator, now, &Origin::default())
        .about("user", account.id)
        .with("role", role.as_str());
    let change = RoleChange {
        user: account.id,
        role,
        direction,
        now,
    };
    Ok(storage.change_role(&change, &entry).await?)
}

fn judge(account: &Account, role: &Role) -> Result<(), UnfitField> {
    let mut all: Vec<String> = account
        .roles
        .iter()
        .map(|role| role.as_str().to_owned())
        .collect();
    all.push(role.as_str().to_owned());
    Role::parse_all(&all).map(|_| ())
}
