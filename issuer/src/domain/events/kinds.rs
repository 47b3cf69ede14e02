//! The closed list of events. Names are stable: alerts and queries are written with them.

use crate::domain::audit::Action;

/// How urgent an event is by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What happens every day.
    Info,
    /// What means something when there is much of it.
    Warning,
    /// What one of is worth a look: somebody holds a copy of a secret, the log was changed, or a key of another's came in.
    Critical,
}

impl Severity {
    /// All of them, the least urgent first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Whether somebody is who they say.
    Authentication,
    /// The life of sessions.
    Session,
    /// The life of accounts.
    Account,
    /// Requests that are not believed, whoever sent them.
    Request,
    /// What operators do.
    Administration,
}

impl Category {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Session => "session",
            Self::Account => "account",
            Self::Request => "request",
            Self::Administration => "administration",
        }
    }
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $category:ident, $severity:ident, $success:literal, $message:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventType { $($(#[$doc])* $variant,)* }

        impl EventType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is about.
            #[must_use]
            pub const fn category(self) -> Category {
                match self { $(Self::$variant => Category::$category,)* }
            }

            /// How urgent it is by itself.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Whether what was asked was done.
            #[must_use]
            pub const fn success(self) -> bool {
                match self { $(Self::$variant => $success,)* }
            }

            /// One sentence for people, the same for every occurrence.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

event_types! {
    /// A sign-in.
    LoginSucceeded = "login.succeeded", Authentication, Info, true, "Somebody signed in.";
    /// A sign-in with a wrong address or password.
    LoginFailed = "login.failed", Authentication, Warning, false, "A sign-in failed.";
    /// A new account.
    AccountRegistered = "account.registered", Account, Info, true, "An account was made.";
    /// A registration that was refused.
    RegistrationRefused = "registration.refused", Account, Info, false, "A registration was refused.";
    /// A spent refresh token came back.
    RefreshReused = "refresh.reused", Session, Critical, false, "A spent refresh token came back; its session was ended.";
    /// A client that had lost an answer got its successor once more.
    RefreshRepeated = "refresh.repeated", Session, Info, true, "A refresh token was handed out once more to a client that had lost it.";
    /// A refresh from another device or place, where the settings say that this ends the session.
    RefreshFromElsewhere = "refresh.from-elsewhere", Session, Warning, false, "A refresh came from another device or place; its session was ended.";
    /// A refresh from another device or place, where the settings say that the person must confirm their identity.
    StepUpDemanded = "step-up.demanded", Session, Warning, true, "A refresh came from another device or place; the person has to confirm their identity.";
    /// A signed-in person proved again who they are.
    StepUpSucceeded = "step-up.succeeded", Authentication, Info, true, "Somebody confirmed their identity again.";
    /// A signed-in person did not prove it.
    StepUpFailed = "step-up.failed", Authentication, Warning, false, "Somebody did not confirm their identity.";
    /// A person ended the session in use.
    SignedOut = "session.signed-out", Session, Info, true, "Somebody signed out.";
    /// A new sign-in ended the session that the same browser had, or one to make room among as many as an account may have.
    SessionReplaced = "session.replaced", Session, Info, true, "A sign-in ended the session that the browser had, or one that lay unused where the account had as many as it may.";
    /// A person ended another session.
    SessionRevoked = "session.revoked", Session, Info, true, "A session was ended from the list.";
    /// A person ended all sessions.
    SessionsRevoked = "sessions.revoked", Session, Warning, true, "All sessions of a user were ended.";
    /// An operator revoked one access token.
    TokenRevoked = "token.revoked", Session, Warning, true, "An access token was revoked.";
    /// A person changed the password.
    PasswordChanged = "password.changed", Account, Warning, true, "A password was changed; every session from before was ended.";
    /// A change of password that was refused.
    PasswordChangeRefused = "password-change.refused", Account, Warning, false, "A change of password was refused.";
    /// A registration waits for its address to be confirmed.
    RegistrationRequested = "registration.requested", Account, Info, true, "Somebody registered; the address was written to.";
    /// A link to reset a password was asked for.
    ResetRequested = "password-reset.requested", Account, Info, true, "A link to reset a password was asked for.";
    /// A mailed link was used.
    PasswordReset = "password.reset", Account, Warning, true, "A password was reset by a mailed link; all sessions were ended.";
    /// A mail that was given up.
    MailFailed = "mail.failed", Account, Warning, false, "A mail could not be delivered and was given up.";
    /// A role was given or taken.
    RolesChanged = "roles.changed", Administration, Warning, true, "The roles of a user were changed; the sessions were ended.";
    /// What only administrators may do was asked for by somebody else, or would have left the site without one.
    AdministrationRefused = "administration.refused", Administration, Warning, false, "An act of administration was refused.";
    /// Too many failures locked a name or a range of addresses.
    AccountLocked = "account.locked", Authentication, Warning, false, "Too many failures locked further attempts for a while.";
    /// A lock was ended by an operator or an administrator.
    AccountUnlocked = "account.unlocked", Administration, Info, true, "The lock or the wait of an account was ended before its time.";
    /// Accounts that an operator took over from another system.
    AccountsImported = "accounts.imported", Administration, Warning, true, "Accounts were taken over from another system.";
    /// A signing key was made.
    KeyCreated = "key.created", Administration, Warning, true, "A signing key was made.";
    /// A walk along the audit log met what nobody wrote.
    AuditLogBroken = "audit-log.broken", Administration, Critical, false, "The audit log is not what was written.";
    /// A signing key of somebody else's was taken in.
    KeyImported = "key.imported", Administration, Critical, true, "A signing key was imported.";
    /// Another key signs.
    KeyActivated = "key.activated", Administration, Warning, true, "Another signing key signs from now on.";
    /// A signing key is not to be believed any more.
    KeyRevoked = "key.revoked", Administration, Critical, true, "A signing key was revoked; what it signed is refused.";
    /// A signing key that had ended is no more where it was held.
    KeyDestroyed = "key.destroyed", Administration, Warning, true, "A signing key that had ended was destroyed where it was held.";
    /// A row of a signing key is not what an issuer wrote.
    KeyLeftOut = "key.left-out", Administration, Critical, false, "A row of a signing key is left out of the key set: no issuer wrote it, or nobody could prove who did.";
    /// Another secret makes CSRF or refresh tokens.
    SecretActivated = "secret.activated", Administration, Warning, true, "Another secret makes CSRF or refresh tokens from now on.";
    /// A secret of tokens is not to be believed any more.
    SecretRevoked = "secret.revoked", Administration, Critical, true, "A secret was revoked; CSRF or refresh tokens that it made are refused.";
    /// A signing key or a secret of tokens came under another key-encryption key.
    KeyResealed = "key.resealed", Administration, Warning, true, "A signing key or a secret of tokens was sealed under another key-encryption key.";
    /// A key-encryption key elsewhere did not do its work.
    CustodyFailed = "custody.failed", Administration, Warning, false, "A key-encryption key could not be used.";
    /// An edge was enrolled.
    EdgeEnrolled = "edge.enrolled", Administration, Warning, true, "An edge was enrolled.";
    /// An edge was revoked.
    EdgeRevoked = "edge.revoked", Administration, Warning, true, "An edge was revoked.";
    /// A form or a request without a good CSRF token.
    CsrfRefused = "csrf.refused", Request, Warning, false, "A request had no good CSRF token.";
    /// A request from a page of another origin.
    OriginRefused = "origin.refused", Request, Warning, false, "A request came from a page of another origin.";
    /// Administration was asked for from an address that it is not open to.
    AddressRefused = "address.refused", Request, Warning, false, "Administration was asked for from an address that it is not open to.";
    /// The token of a challenge that does not hold.
    CaptchaRefused = "captcha.refused", Request, Warning, false, "A challenge was not solved.";
    /// What should be the proof of an edge is not signed by one, which anybody can send.
    EdgeProofRefused = "edge-proof.refused", Request, Warning, false, "What should be the proof of an edge was not signed by one.";
    /// A proof that an enrolled edge signed, for another request or another time.
    EdgeProofMisused = "edge-proof.misused", Request, Critical, false, "A proof that an edge had signed came with another request, or at another time.";
    /// An access token that does not verify, or of a key that is not ours.
    AccessTokenRefused = "access-token.refused", Request, Warning, false, "An access token did not verify.";
    /// A refresh token that is not genuine, or of a session that has ended.
    RefreshTokenRefused = "refresh-token.refused", Request, Info, false, "A refresh token was not acceptable.";
    /// The token of a mailed link that was used, has expired or never was.
    MailLinkRefused = "mail-link.refused", Request, Info, false, "The token of a mailed link was not acceptable.";
}

impl EventType {
    /// The event that an entry of the audit log is. Whoever adds an action says here whether operators look for it.
    #[must_use]
    pub const fn of_act(action: Action, refused: bool) -> Option<Self> {
        Some(match (action, refused) {
            (Action::SignIn, false) => Self::LoginSucceeded,
            (Action::SignIn, true) => Self::LoginFailed,
            (Action::Register, false) => Self::AccountRegistered,
            (Action::Register, true) => Self::RegistrationRefused,
            (Action::ImportAccounts, _) => Self::AccountsImported,
            (Action::Refresh, false) => return None,
            (Action::Refresh, true) => Self::RefreshFromElsewhere,
            (Action::DemandStepUp, _) => Self::StepUpDemanded,
            (Action::StepUp, false) => Self::StepUpSucceeded,
            (Action::StepUp, true) => Self::StepUpFailed,
            (Action::RepeatRefresh, _) => Self::RefreshRepeated,
            (Action::RefreshReuse, _) => Self::RefreshReused,
            (Action::SignOut, _) => Self::SignedOut,
            (Action::ReplaceSession, _) => Self::SessionReplaced,
            (Action::RevokeSession, false) => Self::SessionRevoked,
            (Action::RevokeAllSessions, false) => Self::SessionsRevoked,
            (Action::RevokeToken, _) => Self::TokenRevoked,
            (Action::ChangePassword, false) => Self::PasswordChanged,
            (Action::ChangePassword, true) => Self::PasswordChangeRefused,
            (Action::RequestRegistration, _) => Self::RegistrationRequested,
            (Action::RequestReset, _) => Self::ResetRequested,
            (Action::ResetPassword, _) => Self::PasswordReset,
            // Looking is in the log; who looks at much is a question to it.
            (Action::SearchAccounts | Action::ViewAccount, false) => return None,
            (Action::GiveRole | Action::TakeRole, false) => Self::RolesChanged,
            (
                Action::SearchAccounts
                | Action::ViewAccount
                | Action::GiveRole
                | Action::TakeRole
                | Action::Unlock
                | Action::RevokeSession
                | Action::RevokeAllSessions,
                true,
            ) => Self::AdministrationRefused,
            (Action::Lock, _) => Self::AccountLocked,
            (Action::Unlock, false) => Self::AccountUnlocked,
            (Action::CreateKey, _) => Self::KeyCreated,
            (Action::ImportKey, _) => Self::KeyImported,
            // They announce or follow what has an event of its own; the log has them.
            (Action::PublishKey | Action::PlanKey | Action::RetireKey, _) => return None,
            (Action::ActivateKey, _) => Self::KeyActivated,
            (Action::RevokeKey, _) => Self::KeyRevoked,
            (Action::DestroyKey, _) => Self::KeyDestroyed,
            (
                Action::CreateSecret
                | Action::PublishSecret
                | Action::PlanSecret
                | Action::RetireSecret,
                _,
            ) => return None,
            (Action::ActivateSecret, _) => Self::SecretActivated,
            (Action::RevokeSecret, _) => Self::SecretRevoked,
            (Action::ResealKey, _) => Self::KeyResealed,
            (Action::UseCustody, false) => return None,
            (Action::UseCustody, true) => Self::CustodyFailed,
            (Action::EnrollEdge, _) => Self::EdgeEnrolled,
            (Action::RevokeEdge, _) => Self::EdgeRevoked,
        })
    }

    /// The event of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart_and_found_again() {
        let names: BTreeSet<&str> = EventType::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        for kind in EventType::ALL {
            assert_eq!(EventType::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(EventType::from_name("login"), None);
    }

    #[test]
    fn severities_have_an_order() {
        assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Critical);
    }
}
