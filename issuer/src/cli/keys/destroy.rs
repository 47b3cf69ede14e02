//! `edgeward keys destroy`: keys that have ended are destroyed where they are held.

use super::refuse;
use crate::{
    cli::{Answer, Outcome, Place, print},
    clock::Clock,
    custody::{Destroyed, Secrets},
    domain::{
        custody_log,
        keyring::{
            SigningKeys,
            destroy::{self, due},
        },
    },
    open_existing_store,
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
    let now = Clock.now();
    let store = open_existing_store(&config).await?;
    let stored = store.signing_keys().await?;
    let due = match due(&stored, command.kid.as_deref(), now) {
        Ok(due) => due,
        Err(why) => return refuse(&why),
    };
    if due.is_empty() {
        print("there is nothing to destroy")?;
        store.close().await;
        return Ok(Answer::Yes);
    }
    let secrets = Secrets::open_configured(&config)?;
    let done = destroy::destroy(&store, &secrets, &due, now).await;
    let noted = custody_log::drain(&store, &secrets).await;
    store.close().await;
    let mut answer = Answer::Yes;
    for destroy::Outcome {
        key_id,
        reference,
        done,
    } in done?
    {
        match done {
            Ok(Destroyed::Now) => print(&format!("{key_id}: destroyed at {reference}"))?,
            Ok(Destroyed::WasGone) => print(&format!("{key_id}: was gone from {reference}"))?,
            Err(why) => {
                answer = Answer::No;
                print(&format!("{key_id}: is left at {reference}: {why}"))?;
            }
        }
    }
    noted?;
    Ok(answer)
}
