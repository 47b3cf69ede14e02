//! The resources under `/auth`: signing in and out, refreshing, and the list of sessions.
//!
//! A handler gets who asks ([`visitor`]) and what was sent ([`submission`], which also holds the CSRF rules), asks the
//! domain, and answers. There is no other way to the body of an unsafe request than `Submission`.

pub mod submission;
pub mod visitor;

pub mod csrf;
pub mod login;
pub mod logout;
pub mod me;
pub mod password;
pub mod refresh;
pub mod register;
pub mod sessions;
pub mod step_up;

mod answer;
mod refusal;

pub use answer::{SignedInBody, TokenMode, UserView};
