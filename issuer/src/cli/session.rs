//! `edgeward session`: the sessions of users, for the operator.

use edgeward_core::time::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Answer, Failure, Outcome, Place, print, user};
use crate::{
    clock::Clock,
    domain::{
        accounts::{Email, UserId},
        administration::{self, Mandate},
        revocations::revoke_person,
        session::{AddressRange, ListedFamily, Sid},
        storage::Storage,
    },
    open_existing_store,
    store::Store,
};

/// The subcommands of `session`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SessionCommand {
    /// List the live sessions of a user, the newest first: id, begin, last activity, address range, device; with tabs between.
    List(List),
    /// End one session, or all of a user.
    Revoke(Revoke),
}

/// The options of `session list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// The address that signs in.
    email: String,
}

/// The options of `session revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// The session, as `session list` names it.
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    id: Option<String>,
    /// End all sessions of this address, and refuse every access token that was issued to it up to now.
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
}

pub(super) async fn run(place: &Place, command: SessionCommand) -> Outcome {
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let now = Clock.now();
    let outcome = match command {
        SessionCommand::List(List { email }) => list(&store, &email, now).await,
        SessionCommand::Revoke(Revoke { id, user }) => match (id, user) {
            (Some(id), _) => revoke(&store, &id, now).await,
            (None, Some(email)) => revoke_all(&store, &email, now).await,
            (None, None) => Err(Failure("name a session or --user".to_owned())),
        },
    };
    store.close().await;
    outcome
}

async fn user_of(store: &Store, email: &str) -> Result<Option<UserId>, Failure> {
    let stored = store.account_by_email(&Email::parse(email)?).await?;
    Ok(stored.map(|stored| stored.account.id))
}

async fn list(store: &Store, email: &str, now: UnixTime) -> Outcome {
    let Some(user) = user_of(store, email).await? else {
        return user::not_found();
    };
    for listed in store.live_families(user, now).await? {
        print(&line(&listed)?)?;
    }
    Ok(Answer::Yes)
}

fn line(listed: &ListedFamily) -> Result<String, Failure> {
    let moment = |time: UnixTime| -> Result<String, Failure> {
        Ok(OffsetDateTime::from_unix_timestamp(time.seconds())?.format(&Rfc3339)?)
    };
    let family = &listed.family;
    let address = family.address.as_ref().map_or("-", AddressRange::as_str);
    let (begun, used) = (
        moment(family.created_at)?,
        moment(listed.last_activity_at())?,
    );
    let (sid, device) = (family.sid, &family.device_name);
    Ok(format!("{sid}\t{begun}\t{used}\t{address}\t{device}"))
}

async fn revoke(store: &Store, id: &str, now: UnixTime) -> Outcome {
    let ended = match Sid::parse(id) {
        Some(sid) => administration::end_session(store, &Mandate::operator(now), None, sid).await?,
        None => false,
    };
    if !ended {
        user::eprint("there is no such live session")?;
        return Ok(Answer::No);
    }
    Ok(Answer::Yes)
}

async fn revoke_all(store: &Store, email: &str, now: UnixTime) -> Outcome {
    let Some(user) = user_of(store, email).await? else {
        return user::not_found();
    };
    let ended = revoke_person(store, &Mandate::operator(now), user).await?;
    print(&format!("sessions ended: {ended}"))?;
    Ok(Answer::Yes)
}
