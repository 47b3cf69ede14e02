//! The pages of administrators, on which everything works without a script.
//!
//! They show what the resources of [`admin`](crate::http::auth::admin) answer and ask them for what is changed; who may, and
//! after which sign-in, is decided there and nowhere here.

pub mod acts;
pub mod again;
pub mod people;
pub mod person;

use super::{
    account::name_of,
    nav::{Head, PEOPLE, Place},
};
use crate::http::auth::admin::Administrator;

fn head(admin: &Administrator) -> Head {
    Head::of_console(name_of(admin.authority.account()), Place::People)
}
