//! Security events in the database: written with the act they belong to, read by operators, and ended after a while.

use edgeward_core::time::UnixTime;

use super::{
    Db, Store,
    sql::{Row, Writes, sql},
};
use crate::domain::{
    events::{EventType, SecurityEvent, Severity},
    storage::StorageError,
};

/// How often what the tables take is measured: it reads the whole file, and tells of months.
const MEASURED_EVERY_SECONDS: i64 = 24 * 3600;

/// How many rows end in one statement: few enough that nobody waits for the lock.
const SWEEP_ROWS: i64 = 500;

/// Writes an event; `audit_seq` is the number of the entry that it is made from. An act whose person is known by identifier
/// only gets the address of the account.
pub(super) async fn append(
    on: &mut impl Writes,
    event: &SecurityEvent,
    audit_seq: Option<i64>,
) -> Result<(), StorageError> {
    let metadata = event
        .metadata_json()
        .map_err(|error| StorageError::Failed(Box::new(error)))?;
    let around = event.circumstances.as_ref();
    let email = around.and_then(|around| around.email.as_ref());
    sql("INSERT INTO security_events
             (at, type, category, severity, user_id, email, address, user_agent, path, method, success, message,
              metadata, request_id, audit_seq)
         VALUES ($1, $2, $3, $4, $5, coalesce($6, (SELECT email FROM users WHERE id = $5)), $7, $8, $9, $10, $11, $12,
              $13, $14, $15)")
    .bind(event.at)
    .bind(event.kind.name())
    .bind(event.kind.category().name())
    .bind(event.kind.severity().name())
    .bind(event.user.map(|user| user.to_string()))
    .bind(email.map(|email| email.as_str()))
    .bind(around.map(|around| around.address.to_canonical().to_string()))
    .bind(around.map(|around| around.user_agent.as_str()))
    .bind(around.map(|around| around.path.as_str()))
    .bind(around.map(|around| around.method.as_str()))
    .bind(i64::from(event.kind.success()))
    .bind(event.kind.message())
    .bind(metadata)
    .bind(event.request_id.as_deref())
    .bind(audit_seq)
    .execute(on)
    .await?;
    Ok(())
}

/// Which events are asked for.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// Not older than this.
    pub since: UnixTime,
    /// Only of this type.
    pub kind: Option<EventType>,
    /// Only as urgent as this, or more.
    pub severity: Severity,
    /// Only with this e-mail address.
    pub email: Option<String>,
    /// The newest, so many at most.
    pub limit: i64,
}

/// An event as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number.
    pub id: i64,
    /// The moment.
    pub at: UnixTime,
    /// The name of its type.
    pub kind: String,
    /// What it is about.
    pub category: String,
    /// How urgent it is.
    pub severity: String,
    /// Whom it is about.
    pub user: Option<String>,
    /// Their address, or the one that was tried.
    pub email: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// The program.
    pub user_agent: Option<String>,
    /// The pattern of the route.
    pub path: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// Whether what was asked was done.
    pub success: bool,
    /// A sentence.
    pub message: String,
    /// Further facts, a JSON object.
    pub metadata: String,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The number of the audit entry that it is made from.
    pub audit_seq: Option<i64>,
}

/// Failed sign-ins with one address from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// The address that was tried; none if what was typed was no address.
    pub email: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// How many in the last day.
    pub failures: i64,
    /// The first of them.
    pub first_at: UnixTime,
    /// The last of them.
    pub last_at: UnixTime,
}

/// How often a session has been refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRate {
    /// The session.
    pub sid: String,
    /// Whose.
    pub user: String,
    /// On which device.
    pub device: String,
    /// How often.
    pub refreshes: i64,
    /// How often the life of access tokens implies.
    pub expected: i64,
    /// Since when.
    pub created_at: UnixTime,
    /// Until when.
    pub last_used_at: UnixTime,
    /// Whether it has been ended.
    pub ended: bool,
}

