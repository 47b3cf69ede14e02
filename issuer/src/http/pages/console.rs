//! The pages of administrators, on which everything works without a script.
//!
//! They show what the resources of [`admin`](crate::http::auth::admin) answer and ask them for what is changed; who may, and
//! after which sign-in, is decided there and nowhere here.

pub mod acts;
pub mod people;
pub mod person;

use edgeward_core::time::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    domain::accounts::Account,
    http::{auth::admin::Administrator, pages::nav::Head, pages::nav::Place, problem::ApiError},
};

/// Where the list is.
const PEOPLE: &str = "/auth/console/users";

/// A moment, for the machine and for the person who reads.
#[derive(Debug, Clone)]
pub struct Told {
    /// RFC 3339, in UTC.
    pub machine: String,
    /// The same without what a machine needs.
    pub person: String,
}

impl Told {
    fn of(moment: UnixTime) -> Result<Self, ApiError> {
        let moment =
            OffsetDateTime::from_unix_timestamp(moment.seconds()).map_err(ApiError::internal)?;
        let (date, (hour, minute, _)) = (moment.date(), moment.to_hms());
        Ok(Self {
            machine: moment.format(&Rfc3339).map_err(ApiError::internal)?,
            person: format!("{date} {hour:02}:{minute:02} UTC"),
        })
    }
}

/// What somebody is called; their address where they gave no name.
fn name_of(account: &Account) -> String {
    let (first, last) = (account.first_name.as_str(), account.last_name.as_str());
    let name = format!("{first} {last}");
    match name.trim() {
        "" => account.email.as_str().to_owned(),
        name => name.to_owned(),
    }
}

fn head(admin: &Administrator) -> Head {
    Head::of_console(name_of(admin.authority.account()), Place::People)
}
