//! An edge, as far as it tells which refreshes it saw arrive.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::{
    time::UnixTime,
    token::{ARRIVALS_HEADER, SigningKey, TokenType},
};
use edgeward_issuer::config::Config;
use reqwest::{Client, StatusCode};
use serde_json::json;

/// What it asks for, and tells with.
const FEED: &str = "/.well-known/edgeward-revocations";

/// So long a proof is good.
const PROOF_SECONDS: i64 = 30;

/// An enrolled edge.
pub(crate) struct Edge {
    name: &'static str,
    key: SigningKey,
    /// The issuer that it introduces itself to.
    issuer: String,
}

impl Edge {
    /// The one to which `edge enroll` gave this secret.
    pub(crate) fn of(name: &'static str, secret: &str) -> Self {
        let seed = secret.trim().rsplit('.').next().unwrap();
        let seed = Base64UrlUnpadded::decode_vec(seed).unwrap();
        Self {
            name,
            key: SigningKey::from_seed(&seed.try_into().unwrap()).unwrap(),
            issuer: Config::defaults("data".as_ref()).issuer.url,
        }
    }

    /// Asks for the feed, and tells these with it: `<sid>.<seq>;` for each. An error is a connection that broke.
    pub(crate) async fn tell(
        &self,
        http: &Client,
        origin: &str,
        arrived: &str,
        now: UnixTime,
    ) -> Result<StatusCode, reqwest::Error> {
        let claims = json!({
            "iss": self.name, "sub": self.name, "aud": self.issuer, "iat": now, "exp": now.plus(PROOF_SECONDS),
            "jti": "j-1", "htm": "GET", "htu": FEED, "rid": "r-1", "own": true,
        });
        let proof = self.key.sign(&TokenType::EdgeProof, &claims).unwrap();
        let ask = http
            .get(format!("{origin}{FEED}"))
            .header("edgeward-proof", proof)
            .header(ARRIVALS_HEADER, arrived);
        Ok(ask.send().await?.status())
    }
}
