//! The CSRF token: a signed double submit, bound to the session, the browser and the day.
//!
//! The token is `c2.<day>.<nonce>.<mac>.<app mac>`. Both are HMAC-SHA256 over the day, the nonce, the binding (the session id,
//! or [`ANONYMOUS`] before sign-in) and the user agent; the first is under the issuer's own key and covers the second, which is
//! under a key derived from it ([`CsrfKey::for_apps`]). So one token serves the issuer's endpoints and the app's routes, and what
//! an edge must know to judge it on the latter forges nothing on the former.
//!
//! The same token travels in a cookie and, a second time, as the
//! header `X-CSRF-Token` or the form field `csrf_token`: a foreign page can make the browser send the first, but it
//! can neither read nor repeat it. The MAC stops somebody who can plant cookies from choosing both halves.
//!
//! This module does not look at `Origin` or `Sec-Fetch-Site`; whoever asks it checks those besides, and first.

mod app_key;
mod question;

pub use app_key::AppCsrfKey;
pub(crate) use question::Finding;
pub use question::{CsrfAnswer, CsrfQuestion, Submitted, UnreadForm};

use alloc::format;
use alloc::string::String;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::time::UnixTime;

/// The binding of a browser that nobody has signed in with; the nonce in the cookie tells such browsers apart.
pub const ANONYMOUS: &str = "anonymous";

/// The request header that repeats the token.
pub const CSRF_HEADER: &str = "X-CSRF-Token";

/// The form field that repeats the token.
pub const CSRF_FIELD: &str = "csrf_token";

/// A token for the issuer and for app routes.
const PREFIX: &str = "c2";
/// A token for the issuer only, as it was made before app routes could ask for one. Those that are out are good to their end.
const PREFIX_BEFORE: &str = "c1";
const SECONDS_A_DAY: i64 = 86_400;

/// No token is good for longer: it is of a day, and good on the next one too.
pub const TOKEN_LIFE_SECONDS: i64 = 2 * SECONDS_A_DAY;

/// Because a genuine token has 119 characters: nothing much longer is worth decoding.
const MAX_TOKEN_BYTES: usize = 128;

/// A key that signs CSRF tokens. It is not printed by `Debug` and is wiped when dropped.
pub struct CsrfKey([u8; 32]);

impl CsrfKey {
    /// Takes 32 random bytes, made by the caller.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key by which edges judge tokens on the app's routes. It says nothing about this one.
    #[must_use]
    pub fn for_apps(&self) -> AppCsrfKey {
        AppCsrfKey::derived_from(&self.0)
    }
}

/// What both MACs are about.
#[derive(Clone, Copy)]
struct Bound<'a> {
    day: i64,
    nonce: &'a [u8; 16],
    binding: &'a str,
    user_agent: &'a str,
}

impl Bound<'_> {
    /// `label` keeps the uses of a key apart, `more` is covered besides.
    fn mac(&self, key: &[u8; 32], label: &[u8], more: &[u8]) -> Option<[u8; 32]> {
        // A MAC takes keys of every length.
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
        mac.update(label);
        mac.update(&self.day.to_be_bytes());
        // Lengths go before texts, so that no two different inputs are the same bytes.
        for part in [
            self.nonce.as_slice(),
            self.binding.as_bytes(),
            self.user_agent.as_bytes(),
        ] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.update(more);
        Some(mac.finalize().into_bytes().into())
    }

    fn issuers_mac(&self, key: &CsrfKey, for_apps: Option<&[u8; 32]>) -> Option<[u8; 32]> {
        match for_apps {
            Some(for_apps) => self.mac(&key.0, b"edgeward csrf 2\0", for_apps),
            None => self.mac(&key.0, b"edgeward csrf 1\0", &[]),
        }
    }
}

impl fmt::Debug for CsrfKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CsrfKey(redacted)")
    }
}

impl Drop for CsrfKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Why a request's CSRF token was refused. All of them are answered alike (`CSRF_INVALID`); the log tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfRefusal {
    /// No CSRF cookie.
    NoCookie,
    /// Neither the header nor the form field.
    NotSent,
    /// The cookie and what was sent differ.
    Differs,
    /// Not the form of a token.
    Malformed,
    /// Neither of today nor of yesterday.
    Stale,
    /// The MAC fits no key with this session, browser and day.
    Forged,
    /// Made before app routes could ask for tokens.
    NotForApps,
}

impl CsrfRefusal {
    /// The precise reason for logs, in kebab-case.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoCookie => "csrf-no-cookie",
            Self::NotSent => "csrf-not-sent",
            Self::Differs => "csrf-differs",
            Self::Malformed => "csrf-malformed",
            Self::Stale => "csrf-stale",
            Self::Forged => "csrf-forged",
            Self::NotForApps => "csrf-not-for-apps",
        }
    }
}

impl fmt::Display for CsrfRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason())
    }
}

impl core::error::Error for CsrfRefusal {}

