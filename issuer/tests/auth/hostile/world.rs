//! An issuer on either database, everything that stands in it, and what a request changed of that.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use edgeward_issuer::config::{Database as Place, Links, Mail, MailTls, Notify};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tokio::sync::Mutex;

use crate::{
    desk::{Browser, Desk},
    postgres,
    root::ROOT,
};

/// What every poison has in it, so that it can be looked for. In lower case, as an address is kept.
pub(super) const NEEDLE: &str = "n33dle";

/// These note that somebody was refused.
const EVENTS: [&str; 5] = [
    "alert_turn",
    "alerts",
    "attempt_counters",
    "audit_log",
    "security_events",
];

/// Bookkeeping and no act: a use moves a session forward now and then, whatever is asked, and an account that is changed in the
/// second in which it was made does not show when.
const TOUCHED: [(&str, &str); 3] = [
    ("browser_sessions", "last_used_at"),
    ("browser_sessions", "idle_expires_at"),
    ("users", "updated_at"),
];

/// Each table with its rows as text, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dump(BTreeMap<String, Vec<String>>);

/// Of each table that is not the same, how many rows came and how many went; one that was changed did both.
pub(super) type Change = BTreeMap<String, (usize, usize)>;

impl Dump {
    /// What is different from before, but for the notes about what was refused.
    pub(super) fn since(&self, before: &Self) -> Change {
        let mut change = Change::new();
        assert!(self.0.keys().eq(before.0.keys()), "a table came or went");
        for (table, rows) in &self.0 {
            if EVENTS.contains(&table.as_str()) {
                continue;
            }
            let missing_from = |others: &[String], rows: &[String]| {
                rows.iter().filter(|row| !others.contains(row)).count()
            };
            let earlier = &before.0[table];
            let came_and_went = (missing_from(earlier, rows), missing_from(rows, earlier));
            if came_and_went != (0, 0) {
                change.insert(table.clone(), came_and_went);
            }
        }
        change
    }

    /// In how many rows of each table there is a part of a poison, events among them.
    pub(super) fn needles(&self) -> BTreeMap<String, usize> {
        let tables = self.0.iter().map(|(table, rows)| {
            let with_one = rows.iter().filter(|row| row.contains(NEEDLE));
            (table.clone(), with_one.count())
        });
        tables.filter(|(_, count)| *count > 0).collect()
    }
}

pub(super) struct World {
    pub(super) desk: Desk,
    /// Past the issuer, where there is a server.
    server: Option<Mutex<PgConnection>>,
    /// Who administers, signed in.
    pub(super) root: Browser,
    people: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    PostgreSql,
}

impl World {
    pub(super) async fn open(kind: Kind, with_mail: bool) -> Self {
        let server = match kind {
            Kind::Sqlite => None,
            Kind::PostgreSql => Some(postgres::server().database().await),
        };
        let desk = Desk::open_with(|config| {
            // Each would refuse everything that comes after a few rows.
            config.lockout.enabled = false;
            config.limits.enabled = false;
            config.admin.max_age_seconds = 3600;
            config.mail = with_mail.then(mail);
            if let Some(server) = &server {
                config.store.database = Place::Server(server.url());
            }
        })
        .await;
        let server = match &server {
            None => None,
            Some(database) => Some(Mutex::new(database.sql().await)),
        };
        desk.add(ROOT, &["admin"]).await;
        let mut root = desk.browser();
        root.log_in(ROOT).await;
        Self {
            desk,
            server,
            root,
            people: AtomicUsize::new(0),
        }
    }

    /// An address that nobody has yet.
    pub(super) fn address(&self) -> String {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        format!("person{number}@example.test")
    }

