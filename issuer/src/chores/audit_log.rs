//! Walks the audit log while the issuer serves, and says when it is not what was written.
//!
//! Each process walks by itself and remembers where it stands, so it also notices a tail that was cut off or written anew
//! since its last look, which the chain alone does not show.

use edgeward_core::time::UnixTime;

use crate::{
    App,
    domain::{
        audit::{ChainBreak, ChainWalk},
        events::{EventType, SecurityEvent},
    },
    store::audit::ChainVerdict,
};

/// After so long the walk begins anew, because what was walked before may have been changed since. In between only what
/// was appended is read: a busy site appends millions of entries in a month, and reading them every hour would be felt.
const BEGIN_ANEW_SECONDS: i64 = 24 * 3600;

/// How far one process has come.
#[derive(Debug)]
pub struct Walk {
    walked: ChainWalk,
    begun_at: Option<UnixTime>,
}

impl Default for Walk {
    fn default() -> Self {
        Self::new()
    }
}

impl Walk {
    /// Nothing is walked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            walked: ChainWalk::start(),
            begun_at: None,
        }
    }

    /// Walks to the end. A break is an error in the log and a security event, at each look anew.
    pub async fn go_on(&mut self, app: &App) {
        let now = app.clock.now();
        let is_old = |begun: UnixTime| now.seconds_since(begun) >= BEGIN_ANEW_SECONDS;
        if self.begun_at.is_none_or(is_old) {
            (self.walked, self.begun_at) = (ChainWalk::start(), Some(now));
        }
        match app.store.walk_audit_log(self.walked).await {
            Ok(ChainVerdict::Whole(walked)) => self.walked = walked,
            Ok(ChainVerdict::Broken(broken)) => {
                // The walk stays where it was, so the next look meets the same.
                tell(app, broken, now).await;
            }
            Err(error) => tracing::warn!(detail = %error, "the audit log could not be walked"),
        }
    }
}

async fn tell(app: &App, broken: ChainBreak, now: UnixTime) {
    tracing::error!(detail = %broken, "the audit log is not what was written");
    let event = SecurityEvent {
        at: now,
        kind: EventType::AuditLogBroken,
        user: None,
        request_id: None,
        circumstances: None,
        metadata: [("break", broken.to_string())].into(),
    };
    if let Err(error) = app.store.record_event(&event).await {
        tracing::warn!(detail = %error, "a security event could not be written");
    }
}
