//! The issuer keeps state: who has an account, which sessions live, which keys sign, and what happened.
//!
//! The edge verifies without asking anybody; everything that needs a memory is here. The arrows point one way:
//! `http` translates requests and answers, `domain` decides with `now` as an argument, `store` remembers.
//! Nothing here judges the routes of the application: that is the edge's gate.
#![forbid(unsafe_code)]

pub mod cli;
pub mod http;

pub mod domain;
pub mod store;

pub mod chores;
pub mod clock;
pub mod config;
pub mod custody;
pub mod log;
pub mod signatures;

use std::sync::{Arc, Mutex};

use crate::{
    clock::Clock,
    config::{Config, Database},
    custody::{CustodyError, Secrets},
    domain::{
        events::Quota,
        keyring::{Keyring, KeyringError},
        limits::Limits,
        lockout::{Lockout, LockoutKey, Turns},
        password::{HashError, PasswordHasher},
    },
    http::{metrics::Metrics, wellknown::Documents},
    store::{Store, StoreError},
};

/// Everything a request may need, shared by all of them as `Arc<App>`.
#[derive(Debug)]
pub struct App {
    /// The settings, already checked against each other.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The secrets of the data folder.
    pub secrets: Secrets,
    /// The keys that sign access tokens.
    pub keyring: Keyring,
    /// Hashes passwords, as many at once as there are cores.
    pub hasher: PasswordHasher,
    /// How many refusals of strangers are still written down.
    pub refusals: Mutex<Quota>,
    /// The key set as it was made the last time.
    pub documents: Documents,
    /// What happened since the start, in numbers.
    pub metrics: Metrics,
    /// Names the counters of failed sign-ins.
    pub lockout_key: LockoutKey,
    /// How often one sender may ask.
    pub limits: Limits,
    /// Who waits for another attempt under the same name.
    pub turns: Turns,
    /// The one ambient clock.
    pub clock: Clock,
}

/// The axum state of every handler.
pub type SharedApp = Arc<App>;

/// Why an issuer cannot start. All of these are for the operator to put right.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The secrets cannot be used.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Passwords cannot be hashed as the configuration says.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Opens the database with the schema of this program.
///
/// # Errors
/// When the file cannot be used or is of a newer program, see [`StoreError`], or others may read it in production.
pub async fn open_store(config: &Config) -> Result<Store, OpenError> {
    let store = connect_store(config).await?;
    for step in store.migrate_up().await? {
        tracing::info!(
            version = step.version,
            name = step.name,
            "migration applied"
        );
    }
    Ok(store)
}

/// Opens the database with the schema that it has.
///
/// # Errors
/// As [`open_store`].
pub async fn connect_store(config: &Config) -> Result<Store, OpenError> {
    Ok(match &config.store.database {
        Database::File(path) => {
            custody::judge_database(path, config.environment)?;
            Store::open(path).await?
        }
        Database::Server(url) => Store::connect(url, config.store.connections).await?,
    })
}

impl App {
    /// What counting failed sign-ins needs.
    #[must_use]
    pub fn lockout(&self) -> Lockout<'_> {
        Lockout {
            key: &self.lockout_key,
            settings: &self.config.lockout,
            turns: &self.turns,
        }
    }

    /// Opens everything that serving needs; makes the secrets, the schema and the first key where there are none.
    ///
    /// # Errors
    /// [`OpenError`]; nothing that exists is overwritten.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let clock = Clock;
        // The secrets come first: they close the data folder to others before the database is put into it.
        let secrets = Secrets::load_or_create(&config.secrets_folder(), config.environment)?;
        let store = open_store(&config).await?;
        let keyring = Keyring::load_or_create(&store, &secrets, clock.now()).await?;
        let hasher = PasswordHasher::new(&config.passwords.argon2)?;
        Ok(Self {
            limits: Limits::new(&config.limits, config.environment),
            config,
            store,
            lockout_key: LockoutKey::from_bytes(&secrets.lockout_secret()),
            turns: Turns::default(),
            secrets,
            keyring,
            hasher,
            refusals: Mutex::new(Quota::default()),
            documents: Documents::default(),
            metrics: Metrics::new(),
            clock,
        })
    }
}
