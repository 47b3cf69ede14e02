//! The domain's [`Storage`], kept by this database: each act is one transaction with its audit entry.

use edgeward_core::time::UnixTime;

use super::{
    Store, WriteTx, attempts, ends, families, many_rows::MOST_ROWS, people, registrations,
    sessions, users,
};
use crate::domain::{
    accounts::{Account, Email, NewAccount, Role, UserId},
    administration::{Person, Selection},
    audit::AuditEntry,
    change_password::{PasswordChange, Stored},
    lockout::{Counter, CounterKey, Failure, Swap},
    refresh::{Arrival, HandOut, ReusedFamily, Rotation},
    roles::{Changed, RoleChange},
    session::{
        BrowserSession, Digest, Family, ListedFamily, NewSignIn, Replaced, RevocationReason, Sid,
    },
    storage::{Creation, Entered, Proved, Storage, StorageError, StoredAccount},
};

impl Storage for Store {
    async fn account_by_email(&self, email: &Email) -> Result<Option<StoredAccount>, StorageError> {
        users::by_email(self.readers(), email).await
    }

    async fn account_by_id(&self, id: UserId) -> Result<Option<Account>, StorageError> {
        users::by_id(self.readers(), id).await
    }

    async fn create_account(
        &self,
        account: &NewAccount,
        entry: &AuditEntry,
    ) -> Result<Creation, StorageError> {
        let mut tx = self.write().await?;
        match users::insert(&mut tx, account).await? {
            Creation::Created => {
                tx.commit(entry).await?;
                Ok(Creation::Created)
            }
            Creation::EmailTaken => {
                tx.roll_back().await?;
                Ok(Creation::EmailTaken)
            }
        }
    }

    async fn register(
        &self,
        account: &NewAccount,
        sign_in: &NewSignIn,
        [registered, signed_in]: [&AuditEntry; 2],
    ) -> Result<Creation, StorageError> {
        let mut tx = self.write().await?;
        match users::insert(&mut tx, account).await? {
            Creation::Created => {
                tx.append(registered);
                write_sign_in(&mut tx, sign_in).await?;
                tx.commit(signed_in).await?;
                Ok(Creation::Created)
            }
            Creation::EmailTaken => {
                tx.roll_back().await?;
                Ok(Creation::EmailTaken)
            }
        }
    }

    async fn sign_in(
        &self,
        sign_in: &NewSignIn,
        proved: Option<&Proved>,
        settled: Option<&Swap>,
        entry: &AuditEntry,
    ) -> Result<Entered, StorageError> {
        let mut tx = self.write().await?;
        if let Some(swap) = settled
            && !attempts::swap(&mut tx, swap).await?
        {
            tx.roll_back().await?;
            return Ok(Entered::CounterMoved);
        }
        if let Some(proved) = proved
            && !users::stands(&mut tx, proved, sign_in.now).await?
        {
            tx.roll_back().await?;
            return Ok(Entered::AccountMoved);
        }
        write_sign_in(&mut tx, sign_in).await?;
        tx.commit(entry).await?;
        Ok(Entered::Done)
    }

    async fn change_roles(
        &self,
        change: &RoleChange,
        entries: &[AuditEntry],
    ) -> Result<Changed, StorageError> {
        let Some((last, before)) = entries.split_last() else {
            return Ok(Changed::Nothing);
        };
        let mut tx = self.write().await?;
        let changed = users::change_roles(&mut tx, change).await?;
        if !matches!(changed, Changed::Done(_)) {
            tx.roll_back().await?;
            return Ok(changed);
        }
        let reason = RevocationReason::RolesChanged;
        let ended = ends::revoke_all(&mut tx, change.user, None, reason, change.now).await?;
        for entry in before {
            tx.append(entry);
        }
        tx.commit(last).await?;
        Ok(Changed::Done(ended))
    }

