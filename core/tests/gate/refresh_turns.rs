//! The turn that a refresh takes before the issuer is asked for one.

use edgeward_core::gate::{Client, Credential, Decision, Renewal, Ruling, Turns};
use serde_json::json;

use crate::site::{NOW, Request, Site, call, open, refused, told};

const POLICY: &str = r#"
version = 1
[limit.search]
requests = 30
within_seconds = 60
by = "address"
[[route]]
path = "/free"
allow = "signed-in"
[[route]]
path = "/open"
allow = "public"
[[route]]
path = "/search"
allow = "signed-in"
limit = "search"
[[route]]
path = "/twice"
allow = "signed-in"
limit = "refresh"
"#;

fn from<'r>(request: Request<'r>, address: &str) -> Request<'r> {
    let client = Client::At(address.parse().unwrap());
    Request { client, ..request }
}

/// The turn that comes with the demand for a refresh, as its limit's name.
fn turn_of_refresh(decision: Decision) -> Option<String> {
    match decision {
        Decision::NeedsRefresh(turn) => turn.map(|turn| turn.limit.name().to_owned()),
        other => panic!("a refresh expected: {other:?}"),
    }
}

#[test]
fn a_refresh_takes_a_turn_of_its_own_whatever_the_route_says() {
    let policy =
        format!("{POLICY}[limit.refresh]\nrequests = 7\nwithin_seconds = 8\nby = \"address\"\n");
    for (policy, requests) in [(POLICY, 600), (&*policy, 7)] {
        let site = Site::with_policy(policy);
        for target in ["/free", "/search", "/twice"] {
            let mut request = Request {
                renewal: Renewal::Possible,
                ..from(call("GET", target), "203.0.113.9")
            };
            let mut decision = site.ask(&request);
            if let Decision::NeedsTurn(turn) = &decision {
                request.turns.took(turn, Ruling::Granted);
                decision = site.ask(&request);
            }
            let Decision::NeedsRefresh(Some(turn)) = decision else {
                panic!("a refresh with a turn expected: {decision:?}")
            };
            assert_eq!(
                (turn.limit.name(), turn.limit.requests()),
                ("refresh", requests)
            );
            let through_the_edge = from(call("POST", "/auth/refresh"), "203.0.113.9");
            let Decision::NeedsTurn(asked_by_a_client) = site.ask(&through_the_edge) else {
                panic!("a turn expected")
            };
            assert_eq!(turn, asked_by_a_client, "one count for both");
        }
    }
}

#[test]
fn a_refresh_takes_no_turn_where_nobody_is_counted() {
    let site = Site::with_policy(POLICY);
    let loopback = Client::At("127.0.0.1".parse().unwrap());
    for (client, counts_own_machine, expected) in [
        (Client::Untold, true, None),
        (Client::Unnamed, false, Some("refresh")),
        (Client::OwnMachine, false, None),
        (Client::OwnMachine, true, Some("refresh")),
        (loopback, false, None),
        (loopback, true, Some("refresh")),
    ] {
        let request = Request {
            client,
            turns: Turns::new(counts_own_machine),
            renewal: Renewal::Possible,
            ..call("GET", "/free")
        };
        let found = turn_of_refresh(site.ask(&request));
        assert_eq!(
            found.as_deref(),
            expected,
            "{client:?} {counts_own_machine}"
        );
    }
}

#[test]
fn a_refresh_without_a_turn_left_is_429_for_everybody_and_nobody_is_sent_to_sign_in() {
    let site = Site::with_policy(POLICY);
    let expired = site.token(json!({ "iat": NOW - 700, "nbf": NOW - 700, "exp": NOW - 100 }));
    for credential in [Credential::None, Credential::Token(&expired)] {
        for request in [open("/free"), call("GET", "/free"), call("POST", "/free")] {
            let request = Request {
                credential,
                renewal: Renewal::OverLimit { retry_after: 7 },
                ..from(request, "203.0.113.9")
            };
            let refusal = refused(site.ask(&request));
            assert_eq!(
                (refusal.status, refusal.code.code(), refusal.retry_after),
                (429, "RATE_LIMITED", Some(7))
            );
            assert_eq!(refusal.log_reason, "rate-limited: refresh");
        }
    }
    // What needs no sign-in needs no refresh.
    let public = Request {
        renewal: Renewal::OverLimit { retry_after: 7 },
        ..call("GET", "/open")
    };
    assert_eq!(told(site.ask(&public)), "forward /open to app as nobody");
}
