//! Sealed private keys in the database, as re-sealing sees them, and the log of what opened them.

use super::{
    Store,
    sql::{Row, sql},
};
use crate::{
    custody::Sealed,
    domain::{
        audit::AuditEntry,
        custody_log::AccessLog,
        reseal::{SealedKey, SealedKeys},
        storage::StorageError,
    },
};

impl SealedKeys for Store {
    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StorageError> {
        sql("SELECT kid, sealed_seed FROM signing_keys WHERE length(sealed_seed) > 0 ORDER BY created_at, kid")
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
        let replaced =
            sql("UPDATE signing_keys SET sealed_seed = $3 WHERE kid = $1 AND sealed_seed = $2")
                .bind(&before.key_id)
                .bind(before.sealed.as_bytes())
                .bind(after.as_bytes())
                .execute(&mut tx)
                .await?;
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
    Ok(SealedKey {
        key_id: row.get("kid")?,
        sealed: Sealed::from_bytes(row.get("sealed_seed")?),
    })
}
