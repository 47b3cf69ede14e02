//! Signing keys in the database. The seeds are sealed before they come here.
//!
//! A change is judged by rows that were read without a lock, so it is done only if they are still the same, and one at a time:
//! in SQLite there is one writer, in PostgreSQL an advisory lock is held from before the rows are read again until the end.
//! Up to which expiry a key signs is no part of that: it moves with the traffic, by one statement which holds for the key
//! that signs and for no other. A change of the signer waits for it at the row, and after the change it changes nothing.

use edgeward_core::time::UnixTime;

use super::{
    Store, WriteTx,
    sql::{Row, sql},
};
use crate::{
    custody::Sealed,
    domain::{
        audit::AuditEntry,
        keyring::{
            HeldElsewhere, KeyChange, KeyState, Life, PrivateHalf, SigningKeys, StoredKey,
            destroy::HeldKeys,
        },
        revocations::Ended,
        storage::StorageError,
    },
    signatures::SigningAlgorithm,
};

impl SigningKeys for Store {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StorageError> {
        sql(
            "SELECT kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at, signs_from, signed_until,
                 stopped_at, ended_at, destroyed_at
             FROM signing_keys ORDER BY created_at, kid",
        )
        .all(self.readers())
        .await?
        .iter()
        .map(stored_key)
        .collect()
    }

    async fn change_signing_keys(&self, change: &KeyChange) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        tx.keep_keys_still().await?;
        let now: Vec<Life> = sql(
            "SELECT kid, state, created_at, published_at, signs_from, signed_until, stopped_at, ended_at
             FROM signing_keys WHERE alg = $1 ORDER BY created_at, kid",
        )
        .bind(change.algorithm.name())
        .all(&mut tx)
        .await?
        .iter()
        .map(life)
        .collect::<Result<_, _>>()?;
        if !are_the_same(&now, &change.before) {
            tx.roll_back().await?;
            return Ok(false);
        }
        // There is one active key at any moment, also between two statements: the old one stops before the new one begins.
        let (active, others): (Vec<&Life>, Vec<&Life>) = change
            .after
            .iter()
            .filter(|key| !change.before.contains(key))
            .partition(|key| key.state == KeyState::Active);
        for key in others.into_iter().chain(active) {
            if key.state == KeyState::Revoked {
                let key_id = key.key_id.clone();
                tx.note_end(Ended::Key {
                    key_id,
                    at: change.at,
                });
            }
            match &change.added {
                Some(added) if added.life.key_id == key.key_id => {
                    insert(&mut tx, added, key).await?
                }
                Some(_) | None => update(&mut tx, key).await?,
            }
        }
        let Some((last, first)) = change.entries.split_last() else {
            tx.roll_back().await?;
            return Ok(false);
        };
        for entry in first {
            tx.append(entry);
        }
        tx.commit(last).await?;
        Ok(true)
    }

    async fn permit_signing(
        &self,
        key_id: &str,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StorageError> {
        let mut connection = self.bookkeeping().await?;
        let permitted = sql(
            "UPDATE signing_keys SET signed_until = CASE WHEN signed_until > $2 THEN signed_until ELSE $2 END
             WHERE kid = $1 AND (state = $3 OR (state = $4 AND signs_from <= $5))",
        )
        .bind(key_id)
        .bind(until)
        .bind(KeyState::Active.name())
        .bind(KeyState::Published.name())
        .bind(now)
        .execute(&mut connection)
        .await?;
        Ok(permitted == 1)
    }
}

impl HeldKeys for Store {
    async fn note_destroyed(
        &self,
        key_id: &str,
        at: UnixTime,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let noted = sql(
            "UPDATE signing_keys SET destroyed_at = $2
             WHERE kid = $1 AND held_at IS NOT NULL AND destroyed_at IS NULL AND state IN ($3, $4)",
        )
        .bind(key_id)
        .bind(at)
        .bind(KeyState::Retired.name())
        .bind(KeyState::Revoked.name())
        .execute(&mut tx)
        .await?;
        tx.commit_if(noted == 1, entry).await
    }
}

/// Which expiry was signed moves meanwhile and is no reason to judge again: it is a reason for nothing but the end of a key
/// that signs no more, and of that it does not move.
fn are_the_same(now: &[Life], before: &[Life]) -> bool {
    let still = |key: &Life| Life {
        signed_until: match key.state {
            KeyState::Active | KeyState::Published => None,
            KeyState::Generated | KeyState::Retiring | KeyState::Retired | KeyState::Revoked => {
                key.signed_until
            }
        },
        ..key.clone()
    };
    now.iter().map(still).eq(before.iter().map(still))
}

async fn insert(tx: &mut WriteTx, added: &StoredKey, life: &Life) -> Result<(), StorageError> {
    // Of what is held elsewhere the envelope has no secret in it, and proves the row.
    let (sealed, held_at): (&[u8], Option<&str>) = match &added.private {
        PrivateHalf::Sealed(sealed) => (sealed.as_bytes(), None),
        PrivateHalf::Elsewhere(held) => (held.proof.as_bytes(), Some(&held.reference)),
    };
    sql("INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at, signs_from)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(&life.key_id)
    .bind(added.algorithm.name())
    .bind(life.state.name())
    .bind(&added.public_jwk)
    .bind(sealed)
    .bind(held_at)
    .bind(life.created_at)
    .bind(life.published_at)
    .bind(life.signs_from)
    .execute(tx)
    .await?;
    Ok(())
}

async fn update(tx: &mut WriteTx, life: &Life) -> Result<(), StorageError> {
    sql("UPDATE signing_keys SET state = $2, published_at = $3, signs_from = $4, stopped_at = $5, ended_at = $6
         WHERE kid = $1")
    .bind(&life.key_id)
    .bind(life.state.name())
    .bind(life.published_at)
    .bind(life.signs_from)
    .bind(life.stopped_at)
    .bind(life.ended_at)
    .execute(tx)
    .await?;
    Ok(())
}

fn stored_key(row: &Row) -> Result<StoredKey, StorageError> {
    let held_at: Option<String> = row.get("held_at")?;
    let sealed = Sealed::from_bytes(row.get("sealed_seed")?);
    Ok(StoredKey {
        algorithm: SigningAlgorithm::from_name(row.get("alg")?)
            .ok_or(StorageError::Unreadable("signing_keys.alg"))?,
        life: life(row)?,
        public_jwk: row.get("public_jwk")?,
        private: match held_at {
            Some(reference) => PrivateHalf::Elsewhere(HeldElsewhere {
                reference,
                proof: sealed,
                destroyed_at: row.optional_time("destroyed_at")?,
            }),
            None => PrivateHalf::Sealed(sealed),
        },
    })
}

fn life(row: &Row) -> Result<Life, StorageError> {
    Ok(Life {
        key_id: row.get("kid")?,
        state: KeyState::from_name(row.get("state")?)
            .ok_or(StorageError::Unreadable("signing_keys.state"))?,
        created_at: row.time("created_at")?,
        published_at: row.optional_time("published_at")?,
        signs_from: row.optional_time("signs_from")?,
        signed_until: row.optional_time("signed_until")?,
        stopped_at: row.optional_time("stopped_at")?,
        ended_at: row.optional_time("ended_at")?,
    })
}
