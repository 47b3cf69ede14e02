//! The schema as a list of steps, each with its way back, compiled into the program.
//!
//! All pending steps run in one transaction that holds the write lock, so two programs that start at once agree, and
//! a step that fails leaves the database as it was. Where the two databases are not told the same thing by the same
//! words, each has its own.

use sqlx::{
    PgConnection, SqlSafeStr, SqliteConnection,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use super::{Db, Store, StoreError, postgres};

/// One step of the schema.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: BothWays,
    postgres: BothWays,
}

/// The texts of a step for one database.
struct BothWays {
    up: &'static str,
    down: &'static str,
}

macro_rules! both_ways {
    ($folder:literal, $file:literal) => {
        BothWays {
            up: include_str!(concat!("../../migrations/", $folder, "/", $file, ".up.sql")),
            down: include_str!(concat!(
                "../../migrations/",
                $folder,
                "/",
                $file,
                ".down.sql"
            )),
        }
    };
}

macro_rules! step {
    ($version:literal, $name:literal, $file:literal) => {
        Step {
            version: $version,
            name: $name,
            sqlite: both_ways!("sqlite", $file),
            postgres: both_ways!("postgres", $file),
        }
    };
}

const STEPS: [Step; 22] = [
    step!(1, "accounts", "001_accounts"),
    step!(2, "sessions", "002_sessions"),
    step!(3, "audit", "003_audit"),
    step!(4, "keys", "004_keys"),
    step!(5, "refresh", "005_refresh"),
    step!(6, "attempts", "006_attempts"),
    step!(7, "events", "007_events"),
    step!(8, "backfills", "008_backfills"),
    step!(9, "mails", "009_mails"),
    step!(10, "alerts", "010_alerts"),
    step!(11, "step_up", "011_step_up"),
    step!(12, "devices", "012_devices"),
    step!(13, "keys", "013_keys"),
    step!(14, "token_ids", "014_token_ids"),
    step!(15, "held_keys", "015_held_keys"),
    step!(16, "secrets", "016_secrets"),
    step!(17, "administration", "017_administration"),
    step!(18, "audit_indices", "018_audit_indices"),
    step!(19, "key_custody", "019_key_custody"),
    step!(20, "monitoring", "020_monitoring"),
    step!(21, "languages", "021_languages"),
    step!(22, "open_families", "022_open_families"),
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

/// The steps for one database. The lock is taken by whoever runs them, because the library's own ends before the
/// transaction does.
fn migrator(texts: impl Fn(&Step) -> &BothWays) -> Migrator {
    let steps = STEPS.iter().flat_map(|step| {
        let BothWays { up, down } = texts(step);
        [
            (MigrationType::ReversibleUp, *up),
            (MigrationType::ReversibleDown, *down),
        ]
        .map(|(kind, sql)| {
            Migration::new(
                step.version,
                step.name.into(),
                kind,
                sql.into_sql_str(),
                false,
            )
        })
    });
    let mut migrator = Migrator::with_migrations(steps.collect());
    migrator.set_locking(false);
    migrator
}

fn sqlite_migrator() -> Migrator {
    migrator(|step| &step.sqlite)
}

fn postgres_migrator() -> Migrator {
    migrator(|step| &step.postgres)
}

fn newest_known() -> i64 {
    STEPS.last().map_or(0, |step| step.version)
}

impl Store {
    /// Applies every pending step and answers which these were.
    ///
    /// # Errors
    /// When a step fails or was applied in another wording; the database is then as before.
    pub async fn migrate_up(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let mut pending = self.migration_status().await?;
        pending.retain(|step| !step.applied);
        // Whoever serves need not be who may change the schema.
        if pending.is_empty() {
            return Ok(pending);
        }
        let failed = |source| StoreError::from_sqlx(self.place(), source);
        let refused = |error| from_migrate(self.place(), error);
        match &self.db {
            Db::Lite { writer, .. } => {
                let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
                let steps = sqlite_migrator();
                let ran = steps.run_direct(None, &mut *tx, false).await;
                ran.map_err(refused)?;
                tx.commit().await.map_err(failed)?;
            }
            Db::Pg { writers, .. } => {
                let mut tx = writers.begin().await.map_err(failed)?;
                postgres::lock_schema(&mut tx).await.map_err(failed)?;
                let steps = postgres_migrator();
                let ran = steps.run_direct(None, &mut *tx, false).await;
                ran.map_err(refused)?;
                tx.commit().await.map_err(failed)?;
            }
        }
        Ok(pending)
    }

    /// Undoes every step after `target` (0 undoes all) and answers which these were, the newest first.
    ///
    /// # Errors
    /// When there is no such step, or undoing one fails; the database is then as before.
    pub async fn migrate_down(&self, target: i64) -> Result<Vec<MigrationStatus>, StoreError> {
        if target != 0 && !STEPS.iter().any(|step| step.version == target) {
            return Err(StoreError::NoSuchMigration(target));
        }
        let mut undone = self.migration_status().await?;
        undone.retain(|step| step.applied && step.version > target);
        undone.reverse();
        let failed = |source| StoreError::from_sqlx(self.place(), source);
        let refused = |error| from_migrate(self.place(), error);
        match &self.db {
            Db::Lite { writer, .. } => {
                let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
                let ran = sqlite_migrator().undo(&mut *tx, target).await;
                ran.map_err(refused)?;
                tx.commit().await.map_err(failed)?;
            }
            Db::Pg { writers, .. } => {
                let mut tx = writers.begin().await.map_err(failed)?;
                postgres::lock_schema(&mut tx).await.map_err(failed)?;
                let ran = postgres_migrator().undo(&mut *tx, target).await;
                ran.map_err(refused)?;
                tx.commit().await.map_err(failed)?;
            }
        }
        Ok(undone)
    }

    /// Every known step, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read, or is of a newer schema.
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let failed = |source| StoreError::from_sqlx(self.place(), source);
        let applied = match &self.db {
            Db::Lite { readers, .. } => readers
                .with(async |connection| Ok(judge_sqlite(self.place(), connection).await))
                .await
                .map_err(failed)??,
            Db::Pg { readers, .. } => {
                let mut connection = readers.acquire().await.map_err(failed)?;
                judge_postgres(self.place(), &mut connection).await?
            }
        };
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

/// The applied steps of a file; refuses those that this program does not know, or knows in another wording.
pub(super) async fn judge_sqlite(
    place: &str,
    connection: &mut SqliteConnection,
) -> Result<Vec<i64>, StoreError> {
    let exists: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1")
            .bind(APPLIED)
            .fetch_one(&mut *connection)
            .await
            .map_err(|source| StoreError::from_sqlx(place, source))?;
    judge_applied(place, exists > 0, &sqlite_migrator(), connection).await
}

/// The same of a database on a server.
pub(super) async fn judge_postgres(
    place: &str,
    connection: &mut PgConnection,
) -> Result<Vec<i64>, StoreError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(APPLIED)
        .fetch_one(&mut *connection)
        .await
        .map_err(|source| StoreError::from_sqlx(place, source))?;
    judge_applied(place, exists, &postgres_migrator(), connection).await
}

async fn judge_applied(
    place: &str,
    exists: bool,
    known: &Migrator,
    connection: &mut impl Migrate,
) -> Result<Vec<i64>, StoreError> {
    if !exists {
        return Ok(Vec::new());
    }
    let applied = connection
        .list_applied_migrations(APPLIED)
        .await
        .map_err(|error| from_migrate(place, error))?;
    for found in &applied {
        let step = known
            .iter()
            .find(|step| step.version == found.version && step.migration_type.is_up_migration());
        match step {
            None => {
                return Err(StoreError::NewerSchema {
                    place: place.to_owned(),
                    found: found.version,
                    known: newest_known(),
                });
            }
            Some(step) if step.checksum != found.checksum => {
                return Err(StoreError::OtherWording {
                    place: place.to_owned(),
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
fn from_migrate(place: &str, error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => StoreError::NewerSchema {
            place: place.to_owned(),
            found,
            known: newest_known(),
        },
        MigrateError::VersionMismatch(version) => StoreError::OtherWording {
            place: place.to_owned(),
            version,
        },
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            StoreError::from_sqlx(place, source)
        }
        other => StoreError::from_sqlx(place, sqlx::Error::Migrate(Box::new(other))),
    }
}
