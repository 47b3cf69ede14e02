//! Signing keys in SQLite. The seeds are sealed before they come here.

use edgeward_core::time::UnixTime;
use sqlx::{Row, sqlite::SqliteRow};

use super::Store;
use crate::{
    custody::Sealed,
    domain::{
        audit::AuditEntry,
        keyring::{KeyState, SigningKeys, StoredKey},
        storage::StorageError,
    },
};

/// The one algorithm of today's keys, as RFC 8037 names it.
const ALGORITHM: &str = "EdDSA";

impl SigningKeys for Store {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StorageError> {
        sqlx::query(
            "SELECT kid, state, public_jwk, sealed_seed, created_at FROM signing_keys ORDER BY created_at, kid",
        )
        .fetch_all(self.readers())
        .await?
        .iter()
        .map(stored_key)
        .collect()
    }

    async fn add_first_signing_key(
        &self,
        key: &StoredKey,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let added = sqlx::query(
            "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at) \
             SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE state = ?)",
        )
        .bind(&key.key_id)
        .bind(ALGORITHM)
        .bind(key.state.name())
        .bind(&key.public_jwk)
        .bind(key.sealed_seed.as_bytes())
        .bind(key.created_at.seconds())
        .bind(KeyState::Active.name())
        .execute(tx.connection())
        .await?
        .rows_affected()
            == 1;
        if added {
            tx.commit(entry).await?;
        } else {
            tx.roll_back().await?;
        }
        Ok(added)
    }
}

fn stored_key(row: &SqliteRow) -> Result<StoredKey, StorageError> {
    let state: String = row.try_get("state")?;
    Ok(StoredKey {
        key_id: row.try_get("kid")?,
        state: KeyState::from_name(&state).ok_or(StorageError::Unreadable("signing_keys.state"))?,
        public_jwk: row.try_get("public_jwk")?,
        sealed_seed: Sealed::from_bytes(row.try_get("sealed_seed")?),
        created_at: UnixTime::from_seconds(row.try_get("created_at")?),
    })
}
