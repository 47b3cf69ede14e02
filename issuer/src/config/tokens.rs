//! How long tokens live, what signs them and how often that changes, and what they permit.

use super::{Audience, RoleScopes};
use crate::signatures::SigningAlgorithm;

/// `[tokens]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What tokens are signed by whose audience names nothing else.
    pub algorithm: SigningAlgorithm,
    /// The audiences that are named, each with its algorithm.
    pub audiences: Vec<Audience>,
    /// The roles that have scopes. The others have none.
    pub roles: Vec<RoleScopes>,
    /// Life of an access token in seconds, as are all that follow.
    pub access_seconds: i64,
    /// A refresh token that is not used for so long has ended.
    pub refresh_idle_seconds: i64,
    /// A session family ends so long after the sign-in, used or not.
    pub refresh_absolute_seconds: i64,
    /// A session cookie that is not used for so long has ended.
    pub session_idle_seconds: i64,
    /// A session cookie ends so long after it was made, used or not.
    pub session_absolute_seconds: i64,
}

/// `[keys]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// So many days a key signs before the next one does; 0 leaves it to the command.
    pub rotation_days: i64,
    /// The same of the secret of CSRF tokens.
    pub csrf_rotation_days: i64,
    /// The same of the secret of the MAC in refresh tokens.
    pub refresh_rotation_days: i64,
}

impl Keys {
    /// The same in seconds; `None` where nothing is done by itself.
    #[must_use]
    pub const fn rotation_seconds(&self) -> Option<i64> {
        in_seconds(self.rotation_days)
    }

    /// The same of the secret of CSRF tokens.
    #[must_use]
    pub const fn csrf_rotation_seconds(&self) -> Option<i64> {
        in_seconds(self.csrf_rotation_days)
    }

    /// The same of the secret of the MAC in refresh tokens.
    #[must_use]
    pub const fn refresh_rotation_seconds(&self) -> Option<i64> {
        in_seconds(self.refresh_rotation_days)
    }
}

const fn in_seconds(days: i64) -> Option<i64> {
    match days {
        0 => None,
        days => Some(days.saturating_mul(24 * 3600)),
    }
}
