//! Which decisions note that a refresh arrived at a client.

use std::cell::RefCell;

use edgeward_core::gate::Renewal;
use edgeward_core::token::SeenTokens;
use serde_json::json;

use crate::site::{NOW, Request, Site, call, told};

/// What is decided about a token in a request, and what there is to tell afterwards.
fn after(target: &str, token: &str, renewal: Renewal, navigation: bool) -> (String, String) {
    let (mut site, seen) = (Site::new(), RefCell::new(SeenTokens::new()));
    site.keys_are_final = true;
    let request = Request {
        navigation,
        renewal,
        ..call("GET", target)
    };
    let decision = told(site.ask_knowing(&request.with(token), None, Some(&seen), NOW));
    let seen = seen.into_inner();
    (
        decision,
        seen.arrivals().take().untold().unwrap_or_default(),
    )
}

#[test]
fn a_verified_token_of_a_client_is_noted_whatever_is_decided() {
    let token = Site::new().token(json!({ "sid": "s", "seq": 2 }));
    for (target, navigation, decision) in [
        ("/app", false, "forward /app to app as ada"),
        ("/", false, "forward / to app as ada"),
        ("/admin", false, "403 INSUFFICIENT_ROLE"),
        ("/admin", true, "303 /forbidden"),
        ("/login", true, "303 /app"),
        ("/auth/verify-token", false, "204"),
    ] {
        for renewal in [
            Renewal::Impossible,
            Renewal::Possible,
            Renewal::LoadsAhead,
            Renewal::Unanswered { retry_after: 1 },
            Renewal::OverLimit { retry_after: 1 },
        ] {
            let (decided, noted) = after(target, &token, renewal, navigation);
            assert_eq!((decided.as_str(), noted.as_str()), (decision, "s.2;"));
        }
        // What the edge brought by a refresh of its own has arrived nowhere yet.
        let (decided, noted) = after(target, &token, Renewal::Tried, navigation);
        assert_eq!((decided.as_str(), noted.as_str()), (decision, ""));
    }
}

#[test]
fn what_is_not_verified_is_not_noted() {
    let site = Site::new();
    let token = site.token(json!({ "sid": "s", "seq": 2 }));
    let expired = site.token(
        json!({ "sid": "s", "seq": 2, "exp": NOW - 100, "iat": NOW - 700, "nbf": NOW - 700 }),
    );
    let foreign = site.token(json!({ "sid": "s", "seq": 2, "aud": "https://other.example" }));
    for refused in [&format!("{token}A"), &token[1..], &expired, &foreign] {
        for target in ["/app", "/", "/auth/verify-token"] {
            let (decided, noted) = after(target, refused, Renewal::Impossible, false);
            assert_eq!(noted, "", "{decided}");
        }
    }
    // The issuer's own pages are for the issuer to judge.
    assert_eq!(after("/auth/me", &token, Renewal::Impossible, false).1, "");
}
