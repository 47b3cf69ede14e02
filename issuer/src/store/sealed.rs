//! Sealed private keys and secrets of tokens in the database, as re-sealing sees them, and the log of what opened them.

use super::{
    Store,
    sql::{Row, sql},
};
use crate::{
    custody::Sealed,
    domain::{
        audit::AuditEntry,
        custody_log::AccessLog,
        keyring::KeyState,
        reseal::{HeldRow, SealedKey, SealedKeys},
        storage::StorageError,
    },
    signatures::SigningAlgorithm,
};

impl SealedKeys for Store {
    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StorageError> {
        // A key that is held elsewhere and has ended gets no proof if it has none: what held it may be gone.
        sql("SELECT kid, sealed_seed, alg, public_jwk, held_at, state, created_at, 0 AS kind FROM signing_keys
             WHERE length(sealed_seed) > 0 OR (held_at IS NOT NULL AND state NOT IN ('retired', 'revoked'))
             UNION ALL
             SELECT id, sealed, NULL, NULL, NULL, NULL, created_at, 1 AS kind FROM token_secrets WHERE length(sealed) > 0
             ORDER BY kind, created_at, kid")
            .all(self.readers())
            .await?
            .iter()
            .map(sealed_key)
            .collect()
    }

    async fn replace_sealed(
        &self,
        before: &SealedKey,
        after: &Sealed,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let mut replaced = 0;
        // An id is in one of them: thumbprints are no names of secrets.
        for table in [
            "UPDATE signing_keys SET sealed_seed = $3 WHERE kid = $1 AND sealed_seed = $2",
            "UPDATE token_secrets SET sealed = $3 WHERE id = $1 AND sealed = $2",
        ] {
            replaced += sql(table)
                .bind(&before.key_id)
                .bind(before.sealed.as_bytes())
                .bind(after.as_bytes())
                .execute(&mut tx)
                .await?;
        }
        tx.commit_if(replaced == 1, entry).await
    }
}

impl AccessLog for Store {
    async fn log_accesses(&self, entries: &[AuditEntry]) -> Result<(), StorageError> {
        let Some((last, others)) = entries.split_last() else {
            return Ok(());
        };
        let mut tx = self.write().await?;
        for entry in others {
            tx.append(entry);
        }
        tx.commit(last).await
    }
}

fn sealed_key(row: &Row) -> Result<SealedKey, StorageError> {
    let held_at: Option<String> = row.get("held_at")?;
    let held = match held_at {
        None => None,
        Some(reference) => {
            let algorithm: Option<&str> = row.get("alg")?;
            let public_jwk: Option<String> = row.get("public_jwk")?;
            let state: Option<&str> = row.get("state")?;
            let ended = [KeyState::Retired, KeyState::Revoked].map(KeyState::name);
            Some(HeldRow {
                algorithm: algorithm
                    .and_then(SigningAlgorithm::from_name)
                    .ok_or(StorageError::Unreadable("signing_keys.alg"))?,
                public_jwk: public_jwk
                    .ok_or(StorageError::Unreadable("signing_keys.public_jwk"))?,
                reference,
                has_ended: state.is_some_and(|state| ended.contains(&state)),
            })
        }
    };
    Ok(SealedKey {
        key_id: row.get("kid")?,
        sealed: Sealed::from_bytes(row.get("sealed_seed")?),
        held,
    })
}
