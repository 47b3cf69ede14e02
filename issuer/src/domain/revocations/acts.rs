//! What an operator revokes beyond sessions: all that was issued to a person up to now, and one access token.
//!
//! Who signs out, changes a password or gets another role has sessions that the database knows, and each is ended by its `sid`:
//! that holds whatever the clocks say, and who signs in again in the same second gets in. An operator who revokes a person wants
//! more: also what no session in the database stands for, as after a database was restored from an older copy. So besides the
//! sessions their `sub` is revoked, with the moment: tokens that were issued up to that second are refused.

use std::{fmt, future::Future};

use edgeward_core::{time::UnixTime, token::Verified};

use crate::domain::{
    accounts::UserId,
    administration::Mandate,
    audit::{Action, Actor, AuditEntry, Origin},
    session::Sid,
    storage::StorageError,
};

/// The longest `jti` that is kept; ours have 36 letters.
const TOKEN_ID_MAX: usize = 128;

/// The `jti` of an access token, as a line of the feed can hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenId(String);

impl TokenId {
    /// Takes a claim: a word of at most 128 letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = (1..=TOKEN_ID_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_word.then(|| Self(text.to_owned()))
    }

    /// As the token has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What revoking by hand needs of a store.
pub trait Revoking {
    /// Ends all live families of a user, and revokes what was issued to them up to `now`, known here or not. Answers how many
    /// families there were.
    fn revoke_subject(
        &self,
        user: UserId,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Revokes one token. Its session goes on.
    fn revoke_token(
        &self,
        id: &TokenId,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Whether the token with this `jti` was revoked and may be unexpired.
    fn is_token_revoked(&self, id: &str)
    -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// Ends all sessions of a person, and refuses every access token that was issued to them up to the moment of the act. Answers how
/// many sessions there were.
///
/// # Errors
/// When the database fails; nothing was done then.
pub async fn revoke_person(
    storage: &impl Revoking,
    mandate: &Mandate,
    user: UserId,
) -> Result<u64, StorageError> {
    let now = mandate.now();
    let entry = mandate.done(Action::RevokeAllSessions, user);
    let entry = entry.with("tokensUntil", now);
    storage.revoke_subject(user, now, &entry).await
}

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum NotRevoked {
    /// Nothing in the feed could name it.
    #[error("it has no jti")]
    NoId,
    /// Somebody did it before.
    #[error("it is revoked")]
    Already,
    /// The database failed; nothing was done.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Refuses one access token from now on, and answers by which id. Only what verifies is revoked: of anything else it is not known
/// whose it is, and nobody believes it anyway.
///
/// # Errors
/// [`NotRevoked`].
pub async fn revoke_token(
    storage: &impl Revoking,
    verified: &Verified,
    now: UnixTime,
) -> Result<TokenId, NotRevoked> {
    let claims = verified.claims();
    let id = claims.token_id().and_then(TokenId::parse);
    let id = id.ok_or(NotRevoked::NoId)?;
    if storage.is_token_revoked(id.as_str()).await? {
        return Err(NotRevoked::Already);
    }
    let origin = Origin::default();
    let mut entry = AuditEntry::done(Action::RevokeToken, Actor::Operator, now, &origin);
    entry = entry.with("jti", &id);
    if let Some(user) = claims.subject().and_then(UserId::parse) {
        entry = entry.about("user", user);
    }
    if let Some(sid) = claims.session_id().and_then(Sid::parse) {
        entry = entry.in_session(sid);
    }
    storage.revoke_token(&id, now, &entry).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_token_is_one_word() {
        for (text, is_one) in [
            ("01a1fee9-0000-7000-8000-000000000000", true),
            ("t-1", true),
            (&*"a".repeat(128), true),
            (&*"a".repeat(129), false),
            ("", false),
            ("a b", false),
            ("a\nsid x", false),
            ("é", false),
        ] {
            assert_eq!(TokenId::parse(text).is_some(), is_one, "{text}");
        }
    }
}
