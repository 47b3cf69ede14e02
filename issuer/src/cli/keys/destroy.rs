//! `edgeward keys destroy`: keys that have ended are destroyed where they are held.

use super::refuse;
use crate::{
    cli::{Answer, Outcome, Place, print},
    clock::Clock,
    config::Config,
    custody::{Destroyed, Secrets},
    domain::{
        custody_log,
        keyring::{
            SigningKeys,
            destroy::{self, Done, Noted, due},
        },
    },
    open_existing_store,
    store::Store,
};

/// The options of `keys destroy`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Destroy {
    /// The id of one key that has ended, whenever that was; without it, all that ended a week ago or earlier.
    // One id in sixty-four begins like an option.
    #[arg(allow_hyphen_values = true)]
    kid: Option<String>,
}

pub(super) async fn run(place: &Place, command: &Destroy) -> Outcome {
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let answer = run_on(&store, &config, command).await;
    store.close().await;
    answer
}

async fn run_on(store: &Store, config: &Config, command: &Destroy) -> Outcome {
    let now = Clock.now();
    let stored = store.signing_keys().await?;
    let due = match due(&stored, command.kid.as_deref(), now) {
        Ok(due) => due,
        Err(why) => return refuse(&why),
    };
    if due.is_empty() {
        print("there is nothing to destroy")?;
        return Ok(Answer::Yes);
    }
    let secrets = Secrets::open_configured(config)?;
    let outcomes = destroy::destroy(store, &secrets, &due, now).await;
    let noted = custody_log::drain(store, &secrets).await;
    let left = due.len() - outcomes.len();
    let mut answer = Answer::Yes;
    let mut failed = None;
    for outcome in outcomes {
        let destroy::Outcome {
            key_id,
            reference,
            done,
        } = outcome;
        match done {
            Ok(Done { found, noted }) => {
                let found = match found {
                    Destroyed::Now => "destroyed at",
                    Destroyed::WasGone => "was gone from",
                };
                let but = match noted {
                    Noted::Now => "",
                    Noted::ChangedMeanwhile => {
                        answer = Answer::No;
                        ", and its row was changed meanwhile: look at `edgeward keys list`"
                    }
                    Noted::Failed(error) => {
                        failed = Some(error);
                        ", which the database does not say yet: run this again"
                    }
                };
                print(&format!("{key_id}: {found} {reference}{but}"))?;
            }
            Err(why) => {
                answer = Answer::No;
                print(&format!("{key_id}: is left at {reference}: {why}"))?;
            }
        }
    }
    if left > 0 {
        print(&format!("{left} more were not tried"))?;
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    noted?;
    Ok(answer)
}
