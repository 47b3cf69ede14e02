//! Which settings exist, of what kind they are and between which bounds, and how all of them are read at once.

mod attempts;
mod mail;
mod redis;

use std::{env, net::SocketAddr, path::PathBuf};

use edgeward_core::cookie::Environment;

use super::{
    ACCESS_SECONDS_MAX, Argon2, ClientAddressHeader, Config, ConfigErrors, Cookies, Database,
    Events, Identity, Keys, Log, LogFormat, LogLevel, Metrics, Networks, OnChange, OnReuse, Origin,
    Passwords, Refresh, Server, ServerUrl, Storage, Tokens, TrustedProxies, alerts, audiences,
    captcha, check, cookies, custody, forward_auth, pages,
    reader::{MISSPELT_PREFIX, Reader},
    role_scopes,
    source::{self, Raw},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What the settings are read from.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The file; `None` for defaults and variables only.
    pub file: Option<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
    /// Environment variables; those of other programs are passed over.
    pub variables: Vec<(String, String)>,
}

impl Inputs {
    /// What the command line says in place of a setting, as if its variable said it.
    pub fn overrule(&mut self, key: &str, value: String) {
        let name = source::variable_of(key);
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value));
    }

    /// The file and folder that the command line names, and the variables of this process.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, data: PathBuf) -> Self {
        let variables = env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                let ours = name.starts_with(MISSPELT_PREFIX);
                // What is no text is kept as its nearest text: no setting holds such characters, so it is refused by name.
                ours.then(|| (name, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self {
            file,
            data,
            variables,
        }
    }
}

/// The settings together with where each came from, for `config show`.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) origins: Vec<(&'static str, Origin)>,
}

pub(super) fn load(inputs: &Inputs) -> Result<Config, ConfigErrors> {
    load_with_origins(inputs).map(|loaded| loaded.config)
}

pub(super) fn load_with_origins(inputs: &Inputs) -> Result<Loaded, ConfigErrors> {
    let mut mistakes = Vec::new();
    let mut settings = inputs
        .file
        .as_deref()
        .map(|file| source::read_file(file, &mut mistakes))
        .unwrap_or_default();
    source::overlay(&inputs.variables, &mut settings, &mut mistakes);
    let mut reader = Reader {
        settings,
        origins: Vec::new(),
        mistakes,
    };
    let config = read(&mut reader, inputs);
    reader.refuse_unknown();
    reader.refuse_misspelt(&inputs.variables);
    // A file that cannot be read would be followed by complaints about defaults that nobody chose.
    if reader.mistakes.iter().all(|mistake| mistake.key.is_some()) {
        let broken = reader.broken();
        check::judge(&config, &reader.origins, &broken, &mut reader.mistakes);
    }
    if reader.mistakes.is_empty() {
        Ok(Loaded {
            config,
            origins: reader.origins,
        })
    } else {
        Err(ConfigErrors::new(reader.mistakes))
    }
}

