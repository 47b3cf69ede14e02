//! Giving and taking roles. Roles travel in access tokens, so a change ends the user's sessions everywhere: the next
//! sign-in has the new ones.
//!
//! The command line gives or takes one role; an administrator decides about the whole set that a person has, and says
//! which set that was ([`Version`]): of two who decide at once, one is told.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::time::UnixTime;

use super::{
    accounts::{Account, Email, Role, UnfitField, UserId},
    administration::{Holder, Mandate},
    audit::{Action, AuditEntry},
    session::Digest,
    storage::{Storage, StorageError},
};

/// So many bytes of a digest tell one set of roles from another.
const VERSION_BYTES: usize = 16;

/// Whether a role is given or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The user gets it.
    Give,
    /// The user loses it.
    Take,
}

/// The roles of a user as somebody read them, in a word that says nothing about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// Of the roles that an account has.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        let roles: Vec<&str> = account.roles.iter().map(Role::as_str).collect();
        let digest = Digest::of(&format!("roles {} {}", account.id, roles.join(",")));
        let (short, _) = digest.as_bytes().split_at(VERSION_BYTES);
        Self(Base64UrlUnpadded::encode_string(short))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change as the database gets it.
#[derive(Debug, Clone)]
pub struct RoleChange {
    /// Whose.
    pub user: UserId,
    /// The roles that it was decided upon; `None`: whichever there are.
    pub from: Option<Vec<Role>>,
    /// Which roles the user gets.
    pub give: Vec<Role>,
    /// Which the user loses.
    pub take: Vec<Role>,
    /// Who decided, if it has to hold that they may, and that somebody may afterwards.
    pub holder: Option<Holder>,
    /// The moment.
    pub now: UnixTime,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Changed {
    /// It is done, and so many sessions ended.
    Done(u64),
    /// There was nothing to change, and nothing was written.
    Nothing,
    /// The roles were no longer those that it was decided upon; nothing was written.
    Moved,
    /// Who decided does not hold the role of administrators any more; nothing was written.
    NotHeld,
    /// Nobody would hold it afterwards; nothing was written.
    LastHolder,
}

/// Why roles were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// Nobody has the address, or the identifier.
    #[error("no account has this e-mail address")]
    NoAccount,
    /// The roles would not fit into a token.
    #[error(transparent)]
    Unfit(#[from] UnfitField),
    /// The roles are no longer those that were read.
    #[error("the roles were changed meanwhile")]
    Moved,
    /// Who asks is no administrator any more.
    #[error("the role of administrators is not held any more")]
    NotHeld,
    /// The site would have no administrator.
    #[error("nobody would hold the role of administrators")]
    LastHolder,
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
    mandate: &Mandate,
    email: &Email,
    role: Role,
    direction: Direction,
) -> Result<Option<u64>, RoleError> {
    let stored = storage.account_by_email(email).await?;
    let account = stored.ok_or(RoleError::NoAccount)?.account;
    if direction == Direction::Give {
        judge(&account, &role)?;
    }
    let (give, take) = match direction {
        Direction::Give => (vec![role], Vec::new()),
        Direction::Take => (Vec::new(), vec![role]),
    };
    change(storage, mandate, account.id, None, (give, take)).await
}

/// The roles of a user after they were set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolesSet {
    /// The account with its new roles.
    pub account: Account,
    /// How many sessions ended.
    pub sessions_ended: u64,
}

/// Puts a whole set of roles in the place of the one that `version` names, and ends the user's sessions if it is another.
///
/// # Errors
/// [`RoleError`]; nothing was done then.
pub async fn set_roles(
    storage: &impl Storage,
    mandate: &Mandate,
    user: UserId,
    roles: Vec<Role>,
    version: &str,
) -> Result<RolesSet, RoleError> {
    let account = storage.account_by_id(user).await?;
    let mut account = account.ok_or(RoleError::NoAccount)?;
    if Version::of(&account).0 != version {
        return Err(RoleError::Moved);
    }
    let lacks = |of: &[Role], role: &Role| !of.contains(role);
    let give = roles.iter().filter(|role| lacks(&account.roles, role));
    let take = account.roles.iter().filter(|role| lacks(&roles, role));
    let difference = (give.cloned().collect(), take.cloned().collect());
    let from = Some(account.roles.clone());
    let ended = change(storage, mandate, user, from, difference).await?;
    account.roles = roles;
    Ok(RolesSet {
        account,
        sessions_ended: ended.unwrap_or(0),
    })
}

async fn change(
    storage: &impl Storage,
    mandate: &Mandate,
    user: UserId,
    from: Option<Vec<Role>>,
    (give, take): (Vec<Role>, Vec<Role>),
) -> Result<Option<u64>, RoleError> {
    let entry = |action, role: &Role| mandate.done(action, user).with("role", role.as_str());
    let given = give.iter().map(|role| entry(Action::GiveRole, role));
    let taken = take.iter().map(|role| entry(Action::TakeRole, role));
    let entries: Vec<AuditEntry> = given.chain(taken).collect();
    let change = RoleChange {
        user,
        from,
        give,
        take,
        holder: mandate.holder().cloned(),
        now: mandate.now(),
    };
    match storage.change_roles(&change, &entries).await? {
        Changed::Done(ended) => Ok(Some(ended)),
        Changed::Nothing => Ok(None),
        Changed::Moved => Err(RoleError::Moved),
        Changed::NotHeld => Err(RoleError::NotHeld),
        Changed::LastHolder => {
            let refused = mandate.refused(Action::TakeRole, "last-admin", user);
            storage.record(&refused).await?;
            Err(RoleError::LastHolder)
        }
    }
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
