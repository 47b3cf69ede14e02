//! The secrets of CSRF and refresh tokens in the database, sealed before they come here.
//!
//! A change is judged by rows that were read without a lock, so it is done only if they are still the same, and one at a time, under
//! the lock of the signing keys.

use edgeward_core::time::UnixTime;

use super::{
    Store, WriteTx,
    sql::{Row, sql},
};
use crate::{
    custody::Sealed,
    domain::{
        keyring::{KeyState, Life},
        secrets::{Purpose, SecretChange, SecretGenerations, StoredSecret},
        storage::StorageError,
    },
};

impl SecretGenerations for Store {
    async fn secret_generations(&self) -> Result<Vec<StoredSecret>, StorageError> {
        sql(
            "SELECT id, purpose, state, sealed, created_at, published_at, makes_from, good_until, stopped_at, ended_at
             FROM token_secrets ORDER BY created_at, id",
        )
        .all(self.readers())
        .await?
        .iter()
        .map(stored)
        .collect()
    }

    async fn change_secrets(&self, change: &SecretChange) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        tx.keep_keys_still().await?;
        let now: Vec<Life> = sql(
            "SELECT id, state, created_at, published_at, makes_from, good_until, stopped_at, ended_at
             FROM token_secrets WHERE purpose = $1 ORDER BY created_at, id",
        )
        .bind(change.purpose.name())
        .all(&mut tx)
        .await?
        .iter()
        .map(life)
        .collect::<Result<_, _>>()?;
        let (Some((last, first)), true) = (change.entries.split_last(), now == change.before)
        else {
            tx.roll_back().await?;
            return Ok(false);
        };
        // There is one active generation at any moment, also between two statements: the old one stops before the new one begins.
        let (active, others): (Vec<&Life>, Vec<&Life>) = change
            .after
            .iter()
            .filter(|life| !change.before.contains(life))
            .partition(|life| life.state == KeyState::Active);
        for life in others.into_iter().chain(active) {
            let mut added = change.added.iter();
            match added.find(|added| added.life.key_id == life.key_id) {
                Some(added) => insert(&mut tx, added, life).await?,
                None => update(&mut tx, life).await?,
            }
        }
        for entry in first {
            tx.append(entry);
        }
        tx.commit(last).await?;
        Ok(true)
    }

    async fn last_session_end(&self) -> Result<Option<UnixTime>, StorageError> {
        let row =
            sql("SELECT max(absolute_expires_at) AS last FROM families WHERE revoked_at IS NULL")
                .optional(self.readers())
                .await?;
        row.map_or(Ok(None), |row| row.optional_time("last"))
    }
}

async fn insert(tx: &mut WriteTx, added: &StoredSecret, life: &Life) -> Result<(), StorageError> {
    sql("INSERT INTO token_secrets (id, purpose, state, sealed, created_at, published_at, makes_from, good_until, stopped_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(&life.key_id)
    .bind(added.purpose.name())
    .bind(life.state.name())
    .bind(added.sealed.as_bytes())
    .bind(life.created_at)
    .bind(life.published_at)
    .bind(life.signs_from)
    .bind(life.signed_until)
    .bind(life.stopped_at)
    .execute(tx)
    .await?;
    Ok(())
}

async fn update(tx: &mut WriteTx, life: &Life) -> Result<(), StorageError> {
    sql(
        "UPDATE token_secrets SET state = $2, published_at = $3, makes_from = $4, good_until = $5, stopped_at = $6, ended_at = $7
         WHERE id = $1",
    )
    .bind(&life.key_id)
    .bind(life.state.name())
    .bind(life.published_at)
    .bind(life.signs_from)
    .bind(life.signed_until)
    .bind(life.stopped_at)
    .bind(life.ended_at)
    .execute(&mut *tx)
    .await?;
    if life.ended_at.is_some() {
        sql("UPDATE token_secrets SET sealed = $2 WHERE id = $1")
            .bind(&life.key_id)
            .bind(&[][..])
            .execute(tx)
            .await?;
    }
    Ok(())
}

fn stored(row: &Row) -> Result<StoredSecret, StorageError> {
    Ok(StoredSecret {
        purpose: Purpose::from_name(row.get("purpose")?)
            .ok_or(StorageError::Unreadable("token_secrets.purpose"))?,
        life: life(row)?,
        sealed: Sealed::from_bytes(row.get("sealed")?),
    })
}

fn life(row: &Row) -> Result<Life, StorageError> {
    Ok(Life {
        key_id: row.get("id")?,
        state: KeyState::from_name(row.get("state")?)
            .ok_or(StorageError::Unreadable("token_secrets.state"))?,
        created_at: row.time("created_at")?,
        published_at: row.optional_time("published_at")?,
        signs_from: row.optional_time("makes_from")?,
        signed_until: row.optional_time("good_until")?,
        stopped_at: row.optional_time("stopped_at")?,
        ended_at: row.optional_time("ended_at")?,
    })
}