    async fn people(&self, selection: &Selection<'_>) -> Result<Vec<Person>, StorageError> {
        people::select(self.readers(), selection).await
    }

    async fn person(&self, id: UserId) -> Result<Option<Person>, StorageError> {
        people::by_id(self.readers(), id).await
    }

    async fn locks(
        &self,
        names: &[CounterKey],
        now: UnixTime,
    ) -> Result<Vec<Option<UnixTime>>, StorageError> {
        attempts::locks(self.readers(), names, now).await
    }

    async fn known_roles(&self, limit: u32) -> Result<Vec<Role>, StorageError> {
        people::known_roles(self.readers(), limit).await
    }

    async fn change_password(
        &self,
        change: &PasswordChange,
        entry: &AuditEntry,
    ) -> Result<Stored, StorageError> {
        let mut tx = self.write().await?;
        let PasswordChange {
            proved, sign_in, ..
        } = change;
        if let Some(swap) = &change.settled
            && !attempts::swap(&mut tx, swap).await?
        {
            tx.roll_back().await?;
            return Ok(Stored::CounterMoved);
        }
        if !users::stands(&mut tx, proved, sign_in.now).await? {
            tx.roll_back().await?;
            return Ok(Stored::AccountMoved);
        }
        new_password(&mut tx, sign_in.user, sign_in.now).await?;
        write_sign_in(&mut tx, sign_in).await?;
        tx.commit(entry).await?;
        Ok(Stored::Done)
    }

    async fn counter(&self, key: &CounterKey) -> Result<Option<Counter>, StorageError> {
        attempts::by_key(self.readers(), key).await
    }

    async fn swap_counter(&self, swap: &Swap) -> Result<bool, StorageError> {
        let mut connection = self.bookkeeping().await?;
        let swapped = attempts::swap(&mut connection, swap).await?;
        if swapped && swap.from.is_none() {
            attempts::purge(&mut connection, swap.now).await;
        }
        Ok(swapped)
    }

