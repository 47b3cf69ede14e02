//! `[alerting]` and `[[alerts]]`: which events call somebody, and where.

use std::{collections::BTreeMap, path::PathBuf};

use axum::http::Uri;

use super::{
    read::{flag, text},
    reader::Reader,
    secret::{self, SecretText},
    source::{Raw, RawTable},
};
use crate::domain::events::{EventType, Severity};

/// More rules are no rules any more: each costs a count every few seconds.
const RULES_MAX: usize = 64;

/// A rule's name is shown in chats and on telephones.
const NAME_MAX_CHARS: usize = 40;

const DAY: i64 = 24 * 3600;

/// Who is called, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alerting {
    /// Signs what is sent.
    pub secret: Option<SecretText>,
    /// The file that it was read from, where it was.
    pub secret_file: Option<PathBuf>,
    /// Where rules send to that name no other place.
    pub webhook: Option<String>,
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
    pub webhook: Option<String>,
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
    pub fn in_force(&self) -> Vec<(AlertRule, String)> {
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
            Severity::Critical,
        ),
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

pub(super) fn read(reader: &mut Reader) -> Alerting {
    let (secret, secret_file) = secret::take(reader, "alerting.secret", "alerting.secret_file");
    let webhook = reader.take("alerting.webhook", None, |raw| webhook(raw).map(Some));
    let without_defaults = reader.take("alerting.without_defaults", false, flag);
    let rules = reader.take("alerts", Vec::new(), rules);
    let sends = webhook.is_some() || rules.iter().any(|rule| rule.webhook.is_some());
    let is_broken = reader.is_broken("alerting.secret") || reader.is_broken("alerting.secret_file");
    if sends && secret.is_none() && !is_broken {
        reader.complain(
            "alerting.webhook",
            "needs EDGEWARD__ALERTING__SECRET or alerting.secret_file: alerts are signed",
        );
    }
    let lost = rules.iter().find(|rule| rule.webhook.is_none());
    if let (Some(rule), None, false) = (lost, &webhook, reader.is_broken("alerting.webhook")) {
        let message = format!(
            "{} has no webhook, and alerting.webhook is not set",
            rule.name
        );
        reader.complain("alerts", &message);
    }
    Alerting {
        secret,
        secret_file,
        webhook,
        without_defaults,
        rules,
    }
}

fn rules(raw: &Raw) -> Result<Vec<AlertRule>, String> {
    let tables = match raw {
        Raw::Tables(tables) => tables.as_slice(),
        Raw::List(items) if items.is_empty() => &[],
        Raw::List(_)
        | Raw::Text(_)
        | Raw::Integer(_)
        | Raw::Boolean(_)
        | Raw::Other(_)
        | Raw::Variable(_) => return Err("must be tables, each as [[alerts]]".to_owned()),
    };
    if tables.len() > RULES_MAX {
        return Err(format!("there are more than {RULES_MAX}"));
    }
    let mut found: Vec<AlertRule> = Vec::with_capacity(tables.len());
    for table in tables {
        let at = |message: String| format!("the rule of line {}: {message}", table.line);
        let rule = rule(table).map_err(at)?;
        if found.iter().any(|other| other.name == rule.name) {
            return Err(at(format!("there is another rule {}", rule.name)));
        }
        found.push(rule);
    }
    Ok(found)
}

/// Takes members out of a table; what is left over is a mistake.
struct Members<'a>(BTreeMap<&'a str, &'a Raw>);

impl Members<'_> {
    fn take<T>(
        &mut self,
        name: &str,
        kind: impl Fn(&Raw) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let raw = self.0.remove(name);
        raw.map(|raw| kind(raw).map_err(|message| format!("{name}: {message}")))
            .transpose()
    }

    fn number(&mut self, name: &str, default: i64, from: i64, to: i64) -> Result<i64, String> {
        let found = self.take(name, |raw| match raw {
            Raw::Integer(number) if (from..=to).contains(number) => Ok(*number),
            Raw::Integer(_)
            | Raw::Text(_)
            | Raw::Boolean(_)
            | Raw::List(_)
            | Raw::Tables(_)
            | Raw::Other(_)
            | Raw::Variable(_) => Err(format!("must be a whole number from {from} to {to}")),
        })?;
        Ok(found.unwrap_or(default))
    }
}

