//! Who may act upon the accounts of others, and the proof of it.

use edgeward_core::time::{LEEWAY_SECONDS, UnixTime};

use crate::domain::{
    accounts::{Account, Role, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    session::Family,
    storage::{Storage, StorageError},
};

/// Somebody who holds the role of administrators in the database: enough to look.
#[derive(Debug, Clone)]
pub struct Authority {
    account: Account,
    role: Role,
    auth_time: UnixTime,
}

/// Asks the database whether the user of a session holds the role of administrators now.
///
/// # Errors
/// When the database fails.
pub async fn authorise(
    storage: &impl Storage,
    family: &Family,
    role: &Role,
) -> Result<Option<Authority>, StorageError> {
    let account = storage.account_by_id(family.user).await?;
    Ok(account
        .filter(|account| account.roles.contains(role))
        .map(|account| Authority {
            account,
            role: role.clone(),
            auth_time: family.auth_time,
        }))
}

/// The administrator signed in too long ago for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in is older than {max_age_seconds} seconds")]
pub struct TooOld {
    /// How old it may be.
    pub max_age_seconds: i64,
}

impl Authority {
    /// Who.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Their identifier.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.account.id
    }

    /// Whether a change is possible without confirming one's identity first.
    #[must_use]
    pub fn is_recent(&self, max_age_seconds: i64, now: UnixTime) -> bool {
        // As at the edge: a moment that seems to come is taken for a clock that is a little ahead.
        (-LEEWAY_SECONDS..=max_age_seconds).contains(&now.seconds_since(self.auth_time))
    }

    /// The mandate for a change.
    ///
    /// # Errors
    /// [`TooOld`].
    pub fn mandate(
        self,
        max_age_seconds: i64,
        now: UnixTime,
        origin: &Origin,
    ) -> Result<Mandate, TooOld> {
        if !self.is_recent(max_age_seconds, now) {
            return Err(TooOld { max_age_seconds });
        }
        Ok(Mandate {
            actor: Actor::User(self.account.id),
            holder: Some(Holder {
                user: self.account.id,
                role: self.role,
            }),
            origin: origin.clone(),
            now,
        })
    }
}

/// The right to change what is somebody else's: by whom, from where, at which moment.
#[derive(Debug, Clone)]
pub struct Mandate {
    actor: Actor,
    holder: Option<Holder>,
    origin: Origin,
    now: UnixTime,
}

/// On what a mandate rests that is not the operator's. It is looked at once more in the transaction of the act, which must
/// not leave the role without anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who acts.
    pub user: UserId,
    /// The role of administrators.
    pub role: Role,
}

impl Mandate {
    /// That of the command line: who may run it can change the database as well.
    #[must_use]
    pub fn operator(now: UnixTime) -> Self {
        Self {
            actor: Actor::Operator,
            holder: None,
            origin: Origin::default(),
            now,
        }
    }

    /// On what it rests.
    #[must_use]
    pub const fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// The moment of the act.
    #[must_use]
    pub const fn now(&self) -> UnixTime {
        self.now
    }

    /// The entry of an act upon a user.
    #[must_use]
    pub fn done(&self, action: Action, user: UserId) -> AuditEntry {
        AuditEntry::done(action, self.actor, self.now, &self.origin).about("user", user)
    }

    /// The entry of one that was refused.
    #[must_use]
    pub fn refused(&self, action: Action, reason: &'static str, user: UserId) -> AuditEntry {
        AuditEntry::refused(action, reason, self.actor, self.now, &self.origin).about("user", user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::accounts::{Email, PersonName};

    #[test]
    fn a_change_wants_a_recent_sign_in() {
        let at = UnixTime::from_seconds;
        let authority = Authority {
            account: Account {
                id: UserId::from_random(at(0), [1; 10]),
                email: Email::parse("root@example.test").unwrap(),
                first_name: PersonName::default(),
                last_name: PersonName::default(),
                roles: Vec::new(),
            },
            role: Role::parse("admin").unwrap(),
            auth_time: at(10_000),
        };
        for (now, recent) in [
            (10_000, true),
            (10_300, true),
            (10_301, false),
            (9_940, true),
            (9_939, false),
        ] {
            let mandate = authority.clone().mandate(300, at(now), &Origin::default());
            assert_eq!(mandate.is_ok(), recent, "{now}");
        }
    }
}
