//! `edgeward keys`: the private keys in the database.

use super::{Outcome, Place, reseal};

/// The subcommands of `keys`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum KeysCommand {
    /// Bring every sealed key under the key-encryption key that seals now. Issuers may serve meanwhile.
    Reseal(reseal::Reseal),
}

pub(super) async fn run(place: &Place, command: KeysCommand) -> Outcome {
    match command {
        KeysCommand::Reseal(reseal) => reseal::run(place, &reseal).await,
    }
}
