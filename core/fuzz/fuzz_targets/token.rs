//! A token: any text, or (two lines or more) a header and a payload that are properly signed.
//!
//! Whatever is accepted has one spelling, says what its payload says, and is remembered as what it was; whatever needs the
//! platform needs it once; and nothing that is told about a token holds a byte of it.
#![no_main]

use std::sync::{Arc, LazyLock};

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_compact::{KeyPair, Seed};
use edgeward_core::keys::KeySet;
use edgeward_core::reject::Reject;
use edgeward_core::signature::{Finding, SignatureAnswer};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{
    Audiences, BroughtBy, Expectations, ParsedToken, SeenTokens, TokenType, Unverified, Verified,
    verify_with,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW: UnixTime = UnixTime::from_seconds(1_700_000_000);
const LEEWAY: i64 = 60;

/// A key of each kind; the private half of the first is all sevens.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let x = Base64UrlUnpadded::encode_string(&pair().pk[..]);
    let number = |length: usize| Base64UrlUnpadded::encode_string(&vec![0xc1; length]);
    let (coordinate, modulus) = (number(32), number(256));
    let json = format!(
        r#"{{"keys":[
            {{"kty":"OKP","crv":"Ed25519","kid":"e","x":"{x}"}},
            {{"kty":"EC","crv":"P-256","kid":"p","x":"{coordinate}","y":"{coordinate}"}},
            {{"kty":"RSA","kid":"r","n":"{modulus}","e":"AQAB"}}]}}"#
    );
    KeySet::parse(json.as_bytes()).expect("three good keys")
});

static EXPECT: LazyLock<Expectations> = LazyLock::new(|| {
    let audiences = Audiences::OneOf(vec!["a".into()]);
    Expectations::new("i", audiences, TokenType::Access)
});

fn pair() -> KeyPair {
    KeyPair::from_seed(Seed::new([7; 32]))
}

fn signed(header: &str, payload: &str) -> String {
    let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = pair().sk.sign(&input, None);
    // As long as the algorithm wants it, so that the platform is asked as well.
    let signature = if header.contains("RS256") {
        vec![1; 256]
    } else {
        signature.to_vec()
    };
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

/// Verifies, and lets a platform say yes to whatever it is asked.
fn verify(token: &str) -> Result<Verified, Reject> {
    let ask = |answer: Option<&SignatureAnswer>| verify_with(token, &KEYS, &EXPECT, answer, NOW);
    let question = match ask(None) {
        Ok(verified) => return Ok(verified),
        Err(Unverified::Rejected(reject)) => return Err(reject),
        Err(Unverified::NeedsSignature(question)) => question,
    };
    assert!(token.as_bytes().starts_with(question.message()));
    let shown = format!("{question:?}");
    assert!(shown.len() < 60, "{shown}");
    for (finding, expected) in [
        (Finding::Invalid, Reject::SignatureInvalid),
        (Finding::KeyRefused, Reject::KeyRefused),
        (Finding::NotChecked, Reject::SignatureNotChecked),
    ] {
        let answer = question.clone().answer(finding);
        assert_eq!(
            ask(Some(&answer)).map(|_| ()),
            Err(Unverified::Rejected(expected))
        );
    }
    match ask(Some(&question.answer(Finding::Valid))) {
        Ok(verified) => Ok(verified),
        Err(Unverified::Rejected(reject)) => Err(reject),
        Err(Unverified::NeedsSignature(_)) => panic!("asked twice"),
    }
}

fn check_accepted(token: &str, verified: Verified) {
    let segments: Vec<&str> = token.split('.').collect();
    assert_eq!(segments.len(), 3);
    for segment in &segments {
        let bytes = Base64UrlUnpadded::decode_vec(segment).expect("base64url");
        assert_eq!(Base64UrlUnpadded::encode_string(&bytes), *segment);
    }
    let payload = Base64UrlUnpadded::decode_vec(segments[1]).expect("base64url");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    let said: Value = serde_json::from_str(&verified.claims().to_json()).expect("JSON");
    // A number of many digits is read to within its last place. What was printed and read again is compared with its like.
    let printed: Value = serde_json::from_str(&payload.to_string()).expect("JSON");
    assert_eq!(said, printed, "the claims are those of the payload");
    assert_eq!(payload["iss"], "i");
    let audiences = verified.claims().audience();
    assert!(audiences.iter().any(|audience| audience == "a"));
    let expires = payload["exp"].as_f64().expect("a number");
    assert!(expires + LEEWAY as f64 > NOW.seconds() as f64);
    for time in ["nbf", "iat"] {
        let begins = payload
            .get(time)
            .map(|time| time.as_f64().expect("a number"));
        assert!(begins.is_none_or(|begins| begins <= (NOW.seconds() + LEEWAY) as f64));
    }

    let verified = Arc::new(verified);
    let mut seen = SeenTokens::new();
    seen.remember(BroughtBy::Client, &verified, token.len(), &KEYS, &EXPECT);
    let recalled = seen.recall(BroughtBy::Client, token, &KEYS, &EXPECT, NOW);
    assert!(recalled.is_some_and(|again| again.is_ok_and(|again| Arc::ptr_eq(&again, &verified))));
    for other in [&token[1..], &token[..token.len() - 1], &format!("{token}A")] {
        assert!(
            seen.recall(BroughtBy::Client, other, &KEYS, &EXPECT, NOW)
                .is_none()
        );
        assert!(verify(other).is_err());
    }
}

fn check(token: &str) {
    let outcome = verify(token);
    // What cannot be taken apart is refused for that, whatever the keys.
    if let Err(reject) = ParsedToken::parse(token) {
        assert_eq!(outcome.as_ref().err(), Some(&reject));
    }
    match outcome {
        Ok(verified) => check_accepted(token, verified),
        Err(reject) => assert!(Reject::ALL.contains(&reject)),
    }
}

fuzz_target!(|text: &str| {
    match text.split_once('\n') {
        Some((header, payload)) => check(&signed(header, payload)),
        None => check(text),
    }
});
