//! What the app is told about the caller: a signed assertion, and plain headers besides.
//!
//! The assertion is what an app should believe: it is signed with the edge's own key, which the issuer lists, and holds for
//! a minute. The plain headers say the same for logs and templates; they are worth what the network between edge and app
//! is worth. Headers of these names that a client sends are dropped before (`core::gate::headers`).

use std::fmt::Write as _;

use edgeward_core::time::UnixTime;
use edgeward_core::token::{SignError, TokenType, Verified};
use serde::Serialize;

use super::config::Settings;

/// Because an app judges an assertion at once; the rest is for clocks that differ and for an app's own queue.
pub(super) const LIFETIME_SECONDS: i64 = 60;

/// The one request that an assertion speaks for.
#[derive(Clone, Copy)]
pub(super) struct Bound<'r> {
    /// The method as it was sent.
    pub(super) method: &'r str,
    /// The path that was judged, without the query.
    pub(super) path: &'r str,
}

#[derive(Serialize)]
struct Assertion<'c> {
    iss: &'c str,
    aud: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'c str>,
    roles: &'c [String],
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<UnixTime>,
    amr: &'c [String],
    edge: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'c str>,
    iat: UnixTime,
    exp: UnixTime,
}

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
    let claims = who.claims();
    let scope = claims.scopes().collect::<Vec<_>>().join(" ");
    let assertion = Assertion {
        iss: settings.issuer.as_str(),
        aud: &settings.audience,
        sub: claims.subject(),
        sid: claims.session_id(),
        client_id: claims.client_id(),
        roles: claims.roles(),
        scope: scope.clone(),
        name: claims.name(),
        email: claims.email(),
        auth_time: claims.auth_time(),
        amr: claims.amr(),
        edge: &settings.identity.name,
        method: bound.map(|bound| bound.method),
        path: bound.map(|bound| bound.path),
        iat: now,
        exp: now.plus(LIFETIME_SECONDS),
    };
    let mut headers = vec![(
        "edgeward-assertion",
        settings
            .identity
            .key
            .sign(&TokenType::Assertion, &assertion)?,
    )];
    let roles = claims
        .roles()
        .iter()
        .map(|role| visible(role, &[',']))
        .collect::<Vec<_>>()
        .join(",");
    let known = [
        (
            "edgeward-user",
            claims.subject().map(|subject| visible(subject, &[])),
        ),
        (
            "edgeward-session",
            claims.session_id().map(|session| visible(session, &[])),
        ),
        ("edgeward-roles", (!roles.is_empty()).then_some(roles)),
        (
            "edgeward-scope",
            (!scope.is_empty()).then(|| {
                scope
                    .split(' ')
                    .map(|one| visible(one, &[]))
                    .collect::<Vec<_>>()
                    .join(" ")
            }),
        ),
        (
            "edgeward-email",
            claims.email().map(|email| visible(email, &[])),
        ),
        ("edgeward-name", claims.name().map(percent_encoded)),
    ];
    headers.extend(
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    Ok(headers)
}

/// The text itself if it is visible ASCII, as identifiers are. What could break a header, or the list it stands in, is
/// percent-encoded.
fn visible(text: &str, separators: &[char]) -> String {
    encode(text, |character| {
        character.is_ascii_graphic() && character != '%' && !separators.contains(&character)
    })
}

/// Percent-encoded UTF-8 as `decodeURIComponent` reads it.
fn percent_encoded(text: &str) -> String {
    encode(text, |character| {
        character.is_ascii_alphanumeric()
            || matches!(
                character,
                '-' | '_' | '.' | '!' | '~' | '*' | '\'' | '(' | ')'
            )
    })
}

fn encode(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        if keeps(character) {
            encoded.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use edgeward_core::keys::KeySet;
    use edgeward_core::token::{Audiences, Expectations, SigningKey, verify};

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

    #[test]
    fn no_claim_can_break_a_header() {
        for (text, expected) in [
            ("plain-1@a.b", "plain-1@a.b"),
            ("a\r\nb: c", "a%0D%0Ab:%20c"),
            ("100%", "100%25"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(visible(text, &[]), expected);
        }
    }
}
