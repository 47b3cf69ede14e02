//! The resources under `/auth`: signing in and out, refreshing, the list of sessions, and administration.
//!
//! A handler gets who asks ([`visitor`]) and what was sent ([`submission`], which also holds the CSRF rules), asks the
//! domain, and answers. There is no other way to the body of an unsafe request than `Submission`.

pub mod submission;
pub mod visitor;

pub mod confirm;
pub mod csrf;
pub mod forgot;
pub mod login;
pub mod logout;
pub mod me;
pub mod password;
pub mod refresh;
pub mod register;
pub mod reset;
pub mod sessions;
pub mod step_up;
pub mod admin;

pub(in crate::http) mod answer;
mod attempt;
mod audience;
mod json_body;
mod mailed;
mod refusal;

use super::problem::ApiError;
use crate::App;

/// What begins or ends with a mail is not there where no mail is configured.
///
/// # Errors
/// [`ApiError::NotFound`].
pub fn demand_mail(app: &App) -> Result<(), ApiError> {
    match app.config.mail {
        Some(_) => Ok(()),
        None => Err(ApiError::NotFound),
    }
}

pub use answer::{SignedInBody, TokenMode, UserView};
