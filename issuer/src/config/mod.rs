//! The settings of the issuer: their types, their defaults, and the one way to load them.
//!
//! A setting comes from the default, then the file, then a variable `EDGEWARD__SECTION__KEY`; the last one wins.
//! Everything that is wrong is reported at once, each with the line or the variable that it came from.
//! Secrets are no settings: they live in the data folder and belong to `custody`. The exceptions are the password in the
//! address of a database server or of Redis, the one at the mail server, and what opens custody elsewhere; they come from a
//! variable or a file of their own.

mod alerts;
mod audiences;
mod authority;
mod captcha;
mod check;
mod cookies;
mod custody;
mod forward_auth;
mod mail;
mod members;
mod networks;
mod pages;
mod proxies;
mod read;
mod reader;
mod redis_url;
mod role_scopes;
mod secret;
mod server_url;
mod show;
mod source;
mod tokens;
mod url;

pub mod mapping;

pub use alerts::{AlertRule, Alerting, Per, Webhook, defaults as default_alerts};
pub use audiences::Audience;
pub use captcha::{Captcha, CaptchaProvider, OnOutage};
pub use cookies::Cookies;
pub use custody::{Custody, Kms, KmsKey, Pkcs11, SealerKind, SigningPlace, Transit};
pub use forward_auth::{Dialect, ForwardAuth, PolicyFileError, read_policy};
pub use mail::{Links, Mail, MailPassword, MailTls, Notify};
pub use networks::Networks;
pub use pages::{Asset, AssetError, Pages, read_logo, read_stylesheet};
pub use proxies::{ClientAddressHeader, TrustedProxies};
pub use read::Inputs;
pub use redis_url::RedisUrl;
pub use role_scopes::RoleScopes;
pub use secret::SecretText;
pub use server_url::ServerUrl;
pub use source::{ConfigErrors, Mistake, Origin};
pub use tokens::{Keys, Tokens};
pub use url::{Kind as UrlKind, Url};

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use edgeward_core::cookie::Environment;

use crate::domain::accounts::Role;
use crate::signatures::SigningAlgorithm;

/// Everything that can be set, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Which rules apply; decides cookie names and refuses development settings in production.
    pub environment: Environment,
    /// The folder with the database and the secrets.
    pub data: PathBuf,
    /// Where the issuer listens.
    pub server: Server,
    /// Who the issuer says it is.
    pub issuer: Identity,
    /// Where the data is.
    pub store: Storage,
    /// What several issuers share beside the data, if they do.
    pub redis: Redis,
    /// For which hosts cookies are set.
    pub cookies: Cookies,
    /// How long tokens and sessions live.
    pub tokens: Tokens,
    /// How long a key signs.
    pub keys: Keys,
    /// How a refresh token that comes back is treated.
    pub refresh: Refresh,
    /// What a password must be and how it is hashed.
    pub passwords: Passwords,
    /// How many wrong passwords lock, and for how long.
    pub lockout: Lockout,
    /// Who administers accounts.
    pub admin: Admin,
    /// How often one sender may ask.
    pub limits: Limits,
    /// Which challenge keeps machines out, if any does.
    pub captcha: Option<Captcha>,
    /// Whose pages they are.
    pub pages: Pages,
    /// Which events call somebody.
    pub alerting: Alerting,
    /// What is logged and how.
    pub log: Log,
    /// Who may read the numbers.
    pub metrics: Metrics,
    /// Which proxy may ask for verdicts, and by which policy they are given.
    pub forward_auth: ForwardAuth,
    /// How long personal data of events is kept.
    pub events: Events,
    /// How mails are sent; `None` sends none.
    pub mail: Option<Mail>,
    /// Which key-encryption keys there are.
    pub custody: Custody,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address of the listening socket.
    pub listen: SocketAddr,
    /// Who may say whose request they pass on.
    pub proxies: TrustedProxies,
}

/// `[issuer]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The issuer identifier (`iss`): the public origin of the site, without a path or a final slash.
    pub url: String,
    /// The `aud` of access tokens for the application.
    pub audience: String,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Which database.
    pub database: Database,
    /// The file that the server's address was read from, where it was.
    pub url_file: Option<PathBuf>,
    /// The most connections to a server at once, half of them only for reading. SQLite has its own number.
    pub connections: u32,
}

/// Which database: one file for one process, or a server for several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL server.
    Server(ServerUrl),
}

