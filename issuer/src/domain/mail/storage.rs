//! What the acts around mailed links ask of a database, beside [`Storage`](crate::domain::storage::Storage).

use std::future::Future;

use edgeward_core::time::UnixTime;

use crate::domain::{
    accounts::{Account, Email},
    audit::AuditEntry,
    registration::{Confirmation, Pending, Registration},
    reset_password::Reset,
    session::Digest,
    storage::StorageError,
};

/// The memory behind mailed links. As in `Storage`, an act comes with its audit entry and is whole or not done at all.
pub trait MailStorage: Send + Sync {
    /// Keeps a registration until its address is confirmed and queues the mail about it, unless the address has had its
    /// mails of the day. Whether the address has an account is not asked.
    fn keep_registration(
        &self,
        registration: &Registration,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// The registration of a link that still works.
    fn pending_registration(
        &self,
        link: &Digest,
        now: UnixTime,
    ) -> impl Future<Output = Result<Option<Pending>, StorageError>> + Send;

    /// Uses a registration up and makes its account; all other registrations of the address end. `false`: it was used or
    /// has ended meanwhile, or the address has an account; nothing was written.
    fn confirm_registration(
        &self,
        confirmation: &Confirmation,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Queues the mail with a link to reset the password, unless the address has had its mails of the day. Whether the
    /// address has an account is not asked.
    fn ask_for_reset(
        &self,
        email: &Email,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// The account whose password a link still resets.
    fn resettable(
        &self,
        link: &Digest,
        now: UnixTime,
    ) -> impl Future<Output = Result<Option<Account>, StorageError>> + Send;

    /// Uses a link up: stores the password, ends all sessions and all links of the user, and forgets the failures at the
    /// name. `false`: the link was used or has ended meanwhile; nothing was written.
    fn reset_password(
        &self,
        reset: &Reset,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}
