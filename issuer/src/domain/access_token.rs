//! The claims of an access token (RFC 9068) and their signing.
//!
//! Everything in a token comes from the database, the session and the settings; nothing comes from a request.

use std::fmt;

use edgeward_core::{time::UnixTime, token::TokenType};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    accounts::{Account, Role},
    keyring::Signer,
    session::{self, NoRandomness, Sid},
};
use crate::{config::Config, custody::SignTokenError};

/// Whom and what a token is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The user with their present roles.
    pub account: &'a Account,
    /// The family.
    pub sid: Sid,
    /// The number of the family's refresh token at this moment.
    pub seq: u64,
    /// The client.
    pub client: &'a str,
    /// How the person proved who they are; `None` while a step-up is demanded.
    pub authentication: Option<Authentication<'a>>,
}

/// How a person proved who they are.
#[derive(Debug, Clone, Copy)]
pub struct Authentication<'a> {
    /// When.
    pub time: UnixTime,
    /// By which means (RFC 8176).
    pub amr: &'a [String],
    /// How strong that was.
    pub acr: &'a str,
}

/// That nobody proved anything lately (OpenID Connect Core, section 2): long-lived cookies and the like.
const ACR_NOTHING_PROVED: &str = "0";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: UnixTime,
    iat: UnixTime,
    nbf: UnixTime,
    jti: String,
    sid: String,
    seq: u64,
    client_id: &'a str,
    /// Without it, and without `amr`, no rule that demands a step-up is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    acr: &'a str,
    roles: Vec<&'a str>,
    /// What the roles permit by the settings of this moment (RFC 9068, section 2.2.3).
    scope: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    email: &'a str,
}

/// A signed access token, for the cookie or the body.
pub struct AccessToken(Zeroizing<String>);

impl AccessToken {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(redacted)")
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// Signing failed.
    #[error("the access token could not be signed: {0}")]
    Sign(#[from] SignTokenError),
    /// It would expire later than what was written down about its key. Whoever makes a [`Signer`] asks for the life that tokens have.
    #[error("the signing key was asked for a token that expires later than it may sign")]
    NotPermitted,
    /// There was no randomness for its identifier.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Makes access tokens for one audience.
#[derive(Debug, Clone, Copy)]
pub struct Minter<'a> {
    signer: &'a Signer,
    config: &'a Config,
    audience: &'a str,
}

impl<'a> Minter<'a> {
    /// Signs with the key that signs now and names issuer and life as configured. `audience` is the one that the signer is for.
    #[must_use]
    pub const fn new(signer: &'a Signer, config: &'a Config, audience: &'a str) -> Self {
        Self {
            signer,
            config,
            audience,
        }
    }

    /// Makes a token that holds from `now`.
    ///
    /// # Errors
    /// [`MintError`].
    pub async fn mint(
        &self,
        subject: &Subject<'_>,
        now: UnixTime,
    ) -> Result<AccessToken, MintError> {
        let account = subject.account;
        let proved = subject.authentication;
        let claims = Claims {
            iss: &self.config.issuer.url,
            sub: account.id.to_string(),
            aud: self.audience,
            exp: now.plus(self.config.tokens.access_seconds),
            iat: now,
            nbf: now,
            jti: session::uuid_v7(now, session::random()?).to_string(),
            sid: subject.sid.to_string(),
            seq: subject.seq,
            client_id: subject.client,
            auth_time: proved.map(|proved| proved.time),
            amr: proved.map_or(&[], |proved| proved.amr),
            acr: proved.map_or(ACR_NOTHING_PROVED, |proved| proved.acr),
            roles: account.roles.iter().map(Role::as_str).collect(),
            scope: self.config.scope_of(&account.roles),
            name: display_name(account),
            email: account.email.as_str(),
        };
        let key = self
            .signer
            .key_for(claims.exp)
            .ok_or(MintError::NotPermitted)?;
        let token = key.sign(&TokenType::Access, &claims).await?;
        Ok(AccessToken(Zeroizing::new(token)))
    }
}

fn display_name(account: &Account) -> String {
    let parts = [account.first_name.as_str(), account.last_name.as_str()];
    let given: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    given.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_token() {
        let token = AccessToken(Zeroizing::new("eyJ.eyJ.sig".to_owned()));
        assert_eq!(format!("{token:?}"), "AccessToken(redacted)");
        assert_eq!(token.reveal(), "eyJ.eyJ.sig");
    }
}
