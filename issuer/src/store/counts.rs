//! Counts over whole tables, for the metrics.

use edgeward_core::time::UnixTime;

use super::{Store, sql::sql};
use crate::domain::storage::StorageError;

impl Store {
    /// How many families can still be refreshed. Reads all of them: for somebody who asks now and then.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_live_families(&self, now: UnixTime) -> Result<i64, StorageError> {
        let row = sql("SELECT count(*) AS live FROM families
                 WHERE revoked_at IS NULL AND idle_expires_at > $1 AND absolute_expires_at > $1")
        .bind(now)
        .optional(self.readers())
        .await?;
        row.map_or(Ok(0), |row| row.get("live"))
    }
}
