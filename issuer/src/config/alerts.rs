//! `[alerting]` and `[[alerts]]`: which events call somebody, and where.

mod read;
mod webhook;

use std::path::PathBuf;

use super::{Origin, secret::SecretText};
use crate::domain::events::{EventType, Severity};

pub use webhook::Webhook;

pub(super) use read::read;

/// Who is called, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alerting {
    /// Signs what is sent.
    pub secret: Option<SecretText>,
    /// The file that it was read from, where it was.
    pub secret_file: Option<PathBuf>,
    /// Where rules send to that name no other place.
    pub webhook: Option<Webhook>,
    /// Whether the rules that come with the program are left out.
    pub without_defaults: bool,
    /// The rules of the file.
    pub rules: Vec<AlertRule>,
}

/// When somebody is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// Its name, which is stable: the cool-down is kept under it.
    pub name: String,
    /// What is counted.
    pub event: EventType,
    /// What is counted together.
    pub per: Per,
    /// So many are enough.
    pub count: i64,
    /// Within so many seconds.
    pub window_seconds: i64,
    /// How urgent it is.
    pub severity: Severity,
    /// After an alert the same is not told again for so long.
    pub cooldown_seconds: i64,
    /// Where it is sent; `None` is [`Alerting::webhook`].
    pub webhook: Option<Webhook>,
    /// Where it is written.
    pub origin: Origin,
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Everything.
    Site,
    /// Those from one client address.
    Address,
    /// Those about one user.
    User,
}

impl Per {
    const ALL: [Self; 3] = [Self::Site, Self::Address, Self::User];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Address => "address",
            Self::User => "user",
        }
    }
}

impl Alerting {
    /// The rules in force, each with where it sends to. None without a secret, because nobody could tell an alert from a
    /// stranger's.
    #[must_use]
    pub fn in_force(&self) -> Vec<(AlertRule, Webhook)> {
        let own = self.rules.iter().cloned();
        let shipped = defaults().into_iter().filter(|_| !self.without_defaults);
        let named = |name: &str| self.rules.iter().any(|rule| rule.name == name);
        own.chain(shipped.filter(|rule| !named(&rule.name)))
            .filter(|_| self.secret.is_some())
            .filter_map(|rule| {
                let webhook = rule.webhook.clone().or_else(|| self.webhook.clone())?;
                Some((rule, webhook))
            })
            .collect()
    }
}

/// The rules that come with the program. A rule of the file with the same name takes the place of one.
#[must_use]
pub fn defaults() -> Vec<AlertRule> {
    let rule = |name: &str, event, per, count, severity| AlertRule {
        name: name.to_owned(),
        event,
        per,
        count,
        window_seconds: 300,
        severity,
        cooldown_seconds: 900,
        webhook: None,
        origin: Origin::Default,
    };
    vec![
        // One is a theft, or a client that must be mended; none may be missed, so it is told again as soon as it may be.
        AlertRule {
            cooldown_seconds: 300,
            ..rule(
                "refresh-reuse",
                EventType::RefreshReused,
                Per::Site,
                1,
                Severity::Critical,
            )
        },
        rule(
            "edge-proof",
            EventType::EdgeProofRefused,
            Per::Site,
            5,
            Severity::Warning,
        ),
        // Of copies of one proof, or of an edge whose clock goes wrong, there are soon as many.
        rule(
            "edge-proof-misused",
            EventType::EdgeProofMisused,
            Per::Site,
            5,
            Severity::Critical,
        ),
        // Each look tells of it anew, in each process; once a day is enough until somebody has mended it.
        AlertRule {
            cooldown_seconds: 24 * 3600,
            ..rule(
                "audit-log",
                EventType::AuditLogBroken,
                Per::Site,
                1,
                Severity::Critical,
            )
        },
        rule(
            "lockout-surge",
            EventType::AccountLocked,
            Per::Site,
            10,
            Severity::Warning,
        ),
        rule(
            "sign-in-failure-surge",
            EventType::LoginFailed,
            Per::Site,
            100,
            Severity::Warning,
        ),
        rule(
            "guessing-from-one-address",
            EventType::LoginFailed,
            Per::Address,
            20,
            Severity::Warning,
        ),
    ]
}

/// The rules of the file as TOML, and the names of those in force that come with the program.
pub(super) fn shown(alerting: &Alerting) -> String {
    let mut out = String::new();
    for rule in &alerting.rules {
        let mut table = toml::Table::new();
        let mut put = |name: &str, value: toml::Value| table.insert(name.to_owned(), value);
        put("name", rule.name.clone().into());
        put("event", rule.event.name().into());
        put("per", rule.per.name().into());
        put("count", rule.count.into());
        put("window_seconds", rule.window_seconds.into());
        put("severity", rule.severity.name().into());
        put("cooldown_seconds", rule.cooldown_seconds.into());
        out.push_str(&format!("\n[[alerts]] # {}\n{table}", rule.origin));
        if let Some(webhook) = &rule.webhook {
            out.push_str(&format!("# {}\n", webhook.told()));
        }
    }
    let in_force = alerting.in_force();
    let shipped = in_force.iter().map(|(rule, _)| rule);
    let names: Vec<&str> = shipped
        .filter(|rule| rule.origin == Origin::Default)
        .map(|rule| rule.name.as_str())
        .collect();
    if !names.is_empty() {
        let names = names.join(", ");
        out.push_str(&format!(
            "\n# alerts in force that come along: {names} # default\n"
        ));
    }
    out
}