fn read(reader: &mut Reader, inputs: &Inputs) -> Config {
    let default = Config::defaults(&inputs.data);
    let environment = reader.take("environment", default.environment, environment);
    let server = Server {
        listen: reader.take("server.listen", default.server.listen, address),
        proxies: TrustedProxies {
            networks: reader.take(
                "server.trusted_proxies",
                default.server.proxies.networks,
                Networks::read,
            ),
            header: reader.take(
                "server.client_address_header",
                default.server.proxies.header,
                |raw| ClientAddressHeader::read(&text(raw)?),
            ),
        },
    };
    let url = reader.take("issuer.url", default.issuer.url, text);
    let issuer = Identity {
        // Who sets only the URL has one application, on the same origin.
        audience: reader.take("issuer.audience", url.clone(), text),
        url,
    };
    let store = storage(reader, default.store);
    let redis = redis::redis(reader, default.redis);
    let cookies = Cookies {
        parent_domain: reader.take("cookies.parent_domain", None, |raw| text(raw).map(Some)),
        same_site: reader.take("cookies.same_site", None, |raw| {
            cookies::named(&text(raw)?)
                .map(Some)
                .ok_or_else(|| "must be lax, strict or none".to_owned())
        }),
    };
    let (d, t) = (default.tokens, &mut *reader);
    let algorithm = t.take("tokens.algorithm", d.algorithm, audiences::algorithm_of);
    let tokens = Tokens {
        algorithm,
        audiences: audiences::read(t, algorithm),
        roles: role_scopes::read(t),
        // Shorter than a minute is inside the leeway of every verifier.
        access_seconds: t.take(
            "tokens.access_seconds",
            d.access_seconds,
            seconds(MINUTE, ACCESS_SECONDS_MAX),
        ),
        refresh_idle_seconds: t.take(
            "tokens.refresh_idle_seconds",
            d.refresh_idle_seconds,
            seconds(5 * MINUTE, 365 * DAY),
        ),
        refresh_absolute_seconds: t.take(
            "tokens.refresh_absolute_seconds",
            d.refresh_absolute_seconds,
            seconds(5 * MINUTE, 365 * DAY),
        ),
        session_idle_seconds: t.take(
            "tokens.session_idle_seconds",
            d.session_idle_seconds,
            seconds(MINUTE, 30 * DAY),
        ),
        session_absolute_seconds: t.take(
            "tokens.session_absolute_seconds",
            d.session_absolute_seconds,
            seconds(MINUTE, 30 * DAY),
        ),
    };
    let keys = Keys {
        // A day is longer than a key is public before it signs; three years are what no standard recommends any more.
        rotation_days: reader.take(
            "keys.rotation_days",
            default.keys.rotation_days,
            number(0, 3 * 365),
        ),
        csrf_rotation_days: reader.take(
            "keys.csrf_rotation_days",
            default.keys.csrf_rotation_days,
            number(0, 3 * 365),
        ),
        refresh_rotation_days: reader.take(
            "keys.refresh_rotation_days",
            default.keys.refresh_rotation_days,
            number(0, 3 * 365),
        ),
    };
    let refresh = refresh(reader, default.refresh);
    let passwords = passwords(reader, default.passwords);
    let lockout = attempts::lockout(reader, &default.lockout);
    let admin = attempts::admin(reader, &default.admin);
    let limits = attempts::limits(reader, &default.limits, environment);
    let captcha = captcha::read(reader);
    let pages = pages::read(reader);
    let alerting = alerts::read(reader);
    let log = Log {
        format: reader.take("log.format", default.log.format, log_format),
        level: reader.take("log.level", default.log.level, log_level),
    };
    let metrics = Metrics {
        listen: reader.take("metrics.listen", None, |raw| address(raw).map(Some)),
    };
    let forward_auth = forward_auth::read(reader);
    let events = Events {
        // The shortest that shows a night's attack in the morning; the longest that is kept where nothing else is asked.
        retention_days: reader.take(
            "events.retention_days",
            default.events.retention_days,
            number(1, 400),
        ),
    };
    Config {
        environment,
        data: default.data,
        server,
        issuer,
        store,
        redis,
        cookies,
        tokens,
        keys,
        refresh,
        passwords,
        lockout,
        admin,
        limits,
        captcha,
        pages,
        alerting,
        log,
        metrics,
        forward_auth,
        events,
        mail: mail::mail(reader),
        custody: custody::read(reader),
    }
}

fn storage(reader: &mut Reader, default: Storage) -> Storage {
    let file = reader.take("store.path", None, |raw| path(raw).map(Some));
    let (url, held) = ServerUrl::take(reader, "store.url", "store.url_file");
    let (url_file, held) = held.unzip();
    let named = [
        ("store.path", file.is_some()),
        ("store.url", url.is_some()),
        ("store.url_file", url_file.is_some()),
    ];
    let mut named = named.iter().filter(|(_, is_set)| *is_set);
    if let (Some((first, _)), Some((second, _))) = (named.next(), named.next()) {
        reader.contradict(second, first, "there is one database");
    }
    let database = match (url.or(held), file) {
        (Some(url), _) => Database::Server(url),
        (None, Some(path)) => Database::File(path),
        (None, None) => default.database,
    };
    Storage {
        database,
        url_file,
        // Fewer than two cannot be halved; a server has a hundred by default, for all of its clients.
        connections: reader.take("store.connections", default.connections, number(2, 500)),
    }
}

fn refresh(reader: &mut Reader, default: Refresh) -> Refresh {
    Refresh {
        // Two requests of one page are milliseconds apart; who lost an answer waits so long before it gets it again. An edge keeps a
        // request waiting for two seconds at most; more is for machines that take longer between two requests of one page.
        conflict_seconds: reader.take(
            "refresh.conflict_seconds",
            default.conflict_seconds,
            seconds(1, 5),
        ),
        // Clients give a request up after 10 s, so shorter would take a slow one for a thief; within a longer one a
        // stolen token that was spent already can be used again.
        grace_seconds: reader.take(
            "refresh.grace_seconds",
            default.grace_seconds,
            seconds(10, 120),
        ),
        strict: reader.take("refresh.strict", default.strict, flag),
        on_reuse: reader.take("refresh.on_reuse", default.on_reuse, on_reuse),
        on_device_change: reader.take(
            "refresh.on_device_change",
            default.on_device_change,
            on_change,
        ),
        on_address_change: reader.take(
            "refresh.on_address_change",
            default.on_address_change,
            on_change,
        ),
    }
}

