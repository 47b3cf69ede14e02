//! What is written down about each act, and the chain that makes a later change visible.
//!
//! An entry is a canonical text: a JSON object by the rules of RFC 8785 (members in order of their names, no blanks,
//! whole numbers only, all names ASCII).
//!
//! An entry never holds a secret, an e-mail address, a name or a whole client address: the log cannot be edited, so
//! personal data in it could not be erased. Persons appear as their identifier, addresses as their range.

mod chain;

pub use chain::{BEFORE_THE_FIRST, ChainBreak, ChainWalk, EntryHash, LoggedEntry, entry_hash};

use std::{collections::BTreeMap, fmt, net::IpAddr};

use edgeward_core::time::UnixTime;
use serde::Serialize;

use super::{
    accounts::UserId,
    events::Circumstances,
    language::Language,
    session::{AddressRange, Sid},
};

/// The version of the entry's form, the member `v`.
const FORM: u8 = 1;

/// Acts and refusals. The name in the log is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An account was made, by its person or by an operator.
    Register,
    /// An operator took accounts over from another system: one batch of them.
    ImportAccounts,
    /// A sign-in with a password.
    SignIn,
    /// A refresh token was exchanged for its successor.
    Refresh,
    /// The same from another device or place, where the settings say that the person must then confirm their identity.
    DemandStepUp,
    /// A signed-in person proved again who they are.
    StepUp,
    /// A refresh was answered once more with the same successor.
    RepeatRefresh,
    /// A spent refresh token came back and its family was ended.
    RefreshReuse,
    /// A person ended the session in use.
    SignOut,
    /// A browser signed in anew, which ended the session it had. Its user may be another one than the actor.
    ReplaceSession,
    /// A person ended a session from the list, or an administrator one of somebody else.
    RevokeSession,
    /// A person ended all sessions, or all others, or an administrator those of somebody else.
    RevokeAllSessions,
    /// An operator revoked one access token; its session goes on.
    RevokeToken,
    /// A person changed the password, which ended all sessions from before.
    ChangePassword,
    /// Somebody registered with an address that is to be confirmed. Whether it has an account is not told.
    RequestRegistration,
    /// Somebody asked for a link to reset a password. Whether the address has an account is not told.
    RequestReset,
    /// A mailed link was used to choose another password, which ended all sessions.
    ResetPassword,
    /// An administrator looked for people; for whom is personal and not in the log.
    SearchAccounts,
    /// An administrator looked at the account of a person and its sessions.
    ViewAccount,
    /// An operator or an administrator gave a role, which ended the user's sessions.
    GiveRole,
    /// An operator or an administrator took a role, which ended the user's sessions.
    TakeRole,
    /// Too many failures locked a name, a device or a range of addresses for a while.
    Lock,
    /// An operator or an administrator ended a lock before its time.
    Unlock,
    /// A signing key was made.
    CreateKey,
    /// An operator took a signing key in that somebody else made.
    ImportKey,
    /// A signing key was shown to verifiers.
    PublishKey,
    /// The moment was set from which a signing key signs.
    PlanKey,
    /// A signing key signs from now on, in the place of another.
    ActivateKey,
    /// A signing key was taken out of the key set: nothing that it signed is valid any more.
    RetireKey,
    /// An operator revoked a signing key: nothing that it signed is to be believed.
    RevokeKey,
    /// An operator had a signing key destroyed where it is held: it has ended.
    DestroyKey,
    /// A secret of tokens was made, or taken from the data folder.
    CreateSecret,
    /// A secret of tokens was told to every issuer and edge.
    PublishSecret,
    /// The moment was set from which a secret makes tokens.
    PlanSecret,
    /// A secret makes tokens from now on, in the place of another.
    ActivateSecret,
    /// A secret is accepted no more: nothing that it made is good any more.
    RetireSecret,
    /// An operator revoked a secret: nothing that it made is accepted.
    RevokeSecret,
    /// An operator brought a signing key or a secret under another key-encryption key.
    ResealKey,
    /// A key-encryption key that is not in this process was asked for, by this process.
    UseCustody,
    /// An edge was enrolled.
    EnrollEdge,
    /// An edge was revoked.
    RevokeEdge,
}

impl Action {
    /// The name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "account.register",
            Self::ImportAccounts => "account.import",
            Self::SignIn => "session.sign-in",
            Self::Refresh => "session.refresh",
            Self::DemandStepUp => "session.demand-step-up",
            Self::StepUp => "session.step-up",
            Self::RepeatRefresh => "session.refresh-repeat",
            Self::RefreshReuse => "session.refresh-reuse",
            Self::SignOut => "session.sign-out",
            Self::ReplaceSession => "session.replace",
            Self::RevokeSession => "session.revoke",
            Self::RevokeAllSessions => "session.revoke-all",
            Self::RevokeToken => "token.revoke",
            Self::ChangePassword => "account.change-password",
            Self::RequestRegistration => "account.request-registration",
            Self::RequestReset => "account.request-reset",
            Self::ResetPassword => "account.reset-password",
            Self::SearchAccounts => "account.search",
            Self::ViewAccount => "account.view",
            Self::GiveRole => "account.give-role",
            Self::TakeRole => "account.take-role",
            Self::Lock => "account.lock",
            Self::Unlock => "account.unlock",
            Self::CreateKey => "key.create",
            Self::ImportKey => "key.import",
            Self::PublishKey => "key.publish",
            Self::PlanKey => "key.plan",
            Self::ActivateKey => "key.activate",
            Self::RetireKey => "key.retire",
            Self::RevokeKey => "key.revoke",
            Self::DestroyKey => "key.destroy",
            Self::CreateSecret => "secret.create",
            Self::PublishSecret => "secret.publish",
            Self::PlanSecret => "secret.plan",
            Self::ActivateSecret => "secret.activate",
            Self::RetireSecret => "secret.retire",
            Self::RevokeSecret => "secret.revoke",
            Self::ResealKey => "key.reseal",
            Self::UseCustody => "custody.use",
            Self::EnrollEdge => "edge.enroll",
            Self::RevokeEdge => "edge.revoke",
        }
    }
}

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody that is known: a refused stranger.
    Anonymous,
    /// A user.
    User(UserId),
    /// Who may run the command line on this machine.
    Operator,
    /// The issuer by itself, such as on its first start.
    Issuer,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Operator => f.write_str("operator"),
            Self::Issuer => f.write_str("issuer"),
        }
    }
}

