//! Identity headers that are ready, kept beside the verified tokens.
//!
//! Signing an assertion costs as much as verifying a token, so it is not done for each request: the headers that were made
//! for a token serve again while the assertion has at least half of its life left. They are found by the digest of the whole
//! token, so what was made for one is never handed out for another, of the same user or not; and they are asked for with a
//! [`Verified`] only, so nobody gets them whose token was not judged for this very request. Other keys forget everything.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{ByDigest, MAX_SEEN_TOKENS, SignError, TokenDigest, Verified};

use super::config::Settings;
use super::identity::{self, Bound};

/// The headers of one token, the assertion first.
pub(super) type Introduction = Rc<[(&'static str, String)]>;

/// Because an app that queues a request shall still find the assertion good: half of its life is what it can count on.
const SERVES_FOR_SECONDS: i64 = identity::LIFETIME_SECONDS / 2;

/// Most kept headers in bytes. Because they say everything twice, signed and plain, so a thousand ordinary tokens fit and
/// large ones make room among themselves.
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;

thread_local! {
    static KEPT: RefCell<Introductions> = const { RefCell::new(Introductions::none()) };
}

/// The headers that introduce this caller to the app. What speaks for one request is made for it and not kept.
///
/// # Errors
/// The edge's key could not sign.
pub(super) fn of(
    who: &Verified,
    bound: Option<Bound<'_>>,
    settings: &Settings,
    now: UnixTime,
) -> Result<Introduction, SignError> {
    if bound.is_some() {
        return Ok(identity::headers(who, bound, settings, now)?.into());
    }
    KEPT.with_borrow_mut(|kept| kept.of(who, settings, now))
}

/// Tells which keys the tokens of now are verified with.
pub(super) fn keys_are(keys: &KeySet) {
    KEPT.with_borrow_mut(|kept| kept.keys_are(keys));
}

struct Made {
    headers: Introduction,
    at: UnixTime,
    bytes: usize,
}

struct Introductions {
    under: [u8; 32],
    made: ByDigest<Made>,
    /// The oldest first; what has to go, goes in this order.
    order: VecDeque<TokenDigest>,
    bytes: usize,
}

impl Introductions {
    const fn none() -> Self {
        Self {
            under: [0; 32],
            made: ByDigest::new(),
            order: VecDeque::new(),
            bytes: 0,
        }
    }

    fn keys_are(&mut self, keys: &KeySet) {
        if self.under != *keys.fingerprint() {
            *self = Self::none();
            self.under = *keys.fingerprint();
        }
    }

    fn of(
        &mut self,
        who: &Verified,
        settings: &Settings,
        now: UnixTime,
    ) -> Result<Introduction, SignError> {
        if let Some(made) = self.made.get(&who.digest())
            && (0..=SERVES_FOR_SECONDS).contains(&now.seconds_since(made.at))
        {
            return Ok(Rc::clone(&made.headers));
        }
        let headers: Introduction = identity::headers(who, None, settings, now)?.into();
        self.keep(who.digest(), Rc::clone(&headers), now);
        Ok(headers)
    }

    fn keep(&mut self, token: TokenDigest, headers: Introduction, at: UnixTime) {
        let bytes = headers.iter().map(|(_, value)| value.len()).sum();
        if let Some(before) = self.made.remove(&token) {
            self.bytes -= before.bytes;
        } else {
            self.order.push_back(token);
        }
        self.bytes += bytes;
        self.made.insert(token, Made { headers, at, bytes });
        while self.made.len() > MAX_SEEN_TOKENS || self.bytes > MAX_KEPT_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(made) = self.made.remove(&oldest) {
                self.bytes -= made.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::identity::tests::{NOW, access_token};
    use edgeward_core::token::{ParsedToken, verify};
    use serde_json::json;

    fn settings() -> Settings {
        settings_with(&[]).ok().unwrap()
    }

    fn verified(claims: &serde_json::Value, settings: &Settings) -> Verified {
        let (token, keys) = access_token(claims);
        verify(&token, &keys, &settings.expect, NOW).unwrap()
    }

    fn keys() -> KeySet {
        access_token(&json!({})).1
    }

    /// How long the assertion among the headers is still good.
    fn seconds_left(headers: &Introduction, settings: &Settings, now: UnixTime) -> i64 {
        let (name, assertion) = headers.first().unwrap();
        assert_eq!(*name, "edgeward-assertion");
        assert!(ParsedToken::parse(assertion).is_ok());
        let (name, user) = headers.get(1).unwrap();
        assert_eq!((*name, user.as_str()), ("edgeward-user", "u-1"));
        let keys = KeySet::from_keys([settings
            .identity
            .key
            .public_jwk()
            .restricted_to(&edgeward_core::token::TokenType::Assertion)])
        .unwrap();
        let mut expect = settings.expect.clone();
        expect.token_type = edgeward_core::token::TokenType::Assertion;
        let verified = verify(assertion, &keys, &expect, now).unwrap();
        verified.claims().expires_at().seconds_since(now)
    }

    #[test]
    fn an_assertion_serves_half_its_life_and_is_then_renewed() {
        let settings = settings();
        let who = verified(&json!({}), &settings);
        let mut kept = Introductions::none();
        for (second, left) in [(0, 60), (1, 59), (30, 30), (31, 60), (61, 30), (62, 60)] {
            let now = NOW.plus(second);
            let headers = kept.of(&who, &settings, now).unwrap();
            assert_eq!(seconds_left(&headers, &settings, now), left, "at {second}");
        }
        assert_eq!((kept.made.len(), kept.order.len()), (1, 1));
    }

    #[test]
    fn a_clock_that_stepped_back_gets_a_new_one() {
        let settings = settings();
        let who = verified(&json!({}), &settings);
        let mut kept = Introductions::none();
        let later = kept.of(&who, &settings, NOW.plus(10)).unwrap();
        let now = kept.of(&who, &settings, NOW).unwrap();
        assert!(!Rc::ptr_eq(&later, &now));
        assert_eq!(seconds_left(&now, &settings, NOW), 60);
    }

    #[test]
    fn two_tokens_never_share_one() {
        let settings = settings();
        let mut kept = Introductions::none();
        let mut assertions = std::collections::BTreeSet::new();
        // Other users, other sessions of the same user, and two tokens that differ in nothing that the app is told.
        for claims in [
            json!({}),
            json!({ "sub": "u-2" }),
            json!({ "sid": "s-1" }),
            json!({ "sid": "s-2" }),
            json!({ "roles": ["admin"] }),
            json!({ "jti": "t-2" }),
        ] {
            let who = verified(&claims, &settings);
            let headers = kept.of(&who, &settings, NOW).unwrap();
            let again = kept.of(&who, &settings, NOW).unwrap();
            assert!(Rc::ptr_eq(&headers, &again), "{claims}");
            let told: Vec<_> = headers.iter().cloned().collect();
            assert_eq!(told, identity::headers(&who, None, &settings, NOW).unwrap());
            assertions.insert(Rc::as_ptr(&headers).cast::<u8>());
        }
        assert_eq!(assertions.len(), 6);
    }

    #[test]
    fn other_keys_forget_everything_and_the_same_keys_nothing() {
        let settings = settings();
        let who = verified(&json!({}), &settings);
        let mut kept = Introductions::none();
        kept.keys_are(&keys());
        let first = kept.of(&who, &settings, NOW).unwrap();
        kept.keys_are(&keys());
        assert!(Rc::ptr_eq(&first, &kept.of(&who, &settings, NOW).unwrap()));
        kept.keys_are(&KeySet::parse(br#"{"keys":[]}"#).unwrap());
        assert!(kept.made.is_empty() && kept.order.is_empty() && kept.bytes == 0);
    }

    #[test]
    fn a_flood_of_tokens_keeps_within_the_bounds() {
        let settings = settings();
        let headers = |bytes: usize| Introduction::from([("edgeward-user", "x".repeat(bytes))]);
        let digest =
            |number: usize| verified(&json!({ "jti": format!("t-{number}") }), &settings).digest();
        let digests: Vec<_> = (0..MAX_SEEN_TOKENS + 10).map(digest).collect();
        for bytes in [1, 16 * 1024] {
            let mut kept = Introductions::none();
            for digest in &digests {
                kept.keep(*digest, headers(bytes), NOW);
                assert!(kept.made.len() <= MAX_SEEN_TOKENS && kept.bytes <= MAX_KEPT_BYTES);
                assert_eq!(kept.made.len(), kept.order.len());
                assert_eq!(kept.bytes, kept.made.len() * bytes);
                assert!(kept.made.get(digest).is_some(), "the latest stays");
            }
        }
    }
}
