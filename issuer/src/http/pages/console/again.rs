//! The form of a person's roles once more, where their page cannot be shown: behind the question for the password, and where nothing
//! more is asked of the database for the moment. All that is on it was sent, and nothing is looked up.

use askama::Template;

use super::person::path_of;
use crate::{
    domain::accounts::UserId,
    http::pages::{Frame, Page, Wrong, form_pages, resend::Resend},
};

/// The roles as they were chosen, to be looked at, changed and saved.
#[derive(Template)]
#[template(path = "console_roles.html")]
pub struct RolesAgainPage {
    frame: Frame,
    csrf_token: String,
    /// Where the person's page is.
    path: String,
    person: String,
    roles: String,
    version: String,
    /// Why they are not saved.
    pub error: Option<Wrong>,
}

form_pages!(RolesAgainPage);

impl RolesAgainPage {
    /// The page of what was sent.
    #[must_use]
    pub fn of(frame: Frame, csrf_token: String, user: UserId, sent: &Resend) -> Self {
        Self {
            frame,
            csrf_token,
            path: path_of(&user.to_string()),
            person: sent.value("person").to_owned(),
            roles: sent.value("roles").to_owned(),
            version: sent.value("version").to_owned(),
            error: None,
        }
    }
}
