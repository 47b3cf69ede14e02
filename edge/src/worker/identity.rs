//! What the app is told about the caller, in the name of this edge; `core::gate::identity` says what that is.

use edgeward_core::gate::identity::{self, Introducer};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{SignError, Verified};

use super::config::Settings;

pub(super) use identity::{Bound, LIFETIME_SECONDS};

/// The identity headers for the app, the assertion first; `bound` ties it to one request.
///
/// # Errors
/// The key could not sign.
pub(super) fn headers(
    who: &Verified,
    bound: Option<Bound<'_>>,
    settings: &Settings,
    now: UnixTime,
) -> Result<Vec<(&'static str, String)>, SignError> {
    let by = Introducer {
        issuer: settings.issuer.as_str(),
        audience: &settings.audience,
        edge: &settings.identity.name,
        key: &settings.identity.key,
    };
    identity::headers(who, bound, by, now)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use edgeward_core::keys::KeySet;
    use edgeward_core::token::{Audiences, Expectations, SigningKey, TokenType, verify};

    pub(in super::super) const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    /// A token of the issuer with these claims besides the necessary ones, and the set that holds its key.
    pub(in super::super) fn access_token(claims: &serde_json::Value) -> (String, KeySet) {
        let issuer = SigningKey::from_seed(&[7; 32]).unwrap();
        let mut all = serde_json::json!({
            "iss": "https://app.test", "aud": "https://app.test", "sub": "u-1", "client_id": "edgeward-web",
            "iat": 1_800_000_000, "exp": 1_800_000_600, "jti": "t-1",
        });
        let (Some(all_members), Some(members)) = (all.as_object_mut(), claims.as_object()) else {
            panic!("objects")
        };
        all_members.extend(members.clone());
        let token = issuer.sign(&TokenType::Access, &all).unwrap();
        let key = serde_json::to_string(&issuer.public_jwk()).unwrap();
        let keys = KeySet::parse(format!("{{\"keys\":[{key}]}}").as_bytes()).unwrap();
        (token, keys)
    }

    fn signed_in(claims: &serde_json::Value, settings: &Settings) -> Verified {
        let (token, keys) = access_token(claims);
        verify(&token, &keys, &settings.expect, NOW).unwrap()
    }

    fn header<'h>(headers: &'h [(&'static str, String)], name: &str) -> Option<&'h str> {
        headers
            .iter()
            .find(|(candidate, _)| *candidate == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_app_learns_who_asks_and_can_prove_it() {
        let settings = settings_with(&[]).ok().unwrap();
        let who = signed_in(
            &serde_json::json!({
                "sid": "s-1", "roles": ["admin", "a,b"], "scope": "read write", "email": "ada@example.test",
                "name": "Ada Lövelace", "auth_time": 1_799_999_990, "amr": ["pwd"],
            }),
            &settings,
        );
        let headers = headers(&who, None, &settings, NOW).unwrap();
        for (name, value) in [
            ("edgeward-user", "u-1"),
            ("edgeward-session", "s-1"),
            ("edgeward-roles", "admin,a%2Cb"),
            ("edgeward-scope", "read write"),
            ("edgeward-email", "ada@example.test"),
            ("edgeward-name", "Ada%20L%C3%B6velace"),
        ] {
            assert_eq!(header(&headers, name), Some(value), "{name}");
        }

        let key = serde_json::to_string(
            &settings
                .identity
                .key
                .public_jwk()
                .restricted_to(&TokenType::Assertion),
        )
        .unwrap();
        let keys = KeySet::parse(format!("{{\"keys\":[{key}]}}").as_bytes()).unwrap();
        let mut expect = Expectations::new(
            "https://app.test".to_owned(),
            Audiences::OneOf(vec!["https://app.test".to_owned()]),
            TokenType::Assertion,
        );
        let assertion = header(&headers, "edgeward-assertion").unwrap();
        let verified = verify(assertion, &keys, &expect, NOW).unwrap();
        let claims = verified.claims();
        assert_eq!(
            (claims.subject(), claims.session_id(), claims.name()),
            (Some("u-1"), Some("s-1"), Some("Ada Lövelace"))
        );
        assert_eq!(claims.roles(), ["admin", "a,b"]);
        assert_eq!(claims.expires_at(), NOW.plus(60));
        assert_eq!(
            claims.get("edge").and_then(|edge| edge.as_str()),
            Some("berlin-1")
        );

        expect.token_type = TokenType::Access;
        assert!(
            verify(assertion, &keys, &expect, NOW).is_err(),
            "an assertion is no access token"
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let settings = settings_with(&[]).ok().unwrap();
        let who = signed_in(&serde_json::json!({}), &settings);
        let headers = headers(&who, None, &settings, NOW).unwrap();
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["edgeward-assertion", "edgeward-user"]);
    }
}