    async fn fail_attempt(&self, failure: &Failure, now: UnixTime) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        for swap in &failure.swaps {
            if !attempts::swap(&mut tx, swap).await? {
                tx.roll_back().await?;
                return Ok(false);
            }
        }
        if let Some(user) = failure.ends_sessions_of {
            let reason = RevocationReason::Locked;
            ends::revoke_all(&mut tx, user, None, reason, now).await?;
        }
        match failure.locks.split_last() {
            None => tx.commit(&failure.refusal).await?,
            Some((last, before)) => {
                tx.append(&failure.refusal);
                for entry in before {
                    tx.append(entry);
                }
                tx.commit(last).await?;
            }
        }
        Ok(true)
    }

    async fn knows_device(&self, email: &Email, cookie: &Digest) -> Result<bool, StorageError> {
        families::has_device(self.readers(), email, cookie).await
    }

    async fn forget_failures(
        &self,
        name: &CounterKey,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let found = attempts::forget(&mut tx, name, entry.at()).await?;
        tx.commit(entry).await?;
        Ok(found)
    }

    async fn lifted_at(&self, name: &CounterKey) -> Result<Option<UnixTime>, StorageError> {
        attempts::lifted_at(self.readers(), name).await
    }

    async fn family(&self, sid: Sid) -> Result<Option<Family>, StorageError> {
        families::by_sid(self.readers(), sid).await
    }

    async fn family_and_account(
        &self,
        sid: Sid,
    ) -> Result<Option<(Family, Account)>, StorageError> {
        families::with_account(self.readers(), sid).await
    }

    async fn live_families(
        &self,
        user: UserId,
        now: UnixTime,
    ) -> Result<Vec<ListedFamily>, StorageError> {
        families::live_of_user(self.readers(), user, now).await
    }

    async fn session(
        &self,
        digest: &Digest,
    ) -> Result<Option<(BrowserSession, Family)>, StorageError> {
        sessions::by_digest(self.readers(), digest).await
    }

    async fn touch_session(
        &self,
        digest: &Digest,
        used_at: UnixTime,
        idle_expires_at: UnixTime,
    ) -> Result<(), StorageError> {
        let mut books = self.bookkeeping().await?;
        sessions::touch(&mut books, digest, used_at, idle_expires_at).await
    }

    async fn rotate(&self, rotation: &Rotation, entry: &AuditEntry) -> Result<bool, StorageError> {
        if let Some(rotations) = self.shared_commits() {
            return rotations.ask(rotation.clone(), entry.clone()).await;
        }
        let mut tx = self.write().await?;
        let done = families::rotate(&mut tx, rotation).await?;
        tx.commit_if(done, entry).await
    }

    async fn hand_out(&self, hand_out: &HandOut, entry: &AuditEntry) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let done = families::hand_out(&mut tx, hand_out).await?;
        tx.commit_if(done, entry).await
    }

    async fn confirm(&self, sid: Sid, seq: u64) -> Result<(), StorageError> {
        let mut books = self.bookkeeping().await?;
        families::confirm(&mut books, sid, seq).await
    }

    async fn confirm_all(&self, arrivals: &[Arrival]) -> Result<u64, StorageError> {
        let mut news = 0;
        for some in arrivals.chunks(MOST_ROWS) {
            // For each anew, so that in SQLite others write in between.
            let mut books = self.bookkeeping().await?;
            news += families::confirm_all(&mut books, some).await?;
        }
        Ok(news)
    }

    async fn end_reused(
        &self,
        reused: &ReusedFamily,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let done = ends::end_reused(&mut tx, reused).await?;
        tx.commit_if(done, entry).await
    }

    async fn revoke(
        &self,
        sid: Sid,
        reason: RevocationReason,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let done = ends::revoke(&mut tx, sid, reason, now).await?;
        tx.commit_if(done, entry).await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<Sid>,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<u64, StorageError> {
        if !ends::are_any_open(self.readers(), user, except, now).await? {
            return Ok(0);
        }
        let mut tx = self.write().await?;
        let reason = RevocationReason::RevokedAll;
        let ended = ends::revoke_all(&mut tx, user, except, reason, now).await?;
        tx.commit_if(ended > 0, entry).await?;
        Ok(ended)
    }

    async fn revoke_all_and_devices(
        &self,
        user: UserId,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<u64, StorageError> {
        let mut tx = self.write().await?;
        let reason = RevocationReason::RevokedAll;
        let ended = ends::revoke_all(&mut tx, user, None, reason, now).await?;
        let forgotten = families::forget_devices(&mut tx, user).await?;
        tx.commit_if(ended > 0 || forgotten > 0, entry).await?;
        Ok(ended)
    }

    async fn record(&self, entry: &AuditEntry) -> Result<(), StorageError> {
        self.write().await?.commit(entry).await
    }
}

/// What every new password entails: nothing that was opened by the one before goes on.
pub(super) async fn new_password(
    tx: &mut WriteTx,
    user: UserId,
    now: UnixTime,
) -> Result<(), StorageError> {
    registrations::end_links(tx, user).await?;
    let reason = RevocationReason::PasswordChanged;
    ends::revoke_all(tx, user, None, reason, now).await?;
    families::forget_devices(tx, user).await?;
    Ok(())
}

async fn write_sign_in(tx: &mut WriteTx, sign_in: &NewSignIn) -> Result<(), StorageError> {
    for Replaced { sid, entry } in &sign_in.replaces {
        let reason = RevocationReason::Replaced;
        if ends::revoke(tx, *sid, reason, sign_in.now).await? {
            tx.append(entry);
        }
    }
    families::insert(tx, sign_in).await?;
    ends::make_room(tx, sign_in).await?;
    if let Some(digest) = &sign_in.session {
        sessions::insert(tx, digest, sign_in).await?;
    }
    Ok(())
}