/// `[redis]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// The server; `None` for none.
    pub url: Option<RedisUrl>,
    /// The file that the address was read from, where it was.
    pub url_file: Option<PathBuf>,
    /// The authority that the server's certificate must be of; `None` for those of the system.
    pub ca_file: Option<PathBuf>,
    /// What all keys and the channel begin with: two sites on one Redis have two of them.
    pub prefix: String,
    /// How long a question may take.
    pub timeout: Duration,
    /// So long a turn to refresh lasts that nobody gives back.
    pub turn_seconds: i64,
}

/// How long a question to Redis may take when nothing else is set. A script takes far below a millisecond and a network
/// between machines that share a database a few; a person does not notice a sixth of a second, and a request pays it once.
const REDIS_TIMEOUT: Duration = Duration::from_millis(150);

/// How long a turn to refresh lasts that nobody gives back, when nothing else is set: longer than a transaction ever takes, and as short
/// as the shortest grace, so that who waited for a process that died still gets its answer.
const REDIS_TURN_SECONDS: i64 = 10;

/// How many wait for each core when nothing else is set. A hash takes some 50 ms, so the last in the queue waits under a second.
const QUEUE_PER_CORE: usize = 16;

/// `[refresh]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// So long after a rotation the token before is taken for a request that ran at the same time.
    pub conflict_seconds: i64,
    /// So long the token before gets the same successor although that came into use.
    pub grace_seconds: i64,
    /// The token before never gets its successor: a lost answer ends the session.
    pub strict: bool,
    /// What ends when a spent token comes back.
    pub on_reuse: OnReuse,
    /// What a refresh from another device than before leads to.
    pub on_device_change: OnChange,
    /// What a refresh from another range of addresses than before leads to.
    pub on_address_change: OnChange,
}

/// What ends when a spent refresh token comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnReuse {
    /// The family of the token.
    Family,
    /// All families of its user.
    User,
}

/// What a refresh from somewhere else leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// It is written into the audit log.
    Note,
    /// The person has to confirm their identity before anything that demands a recent sign-in.
    StepUp,
    /// The family ends.
    Revoke,
}

/// `[passwords]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passwords {
    /// The least number of characters of a new password.
    pub min_length: usize,
    /// Whether upper case, lower case, a digit and a special character are all required.
    pub require_classes: bool,
    /// Whether frequent passwords and what is easily made of them are refused.
    pub refuse_frequent: bool,
    /// So many passwords wait to be hashed, for each core that hashes; who comes then is told to come back.
    pub queue_per_core: usize,
    /// The cost of a hash.
    pub argon2: Argon2,
}

/// `[passwords.argon2]`: the parameters of Argon2id (RFC 9106).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argon2 {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// `[lockout]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// Whether failures are counted at all.
    pub enabled: bool,
    /// So many failures lock a name, or a known device at it.
    pub failures: u32,
    /// So long a lock lasts, and so long failures are remembered.
    pub seconds: i64,
    /// So many failures lock a range of addresses.
    pub address_failures: u32,
    /// Whether a lock ends the sessions of the account.
    pub revoke_sessions: bool,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Who holds this role administers the accounts of others.
    pub role: Role,
    /// A change wants a sign-in that is at most so old.
    pub max_age_seconds: i64,
    /// From where anybody administers. Empty: from everywhere.
    pub addresses: Networks,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Whether requests are counted at all.
    pub enabled: bool,
    /// Whether those of this machine are counted.
    pub loopback: bool,
    /// Requests of one address to resources where a secret can be guessed.
    pub guesses_per_minute: NonZeroU32,
    /// How many of them at once.
    pub guesses_burst: NonZeroU32,
    /// Sign-ins of one address, and of one name.
    pub sign_ins: NonZeroU32,
    /// The time in which they are counted.
    pub sign_ins_within_seconds: u32,
    /// How long a name waits that was tried more often; twice as long each time that it is tried too often again.
    pub name_wait_seconds: i64,
    /// The longest of these waits.
    pub name_wait_longest_seconds: i64,
    /// Reading and refreshing by one session, or by one address without one.
    pub reads_per_minute: NonZeroU32,
    /// How many of them at once.
    pub reads_burst: NonZeroU32,
}

/// The numbers of [`Limits`] when nothing else is set.
const fn at_most(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// One JSON object a line, or text for a person.
    pub format: LogFormat,
    /// The least level that is written.
    pub level: LogLevel,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// The address of the socket that serves `/metrics`, and nothing else; `None` serves it nowhere.
    pub listen: Option<SocketAddr>,
}

/// `[events]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// A security event ends after so many days.
    pub retention_days: i64,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for a person at a terminal.
    Text,
}

/// The least level that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs a person.
    Error,
    /// And what may need one.
    Warn,
    /// And one line a request.
    Info,
    /// And what a developer asks for.
    Debug,
}

