//! The edge bundle as a test wants it: honest, or wrong in one way.

use edgeward_core::bundle::BUNDLE_TYPE;
use edgeward_core::csrf::CsrfKey;
use edgeward_core::token::{SigningKey, TokenType};
use serde_json::{Value, json};

use crate::feed::decoded;
use crate::http_server::{Reply, response};
use crate::tap::Seen;

/// Where the bundle is.
pub const BUNDLE_PATH: &str = "/.well-known/edgeward-edge";

/// What an edge asks with.
#[derive(Debug, Clone)]
pub struct BundleAsk {
    /// What its proof says, unverified.
    pub proof: Value,
    /// The time that it told, in seconds since the epoch.
    pub now: i64,
}

impl BundleAsk {
    pub(crate) fn of(head: &Seen) -> Self {
        let one = |name| head.header(name).concat();
        let proof = one("edgeward-proof");
        let payload = proof.split('.').nth(1).expect("a proof is a token");
        Self {
            proof: serde_json::from_slice(&decoded(payload)).expect("claims are JSON"),
            now: one(crate::client::TEST_CLOCK).parse().expect("seconds"),
        }
    }
}

/// The claims of an honest bundle of a development site with these keys, the present one first.
#[must_use]
pub fn claims_of(site: &str, ask: &BundleAsk, keys: &[&CsrfKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| key.for_apps().reveal()).collect();
    let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let name = |purpose: &str| format!("edgeward-{purpose}");
    json!({
        "iss": site, "aud": site, "iat": ask.now, "exp": ask.now + 60, "rid": ask.proof["rid"],
        "csrf": keys, "life": 86_400,
        "cookies": {
            "session": name("session"), "access": name("access"), "refresh": name("refresh"), "csrf": name("csrf"),
            "device": name("device"),
        },
    })
}

/// The answer with these claims, signed with this key.
#[must_use]
pub fn answered(claims: &Value, key: &SigningKey) -> Reply {
    let token = key.sign(&TokenType::Other(BUNDLE_TYPE.to_owned()), claims);
    let body = token.expect("small claims");
    let media = format!("application/{BUNDLE_TYPE}");
    Reply::Whole(response(200, &[("Content-Type", &media)], body.as_bytes()))
}
