//! What an accepted token gives, what signing makes, and that neither shows secrets.

use edgeward_core::time::UnixTime;
use edgeward_core::token::{
    MAX_TOKEN_BYTES, ParsedToken, SignError, SigningKey, TokenType, Verified, WeakSeed, verify,
};
use serde::Serialize;

use crate::forge::*;

/// Made with the Ed25519 of OpenSSL over the key of RFC 8037: claims `aud`, `exp`, `iss` of [`Minimal`].
const FOREIGN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R3WEJ5Z3JTNGsiLCJ0eXAiOiJhdCtqd3QifQ.eyJhdWQiOiJodHRwczovL2FwcC5leGFtcGxlIiwiZXhwIjoxNzAwMDAwNjAwLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUifQ.bNhxGK5fHuhUSLBXgZUrSqapIUJhErHxuBR67BkQTF6A0SahDxwhyd1TcqNyh604ECdY-HUC-pKh6re2ewT9BA";

#[derive(Serialize)]
struct Minimal {
    aud: &'static str,
    exp: i64,
    iss: &'static str,
}

const MINIMAL: Minimal = Minimal {
    aud: AUDIENCE,
    exp: 1_700_000_600,
    iss: ISSUER,
};

fn verified(token: &str) -> Verified {
    verify(token, &keys(), &expect(), NOW).unwrap()
}

#[test]
fn a_foreign_token_verifies_and_ours_is_the_same_to_the_byte() {
    let claims = verified(FOREIGN);
    assert_eq!(claims.key_id(), KID);
    assert_eq!(
        signing_key().sign(&TokenType::Access, &MINIMAL).unwrap(),
        FOREIGN
    );
}

#[test]
fn all_claims_can_be_read() {
    let token = with_claims(
        claims()
            .with("jti", "\"j1\"")
            .with("sid", "\"s1\"")
            .with("seq", "18446744073709551615")
            .with("client_id", "\"edgeward-web\"")
            .with("roles", "[\"admin\",\"user\"]")
            .with("scope", "\"read  write \"")
            .with("auth_time", "1699999999.75")
            .with("nbf", "1699999999.25")
            .with("amr", "[\"pwd\",\"otp\"]")
            .with("acr", "\"2\"")
            .with("name", "\"Ada \\u00c4\"")
            .with("email", "\"ada@example.test\"")
            .with("cnf", "{\"jkt\":[1,2.5,null]}"),
    );
    let verified = verified(&token);
    let claims = verified.claims();
    assert_eq!(claims.issuer(), ISSUER);
    assert_eq!(claims.subject(), Some("u1"));
    assert_eq!(claims.audience(), [AUDIENCE]);
    assert_eq!(claims.expires_at(), UnixTime::from_seconds(1_700_000_600));
    assert_eq!(claims.issued_at(), Some(NOW));
    assert_eq!(claims.not_before(), Some(NOW));
    assert_eq!(
        claims.auth_time(),
        Some(UnixTime::from_seconds(1_699_999_999))
    );
    assert_eq!(claims.token_id(), Some("j1"));
    assert_eq!(claims.session_id(), Some("s1"));
    assert_eq!(claims.sequence(), Some(u64::MAX));
    assert_eq!(claims.client_id(), Some("edgeward-web"));
    assert!(!claims.is_machine());
    assert_eq!(claims.roles(), ["admin", "user"]);
    assert_eq!(claims.scopes().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(claims.amr(), ["pwd", "otp"]);
    assert_eq!(claims.acr(), Some("2"));
    assert_eq!(claims.name(), Some("Ada Ä"));
    assert_eq!(claims.email(), Some("ada@example.test"));
    assert_eq!(
        claims.get("cnf").unwrap().to_string(),
        "{\"jkt\":[1,2.5,null]}"
    );
    assert_eq!(claims.get("absent"), None);
    let json: serde_json::Value = serde_json::from_str(&claims.to_json()).unwrap();
    assert_eq!(
        json.get("seq").and_then(serde_json::Value::as_u64),
        Some(u64::MAX)
    );
    assert_eq!(json.as_object().unwrap().len(), 18);
}

#[test]
fn absent_claims_are_empty() {
    let verified = verified(FOREIGN);
    let claims = verified.claims();
    assert_eq!(
        (claims.subject(), claims.token_id(), claims.issued_at()),
        (None, None, None)
    );
    assert_eq!(
        (
            claims.roles().len(),
            claims.amr().len(),
            claims.scopes().count()
        ),
        (0, 0, 0)
    );
    assert!(!claims.is_machine());
}

#[test]
fn a_machine_is_its_own_subject_whatever_a_token_permits() {
    for (client, scope, is_machine) in [
        ("u1", "", true),
        ("u1", "read write", true),
        ("edgeward-web", "", false),
        ("edgeward-web", "read write", false),
        ("edgeward-web", "u1 edgeward-web machine", false),
        ("U1", "u1", false),
        ("", "u1", false),
    ] {
        let client = format!("\"{client}\"");
        let claims = claims()
            .with("client_id", &client)
            .with("scope", &format!("\"{scope}\""));
        let found = verified(&with_claims(claims)).claims().is_machine();
        assert_eq!(found, is_machine, "{client} {scope}");
    }
}

#[test]
fn a_parsed_token_gives_hints_before_anything_is_known() {
    let token = forge(r#"{"alg":"RS256","typ":"X","kid":"k"}"#, "not even JSON");
    let parsed = ParsedToken::parse(&token).unwrap();
    assert_eq!(
        (parsed.algorithm(), parsed.token_type(), parsed.key_id()),
        ("RS256", Some("X"), Some("k"))
    );
    assert_eq!(format!("{parsed:?}"), "ParsedToken { .. }");
}

#[test]
fn debug_shows_no_token_and_nothing_personal() {
    let debug = format!(
        "{:?}",
        verified(&with_claims(
            claims()
                .with("email", "\"ada@example.test\"")
                .with("jti", "\"j1\"")
        ))
    );
    assert!(debug.contains("j1") && debug.contains(KID), "{debug}");
    assert!(!debug.contains("ada@") && !debug.contains("u1"), "{debug}");
    let key = format!("{:?}", signing_key());
    assert_eq!(
        key,
        format!("SigningKey {{ key_id: \"{KID}\", secret: \"[redacted]\" }}")
    );
}

#[test]
fn what_cannot_be_a_token_is_not_signed() {
    let key = signing_key();
    assert_eq!(
        key.sign(&TokenType::Access, &[1]),
        Err(SignError::ClaimsNotAnObject)
    );
    assert_eq!(
        key.sign(&TokenType::Access, &"{}"),
        Err(SignError::ClaimsNotAnObject)
    );
    let large = std::collections::BTreeMap::from([("x", "x".repeat(MAX_TOKEN_BYTES))]);
    assert_eq!(
        key.sign(&TokenType::Access, &large),
        Err(SignError::TokenTooLarge)
    );
}

#[test]
fn a_seed_that_was_never_filled_is_refused() {
    assert_eq!(SigningKey::from_seed(&[0; 32]).map(|_| ()), Err(WeakSeed));
}
