//! `config show`: the settings in force as TOML, each with its origin. Secrets are named and not shown.

use std::{fmt::Write, path::PathBuf};

use super::{
    Config, ConfigErrors, Database, Inputs, LogFormat, LogLevel, Mail, OnChange, OnReuse, Origin,
    alerts, audiences, captcha, cookies, custody, pages,
    read::{self, Loaded},
    role_scopes,
};

pub(super) fn show(inputs: &Inputs) -> Result<String, ConfigErrors> {
    let Loaded { config, origins } = read::load_with_origins(inputs)?;
    let mut out = String::new();
    let mut section = String::new();
    for (key, origin) in origins {
        // Tables stand behind all settings that are none.
        if key == "alerts" || key == audiences::TABLES || key == role_scopes::TABLES.name {
            continue;
        }
        let (of, name) = key.rsplit_once('.').unwrap_or(("", key));
        if of != section {
            section = of.to_owned();
            line(&mut out, &format!("\n[{section}]"));
        }
        match value_of(&config, key) {
            Some(value) => line(&mut out, &format!("{name} = {value} # {origin}")),
            None => match told_instead(&config, key, &origin) {
                Some(told) => line(&mut out, &format!("# {told} # {origin}")),
                None => line(&mut out, &format!("# {name} is not set")),
            },
        }
    }
    out.push_str(&audiences::shown(&config.tokens.audiences));
    out.push_str(&role_scopes::shown(&config.tokens.roles));
    out.push_str(&alerts::shown(&config.alerting));
    line(&mut out, "\n# secrets, in files of their own:");
    for secret in ["kek", "refresh-mac", "csrf"] {
        let path = config.secrets_folder().join(secret);
        if secret == "kek" && !config.custody.seals_with_own_key() && !path.exists() {
            continue;
        }
        line(&mut out, &format!("# {} (redacted)", path.display()));
    }
    Ok(out)
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The value as TOML. A key that has no line here would be shown as not set, which a test refuses.
fn value_of(config: &Config, key: &str) -> Option<String> {
    let tokens = &config.tokens;
    let refresh = &config.refresh;
    let passwords = &config.passwords;
    Some(match key {
        "environment" => quoted(&config.environment.to_string()),
        "server.listen" => quoted(&config.server.listen.to_string()),
        "server.trusted_proxies" => config.server.proxies.networks.shown(),
        "server.client_address_header" => quoted(&config.server.proxies.header.to_string()),
        "issuer.url" => quoted(&config.issuer.url),
        "issuer.audience" => quoted(&config.issuer.audience),
        "store.path" => match &config.store.database {
            Database::File(path) => quoted(&path.to_string_lossy()),
            Database::Server(_) => return None,
        },
        "store.url" => match (&config.store.database, &config.store.url_file) {
            (Database::Server(url), None) => quoted(&url.to_string()),
            (Database::Server(_), Some(_)) | (Database::File(_), _) => return None,
        },
        "store.url_file" => quoted(&config.store.url_file.as_ref()?.to_string_lossy()),
        "store.connections" => config.store.connections.to_string(),
        "redis.url" => match &config.redis.url_file {
            None => quoted(&config.redis.url.as_ref()?.to_string()),
            Some(_) => return None,
        },
        "redis.url_file" => quoted(&config.redis.url_file.as_ref()?.to_string_lossy()),
        "redis.ca_file" => quoted(&config.redis.ca_file.as_ref()?.to_string_lossy()),
        "redis.prefix" => quoted(&config.redis.prefix),
        "redis.turn_seconds" => config.redis.turn_seconds.to_string(),
        "redis.timeout_ms" => config.redis.timeout.as_millis().to_string(),
        "cookies.same_site" => quoted(cookies::name_of(
            config.cookies.same_site_in(config.environment),
        )),
        "cookies.parent_domain" => quoted(config.cookies.parent_domain.as_deref()?),
        "tokens.algorithm" => quoted(tokens.algorithm.name()),
        "tokens.access_seconds" => tokens.access_seconds.to_string(),
        "tokens.refresh_idle_seconds" => tokens.refresh_idle_seconds.to_string(),
        "tokens.refresh_absolute_seconds" => tokens.refresh_absolute_seconds.to_string(),
        "tokens.session_idle_seconds" => tokens.session_idle_seconds.to_string(),
        "tokens.session_absolute_seconds" => tokens.session_absolute_seconds.to_string(),
        "keys.rotation_days" => config.keys.rotation_days.to_string(),
        "keys.csrf_rotation_days" => config.keys.csrf_rotation_days.to_string(),
        "keys.refresh_rotation_days" => config.keys.refresh_rotation_days.to_string(),
        "refresh.conflict_seconds" => refresh.conflict_seconds.to_string(),
        "refresh.grace_seconds" => refresh.grace_seconds.to_string(),
        "refresh.strict" => refresh.strict.to_string(),
        "refresh.on_reuse" => quoted(refresh.on_reuse.name()),
        "refresh.on_device_change" => quoted(refresh.on_device_change.name()),
        "refresh.on_address_change" => quoted(refresh.on_address_change.name()),
        "passwords.min_length" => passwords.min_length.to_string(),
        "passwords.require_classes" => passwords.require_classes.to_string(),
        "passwords.refuse_frequent" => passwords.refuse_frequent.to_string(),
        "passwords.queue_per_core" => passwords.queue_per_core.to_string(),
        "passwords.argon2.memory_kib" => passwords.argon2.memory_kib.to_string(),
        "passwords.argon2.iterations" => passwords.argon2.iterations.to_string(),
        "passwords.argon2.parallelism" => passwords.argon2.parallelism.to_string(),
        "admin.role" => quoted(config.admin.role.as_str()),
        "admin.max_age_seconds" => config.admin.max_age_seconds.to_string(),
        "admin.addresses" => config.admin.addresses.shown(),
        "limits.enabled" => config.limits.enabled.to_string(),
        "limits.loopback" => config.limits.loopback.to_string(),
        "limits.guesses_per_minute" => config.limits.guesses_per_minute.to_string(),
        "limits.guesses_burst" => config.limits.guesses_burst.to_string(),
        "limits.sign_ins" => config.limits.sign_ins.to_string(),
        "limits.sign_ins_within_seconds" => config.limits.sign_ins_within_seconds.to_string(),
        "limits.name_wait_seconds" => config.limits.name_wait_seconds.to_string(),
        "limits.name_wait_longest_seconds" => config.limits.name_wait_longest_seconds.to_string(),
        "limits.reads_per_minute" => config.limits.reads_per_minute.to_string(),
        "limits.reads_burst" => config.limits.reads_burst.to_string(),
        "lockout.enabled" => config.lockout.enabled.to_string(),
        "lockout.failures" => config.lockout.failures.to_string(),
        "lockout.seconds" => config.lockout.seconds.to_string(),
        "lockout.address_failures" => config.lockout.address_failures.to_string(),
        "lockout.revoke_sessions" => config.lockout.revoke_sessions.to_string(),
        "captcha.secret" | "alerting.secret" | "alerting.webhook" => return None,
        "alerting.secret_file" => {
            let path = config.alerting.secret_file.as_ref()?;
            quoted(&path.to_string_lossy())
        }
        "alerting.without_defaults" => config.alerting.without_defaults.to_string(),
        _ if key.starts_with("captcha.") => {
            let name = key.trim_start_matches("captcha.");
            captcha::shown(config.captcha.as_ref(), name)?.to_string()
        }
        _ if key.starts_with("pages.") => {
            let name = key.trim_start_matches("pages.");
            pages::shown(&config.pages, name)?.to_string()
        }
        _ if key.starts_with("custody.") => {
            let name = key.trim_start_matches("custody.");
            custody::shown(&config.custody, name)?.to_string()
        }
        "log.format" => quoted(config.log.format.name()),
        "log.level" => quoted(config.log.level.name()),
        "events.retention_days" => config.events.retention_days.to_string(),
        "forward_auth.listen" => quoted(&config.forward_auth.listen?.to_string()),
        "forward_auth.dialect" => quoted(config.forward_auth.dialect?.name()),
        "forward_auth.policy" => quoted(&config.forward_auth.policy.to_string_lossy()),
        "forward_auth.edge" => quoted(config.forward_auth.edge.as_str()),
        "metrics.listen" => quoted(&config.metrics.listen?.to_string()),
        key => return mail_value(config.mail.as_ref()?, key),
    })
}

/// What is said of a setting that is set and has no value that could be shown.
fn told_instead(config: &Config, key: &str, origin: &Origin) -> Option<String> {
    match key {
        "captcha.secret" | "alerting.secret" if *origin != Origin::Default => {
            Some("secret (redacted)".to_owned())
        }
        "alerting.webhook" => Some(config.alerting.webhook.as_ref()?.told()),
        "mail.password" => {
            let mail = config.mail.as_ref()?;
            let is_variable = mail.password.is_some() && mail.password_file.is_none();
            is_variable.then(|| "password (redacted)".to_owned())
        }
        _ if custody::is_hidden(&config.custody, key) => {
            let name = key.rsplit('.').next().unwrap_or(key);
            Some(format!("{name} (redacted)"))
        }
        _ => None,
    }
}

fn mail_value(mail: &Mail, key: &str) -> Option<String> {
    let path = |path: &Option<PathBuf>| Some(quoted(&path.as_ref()?.to_string_lossy()));
    Some(match key {
        "mail.server" => quoted(&mail.server),
        "mail.tls" => quoted(mail.tls.name()),
        "mail.port" => mail.port.to_string(),
        "mail.ca_file" => return path(&mail.ca_file),
        "mail.from" => quoted(&mail.from.to_string()),
        "mail.username" => quoted(mail.username.as_deref()?),
        "mail.password_file" => return path(&mail.password_file),
        "mail.timeout_seconds" => mail.timeout_seconds.to_string(),
        "mail.reset_link_seconds" => mail.links.reset_seconds.to_string(),
        "mail.registration_seconds" => mail.links.registration_seconds.to_string(),
        "mail.notify.lockout" => mail.notify.lockout.to_string(),
        "mail.notify.new_device" => mail.notify.new_device.to_string(),
        "mail.notify.password_change" => mail.notify.password_change.to_string(),
        "mail.notify.refresh_reuse" => mail.notify.refresh_reuse.to_string(),
        _ => return None,
    })
}

impl OnReuse {
    const ALL: [Self; 2] = [Self::Family, Self::User];

    /// The name in the configuration and in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::User => "user",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl OnChange {
    const ALL: [Self; 3] = [Self::Note, Self::StepUp, Self::Revoke];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::StepUp => "step-up",
            Self::Revoke => "revoke",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

impl LogFormat {
    const ALL: [Self; 2] = [Self::Json, Self::Text];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl LogLevel {
    const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}
