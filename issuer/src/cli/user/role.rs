//! `edgeward user role`: what a user may do.

use super::super::{Answer, Outcome, Place, print};
use super::{eprint, not_found};
use crate::{
    clock::Clock,
    domain::{
        accounts::{Email, Role},
        administration::Mandate,
        roles::{self, Direction, RoleError},
    },
    open_existing_store,
};

/// The subcommands of `user role`.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum RoleCommand {
    /// Give a role. Ends all sessions of the user, so that no token lacks it.
    Add(Named),
    /// Take a role. Ends all sessions of the user, so that no token keeps it.
    Remove(Named),
}

/// Whose role, and which.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Named {
    /// The address that signs in.
    email: String,
    /// The role.
    role: String,
}

pub(super) async fn run(place: &Place, command: RoleCommand) -> Outcome {
    let (Named { email, role }, direction) = match command {
        RoleCommand::Add(named) => (named, Direction::Give),
        RoleCommand::Remove(named) => (named, Direction::Take),
    };
    let config = place.configure()?;
    let (email, role) = (Email::parse(&email)?, Role::parse(&role)?);
    let store = open_existing_store(&config).await?;
    let mandate = Mandate::operator(Clock.now());
    let changed = roles::change_role(&store, &mandate, &email, role, direction).await;
    store.close().await;
    match changed {
        Ok(Some(ended)) => {
            print(&format!("sessions ended: {ended}"))?;
            Ok(Answer::Yes)
        }
        Ok(None) => {
            let said = match direction {
                Direction::Give => "the user has this role already",
                Direction::Take => "the user does not have this role",
            };
            eprint(said)?;
            Ok(Answer::No)
        }
        Err(RoleError::NoAccount) => not_found(),
        Err(
            error @ (RoleError::Unfit(_)
            | RoleError::Moved
            | RoleError::NotHeld
            | RoleError::LastHolder
            | RoleError::Storage(_)),
        ) => Err(error.into()),
    }
}