    /// Everything in the database.
    pub(super) async fn dump(&self) -> Dump {
        let mut all = BTreeMap::new();
        match &self.server {
            None => {
                let mut sql = self.desk.sql().await;
                let tables = sqlx::query_scalar(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                );
                let tables: Vec<String> = tables.fetch_all(&mut sql).await.unwrap();
                for table in tables {
                    let named = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)");
                    let named = named.bind(table.clone()).fetch_all(&mut sql).await;
                    let named: Vec<String> = named.unwrap();
                    let compared = named.iter().filter(|name| is_compared(&table, name));
                    // As octets: a function of SQL would end a text at its first zero.
                    let columns: Vec<String> = compared
                        .map(|name| format!("CAST(\"{name}\" AS BLOB)"))
                        .collect();
                    let statement = format!("SELECT {} FROM \"{table}\"", columns.join(", "));
                    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut sql);
                    let text = |value: Option<Vec<u8>>| {
                        value.map_or_else(|| "-".to_owned(), |it| it.escape_ascii().to_string())
                    };
                    let rows = rows.await.unwrap().into_iter().map(|row| {
                        let values = (0..columns.len()).map(|at| text(row.get(at)));
                        values.collect::<Vec<_>>().join(" | ")
                    });
                    all.insert(table, rows.collect());
                }
            }
            Some(server) => {
                let mut sql = server.lock().await;
                let tables = sqlx::query_scalar(
                    "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
                );
                let tables: Vec<String> = tables.fetch_all(&mut *sql).await.unwrap();
                let rows_of = |table: &String| {
                    let touched = TOUCHED.iter().filter(|(of, _)| of == table);
                    let left_out: String =
                        touched.map(|(_, name)| format!(" - '{name}'")).collect();
                    format!("SELECT '{table}', (to_jsonb(r){left_out})::text FROM \"{table}\" AS r")
                };
                // One statement: a question for each table would be most of what the rows of this test take.
                let statement = tables.iter().map(rows_of).collect::<Vec<_>>();
                let statement = AssertSqlSafe(statement.join(" UNION ALL "));
                all.extend(tables.into_iter().map(|table| (table, Vec::new())));
                for row in sqlx::query(statement).fetch_all(&mut *sql).await.unwrap() {
                    all.entry(row.get(0)).or_default().push(row.get(1));
                }
            }
        }
        assert!(all.len() > 12, "{all:?}");
        Dump(all)
    }

    /// The only text that a statement finds for another.
    pub(super) async fn text_for(&self, statement: &'static str, value: &str) -> String {
        match &self.server {
            None => {
                let found = sqlx::query_scalar(statement).bind(value);
                found.fetch_one(&mut self.desk.sql().await).await.unwrap()
            }
            Some(server) => {
                let found = sqlx::query_scalar(statement).bind(value);
                found.fetch_one(&mut *server.lock().await).await.unwrap()
            }
        }
    }

    /// How many rows have exactly this text in a column.
    pub(super) async fn rows_with(&self, (table, column): (&str, &str), value: &str) -> i64 {
        let statement = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
        let count = AssertSqlSafe(statement);
        match &self.server {
            None => {
                let count = sqlx::query_scalar(count).bind(value);
                count.fetch_one(&mut self.desk.sql().await).await.unwrap()
            }
            Some(server) => {
                let count = sqlx::query_scalar(count).bind(value);
                count.fetch_one(&mut *server.lock().await).await.unwrap()
            }
        }
    }

    /// How often each code was answered, pages included.
    pub(super) fn refusals(&self) -> BTreeMap<String, u64> {
        let text = self.desk.app.metrics.text().unwrap();
        let lines = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("edgeward_refusals_total{code=\"")?;
            let (code, count) = rest.split_once("\"} ")?;
            Some((code.to_owned(), count.parse().unwrap()))
        });
        lines.collect()
    }
}

fn is_compared(table: &str, column: &str) -> bool {
    !TOUCHED.contains(&(table, column))
}

/// Settings of a server that nobody asks, because no sender runs here.
fn mail() -> Mail {
    Mail {
        server: "127.0.0.1".to_owned(),
        port: 25,
        tls: MailTls::None,
        ca_file: None,
        from: "Example <no-reply@example.test>".parse().unwrap(),
        username: None,
        password: None,
        password_file: None,
        timeout_seconds: 5,
        links: Links::default(),
        notify: Notify::default(),
    }
}
