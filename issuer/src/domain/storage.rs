//! What the domain asks of a database, in acts that are whole or not done at all.
//!
//! The trait stands here because the domain needs it; `store` implements it, and `domain` never names `store`. Every
//! method that changes something takes the [`AuditEntry`] that goes into the same transaction, so an act without its
//! entry cannot be written down in code. There is no transaction object here: the domain decides, hands over one
//! complete act, and reads what became of it.

use std::{error::Error, fmt, future::Future};

use edgeward_core::time::UnixTime;

use super::{
    accounts::{Account, Email, NewAccount, Role, UserId},
    administration::{Person, Selection},
    audit::AuditEntry,
    change_password::{PasswordChange, Stored},
    lockout::{Counter, CounterKey, Failure, Swap},
    refresh::{Arrival, HandOut, ReusedFamily, Rotation},
    roles::{Changed, RoleChange},
    session::{BrowserSession, Digest, Family, ListedFamily, NewSignIn, RevocationReason, Sid},
};

/// The database did not do what it was asked. The text is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Locked or out of connections for longer than a request may wait; the same act may succeed later.
    #[error("the database is busy: {0}")]
    Busy(#[source] Box<dyn Error + Send + Sync>),
    /// The disk is full, or takes no writes for another reason; the same act succeeds when it does again.
    #[error("the database cannot be written: {0}")]
    Unwritable(#[source] Box<dyn Error + Send + Sync>),
    /// Anything else: a lost file, a refused statement.
    #[error("the database failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// A row holds what this program never writes; names the column.
    #[error("the database holds an unreadable value in {0}")]
    Unreadable(&'static str),
}

/// What became of an account to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Creation {
    /// The account exists now.
    Created,
    /// Another account has the address; nothing was written.
    EmailTaken,
}

/// An account together with what only the password check may see.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    /// The account.
    pub account: Account,
    /// The PHC string.
    pub password_hash: PasswordHash,
}

/// A PHC string; not secret like a password, but nothing for a log either.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a PHC string as the hasher or the database gives it.
    #[must_use]
    pub fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

/// What a sign-in by password rests on: the account and the hash as they were when the password was compared. They have to be
/// so still when the sign-in is written, or a password that was just reset, or a role that was just taken, would open a session.
#[derive(Debug, Clone)]
pub struct Proved {
    /// The account, whose roles are in the tokens.
    pub account: Account,
    /// The hash that was compared.
    pub compared: PasswordHash,
    /// The hash to store in its place: the same password's at another cost, or a new password's.
    pub rehashed: Option<PasswordHash>,
}

/// What became of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Entered {
    /// It is done.
    Done,
    /// The counter was no longer as expected; nothing was written.
    CounterMoved,
    /// The account was no longer as it was proved; nothing was written.
    AccountMoved,
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// The memory behind the domain.
pub trait Storage: Send + Sync {
    /// The account of an address.
    fn account_by_email(
        &self,
        email: &Email,
    ) -> impl Future<Output = Result<Option<StoredAccount>, StorageError>> + Send;

    /// The account of an identifier, with its present roles.
    fn account_by_id(
        &self,
        id: UserId,
    ) -> impl Future<Output = Result<Option<Account>, StorageError>> + Send;