/// Makes a token for `binding` (the session id, or [`ANONYMOUS`]) that is good today and tomorrow (UTC).
/// `nonce` comes from the caller's random source and is used once.
#[must_use]
pub fn issue(
    key: &CsrfKey,
    binding: &str,
    user_agent: &str,
    now: UnixTime,
    nonce: &[u8; 16],
) -> String {
    let bound = Bound {
        day: day_of(now),
        nonce,
        binding,
        user_agent,
    };
    let for_apps = key.for_apps().mac(bound).unwrap_or_default();
    let mac = bound.issuers_mac(key, Some(&for_apps)).unwrap_or_default();
    format!(
        "{PREFIX}.{}.{}.{}.{}",
        bound.day,
        Base64UrlUnpadded::encode_string(nonce),
        Base64UrlUnpadded::encode_string(&mac),
        Base64UrlUnpadded::encode_string(&for_apps)
    )
}

/// Whether a token that holds at the issuer says something to edges too. One that was made before app routes could ask for
/// tokens does not.
#[must_use]
pub fn serves_app_routes(token: &str) -> bool {
    Token::parse(token).is_some_and(|token| token.for_apps.is_some())
}

/// Checks the double submit: `cookie` and `sent` must be the same genuine token of today or yesterday, made under one
/// of `keys` (the current one and the one before it) for the same binding and user agent.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(
    keys: &[&CsrfKey],
    cookie: Option<&str>,
    sent: Option<&str>,
    binding: &str,
    user_agent: &str,
    now: UnixTime,
) -> Result<(), CsrfRefusal> {
    let token = Token::sent_twice(cookie, sent, now)?;
    let bound = token.bound(binding, user_agent);
    let genuine = keys.iter().any(|key| {
        bound
            .issuers_mac(key, token.for_apps.as_ref())
            .is_some_and(|mac| mac.ct_eq(&token.mac).into())
    });
    if genuine {
        Ok(())
    } else {
        Err(CsrfRefusal::Forged)
    }
}

#[derive(Clone, Copy)]
struct Token {
    day: i64,
    nonce: [u8; 16],
    mac: [u8; 32],
    for_apps: Option<[u8; 32]>,
}

impl Token {
    /// What can be said of the two halves without a key.
    fn sent_twice(
        cookie: Option<&str>,
        sent: Option<&str>,
        now: UnixTime,
    ) -> Result<Self, CsrfRefusal> {
        let cookie = cookie
            .filter(|token| !token.is_empty())
            .ok_or(CsrfRefusal::NoCookie)?;
        let sent = sent
            .filter(|token| !token.is_empty())
            .ok_or(CsrfRefusal::NotSent)?;
        if !bool::from(cookie.as_bytes().ct_eq(sent.as_bytes())) {
            return Err(CsrfRefusal::Differs);
        }
        let token = Self::parse(sent).ok_or(CsrfRefusal::Malformed)?;
        let today = day_of(now);
        if token.day != today && token.day != today.saturating_sub(1) {
            return Err(CsrfRefusal::Stale);
        }
        Ok(token)
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut parts = text.split('.');
        let (prefix, day, nonce, mac) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let for_apps = match (prefix, parts.next()) {
            (PREFIX, Some(mac)) => Some(decode_exactly(mac)?),
            (PREFIX_BEFORE, None) => None,
            (_, Some(_) | None) => return None,
        };
        if parts.next().is_some() {
            return None;
        }
        let token = Self {
            day: day
                .parse()
                .ok()
                .filter(|parsed: &i64| format!("{parsed}") == day)?,
            nonce: decode_exactly(nonce)?,
            mac: decode_exactly(mac)?,
            for_apps,
        };
        Some(token)
    }

    const fn bound<'a>(&'a self, binding: &'a str, user_agent: &'a str) -> Bound<'a> {
        Bound {
            day: self.day,
            nonce: &self.nonce,
            binding,
            user_agent,
        }
    }
}

/// The decoder refuses padding and non-canonical trailing bits, so a token has one spelling.
fn decode_exactly<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (decoded.len() == LENGTH).then_some(bytes)
}

