//! `edgeward audit`: the audit log, for the operator.

use super::{Answer, Outcome, Place, print};
use crate::{open_existing_store, store::audit::ChainVerdict};

/// The subcommands of `audit`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AuditCommand {
    /// Walk the whole log and say whether each entry is what was written: how many there are and the hash of the last, to
    /// be kept where whoever writes to the database cannot, or the first that is not. Exit code 1: there is one.
    Verify,
}

pub(super) async fn run(place: &Place, command: AuditCommand) -> Outcome {
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let answer = match command {
        AuditCommand::Verify => store.verify_audit_chain().await,
    };
    store.close().await;
    match answer? {
        ChainVerdict::Whole(walk) => {
            let head: String = walk
                .head()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            print(&format!(
                "the audit log is whole: {} entries, the last is {head}",
                walk.entries()
            ))?;
            Ok(Answer::Yes)
        }
        ChainVerdict::Broken(broken) => {
            print(&format!("the audit log is broken: {broken}"))?;
            Ok(Answer::No)
        }
    }
}
