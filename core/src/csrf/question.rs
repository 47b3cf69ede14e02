//! Whether a request to the app brought the token of its session: the question, and the answer that belongs to it.
//!
//! The gate knows the session; the edge reads what was sent and has the keys. The answer is bound to the session that was asked
//! about. What can be refused without a key is refused without one, so that only tokens in good form cause anybody to ask the
//! issuer for keys.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq;

use super::{AppCsrfKey, CsrfRefusal, Token};
use crate::time::UnixTime;

/// Whether a request brought the token of this session. Only the gate asks.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfQuestion {
    session: String,
}

/// A token that was sent twice, in good form and of these days; whether it is genuine is not known.
pub struct Submitted<'a> {
    question: CsrfQuestion,
    token: Token,
    user_agent: &'a str,
}

/// Why a form in which the token is looked for was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadForm {
    /// It is longer than is searched.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
}

/// What was found about one question.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfAnswer {
    question: CsrfQuestion,
    finding: Finding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Genuine,
    Refused(CsrfRefusal),
    /// There is nothing to judge by.
    NoKeys,
    /// What may hold the token was not read.
    Unread(UnreadForm),
}

impl CsrfQuestion {
    pub(crate) fn about(session: &str) -> Self {
        Self {
            session: session.to_owned(),
        }
    }

    /// Looks at the token's two halves, without a key.
    ///
    /// # Errors
    /// The answer, if it is a refusal already.
    pub fn submitted<'a>(
        self,
        cookie: Option<&str>,
        sent: Option<&str>,
        user_agent: &'a str,
        now: UnixTime,
    ) -> Result<Submitted<'a>, CsrfAnswer> {
        match Token::sent_twice(cookie, sent, now) {
            Ok(token) if token.for_apps.is_some() => Ok(Submitted {
                question: self,
                token,
                user_agent,
            }),
            Ok(_) => Err(self.found(Finding::Refused(CsrfRefusal::NotForApps))),
            Err(refusal) => Err(self.found(Finding::Refused(refusal))),
        }
    }

    /// The answer where the form was not read to its end: the token may be in what is left.
    #[must_use]
    pub fn unread(self, form: UnreadForm) -> CsrfAnswer {
        self.found(Finding::Unread(form))
    }

    fn found(self, finding: Finding) -> CsrfAnswer {
        CsrfAnswer {
            question: self,
            finding,
        }
    }
}

impl Submitted<'_> {
    /// The answer by these keys; without any that may be used, nobody can say.
    #[must_use]
    pub fn answer(&self, keys: Option<&[AppCsrfKey]>) -> CsrfAnswer {
        let finding = match keys {
            Some(keys) if self.is_genuine(keys) => Finding::Genuine,
            Some(_) => Finding::Refused(CsrfRefusal::Forged),
            None => Finding::NoKeys,
        };
        self.question.clone().found(finding)
    }

    fn is_genuine(&self, keys: &[AppCsrfKey]) -> bool {
        let bound = self.token.bound(&self.question.session, self.user_agent);
        let Some(mac) = &self.token.for_apps else {
            return false;
        };
        let made_by = |key: &AppCsrfKey| key.mac(bound).is_some_and(|own| own.ct_eq(mac).into());
        keys.iter().any(made_by)
    }
}

impl CsrfAnswer {
    /// Whether keys were there and none of them made the token, so that a newer one may have.
    #[must_use]
    pub fn may_change_with_newer_keys(&self) -> bool {
        self.finding == Finding::Refused(CsrfRefusal::Forged)
    }

    /// Whether the token is good. `None`: it was not judged, for want of keys or of the form.
    #[must_use]
    pub const fn is_good(&self) -> Option<bool> {
        match self.finding {
            Finding::Genuine => Some(true),
            Finding::Refused(_) => Some(false),
            Finding::NoKeys | Finding::Unread(_) => None,
        }
    }

    /// What was found about this session's token, if that was the question.
    pub(crate) fn about(&self, session: &str) -> Option<Finding> {
        (self.question.session == session).then_some(self.finding)
    }
}

/// Without the session.
impl fmt::Debug for CsrfQuestion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CsrfQuestion(redacted)")
    }
}

