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

pub mod alerts;
pub mod captcha;
pub mod chores;
pub mod clock;
pub mod config;
pub mod custody;
pub mod faults;
pub mod log;
pub mod mail;
pub mod signatures;
pub mod texts;

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use edgeward_core::{csrf::CsrfKey, time::UnixTime};

use crate::{
    alerts::{Watch, WatchError},
    captcha::Captcha,
    chores::accesses,
    clock::Clock,
    config::{AssetError, Config, Database},
    custody::{CustodyError, MacKey, Secrets},
    domain::{
        administration::Refusals,
        events::Quota,
        keyring::{Keyring, KeyringError, Signer},
        limits::{Counters, Limits, Rules},
        lockout::{Lockout, LockoutKey, Turns},
        password::{HashError, PasswordHasher},
        refresh::Arrivals,
        revocations::Pages,
        secrets::{Generations, Known, Purpose, SecretsError, acts},
        storage::StorageError,
    },
    http::{metrics::Metrics, pages::brand::Brand, wellknown::Documents},
    mail::{MailError, Post},
    store::{
        Store, StoreError,
        redis::{Link, LinkError, SharedCounters},
    },
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
    /// The secrets by which CSRF and refresh tokens are known again.
    pub generations: Generations,
    /// Hashes passwords, as many at once as there are cores.
    pub hasher: PasswordHasher,
    /// How many refusals of strangers are still written down.
    pub refusals: Mutex<Quota>,
    /// How many who are no administrators are.
    pub turned_away: Mutex<Refusals>,
    /// The key set as it was made the last time.
    pub documents: Documents,
    /// What happened since the start, in numbers.
    pub metrics: Metrics,
    /// Refreshes that are known to have arrived, until they are written.
    pub arrivals: Arrivals,
    /// Names the counters of failed sign-ins.
    pub lockout_key: LockoutKey,
    /// How often one sender may ask.
    pub limits: Limits,
    /// What is shared with other processes beside the database, where it is.
    pub redis: Option<Link>,
    /// The pages of the feed of ended sessions that were built last.
    pub pages: Pages,
    /// Whose pages they are.
    pub brand: Arc<Brand>,
    /// Asks whether a challenge was solved, where one is configured.
    pub captcha: Option<Captcha>,
    /// Calls whom the rules for alerts name, where there are any.
    pub watch: Option<Watch>,
    /// Who waits for another attempt under the same name.
    pub turns: Turns,
    /// The way to the mail server, where one is configured.
    pub post: Option<Post>,
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
    /// The secrets of tokens cannot be used.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The accesses to key-encryption keys cannot be written down.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Redis cannot be asked as the configuration says.
    #[error(transparent)]
    Redis(#[from] LinkError),
    /// The client that asks about challenges cannot be made.
    #[error("the client for challenges: {0}")]
    Client(#[from] reqwest::Error),
    /// Events cannot be watched.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// Passwords cannot be hashed as the configuration says.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// There is no database, and the command is about one that is there.
    #[error(
        "{0}: there is no such database: name its folder with --data, or its file with store.path"
    )]
    NoDatabase(String),
    /// There is a database, and no issuer has ever used it.
    #[error(
        "{0} holds no tables of an issuer: `edgeward migrate up` or the first `serve` makes them"
    )]
    NoSchema(String),
    /// A file that pages load cannot be read.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// Mails cannot be sent as the configuration says.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// Opens the database with the schema of this program.
///
/// # Errors
/// When the file cannot be used or is of a newer program, see [`StoreError`], or others may read it in production.
pub async fn open_store(config: &Config) -> Result<Store, OpenError> {
    let store = connect_store(config).await?;
    apply_steps(&store).await?;
    Ok(store)
}

async fn apply_steps(store: &Store) -> Result<(), StoreError> {
    for step in store.migrate_up().await? {
        tracing::info!(
            version = step.version,
            name = step.name,
            "migration applied"
        );
    }
    Ok(())
}

/// The same of a database that is there already, for commands that have nothing to do with an empty one: a forgotten
/// `--data` makes none.
///
/// # Errors
/// As [`open_store`], and when there is none.
pub async fn open_existing_store(config: &Config) -> Result<Store, OpenError> {
    require_database(config)?;
    let store = connect_store(config).await?;
    let steps = store.migration_status().await?;
    if !steps.iter().any(|step| step.applied) {
        store.close().await;
        return Err(OpenError::NoSchema(store.place().to_owned()));
    }
    apply_steps(&store).await?;
    Ok(store)
}

