//! Enrolled edges in SQLite: public keys only.

use edgeward_core::time::UnixTime;
use sqlx::{Row, sqlite::SqliteRow};

use super::Store;
use crate::domain::{
    audit::AuditEntry,
    edges::{Edge, EdgeName, Edges},
    storage::StorageError,
};

impl Edges for Store {
    async fn edges(&self) -> Result<Vec<Edge>, StorageError> {
        sqlx::query(
            "SELECT name, kid, public_jwk, enrolled_at, revoked_at FROM edges ORDER BY name",
        )
        .fetch_all(self.readers())
        .await?
        .iter()
        .map(edge)
        .collect()
    }

    async fn edge_by_key(&self, key_id: &str) -> Result<Option<Edge>, StorageError> {
        sqlx::query(
            "SELECT name, kid, public_jwk, enrolled_at, revoked_at FROM edges \
             WHERE kid = ? AND revoked_at IS NULL",
        )
        .bind(key_id)
        .fetch_optional(self.readers())
        .await?
        .as_ref()
        .map(edge)
        .transpose()
    }

    async fn enroll_edge(&self, edge: &Edge, entry: &AuditEntry) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let enrolled = sqlx::query(
            "INSERT INTO edges (name, kid, public_jwk, enrolled_at, revoked_at) VALUES (?, ?, ?, ?, NULL) \
             ON CONFLICT (name) DO UPDATE SET kid = excluded.kid, public_jwk = excluded.public_jwk, \
             enrolled_at = excluded.enrolled_at, revoked_at = NULL WHERE edges.revoked_at IS NOT NULL",
        )
        .bind(edge.name.as_str())
        .bind(&edge.key_id)
        .bind(&edge.public_jwk)
        .bind(edge.enrolled_at.seconds())
        .execute(tx.connection())
        .await?
        .rows_affected()
            == 1;
        if enrolled {
            tx.commit(entry).await?;
        } else {
            tx.roll_back().await?;
        }
        Ok(enrolled)
    }

    async fn revoke_edge(
        &self,
        name: &EdgeName,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let revoked =
            sqlx::query("UPDATE edges SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL")
                .bind(now.seconds())
                .bind(name.as_str())
                .execute(tx.connection())
                .await?
                .rows_affected()
                == 1;
        if revoked {
            tx.commit(entry).await?;
        } else {
            tx.roll_back().await?;
        }
        Ok(revoked)
    }
}

fn edge(row: &SqliteRow) -> Result<Edge, StorageError> {
    let name: String = row.try_get("name")?;
    let revoked_at: Option<i64> = row.try_get("revoked_at")?;
    Ok(Edge {
        name: EdgeName::parse(&name).map_err(|_| StorageError::Unreadable("edges.name"))?,
        key_id: row.try_get("kid")?,
        public_jwk: row.try_get("public_jwk")?,
        enrolled_at: UnixTime::from_seconds(row.try_get("enrolled_at")?),
        revoked_at: revoked_at.map(UnixTime::from_seconds),
    })
}
