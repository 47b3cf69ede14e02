//! `edgeward migrate`: the schema of the database, step by step.

use super::{Answer, Outcome, Place, print};
use crate::store::{Store, migrations::MigrationStatus};

/// The subcommands of `migrate`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Migrate {
    /// Apply every pending step.
    Up,
    /// Undo the last step, or all after a given one. What the undone tables held is lost.
    Down {
        /// The last step to keep; 0 undoes all.
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
    },
    /// Show every step.
    Status,
}

pub(super) async fn run(place: &Place, migrate: Migrate) -> Outcome {
    let config = place.configure()?;
    let store = Store::open(&config.store.path).await?;
    match migrate {
        Migrate::Up => show("applied", &store.migrate_up().await?)?,
        Migrate::Down { to } => {
            let target = match to {
                Some(version) => version,
                None => before_the_last(&store.migration_status().await?),
            };
            show("undone", &store.migrate_down(target).await?)?;
        }
        Migrate::Status => {
            for step in store.migration_status().await? {
                let state = if step.applied { "applied" } else { "pending" };
                print(&format!("{:>3} {:<16} {state}", step.version, step.name))?;
            }
        }
    }
    store.close().await;
    Ok(Answer::Yes)
}

fn before_the_last(steps: &[MigrationStatus]) -> i64 {
    let mut applied = steps.iter().rev().filter(|step| step.applied);
    applied.next();
    applied.next().map_or(0, |step| step.version)
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
