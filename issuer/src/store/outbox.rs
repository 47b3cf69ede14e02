//! The outbox in the database: mails are queued with the act that causes them, claimed for a while by whoever sends them,
//! and settled once.
//!
//! A claim counts the attempt and moves the row's time to the end of a lease, both under the condition that the row is as it was
//! read; so of two processes one gets it, and one that dies leaves it to the next when the lease is over. Only who knows the
//! number of the attempt settles it, so a process that was thought dead changes nothing any more.

use std::sync::Arc;

use edgeward_core::time::UnixTime;
use tokio::sync::Notify as Bell;

use super::{
    Store, WriteTx,
    families::vouches,
    sql::{Row, sql},
};
use crate::{
    config::{Links, Notify},
    domain::{
        accounts::Email,
        audit::AuditEntry,
        language::Language,
        mail::{COUNTED_SECONDS, Failure, Kind, MailId, Notice, Reading, Waiting},
        storage::StorageError,
    },
};

/// How many rows are taken away in one statement: few enough that nobody waits for the lock.
const SWEEP_ROWS: i64 = 500;

/// That mails are queued, and which of those that nobody asked for.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    wanted: Notify,
    links: Links,
    bell: Arc<Bell>,
}

impl Queue {
    pub(super) fn wake(&self) {
        self.bell.notify_one();
    }
}

/// How a mail is written down: on what conditions is in the statement, so that the conditions hold in the moment of the act.
struct Queued<'a> {
    kind: Kind,
    links: Links,
    registration: Option<MailId>,
    place: Option<&'a str>,
    now: UnixTime,
}

/// Queues a mail to an address that somebody typed, in the language of their request. What is remembered for an account is not
/// asked, because whether there is one is not asked here either. `false`: the address has had its mails of the day.
pub(super) async fn ask(
    tx: &mut WriteTx,
    email: &Email,
    registration: Option<MailId>,
    language: Option<Language>,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let Some(links) = tx.mails.as_ref().map(|mails| mails.links) else {
        return Ok(false);
    };
    let kind = match registration {
        Some(_) => Kind::Registration,
        None => Kind::PasswordReset,
    };
    // Of several that ask at once, each counts what the others queued.
    tx.be_alone().await?;
    let queued = Queued {
        kind,
        links,
        registration,
        place: None,
        now,
    };
    let text = "INSERT INTO outbox
            (id, kind, recipient, registration_id, device, place, state, attempts, due_at, ends_at, created_at, language)
        SELECT $1, $2, $8, $3, NULL, $4, 'waiting', 0, $5, $6, $5, $10
        WHERE (SELECT count(*) FROM outbox WHERE recipient = $8 AND kind = $2 AND created_at > $7) < $9";
    let statement = queued
        .bind(text)?
        .bind(email.as_str())
        .bind(kind.per_day())
        .bind(language.map(Language::tag));
    let done = statement.execute(tx).await? == 1;
    tx.queued |= done;
    Ok(done)
}