/// Says so where there is no database file. A server is asked when it is connected to.
///
/// # Errors
/// [`OpenError::NoDatabase`].
pub fn require_database(config: &Config) -> Result<(), OpenError> {
    match &config.store.database {
        Database::File(path) if !path.exists() => {
            Err(OpenError::NoDatabase(path.display().to_string()))
        }
        Database::File(_) | Database::Server(_) => Ok(()),
    }
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

/// Takes the secrets of the data folder in, where they are not yet, and opens the generations.
async fn first_generations(
    config: &Config,
    store: &Store,
    custody: &Secrets,
    now: UnixTime,
) -> Result<Generations, SecretsError> {
    for purpose in Purpose::ALL {
        let acts = acts::Acts {
            store,
            custody,
            purpose,
            refresh_life_seconds: config.tokens.refresh_absolute_seconds,
            now,
        };
        acts.take_in().await?;
    }
    Generations::load(store, custody, now, Instant::now()).await
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

    /// The keys, which were read lately.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn fresh_keyring(&self, now: UnixTime) -> Result<&Keyring, KeyringError> {
        let at = Instant::now();
        self.keyring
            .ensure_fresh(&self.store, &self.secrets, now, at)
            .await?;
        Ok(&self.keyring)
    }

    /// The keys of CSRF tokens, which were read lately.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn csrf_keys(&self, now: UnixTime) -> Result<Known<CsrfKey>, SecretsError> {
        let at = self.freshen_generations(now).await?;
        self.generations.csrf(now, at)
    }

    /// The keys of the MAC in refresh tokens, which were read lately.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn refresh_keys(&self, now: UnixTime) -> Result<Known<MacKey>, SecretsError> {
        let at = self.freshen_generations(now).await?;
        self.generations.refresh(now, at)
    }

    async fn freshen_generations(&self, now: UnixTime) -> Result<Instant, SecretsError> {
        let at = Instant::now();
        self.generations
            .ensure_fresh(&self.store, &self.secrets, now, at)
            .await?;
        Ok(at)
    }

    /// What is done with the generations of one purpose.
    #[must_use]
    pub fn acts_on(&self, purpose: Purpose) -> acts::Acts<'_, Store> {
        acts::Acts {
            store: &self.store,
            custody: &self.secrets,
            purpose,
            refresh_life_seconds: self.config.tokens.refresh_absolute_seconds,
            now: self.clock.now(),
        }
    }

    /// What signs access tokens for an audience that are made now.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn signer(&self, audience: &str, now: UnixTime) -> Result<Signer, KeyringError> {
        let algorithm = self.config.algorithm_for(audience).unwrap_or_default();
        let exp = now.plus(self.config.tokens.access_seconds);
        let (store, secrets) = (&self.store, &self.secrets);
        self.keyring
            .signer(store, secrets, algorithm, exp, now, Instant::now())
            .await
    }

    /// Opens everything that serving needs; makes the secrets, the schema and the first key where there are none.
    ///
    /// # Errors
    /// [`OpenError`]; nothing that exists is overwritten.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let clock = Clock;
        // The secrets come first: they close the data folder to others before the database is put into it.
        let secrets = Secrets::open_configured(&config)?;
        let mut store = open_store(&config).await?;
        let post = match &config.mail {
            Some(mail) => {
                store.queue_mails(mail.notify, mail.links);
                Some(Post::new(mail, &config.issuer.url)?)
            }
            None => None,
        };
        store.tell_views(config.tokens.access_seconds).await?;
        let (algorithms, now) = (config.algorithms(), clock.now());
        let keyring =
            Keyring::load_or_create(&store, &secrets, &algorithms, now, Instant::now()).await;
        let generations = first_generations(&config, &store, &secrets, now).await;
        // What was asked of a key elsewhere is written also when it did not help.
        let noted = accesses::drain(&store, &secrets).await;
        let keyring = keyring?;
        let generations = generations?;
        noted?;
        let hasher = PasswordHasher::new(&config.passwords)?;
        let redis = Link::open(&config.redis, store.news()).await?;
        let lockout_key = || LockoutKey::from_bytes(&secrets.lockout_secret());
        let shared = redis.clone().map(|link| -> Box<dyn Counters> {
            let rules = Rules::of(&config.limits);
            Box::new(SharedCounters::new(link, lockout_key(), rules))
        });
        let asking = |settings| Captcha::new(settings, &config.issuer.url);
        let captcha = config.captcha.as_ref().map(asking).transpose()?;
        Ok(Self {
            captcha,
            brand: Arc::new(Brand::open(&config.pages)?),
            watch: Watch::new(&config.alerting)?,
            limits: Limits::new(&config.limits, config.environment, shared),
            redis,
            pages: Pages::default(),
            config,
            store,
            lockout_key: lockout_key(),
            turns: Turns::default(),
            secrets,
            keyring,
            generations,
            hasher,
            refusals: Mutex::new(Quota::default()),
            turned_away: Mutex::new(Refusals::default()),
            documents: Documents::default(),
            metrics: Metrics::new(),
            arrivals: Arrivals::default(),
            post,
            clock,
        })
    }
}
