//! Registrations that wait, and the links that were mailed: one row for each, used by deleting it.

use edgeward_core::time::UnixTime;

use super::{
    Store, WriteTx, attempts, families, outbox,
    sql::{Row, sql},
    storage::new_password,
    users,
};
use crate::domain::{
    accounts::{Account, Email, PersonName, UserId},
    audit::AuditEntry,
    mail::{MailId, MailStorage, Purpose},
    registration::{Confirmation, Pending, Registration},
    reset_password::Reset,
    session::Digest,
    storage::{Creation, PasswordHash, StorageError},
};

impl MailStorage for Store {
    async fn keep_registration(
        &self,
        registration: &Registration,
        entry: &AuditEntry,
    ) -> Result<(), StorageError> {
        let mut tx = self.write().await?;
        if outbox::ask(
            &mut tx,
            &registration.pending.email,
            Some(registration.id),
            entry.language(),
            registration.now,
        )
        .await?
        {
            insert(&mut tx, registration).await?;
        }
        tx.commit(entry).await
    }

    async fn pending_registration(
        &self,
        link: &Digest,
        now: UnixTime,
    ) -> Result<Option<Pending>, StorageError> {
        sql("SELECT email, first_name, last_name, password_hash, device_digest FROM registrations
             WHERE expires_at > $2 AND id = (
                 SELECT registration_id FROM mail_links WHERE digest = $1 AND purpose = $3 AND expires_at > $2)")
        .bind(link.as_bytes())
        .bind(now)
        .bind(Purpose::ConfirmAddress.name())
        .optional(self.readers())
        .await?
        .as_ref()
        .map(pending)
        .transpose()
    }

    async fn confirm_registration(
        &self,
        confirmation: &Confirmation,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let account = &confirmation.account;
        // The address comes first: whoever confirms it too waits here, before there is a link in anybody's hands.
        let made = match users::insert(&mut tx, account).await? {
            Creation::Created => {
                let purpose = Purpose::ConfirmAddress;
                use_link(&mut tx, &confirmation.link, purpose, account.now).await?
            }
            Creation::EmailTaken => false,
        };
        if !made {
            tx.roll_back().await?;
            return Ok(false);
        }
        // Their links go with them.
        sql("DELETE FROM registrations WHERE email = $1")
            .bind(account.account.email.as_str())
            .execute(&mut tx)
            .await?;
        tx.commit(entry).await?;
        Ok(true)
    }

    async fn ask_for_reset(&self, email: &Email, entry: &AuditEntry) -> Result<(), StorageError> {
        let mut tx = self.write().await?;
        outbox::ask(&mut tx, email, None, entry.language(), entry.at()).await?;
        tx.commit(entry).await
    }

    async fn resettable(
        &self,
        link: &Digest,
        now: UnixTime,
    ) -> Result<Option<Account>, StorageError> {
        let row = sql(
            "SELECT user_id FROM mail_links WHERE digest = $1 AND purpose = $3 AND expires_at > $2",
        )
        .bind(link.as_bytes())
        .bind(now)
        .bind(Purpose::ResetPassword.name())
        .optional(self.readers())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let user = UserId::parse(row.get("user_id")?)
            .ok_or(StorageError::Unreadable("mail_links.user_id"))?;
        users::by_id(self.readers(), user).await
    }

    async fn reset_password(
        &self,
        reset: &Reset,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let Reset { user, now, .. } = *reset;
        // In the order of every other act, counter, account, links: who resets with another link waits at the account.
        attempts::forget(&mut tx, &reset.name, now).await?;
        let done = users::set_hash(&mut tx, user, &reset.hash, now).await?
            && use_link(&mut tx, &reset.link, Purpose::ResetPassword, now).await?;
        if !done {
            tx.roll_back().await?;
            return Ok(false);
        }
        new_password(&mut tx, user, now).await?;
        if let Some(introduced) = &reset.device {
            families::introduce(&mut tx, user, introduced, now).await?;
        }
        tx.commit(entry).await?;
        Ok(true)
    }
}

async fn insert(tx: &mut WriteTx, new: &Registration) -> Result<(), StorageError> {
    let pending = &new.pending;
    sql("INSERT INTO registrations
             (id, email, first_name, last_name, password_hash, device_digest, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(new.id.to_string())
    .bind(pending.email.as_str())
    .bind(pending.first_name.as_str())
    .bind(pending.last_name.as_str())
    .bind(pending.password_hash.as_phc())
    .bind(pending.device.as_bytes())
    .bind(new.now)
    .bind(new.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

fn pending(row: &Row) -> Result<Pending, StorageError> {
    let unreadable = StorageError::Unreadable;
    let name = |column, text: &str| {
        PersonName::parse(column, text)
            .map_err(|_| unreadable("registrations.first_name or last_name"))
    };
    let device: &[u8] = row.get("device_digest")?;
    Ok(Pending {
        email: Email::parse(row.get("email")?).map_err(|_| unreadable("registrations.email"))?,
        first_name: name("firstName", row.get("first_name")?)?,
        last_name: name("lastName", row.get("last_name")?)?,
        password_hash: PasswordHash::from_phc(row.get("password_hash")?),
        device: device
            .try_into()
            .map(Digest::from_bytes)
            .map_err(|_| unreadable("registrations.device_digest"))?,
    })
}

/// Of two who use one link at once, one finds the row: the other waits for its end and finds none.
async fn use_link(
    tx: &mut WriteTx,
    link: &Digest,
    purpose: Purpose,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let used = sql("DELETE FROM mail_links WHERE digest = $1 AND purpose = $2 AND expires_at > $3")
        .bind(link.as_bytes())
        .bind(purpose.name())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(used == 1)
}

/// Ends every link that would reset the password of a user.
pub(super) async fn end_links(tx: &mut WriteTx, user: UserId) -> Result<(), StorageError> {
    sql("DELETE FROM mail_links WHERE user_id = $1")
        .bind(user.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// What a link that is about to be mailed opens.
#[derive(Debug, Clone, Copy)]
pub enum Opens {
    /// The account of a registration.
    Registration(MailId),
    /// The password of a user.
    Password(UserId),
}

impl Store {
    /// Whether a registration still waits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registration_waits(
        &self,
        id: MailId,
        now: UnixTime,
    ) -> Result<Option<UnixTime>, StorageError> {
        let row = sql("SELECT expires_at FROM registrations WHERE id = $1 AND expires_at > $2")
            .bind(id.to_string())
            .bind(now)
            .optional(self.readers())
            .await?;
        row.map(|row| row.time("expires_at")).transpose()
    }

    /// Remembers a link before it is mailed. Bookkeeping, not an act: the act is its use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remember_link(
        &self,
        link: &Digest,
        opens: Opens,
        expires_at: UnixTime,
    ) -> Result<(), StorageError> {
        let (purpose, registration, user) = match opens {
            Opens::Registration(id) => (Purpose::ConfirmAddress, Some(id.to_string()), None),
            Opens::Password(user) => (Purpose::ResetPassword, None, Some(user.to_string())),
        };
        let mut books = self.bookkeeping().await?;
        sql(
            "INSERT INTO mail_links (digest, purpose, registration_id, user_id, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(link.as_bytes())
        .bind(purpose.name())
        .bind(registration)
        .bind(user)
        .bind(expires_at)
        .execute(&mut books)
        .await?;
        Ok(())
    }

    /// Takes registrations and links away that nobody can use any more. Answers how many.
    ///
    /// # Errors
    /// When the database fails; the rest goes the next time.
    pub async fn end_registrations(&self, now: UnixTime) -> Result<u64, StorageError> {
        let mut books = self.bookkeeping().await?;
        let links = sql("DELETE FROM mail_links WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut books)
            .await?;
        let registrations = sql("DELETE FROM registrations WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut books)
            .await?;
        Ok(links.saturating_add(registrations))
    }
}
