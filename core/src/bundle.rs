//! What the issuer tells its edges beside keys and ended sessions: the edge bundle.
//!
//! It is one token, which goes through the one door like any other and names the request that it answers, so that a bundle of a
//! moment ago cannot be shown again. It holds secrets (the keys of CSRF tokens on app routes), so only an enrolled edge is given
//! one, and nothing keeps it but the memory of an isolate.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use crate::cookie::CookieNames;
use crate::csrf::AppCsrfKey;
use crate::keys::{HARD_TTL_SECONDS, KeySet};
use crate::reject::Reject;
use crate::time::UnixTime;
use crate::token::{Audiences, Expectations, TokenType, Verified, verify};

/// The `typ` of a bundle.
pub const BUNDLE_TYPE: &str = "edgeward-edge+jwt";

/// The longest bundle. Because that is what a token may have.
pub const MAX_BUNDLE_BYTES: usize = 8 * 1024;

/// Most generations of keys. Because a token lives two days and keys change more seldom: the present one, the next, and two before.
pub const MAX_GENERATIONS: usize = 4;

/// The longest that an edge may go on with a bundle while the issuer is away. As long as with a key set.
pub const MAX_LIFE_SECONDS: i64 = HARD_TTL_SECONDS;

/// What a bundle of this issuer for edges of this audience says.
#[must_use]
pub fn expectations(issuer: &str, audience: &str) -> Expectations {
    Expectations::new(
        issuer,
        Audiences::OneOf([audience.to_owned()].into()),
        TokenType::Other(BUNDLE_TYPE.to_owned()),
    )
}

/// A bundle that holds in everything.
#[derive(Debug)]
pub struct Bundle {
    /// The keys by which CSRF tokens on app routes are judged, the present generation first (it makes tokens).
    pub csrf_keys: Vec<AppCsrfKey>,
    /// Whether the issuer names its cookies as was expected. If not, one of the two is configured for another deployment.
    pub names_agree: bool,
    /// It must not be used from this moment on, even if the issuer is away.
    pub good_until: UnixTime,
}

/// Why a bundle is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleFault {
    /// Not text.
    NotText,
    /// The token is refused.
    Token(Reject),
    /// It answers another request.
    OtherRequest,
    /// It lacks a claim of a bundle, or one says what cannot be.
    Claims,
}

impl BundleFault {
    /// The stable name, for the log.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotText => "not-text",
            Self::Token(reject) => reject.reason(),
            Self::OtherRequest => "bundle-of-another-request",
            Self::Claims => "bundle-claims",
        }
    }
}

impl Bundle {
    /// Reads the answer to the request of this id, where cookies have these names.
    ///
    /// # Errors
    /// The first thing that is wrong; then nothing of the bundle counts.
    pub fn read(
        body: &[u8],
        request_id: &str,
        names: &CookieNames,
        keys: &KeySet,
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, BundleFault> {
        let token = core::str::from_utf8(body).map_err(|_| BundleFault::NotText)?;
        let verified = verify(token, keys, expect, now).map_err(BundleFault::Token)?;
        if verified.claims().get("rid").and_then(|rid| rid.as_str()) != Some(request_id) {
            return Err(BundleFault::OtherRequest);
        }
        Self::of(&verified, names, now).ok_or(BundleFault::Claims)
    }

    fn of(verified: &Verified, names: &CookieNames, now: UnixTime) -> Option<Self> {
        let claims = verified.claims();
        let keys = claims.get("csrf")?.as_array()?;
        if keys.is_empty() || keys.len() > MAX_GENERATIONS {
            return None;
        }
        let mut csrf_keys = Vec::new();
        for key in keys {
            csrf_keys.push(AppCsrfKey::from_revealed(key.as_str()?)?);
        }
        let named = claims.get("cookies")?.as_object()?;
        // One tells: the names differ by environment, and then all of them do.
        let names_agree = named.get("csrf").and_then(|name| name.as_str()) == Some(&*names.csrf);
        let life = claims.get("life")?.as_i64()?;
        (1..=MAX_LIFE_SECONDS).contains(&life).then_some(Self {
            csrf_keys,
            names_agree,
            good_until: now.plus(life),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::Environment;
    use crate::csrf::CsrfKey;
    use crate::token::SigningKey;
    use alloc::format;
    use alloc::string::ToString as _;
    use serde_json::{Value, json};

    const SITE: &str = "https://site.example";
    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn claims() -> Value {
        let keys = [1, 2].map(|seed| CsrfKey::from_bytes([seed; 32]).for_apps());
        json!({
            "iss": SITE, "aud": SITE, "iat": NOW, "exp": NOW.plus(60), "rid": "r-1", "life": 600,
            "csrf": keys.map(|key| key.reveal().to_string()),
            "cookies": {
                "session": "__Host-edgeward-session", "access": "__Host-edgeward-access",
                "refresh": "__Host-edgeward-refresh", "csrf": "__Host-edgeward-csrf", "device": "__Host-edgeward-device",
            },
        })
    }

    fn read(claims: &Value, typ: TokenType) -> Result<Bundle, BundleFault> {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let keys = KeySet::from_keys([key.public_jwk()]).unwrap();
        let names = CookieNames::for_environment(Environment::Production, false);
        let token = key.sign(&typ, claims).unwrap();
        let expect = expectations(SITE, SITE);
        Bundle::read(token.as_bytes(), "r-1", &names, &keys, &expect, NOW)
    }

    fn typ() -> TokenType {
        TokenType::Other(BUNDLE_TYPE.to_owned())
    }

    #[test]
    fn an_honest_bundle_is_read() {
        let bundle = read(&claims(), typ()).unwrap();
        assert_eq!((bundle.csrf_keys.len(), bundle.names_agree), (2, true));
        assert_eq!(bundle.good_until, NOW.plus(600));
        let printed = format!("{bundle:?}");
        assert!(printed.contains("AppCsrfKey(redacted)"), "{printed}");
        assert!(read(&claims(), TokenType::Access).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (claim, value, expected) in [
            ("rid", json!("r-2"), Err("bundle-of-another-request")),
            (
                "aud",
                json!("https://other.example"),
                Err("audience-mismatch"),
            ),
            (
                "iss",
                json!("https://other.example"),
                Err("issuer-mismatch"),
            ),
            ("exp", json!(NOW.plus(-61)), Err("expired")),
            ("csrf", json!([]), Err("bundle-claims")),
            ("csrf", json!(["short"]), Err("bundle-claims")),
            ("csrf", json!([1]), Err("bundle-claims")),
            (
                "csrf",
                json!(alloc::vec!["A".repeat(43); 5]),
                Err("bundle-claims"),
            ),
            ("csrf", json!(null), Err("bundle-claims")),
            ("life", json!(0), Err("bundle-claims")),
            ("life", json!(86_401), Err("bundle-claims")),
            ("life", json!("600"), Err("bundle-claims")),
            ("cookies", json!(null), Err("bundle-claims")),
            ("cookies", json!({}), Ok(false)),
            ("more", json!("for later"), Ok(true)),
        ] {
            let mut claims = claims();
            claims[claim] = value.clone();
            let told = read(&claims, typ());
            let told = told
                .map(|bundle| bundle.names_agree)
                .map_err(|fault| fault.reason());
            assert_eq!(told, expected, "{claim}: {value}");
        }
    }
}
