//! Since `007_events` each act writes its security event. The acts before it stand in the audit log only, so the reports of
//! operators would be silent about the time before the upgrade; here they get their events, as far back as events are kept.

use edgeward_core::time::UnixTime;

use super::{BATCH_ROWS, Backfill, Move, Progress, advance};
use crate::{
    domain::{events::PastEvent, storage::StorageError},
    store::{Store, WriteTx, sql::sql},
};

/// The numbers of the entries that may lack their event: after the first one, up to the second. The first event that there
/// is marks the end. `None` for an empty log.
pub(super) async fn range(
    store: &Store,
    since: UnixTime,
) -> Result<Option<(i64, i64)>, StorageError> {
    let row = sql("SELECT (SELECT max(seq) FROM audit_log) AS last,
             (SELECT min(audit_seq) FROM security_events) AS first_with_event")
    .optional(store.readers())
    .await?
    .ok_or(StorageError::Unreadable("audit_log.seq"))?;
    let Some(last) = row.get::<Option<i64>>("last")? else {
        return Ok(None);
    };
    let first_with_event: Option<i64> = row.get("first_with_event")?;
    let until = first_with_event.map_or(last, |seq| seq.saturating_sub(1));
    Ok(Some((last_too_old(store, until, since).await?, until)))
}

/// An entry near the last one that is too old to have an event, at most a batch before it. Halved towards, because a log has
/// no index of moments and may have years.
async fn last_too_old(store: &Store, until: i64, since: UnixTime) -> Result<i64, StorageError> {
    let (mut too_old, mut kept) = (0, until);
    while kept.saturating_sub(too_old) > BATCH_ROWS {
        let middle = too_old.midpoint(kept);
        let row = sql("SELECT at FROM audit_log WHERE seq = $1")
            .bind(middle)
            .optional(store.readers())
            .await?;
        match row {
            Some(row) if row.time("at")? >= since => kept = middle,
            // One that is missing was taken out by somebody past this program; what is before it is not looked for.
            Some(_) | None => too_old = middle,
        }
    }
    Ok(too_old)
}

/// Writes the events of the next entries, and how far it came.
pub(super) async fn batch(
    store: &Store,
    so_far: Progress,
    now: UnixTime,
    since: UnixTime,
) -> Result<Progress, StorageError> {
    let entries =
        sql("SELECT seq, entry FROM audit_log WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
            .bind(so_far.position)
            .bind(so_far.until)
            .bind(BATCH_ROWS)
            .all(store.readers())
            .await?;
    let mut to = so_far.until;
    let mut events = Vec::new();
    for row in &entries {
        let seq: i64 = row.get("seq")?;
        to = seq;
        let event = PastEvent::of_entry(row.get("entry")?)
            .map_err(|_| StorageError::Unreadable("audit_log.entry"))?;
        // Younger ones may follow older ones when a clock was set back.
        if let Some(event) = event.filter(|event| event.at >= since) {
            events.push((seq, event));
        }
    }
    let mut tx = store.write().await?;
    let mut filled = 0;
    for (seq, event) in &events {
        filled += insert(&mut tx, *seq, event).await?;
    }
    let finished = to >= so_far.until;
    let by = Move {
        from: so_far.position,
        to,
        filled,
        finished_at: finished.then_some(now),
    };
    if !advance(&mut tx, Backfill::Events, &by).await? {
        tx.roll_back().await?;
        let found = store.progress(Backfill::Events).await?;
        return found.ok_or(StorageError::Unreadable("backfills.name"));
    }
    tx.finish().await?;
    Ok(Progress {
        position: to,
        filled: so_far.filled.saturating_add(filled),
        finished,
        ..so_far
    })
}

async fn insert(tx: &mut WriteTx, seq: i64, event: &PastEvent) -> Result<i64, StorageError> {
    let metadata = serde_json::to_string(&event.metadata)
        .map_err(|error| StorageError::Failed(Box::new(error)))?;
    let inserted = sql("INSERT INTO security_events
             (at, type, category, severity, user_id, email, address, success, message, metadata, request_id, audit_seq)
         VALUES ($1, $2, $3, $4, $5, (SELECT email FROM users WHERE id = $5), $6, $7, $8, $9, $10, $11)
         ON CONFLICT (audit_seq) DO NOTHING")
    .bind(event.at)
    .bind(event.kind.name())
    .bind(event.kind.category().name())
    .bind(event.kind.severity().name())
    .bind(event.user.map(|user| user.to_string()))
    .bind(event.address_range.as_deref())
    .bind(i64::from(event.kind.success()))
    .bind(event.kind.message())
    .bind(metadata)
    .bind(event.request_id.as_deref())
    .bind(seq)
    .execute(tx)
    .await?;
    Ok(i64::from(inserted == 1))
}
