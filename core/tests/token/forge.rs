//! Makes tokens that no honest issuer makes: any header, any payload, properly signed.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_compact::{KeyPair, Seed};
use edgeward_core::keys::KeySet;
use edgeward_core::time::UnixTime;
use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType};

pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_700_000_000);
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://app.example";

/// The private key of RFC 8037 appendix A.1.
pub(crate) const SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
/// Its thumbprint, RFC 8037 appendix A.3.
pub(crate) const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
/// Its public half, RFC 8037 appendix A.2.
pub(crate) const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_seed(&SEED).unwrap()
}

pub(crate) fn keys() -> KeySet {
    KeySet::from_keys([signing_key().public_jwk()]).unwrap()
}

pub(crate) fn expect() -> Expectations {
    Expectations::new(
        ISSUER,
        Audiences::OneOf(vec![AUDIENCE.into()]),
        TokenType::Access,
    )
}

/// A JSON object as text, so that its members may be anything, also what no JSON library writes.
#[derive(Clone)]
pub(crate) struct Object(Vec<(String, String)>);

impl Object {
    /// Sets a member to this JSON text.
    pub(crate) fn with(mut self, name: &str, json: &str) -> Self {
        match self.0.iter_mut().find(|(existing, _)| existing == name) {
            Some((_, value)) => *value = json.into(),
            None => self.0.push((name.into(), json.into())),
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(existing, _)| existing != name);
        self
    }

    pub(crate) fn text(&self) -> String {
        let members: Vec<_> = self
            .0
            .iter()
            .map(|(name, json)| format!("\"{name}\":{json}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// The text with one more member at the end, which may be a second one of its name.
    pub(crate) fn text_and(&self, member: &str) -> String {
        let text = self.text();
        format!("{},{member}}}", text.strip_suffix('}').unwrap())
    }
}

/// The header of a good token.
pub(crate) fn header() -> Object {
    Object(Vec::new())
        .with("alg", "\"EdDSA\"")
        .with("kid", &format!("\"{KID}\""))
        .with("typ", "\"at+jwt\"")
}

/// The claims of a good token.
pub(crate) fn claims() -> Object {
    Object(Vec::new())
        .with("iss", &format!("\"{ISSUER}\""))
        .with("aud", &format!("\"{AUDIENCE}\""))
        .with("sub", "\"u1\"")
        .with("exp", "1700000600")
        .with("iat", "1700000000")
        .with("nbf", "1700000000")
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

/// The token of these bytes, with a good signature of the issuer's key.
pub(crate) fn forge(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = KeyPair::from_seed(Seed::new(SEED))
        .sk
        .sign(input.as_bytes(), None);
    format!("{input}.{}", base64url(signature))
}

pub(crate) fn with_header(header: Object) -> String {
    forge(header.text(), claims().text())
}

pub(crate) fn with_claims(claims: Object) -> String {
    forge(header().text(), claims.text())
}

pub(crate) fn good() -> String {
    forge(header().text(), claims().text())
}

/// A key of the issuer as JSON, with these members beside `kty`, `crv` and `x`.
pub(crate) fn jwk(members: &str) -> String {
    format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\"{members}}}")
}

/// A key set of these keys as JSON.
pub(crate) fn set(keys: &[String]) -> String {
    format!("{{\"keys\":[{}]}}", keys.join(","))
}