fn passwords(reader: &mut Reader, default: Passwords) -> Passwords {
    Passwords {
        // 8 is the least that NIST SP 800-63B allows; more than 128 would lock people out who type.
        min_length: reader.take("passwords.min_length", default.min_length, number(8, 128)),
        require_classes: reader.take("passwords.require_classes", default.require_classes, flag),
        refuse_frequent: reader.take("passwords.refuse_frequent", default.refuse_frequent, flag),
        // With a hash of a tenth of a second, who is the last of 256 waits for longer than clients do.
        queue_per_core: reader.take(
            "passwords.queue_per_core",
            default.queue_per_core,
            number(1, 256),
        ),
        argon2: Argon2 {
            // 8 KiB a lane is the least that RFC 9106 defines; 1 GiB for one hash is a denial of service on oneself.
            memory_kib: reader.take(
                "passwords.argon2.memory_kib",
                default.argon2.memory_kib,
                number(64, 1024 * 1024),
            ),
            iterations: reader.take(
                "passwords.argon2.iterations",
                default.argon2.iterations,
                number(1, 20),
            ),
            parallelism: reader.take(
                "passwords.argon2.parallelism",
                default.argon2.parallelism,
                number(1, 8),
            ),
        },
    }
}

pub(super) fn text(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) | Raw::Variable(text) if text.is_empty() => {
            Err("is empty: leave it out or give a text".to_owned())
        }
        Raw::Text(text) | Raw::Variable(text) => Ok(text.clone()),
        Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Tables(_) | Raw::Other(_) => {
            Err("must be a text".to_owned())
        }
    }
}

pub(super) fn path(raw: &Raw) -> Result<PathBuf, String> {
    text(raw).map(PathBuf::from)
}

pub(super) fn address(raw: &Raw) -> Result<SocketAddr, String> {
    text(raw)?
        .parse()
        .map_err(|_| "must be an address with a port, as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

fn environment(raw: &Raw) -> Result<Environment, String> {
    text(raw)?
        .parse()
        .map_err(|_| "must be production, preview or development".to_owned())
}

fn on_reuse(raw: &Raw) -> Result<OnReuse, String> {
    OnReuse::from_name(&text(raw)?).ok_or_else(|| "must be family or user".to_owned())
}

fn on_change(raw: &Raw) -> Result<OnChange, String> {
    OnChange::from_name(&text(raw)?).ok_or_else(|| "must be note, step-up or revoke".to_owned())
}

fn log_format(raw: &Raw) -> Result<LogFormat, String> {
    LogFormat::from_name(&text(raw)?).ok_or_else(|| "must be json or text".to_owned())
}

fn log_level(raw: &Raw) -> Result<LogLevel, String> {
    LogLevel::from_name(&text(raw)?).ok_or_else(|| "must be error, warn, info or debug".to_owned())
}

pub(super) fn flag(raw: &Raw) -> Result<bool, String> {
    match raw {
        Raw::Boolean(flag) => Some(*flag),
        Raw::Variable(text) => text.parse().ok(),
        Raw::Text(_) | Raw::Integer(_) | Raw::List(_) | Raw::Tables(_) | Raw::Other(_) => None,
    }
    .ok_or_else(|| "must be true or false".to_owned())
}

fn seconds(least: i64, most: i64) -> impl Fn(&Raw) -> Result<i64, String> {
    move |raw| {
        integer(raw)
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("must be a number of seconds from {least} to {most}"))
    }
}

pub(super) fn number<T: TryFrom<i64>>(least: i64, most: i64) -> impl Fn(&Raw) -> Result<T, String> {
    move |raw| {
        integer(raw)
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    }
}

fn integer(raw: &Raw) -> Option<i64> {
    match raw {
        Raw::Integer(number) => Some(*number),
        Raw::Variable(text) => text.parse().ok(),
        Raw::Text(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Tables(_) | Raw::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of one setting under `refresh`, given by its variable.
    fn complaint(key: &str, value: &str) -> Option<String> {
        let variable = format!("EDGEWARD__REFRESH__{}", key.to_uppercase());
        let inputs = Inputs {
            variables: vec![(variable, value.to_owned())],
            ..Inputs::default()
        };
        let refused = load(&inputs).err()?.to_string();
        let (_, message) = refused.split_once(&format!("refresh.{key}: ")).unwrap();
        Some(message.trim_end().to_owned())
    }

    #[test]
    fn the_settings_of_refresh_have_their_bounds() {
        let seconds = |from, to| format!("must be a number of seconds from {from} to {to}");
        let change = "must be note, step-up or revoke".to_owned();
        for (key, good, bad, says) in [
            ("conflict_seconds", "1", "0", seconds(1, 5)),
            ("conflict_seconds", "5", "6", seconds(1, 5)),
            ("grace_seconds", "10", "9", seconds(10, 120)),
            ("grace_seconds", "120", "121", seconds(10, 120)),
            ("strict", "true", "1", "must be true or false".to_owned()),
            (
                "on_reuse",
                "user",
                "all",
                "must be family or user".to_owned(),
            ),
            ("on_device_change", "revoke", "Note", change.clone()),
            (
                "on_address_change",
                "note",
                "",
                "is empty: leave it out or give a text".to_owned(),
            ),
            ("on_device_change", "step-up", "step_up", change),
        ] {
            assert_eq!(complaint(key, good), None, "{key} {good}");
            assert_eq!(complaint(key, bad), Some(says), "{key} {bad}");
        }
    }
}
