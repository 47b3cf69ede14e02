//! `edgeward migrate`: the schema of the database, step by step.

use std::path::{Path, PathBuf};

use super::{Answer, Failure, Outcome, Place, print};
use crate::{
    clock::Clock,
    config::{Config, Database},
    connect_store,
    domain::events,
    require_database,
    store::{
        Store,
        audit::ChainVerdict,
        backfill::{Batch, Progress},
        copy::Copied,
        migrations::MigrationStatus,
    },
};

/// The subcommands of `migrate`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Migrate {
    /// Apply every pending step, then fill what older rows lack.
    Up,
    /// Undo the last step, or all after a given one. What the undone tables held is lost, so it asks for --yes.
    Down {
        /// The last step to keep; 0 undoes all.
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
        /// Undo them; without it the command only says which steps it would undo.
        #[arg(long)]
        yes: bool,
    },
    /// Show every step, and how far older rows are filled.
    Status,
    /// Copy a SQLite file into the PostgreSQL server of the configuration, whose tables must be empty. All or nothing; the
    /// file stays as it is.
    Copy {
        /// The SQLite file, with its schema up to date and no issuer running on it.
        file: PathBuf,
    },
}

pub(super) async fn run(place: &Place, migrate: Migrate) -> Outcome {
    let config = place.configure()?;
    // Opening makes a missing file, which is most likely a forgotten --data.
    match &migrate {
        Migrate::Down { .. } | Migrate::Status => require_database(&config)?,
        Migrate::Up | Migrate::Copy { .. } => {}
    }
    let store = connect_store(&config).await?;
    match migrate {
        Migrate::Up => up(&store, &config).await?,
        Migrate::Down { to, yes } => {
            let steps = store.migration_status().await?;
            let target = to.unwrap_or_else(|| before_the_last(&steps));
            if !yes {
                return refuse_down(&steps, target, &store, &config);
            }
            show("undone", &store.migrate_down(target).await?)?;
        }
        Migrate::Copy { file } => copy(&file, &store).await?,
        Migrate::Status => {
            for step in store.migration_status().await? {
                let state = if step.applied { "applied" } else { "pending" };
                print(&format!("{:>3} {:<16} {state}", step.version, step.name))?;
            }
            for progress in store.backfills().await? {
                print(&backfill_line(&progress))?;
            }
        }
    }
    store.close().await;
    Ok(Answer::Yes)
}

/// The steps, and then, batch by batch, what they left to do. Whoever is stopped in between goes on with the same command.
async fn up(store: &Store, config: &Config) -> Result<(), Failure> {
    let steps = store.migrate_up().await?;
    let now = Clock.now();
    let since = events::kept_since(now, config.events.retention_days);
    let mut filled = Vec::new();
    while let Batch::Done(progress) = store.fill_back(now, since).await? {
        if progress.finished && progress.filled > 0 {
            filled.push(progress);
        }
    }
    if !steps.is_empty() || filled.is_empty() {
        show("applied", &steps)?;
    }
    for progress in &filled {
        print(&backfill_line(progress))?;
    }
    Ok(())
}

fn backfill_line(progress: &Progress) -> String {
    let state = if progress.finished {
        "done".to_owned()
    } else {
        format!("at {} of {}", progress.position, progress.until)
    };
    let (name, filled) = (progress.backfill.name(), progress.filled);
    format!("    back-fill {name:<6} {state}, {filled} rows filled")
}

async fn copy(path: &Path, server: &Store) -> Result<(), Failure> {
    // Opening would make it.
    if !path.exists() {
        return Err(Failure(format!(
            "{}: there is no such file",
            path.display()
        )));
    }
    let file = Store::open(path).await?;
    server.migrate_up().await?;
    for Copied { table, rows } in server.copy_from(&file).await? {
        print(&format!("{table:<20} {rows} rows copied"))?;
    }
    file.close().await;
    match server.verify_audit_chain().await? {
        ChainVerdict::Whole(walk) => print(&format!(
            "the audit log is whole: {} entries",
            walk.entries()
        ))?,
        ChainVerdict::Broken(broken) => {
            return Err(Failure(format!(
                "the audit log was copied as it is, and it is broken: {broken:?}"
            )));
        }
    }
    Ok(())
}

fn before_the_last(steps: &[MigrationStatus]) -> i64 {
    let mut applied = steps.iter().rev().filter(|step| step.applied);
    applied.next();
    applied.next().map_or(0, |step| step.version)
}

/// Says what would be lost. Exit code 1: the command understood, and did nothing.
fn refuse_down(steps: &[MigrationStatus], target: i64, store: &Store, config: &Config) -> Outcome {
    let undone: Vec<MigrationStatus> = steps
        .iter()
        .rev()
        .filter(|step| step.applied && step.version > target)
        .copied()
        .collect();
    show("would be undone", &undone)?;
    if !undone.is_empty() {
        let copy = match &config.store.database {
            Database::File(_) => "copy the data folder",
            Database::Server(_) => "dump the database",
        };
        print(&format!(
            "{} is as it was. Undoing a step drops its tables with all they hold: {copy}, then add --yes.",
            store.place()
        ))?;
    }
    Ok(Answer::No)
}

fn show(what: &str, steps: &[MigrationStatus]) -> std::io::Result<()> {
    if steps.is_empty() {
        return print("nothing to do");
    }
    for step in steps {
        print(&format!("{:>3} {:<16} {what}", step.version, step.name))?;
    }
    Ok(())
}
