//! The claims of a verified token.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use serde_json::{Map, Value};

use super::expectations::Expectations;
use super::payload::{Payload, Times};
use crate::reject::Reject;
use crate::time::UnixTime;

/// What a token says, in the accepted form. Reached only through [`Verified`](super::Verified).
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// Everything, as signed. The fields below are what has been read out of it and cannot disagree with it.
    members: Map<String, Value>,
    audience: Vec<String>,
    times: Times,
    auth_time: Option<UnixTime>,
    sequence: Option<u64>,
    roles: Vec<String>,
    amr: Vec<String>,
}

/// The claims of a token that held in everything, as the issuer wrote them, for a caller who only hands them on.
#[derive(Clone, PartialEq)]
pub struct ClaimsText {
    text: String,
    lifetime: Range<UnixTime>,
}

impl ClaimsText {
    /// Errors: the first rule that a payload breaks.
    pub(super) fn accept(
        payload: Vec<u8>,
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, Reject> {
        let text = String::from_utf8(payload).map_err(|_| Reject::NotUtf8)?;
        let lifetime = Payload::accept(&text, expect, now)?
            .times
            .lifetime(expect.leeway_seconds);
        Ok(Self { text, lifetime })
    }

    /// The text of a JSON object.
    #[must_use]
    pub fn as_signed(&self) -> &str {
        &self.text
    }

    /// The seconds in which the token's time has come and has not passed, the leeway included, for whoever keeps what was
    /// verified: within them time is no reason to refuse it, outside of them it is.
    #[must_use]
    pub fn lifetime(&self) -> Range<UnixTime> {
        self.lifetime.clone()
    }
}

impl fmt::Debug for ClaimsText {
    /// Shows nothing personal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClaimsText")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl Claims {
    /// Errors: the first rule that a payload breaks.
    pub(super) fn accept(
        payload: Vec<u8>,
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, Reject> {
        let text = core::str::from_utf8(&payload).map_err(|_| Reject::NotUtf8)?;
        Ok(Self::of(&Payload::accept(text, expect, now)?))
    }

    fn of(payload: &Payload<'_>) -> Self {
        let texts = |name| payload.texts(name).map(String::from).collect();
        Self {
            members: payload.members.to_map(),
            audience: texts("aud"),
            times: payload.times.clone(),
            auth_time: payload.auth_time,
            sequence: payload.sequence,
            roles: texts("roles"),
            amr: texts("amr"),
        }
    }

    /// Whether the token's time has come and has not passed.
    pub(super) fn hold_at(&self, expect: &Expectations, now: UnixTime) -> Result<(), Reject> {
        self.times.hold_at(expect, now)
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// `sub`: whom the token is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `aud`, one or more; empty only if the audience was [`Audiences::Unchecked`] and the token has none.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// `exp`; a fraction of a second is dropped.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.times.expires_at
    }

    /// `nbf`; a fraction of a second counts as a whole one.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.times.not_before
    }

    /// `iat`; a fraction of a second counts as a whole one.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.times.issued_at
    }

    /// `jti`: what identifies this token. The token's text does not: a signature may have several spellings.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `sid`: the session that the token belongs to.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.text("sid")
    }

    /// `seq`: the how-manyth refresh of its session made the token.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// `client_id` (RFC 9068): the software that the token was given to.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// Whether a machine asks for itself: `client_id` and `sub` are the same (RFC 9068 section 2.2).
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.client_id()
            .is_some_and(|client| self.subject() == Some(client))
    }

    /// `roles`, empty if absent.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The scopes of the space-separated `scope` (RFC 8693 section 4.2), none if absent.
    #[must_use]
    pub fn scopes(&self) -> Scopes<'_> {
        Scopes(self.text("scope").unwrap_or_default().split(' '))
    }

    /// `auth_time`: when the user last proved who they are; a fraction of a second is dropped.
    #[must_use]
    pub fn auth_time(&self) -> Option<UnixTime> {
        self.auth_time
    }

    /// `amr` (RFC 8176): how the user proved it; empty if absent.
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }

    /// `acr`: how well the user proved it.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// `name`, for showing.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// `email`, for showing; whether it was ever confirmed is the issuer's business.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// Any claim by its name, as signed.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// All claims as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A map with string keys always serialises; `Display` of a `Value` relies on the same.
        serde_json::to_string(&self.members).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

impl fmt::Debug for Claims {
    /// Shows what finds the token in a log and nothing personal: no subject, name, address or role.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Claims")
            .field("issuer", &self.issuer())
            .field("token_id", &self.token_id())
            .field("expires_at", &self.times.expires_at)
            .finish_non_exhaustive()
    }
}

/// The scopes of a token; see [`Claims::scopes`].
#[derive(Clone, Debug)]
pub struct Scopes<'c>(core::str::Split<'c, char>);

impl<'c> Iterator for Scopes<'c> {
    type Item = &'c str;

    fn next(&mut self) -> Option<&'c str> {
        self.0.find(|scope| !scope.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::super::expectations::{Audiences, TokenType};
    use super::*;

    #[test]
    fn the_lifetime_is_when_time_is_no_reason_to_refuse() {
        let check = |times: &str, leeway_seconds: i64| {
            let text = format!(r#"{{"iss":"i",{times}}}"#);
            let claims = Claims::of(&Payload::read(&text).unwrap());
            let mut expect = Expectations::new("i", Audiences::Unchecked, TokenType::Access);
            expect.leeway_seconds = leeway_seconds;
            let lifetime = claims.times.lifetime(leeway_seconds);
            let mut moments = vec![i64::MIN, -1, 0, 1, i64::MAX];
            for edge in [500, 600, 1000] {
                for near in [-61, -60, -59, -1, 0, 1, 59, 60, 61] {
                    moments.push(edge + near);
                }
            }
            for now in moments.into_iter().map(UnixTime::from_seconds) {
                assert_eq!(
                    lifetime.contains(&now),
                    claims.hold_at(&expect, now).is_ok(),
                    "{times} with {leeway_seconds} at {now}"
                );
            }
        };
        for leeway_seconds in [-60, 0, 1, 60] {
            check(r#""exp":1000"#, leeway_seconds);
            check(r#""exp":1000,"nbf":500"#, leeway_seconds);
            check(r#""exp":1000,"iat":500"#, leeway_seconds);
            check(r#""exp":1000,"nbf":500,"iat":600"#, leeway_seconds);
            check(r#""exp":999.5,"nbf":500.5,"iat":500"#, leeway_seconds);
            check(r#""exp":500,"nbf":1000"#, leeway_seconds);
        }
    }
}
