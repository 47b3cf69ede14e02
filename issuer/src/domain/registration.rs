//! Registering where mail proves addresses: a registration waits for its link, and becomes an account when that is used.
//!
//! There is no account before. So signing in answers alike whether the address is new or known: were a registration an
//! account that is "not confirmed yet", whoever registers somebody's address could tell from the next sign-in whether it
//! had one. And nobody can take an address by naming it: each registration has a link of its own, which makes that
//! account and no other.
//!
//! A link alone is not enough in another browser than the one that registered: then the password is asked for. Else somebody
//! could register with another person's address, wait until that person uses the link in good faith, and share the account.
//! Wrong ones are counted and written down as those of a sign-in: a link may be in the wrong hands, of whoever reads the mail of
//! an address that was mistyped, and the password that they guess at may open more than this account.

use edgeward_core::time::UnixTime;

use super::{
    accounts::{self, Account, AccountError, Application, Email, NewAccount, PersonName, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{Lockout, NoAttempt},
    mail::{LinkToken, MailId, MailStorage, Purpose},
    password::{Comparison, HashError, Password, PasswordHasher, Policy},
    session::{self, Digest, NoRandomness},
    storage::{PasswordHash, Storage, StorageError},
};

/// A registration to be kept.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its identifier.
    pub id: MailId,
    /// What was asked for.
    pub pending: Pending,
    /// When it was asked for.
    pub now: UnixTime,
    /// It waits no longer than this.
    pub expires_at: UnixTime,
}

/// From when to when a registration waits.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// It is asked for now.
    pub now: UnixTime,
    /// It waits so long.
    pub seconds: i64,
}

/// What waits for its address to be confirmed.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The address.
    pub email: Email,
    /// The first name.
    pub first_name: PersonName,
    /// The last name.
    pub last_name: PersonName,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// The browser that registered.
    pub device: Digest,
}

/// A registration that becomes an account.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// The link that was used.
    pub link: Digest,
    /// The account to make.
    pub account: NewAccount,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The link was used, has expired or never was; or the address has an account by now.
    #[error("the link does not work")]
    DeadLink,
    /// The link was used in another browser than the one that registered.
    #[error("the password is needed")]
    PasswordNeeded,
    /// The password is not the one of the registration.
    #[error("the password is another one")]
    WrongPassword {
        /// So many more may be tried, unless counting is switched off.
        attempts_left: Option<u32>,
    },
    /// No password may be compared now.
    #[error(transparent)]
    NoAttempt(#[from] NoAttempt),
    /// The password could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Keeps a registration and has the address written to. The same work and the same outcome for every address.
///
/// # Errors
/// [`AccountError`], but never [`AccountError::EmailTaken`].
pub async fn ask(
    storage: &impl MailStorage,
    hasher: &PasswordHasher,
    policy: &Policy,
    application: Application,
    device: Digest,
    origin: &Origin,
    Wait { now, seconds }: Wait,
) -> Result<(), AccountError> {
    let NewAccount {
        account,
        password_hash,
        ..
    } = accounts::prepare(hasher, policy, application, now).await?;
    let registration = Registration {
        id: MailId::new(now)?,
        pending: Pending {
            email: account.email,
            first_name: account.first_name,
            last_name: account.last_name,
            password_hash,
            device,
        },
        now,
        expires_at: now.plus(seconds),
    };
    let entry = AuditEntry::done(Action::RequestRegistration, Actor::Anonymous, now, origin);
    storage.keep_registration(&registration, &entry).await?;
    Ok(())
}

/// Whether a link still works, and whether this browser needs the password with it. Nothing is used up.
///
/// # Errors
/// When the database fails.
pub async fn look_at(
    storage: &impl MailStorage,
    token: &LinkToken,
    device: Option<&Digest>,
    now: UnixTime,
) -> Result<Option<bool>, StorageError> {
    let link = token.digest(Purpose::ConfirmAddress);
    let pending = storage.pending_registration(&link, now).await?;
    Ok(pending.map(|pending| device != Some(&pending.device)))
}

/// Who uses the link of a registration.
pub struct Confirmer<'a> {
    /// By which the browser that registered is known.
    pub device: Option<&'a Digest>,
    /// What anybody else has to know.
    pub password: Option<Password>,
}

/// Makes the account of a registration. Nobody is signed in by it.
///
/// # Errors
/// [`ConfirmError`]; the link still works unless it did not before.
pub async fn confirm(
    storage: &(impl Storage + MailStorage),
    hasher: &PasswordHasher,
    lockout: Lockout<'_>,
    token: &LinkToken,
    confirmer: Confirmer<'_>,
    origin: &Origin,
    now: UnixTime,
) -> Result<(), ConfirmError> {
    let link = token.digest(Purpose::ConfirmAddress);
    let pending = storage
        .pending_registration(&link, now)
        .await?
        .ok_or(ConfirmError::DeadLink)?;
    let origin = origin.clone().naming(Some(&pending.email));
    if confirmer.device != Some(&pending.device) {
        let password = confirmer.password.ok_or(ConfirmError::PasswordNeeded)?;
        let attempt = lockout
            .claim_confirmation(storage, &pending.email, now)
            .await?;
        match hasher.compare(password, Some(&pending.password_hash)).await {
            Ok(Comparison::Right { .. }) => attempt.give_back(storage).await,
            Ok(Comparison::Wrong) => {
                let (action, nobody) = (Action::Register, Actor::Anonymous);
                let refusal = AuditEntry::refused(action, "wrong-password", nobody, now, &origin);
                let attempts_left = attempt.fail(storage, None, &refusal, &origin).await?;
                return Err(ConfirmError::WrongPassword { attempts_left });
            }
            Err(error) => {
                attempt.give_back(storage).await;
                return Err(error.into());
            }
        }
    }
    let id = UserId::from_random(now, session::random()?);
    let entry = AuditEntry::done(Action::Register, Actor::User(id), now, &origin).about("user", id);
    let confirmation = Confirmation {
        link,
        account: NewAccount {
            account: Account {
                id,
                email: pending.email,
                first_name: pending.first_name,
                last_name: pending.last_name,
                roles: Vec::new(),
            },
            password_hash: pending.password_hash,
            now,
        },
    };
    match storage.confirm_registration(&confirmation, &entry).await? {
        true => Ok(()),
        false => Err(ConfirmError::DeadLink),
    }
}