/// The longest life that an access token can be configured to have: longer would outlive its revocation.
pub const ACCESS_SECONDS_MAX: i64 = 3600;

/// The data folder when no option names one.
pub const DEFAULT_DATA_FOLDER: &str = "./edgeward-data";

/// The origin that `cargo xtask dev` gives the edge when no port is asked for.
const DEFAULT_ORIGIN: &str = "http://127.0.0.1:8787";

impl Config {
    /// The development defaults for a data folder.
    #[must_use]
    pub fn defaults(data: &Path) -> Self {
        Self {
            environment: Environment::Development,
            data: data.to_path_buf(),
            server: Server {
                listen: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080)),
                proxies: TrustedProxies::default(),
            },
            issuer: Identity {
                url: DEFAULT_ORIGIN.to_owned(),
                audience: DEFAULT_ORIGIN.to_owned(),
            },
            store: Storage {
                database: Database::File(data.join("edgeward.db")),
                url_file: None,
                connections: 16,
            },
            redis: Redis {
                url: None,
                url_file: None,
                ca_file: None,
                prefix: "edgeward".to_owned(),
                timeout: REDIS_TIMEOUT,
                turn_seconds: REDIS_TURN_SECONDS,
            },
            cookies: Cookies::default(),
            tokens: Tokens {
                algorithm: SigningAlgorithm::EdDsa,
                audiences: Vec::new(),
                roles: Vec::new(),
                access_seconds: 600,
                refresh_idle_seconds: 14 * 24 * 3600,
                refresh_absolute_seconds: 90 * 24 * 3600,
                session_idle_seconds: 30 * 60,
                session_absolute_seconds: 12 * 3600,
            },
            keys: Keys {
                rotation_days: 30,
                csrf_rotation_days: 30,
                // As long as a session lives at most: so there is the present one, and the one before.
                refresh_rotation_days: 90,
            },
            refresh: Refresh {
                conflict_seconds: 1,
                grace_seconds: 30,
                strict: false,
                on_reuse: OnReuse::Family,
                on_device_change: OnChange::Note,
                on_address_change: OnChange::Note,
            },
            passwords: Passwords {
                min_length: 12,
                require_classes: true,
                refuse_frequent: true,
                queue_per_core: QUEUE_PER_CORE,
                argon2: Argon2 {
                    memory_kib: 46 * 1024,
                    iterations: 1,
                    parallelism: 1,
                },
            },
            lockout: Lockout {
                enabled: true,
                failures: 5,
                seconds: 30 * 60,
                address_failures: 100,
                revoke_sessions: false,
            },
            admin: Admin {
                role: Role::administrators(),
                max_age_seconds: 5 * 60,
                addresses: Networks::default(),
            },
            limits: Limits {
                enabled: true,
                loopback: false,
                guesses_per_minute: at_most(10),
                guesses_burst: at_most(5),
                sign_ins: at_most(30),
                sign_ins_within_seconds: 15 * 60,
                name_wait_seconds: 60,
                name_wait_longest_seconds: 60 * 60,
                reads_per_minute: at_most(120),
                reads_burst: at_most(60),
            },
            captcha: None,
            pages: Pages::default(),
            alerting: Alerting::default(),
            log: Log {
                format: LogFormat::Json,
                level: LogLevel::Info,
            },
            metrics: Metrics::default(),
            forward_auth: ForwardAuth::default(),
            events: Events { retention_days: 90 },
            mail: None,
            custody: Custody::default(),
        }
    }

    /// Reads the file and the variables, and checks the whole.
    ///
    /// # Errors
    /// All mistakes found, each with its place.
    pub fn load(inputs: &Inputs) -> Result<Self, ConfigErrors> {
        read::load(inputs)
    }

    /// The settings as TOML, with a comment that says where each came from.
    ///
    /// # Errors
    /// The same mistakes as [`Config::load`].
    pub fn show(inputs: &Inputs) -> Result<String, ConfigErrors> {
        show::show(inputs)
    }

    /// What is allowed and not wise. Nothing here keeps an issuer from starting.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let keys = match self.environment {
            Environment::Production => self.custody.secrets_in_environment(),
            Environment::Preview | Environment::Development => Vec::new(),
        };
        let warn = |key| {
            format!(
                "{key} is in the environment, which stays readable for as long as the process runs and ends up in its core dumps: use {key}_file"
            )
        };
        keys.into_iter().map(warn).collect()
    }

    /// The folder of the secrets.
    #[must_use]
    pub fn secrets_folder(&self) -> PathBuf {
        self.data.join("secrets")
    }
}
