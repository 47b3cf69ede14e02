//! The one door: from the text of a token to [`Verified`], or a refusal.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use super::claims::Claims;
use super::expectations::Expectations;
use super::parsed::ParsedToken;
use crate::keys::KeySet;
use crate::reject::Reject;
use crate::signature::{self, Algorithm};
use crate::time::UnixTime;

/// A token that held in everything: structure, key, signature, type, issuer, audience and time. Only [`verify`] makes one.
///
/// It says what was true at the `now` of that call; whoever keeps it must check the time again.
#[derive(Clone)]
pub struct Verified {
    claims: Claims,
    key_id: String,
}

impl Verified {
    /// What the issuer says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The `kid` of the key that the signature was checked with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

impl fmt::Debug for Verified {
    /// Shows what finds the token in a log and nothing personal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Verified")
            .field("key_id", &self.key_id)
            .field("claims", &self.claims)
            .finish()
    }
}

/// Verifies a compact JWS: structure, key, signature, claims, in this order and without a way out between them.
///
/// The order keeps an attacker from learning anything about claims he did not sign, and keeps his JSON away from the reader
/// until the signature is good. `keys` are the issuer's; `now` is the caller's clock. Errors: the first broken rule.
pub fn verify(
    token: &str,
    keys: &KeySet,
    expect: &Expectations,
    now: UnixTime,
) -> Result<Verified, Reject> {
    let parsed = ParsedToken::parse(token)?;

    let algorithm = Algorithm::from_name(parsed.algorithm()).ok_or(Reject::AlgorithmNotAllowed)?;
    let typ = parsed.token_type().ok_or(Reject::TypeMissing)?;
    if !expect.token_type.matches(typ) {
        return Err(Reject::TypeMismatch);
    }

    let key = keys.select(parsed.key_id(), expect.key_id)?;
    if !key.allows_algorithm(algorithm) {
        return Err(Reject::AlgorithmKeyMismatch);
    }
    if !key.allows_type(&expect.token_type) {
        return Err(Reject::KeyTypeRestricted);
    }

    signature::check(
        algorithm,
        key.public_key(),
        parsed.signing_input(),
        parsed.signature(),
    )?;

    let claims = Claims::read(parsed.payload())?;
    claims.satisfy(expect, now)?;
    Ok(Verified {
        claims,
        key_id: key.key_id().to_owned(),
    })
}
