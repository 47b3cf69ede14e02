//! Administration: who may ask, and what the resources and the console have in common.
//!
//! The order is the same everywhere: from where is asked, the rules against forgery, who is signed in, the role in the
//! database, for a change a recent sign-in, and only then what the request names. So whoever is no administrator learns
//! nothing of whom there is.

pub mod acts;
pub mod addresses;
pub mod roles;
pub mod users;

use std::sync::PoisonError;

use crate::{
    App,
    domain::{
        accounts::UserId,
        administration::{self, Authority, Mandate, Noted},
        audit::{Action, Actor, AuditEntry},
        session::Sid,
        storage::Storage,
    },
    http::{
        auth::visitor::{Strength, Visitor},
        problem::ApiError,
    },
};

/// An administrator who asks.
#[derive(Debug)]
pub struct Administrator {
    /// What they may.
    pub authority: Authority,
    /// Through which session.
    pub sid: Sid,
}

/// Demands that an administrator asks, and writes down whoever is none, now and then. A doubtful session is not enough to look either.
///
/// # Errors
/// As [`Visitor::principal`]; [`ApiError::InsufficientRole`], [`ApiError::RateLimited`].
pub async fn administrator(
    app: &App,
    visitor: &Visitor,
    act: Action,
    about: Option<UserId>,
) -> Result<Administrator, ApiError> {
    let principal = visitor.principal(app, Strength::Undoubted).await?;
    let sid = principal.family.sid;
    app.limits.read(visitor.caller.address, Some(sid)).await?;
    let role = &app.config.admin.role;
    match administration::authorise(&app.store, &principal.family, role).await? {
        Some(authority) => Ok(Administrator { authority, sid }),
        None => {
            let now = visitor.caller.now;
            let noted = app
                .turned_away
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .judge(principal.user, act, now);
            if let Noted::Write { left_out } = noted {
                let (actor, origin) = (Actor::User(principal.user), visitor.origin());
                let mut refused =
                    AuditEntry::refused(act, "insufficient-role", actor, now, &origin);
                refused = refused.in_session(sid);
                if let Some(user) = about {
                    refused = refused.about("user", user);
                }
                if left_out > 0 {
                    refused = refused.with("leftOut", left_out);
                }
                app.store.record(&refused).await?;
            }
            Err(ApiError::InsufficientRole)
        }
    }
}

impl Administrator {
    /// Demands a recent sign-in, for a change.
    ///
    /// # Errors
    /// [`ApiError::RecentSignInRequired`].
    pub fn mandate(&self, app: &App, visitor: &Visitor) -> Result<Mandate, ApiError> {
        let (max_age, now) = (app.config.admin.max_age_seconds, visitor.caller.now);
        let authority = self.authority.clone();
        Ok(authority.mandate(max_age, now, &visitor.origin())?)
    }

    /// Whether the ends of these sessions are the end of the one that asks.
    #[must_use]
    pub fn is_ended_with_all_of(&self, user: UserId) -> bool {
        self.authority.user() == user
    }
}

/// The user of a path. What cannot be read names nobody.
///
/// # Errors
/// [`ApiError::NotFound`].
pub fn named(user: Option<UserId>) -> Result<UserId, ApiError> {
    user.ok_or(ApiError::NotFound)
}
