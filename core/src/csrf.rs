//! The CSRF token: a signed double submit, bound to the session, the browser and the day.
//!
//! The token is `c1.<day>.<nonce>.<mac>`; `mac` is HMAC-SHA256 over the day, the nonce, the binding (the session id,
//! or [`ANONYMOUS`] before sign-in) and the user agent. The same token travels in a cookie and, a second time, as the
//! header `X-CSRF-Token` or the form field `csrf_token`: a foreign page can make the browser send the first, but it
//! can neither read nor repeat it. The MAC stops somebody who can plant cookies from choosing both halves.
//!
//! This module does not look at `Origin` or `Sec-Fetch-Site`; the issuer checks those besides, and first.

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

const PREFIX: &str = "c1";
const SECONDS_A_DAY: i64 = 86_400;

/// Because a genuine token has about 80 characters: nothing longer is worth decoding.
const MAX_TOKEN_BYTES: usize = 128;

/// A key that signs CSRF tokens. It is not printed by `Debug` and is wiped when dropped.
pub struct CsrfKey([u8; 32]);

impl CsrfKey {
    /// Takes 32 random bytes, made by the caller.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self, day: i64, nonce: &[u8], binding: &str, user_agent: &str) -> Option<Hmac<Sha256>> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).ok()?;
        mac.update(b"edgeward csrf 1\0");
        mac.update(&day.to_be_bytes());
        // Lengths go before texts, so that no two different inputs are the same bytes.
        for part in [nonce, binding.as_bytes(), user_agent.as_bytes()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
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
    /// Not the form `c1.<day>.<nonce>.<mac>`.
    Malformed,
    /// Neither of today nor of yesterday.
    Stale,
    /// The MAC fits no key with this session, browser and day.
    Forged,
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
    let day = day_of(now);
    let mac = key
        .mac(day, nonce, binding, user_agent)
        .map(|mac| Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
        .unwrap_or_default();
    format!(
        "{PREFIX}.{day}.{}.{mac}",
        Base64UrlUnpadded::encode_string(nonce)
    )
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
    let cookie = cookie
        .filter(|token| !token.is_empty())
        .ok_or(CsrfRefusal::NoCookie)?;
    let sent = sent
        .filter(|token| !token.is_empty())
        .ok_or(CsrfRefusal::NotSent)?;
    if !bool::from(cookie.as_bytes().ct_eq(sent.as_bytes())) {
        return Err(CsrfRefusal::Differs);
    }
    let token = Token::parse(sent).ok_or(CsrfRefusal::Malformed)?;
    let today = day_of(now);
    if token.day != today && token.day != today.saturating_sub(1) {
        return Err(CsrfRefusal::Stale);
    }
    let genuine = keys.iter().any(|key| {
        key.mac(token.day, &token.nonce, binding, user_agent)
            .is_some_and(|mac| mac.verify_slice(&token.mac).is_ok())
    });
    if genuine {
        Ok(())
    } else {
        Err(CsrfRefusal::Forged)
    }
}

struct Token {
    day: i64,
    nonce: [u8; 16],
    mac: [u8; 32],
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut parts = text.split('.');
        let (prefix, day, nonce, mac) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if prefix != PREFIX || parts.next().is_some() {
            return None;
        }
        let token = Self {
            day: day
                .parse()
                .ok()
                .filter(|parsed: &i64| format!("{parsed}") == day)?,
            nonce: decode_exactly(nonce)?,
            mac: decode_exactly(mac)?,
        };
        Some(token)
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
            token.replace("c1.", "c1.+"),
            token.replace("c1.", "c1.0"),
            token.replace("c1.", "c2."),
            token.clone() + "=",
            token.clone() + ".",
            token.clone() + &"A".repeat(MAX_TOKEN_BYTES),
            "c1..".to_string(),
        ] {
            let refused = check(&[&KEY], Some(&spelling), Some(&spelling), "s", "a", NOON);
            assert_eq!(refused, Err(CsrfRefusal::Malformed), "{spelling}");
        }
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{KEY:?}"), "CsrfKey(redacted)");
    }
}
