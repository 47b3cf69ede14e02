//! When the gate asks for keys, and what it does when there are none.

use edgeward_core::gate::{Decision, KeyDemand};
use edgeward_core::keys::KeySet;
use edgeward_core::token::{SigningKey, TokenType};
use serde_json::json;

use crate::site::{ISSUER, Site, call, open, told};

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
    match site.ask(&call("GET", "/app").with(&newer)) {
        Decision::NeedsKeys(demand) => {
            assert_eq!(demand, KeyDemand::UnknownKey(rotated.key_id().to_string()))
        }
        other => panic!("{other:?}"),
    }
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
