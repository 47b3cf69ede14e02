//! The head of the pages of somebody who is signed in: who they are, and where they can go.

use super::account::name_of;
use crate::domain::accounts::{Account, Role};

/// Where a page is reached from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/account`
    Profile,
    /// [`SESSIONS`]
    Sessions,
    /// [`PEOPLE`]
    People,
}

/// Where the list of one's sessions is.
pub const SESSIONS: &str = "/account/sessions";

/// Where the list of people is.
pub const PEOPLE: &str = "/auth/console/users";

/// A way in the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Where it leads.
    pub href: &'static str,
    /// The id of its text.
    pub text: &'static str,
    /// What it leads to.
    pub place: Place,
}

const TO_PEOPLE: Way = Way {
    href: PEOPLE,
    text: "nav-people",
    place: Place::People,
};

/// In the order that they stand in.
const ACCOUNT: [Way; 2] = [
    Way {
        href: "/account",
        text: "nav-profile",
        place: Place::Profile,
    },
    Way {
        href: SESSIONS,
        text: "nav-sessions",
        place: Place::Sessions,
    },
];

/// Those of administrators.
const CONSOLE: [Way; 2] = [
    TO_PEOPLE,
    Way {
        href: "/account",
        text: "nav-account",
        place: Place::Profile,
    },
];

/// The head of a page. Templates call it `head`.
#[derive(Debug, Clone)]
pub struct Head {
    /// Who is signed in: their name, or their address where they have none.
    pub name: String,
    /// The ways.
    pub ways: Vec<Way>,
    /// Where this page is.
    pub here: Place,
}

impl Head {
    /// The head of a page about one's own account. Who holds the role of administrators finds the way to their pages on it.
    #[must_use]
    pub fn of_account(account: &Account, administrators: &Role, here: Place) -> Self {
        let mut ways = ACCOUNT.to_vec();
        if account.roles.contains(administrators) {
            ways.push(TO_PEOPLE);
        }
        Self {
            name: name_of(account),
            ways,
            here,
        }
    }

    /// The head of a page of administrators.
    #[must_use]
    pub fn of_console(name: String, here: Place) -> Self {
        Self {
            name,
            ways: CONSOLE.to_vec(),
            here,
        }
    }

    /// Whether a way leads to where one is.
    #[must_use]
    pub fn is_here(&self, way: &Way) -> bool {
        way.place == self.here
    }
}
