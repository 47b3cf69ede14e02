//! `edgeward keys`: the private keys in the database.

use super::{Answer, Outcome, Place, print};
use crate::{
    clock::Clock,
    custody::Secrets,
    domain::reseal::{self, Resealed},
    open_existing_store,
};

/// The subcommands of `keys`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum KeysCommand {
    /// Bring every sealed key under the key-encryption key that seals now. Issuers may serve meanwhile.
    Reseal,
}

pub(super) async fn run(place: &Place, command: KeysCommand) -> Outcome {
    match command {
        KeysCommand::Reseal => reseal(place).await,
    }
}

async fn reseal(place: &Place) -> Outcome {
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let secrets = Secrets::open_configured(&config)?;
    let done = reseal::reseal(&store, &secrets, Clock.now()).await;
    store.close().await;
    tell(&done?)
}

fn tell(done: &Resealed) -> Outcome {
    for (key_id, before) in &done.moved {
        let before = before.as_deref().unwrap_or("an unnamed key");
        print(&format!("{key_id}: {before} -> {}", done.under))?;
    }
    for key_id in &done.changed_meanwhile {
        print(&format!("{key_id}: was changed meanwhile, run this again"))?;
    }
    let (moved, were_there) = (done.moved.len(), done.were_there);
    print(&format!(
        "{moved} re-sealed, {were_there} already under {}",
        done.under
    ))?;
    if done.changed_meanwhile.is_empty() {
        Ok(Answer::Yes)
    } else {
        Ok(Answer::No)
    }
}
