//! When the gate asks for keys, and what it does when there are none.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_compact::{KeyPair, Seed};
use edgeward_core::keys::KeySet;
use edgeward_core::token::{KeyIdRule, SigningKey, TokenType};
use serde_json::{Value, json};

use crate::site::{ISSUER, SEED, Site, call, open, told};

#[test]
fn keys_are_asked_for_once_and_only_where_a_token_must_be_judged() {
    let mut site = Site::new();
    let ada = site.token(json!({}));
    let rotated = SigningKey::from_seed(&[4; 32]).unwrap();
    let newer = rotated
        .sign(&TokenType::Access, &json!({"iss": ISSUER}))
        .unwrap();
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&newer))),
        "needs newer keys"
    );
    // No set could make this one acceptable, so it is not worth a fetch.
    let proof = rotated
        .sign(&TokenType::EdgeProof, &json!({"iss": ISSUER}))
        .unwrap();
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&proof))),
        "401 INVALID_TOKEN"
    );
    let trusted = site.keys.take();
    site.keys = Some(KeySet::parse(br#"{"keys":[]}"#).unwrap());
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&ada))),
        "needs keys"
    );
    site.keys = trusted;
    site.keys_are_final = true;
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&newer))),
        "401 UNKNOWN_KEY"
    );
    assert_eq!(
        told(site.ask(&call("GET", "/").with(&newer))),
        "forward / to app as nobody"
    );

    site.keys = None;
    site.keys_are_final = false;
    for target in ["/app", "/", "/admin", "/auth/verify-token"] {
        assert_eq!(
            told(site.ask(&call("GET", target).with(&ada))),
            "needs keys",
            "{target}"
        );
    }
    assert_eq!(told(site.ask(&open("/login").with(&ada))), "needs keys");
    for (request, expected) in [
        (call("GET", "/app"), "401 NOT_SIGNED_IN"),
        (call("GET", "/app").with("rubbish"), "401 INVALID_TOKEN"),
        (
            call("POST", "/auth/login").with(&ada),
            "forward /auth/login to issuer as nobody",
        ),
        (call("GET", "/nowhere").with(&ada), "403 ROUTE_DENIED"),
        (call("GET", "//").with(&ada), "400 AMBIGUOUS_PATH"),
    ] {
        assert_eq!(told(site.ask(&request)), expected, "{}", request.target);
    }

    site.keys_are_final = true;
    let check_without_keys = |site: &Site| {
        for (request, expected) in [
            (call("GET", "/app").with(&ada), "503 KEYS_UNAVAILABLE"),
            (open("/app").with(&ada), "503 KEYS_UNAVAILABLE"),
            (
                call("GET", "/auth/verify-token").with(&ada),
                "503 KEYS_UNAVAILABLE",
            ),
            (call("GET", "/").with(&ada), "forward / to app as nobody"),
            (
                open("/login").with(&ada),
                "forward /login to issuer as nobody",
            ),
        ] {
            assert_eq!(told(site.ask(&request)), expected, "{}", request.target);
        }
    };
    check_without_keys(&site);
    site.keys = Some(KeySet::parse(br#"{"keys":[]}"#).unwrap());
    check_without_keys(&site);
}

#[test]
fn a_set_of_one_nameless_key_is_not_asked_for_again() {
    let mut site = Site::new();
    site.expect.key_id = KeyIdRule::OptionalForSetOfOne;
    let mut nameless: Value = serde_json::from_str(&site.key.public_jwk().to_json()).unwrap();
    nameless.as_object_mut().unwrap().remove("kid");
    let set = json!({ "keys": [nameless] }).to_string();
    site.keys = Some(KeySet::parse(set.as_bytes()).unwrap());
    let ada = site.token(json!({}));
    let header = br#"{"alg":"EdDSA","kid":"a-name-of-the-issuers","typ":"at+jwt"}"#;
    let input = format!(
        "{}.{}",
        Base64UrlUnpadded::encode_string(header),
        ada.split('.').nth(1).unwrap()
    );
    let signature = KeyPair::from_seed(Seed::new(SEED))
        .sk
        .sign(input.as_bytes(), None);
    let renamed = format!(
        "{input}.{}",
        Base64UrlUnpadded::encode_string(signature.as_ref())
    );
    assert_eq!(
        told(site.ask(&call("GET", "/app").with(&renamed))),
        "forward /app to app as ada"
    );
}
