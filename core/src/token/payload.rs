//! A payload on its way to claims: their form, and whether they are acceptable here and now.

use core::ops::Range;

use serde_json::Number;

use super::expectations::{Audiences, Expectations};
use crate::json::{self, Json, Members};
use crate::reject::Reject;
use crate::time::UnixTime;

/// 9999-12-31T23:59:59Z. Because later times have no four-digit year, which date libraries downstream refuse or panic
/// on, and because no honest token lives that long.
const LAST_TIME: i64 = 253_402_300_799;

/// When a token is good.
#[derive(Clone, PartialEq)]
pub(super) struct Times {
    pub(super) expires_at: UnixTime,
    pub(super) not_before: Option<UnixTime>,
    pub(super) issued_at: Option<UnixTime>,
}

/// A payload whose known claims have the accepted form.
pub(super) struct Payload<'p> {
    pub(super) members: Members<'p>,
    pub(super) times: Times,
    pub(super) auth_time: Option<UnixTime>,
    pub(super) sequence: Option<u64>,
}

impl<'p> Payload<'p> {
    /// Reads a payload and checks the form of every claim that this crate knows.
    pub(super) fn read(text: &'p str) -> Result<Self, Reject> {
        let members = json::read_text(text)?;
        match members.get("iss") {
            None => return Err(Reject::IssuerMissing),
            Some(Json::Text(_)) => {}
            Some(_) => return Err(Reject::IssuerMalformed),
        }
        for name in ["sub", "jti", "sid", "client_id", "acr", "name", "email"] {
            string(&members, name, Reject::ClaimMalformed)?;
        }
        string(&members, "scope", Reject::ScopeMalformed)?;
        match members.get("aud") {
            Some(Json::Text(_)) => {}
            Some(Json::List(none)) if none.is_empty() => return Err(Reject::AudienceMalformed),
            _ => strings(&members, "aud", Reject::AudienceMalformed)?,
        }
        let times = Times {
            expires_at: time(&members, "exp", Rounding::Down)?.ok_or(Reject::ExpiryMissing)?,
            not_before: time(&members, "nbf", Rounding::Up)?,
            issued_at: time(&members, "iat", Rounding::Up)?,
        };
        let auth_time = time(&members, "auth_time", Rounding::Down)?;
        let sequence = match members.get("seq") {
            None => None,
            Some(Json::Number(number)) => Some(number.as_u64().ok_or(Reject::SequenceMalformed)?),
            Some(_) => return Err(Reject::SequenceMalformed),
        };
        strings(&members, "roles", Reject::RolesMalformed)?;
        strings(&members, "amr", Reject::MethodsMalformed)?;
        Ok(Self {
            members,
            times,
            auth_time,
            sequence,
        })
    }

    /// [`Self::read`], and whether the claims are acceptable to `expect` at `now`.
    pub(super) fn accept(
        text: &'p str,
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, Reject> {
        let payload = Self::read(text)?;
        payload.satisfy(expect, now)?;
        Ok(payload)
    }

    /// Issuer, audience, then time.
    fn satisfy(&self, expect: &Expectations, now: UnixTime) -> Result<(), Reject> {
        if self.members.get("iss").and_then(Json::as_text) != Some(&expect.issuer) {
            return Err(Reject::IssuerMismatch);
        }
        let mut audience = self.texts("aud").peekable();
        match &expect.audiences {
            Audiences::Unchecked => {}
            Audiences::OneOf(_) if audience.peek().is_none() => {
                return Err(Reject::AudienceMissing);
            }
            Audiences::OneOf(accepted) => {
                if !audience.any(|audience| accepted.iter().any(|one| one == audience)) {
                    return Err(Reject::AudienceMismatch);
                }
            }
        }
        self.times.hold_at(expect, now)
    }

    /// A claim of one or more texts.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = match self.members.get(name) {
            Some(Json::List(values)) => values.as_slice(),
            Some(one) => core::slice::from_ref(one),
            None => &[],
        };
        values.iter().filter_map(Json::as_text)
    }
}

impl Times {
    /// Whether the token's time has come and has not passed.
    pub(super) fn hold_at(&self, expect: &Expectations, now: UnixTime) -> Result<(), Reject> {
        let leeway = expect.leeway_seconds.max(0);
        // RFC 7519 section 4.1.4: refused on or after `exp`.
        if now >= self.expires_at.plus(leeway) {
            return Err(Reject::Expired);
        }
        let latest = now.plus(leeway);
        if self
            .not_before
            .is_some_and(|not_before| not_before > latest)
        {
            return Err(Reject::NotYetValid);
        }
        if self.issued_at.is_some_and(|issued_at| issued_at > latest) {
            return Err(Reject::IssuedInTheFuture);
        }
        Ok(())
    }

    /// The seconds in which [`Self::hold_at`] finds nothing wrong.
    pub(super) fn lifetime(&self, leeway_seconds: i64) -> Range<UnixTime> {
        let leeway = leeway_seconds.max(0);
        let begins = [self.not_before, self.issued_at]
            .into_iter()
            .flatten()
            .max();
        let first = begins.map_or(UnixTime::from_seconds(i64::MIN), |begins| {
            begins.plus(-leeway)
        });
        first..self.expires_at.plus(leeway)
    }
}

fn string(members: &Members<'_>, name: &str, reject: Reject) -> Result<(), Reject> {
    match members.get(name) {
        None | Some(Json::Text(_)) => Ok(()),
        Some(_) => Err(reject),
    }
}

fn strings(members: &Members<'_>, name: &str, reject: Reject) -> Result<(), Reject> {
    match members.get(name) {
        None => Ok(()),
        Some(Json::List(values)) if values.iter().all(|value| value.as_text().is_some()) => Ok(()),
        Some(_) => Err(reject),
    }
}

/// Which whole second stands for a fraction: always the one that makes the token less valid.
#[derive(Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

fn time(members: &Members<'_>, name: &str, rounding: Rounding) -> Result<Option<UnixTime>, Reject> {
    match members.get(name) {
        None => Ok(None),
        Some(Json::Number(number)) => numeric_date(number, rounding).map(Some),
        Some(_) => Err(Reject::TimeMalformed),
    }
}

/// RFC 7519 section 2, `NumericDate`: seconds, a fraction allowed.
fn numeric_date(number: &Number, rounding: Rounding) -> Result<UnixTime, Reject> {
    let seconds = match number.as_i64() {
        Some(seconds) => seconds,
        None => {
            let exact = number.as_f64().ok_or(Reject::TimeMalformed)?;
            // Compared before the cast, in which everything too large would become the same number. `LAST_TIME` is exact
            // as f64; so is the comparison.
            if !(0.0..=LAST_TIME as f64).contains(&exact) {
                return Err(Reject::TimeOutOfRange);
            }
            let whole = exact as i64;
            match rounding {
                Rounding::Up if (whole as f64) < exact => whole + 1,
                Rounding::Up | Rounding::Down => whole,
            }
        }
    };
    if (0..=LAST_TIME).contains(&seconds) {
        Ok(UnixTime::from_seconds(seconds))
    } else {
        Err(Reject::TimeOutOfRange)
    }
}