/// Queues the notice about an act, if its owner is told of it. The statement runs also where there is no owner, so an act
/// about a name without an account is the same work.
pub(super) async fn tell_owner(tx: &mut WriteTx, entry: &AuditEntry) -> Result<(), StorageError> {
    let notice = tx
        .mails
        .as_ref()
        .and_then(|mails| Some((Notice::of(entry, mails.wanted)?, mails.links)));
    let Some((notice, links)) = notice else {
        return Ok(());
    };
    let text = match notice.kind {
        // Not at the first sign-in of an account, and not from a device that was there before: it is known by its cookie,
        // or by its program if it has none. Whose cookie is under a suspicion has a new one by now, and is told of.
        Kind::NewDevice => {
            concat!("INSERT INTO outbox
                (id, kind, recipient, registration_id, device, place, state, attempts, due_at, ends_at, created_at, language)
            SELECT $1, $2, users.email, $3, this.device_name, $4, 'waiting', 0, $5, $6, $5, coalesce(users.language, $10)
            FROM users, families AS this
            WHERE users.id = $8 AND this.sid = $11
                AND EXISTS (SELECT 1 FROM families WHERE user_id = $8 AND sid <> $11)
                AND NOT EXISTS (SELECT 1 FROM families AS other WHERE other.user_id = $8 AND other.sid <> $11
                    AND ", vouches!("other"), "
                    AND (other.signed_in_device = this.signed_in_device
                        OR (other.signed_in_device IS NULL AND this.signed_in_device IS NULL
                            AND other.device_digest = this.device_digest)))
                AND (SELECT count(*) FROM outbox
                     WHERE recipient = users.email AND kind = $2 AND created_at > $7) < $9")
        }
        Kind::RefreshReused => {
            "INSERT INTO outbox
                (id, kind, recipient, registration_id, device, place, state, attempts, due_at, ends_at, created_at, language)
            SELECT $1, $2, users.email, $3, this.device_name, $4, 'waiting', 0, $5, $6, $5, coalesce(users.language, $10)
            FROM users, families AS this
            WHERE users.id = $8 AND this.sid = $11
                AND (SELECT count(*) FROM outbox
                     WHERE recipient = users.email AND kind = $2 AND created_at > $7) < $9"
        }
        Kind::PasswordChanged | Kind::AccountLocked | Kind::Registration | Kind::PasswordReset => {
            "INSERT INTO outbox
                (id, kind, recipient, registration_id, device, place, state, attempts, due_at, ends_at, created_at, language)
            SELECT $1, $2, email, $3, NULL, $4, 'waiting', 0, $5, $6, $5, coalesce(language, $10)
            FROM users
            WHERE id = $8
                AND (SELECT count(*) FROM outbox
                     WHERE recipient = users.email AND kind = $2 AND created_at > $7) < $9"
        }
    };
    let queued = Queued {
        kind: notice.kind,
        links,
        registration: None,
        place: notice.place.as_deref(),
        now: entry.at(),
    };
    let mut statement = queued
        .bind(text)?
        .bind(notice.user.map(|user| user.to_string()).unwrap_or_default())
        .bind(notice.kind.per_day())
        .bind(notice.language.map(Language::tag));
    if matches!(notice.kind, Kind::NewDevice | Kind::RefreshReused) {
        let session = notice.session.map(|sid| sid.to_string());
        statement = statement.bind(session.unwrap_or_default());
    }
    let done = statement.execute(tx).await? > 0;
    tx.queued |= done;
    Ok(())
}

/// Remembers what the owner of an account reads, from which notices that nobody of theirs asked for are written. Where no mails are
/// sent, nobody needs to know it.
pub(super) async fn remember_language(
    tx: &mut WriteTx,
    entry: &AuditEntry,
) -> Result<(), StorageError> {
    let Some(reading) = Reading::of(entry).filter(|_| tx.mails.is_some()) else {
        return Ok(());
    };
    let statement = match reading.signed_in {
        Some(sid) => sql("UPDATE users SET language = $2
             WHERE id = $1 AND (language IS NULL OR language <> $2 AND EXISTS (
                 SELECT 1 FROM families AS this, families AS other
                 WHERE this.sid = $3 AND other.user_id = $1 AND other.sid <> $3
                     AND other.signed_in_device = this.signed_in_device))")
        .bind(reading.user.to_string())
        .bind(reading.language.tag())
        .bind(sid.to_string()),
        None => sql("UPDATE users SET language = $2 WHERE id = $1")
            .bind(reading.user.to_string())
            .bind(reading.language.tag()),
    };
    statement.execute(tx).await?;
    Ok(())
}

impl Queued<'_> {
    /// The statement with its first seven values; the rest is the caller's.
    fn bind(&self, text: &'static str) -> Result<super::sql::Statement, StorageError> {
        let id = MailId::new(self.now).map_err(|error| StorageError::Failed(Box::new(error)))?;
        Ok(sql(text)
            .bind(id.to_string())
            .bind(self.kind.name())
            .bind(self.registration.map(|id| id.to_string()))
            .bind(self.place)
            .bind(self.now)
            .bind(self.now.plus(self.kind.worth_seconds(self.links)))
            .bind(self.now.plus(-COUNTED_SECONDS)))
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The server has taken it.
    Delivered,
    /// There is nothing to say any more: nobody to whom, or nothing about.
    Dropped,
    /// It is tried again then.
    Again(UnixTime, Failure),
    /// It is given up.
    GivenUp(Failure),
}

impl Store {
    /// From now on acts queue the mails that belong to them. Without this none are queued: nobody would send them.
    pub fn queue_mails(&mut self, wanted: Notify, links: Links) {
        self.mails = Some(Queue {
            wanted,
            links,
            bell: Arc::default(),
        });
    }

    /// Waits until this process queues a mail, or has queued one since it was asked last.
    pub async fn mail_queued(&self) {
        match &self.mails {
            Some(mails) => mails.bell.notified().await,
            None => std::future::pending().await,
        }
    }

    /// A mail whose time has come, the one that waits longest. Those of a kind that only a newer program knows, which may run
    /// beside this one, are left to it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due_mail(&self, now: UnixTime) -> Result<Option<Waiting>, StorageError> {
        sql("SELECT id, kind, recipient, registration_id, device, place, attempts, due_at, ends_at, created_at, language
             FROM outbox WHERE state = 'waiting' AND due_at <= $1
                 AND kind IN ('registration', 'password-reset', 'password-changed', 'account-locked', 'new-device',
                     'refresh-reused')
             ORDER BY due_at, id LIMIT 1")
        .bind(now)
        .optional(self.readers())
        .await?
        .as_ref()
        .map(waiting)
        .transpose()
    }

    /// Counts an attempt and keeps others from the mail until the lease ends. `None`: somebody else has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_mail(
        &self,
        mail: &Waiting,
        until: UnixTime,
    ) -> Result<Option<Waiting>, StorageError> {
        let mut books = self.bookkeeping().await?;
        let done = sql("UPDATE outbox SET attempts = attempts + 1, due_at = $4
             WHERE id = $1 AND attempts = $2 AND due_at = $3 AND state = 'waiting'")
        .bind(mail.id.to_string())
        .bind(i64::from(mail.attempts))
        .bind(mail.due_at)
        .bind(until)
        .execute(&mut books)
        .await?;
        Ok((done == 1).then(|| Waiting {
            attempts: mail.attempts.saturating_add(1),
            due_at: until,
            ..mail.clone()
        }))
    }

    /// Says what became of a claimed mail. `false`: the lease ended and somebody else has it, or had.
    ///
    /// # Errors
    /// When the database fails. The mail is then tried again.
    pub async fn settle_mail(
        &self,
        mail: &Waiting,
        settlement: Settlement,
        now: UnixTime,
    ) -> Result<bool, StorageError> {
        let mut books = self.bookkeeping().await?;
        let id = mail.id.to_string();
        let attempts = i64::from(mail.attempts);
        let statement = match settlement {
            Settlement::Delivered => sql("UPDATE outbox SET state = 'delivered', settled_at = $3
                 WHERE id = $1 AND attempts = $2 AND state = 'waiting'")
            .bind(id)
            .bind(attempts)
            .bind(now),
            // It stays and counts as one of the day: who asks for somebody's mails is to meet the same work and the same limit
            // whether there is anybody.
            Settlement::Dropped => sql(
                "UPDATE outbox SET state = 'failed', settled_at = $3, last_error = 'nobody'
                 WHERE id = $1 AND attempts = $2 AND state = 'waiting'",
            )
            .bind(id)
            .bind(attempts)
            .bind(now),
            Settlement::Again(at, failure) => sql("UPDATE outbox SET due_at = $3, last_error = $4
                 WHERE id = $1 AND attempts = $2 AND state = 'waiting'")
            .bind(id)
            .bind(attempts)
            .bind(at)
            .bind(failure.name()),
            Settlement::GivenUp(failure) => sql(
                "UPDATE outbox SET state = 'failed', settled_at = $3, last_error = $4
                     WHERE id = $1 AND attempts = $2 AND state = 'waiting'",
            )
            .bind(id)
            .bind(attempts)
            .bind(now)
            .bind(failure.name()),
        };
        Ok(statement.execute(&mut books).await? == 1)
    }

    /// Takes mails away that were settled before a moment. Answers how many.
    ///
    /// # Errors
    /// When the database fails; the rest goes the next time.
    pub async fn end_mails(&self, before: UnixTime) -> Result<u64, StorageError> {
        let mut ended = 0_u64;
        loop {
            let mut books = self.bookkeeping().await?;
            let some = sql("DELETE FROM outbox
                 WHERE id IN (SELECT id FROM outbox WHERE settled_at < $1 ORDER BY settled_at LIMIT $2)")
            .bind(before)
            .bind(SWEEP_ROWS)
            .execute(&mut books)
            .await?;
            ended = ended.saturating_add(some);
            if some == 0 {
                return Ok(ended);
            }
        }
    }
}

fn waiting(row: &Row) -> Result<Waiting, StorageError> {
    let unreadable = StorageError::Unreadable;
    let registration: Option<&str> = row.get("registration_id")?;
    let attempts: i64 = row.get("attempts")?;
    let language: Option<&str> = row.get("language")?;
    Ok(Waiting {
        id: MailId::parse(row.get("id")?).ok_or(unreadable("outbox.id"))?,
        kind: Kind::from_name(row.get("kind")?).ok_or(unreadable("outbox.kind"))?,
        recipient: Email::parse(row.get("recipient")?)
            .map_err(|_| unreadable("outbox.recipient"))?,
        registration: registration
            .map(|id| MailId::parse(id).ok_or(unreadable("outbox.registration_id")))
            .transpose()?,
        device: row.get("device")?,
        place: row.get("place")?,
        // One that only a newer program has texts in is as none.
        language: language.and_then(Language::of_tag),
        attempts: u32::try_from(attempts).map_err(|_| unreadable("outbox.attempts"))?,
        due_at: row.time("due_at")?,
        ends_at: row.time("ends_at")?,
        created_at: row.time("created_at")?,
    })
}
