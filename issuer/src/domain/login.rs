//! Signing in with a password, and registering, which signs in at once while no mail is configured to prove an address.
//!
//! A sign-in is one transaction: the family, the session, the end of what the same browser had before, and the audit
//! entry. A wrong password is counted and written down; how is in [`lockout`](super::lockout).

use edgeward_core::time::UnixTime;

use super::{
    access_token::{AccessToken, Authentication, MintError, Minter, Subject},
    accounts::{self, Account, AccountError, Application, Email, UserId},
    audit::{Action, Actor, AuditEntry, Origin},
    lockout::{Attempt, DeviceDigest, Lockout, NoAttempt},
    password::{Comparison, HashError, Password, PasswordHasher, Policy},
    refresh::RefreshToken,
    session::{
        self, AddressRange, Device, NewSignIn, NoRandomness, Replaced, SESSIONS_MAX, SessionSecret,
        Sid, WEB_CLIENT,
    },
    storage::{Creation, Entered, Proved, Storage, StorageError},
};
use crate::{config::Tokens, custody::MacKey};

/// RFC 8176: by password.
const AMR_PASSWORD: &str = "pwd";

/// One factor; the name is the one of NIST SP 800-63B's authenticator assurance levels.
const ACR_ONE_FACTOR: &str = "aal1";

/// How the caller keeps its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// In cookies: gets a browser session.
    Cookies,
    /// By itself, from the body: gets none.
    Body,
}

/// What signing in needs beside the credentials.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The key of the refresh tokens' MAC.
    pub refresh_key: &'a MacKey,
    /// The configured lives.
    pub tokens: &'a Tokens,
    /// Makes the access token.
    pub minter: Minter<'a>,
    /// Hashes and compares.
    pub hasher: &'a PasswordHasher,
    /// Where the request came from.
    pub origin: &'a Origin,
    /// From which device.
    pub device: &'a Device,
    /// How the caller keeps its credentials.
    pub carrier: Carrier,
    /// The families whose credentials came with the request. They end: no credential survives a sign-in.
    pub replaces: &'a [Sid],
    /// Counts failures.
    pub lockout: Lockout<'a>,
    /// The range of addresses under which failures are counted too, if there is one.
    pub counted_range: Option<&'a AddressRange>,
    /// The device, if it signed in to this account before.
    pub known_device: Option<DeviceDigest>,
    /// The moment.
    pub now: UnixTime,
}

/// A fresh sign-in. Secrets are shown once.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// The family.
    pub sid: Sid,
    /// The refresh token's idle end.
    pub idle_expires_at: UnixTime,
    /// The session cookie; `None` for callers without cookies.
    pub session: Option<SessionSecret>,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// The access token.
    pub access_token: AccessToken,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Address and password do not belong together, for whichever reason.
    #[error("address and password do not belong together")]
    InvalidCredentials {
        /// Attempts before the lock, unless they are not counted. The same for addresses without an account.
        attempts_left: Option<u32>,
    },
    /// The password was not compared.
    #[error(transparent)]
    NoAttempt(#[from] NoAttempt),
    /// The password could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The access token could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The password or the roles changed while the password was compared, twice.
    #[error("the account changed meanwhile")]
    AccountMoved,
}

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The account was not made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The sign-in could not be made, so neither was the account.
    #[error(transparent)]
    Login(#[from] LoginError),
}

/// Signs in by address and password. `typed` is counted as it is, `email` is what it is if it is an address: what is none
/// costs the same time as a wrong password, and is counted and locked alike.
///
/// # Errors
/// [`LoginError`]; nobody is signed in then.
pub async fn log_in(
    storage: &impl Storage,
    context: Context<'_>,
    typed: &str,
    email: Option<&Email>,
    password: Password,
) -> Result<SignedIn, LoginError> {
    let Context { lockout, now, .. } = context;
    let attempt = lockout
        .claim_sign_in(
            storage,
            typed,
            context.counted_range,
            context.known_device,
            now,
        )
        .await?;
    let mut tried = try_password(storage, context, &attempt, email, password.clone()).await;
    if matches!(tried, Err(LoginError::AccountMoved)) {
        // Another sign-in may have stored the same password's hash at another cost; whatever it was, it is seen now.
        tried = try_password(storage, context, &attempt, email, password).await;
    }
    match tried {
        Ok(Tried::SignedIn(signed_in)) => {
            attempt.succeeded();
            Ok(*signed_in)
        }
        Ok(Tried::Wrong(account)) => {
            let user = account.map(|account| account.id);
            let refusal = refusal(context, user);
            let attempts_left = attempt
                .fail(storage, user, &refusal, context.origin)
                .await?;
            Err(LoginError::InvalidCredentials { attempts_left })
        }
        Err(error) => {
            attempt.give_back(storage).await;
            Err(error)
        }
    }
}

