//! What a refused caller is told, and what only the log is told.

use edgeward_core::problem::ProblemCode;
use serde_json::json;

use crate::site::{NOW, Request, Site, call, open, refused};

#[test]
fn a_broken_policy_refuses_everything_and_tells_only_the_log() {
    let site =
        Site::with_policy("version = 1\n[[route]]\npath = \"secret-name\"\nallow = \"public\"");
    let ada = site.token(json!({}));
    for request in [
        call("GET", "/").with(&ada),
        open("/login"),
        call("POST", "/auth/login"),
        call("GET", "/auth/verify-token"),
        call("GET", "//"),
    ] {
        let refusal = refused(site.ask(&request));
        assert_eq!(
            (refusal.status, refusal.code),
            (503, ProblemCode::PolicyInvalid)
        );
        assert!(refusal.log_reason.contains("line 3"));
        assert!(!refusal.problem().to_json().contains("secret-name"));
    }
}

#[test]
fn challenges_say_what_their_rfcs_say() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let expired = site.token(json!({"exp": NOW - 61}));
    let half = site.token(json!({"scope": "reports:read"}));
    let challenge = |request: Request<'_>| refused(site.ask(&request)).www_authenticate;
    for (request, expected) in [
        (call("GET", "/app"), Some("Bearer")),
        (call("GET", "/auth/verify-token"), Some("Bearer")),
        (
            call("GET", "/app").with(&expired),
            Some("Bearer error=\"invalid_token\", error_description=\"The access token expired\""),
        ),
        (
            call("GET", "/app").with("x"),
            Some(
                "Bearer error=\"invalid_token\", error_description=\"The access token is not acceptable\"",
            ),
        ),
        (
            call("GET", "/reports").with(&half),
            Some("Bearer error=\"insufficient_scope\", scope=\"reports:read reports:list\""),
        ),
        (
            call("GET", "/billing").with(&ada),
            Some(
                "Bearer error=\"insufficient_user_authentication\", error_description=\"A more recent or stronger sign-in is \
                 required\", max_age=\"300\", acr_values=\"otp webauthn\"",
            ),
        ),
        (call("GET", "/admin").with(&ada), None),
        (call("GET", "//"), None),
    ] {
        assert_eq!(
            challenge(request).as_deref(),
            expected,
            "{}",
            request.target
        );
    }
    let refusal = refused(site.ask(&call("PUT", "/auth/verify-token")));
    assert_eq!(refusal.allow, Some("GET, HEAD"));
}

#[test]
fn no_token_byte_gets_into_a_decision() {
    let site = Site::new();
    let token = site.token(json!({"aud": "https://other.example", "name": "Ada"}));
    let decision = site.ask(&call("GET", "/app").with(&token));
    let shown = format!("{decision:?}");
    for part in token.split('.') {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(shown.contains("audience-mismatch"));
    assert!(
        !refused(decision).problem().to_json().contains("audience"),
        "the exact rule is for the log"
    );
}
