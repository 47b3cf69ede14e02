//! Events of acts that were logged before there were events. An entry of the audit log says what happened, to whom and when;
//! the circumstances were never written, so these events have none but the range of the address.

use std::collections::BTreeMap;

use edgeward_core::time::UnixTime;
use serde::Deserialize;

use super::EventType;
use crate::domain::{accounts::UserId, audit::Action};

/// Every act that an entry from before the events may be of. Acts that came later always had their events, so none is
/// added here.
const ACTS: [Action; 17] = [
    Action::Register,
    Action::SignIn,
    Action::Refresh,
    Action::RepeatRefresh,
    Action::RefreshReuse,
    Action::SignOut,
    Action::ReplaceSession,
    Action::RevokeSession,
    Action::RevokeAllSessions,
    Action::ChangePassword,
    Action::GiveRole,
    Action::TakeRole,
    Action::Lock,
    Action::Unlock,
    Action::CreateKey,
    Action::EnrollEdge,
    Action::RevokeEdge,
];

/// What an entry says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logged {
    action: String,
    actor: String,
    address: Option<String>,
    at: i64,
    #[serde(default)]
    details: BTreeMap<String, String>,
    outcome: String,
    reason: Option<String>,
    request_id: Option<String>,
    session: Option<String>,
    subject: Option<String>,
}

/// The event of a logged act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEvent {
    /// The moment.
    pub at: UnixTime,
    /// What happened.
    pub kind: EventType,
    /// Whom it is about.
    pub user: Option<UserId>,
    /// The range of the address it came from.
    pub address_range: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// Further facts.
    pub metadata: BTreeMap<String, String>,
}

impl PastEvent {
    /// Of the canonical text of an entry, as `AuditEntry::event` makes it of the entry; `None` for an act that is no event.
    ///
    /// # Errors
    /// When the text is no entry.
    pub fn of_entry(canonical: &str) -> Result<Option<Self>, serde_json::Error> {
        let logged: Logged = serde_json::from_str(canonical)?;
        let act = ACTS.into_iter().find(|act| act.name() == logged.action);
        let kind = act.and_then(|act| EventType::of_act(act, logged.outcome == "refused"));
        let Some(kind) = kind else {
            return Ok(None);
        };
        let named = |text: &Option<String>| {
            text.as_deref()
                .and_then(|text| text.strip_prefix("user:"))
                .and_then(UserId::parse)
        };
        let subject = named(&logged.subject);
        let actor = Some(logged.actor);
        let user = subject.or_else(|| named(&actor));
        let mut metadata = logged.details;
        let further = [
            ("reason", logged.reason),
            ("session", logged.session),
            ("subject", logged.subject.filter(|_| subject.is_none())),
            ("actor", actor),
        ];
        for (name, value) in further {
            metadata.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(Some(Self {
            at: UnixTime::from_seconds(logged.at),
            kind,
            user,
            address_range: logged.address,
            request_id: logged.request_id,
            metadata,
        }))
    }
}