/// What became of a password.
enum Tried {
    SignedIn(Box<SignedIn>),
    Wrong(Option<Box<Account>>),
}

async fn try_password(
    storage: &impl Storage,
    context: Context<'_>,
    attempt: &Attempt<'_>,
    email: Option<&Email>,
    password: Password,
) -> Result<Tried, LoginError> {
    match prove(storage, context, email, password).await? {
        Proof::Right(proved) => {
            let signed_in = try_enter(storage, context, attempt, *proved, Action::SignIn).await?;
            Ok(Tried::SignedIn(Box::new(signed_in)))
        }
        Proof::Wrong(account) => Ok(Tried::Wrong(account)),
    }
}

/// What comparing said, and about whom.
pub(super) enum Proof {
    Right(Box<Proved>),
    Wrong(Option<Box<Account>>),
}

pub(super) async fn prove(
    storage: &impl Storage,
    context: Context<'_>,
    email: Option<&Email>,
    password: Password,
) -> Result<Proof, LoginError> {
    let stored = match email {
        Some(email) => storage.account_by_email(email).await?,
        None => None,
    };
    let hash = stored.as_ref().map(|stored| &stored.password_hash);
    let comparison = context.hasher.compare(password, hash).await?;
    Ok(match (stored, comparison) {
        (Some(stored), Comparison::Right { rehashed }) => Proof::Right(Box::new(Proved {
            account: stored.account,
            compared: stored.password_hash,
            rehashed,
        })),
        (stored, Comparison::Wrong | Comparison::Right { .. }) => {
            Proof::Wrong(stored.map(|stored| Box::new(stored.account)))
        }
    })
}

/// Signs in who proved the password, unless a lock began meanwhile.
pub(super) async fn enter(
    storage: &impl Storage,
    context: Context<'_>,
    attempt: &Attempt<'_>,
    proved: Proved,
    action: Action,
) -> Result<SignedIn, LoginError> {
    let entered = try_enter(storage, context, attempt, proved, action).await;
    match &entered {
        Ok(_) => attempt.succeeded(),
        Err(_) => attempt.give_back(storage).await,
    }
    entered
}

async fn try_enter(
    storage: &impl Storage,
    context: Context<'_>,
    attempt: &Attempt<'_>,
    proved: Proved,
    action: Action,
) -> Result<SignedIn, LoginError> {
    let replaces = replaced(storage, context, proved.account.id).await?;
    let prepared = Prepared::new(context, proved.account.clone(), replaces).await?;
    let mut entry = prepared.entry(context, action);
    if proved.rehashed.is_some() {
        entry = entry.with("rehashed", true);
    }
    loop {
        // Ends: each turn that is overtaken has stored another's, of which there are fewer than the limit.
        let settled = attempt.success(storage).await?;
        let stored = storage
            .sign_in(&prepared.new, Some(&proved), settled.as_ref(), &entry)
            .await?;
        match stored {
            Entered::Done => return Ok(prepared.signed_in),
            Entered::CounterMoved => {}
            Entered::AccountMoved => return Err(LoginError::AccountMoved),
        }
    }
}

/// Makes an account and signs it in, or does neither.
///
/// # Errors
/// [`RegisterError`]. An address that has an account is refused after the same work as a new one.
pub async fn register(
    storage: &impl Storage,
    context: Context<'_>,
    policy: &Policy,
    application: Application,
) -> Result<SignedIn, RegisterError> {
    let account = accounts::prepare(context.hasher, policy, application, context.now).await?;
    let user = account.account.id;
    let replaces = replaced(storage, context, user)
        .await
        .map_err(LoginError::from)?;
    let prepared = Prepared::new(context, account.account.clone(), replaces).await?;
    let registered = AuditEntry::done(
        Action::Register,
        Actor::User(user),
        context.now,
        context.origin,
    )
    .about("user", user);
    let signed_in = prepared.entry(context, Action::SignIn);
    let creation = storage
        .register(&account, &prepared.new, [&registered, &signed_in])
        .await
        .map_err(AccountError::from)?;
    match creation {
        Creation::Created => Ok(prepared.signed_in),
        Creation::EmailTaken => {
            let refused = AuditEntry::refused(
                Action::Register,
                "email-taken",
                Actor::Anonymous,
                context.now,
                context.origin,
            );
            storage.record(&refused).await.map_err(AccountError::from)?;
            Err(AccountError::EmailTaken.into())
        }
    }
}

