//! `edgeward edge`: who may speak for clients.

use super::{Answer, Failure, Outcome, Place, print};
use crate::{
    clock::Clock,
    domain::edges::{self, EdgeName, Edges, EnrollError},
    open_existing_store, open_store,
};

/// The subcommands of `edge`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum EdgeCommand {
    /// Make a key for an edge and print its secret EDGE_KEY, once and only here.
    Enroll {
        /// 1 to 32 of a-z, 0-9 and -
        name: String,
    },
    /// List the edges.
    List,
    /// Refuse an edge from now on.
    Revoke {
        /// The name it was enrolled under.
        name: String,
    },
}

pub(super) async fn run(place: &Place, command: EdgeCommand) -> Outcome {
    let config = place.configure()?;
    let now = Clock.now();
    match command {
        EdgeCommand::Enroll { name } => {
            let name = EdgeName::parse(&name)?;
            let store = open_store(&config).await?;
            match edges::enroll(&store, name, now).await {
                Ok(secret) => print(&secret)?,
                Err(error @ EnrollError::NameInUse(_)) => return refuse(&error),
                Err(error) => return Err(error.into()),
            }
            store.close().await;
        }
        EdgeCommand::List => {
            let store = open_existing_store(&config).await?;
            for edge in store.edges().await? {
                let state = if edge.revoked_at.is_some() {
                    "revoked"
                } else {
                    "enrolled"
                };
                print(&format!("{:<32} {state:<8} {}", edge.name, edge.key_id))?;
            }
            store.close().await;
        }
        EdgeCommand::Revoke { name } => {
            let name = EdgeName::parse(&name)?;
            let store = open_existing_store(&config).await?;
            let revoked = edges::revoke(&store, &name, now).await?;
            store.close().await;
            if !revoked {
                return refuse(&format!("no enrolled edge is named {name}"));
            }
        }
    }
    Ok(Answer::Yes)
}

fn refuse(why: &dyn std::fmt::Display) -> Outcome {
    use std::io::Write;
    writeln!(std::io::stderr(), "edgeward: {why}").map_err(Failure::from)?;
    Ok(Answer::No)
}
