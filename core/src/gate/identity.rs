//! What the app is told about the caller: a signed assertion, and plain headers besides.
//!
//! The assertion is what an app should believe: it is signed with the edge's own key, which the issuer lists, and holds for
//! a minute. The plain headers say the same for logs and templates; they are worth what the network between edge and app
//! is worth. Headers of these names that a client sends are dropped before ([`super::headers`]).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write as _;

use serde::Serialize;

use crate::time::UnixTime;
use crate::token::{SignError, SigningKey, TokenType, Verified};

/// Because an app judges an assertion at once; the rest is for clocks that differ and for an app's own queue.
pub const LIFETIME_SECONDS: i64 = 60;

/// The names of all headers that introduce a caller, the assertion first. Which of them are said depends on what is known.
pub const NAMES: [&str; 7] = [
    "edgeward-assertion",
    "edgeward-user",
    "edgeward-session",
    "edgeward-roles",
    "edgeward-scope",
    "edgeward-email",
    "edgeward-name",
];

/// Who introduces: an enrolled edge, to the one app that it stands before.
#[derive(Clone, Copy, Debug)]
pub struct Introducer<'e> {
    /// The issuer that lists the edge's key (`iss`).
    pub issuer: &'e str,
    /// The app (`aud`).
    pub audience: &'e str,
    /// The edge, as it is enrolled.
    pub edge: &'e str,
    /// The edge's own key.
    pub key: &'e SigningKey,
}

/// The one request that an assertion speaks for.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'r> {
    /// The method as it was sent.
    pub method: &'r str,
    /// The path that was judged, without the query.
    pub path: &'r str,
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
pub fn headers(
    who: &Verified,
    bound: Option<Bound<'_>>,
    by: Introducer<'_>,
    now: UnixTime,
) -> Result<Vec<(&'static str, String)>, SignError> {
    let claims = who.claims();
    let scope = claims.scopes().collect::<Vec<_>>().join(" ");
    let assertion = Assertion {
        iss: by.issuer,
        aud: by.audience,
        sub: claims.subject(),
        sid: claims.session_id(),
        client_id: claims.client_id(),
        roles: claims.roles(),
        scope: scope.clone(),
        name: claims.name(),
        email: claims.email(),
        auth_time: claims.auth_time(),
        amr: claims.amr(),
        edge: by.edge,
        method: bound.map(|bound| bound.method),
        path: bound.map(|bound| bound.path),
        iat: now,
        exp: now.plus(LIFETIME_SECONDS),
    };
    let mut headers = vec![(
        "edgeward-assertion",
        by.key.sign(&TokenType::Assertion, &assertion)?,
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
mod tests {
    use super::*;

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
