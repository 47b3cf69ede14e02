//! Accesses to key-encryption keys that are not in this process, as entries of the audit log.

use std::future::Future;

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    secrets::Purpose,
    storage::StorageError,
};
use crate::custody::{Access, Secrets};

/// What writing accesses down needs of a store.
pub trait AccessLog {
    /// Appends the entries, all or none.
    fn log_accesses(
        &self,
        entries: &[AuditEntry],
    ) -> impl Future<Output = Result<(), StorageError>> + Send;
}

/// Writes down what was asked since the last time. What the store does not take is in the log lines only.
///
/// # Errors
/// When the store fails.
pub async fn write(store: &impl AccessLog, secrets: &Secrets) -> Result<(), StorageError> {
    let entries: Vec<AuditEntry> = secrets.take_accesses().iter().map(entry).collect();
    if entries.is_empty() {
        return Ok(());
    }
    store.log_accesses(&entries).await
}

fn entry(access: &Access) -> AuditEntry {
    let (actor, origin) = (Actor::Issuer, Origin::default());
    let entry = match access.failure {
        None => AuditEntry::done(Action::UseCustody, actor, access.at, &origin),
        Some(reason) => AuditEntry::refused(Action::UseCustody, reason, actor, access.at, &origin),
    };
    entry
        .about(Purpose::subject_of(&access.purpose), &access.purpose)
        .with("act", access.act.name())
        .with("under", &access.key_name)
}
