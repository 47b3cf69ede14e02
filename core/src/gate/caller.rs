//! Who asks: the credential of a request, judged by the one door.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::RefCell;

use super::credential::Credential;
use super::decision::{Decision, RequestView};
use super::limit::Turns;
use super::policy::PolicyState;
use super::renewal::Renewal;
use crate::keys::KeySet;
use crate::reject::Reject;
use crate::revocation::{Mode, Revocations, Verdict};
use crate::signature::SignatureAnswer;
use crate::time::UnixTime;
use crate::token::{
    BroughtBy, Expectations, ParsedToken, SeenTokens, Unverified, Verified, verify_with,
};

/// What a gate judges by.
#[derive(Clone, Copy)]
pub struct Gate<'a> {
    /// The route policy, or the reason why there is none.
    pub policy: &'a PolicyState,
    /// The site's own origin.
    pub site: &'a str,
    /// The issuer's key set, if one is at hand.
    pub keys: Option<&'a KeySet>,
    /// Whether the one refresh that a decision may ask for has been made (successfully or not).
    pub keys_are_final: bool,
    /// What an acceptable access token says.
    pub expect: &'a Expectations,
    /// What the platform found about the one signature that a decision may ask about.
    pub answer: Option<&'a SignatureAnswer>,
    /// Tokens that were verified before, and which of them clients have presented. They change how long a decision takes and never
    /// what is decided.
    pub seen: Option<&'a RefCell<SeenTokens>>,
    /// What is known of the turns that the request takes of limits.
    pub turns: Turns,
    /// What is known of ended sessions. `None` judges without: a token is then good until its time is over.
    pub revocations: Option<Revocations<'a>>,
}

/// Why the key set must be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDemand {
    /// There is none, or none with a usable key.
    NoKeySet,
    /// The token names a key that the set does not list.
    UnknownKey,
}

/// The caller, as far as the credential proves it.
pub(super) enum Caller {
    Anonymous,
    Known(Arc<Verified>),
    /// A token was sent and is not acceptable.
    Refused(Reject),
    /// A token was sent and cannot be judged, finally: there is no key set, or the platform did not check the signature.
    Unjudged(Reject),
    /// The token verifies, and what it belongs to was ended.
    Revoked,
    /// The token verifies, and whether it was revoked cannot be known, finally.
    Unconfirmed,
}

impl Caller {
    /// Who it is, if that is proved.
    pub(super) fn subject(&self) -> Option<&str> {
        match self {
            Self::Known(verified) => verified.claims().subject(),
            Self::Anonymous
            | Self::Refused(_)
            | Self::Unjudged(_)
            | Self::Revoked
            | Self::Unconfirmed => None,
        }
    }

    /// Judges the credential. An early end is a decision too: something is needed before anybody can judge.
    pub(super) fn of(
        gate: &Gate<'_>,
        request: &RequestView<'_>,
        mode: Mode,
        now: UnixTime,
    ) -> Result<Self, Box<Decision>> {
        let token = match &request.credential {
            Credential::Token(token) => token,
            // `Ambiguous` was refused before; should it get here, it proves nothing.
            Credential::None | Credential::Ambiguous => return Ok(Self::Anonymous),
        };
        let demand = |demand: KeyDemand| Err(Box::new(Decision::NeedsKeys(demand)));
        // Only the verifier knows whether newer keys could change its mind: a token of another type or algorithm stays
        // refused under any set, and must not cause a fetch.
        let by = match request.renewal {
            // The answer with it in it may be lost on its way to the client.
            Renewal::Tried => BroughtBy::Edge,
            Renewal::Impossible
            | Renewal::Possible
            | Renewal::LoadsAhead
            | Renewal::Unanswered { .. }
            | Renewal::OverLimit { .. } => BroughtBy::Client,
        };
        match gate.verify(by, token, now) {
            Ok(verified) => gate.stands(verified, mode),
            Err(Unverified::NeedsSignature(question)) => {
                Err(Box::new(Decision::NeedsSignature(question)))
            }
            Err(Unverified::Rejected(Reject::KeysUnavailable)) if !gate.keys_are_final => {
                demand(KeyDemand::NoKeySet)
            }
            Err(Unverified::Rejected(
                reject @ (Reject::KeysUnavailable | Reject::SignatureNotChecked),
            )) => Ok(Self::Unjudged(reject)),
            Err(Unverified::Rejected(Reject::UnknownKey)) if !gate.keys_are_final => {
                demand(KeyDemand::UnknownKey)
            }
            Err(Unverified::Rejected(reject)) => Ok(Self::Refused(reject)),
        }
    }
}

/// Whose token it is, for a count of requests that somebody else judges. A token that is not good here, or is known to be revoked, is
/// nobody's. It is worth no fetch but that of the first key set: keys are fetched for it by time, and what is not known of the feed
/// only counts somebody in who has been signed out.
pub(super) fn holder(
    gate: &Gate<'_>,
    request: &RequestView<'_>,
    now: UnixTime,
) -> Result<Option<Arc<Verified>>, Box<Decision>> {
    let Credential::Token(token) = &request.credential else {
        return Ok(None);
    };
    // That it arrived at a client is the issuer's to see, which gets it with this very request.
    let early = match gate.verify(BroughtBy::Edge, token, now) {
        Ok(verified) => {
            let has_ended = |feed: Revocations<'_>| feed.has_ended(&verified);
            let is_revoked = gate.revocations.is_some_and(has_ended);
            return Ok((!is_revoked).then_some(verified));
        }
        Err(Unverified::NeedsSignature(question)) => Decision::NeedsSignature(question),
        Err(Unverified::Rejected(Reject::KeysUnavailable)) if !gate.keys_are_final => {
            Decision::NeedsKeys(KeyDemand::NoKeySet)
        }
        Err(Unverified::Rejected(_)) => return Ok(None),
    };
    Err(Box::new(early))
}

impl Gate<'_> {
    /// Asked at each use, of remembered tokens too.
    fn stands(&self, verified: Arc<Verified>, mode: Mode) -> Result<Caller, Box<Decision>> {
        let verdict = match self.revocations {
            Some(revocations) => revocations.judge(&verified, mode),
            None => Verdict::Stands,
        };
        match verdict {
            Verdict::Stands => Ok(Caller::Known(verified)),
            Verdict::Revoked => Ok(Caller::Revoked),
            Verdict::Unknown => Ok(Caller::Unconfirmed),
            Verdict::Ask => Err(Box::new(Decision::NeedsRevocations(mode))),
        }
    }

    /// The one door, and before it the memory of those who came through it.
    fn verify(
        &self,
        by: BroughtBy,
        token: &str,
        now: UnixTime,
    ) -> Result<Arc<Verified>, Unverified> {
        let Some(keys) = self.keys else {
            ParsedToken::parse(token)?;
            return Err(Reject::KeysUnavailable.into());
        };
        if let Some(seen) = self.seen
            && let Some(recalled) = seen.borrow().recall(by, token, keys, self.expect, now)
        {
            return recalled.map_err(Unverified::Rejected);
        }
        let verified = Arc::new(verify_with(token, keys, self.expect, self.answer, now)?);
        if let Some(seen) = self.seen {
            seen.borrow_mut()
                .remember(by, &verified, token.len(), keys, self.expect);
        }
        Ok(verified)
    }
}
