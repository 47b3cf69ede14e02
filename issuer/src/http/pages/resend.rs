//! A form that waits behind the question for the password, and the page that offers it again.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    Frame, Page,
    account::{END, END_ALL, end_page},
    console::{again::RolesAgainPage, person::path_of},
    form_pages, render,
};
use crate::{
    domain::accounts::UserId,
    http::{auth::submission::FormFields, problem::ApiError},
};

/// A form that somebody sent and that was refused until they have confirmed their identity. It stays with the browser: the page that
/// asks for the password carries it, and the page behind that offers it again. The issuer keeps nothing of it, and nothing is sent
/// without the person, so whoever brings in a form of their own gets no further than to a button that says what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// Which form.
    pub form: Carried,
    /// Its fields, without the token and without passwords.
    pub fields: Vec<(String, String)>,
}

const END_ALL_FORM: &str = "/auth/logout-all";

/// Below the page of a person.
const ROLES_FORM: &str = "/roles";

/// The forms that are carried. Two end sessions and do nothing else. The third gives roles, so what it carries is shown to be read and
/// changed before its button is pressed; and it is carried only where its token was good, so it is no stranger's to prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// One session of the person.
    EndSession,
    /// All of them, or all others.
    EndAll,
    /// The roles of a person.
    Roles(UserId),
}

impl Carried {
    /// Where it is sent.
    #[must_use]
    pub fn action(self) -> String {
        match self {
            Self::EndSession => END.to_owned(),
            Self::EndAll => END_ALL_FORM.to_owned(),
            Self::Roles(user) => format!("{}{ROLES_FORM}", path_of(&user.to_string())),
        }
    }

    /// The text of its button.
    #[must_use]
    pub const fn button(self) -> &'static str {
        match self {
            Self::EndSession => "resend-end-session",
            Self::EndAll => "resend-end-all",
            Self::Roles(_) => "person-roles-save",
        }
    }

    /// The form that is sent to this path.
    #[must_use]
    pub fn to(path: &str) -> Option<Self> {
        match path {
            END => Some(Self::EndSession),
            END_ALL_FORM => Some(Self::EndAll),
            _ => {
                let (person, "") = path.split_once(ROLES_FORM)? else {
                    return None;
                };
                let (_, id) = person.rsplit_once('/')?;
                let form = Self::Roles(UserId::parse(id)?);
                (form.action() == path).then_some(form)
            }
        }
    }
}

/// The most fields that are carried, and the most bytes: forms of ours have a dozen short ones.
const RESENT_FIELDS_MAX: usize = 32;
const RESENT_BYTES_MAX: usize = 16 * 1024;

/// The field that says where the carried form goes.
const RESEND_TO: &str = "resendTo";

/// What the names of the carried fields begin with.
const RESEND_PREFIX: &str = "resend.";

impl Resend {
    /// The form that a question for the password carried.
    #[must_use]
    pub fn from_form(form: &FormFields) -> Option<Self> {
        let carried = Carried::to(&form.get(RESEND_TO))?;
        let fields = form
            .all()
            .filter_map(|(name, value)| Some((name.strip_prefix(RESEND_PREFIX)?, value)))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self::of(carried, fields)
    }

    /// `None` where there is too much of it, or nothing.
    #[must_use]
    pub fn of(form: Carried, fields: Vec<(String, String)>) -> Option<Self> {
        let bytes: usize = fields
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.len()))
            .sum();
        let fits =
            !fields.is_empty() && fields.len() <= RESENT_FIELDS_MAX && bytes <= RESENT_BYTES_MAX;
        fits.then_some(Self { form, fields })
    }

    /// The page of the form.
    #[must_use]
    pub fn page(&self) -> String {
        match self.form {
            Carried::EndSession => end_page(self.value("id")),
            Carried::EndAll => END_ALL.to_owned(),
            Carried::Roles(user) => path_of(&user.to_string()),
        }
    }

    /// The offer to send it again, after the identity was confirmed.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub fn offer(&self, frame: &Frame, csrf_token: String) -> Result<Response, ApiError> {
        let (frame, resend) = (frame.clone(), self.clone());
        match self.form {
            Carried::EndSession | Carried::EndAll => {
                let page = ResendPage {
                    frame,
                    csrf_token,
                    resend,
                };
                render(StatusCode::OK, &page)
            }
            Carried::Roles(user) => {
                let page = RolesAgainPage::of(frame, csrf_token, user, self);
                render(StatusCode::OK, &page)
            }
        }
    }

    /// The value of a field; an absent one is empty.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// The offer to send a form again after the identity was confirmed.
#[derive(Template)]
#[template(path = "resend.html")]
pub struct ResendPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field, of the new session.
    pub csrf_token: String,
    /// The form.
    pub resend: Resend,
}

form_pages!(ResendPage);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_are_carried_and_no_other() {
        let roles = "/auth/console/users/01a1fee9-0000-7000-8000-000000000000/roles";
        for path in ["/account/sessions/end", "/auth/logout-all", roles] {
            let form = Carried::to(path).map(Carried::action);
            assert_eq!(form.as_deref(), Some(path));
        }
        for path in [
            "",
            "/",
            "/roles",
            "/auth/console/users/roles",
            "/auth/console/users/somebody/roles",
            "/auth/admin/users/01a1fee9-0000-7000-8000-000000000000/roles",
            "//evil.example/01a1fee9-0000-7000-8000-000000000000/roles",
            "/auth/console/users/01a1fee9-0000-7000-8000-000000000000/roles/",
            "/auth/console/users/01a1fee9-0000-7000-8000-000000000000/roles/roles",
            "/auth/console/users/01a1fee9-0000-7000-8000-000000000000/sessions",
        ] {
            assert_eq!(Carried::to(path), None, "{path}");
        }
    }
}