/// Without the session.
impl fmt::Debug for CsrfAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.finding, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csrf::{CsrfKey, check, decode_exactly, issue};
    use base64ct::{Base64UrlUnpadded, Encoding as _};

    const DAY: i64 = 86_400;
    const NOON: UnixTime = UnixTime::from_seconds(20_000 * DAY + 43_200);
    const KEY: CsrfKey = CsrfKey::from_bytes([1; 32]);
    const OTHER: CsrfKey = CsrfKey::from_bytes([2; 32]);

    /// What is found about `asked` when a token of session `s` and browser `a`, made at noon, comes so many days later.
    fn found(asked: &str, agent: &str, days: i64, keys: Option<&[AppCsrfKey]>) -> Finding {
        let token = issue(&KEY, "s", "a", NOON, &[7; 16]);
        let sent = Some(token.as_str());
        let question = CsrfQuestion::about(asked);
        let answer = match question.submitted(sent, sent, agent, NOON.plus(days * DAY)) {
            Ok(submitted) => submitted.answer(keys),
            Err(refused) => refused,
        };
        assert_eq!(answer.about("another"), None);
        answer.about(asked).unwrap()
    }

    #[test]
    fn a_token_is_good_on_app_routes_for_its_session_browser_and_days() {
        use CsrfRefusal::{Forged, Stale};
        let (own, before) = ([KEY.for_apps()], [OTHER.for_apps(), KEY.for_apps()]);
        let other = [OTHER.for_apps()];
        for (asked, agent, days, keys, expected) in [
            ("s", "a", 0, Some(&own[..]), Finding::Genuine),
            ("s", "a", 1, Some(&own), Finding::Genuine),
            ("s", "a", 0, Some(&before), Finding::Genuine),
            ("s", "a", 2, Some(&own), Finding::Refused(Stale)),
            ("s", "a", 2, None, Finding::Refused(Stale)),
            ("s", "a", -1, Some(&own), Finding::Refused(Stale)),
            ("t", "a", 0, Some(&own), Finding::Refused(Forged)),
            ("s", "b", 0, Some(&own), Finding::Refused(Forged)),
            ("sa", "", 0, Some(&own), Finding::Refused(Forged)),
            ("s", "a", 0, Some(&other), Finding::Refused(Forged)),
            ("s", "a", 0, Some(&[]), Finding::Refused(Forged)),
            ("s", "a", 0, None, Finding::NoKeys),
        ] {
            let told = (asked, agent, days, keys.map(<[_]>::len));
            assert_eq!(found(asked, agent, days, keys), expected, "{told:?}");
        }
    }

    #[test]
    fn what_is_refused_without_a_key_asks_for_none() {
        let token = issue(&KEY, "s", "a", NOON, &[7; 16]);
        let other = issue(&KEY, "s", "a", NOON, &[8; 16]);
        let before = token.rsplit_once('.').unwrap().0.replace("c2.", "c1.");
        for (cookie, sent, expected) in [
            (None, Some(&*token), CsrfRefusal::NoCookie),
            (Some(&*token), None, CsrfRefusal::NotSent),
            (Some(&*token), Some(""), CsrfRefusal::NotSent),
            (Some(&*token), Some(&*other), CsrfRefusal::Differs),
            (Some("x"), Some("x"), CsrfRefusal::Malformed),
            (Some(&*before), Some(&*before), CsrfRefusal::NotForApps),
        ] {
            let answer = CsrfQuestion::about("s").submitted(cookie, sent, "a", NOON);
            let finding = answer.err().and_then(|answer| answer.about("s"));
            assert_eq!(finding, Some(Finding::Refused(expected)), "{sent:?}");
        }
    }

    #[test]
    fn what_an_edge_knows_forges_nothing_at_the_issuer() {
        let genuine = issue(&KEY, "s", "a", NOON, &[7; 16]);
        let token = Token::parse(&genuine).unwrap();
        // The edge's key makes the second MAC for whichever session it likes.
        let bound = token.bound("victim", "a");
        let app_mac = Base64UrlUnpadded::encode_string(&KEY.for_apps().mac(bound).unwrap());
        let (head, _) = genuine.rsplit_once('.').unwrap();
        let forged = alloc::format!("{head}.{app_mac}");
        let sent = Some(forged.as_str());
        let refused = check(&[&KEY], sent, sent, "victim", "a", NOON);
        assert_eq!(refused, Err(CsrfRefusal::Forged));
        // Nor does that key serve as the issuer's own.
        let as_own = CsrfKey::from_bytes(decode_exactly(&KEY.for_apps().reveal()).unwrap());
        let forged = issue(&as_own, "victim", "a", NOON, &[7; 16]);
        let sent = Some(forged.as_str());
        let refused = check(&[&KEY], sent, sent, "victim", "a", NOON);
        assert_eq!(refused, Err(CsrfRefusal::Forged));
    }

    #[test]
    fn neither_question_nor_answer_prints_the_session() {
        let question = CsrfQuestion::about("secret");
        let answer = question.clone().found(Finding::Genuine);
        let printed = alloc::format!("{question:?} {answer:?}");
        assert_eq!(printed, "CsrfQuestion(redacted) Genuine");
    }
}
