//! Signing keys in the database. The seeds are sealed before they come here.

use super::{
    Store,
    sql::{Row, sql},
};
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
        sql("SELECT kid, state, public_jwk, sealed_seed, created_at FROM signing_keys ORDER BY created_at, kid")
            .all(self.readers())
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
        // That there is no key yet is no row that could be locked.
        let mut tx = self.write_alone().await?;
        let added = sql(
            "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at)
             SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE state = $7)",
        )
        .bind(&key.key_id)
        .bind(ALGORITHM)
        .bind(key.state.name())
        .bind(&key.public_jwk)
        .bind(key.sealed_seed.as_bytes())
        .bind(key.created_at)
        .bind(KeyState::Active.name())
        .execute(&mut tx)
        .await?;
        tx.commit_if(added == 1, entry).await
    }
}

fn stored_key(row: &Row) -> Result<StoredKey, StorageError> {
    Ok(StoredKey {
        key_id: row.get("kid")?,
        state: KeyState::from_name(row.get("state")?)
            .ok_or(StorageError::Unreadable("signing_keys.state"))?,
        public_jwk: row.get("public_jwk")?,
        sealed_seed: Sealed::from_bytes(row.get("sealed_seed")?),
        created_at: row.time("created_at")?,
    })
}
