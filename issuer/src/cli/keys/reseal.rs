//! `edgeward keys reseal`: private keys move under another key-encryption key.

use crate::{
    chores::accesses,
    cli::{Answer, Outcome, Place, print},
    clock::Clock,
    custody::Secrets,
    domain::reseal::{self, Resealed, Which},
    open_existing_store,
};

/// The options of `keys reseal`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Reseal {
    /// Those too that are under it already: under its newest version, where it has versions.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(place: &Place, command: &Reseal) -> Outcome {
    let which = if command.all {
        Which::All
    } else {
        Which::Elsewhere
    };
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let secrets = Secrets::open_configured(&config)?;
    let done = reseal::reseal(&store, &secrets, which, Clock.now()).await;
    let noted = accesses::drain(&store, &secrets).await;
    store.close().await;
    let answer = tell(&done?)?;
    noted?;
    Ok(answer)
}

fn tell(done: &Resealed) -> Outcome {
    for (key_id, before) in &done.moved {
        let before = before.as_deref().unwrap_or("an unnamed key");
        print(&format!("{key_id}: {before} -> {}", done.under))?;
    }
    for key_id in &done.changed_meanwhile {
        print(&format!("{key_id}: was changed meanwhile, run this again"))?;
    }
    for (key_id, why) in &done.left {
        print(&format!(
            "{key_id}: has ended where it is held, and is left as it is: {why}"
        ))?;
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
