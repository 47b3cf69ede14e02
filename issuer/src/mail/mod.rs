//! Sends what the outbox holds, behind the answers and apart from them: a mail server that is slow or away holds nothing up
//! but its mails.
//!
//! Several processes may send beside each other; who claims a mail has it until a lease ends. A mail is *delivered at least
//! once*: a process that dies between the server's "250" and its own note of it leaves the mail to be sent again, under
//! the same `Message-ID` and with another link. The other way round would lose mails, and a person who waits for a link is
//! helped by two of them and not by none.

pub mod letters;
mod smtp;

pub use smtp::{MailError, Post};

use std::time::Duration;

use edgeward_core::time::UnixTime;
use tokio::sync::watch;

use self::letters::{Circumstances, Letter, Writer};
use crate::{
    App,
    domain::{
        events::{EventType, SecurityEvent},
        language::Language,
        mail::{Failure, Kind, LinkToken, Next, Purpose, Waiting, after_failure, is_spent},
        session,
        storage::{Storage, StorageError},
    },
    http::metrics::MailResult,
    store::{outbox::Settlement, registrations::Opens},
};

/// How often the outbox is looked into without being told: for what other processes queued and did not send, and for
/// what is tried again. The look costs one read of an index.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Longer than any attempt takes with what is read and written around it, so no living attempt loses its claim.
const LEASE_SECONDS: i64 = 180;

