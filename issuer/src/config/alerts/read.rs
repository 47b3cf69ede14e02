//! How `[alerting]` and `[[alerts]]` are read: every mistake of every rule, each under its own line.

use std::collections::BTreeSet;

use super::{AlertRule, Alerting, Per, Webhook};
use crate::{
    config::{
        Mistake,
        members::{Members, Tables},
        read::{flag, number, text},
        reader::Reader,
        secret,
        source::{Raw, RawTable},
    },
    domain::events::{EventType, Severity},
};

/// The rules, and what one may hold.
static TABLES: Tables = Tables {
    name: "alerts",
    members: &[
        "name",
        "event",
        "per",
        "count",
        "window_seconds",
        "severity",
        "cooldown_seconds",
        "webhook",
    ],
};

/// More rules are no rules any more: each costs a count every few seconds.
const RULES_MAX: usize = 64;

/// A rule's name is shown in chats and on telephones.
const NAME_MAX_CHARS: usize = 40;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 3600;

pub(in crate::config) fn read(reader: &mut Reader) -> Alerting {
    let (secret, secret_file) = secret::take(reader, "alerting.secret", "alerting.secret_file");
    let webhook = reader.take("alerting.webhook", None, |raw| webhook(raw).map(Some));
    let without_defaults = reader.take("alerting.without_defaults", false, flag);
    let tables = reader.take(TABLES.name, Vec::new(), |raw| {
        raw.tables(TABLES.name, RULES_MAX)
    });
    let is_broken = reader.is_broken("alerting.secret") || reader.is_broken("alerting.secret_file");
    if secret.is_none() && !is_broken {
        let message = "needs EDGEWARD__ALERTING__SECRET or alerting.secret_file: alerts are signed";
        let of_a_rule = tables.iter().find_map(|table| table.members.get("webhook"));
        if webhook.is_some() {
            reader.complain("alerting.webhook", message);
        } else if let Some(setting) = of_a_rule {
            reader.mistakes.push(Mistake {
                origin: setting.origin.clone(),
                key: Some("alerts.webhook".to_owned()),
                message: message.to_owned(),
            });
        }
    }
    let is_known = !reader.is_broken("alerting.webhook") && !reader.is_misspelt("alerting.webhook");
    let needs_webhook = webhook.is_none() && is_known;
    let rules = rules(reader, tables, needs_webhook);
    Alerting {
        secret,
        secret_file,
        webhook,
        without_defaults,
        rules,
    }
}

fn rules(reader: &mut Reader, tables: Vec<RawTable>, needs_webhook: bool) -> Vec<AlertRule> {
    let mut names = BTreeSet::new();
    let mut found = Vec::with_capacity(tables.len());
    for table in tables {
        let mut members = Members::of(table, &TABLES, reader);
        found.extend(rule(&mut members, &mut names, needs_webhook));
    }
    found
}

fn rule(
    members: &mut Members<'_>,
    names: &mut BTreeSet<String>,
    needs_webhook: bool,
) -> Option<AlertRule> {
    let name = members.take("name", |raw| match name(raw)? {
        name if names.contains(&name) => Err(format!("there is another rule {name}")),
        name => Ok(name),
    });
    match &name {
        Some(name) => {
            names.insert(name.clone());
        }
        None => members.miss(
            "name",
            "is missing: an alert is told under the name of its rule",
        ),
    }
    let event = members.take("event", event);
    if event.is_none() {
        members.miss("event", "is missing: name what is counted");
    }
    let per = members.take("per", per).unwrap_or(Per::Site);
    let count = members.take("count", number(1, 1_000_000)).unwrap_or(1);
    // An hour of failures is found in the views; an alert is about now.
    let window = members.take("window_seconds", number(MINUTE, DAY));
    let window_seconds = window.unwrap_or(5 * MINUTE);
    let severity = members.take("severity", severity);
    // Shorter than the window, the same events would be told twice.
    let least = if members.is_unknown("window_seconds") {
        MINUTE
    } else {
        window_seconds
    };
    let cooldown = members.take("cooldown_seconds", number(least, 7 * DAY));
    let webhook = members.take("webhook", webhook);
    if webhook.is_none() && needs_webhook {
        members.miss("webhook", "is missing, and alerting.webhook is not set");
    }
    let event = event?;
    Some(AlertRule {
        name: name?,
        event,
        per,
        count,
        window_seconds,
        severity: severity.unwrap_or(event.severity()),
        cooldown_seconds: cooldown.unwrap_or(3600.max(window_seconds)),
        webhook,
        origin: members.origin.clone(),
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

fn webhook(raw: &Raw) -> Result<Webhook, String> {
    Webhook::parse(&text(raw)?)
}
