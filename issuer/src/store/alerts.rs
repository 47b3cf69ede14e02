//! Alerts in the database: whose turn it is, what is counted, and what is still to be sent.

use edgeward_core::time::UnixTime;

use super::{Store, sql::sql};
use crate::{
    config::AlertRule,
    domain::{
        alerts::{Alert, Counted, SUBJECTS_MAX},
        storage::StorageError,
    },
};

/// So many are sent in one turn; the rest waits for the next.
const SENT_AT_ONCE: i64 = 20;

/// How far the clocks of two processes may be apart, so that the one that is ahead is not taken for wrong and the same alert sent twice:
/// as much as everywhere between the clocks of issuers and edges.
const CLOCKS_APART_SECONDS: i64 = 60;

/// An alert that is due to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAlert {
    /// Its identifier.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// What is sent.
    pub body: String,
    /// How often it was tried.
    pub tries: u32,
}

/// What became of an attempt to send an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The receiver took it.
    Taken,
    /// It did not; the moment of the next attempt, unless it is given up.
    Failed(Option<UnixTime>),
}

impl Store {
    /// Takes the turn until a moment, or keeps it. `false`: another process has it. A turn that ends much later than `until` is one of
    /// a process whose clock was ahead: it would last as long as that, and counts for none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_alert_turn(
        &self,
        holder: &str,
        now: UnixTime,
        until: UnixTime,
    ) -> Result<bool, StorageError> {
        let mut books = self.bookkeeping().await?;
        let taken = sql(
            "INSERT INTO alert_turn (one, holder, until) VALUES (1, $1, $3)
             ON CONFLICT (one) DO UPDATE SET holder = $1, until = $3
             WHERE alert_turn.holder = $1 OR alert_turn.until <= $2 OR alert_turn.until > $4",
        )
        .bind(holder)
        .bind(now)
        .bind(until)
        .bind(until.plus(CLOCKS_APART_SECONDS))
        .execute(&mut books)
        .await?;
        Ok(taken == 1)
    }

    /// Gives the turn back, for a process that ends.
    ///
    /// # Errors
    /// When the database fails; the turn then ends by itself.
    pub async fn give_alert_turn_back(&self, holder: &str) -> Result<(), StorageError> {
        let mut books = self.bookkeeping().await?;
        sql("UPDATE alert_turn SET until = 0 WHERE one = 1 AND holder = $1")
            .bind(holder)
            .execute(&mut books)
            .await?;
        Ok(())
    }

    /// Counts the events of a rule from a moment up to and without another, the most first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_for_alert(
        &self,
        rule: &AlertRule,
        (from, to): (UnixTime, UnixTime),
    ) -> Result<Vec<Counted>, StorageError> {
        // Those that an alert was raised about are left out before the worst are taken, or they would hide the others.
        sql("SELECT subject, counted, first_at, last_at FROM (
             SELECT CASE $4 WHEN 'address' THEN coalesce(address, '') WHEN 'user' THEN coalesce(user_id, '') ELSE '' END
                    AS subject, count(*) AS counted, min(at) AS first_at, max(at) AS last_at
             FROM security_events WHERE type = $1 AND at >= $2 AND at < $3
             GROUP BY 1 HAVING count(*) >= $5) AS found
             WHERE NOT EXISTS (SELECT 1 FROM alerts
                 WHERE alerts.rule = $7 AND alerts.subject = found.subject AND alerts.cools_at > $3)
             ORDER BY counted DESC, subject LIMIT $6")
        .bind(rule.event.name())
        .bind(from)
        .bind(to)
        .bind(rule.per.name())
        .bind(rule.count)
        .bind(SUBJECTS_MAX)
        .bind(&rule.name)
        .all(self.readers())
        .await?
        .iter()
        .map(|row| {
            Ok(Counted {
                subject: row.get("subject")?,
                count: row.get("counted")?,
                first_at: row.time("first_at")?,
                last_at: row.time("last_at")?,
            })
        })
        .collect()
    }

    /// Of what a rule has told a while ago.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cooling_subjects(
        &self,
        rule: &str,
        now: UnixTime,
    ) -> Result<Vec<String>, StorageError> {
        sql("SELECT subject FROM alerts WHERE rule = $1 AND cools_at > $2")
            .bind(rule)
            .bind(now)
            .all(self.readers())
            .await?
            .iter()
            .map(|row| row.get("subject"))
            .collect()
    }

    /// Writes an alert down, to be sent at once. `false`: the same was told of meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn raise_alert(&self, alert: &Alert) -> Result<bool, StorageError> {
        let mut books = self.bookkeeping().await?;
        let written = sql(
            "INSERT INTO alerts (id, rule, subject, raised_at, cools_at, body, tries, next_try_at)
             SELECT $1, $2, $3, $4, $5, $6, 0, $4
             WHERE NOT EXISTS (SELECT 1 FROM alerts WHERE rule = $2 AND subject = $3 AND cools_at > $4)",
        )
        .bind(&alert.id)
        .bind(&alert.rule)
        .bind(&alert.subject)
        .bind(alert.raised_at)
        .bind(alert.cools_at)
        .bind(&alert.body)
        .execute(&mut books)
        .await?;
        Ok(written == 1)
    }

    /// The alerts that are due, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due_alerts(&self, now: UnixTime) -> Result<Vec<DueAlert>, StorageError> {
        sql(
            "SELECT id, rule, body, tries FROM alerts WHERE next_try_at <= $1
             ORDER BY next_try_at, id LIMIT $2",
        )
        .bind(now)
        .bind(SENT_AT_ONCE)
        .all(self.readers())
        .await?
        .iter()
        .map(|row| {
            let tries: i64 = row.get("tries")?;
            Ok(DueAlert {
                id: row.get("id")?,
                rule: row.get("rule")?,
                body: row.get("body")?,
                tries: u32::try_from(tries)
                    .map_err(|_| StorageError::Unreadable("alerts.tries"))?,
            })
        })
        .collect()
    }

    /// Notes what became of an attempt.
    ///
    /// # Errors
    /// When the database fails; the alert is then sent again.
    pub async fn settle_alert(
        &self,
        id: &str,
        sent: Sent,
        now: UnixTime,
    ) -> Result<(), StorageError> {
        let (delivered_at, next_try_at) = match sent {
            Sent::Taken => (Some(now), None),
            Sent::Failed(next) => (None, next),
        };
        let mut books = self.bookkeeping().await?;
        sql("UPDATE alerts SET tries = tries + 1, delivered_at = $2, next_try_at = $3 WHERE id = $1")
            .bind(id)
            .bind(delivered_at)
            .bind(next_try_at)
            .execute(&mut books)
            .await?;
        Ok(())
    }

    /// Ends the alerts from before a moment that are neither to be sent nor keep anything from being told.
    ///
    /// # Errors
    /// When the database does not do it.
    pub async fn end_alerts(&self, before: UnixTime, now: UnixTime) -> Result<u64, StorageError> {
        let mut books = self.bookkeeping().await?;
        sql("DELETE FROM alerts WHERE raised_at < $1 AND next_try_at IS NULL AND cools_at <= $2")
            .bind(before)
            .bind(now)
            .execute(&mut books)
            .await
    }
}
