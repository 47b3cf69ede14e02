//! The one door: from the text of a token to [`Verified`], or a refusal.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::digest::sha256;

use super::claims::{Claims, ClaimsText};
use super::expectations::Expectations;
use super::parsed::ParsedToken;
use crate::keys::KeySet;
use crate::reject::Reject;
use crate::signature::{self, Algorithm, Checked, Finding, SignatureAnswer, SignatureQuestion};
use crate::time::UnixTime;

/// A token that held in everything: structure, key, signature, type, issuer, audience and time. Only [`verify`] makes one.
///
/// It says what was true at the `now` of that call; whoever keeps it must check the time again.
#[derive(Clone)]
pub struct Verified {
    claims: Claims,
    key_id: String,
    digest: TokenDigest,
}

/// SHA-256 of a token's text: the same for the same token, byte for byte, and for no other. It is no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }
}

/// Why there is no [`Verified`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// The token is refused, finally.
    Rejected(Reject),
    /// Nothing is wrong so far, and the platform must check this signature. Ask again with its answer.
    NeedsSignature(Box<SignatureQuestion>),
}

impl From<Reject> for Unverified {
    fn from(reject: Reject) -> Self {
        Self::Rejected(reject)
    }
}

impl Verified {
    /// What the issuer says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The digest of the token's text.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        self.digest
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

/// [`verify_with`] where no platform checks signatures: Ed25519 is the only algorithm, and any other is
/// [`Reject::AlgorithmNotAllowed`].
pub fn verify(
    token: &str,
    keys: &KeySet,
    expect: &Expectations,
    now: UnixTime,
) -> Result<Verified, Reject> {
    verify_with(token, keys, expect, None, now).map_err(|unverified| match unverified {
        Unverified::Rejected(reject) => reject,
        Unverified::NeedsSignature(_) => Reject::AlgorithmNotAllowed,
    })
}

/// Verifies a compact JWS: structure, key, signature, claims, in this order and without a way out between them.
///
/// The order keeps an attacker from learning anything about claims he did not sign, and keeps his JSON away from the reader
/// until the signature is good. `keys` are the issuer's; `now` is the caller's clock. An Ed25519 signature is checked
/// here. For ES256 and RS256 the first call ends in [`Unverified::NeedsSignature`], and a second one gets the `answer`; an
/// answer to another question counts as none. Errors: the first broken rule.
pub fn verify_with(
    token: &str,
    keys: &KeySet,
    expect: &Expectations,
    answer: Option<&SignatureAnswer>,
    now: UnixTime,
) -> Result<Verified, Unverified> {
    let (claims, key_id) = judge(token, keys, expect, answer, now, Claims::accept)?;
    Ok(Verified {
        claims,
        key_id,
        digest: TokenDigest::of(token),
    })
}

/// [`verify_with`] for a caller who only hands the claims on, and so is spared the digest of the token and a copy of each claim.
pub fn verified_claims(
    token: &str,
    keys: &KeySet,
    expect: &Expectations,
    answer: Option<&SignatureAnswer>,
    now: UnixTime,
) -> Result<ClaimsText, Unverified> {
    judge(token, keys, expect, answer, now, ClaimsText::accept).map(|(claims, _)| claims)
}

/// Judges the token of a question to its end, under the keys and expectations that it was begun with, for a caller who kept
/// the question to himself and so need not show the token again. `now` is the caller's clock at this call: time may have
/// passed since he asked.
pub fn settled_claims(
    question: SignatureQuestion,
    finding: Finding,
    now: UnixTime,
) -> Result<ClaimsText, Reject> {
    finding.holds()?;
    ClaimsText::accept(question.payload, &question.expect, now)
}

/// The last step, which nobody reaches but through a good signature.
type Accept<C> = fn(Vec<u8>, &Expectations, UnixTime) -> Result<C, Reject>;

/// The one door. Answers with the claims and the `kid` of the key.
fn judge<C>(
    token: &str,
    keys: &KeySet,
    expect: &Expectations,
    answer: Option<&SignatureAnswer>,
    now: UnixTime,
    accept: Accept<C>,
) -> Result<(C, String), Unverified> {
    if let Some((question, finding)) = answer.and_then(|answer| answer.about(token, keys, expect)) {
        finding.holds()?;
        let claims = accept(question.payload.clone(), expect, now)?;
        return Ok((claims, question.key_id.clone()));
    }
    let parsed = ParsedToken::parse(token)?;

    let algorithm = Algorithm::from_name(parsed.algorithm()).ok_or(Reject::AlgorithmNotAllowed)?;
    let typ = parsed.token_type().ok_or(Reject::TypeMissing)?;
    if !expect.token_type.matches(typ) {
        return Err(Reject::TypeMismatch.into());
    }

    let key = keys.select(parsed.key_id(), expect.key_id)?;
    if !key.allows_algorithm(algorithm) {
        return Err(Reject::AlgorithmKeyMismatch.into());
    }
    if !key.allows_type(&expect.token_type) {
        return Err(Reject::KeyTypeRestricted.into());
    }

    match signature::check(key.public_key(), parsed.signing_input(), parsed.signature())? {
        Checked::Valid => {
            let (payload, _) = parsed.into_payload_and_signature();
            Ok((accept(payload, expect, now)?, key.key_id().to_owned()))
        }
        Checked::Elsewhere(platform_key) => {
            let signed_bytes = parsed.signing_input().len();
            let (payload, signature) = parsed.into_payload_and_signature();
            Err(Unverified::NeedsSignature(Box::new(SignatureQuestion {
                algorithm,
                key: platform_key,
                signature,
                token: token.to_owned(),
                signed_bytes,
                payload,
                key_id: key.key_id().to_owned(),
                keys: *keys.fingerprint(),
                expect: expect.clone(),
            })))
        }
    }
}
