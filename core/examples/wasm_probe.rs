//! The smallest wasm module that uses every part of the core, so that a check can look at what it imports.
//!
//! Built with `cargo build -p edgeward-core --example wasm_probe --target wasm32-unknown-unknown --release`. It must
//! import nothing from `env`: an import there would be a clock, a source of randomness or a C library that nobody
//! provides at the edge.

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment};
use edgeward_core::csrf::{self, CsrfKey};
use edgeward_core::gate::{
    CanonicalPath, Client, Credential, Decision, Gate, PolicyState, Renewal, RequestSource,
    RequestView, Turns, decide,
};
use edgeward_core::keys::KeySet;
use edgeward_core::return_to;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType, verify};

const POLICY: &str = "version = 1\n[[route]]\npath = \"/**\"\nallow = \"signed-in\"\n";

/// 0 if everything works together, else the number of the step that did not.
///
/// The arguments keep the compiler from computing the answer beforehand.
#[unsafe(no_mangle)]
pub extern "C" fn probe(seed: u8, now: i64) -> u32 {
    let now = UnixTime::from_seconds(now);
    let Ok(key) = SigningKey::from_seed(&[seed; 32]) else {
        return 1;
    };
    let claims = serde_json::json!({ "iss": "i", "aud": "a", "exp": now.plus(1) });
    let Ok(token) = key.sign(&TokenType::Access, &claims) else {
        return 2;
    };
    let Ok(published) = KeySet::from_keys([key.public_jwk()]) else {
        return 3;
    };
    let Ok(keys) = KeySet::parse(published.to_json().as_bytes()) else {
        return 4;
    };
    let expect = Expectations::new("i", Audiences::OneOf(vec!["a".into()]), TokenType::Access);
    if verify(&token, &keys, &expect, now).is_err() {
        return 5;
    }

    let authorization = format!("Bearer {token}");
    let names = CookieNames::for_environment(Environment::Production, false);
    let request = RequestView {
        source: RequestSource::default(),
        client: Client::Untold,
        method: "GET",
        host: "app.example.test",
        path: CanonicalPath::parse("/a"),
        query: None,
        credential: Credential::from_headers(&[&authorization], &CookieHeader::parse(&[]), &names),
        navigation: false,
        renewal: Renewal::Impossible,
    };
    let policy = PolicyState::parse(POLICY);
    let gate = Gate {
        site: "https://app.example.test",
        policy: &policy,
        keys: Some(&keys),
        keys_are_final: true,
        expect: &expect,
        answer: None,
        seen: None,
        turns: Turns::default(),
        revocations: None,
    };
    if !matches!(decide(&gate, &request, now), Decision::Forward(_)) {
        return 6;
    }

    let csrf_key = CsrfKey::from_bytes([seed; 32]);
    let csrf_token = csrf::issue(&csrf_key, "s", "agent", now, &[seed; 16]);
    let sent = Some(csrf_token.as_str());
    if csrf::check(&[&csrf_key], sent, sent, "s", "agent", now).is_err() {
        return 7;
    }
    if return_to::sanitise("/a?b=c").is_none() {
        return 8;
    }
    0
}