fn refusal(context: Context<'_>, user: Option<UserId>) -> AuditEntry {
    let refused = |reason| {
        AuditEntry::refused(
            Action::SignIn,
            reason,
            Actor::Anonymous,
            context.now,
            context.origin,
        )
    };
    match user {
        Some(user) => refused("wrong-password").about("user", user),
        None => refused("unknown-user"),
    }
}

/// The families that the browser brought along, each with the entry about its end: the user may be another one, whose
/// trail must not break off.
async fn replaced(
    storage: &impl Storage,
    context: Context<'_>,
    by: UserId,
) -> Result<Vec<Replaced>, StorageError> {
    let mut replaced = Vec::with_capacity(context.replaces.len());
    for sid in context.replaces {
        let Some(family) = storage.family(*sid).await? else {
            continue;
        };
        let Context { now, origin, .. } = context;
        let entry = AuditEntry::done(Action::ReplaceSession, Actor::User(by), now, origin)
            .about("user", family.user)
            .in_session(family.sid);
        replaced.push(Replaced { sid: *sid, entry });
    }
    Ok(replaced)
}

/// A sign-in as the database gets it, and as the caller gets it.
pub(super) struct Prepared {
    pub(super) new: NewSignIn,
    pub(super) signed_in: SignedIn,
}

impl Prepared {
    pub(super) async fn new(
        context: Context<'_>,
        account: Account,
        replaces: Vec<Replaced>,
    ) -> Result<Self, LoginError> {
        let Context { tokens, now, .. } = context;
        let sid = Sid::from_random(now, session::random()?);
        let session = match context.carrier {
            Carrier::Cookies => Some(SessionSecret::from_random(session::random()?)),
            Carrier::Body => None,
        };
        let refresh_token = RefreshToken::make(context.refresh_key, sid, 0, session::random()?);
        let amr = vec![AMR_PASSWORD.to_owned()];
        let subject = Subject {
            account: &account,
            sid,
            seq: 0,
            client: WEB_CLIENT,
            authentication: Some(Authentication {
                time: now,
                amr: &amr,
                acr: ACR_ONE_FACTOR,
            }),
        };
        // Made before anything is written: without it nobody is signed in, and nothing has to be undone.
        let access_token = context.minter.mint(&subject, now).await?;
        let absolute_expires_at = now.plus(tokens.refresh_absolute_seconds);
        let idle_expires_at = now
            .plus(tokens.refresh_idle_seconds)
            .min(absolute_expires_at);
        let (action, actor) = (Action::ReplaceSession, Actor::User(account.id));
        let makes_room = AuditEntry::done(action, actor, now, context.origin)
            .about("user", account.id)
            .with("sessionsMax", SESSIONS_MAX);
        let new = NewSignIn {
            sid,
            user: account.id,
            client: WEB_CLIENT,
            refresh: refresh_token.digest(),
            session: session.as_ref().map(SessionSecret::digest),
            now,
            idle_expires_at,
            absolute_expires_at,
            session_idle_expires_at: now.plus(tokens.session_idle_seconds),
            session_absolute_expires_at: now.plus(tokens.session_absolute_seconds),
            amr,
            acr: ACR_ONE_FACTOR.to_owned(),
            device: match context.carrier {
                Carrier::Cookies => context.device.clone(),
                Carrier::Body => context.device.clone().without_cookie(),
            },
            replaces,
            makes_room,
        };
        Ok(Self {
            new,
            signed_in: SignedIn {
                account,
                sid,
                idle_expires_at,
                session,
                refresh_token,
                access_token,
            },
        })
    }

    fn entry(&self, context: Context<'_>, action: Action) -> AuditEntry {
        let user = self.new.user;
        AuditEntry::done(action, Actor::User(user), context.now, context.origin)
            .about("user", user)
            .in_session(self.new.sid)
            .with("amr", AMR_PASSWORD)
    }
}