/// Sends until it is told to stop. A mail that is under way then is cut off with the process, and sent again by the next one.
pub async fn run(app: &App, mut stopped: watch::Receiver<()>) {
    let Some(post) = &app.post else { return };
    loop {
        // Four at once: one that a slow server holds up does not hold up the others, and no server minds four.
        tokio::join!(
            send_due(app, post, &stopped),
            send_due(app, post, &stopped),
            send_due(app, post, &stopped),
            send_due(app, post, &stopped),
        );
        tokio::select! {
            _ = stopped.changed() => return,
            () = app.store.mail_queued() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn send_due(app: &App, post: &Post, stopped: &watch::Receiver<()>) {
    while matches!(stopped.has_changed(), Ok(false)) {
        match send_one(app, post).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(detail = %error, "the outbox could not be worked on");
                return;
            }
        }
    }
}

/// Sends everything that is due; for tests, and for whoever wants no task of its own. Answers how many were looked at.
///
/// # Errors
/// When the database fails. What was claimed is due again when its lease ends.
pub async fn send_all_due(app: &App, post: &Post) -> Result<usize, StorageError> {
    let mut looked_at = 0;
    while send_one(app, post).await? {
        looked_at += 1;
    }
    Ok(looked_at)
}

/// `false`: nothing is due.
async fn send_one(app: &App, post: &Post) -> Result<bool, StorageError> {
    let now = app.clock.now();
    let Some(due) = app.store.due_mail(now).await? else {
        return Ok(false);
    };
    let until = now.plus(LEASE_SECONDS);
    let Some(mail) = app.store.claim_mail(&due, until).await? else {
        return Ok(true);
    };
    let settlement = attempt(app, post, &mail, now).await?;
    let settled = app.clock.now();
    if app.store.settle_mail(&mail, settlement, settled).await? {
        note(app, &mail, settlement, settled).await;
    }
    Ok(true)
}

async fn attempt(
    app: &App,
    post: &Post,
    mail: &Waiting,
    now: UnixTime,
) -> Result<Settlement, StorageError> {
    if is_spent(mail, now) {
        return Ok(Settlement::GivenUp(Failure::TooLate));
    }
    let Some(letter) = write(app, post, mail, now).await? else {
        return Ok(Settlement::Dropped);
    };
    Ok(match post.send(mail, &letter, now).await {
        Ok(()) => Settlement::Delivered,
        Err(failure) => {
            let [chance] = session::random().unwrap_or([u8::MAX / 2]);
            match after_failure(mail, failure, chance, app.clock.now()) {
                Next::Retry(at) => Settlement::Again(at, failure),
                Next::GiveUp => Settlement::GivenUp(failure),
            }
        }
    })
}

/// `None`: there is nothing to say any more.
async fn write(
    app: &App,
    post: &Post,
    mail: &Waiting,
    now: UnixTime,
) -> Result<Option<Letter>, StorageError> {
    let letters = post.letters.in_language(language(app, mail));
    let about = Circumstances {
        at: mail.created_at,
        device: mail.device.as_deref(),
        place: mail.place.as_deref(),
    };
    Ok(Some(match mail.kind {
        Kind::Registration => return registration(app, letters, mail, now).await,
        Kind::PasswordReset => return reset(app, letters, mail, now).await,
        Kind::PasswordChanged => letters.password_changed(about),
        Kind::AccountLocked => letters.locked(about),
        Kind::NewDevice => letters.new_device(about),
        Kind::RefreshReused => letters.refresh_reused(about),
    }))
}

/// The language that was known when the mail was queued, else the one of the settings.
fn language(app: &App, mail: &Waiting) -> Language {
    mail.language.unwrap_or(app.config.pages.language)
}

async fn registration(
    app: &App,
    letters: Writer<'_>,
    mail: &Waiting,
    now: UnixTime,
) -> Result<Option<Letter>, StorageError> {
    let Some(id) = mail.registration else {
        return Ok(None);
    };
    let Some(ends) = app.store.registration_waits(id, now).await? else {
        return Ok(None);
    };
    if app.store.account_by_email(&mail.recipient).await?.is_some() {
        return Ok(Some(letters.known()));
    }
    let token = new_token()?;
    let link = token.digest(Purpose::ConfirmAddress);
    let opens = Opens::Registration(id);
    app.store.remember_link(&link, opens, ends).await?;
    Ok(Some(letters.confirm(&token)))
}

async fn reset(
    app: &App,
    letters: Writer<'_>,
    mail: &Waiting,
    now: UnixTime,
) -> Result<Option<Letter>, StorageError> {
    let Some(stored) = app.store.account_by_email(&mail.recipient).await? else {
        return Ok(None);
    };
    let token = new_token()?;
    let link = token.digest(Purpose::ResetPassword);
    let opens = Opens::Password(stored.account.id);
    let ends = now.plus(app.config.links().reset_seconds);
    app.store.remember_link(&link, opens, ends).await?;
    Ok(Some(letters.reset(&token)))
}

fn new_token() -> Result<LinkToken, StorageError> {
    let random = session::random().map_err(|error| StorageError::Failed(Box::new(error)))?;
    Ok(LinkToken::from_random(random))
}

/// Counts what became of a mail, and writes down that one was given up.
async fn note(app: &App, mail: &Waiting, settlement: Settlement, now: UnixTime) {
    let result = match settlement {
        Settlement::Delivered => MailResult::Delivered,
        Settlement::Dropped => MailResult::Dropped,
        Settlement::Again(..) => MailResult::Retried,
        Settlement::GivenUp(_) => MailResult::Failed,
    };
    app.metrics.mail(mail.kind, result);
    if let Settlement::GivenUp(failure) = settlement {
        tracing::warn!(kind = mail.kind.name(), mail = %mail.id, class = failure.name(), attempts = mail.attempts, "a mail was given up");
        let metadata = [
            ("mail", mail.id.to_string()),
            ("kind", mail.kind.name().to_owned()),
            ("reason", failure.name().to_owned()),
            ("attempts", mail.attempts.to_string()),
        ];
        let event = SecurityEvent {
            at: now,
            kind: EventType::MailFailed,
            user: None,
            request_id: None,
            circumstances: None,
            metadata: metadata.into(),
        };
        if let Err(error) = app.store.record_event(&event).await {
            tracing::warn!(detail = %error, "a security event could not be written");
        }
    }
}