/// What a table or an index takes, as far as the database can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageUse {
    /// `table` or `index`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: i64,
    /// How often it was read by its order since the statistics began; `None` where the database does not count.
    pub index_scans: Option<i64>,
    /// How often all of it was read.
    pub full_scans: Option<i64>,
}

macro_rules! events {
    ($rest:literal) => {
        concat!(
            "SELECT id, at, type, category, severity, user_id, email, address, user_agent, path, method, success,
                    message, metadata, request_id, audit_seq
             FROM security_events ",
            $rest
        )
    };
}

impl Store {
    /// Writes an event that belongs to no act.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn record_event(&self, event: &SecurityEvent) -> Result<(), StorageError> {
        append(&mut self.bookkeeping().await?, event, None).await
    }

    /// The events that a filter asks for, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StorageError> {
        let rank = |severity| Severity::ALL.iter().position(|known| *known == severity);
        let least = rank(filter.severity).and_then(|rank| i64::try_from(rank).ok());
        sql(events!(
            "WHERE at >= $1 AND ($2 IS NULL OR type = $2) AND ($3 IS NULL OR email = $3)
                 AND CASE severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END >= $4
             ORDER BY at DESC, id DESC LIMIT $5"
        ))
        .bind(filter.since)
        .bind(filter.kind.map(EventType::name))
        .bind(filter.email.as_deref())
        .bind(least.unwrap_or(0))
        .bind(filter.limit)
        .all(self.readers())
        .await?
        .iter()
        .map(event)
        .collect()
    }

    /// Who failed five times or more in a day with one address from one place, the most first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn failures(&self) -> Result<Vec<Failures>, StorageError> {
        sql(
            "SELECT email, address, failures, first_at, last_at FROM security_failures
             ORDER BY failures DESC, last_at DESC",
        )
        .all(self.readers())
        .await?
        .iter()
        .map(|row| {
            Ok(Failures {
                email: row.get("email")?,
                address: row.get("address")?,
                failures: row.get("failures")?,
                first_at: row.time("first_at")?,
                last_at: row.time("last_at")?,
            })
        })
        .collect()
    }

    /// The locks of the last seven days, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn lockouts(&self) -> Result<Vec<StoredEvent>, StorageError> {
        sql(events!(
            "WHERE id IN (SELECT id FROM security_lockouts) ORDER BY at DESC, id DESC"
        ))
        .all(self.readers())
        .await?
        .iter()
        .map(event)
        .collect()
    }

    /// The spent refresh tokens that came back, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn reuse(&self) -> Result<Vec<StoredEvent>, StorageError> {
        sql(events!(
            "WHERE id IN (SELECT id FROM security_reuse) ORDER BY at DESC, id DESC"
        ))
        .all(self.readers())
        .await?
        .iter()
        .map(event)
        .collect()
    }

    /// The sessions of the last day that refresh more than twice as often as the life of access tokens implies.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn refresh_rates(&self) -> Result<Vec<RefreshRate>, StorageError> {
        sql(
            "SELECT sid, user_id, device_name, refreshes, expected, created_at, last_used_at, revoked_at
             FROM security_refresh_rates ORDER BY refreshes DESC, sid",
        )
        .all(self.readers())
        .await?
        .iter()
        .map(|row| {
            Ok(RefreshRate {
                sid: row.get("sid")?,
                user: row.get("user_id")?,
                device: row.get("device_name")?,
                refreshes: row.get("refreshes")?,
                expected: row.get("expected")?,
                created_at: row.time("created_at")?,
                last_used_at: row.time("last_used_at")?,
                ended: row.optional_time("revoked_at")?.is_some(),
            })
        })
        .collect()
    }

    /// What each table and index takes, the largest first. SQLite reads the whole file for it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn storage_use(&self) -> Result<Vec<StorageUse>, StorageError> {
        let statement = match &self.db {
            // SQLite does not count how often anything is read.
            Db::Lite { .. } => sql("SELECT s.type AS kind, d.name AS name, d.pgsize AS bytes,
                    CAST(NULL AS INTEGER) AS index_scans, CAST(NULL AS INTEGER) AS full_scans
                FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name
                WHERE d.aggregate = TRUE ORDER BY d.pgsize DESC, d.name"),
            Db::Pg { .. } => sql("SELECT kind, name, bytes, index_scans, full_scans
                FROM security_storage ORDER BY bytes DESC, name"),
        };
        statement
            .all(self.readers())
            .await?
            .iter()
            .map(|row| {
                Ok(StorageUse {
                    kind: row.get("kind")?,
                    name: row.get("name")?,
                    bytes: row.get("bytes")?,
                    index_scans: row.get("index_scans")?,
                    full_scans: row.get("full_scans")?,
                })
            })
            .collect()
    }

    /// Writes down for the view `security_storage` what each table and index takes, unless that was done in the last day. Only in SQLite,
    /// whose views may not look into the file; on a server the view looks itself.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn measure_storage(&self, now: UnixTime) -> Result<(), StorageError> {
        match &self.db {
            Db::Lite { .. } => {}
            Db::Pg { .. } => return Ok(()),
        }
        let lately = sql("SELECT name FROM storage_sizes WHERE measured_at > $1 LIMIT 1")
            .bind(now.plus(-MEASURED_EVERY_SECONDS))
            .optional(self.readers())
            .await?;
        if lately.is_some() {
            return Ok(());
        }
        let found = self.storage_use().await?;
        let mut tx = self.write().await?;
        sql("DELETE FROM storage_sizes").execute(&mut tx).await?;
        for StorageUse {
            kind, name, bytes, ..
        } in found
        {
            sql("INSERT INTO storage_sizes (name, kind, bytes, measured_at) VALUES ($1, $2, $3, $4)")
                .bind(name)
                .bind(kind)
                .bind(bytes)
                .bind(now)
                .execute(&mut tx)
                .await?;
        }
        // What was measured is no act.
        tx.finish().await
    }

    /// Writes down what views must know of the settings.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn tell_views(&self, access_seconds: i64) -> Result<(), StorageError> {
        let mut books = self.bookkeeping().await?;
        sql("INSERT INTO view_settings (name, value) VALUES ('tokens.access_seconds', $1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE view_settings.value <> excluded.value")
        .bind(access_seconds)
        .execute(&mut books)
        .await?;
        Ok(())
    }

    /// Ends the events from before a moment, some rows at a time, and answers how many there were.
    ///
    /// # Errors
    /// When the database does not do it; what was ended before stays ended.
    pub async fn end_events(&self, before: UnixTime) -> Result<u64, StorageError> {
        let mut ended = 0_u64;
        loop {
            let mut books = self.bookkeeping().await?;
            let rows = sql("DELETE FROM security_events WHERE id IN
                    (SELECT id FROM security_events WHERE at < $1 ORDER BY at LIMIT $2)")
            .bind(before)
            .bind(SWEEP_ROWS)
            .execute(&mut books)
            .await?;
            if rows == 0 {
                return Ok(ended);
            }
            ended = ended.saturating_add(rows);
        }
    }
}

fn event(row: &Row) -> Result<StoredEvent, StorageError> {
    let success: i64 = row.get("success")?;
    Ok(StoredEvent {
        id: row.get("id")?,
        at: row.time("at")?,
        kind: row.get("type")?,
        category: row.get("category")?,
        severity: row.get("severity")?,
        user: row.get("user_id")?,
        email: row.get("email")?,
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
        path: row.get("path")?,
        method: row.get("method")?,
        success: success == 1,
        message: row.get("message")?,
        metadata: row.get("metadata")?,
        request_id: row.get("request_id")?,
        audit_seq: row.get("audit_seq")?,
    })
}