fn rule(table: &RawTable) -> Result<AlertRule, String> {
    let members = table.members.iter();
    let mut members = Members(members.map(|(name, raw)| (name.as_str(), raw)).collect());
    let name = members.take("name", name)?.ok_or("has no name")?;
    let event = members.take("event", event)?.ok_or("has no event")?;
    let per = members.take("per", per)?.unwrap_or(Per::Site);
    let count = members.number("count", 1, 1, 1_000_000)?;
    // An hour of failures is found in the views; an alert is about now.
    let window_seconds = members.number("window_seconds", 300, 60, DAY)?;
    let severity = members
        .take("severity", severity)?
        .unwrap_or(event.severity());
    // Shorter than the window, the same events would be told twice.
    let cooldown = 3600.max(window_seconds);
    let cooldown_seconds = members.number("cooldown_seconds", cooldown, window_seconds, 7 * DAY)?;
    let webhook = members.take("webhook", webhook)?;
    if let Some(other) = members.0.keys().next() {
        return Err(format!(
            "there is no {other}; there are name, event, per, count, window_seconds, severity, cooldown_seconds, webhook"
        ));
    }
    Ok(AlertRule {
        name,
        event,
        per,
        count,
        window_seconds,
        severity,
        cooldown_seconds,
        webhook,
    })
}

fn name(raw: &Raw) -> Result<String, String> {
    let name = text(raw)?;
    let fits = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits && name.len() <= NAME_MAX_CHARS {
        Ok(name)
    } else {
        Err(format!(
            "must be at most {NAME_MAX_CHARS} of a-z, 0-9 and -"
        ))
    }
}

fn event(raw: &Raw) -> Result<EventType, String> {
    let name = text(raw)?;
    EventType::from_name(&name).ok_or_else(|| format!("there is no event {name:?}"))
}

fn per(raw: &Raw) -> Result<Per, String> {
    let name = text(raw)?;
    let mut all = Per::ALL.into_iter();
    all.find(|per| per.name() == name)
        .ok_or_else(|| "must be site, address or user".to_owned())
}

fn severity(raw: &Raw) -> Result<Severity, String> {
    let name = text(raw)?;
    let mut all = Severity::ALL.into_iter();
    all.find(|severity| severity.name() == name)
        .ok_or_else(|| "must be info, warning or critical".to_owned())
}

/// https, or this machine. Names and passwords do not belong into an address that is logged and shown.
fn webhook(raw: &Raw) -> Result<String, String> {
    let url = text(raw)?;
    let parsed = url.parse::<Uri>().ok();
    let parts = parsed
        .as_ref()
        .and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
    match parts {
        Some((_, authority)) if authority.as_str().contains('@') => {
            Err("must be without a name or password".to_owned())
        }
        Some(("https", _)) => Ok(url),
        Some(("http", authority)) if ["127.0.0.1", "[::1]"].contains(&authority.host()) => Ok(url),
        Some(_) | None => {
            Err("must begin with https://, or with http:// and a loopback address".to_owned())
        }
    }
}

/// The rules of the file as TOML.
pub(super) fn shown(rules: &[AlertRule]) -> String {
    let mut out = String::new();
    for rule in rules {
        let mut table = toml::Table::new();
        let mut put = |name: &str, value: toml::Value| table.insert(name.to_owned(), value);
        put("name", rule.name.clone().into());
        put("event", rule.event.name().into());
        put("per", rule.per.name().into());
        put("count", rule.count.into());
        put("window_seconds", rule.window_seconds.into());
        put("severity", rule.severity.name().into());
        put("cooldown_seconds", rule.cooldown_seconds.into());
        if let Some(webhook) = &rule.webhook {
            put("webhook", webhook.clone().into());
        }
        out.push_str("\n[[alerts]]\n");
        out.push_str(&table.to_string());
    }
    out
}
