//! Security events: what an operator looks for, with the circumstances that the audit log must not hold.
//!
//! There is one truth, the audit log. An event of an act is made from the act's own entry ([`AuditEntry::event`]) and
//! written in the same transaction with the entry's number; nobody records it beside the act, so the two cannot tell
//! different stories. What the event adds are circumstances: the e-mail address, the whole client address, the program. They
//! are personal and the log can never be cut, so they stand here, in rows that end after a while. Refusals that change
//! nothing and are not in the log, such as a forged form, are events of their own; whoever is refused chooses how many there
//! are, so only so many of a kind are written down in a minute ([`Quota`]).
//!
//! Refreshes are no events: there is one every few minutes for everybody, the log has them, and the family counts them.

mod kinds;
mod quota;

mod past;

pub use kinds::{Category, EventType, Severity};
pub use past::PastEvent;
pub use quota::{Quota, Ruling};

use std::{collections::BTreeMap, net::IpAddr};

use edgeward_core::time::UnixTime;

use super::{
    accounts::{Email, UserId},
    audit::{Actor, AuditEntry, Origin},
};

/// A user agent is cut here: longer ones are made by nobody honest.
const USER_AGENT_MAX_CHARS: usize = 256;

/// Around a request: what is personal, and therefore in no audit entry.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The client's address.
    pub address: IpAddr,
    /// The `User-Agent`, without control characters and cut to a length.
    pub user_agent: String,
    /// The method.
    pub method: String,
    /// The pattern of the route: a path as sent may hold a token.
    pub path: String,
    /// The address that somebody signed in with, if it was one. What is no address may be a password in the wrong field.
    pub email: Option<Email>,
}

/// An event, before it has its place in the database.
#[derive(Debug, Clone)]
pub struct SecurityEvent {
    /// The moment.
    pub at: UnixTime,
    /// What happened.
    pub kind: EventType,
    /// Whom it is about.
    pub user: Option<UserId>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// What was around it; none for acts of the command line.
    pub circumstances: Option<Circumstances>,
    /// Further facts; nothing personal is among them.
    pub metadata: BTreeMap<&'static str, String>,
}

impl Circumstances {
    /// What is around a request, as far as it may be kept.
    #[must_use]
    pub fn new(address: IpAddr, user_agent: &str, method: &str, route: &str) -> Self {
        Self {
            address,
            user_agent: user_agent
                .chars()
                .filter(|letter| !letter.is_control())
                .take(USER_AGENT_MAX_CHARS)
                .collect(),
            method: method.to_owned(),
            path: route.to_owned(),
            email: None,
        }
    }
}

impl SecurityEvent {
    /// A refusal that is in no audit entry, because it was refused before anybody was known and changed nothing.
    #[must_use]
    pub fn refusal(
        kind: EventType,
        now: UnixTime,
        request_id: &str,
        circumstances: Circumstances,
    ) -> Self {
        Self {
            at: now,
            kind,
            user: None,
            request_id: Some(request_id.to_owned()),
            circumstances: Some(circumstances),
            metadata: BTreeMap::new(),
        }
    }

    /// The further facts as a JSON object.
    ///
    /// # Errors
    /// Never for text; the serialiser's signature allows it.
    pub fn metadata_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.metadata)
    }
}

/// How old an event may be that is kept for so many days.
#[must_use]
pub fn kept_since(now: UnixTime, days: i64) -> UnixTime {
    now.plus(days.saturating_mul(-24 * 3600))
}

impl Origin {
    /// The same with what is around it.
    #[must_use]
    pub fn amid(mut self, circumstances: Circumstances) -> Self {
        self.circumstances = Some(circumstances);
        self
    }

    /// The same with the address that somebody signs in with.
    #[must_use]
    pub fn naming(mut self, email: Option<&Email>) -> Self {
        if let Some(circumstances) = &mut self.circumstances {
            circumstances.email = email.cloned();
        }
        self
    }
}

impl AuditEntry {
    /// The event that this act is, if operators look for its kind.
    #[must_use]
    pub fn event(&self) -> Option<SecurityEvent> {
        let refused = self.refused_because.is_some();
        let kind = EventType::of_act(self.action, refused)?;
        let subject = self.subject.as_deref();
        let user_of_subject = subject
            .and_then(|subject| subject.strip_prefix("user:"))
            .and_then(UserId::parse);
        let user = user_of_subject.or(match self.actor {
            Actor::User(id) => Some(id),
            Actor::Anonymous | Actor::Operator | Actor::Issuer => None,
        });
        let mut metadata = self.details.clone();
        // An import names each account in its entry, which is where somebody looks for one of them.
        metadata.remove("users");
        let sid = self.session.map(|sid| sid.to_string());
        let other_subject = subject.filter(|_| user_of_subject.is_none());
        let further = [
            ("reason", self.refused_because.map(str::to_owned)),
            ("session", sid),
            ("subject", other_subject.map(str::to_owned)),
            ("actor", Some(self.actor.to_string())),
        ];
        for (name, value) in further {
            metadata.extend(value.map(|value| (name, value)));
        }
        Some(SecurityEvent {
            at: self.at,
            kind,
            user,
            request_id: self.origin.request_id.clone(),
            circumstances: self.origin.circumstances.clone(),
            metadata,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_user_agent_is_text_and_not_endless() {
        let address = IpAddr::from([192, 0, 2, 7]);
        let sent = format!("A\u{1b}[31m\r\nB{}", "ö".repeat(1000));
        let kept = Circumstances::new(address, &sent, "GET", "/auth/me").user_agent;
        assert!(kept.starts_with("A[31mBö"), "{kept}");
        assert_eq!(kept.chars().count(), 256);
    }
}
