//! The schema as a list of steps, each with its way back, compiled into the program.
//!
//! All pending steps run in one transaction that holds the write lock, so two programs that start at once agree, and
//! a step that fails leaves the file as it was.

use std::path::Path;

use sqlx::{
    SqlSafeStr, SqliteConnection,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use super::{Store, StoreError};

/// One step of the schema.
struct Step {
    version: i64,
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

macro_rules! step {
    ($version:literal, $name:literal, $file:literal) => {
        Step {
            version: $version,
            name: $name,
            up: include_str!(concat!("../../migrations/sqlite/", $file, ".up.sql")),
            down: include_str!(concat!("../../migrations/sqlite/", $file, ".down.sql")),
        }
    };
}

const STEPS: [Step; 4] = [
    step!(1, "accounts", "001_accounts"),
    step!(2, "sessions", "002_sessions"),
    step!(3, "audit", "003_audit"),
    step!(4, "keys", "004_keys"),
];

/// The table in which the applied steps are kept.
const APPLIED: &str = "_sqlx_migrations";

/// A step and whether the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// Whether it is applied.
    pub applied: bool,
}

fn migrator() -> Migrator {
    let both_ways = |step: &Step| {
        let one = |kind, sql: &'static str| {
            Migration::new(
                step.version,
                step.name.into(),
                kind,
                sql.into_sql_str(),
                false,
            )
        };
        [
            one(MigrationType::ReversibleUp, step.up),
            one(MigrationType::ReversibleDown, step.down),
        ]
    };
    Migrator::with_migrations(STEPS.iter().flat_map(both_ways).collect())
}

fn newest_known() -> i64 {
    STEPS.last().map_or(0, |step| step.version)
}

impl Store {
    /// Applies every pending step and answers which these were.
    ///
    /// # Errors
    /// When a step fails or was applied in another wording; the file is then as before.
    pub async fn migrate_up(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let before = self.migration_status().await?;
        let failed = |source| StoreError::from_sqlx(self.path(), source);
        let mut tx = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        migrator()
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(|error| from_migrate(self.path(), error))?;
        tx.commit().await.map_err(failed)?;
        Ok(before.into_iter().filter(|step| !step.applied).collect())
    }

    /// Undoes every step after `target` (0 undoes all) and answers which these were, the newest first.
    ///
    /// # Errors
    /// When there is no such step, or undoing one fails; the file is then as before.
    pub async fn migrate_down(&self, target: i64) -> Result<Vec<MigrationStatus>, StoreError> {
        if target != 0 && !STEPS.iter().any(|step| step.version == target) {
            return Err(StoreError::NoSuchMigration(target));
        }
        let before = self.migration_status().await?;
        let failed = |source| StoreError::from_sqlx(self.path(), source);
        let mut tx = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        migrator()
            .undo(&mut *tx, target)
            .await
            .map_err(|error| from_migrate(self.path(), error))?;
        tx.commit().await.map_err(failed)?;
        Ok(before
            .into_iter()
            .rev()
            .filter(|step| step.applied && step.version > target)
            .collect())
    }

    /// Every known step, the oldest first.
    ///
    /// # Errors
    /// When the file cannot be read, or is of a newer schema.
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let failed = |source| StoreError::from_sqlx(self.path(), source);
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        let applied = judge_applied(self.path(), &mut connection).await?;
        Ok(STEPS
            .iter()
            .map(|step| MigrationStatus {
                version: step.version,
                name: step.name,
                applied: applied.contains(&step.version),
            })
            .collect())
    }
}

/// The applied steps; refuses those that this program does not know, or knows in another wording.
pub(super) async fn judge_applied(
    path: &Path,
    connection: &mut SqliteConnection,
) -> Result<Vec<i64>, StoreError> {
    let failed = |source| StoreError::from_sqlx(path, source);
    let exists: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1")
            .bind(APPLIED)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
    if exists == 0 {
        return Ok(Vec::new());
    }
    let applied = connection
        .list_applied_migrations(APPLIED)
        .await
        .map_err(|error| from_migrate(path, error))?;
    let known = migrator();
    for found in &applied {
        let step = known
            .iter()
            .find(|step| step.version == found.version && step.migration_type.is_up_migration());
        match step {
            None => {
                return Err(StoreError::NewerSchema {
                    path: path.to_path_buf(),
                    found: found.version,
                    known: newest_known(),
                });
            }
            Some(step) if step.checksum != found.checksum => {
                return Err(StoreError::OtherWording {
                    path: path.to_path_buf(),
                    version: found.version,
                });
            }
            Some(_) => {}
        }
    }
    Ok(applied.iter().map(|found| found.version).collect())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "MigrateError is non-exhaustive; what is not told apart keeps its own text"
)]
fn from_migrate(path: &Path, error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => StoreError::NewerSchema {
            path: path.to_path_buf(),
            found,
            known: newest_known(),
        },
        MigrateError::VersionMismatch(version) => StoreError::OtherWording {
            path: path.to_path_buf(),
            version,
        },
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            StoreError::from_sqlx(path, source)
        }
        other => StoreError::from_sqlx(path, sqlx::Error::Migrate(Box::new(other))),
    }
}
