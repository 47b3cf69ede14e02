//! `edgeward events`: what operators look for, as tables or as JSON lines.

mod report;

use edgeward_core::time::UnixTime;

use self::report::{Cell, Report};
use super::{Answer, Failure, Outcome, Place, print, user};
use crate::{
    clock::Clock,
    config::Config,
    domain::{
        accounts::Email,
        events::{self, EventType, Severity},
    },
    open_existing_store,
    store::{
        Store,
        events::{EventFilter, StoredEvent},
    },
};

/// The subcommands of `events`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum EventsCommand {
    /// List events, the newest first.
    List {
        /// How far back: 90m, 24h, 7d.
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = seconds_of)]
        since: i64,
        /// Only of this type, as login.failed.
        #[arg(long = "type", value_name = "TYPE", value_parser = kind_of)]
        kind: Option<EventType>,
        /// Only as urgent as this, or more: info, warning, critical.
        #[arg(long, default_value = "info", value_parser = severity_of)]
        severity: Severity,
        /// Only with this e-mail address.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// The most to list.
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        #[command(flatten)]
        form: Form,
    },
    /// E-mail addresses with five or more failed sign-ins from one place in 24 hours.
    Failures(Form),
    /// Locks of the last seven days.
    Lockouts(Form),
    /// Spent refresh tokens that came back.
    Reuse(Form),
    /// Sessions of the last 24 hours that refresh more than twice as often as the life of access tokens implies.
    Refreshes(Form),
    /// Tables and indexes: their size, and how often they are read where the database counts that.
    Storage(Form),
    /// End the events that are older than events.retention_days, as serve does every hour.
    Purge,
}

/// How a report is printed.
#[derive(Debug, clap::Args)]
pub(super) struct Form {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(place: &Place, command: EventsCommand) -> Outcome {
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let answer = answer(&config, &store, command).await;
    store.close().await;
    answer
}

async fn answer(config: &Config, store: &Store, command: EventsCommand) -> Outcome {
    let now = Clock.now();
    let (report, form) = match command {
        EventsCommand::List {
            since,
            kind,
            severity,
            email,
            limit,
            form,
        } => {
            let filter = EventFilter {
                since: now.plus(-since),
                kind,
                severity,
                // As sign-in takes it; what is no address is looked for as it is, and not found.
                email: email.map(|typed| match Email::parse(&typed) {
                    Ok(email) => email.as_str().to_owned(),
                    Err(_) => typed,
                }),
                limit,
            };
            (list(&store.events(&filter).await?), form)
        }
        EventsCommand::Failures(form) => (failures(store).await?, form),
        EventsCommand::Lockouts(form) => (list(&store.lockouts().await?), form),
        EventsCommand::Reuse(form) => (list(&store.reuse().await?), form),
        EventsCommand::Refreshes(form) => (refreshes(store).await?, form),
        EventsCommand::Storage(form) => (storage(store).await?, form),
        EventsCommand::Purge => {
            let before = events::kept_since(now, config.events.retention_days);
            print(&format!("{} ended", store.end_events(before).await?))?;
            return Ok(Answer::Yes);
        }
    };
    let text = if form.json {
        report.json()?
    } else {
        report.table()
    };
    if report.is_empty() {
        // Not on standard output: for a program, no line is the answer.
        user::eprint("there is nothing to report")?;
    }
    if !text.is_empty() {
        print(text.trim_end())?;
    }
    Ok(Answer::Yes)
}

fn list(events: &[StoredEvent]) -> Report {
    let mut report = Report::new(
        &[
            "at", "severity", "type", "success", "email", "address", "method", "path", "user",
            "metadata",
        ],
        &[
            "id",
            "category",
            "userAgent",
            "message",
            "requestId",
            "auditSeq",
        ],
    );
    for event in events {
        let text = |value: &Option<String>| Cell::of_text(value.as_deref());
        report.add(vec![
            Cell::Time(event.at),
            Cell::text(&event.severity),
            Cell::text(&event.kind),
            Cell::Flag(event.success),
            text(&event.email),
            text(&event.address),
            text(&event.method),
            text(&event.path),
            text(&event.user),
            Cell::Json(event.metadata.clone()),
            Cell::Number(event.id),
            Cell::text(&event.category),
            text(&event.user_agent),
            Cell::text(&event.message),
            text(&event.request_id),
            Cell::of_number(event.audit_seq),
        ]);
    }
    report
}

async fn failures(store: &Store) -> Result<Report, Failure> {
    let mut report = Report::new(&["failures", "email", "address", "firstAt", "lastAt"], &[]);
    for row in store.failures().await? {
        report.add(vec![
            Cell::Number(row.failures),
            Cell::of_text(row.email.as_deref()),
            Cell::of_text(row.address.as_deref()),
            Cell::Time(row.first_at),
            Cell::Time(row.last_at),
        ]);
    }
    Ok(report)
}

async fn refreshes(store: &Store) -> Result<Report, Failure> {
    let mut report = Report::new(
        &[
            "refreshes",
            "expected",
            "session",
            "user",
            "device",
            "createdAt",
            "lastUsedAt",
            "ended",
        ],
        &[],
    );
    for row in store.refresh_rates().await? {
        report.add(vec![
            Cell::Number(row.refreshes),
            Cell::Number(row.expected),
            Cell::text(&row.sid),
            Cell::text(&row.user),
            Cell::text(&row.device),
            Cell::Time(row.created_at),
            Cell::Time(row.last_used_at),
            Cell::Flag(row.ended),
        ]);
    }
    Ok(report)
}

async fn storage(store: &Store) -> Result<Report, Failure> {
    let mut report = Report::new(&["bytes", "kind", "name", "indexScans", "fullScans"], &[]);
    for row in store.storage_use().await? {
        report.add(vec![
            Cell::Number(row.bytes),
            Cell::text(&row.kind),
            Cell::text(&row.name),
            Cell::of_number(row.index_scans),
            Cell::of_number(row.full_scans),
        ]);
    }
    Ok(report)
}

fn seconds_of(text: &str) -> Result<i64, String> {
    let wrong = || "a number and m, h or d, as 90m, 24h or 7d".to_owned();
    let split = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    // Five digits: longer than anything is kept.
    let number: u32 = number
        .parse()
        .ok()
        .filter(|n| *n < 100_000)
        .ok_or_else(wrong)?;
    Ok(i64::from(number) * seconds)
}

fn kind_of(text: &str) -> Result<EventType, String> {
    EventType::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = EventType::ALL.iter().map(|kind| kind.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

fn severity_of(text: &str) -> Result<Severity, String> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.name() == text)
        .ok_or_else(|| "info, warning or critical".to_owned())
}

/// The moment as RFC 3339 in UTC; what no calendar has stays a number.
fn shown(at: UnixTime) -> String {
    time::OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|moment| {
            moment
                .format(&time::format_description::well_known::Rfc3339)
                .ok()
        })
        .unwrap_or_else(|| at.seconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("90m", Some(5400)),
            ("24h", Some(86_400)),
            ("7d", Some(604_800)),
            ("0m", Some(0)),
            ("", None),
            ("h", None),
            ("24", None),
            ("-1h", None),
            ("1.5h", None),
            ("100000d", None),
            ("7ö", None),
        ] {
            assert_eq!(seconds_of(text).ok(), expected, "{text}");
        }
    }
}
