//! Which acts the owner of an account is told of.
//!
//! As a security event is made from its act's audit entry, so is a notice: whoever writes the entry queues the mail with it, and no
//! handler can forget it.

use edgeward_core::time::UnixTime;

use super::Kind;
use crate::{
    config::Notify,
    domain::{
        accounts::UserId,
        audit::{Action, AuditEntry},
        language::Language,
        session::Sid,
    },
};

/// A mail about an act, as far as the act's entry tells. Whether it is sent may depend on what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// Whom to tell. `None`: a name without an account, which is looked for all the same.
    pub user: Option<UserId>,
    /// In which session it happened.
    pub session: Option<Sid>,
    /// From which range of addresses.
    pub place: Option<String>,
    /// In which language, where none is remembered for the account.
    pub language: Option<Language>,
}

impl Notice {
    /// The notice of an act, if there is one and it is switched on.
    #[must_use]
    pub fn of(entry: &AuditEntry, wanted: Notify) -> Option<Self> {
        let refused = entry.refused_because.is_some();
        let (kind, wanted) = match (entry.action, refused) {
            (Action::Lock, _) => (Kind::AccountLocked, wanted.lockout),
            (Action::SignIn, false) => (Kind::NewDevice, wanted.new_device),
            (Action::ChangePassword | Action::ResetPassword, false) => {
                (Kind::PasswordChanged, wanted.password_change)
            }
            (Action::RefreshReuse, _) => (Kind::RefreshReused, wanted.refresh_reuse),
            (
                Action::SignIn
                | Action::ChangePassword
                | Action::ResetPassword
                | Action::Register
                | Action::ImportAccounts
                | Action::RequestRegistration
                | Action::RequestReset
                | Action::DemandStepUp
                | Action::StepUp
                | Action::Refresh
                | Action::RepeatRefresh
                | Action::SignOut
                | Action::ReplaceSession
                | Action::RevokeSession
                | Action::RevokeAllSessions
                | Action::SearchAccounts
                | Action::ViewAccount
                | Action::RevokeToken
                | Action::GiveRole
                | Action::TakeRole
                | Action::Unlock
                | Action::CreateKey
                | Action::ImportKey
                | Action::PublishKey
                | Action::PlanKey
                | Action::ActivateKey
                | Action::RetireKey
                | Action::RevokeKey
                | Action::CreateSecret
                | Action::PublishSecret
                | Action::PlanSecret
                | Action::ActivateSecret
                | Action::RetireSecret
                | Action::RevokeSecret
                | Action::DestroyKey
                | Action::ResealKey
                | Action::UseCustody
                | Action::EnrollEdge
                | Action::RevokeEdge,
                _,
            ) => return None,
        };
        wanted.then(|| Self {
            kind,
            user: user_of(entry),
            session: entry.session,
            place: entry
                .origin
                .address
                .as_ref()
                .map(|range| range.as_str().to_owned()),
            language: entry.origin.language.filter(|_| kind.follows_a_proof()),
        })
    }
}

/// The language of an account, as an act of its person tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Whose.
    pub user: UserId,
    /// What they read.
    pub language: Language,
    /// The session of a sign-in. It tells only from a device that the account knew, because a thief who has the password would
    /// otherwise choose what the owner is warned of the sign-in in.
    pub signed_in: Option<Sid>,
}

impl Reading {
    /// What an act tells, if its person did it and its request names a language.
    #[must_use]
    pub fn of(entry: &AuditEntry) -> Option<Self> {
        if entry.refused_because.is_some() {
            return None;
        }
        let signed_in = if entry.action == Action::SignIn {
            Some(entry.session?)
        } else if matches!(entry.action, Action::Register | Action::ResetPassword) {
            // Both take a link from the mailbox, so whoever does them reads what is written to it.
            None
        } else {
            return None;
        };
        Some(Self {
            user: user_of(entry)?,
            language: entry.origin.language?,
            signed_in,
        })
    }
}

fn user_of(entry: &AuditEntry) -> Option<UserId> {
    let subject = entry.subject.as_deref()?;
    UserId::parse(subject.strip_prefix("user:")?)
}

impl AuditEntry {
    /// The moment of the act.
    #[must_use]
    pub const fn at(&self) -> UnixTime {
        self.at
    }

    /// The language that the request of the act names.
    #[must_use]
    pub const fn language(&self) -> Option<Language> {
        self.origin.language
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Actor, Origin};

    #[test]
    fn owners_are_told_what_is_switched_on() {
        let now = UnixTime::from_seconds(1_795_000_000);
        let user = UserId::from_random(now, [3; 10]);
        let off = Notify {
            lockout: false,
            new_device: false,
            password_change: false,
            refresh_reuse: false,
        };
        let on = Notify::default();
        for (action, refused, kind) in [
            (Action::Lock, false, Some(Kind::AccountLocked)),
            (Action::SignIn, false, Some(Kind::NewDevice)),
            (Action::SignIn, true, None),
            (Action::ChangePassword, false, Some(Kind::PasswordChanged)),
            (Action::ChangePassword, true, None),
            (Action::ResetPassword, false, Some(Kind::PasswordChanged)),
            (Action::RefreshReuse, true, Some(Kind::RefreshReused)),
            (Action::Refresh, false, None),
            (Action::Register, false, None),
            (Action::SignOut, false, None),
        ] {
            let origin = Origin::of_request("r", "192.0.2.77".parse().unwrap());
            let actor = Actor::User(user);
            let entry = match refused {
                true => AuditEntry::refused(action, "because", actor, now, &origin),
                false => AuditEntry::done(action, actor, now, &origin),
            };
            let entry = entry.about("user", user);
            let notice = Notice::of(&entry, on);
            assert_eq!(
                notice.as_ref().map(|notice| notice.kind),
                kind,
                "{action:?}"
            );
            assert_eq!(Notice::of(&entry, off), None, "{action:?}");
            if let Some(notice) = notice {
                assert_eq!(notice.user, Some(user));
                assert_eq!(notice.place.as_deref(), Some("192.0.2.0/24"));
            }
        }
    }
}
