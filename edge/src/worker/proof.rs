//! The edge proves itself to the issuer: a short token of its own on every request it sends there.
//!
//! Only a proved request may say what the client's address is. The proof holds for one method and one address, for half a
//! minute; a copy of it gives nobody anything that the request it was made for would not.

use std::net::{IpAddr, Ipv4Addr};

use edgeward_core::time::UnixTime;
use edgeward_core::token::{SignError, TokenType};
use serde::Serialize;

use super::config::Settings;

/// The header in which the proof travels.
pub(super) const PROOF_HEADER: &str = "edgeward-proof";

/// Because a proof is made and judged within one round trip; the rest is for clocks that differ.
const LIFETIME_SECONDS: i64 = 30;

/// Whom a request to the issuer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// A client at this address, as far as the platform said.
    Client(Option<IpAddr>),
    /// The edge asks by itself to refresh the session of a client at this address. The issuer then wants no CSRF token, so no request
    /// of a client's is ever sent on with it.
    Refresh(Option<IpAddr>),
    /// Nobody: the edge asks for itself.
    TheEdge,
}

/// What one proof speaks for.
#[derive(Clone, Copy)]
pub(super) struct Proven<'r> {
    /// Unique to this proof.
    pub(super) id: &'r str,
    /// The method as it is sent.
    pub(super) method: &'r str,
    /// Path and query as they are sent.
    pub(super) path_and_query: &'r str,
    /// Whom the request is for.
    pub(super) asker: Asker,
    /// The request's id in all logs.
    pub(super) request_id: &'r str,
}

#[derive(Serialize)]
struct Claims<'r> {
    iss: &'r str,
    sub: &'r str,
    aud: &'r str,
    iat: UnixTime,
    exp: UnixTime,
    jti: &'r str,
    htm: &'r str,
    htu: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<bool>,
    rid: &'r str,
}

impl Proven<'_> {
    /// The signed proof, for [`PROOF_HEADER`]. An unknown client is said to be at the unspecified address.
    ///
    /// # Errors
    /// The key could not sign.
    pub(super) fn sign(&self, settings: &Settings, now: UnixTime) -> Result<String, SignError> {
        let edge = &settings.identity;
        let known = |client: Option<IpAddr>| client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let (cip, own, refresh) = match self.asker {
            Asker::Client(client) => (Some(known(client)), None, None),
            Asker::Refresh(client) => (Some(known(client)), None, Some(true)),
            Asker::TheEdge => (None, Some(true), None),
        };
        let claims = Claims {
            iss: &edge.name,
            sub: &edge.name,
            aud: settings.issuer.as_str(),
            iat: now,
            exp: now.plus(LIFETIME_SECONDS),
            jti: self.id,
            htm: self.method,
            htu: self.path_and_query,
            cip,
            own,
            refresh,
            rid: self.request_id,
        };
        edge.key.sign(&TokenType::EdgeProof, &claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use edgeward_core::keys::KeySet;
    use edgeward_core::token::{Audiences, Expectations, verify};

    #[test]
    fn a_proof_names_the_edge_the_request_and_the_client() {
        let settings = settings_with(&[]).ok().unwrap();
        let now = UnixTime::from_seconds(1_800_000_000);
        let proof = Proven {
            id: "p-1",
            method: "POST",
            path_and_query: "/auth/login?x=1",
            asker: Asker::Client(Some("203.0.113.7".parse().unwrap())),
            request_id: "r-1",
        };
        let token = proof.sign(&settings, now).unwrap();

        let key = serde_json::to_string(&settings.identity.key.public_jwk()).unwrap();
        let keys = KeySet::parse(format!("{{\"keys\":[{key}]}}").as_bytes()).unwrap();
        let expect = Expectations::new(
            "berlin-1".to_owned(),
            Audiences::OneOf(vec!["https://app.test".to_owned()]),
            TokenType::EdgeProof,
        );
        let verified = verify(&token, &keys, &expect, now.plus(29)).unwrap();
        let claims = verified.claims();
        assert_eq!(
            (claims.issuer(), claims.subject()),
            ("berlin-1", Some("berlin-1"))
        );
        assert_eq!(claims.expires_at(), now.plus(30));
        assert_eq!(claims.token_id(), Some("p-1"));
        for (claim, value) in [
            ("htm", "POST"),
            ("htu", "/auth/login?x=1"),
            ("cip", "203.0.113.7"),
            ("rid", "r-1"),
        ] {
            assert_eq!(
                claims.get(claim).and_then(|value| value.as_str()),
                Some(value),
                "{claim}"
            );
        }
        assert!(
            verify(&token, &keys, &settings.expect, now).is_err(),
            "a proof is no access token"
        );
        assert_eq!((claims.get("own"), claims.get("refresh")), (None, None));

        let asker = Asker::Refresh(None);
        let refresh = Proven { asker, ..proof }.sign(&settings, now).unwrap();
        let verified = verify(&refresh, &keys, &expect, now).unwrap();
        let said = |claim| verified.claims().get(claim).cloned();
        let expected = (Some(true.into()), Some("0.0.0.0".into()), None);
        assert_eq!((said("refresh"), said("cip"), said("own")), expected);

        let asker = Asker::TheEdge;
        let own = Proven { asker, ..proof }.sign(&settings, now).unwrap();
        let verified = verify(&own, &keys, &expect, now).unwrap();
        let said = |claim| verified.claims().get(claim).cloned();
        assert_eq!((said("own"), said("cip")), (Some(true.into()), None));
    }
}
