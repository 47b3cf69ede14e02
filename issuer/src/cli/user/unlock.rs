//! `edgeward user unlock`: the end of a lock before its time.

use super::super::{Answer, Outcome, Place};
use super::{eprint, not_found};
use crate::{
    clock::Clock,
    custody::Secrets,
    domain::{
        accounts::Email,
        administration::{self, Mandate},
        lockout::LockoutKey,
        storage::Storage,
    },
    open_existing_store,
};

/// The options of `user unlock`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Unlock {
    /// The address that signs in.
    email: String,
}

pub(super) async fn run(place: &Place, unlock: Unlock) -> Outcome {
    let config = place.configure()?;
    let email = Email::parse(&unlock.email)?;
    let store = open_existing_store(&config).await?;
    let secrets = Secrets::open_configured(&config)?;
    let key = LockoutKey::from_bytes(&secrets.lockout_secret());
    let Some(stored) = store.account_by_email(&email).await? else {
        store.close().await;
        return not_found();
    };
    let mandate = Mandate::operator(Clock.now());
    let unlocked = administration::unlock(&store, &key, &mandate, &stored.account).await;
    store.close().await;
    if unlocked? {
        Ok(Answer::Yes)
    } else {
        eprint("no failures are counted at this account; a wait of its name has ended")?;
        Ok(Answer::No)
    }
}
