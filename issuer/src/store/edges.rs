//! Enrolled edges in the database: public keys only.

use edgeward_core::time::UnixTime;
use tokio::time::sleep;

use super::{
    Store,
    sql::{Row, sql},
};
use crate::domain::{
    audit::AuditEntry,
    edges::{Edge, EdgeName, Edges, SHOWN_WITHIN},
    storage::StorageError,
};

impl Edges for Store {
    async fn edges(&self) -> Result<Vec<Edge>, StorageError> {
        sql("SELECT name, kid, public_jwk, enrolled_at, revoked_at FROM edges ORDER BY name")
            .all(self.readers())
            .await?
            .iter()
            .map(edge)
            .collect()
    }

    async fn edge_by_key(&self, key_id: &str) -> Result<Option<Edge>, StorageError> {
        sql(
            "SELECT name, kid, public_jwk, enrolled_at, revoked_at FROM edges
             WHERE kid = $1 AND revoked_at IS NULL",
        )
        .bind(key_id)
        .optional(self.readers())
        .await?
        .as_ref()
        .map(edge)
        .transpose()
    }

    async fn enroll_edge(&self, edge: &Edge, entry: &AuditEntry) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let enrolled = sql(
            "INSERT INTO edges (name, kid, public_jwk, enrolled_at, revoked_at) VALUES ($1, $2, $3, $4, NULL)
             ON CONFLICT (name) DO UPDATE SET kid = excluded.kid, public_jwk = excluded.public_jwk,
             enrolled_at = excluded.enrolled_at, revoked_at = NULL WHERE edges.revoked_at IS NOT NULL",
        )
        .bind(edge.name.as_str())
        .bind(&edge.key_id)
        .bind(&edge.public_jwk)
        .bind(edge.enrolled_at)
        .execute(&mut tx)
        .await?;
        tx.commit_if(enrolled == 1, entry).await
    }

    async fn revoke_edge(
        &self,
        name: &EdgeName,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut tx = self.write().await?;
        let revoked =
            sql("UPDATE edges SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL")
                .bind(name.as_str())
                .bind(now)
                .execute(&mut tx)
                .await?;
        tx.commit_if(revoked == 1, entry).await
    }

    async fn until_shown(&self) {
        sleep(SHOWN_WITHIN).await;
    }
}

fn edge(row: &Row) -> Result<Edge, StorageError> {
    Ok(Edge {
        name: EdgeName::parse(row.get("name")?)
            .map_err(|_| StorageError::Unreadable("edges.name"))?,
        key_id: row.get("kid")?,
        public_jwk: row.get("public_jwk")?,
        enrolled_at: row.time("enrolled_at")?,
        revoked_at: row.optional_time("revoked_at")?,
    })
}