    /// Creates an account that nobody has signed in to yet.
    fn create_account(
        &self,
        account: &NewAccount,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<Creation, StorageError>> + Send;

    /// Creates an account and signs it in, or does neither.
    fn register(
        &self,
        account: &NewAccount,
        sign_in: &NewSignIn,
        entries: [&AuditEntry; 2],
    ) -> impl Future<Output = Result<Creation, StorageError>> + Send;

    /// Writes a new family and its session, and ends the families that the browser brought along, each with its own
    /// entry. The account has to be as it was proved, whose hash may be replaced in the same act; without `proved` there was
    /// nothing to prove. With `settled` a counter moves.
    fn sign_in(
        &self,
        sign_in: &NewSignIn,
        proved: Option<&Proved>,
        settled: Option<&Swap>,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<Entered, StorageError>> + Send;

    /// Gives and takes roles and ends the user's sessions, with an entry for each role. Roles that the user has, or lacks,
    /// already are passed over.
    fn change_roles(
        &self,
        change: &RoleChange,
        entries: &[AuditEntry],
    ) -> impl Future<Output = Result<Changed, StorageError>> + Send;

    /// Accounts in the order of their addresses.
    fn people(
        &self,
        selection: &Selection<'_>,
    ) -> impl Future<Output = Result<Vec<Person>, StorageError>> + Send;

    /// One account, and when it was made.
    fn person(
        &self,
        id: UserId,
    ) -> impl Future<Output = Result<Option<Person>, StorageError>> + Send;

    /// For each name in its place the end of the last lock that holds at it, at a known device of it or at a repeated proof.
    fn locks(
        &self,
        names: &[CounterKey],
        now: UnixTime,
    ) -> impl Future<Output = Result<Vec<Option<UnixTime>>, StorageError>> + Send;

    /// The roles that anybody has, in order, at most so many.
    fn known_roles(
        &self,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Role>, StorageError>> + Send;

    /// Stores a new password, ends all sessions of the user, forgets their devices, and writes the family that takes their place;
    /// or does nothing.
    fn change_password(
        &self,
        change: &PasswordChange,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<Stored, StorageError>> + Send;

    /// A counter of failures.
    fn counter(
        &self,
        key: &CounterKey,
    ) -> impl Future<Output = Result<Option<Counter>, StorageError>> + Send;

    /// Moves a counter when it is still as expected. Bookkeeping, not an act: a claim that came to nothing leaves no
    /// trace.
    fn swap_counter(&self, swap: &Swap) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Writes a failed attempt down. `false`: a counter was no longer as expected, nothing was written.
    fn fail_attempt(
        &self,
        failure: &Failure,
        now: UnixTime,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Whether a browser with this device cookie signed in at the account of an address since its password is what it is, and none of
    /// its sessions ended by a suspicion. It costs the same where there is no such account.
    fn knows_device(
        &self,
        email: &Email,
        cookie: &Digest,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Forgets the failures at a name, those of known devices and of repeated proofs too, and notes that it was done, for the wait of
    /// the name to end. `false`: there were none.
    fn forget_failures(
        &self,
        name: &CounterKey,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// When the failures at a name were forgotten last, for a day: by [`Storage::forget_failures`] or a reset of the password.
    fn lifted_at(
        &self,
        name: &CounterKey,
    ) -> impl Future<Output = Result<Option<UnixTime>, StorageError>> + Send;

    /// A family, ended or not.
    fn family(&self, sid: Sid)
    -> impl Future<Output = Result<Option<Family>, StorageError>> + Send;

    /// A family, ended or not, and the account that it is of, as they are at one moment.
    fn family_and_account(
        &self,
        sid: Sid,
    ) -> impl Future<Output = Result<Option<(Family, Account)>, StorageError>> + Send;

    /// The families of a user that can still be refreshed at `now`, the newest first.
    fn live_families(
        &self,
        user: UserId,
        now: UnixTime,
    ) -> impl Future<Output = Result<Vec<ListedFamily>, StorageError>> + Send;

    /// The session of a cookie, with its family, ended or not.
    fn session(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<(BrowserSession, Family)>, StorageError>> + Send;

    /// Moves the idle end of a session. Bookkeeping, not an act: it has no audit entry.
    fn touch_session(
        &self,
        digest: &Digest,
        used_at: UnixTime,
        idle_expires_at: UnixTime,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Compare-and-swap of a family's refresh token. `false`: the family was no longer as expected, nothing changed.
    fn rotate(
        &self,
        rotation: &Rotation,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Notes that the family's current refresh token is handed out once more; the family does not move. `false`: the
    /// family has moved or ended, nothing changed.
    fn hand_out(
        &self,
        hand_out: &HandOut,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Notes that somebody has got the refresh token of number `seq`, if the family still is at it. Bookkeeping, not an
    /// act: it has no audit entry.
    fn confirm(&self, sid: Sid, seq: u64) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// The same of many, each of which counts only if its family still is at its number, and is left out if somebody else is writing
    /// its row. Answers how many were not known.
    fn confirm_all(
        &self,
        arrivals: &[Arrival],
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Ends a family because a spent token came back, and the user's others if the configuration wants that. `false`: it
    /// had ended before or never was; then nothing is written.
    fn end_reused(
        &self,
        reused: &ReusedFamily,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Ends a family and its session. `false`: it had ended before or never was; then nothing is written.
    fn revoke(
        &self,
        sid: Sid,
        reason: RevocationReason,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Ends all live families of a user but one, and answers how many there were. Where there was none, nothing is written.
    fn revoke_all(
        &self,
        user: UserId,
        except: Option<Sid>,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Ends all live families of a user, forgets their devices, and answers how many families there were. Where there was nothing of
    /// either, nothing is written.
    fn revoke_all_and_devices(
        &self,
        user: UserId,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Writes an entry that belongs to no change: a refusal.
    fn record(&self, entry: &AuditEntry) -> impl Future<Output = Result<(), StorageError>> + Send;
}