const fn day_of(now: UnixTime) -> i64 {
    now.seconds().div_euclid(SECONDS_A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const NOON: UnixTime = UnixTime::from_seconds(20_000 * SECONDS_A_DAY + 43_200);
    const NONCE: [u8; 16] = [7; 16];
    const KEY: CsrfKey = CsrfKey::from_bytes([1; 32]);
    const OTHER: CsrfKey = CsrfKey::from_bytes([2; 32]);

    #[test]
    fn a_token_is_accepted_for_its_session_browser_and_day_only() {
        let token = issue(&KEY, "sid-1", "Browser/1", NOON, &NONCE);
        let judge = |keys: &[&CsrfKey], binding: &str, agent: &str, days: i64| {
            check(
                keys,
                Some(&token),
                Some(&token),
                binding,
                agent,
                NOON.plus(days * SECONDS_A_DAY),
            )
        };
        assert_eq!(judge(&[&KEY], "sid-1", "Browser/1", 0), Ok(()));
        assert_eq!(
            judge(&[&KEY], "sid-1", "Browser/1", 1),
            Ok(()),
            "yesterday's bucket"
        );
        assert_eq!(
            judge(&[&OTHER, &KEY], "sid-1", "Browser/1", 0),
            Ok(()),
            "the previous key"
        );
        assert_eq!(
            judge(&[&KEY], "sid-1", "Browser/1", 2),
            Err(CsrfRefusal::Stale)
        );
        assert_eq!(
            judge(&[&KEY], "sid-1", "Browser/1", -1),
            Err(CsrfRefusal::Stale)
        );
        assert_eq!(
            judge(&[&KEY], "sid-2", "Browser/1", 0),
            Err(CsrfRefusal::Forged)
        );
        assert_eq!(
            judge(&[&KEY], ANONYMOUS, "Browser/1", 0),
            Err(CsrfRefusal::Forged)
        );
        assert_eq!(
            judge(&[&KEY], "sid-1", "Browser/2", 0),
            Err(CsrfRefusal::Forged)
        );
        assert_eq!(
            judge(&[&KEY], "sid-1B", "rowser/1", 0),
            Err(CsrfRefusal::Forged),
            "the boundary is signed"
        );
        assert_eq!(
            judge(&[&OTHER], "sid-1", "Browser/1", 0),
            Err(CsrfRefusal::Forged)
        );
        assert_eq!(
            judge(&[], "sid-1", "Browser/1", 0),
            Err(CsrfRefusal::Forged)
        );
    }

    #[test]
    fn both_halves_must_be_sent_and_be_the_same() {
        let token = issue(&KEY, "s", "a", NOON, &NONCE);
        let other = issue(&KEY, "s", "a", NOON, &[8; 16]);
        let judge = |cookie, sent| check(&[&KEY], cookie, sent, "s", "a", NOON);
        assert_eq!(judge(None, Some(&*token)), Err(CsrfRefusal::NoCookie));
        assert_eq!(judge(Some(""), Some("")), Err(CsrfRefusal::NoCookie));
        assert_eq!(judge(Some(&*token), None), Err(CsrfRefusal::NotSent));
        assert_eq!(judge(Some(&*token), Some("")), Err(CsrfRefusal::NotSent));
        assert_eq!(
            judge(Some(&*token), Some(&*other)),
            Err(CsrfRefusal::Differs)
        );
        assert_eq!(judge(Some(&*token), Some(&*token)), Ok(()));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let token = issue(&KEY, "s", "a", NOON, &NONCE);
        for place in 0..token.len() {
            let mut mangled = token.clone().into_bytes();
            mangled[place] = if mangled[place] == b'A' { b'B' } else { b'A' };
            let mangled = String::from_utf8(mangled).unwrap();
            assert!(
                check(&[&KEY], Some(&mangled), Some(&mangled), "s", "a", NOON).is_err(),
                "{mangled}"
            );
        }
    }

    #[test]
    fn other_spellings_of_a_token_are_malformed() {
        let token = issue(&KEY, "s", "a", NOON, &NONCE);
        for spelling in [
            token.replace("c2.", "c2.+"),
            token.replace("c2.", "c2.0"),
            token.replace("c2.", "c1."),
            token.replace("c2.", "c3."),
            token.rsplit_once('.').unwrap().0.to_string(),
            token.clone() + "=",
            token.clone() + ".",
            token.clone() + &"A".repeat(MAX_TOKEN_BYTES),
            "c1..".to_string(),
            "c2....".to_string(),
        ] {
            let refused = check(&[&KEY], Some(&spelling), Some(&spelling), "s", "a", NOON);
            assert_eq!(refused, Err(CsrfRefusal::Malformed), "{spelling}");
        }
    }

    /// Of these very arguments, by the release before `c2`.
    const BEFORE: &str =
        "c1.20000.BwcHBwcHBwcHBwcHBwcHBw.SlRpkD5YR9dEFQMBUNJJwaP8GzDlPTQ6w5ZHN9nTt9M";

    #[test]
    fn a_token_of_the_release_before_is_good_to_its_end() {
        let judge = |binding: &str, days: i64| {
            let now = NOON.plus(days * SECONDS_A_DAY);
            check(&[&KEY], Some(BEFORE), Some(BEFORE), binding, "a", now)
        };
        assert_eq!(judge("s", 0), Ok(()));
        assert_eq!(judge("s", 1), Ok(()));
        assert_eq!(judge("s", 2), Err(CsrfRefusal::Stale));
        assert_eq!(judge("t", 0), Err(CsrfRefusal::Forged));
        assert!(!serves_app_routes(BEFORE));
        assert!(serves_app_routes(&issue(&KEY, "s", "a", NOON, &NONCE)));
    }

    #[test]
    fn a_genuine_token_is_as_short_as_it_must_be() {
        let token = issue(&KEY, "s", "a", NOON, &NONCE);
        assert!(token.len() + 3 <= MAX_TOKEN_BYTES, "{}", token.len());
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{KEY:?}"), "CsrfKey(redacted)");
        assert_eq!(format!("{:?}", KEY.for_apps()), "AppCsrfKey(redacted)");
    }
}