/// Where a request came from, as far as the log may know.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The id of the request, which is also in the log lines and in the answer.
    pub request_id: Option<String>,
    /// The range of the client's address.
    pub address: Option<AddressRange>,
    /// What is around it. It goes into the event of the act and never into the entry.
    pub circumstances: Option<Circumstances>,
    /// The language that the request names. It goes into the mail about the act and never into the entry.
    pub language: Option<Language>,
}

impl Origin {
    /// The origin of a request.
    #[must_use]
    pub fn of_request(request_id: &str, address: IpAddr) -> Self {
        Self {
            request_id: Some(request_id.to_owned()),
            address: Some(AddressRange::of(address)),
            circumstances: None,
            language: None,
        }
    }

    /// The same of a request that names a language.
    #[must_use]
    pub fn read_in(mut self, language: Option<Language>) -> Self {
        self.language = language;
        self
    }
}

/// One entry, before it has its place in the chain.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    pub(super) at: UnixTime,
    pub(super) actor: Actor,
    pub(super) action: Action,
    pub(super) refused_because: Option<&'static str>,
    pub(super) subject: Option<String>,
    pub(super) session: Option<Sid>,
    pub(super) origin: Origin,
    pub(super) details: BTreeMap<&'static str, String>,
}

impl AuditEntry {
    /// An act that was done.
    #[must_use]
    pub fn done(action: Action, actor: Actor, now: UnixTime, origin: &Origin) -> Self {
        Self {
            at: now,
            actor,
            action,
            refused_because: None,
            subject: None,
            session: None,
            origin: origin.clone(),
            details: BTreeMap::new(),
        }
    }

    /// An act that was refused, and the stable name of the reason.
    #[must_use]
    pub fn refused(
        action: Action,
        reason: &'static str,
        actor: Actor,
        now: UnixTime,
        origin: &Origin,
    ) -> Self {
        Self {
            refused_because: Some(reason),
            ..Self::done(action, actor, now, origin)
        }
    }

    /// What the act was about, as `user:…`, `key:…`, `edge:…`.
    #[must_use]
    pub fn about(mut self, kind: &'static str, id: impl fmt::Display) -> Self {
        self.subject = Some(format!("{kind}:{id}"));
        self
    }

    /// The session it happened in or to.
    #[must_use]
    pub fn in_session(mut self, sid: Sid) -> Self {
        self.session = Some(sid);
        self
    }

    /// A further fact. The name is ASCII; the value must hold nothing personal.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.details.insert(name, value.to_string());
        self
    }

    /// The text that the hash covers.
    ///
    /// # Errors
    /// Never for entries made here; the serialiser's signature allows it.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Canonical {
            action: self.action.name(),
            actor: self.actor.to_string(),
            address: self.origin.address.as_ref().map(AddressRange::as_str),
            at: self.at,
            details: &self.details,
            outcome: if self.refused_because.is_some() {
                "refused"
            } else {
                "done"
            },
            reason: self.refused_because,
            request_id: self.origin.request_id.as_deref(),
            session: self.session.map(|sid| sid.to_string()),
            subject: self.subject.as_deref(),
            v: FORM,
        })
    }
}

/// The members in the order of RFC 8785 3.2.3, which for ASCII names is the order of their bytes. The serialiser
/// writes strings and whole numbers as that RFC asks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Canonical<'a> {
    action: &'static str,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    at: UnixTime,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: &'a BTreeMap<&'static str, String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    v: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> AuditEntry {
        let origin = Origin::of_request("r-1", "192.0.2.77".parse().unwrap());
        AuditEntry::done(
            Action::EnrollEdge,
            Actor::Operator,
            UnixTime::from_seconds(1_795_000_000),
            &origin,
        )
        .about("edge", "e-1")
        .with("note", "a \"quoted\"\nline")
    }

    #[test]
    fn the_canonical_text_is_ordered_and_has_no_blanks() {
        assert_eq!(
            entry().canonical().unwrap(),
            r#"{"action":"edge.enroll","actor":"operator","address":"192.0.2.0/24","at":1795000000,"details":{"note":"a \"quoted\"\nline"},"outcome":"done","requestId":"r-1","subject":"edge:e-1","v":1}"#
        );
    }

    #[test]
    fn the_members_are_in_the_order_of_their_names() {
        let origin = Origin::of_request("r", "2001:db8::1".parse().unwrap());
        let mut full = AuditEntry::refused(
            Action::SignIn,
            "wrong-password",
            Actor::Anonymous,
            UnixTime::from_seconds(1),
            &origin,
        )
        .about("user", "u")
        .with("b", 1)
        .with("a", 2);
        full.session = Some(Sid::from_random(UnixTime::from_seconds(1), [7; 10]));
        let text = full.canonical().unwrap();
        let sorted: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&sorted).unwrap(), text);
        assert_eq!(sorted.len(), 11, "every member appears");
    }
}
