//! Whose turn a request takes, when it is asked for, and what a policy may say about that.

use edgeward_core::gate::{Client, Credential, Decision, Policy, Renewal, Ruling, Turn, Turns};
use serde_json::json;

use crate::site::{NOW, Request, Site, call, open, refused, told};

const POLICY: &str = r#"
version = 1
[limit.search]
requests = 30
within_seconds = 60
by = "address"
[limit.reports]
requests = 5
within_seconds = 60
by = "identity"
[[route]]
path = "/free"
allow = "signed-in"
[[route]]
path = "/search"
allow = "signed-in"
limit = "search"
[[route]]
path = "/find/**"
allow = "public"
limit = ["search"]
[[route]]
path = "/reports"
roles = ["editor"]
limit = "reports"
[[route]]
path = "/open-reports"
allow = "public"
limit = "reports"
[[route]]
path = "/both"
allow = "signed-in"
limit = ["reports", "search"]
"#;

fn from<'r>(request: Request<'r>, address: &str) -> Request<'r> {
    let client = Client::At(address.parse().unwrap());
    Request { client, ..request }
}

fn turn(decision: Decision) -> Turn {
    match decision {
        Decision::NeedsTurn(turn) => turn,
        other => panic!("a turn expected: {other:?}"),
    }
}

/// The turns that a request takes, all of them granted, and what it comes to.
fn turns(site: &Site, request: Request<'_>) -> (Vec<Turn>, String) {
    let (mut request, mut taken) = (request, Vec::new());
    loop {
        match site.ask(&request) {
            Decision::NeedsTurn(turn) => {
                request.turns.took(&turn, Ruling::Granted);
                taken.push(turn);
            }
            other => return (taken, told(other)),
        }
    }
}

#[test]
fn a_request_takes_the_turns_of_its_route_and_of_the_issuers_paths() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({ "roles": ["editor"] }));
    let nobody = "x.y.z";
    let at = |request| from(request, "203.0.113.9");
    for (request, taken, end) in [
        (at(call("GET", "/free")), &[][..], "401 NOT_SIGNED_IN"),
        (at(call("GET", "/search")), &["search"], "401 NOT_SIGNED_IN"),
        (
            at(call("HEAD", "/search")),
            &["search"],
            "401 NOT_SIGNED_IN",
        ),
        (
            at(call("OPTIONS", "/search")),
            &["search"],
            "401 NOT_SIGNED_IN",
        ),
        (
            at(open("/search")),
            &["search"],
            "303 /login?returnTo=%2Fsearch",
        ),
        (
            at(call("GET", "/search").with(nobody)),
            &["search"],
            "401 INVALID_TOKEN",
        ),
        (
            at(call("GET", "/search").with(&ada)),
            &["search"],
            "forward /search to app as ada",
        ),
        (
            at(call("GET", "/find/x")),
            &["search"],
            "forward /find/x to app as nobody",
        ),
        // What would not pass takes no turn by identity.
        (at(call("GET", "/reports")), &[], "401 NOT_SIGNED_IN"),
        (
            at(call("GET", "/reports").with(&ada)),
            &["reports"],
            "forward /reports to app as ada",
        ),
        (
            at(call("GET", "/open-reports")),
            &["reports"],
            "forward /open-reports to app as nobody",
        ),
        (at(call("GET", "/both")), &["search"], "401 NOT_SIGNED_IN"),
        (
            at(call("GET", "/both").with(&ada)),
            &["search", "reports"],
            "forward /both to app as ada",
        ),
        (at(call("GET", "/none")), &[], "403 ROUTE_DENIED"),
        (at(call("GET", "//search")), &[], "400 AMBIGUOUS_PATH"),
        (
            at(call("POST", "/auth/login")),
            &["sign-in"],
            "forward /auth/login to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/login/")),
            &["sign-in"],
            "forward /auth/login/ to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/%6cogin")),
            &["sign-in"],
            "forward /auth/login to issuer as nobody",
        ),
        (
            at(call("OPTIONS", "/auth/login")),
            &["issuer"],
            "forward /auth/login to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/register")),
            &["sign-in"],
            "forward /auth/register to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/register/confirm")),
            &["sign-in"],
            "forward /auth/register/confirm to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/password/forgot")),
            &["sign-in"],
            "forward /auth/password/forgot to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/password/reset")),
            &["sign-in"],
            "forward /auth/password/reset to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/step-up")),
            &["sign-in"],
            "forward /auth/step-up to issuer as nobody",
        ),
        (
            at(call("POST", "/auth/refresh")),
            &["refresh"],
            "forward /auth/refresh to issuer as nobody",
        ),
        (
            at(call("GET", "/auth/me")),
            &["issuer"],
            "forward /auth/me to issuer as nobody",
        ),
        (
            at(call("GET", "/auth/loginx")),
            &["issuer"],
            "forward /auth/loginx to issuer as nobody",
        ),
        (
            at(open("/login")),
            &["issuer"],
            "forward /login to issuer as nobody",
        ),
        (
            at(call("GET", "/auth/verify-token")),
            &[],
            "401 NOT_SIGNED_IN",
        ),
    ] {
        let (found, told) = turns(&site, request);
        let names: Vec<_> = found.iter().map(|turn| turn.limit.name()).collect();
        assert_eq!(
            (names.as_slice(), told.as_str()),
            (taken, end),
            "{} {}",
            request.method,
            request.target
        );
    }
}

#[test]
fn a_turn_by_address_comes_before_a_refresh_and_is_taken_once_and_one_by_identity_after_it() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({ "roles": ["editor"] }));
    let expired = site.token(json!({ "iat": NOW - 700, "nbf": NOW - 700, "exp": NOW - 100 }));
    for (target, before, after) in [
        ("/free", &[][..], &[][..]),
        ("/search", &["search"], &[]),
        ("/reports", &[], &["reports"]),
        ("/both", &["search"], &["reports"]),
    ] {
        for credential in [Credential::None, Credential::Token(&expired)] {
            let first = Request {
                credential,
                renewal: Renewal::Possible,
                ..from(call("GET", target), "203.0.113.9")
            };
            let (mut request, mut taken) = (first, Vec::new());
            let mut taken_before = Vec::new();
            let came_to = loop {
                match site.ask(&request) {
                    Decision::NeedsTurn(turn) => {
                        request.turns.took(&turn, Ruling::Granted);
                        taken.push(turn.limit.name().to_owned());
                    }
                    Decision::NeedsRefresh(_) => {
                        taken_before = std::mem::take(&mut taken);
                        request.credential = Credential::Token(&ada);
                        request.renewal = Renewal::Tried;
                    }
                    other => break told(other),
                }
            };
            assert_eq!(came_to, format!("forward {target} to app as ada"));
            assert_eq!(taken_before, before, "{target} {credential:?}");
            assert_eq!(taken, after, "{target} {credential:?}");

            // Without the refresh there is no turn by identity.
            let (turns, end) = turns(&site, first);
            let names: Vec<_> = turns.iter().map(|turn| turn.limit.name()).collect();
            assert_eq!((names, end.as_str()), (before.to_vec(), "needs a refresh"));
        }
    }

    // Who is over it by address costs no refresh.
    let mut request = Request {
        renewal: Renewal::Possible,
        ..from(call("GET", "/both"), "203.0.113.9")
    };
    let first = turn(site.ask(&request));
    request.turns.took(&first, Ruling::Refused { seconds: 7 });
    assert_eq!(told(site.ask(&request)), "429 RATE_LIMITED");
}

#[test]
fn a_turn_by_address_is_asked_for_before_a_token_is_looked_at_and_one_by_identity_after() {
    let mut site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    site.keys = None;
    let ask = |target| told(site.ask(&from(call("GET", target).with(&ada), "203.0.113.9")));
    assert_eq!(ask("/search"), "needs a turn of search");
    assert_eq!(ask("/reports"), "needs keys");
    // A page that sends a visitor's requests does not use up the visitor's turns.
    let mut foreign = from(call("POST", "/search").with(&ada), "203.0.113.9");
    foreign.source.brings_cookies = true;
    foreign.source.provenance.origin = Some("https://evil.example");
    assert_eq!(told(site.ask(&foreign)), "403 ORIGIN_REFUSED");
    let login = Request {
        target: "/auth/login",
        ..foreign
    };
    assert_eq!(told(site.ask(&login)), "403 ORIGIN_REFUSED");
}

#[test]
fn who_is_counted_is_the_address_or_the_person_and_never_both() {
    let site = Site::with_policy(POLICY);
    let (ada, bob) = (
        site.token(json!({ "roles": ["editor"] })),
        site.token(json!({ "sub": "bob", "roles": ["editor"] })),
    );
    let again = site.token(json!({ "roles": ["editor"], "sid": "s2", "jti": "j2" }));
    let key = |target: &str, token: Option<&String>, address: &str| {
        let request = call("GET", target);
        let request = token.map_or(request, |token| request.with(token));
        let turn = turn(site.ask(&from(request, address)));
        (turn.limit.number(), turn.key)
    };
    let search = |token, address| key("/search", token, address);
    let reports = |token, address| key("/open-reports", token, address);
    assert_eq!(
        search(Some(&ada), "203.0.113.9"),
        search(Some(&bob), "::ffff:203.0.113.9")
    );
    assert_eq!(
        search(None, "2001:db8:1:2::1"),
        search(Some(&bob), "2001:db8:1:2:ffff::2")
    );
    assert_ne!(
        search(None, "2001:db8:1:2::1"),
        search(None, "2001:db8:1:3::1")
    );
    assert_eq!(
        search(None, "203.0.113.9"),
        key("/find/x", None, "203.0.113.9"),
        "two routes, one limit"
    );
    assert_eq!(
        reports(Some(&ada), "203.0.113.9"),
        reports(Some(&again), "198.51.100.1")
    );
    assert_ne!(
        reports(Some(&ada), "203.0.113.9"),
        reports(Some(&bob), "203.0.113.9")
    );
    assert_eq!(reports(None, "203.0.113.9"), reports(None, "203.0.113.9"));
    assert_ne!(reports(None, "203.0.113.9"), reports(None, "203.0.113.8"));
    // A dropped token is nobody's.
    let broken = "x.y.z".to_string();
    assert_eq!(
        reports(Some(&broken), "203.0.113.9"),
        reports(None, "203.0.113.9")
    );
}

#[test]
fn whose_address_is_not_known_is_counted_as_one_unless_nobody_names_any() {
    let site = Site::with_policy(POLICY);
    let ask = |client, counts_own_machine| {
        let request = Request {
            client,
            turns: Turns::new(counts_own_machine),
            ..call("GET", "/find/x")
        };
        told(site.ask(&request))
    };
    let (passes, asked) = ("forward /find/x to app as nobody", "needs a turn of search");
    let loopback = Client::At("127.0.0.1".parse().unwrap());
    let mapped = Client::At("::ffff:127.0.0.1".parse().unwrap());
    for (client, spared, counted) in [
        (Client::Untold, passes, passes),
        (Client::Unnamed, asked, asked),
        (Client::OwnMachine, passes, asked),
        (loopback, passes, asked),
        (mapped, passes, asked),
    ] {
        assert_eq!(
            (ask(client, false).as_str(), ask(client, true).as_str()),
            (spared, counted),
            "{client:?}"
        );
    }
    let ada = site.token(json!({ "roles": ["editor"] }));
    for (client, counts, expected) in [
        (Client::Untold, false, "needs a turn of reports"),
        (Client::OwnMachine, false, "forward /reports to app as ada"),
        (Client::OwnMachine, true, "needs a turn of reports"),
    ] {
        let request = Request {
            client,
            turns: Turns::new(counts),
            ..call("GET", "/reports").with(&ada)
        };
        assert_eq!(told(site.ask(&request)), expected, "{client:?} {counts}");
    }
}

#[test]
fn a_refusal_says_how_long_to_wait_and_not_who_was_counted() {
    let site = Site::with_policy(POLICY);
    for target in ["/search", "/auth/login"] {
        let mut request = from(call("POST", target), "203.0.113.9");
        let asked = turn(site.ask(&request));
        request.turns.took(&asked, Ruling::Refused { seconds: 7 });
        let refusal = refused(site.ask(&request));
        assert_eq!(
            (refusal.status, refusal.code.code(), refusal.retry_after),
            (429, "RATE_LIMITED", Some(7))
        );
        let name = asked.limit.name();
        assert_eq!(refusal.log_reason, format!("rate-limited: {name}"));
    }
}

#[test]
fn a_limit_of_the_issuers_name_takes_its_place() {
    let policy =
        "version = 1\n[limit.sign-in]\nrequests = 7\nwithin_seconds = 8\nby = \"address\"\n";
    let site = Site::with_policy(policy);
    let limit = turn(site.ask(&from(call("POST", "/auth/login"), "203.0.113.9"))).limit;
    assert_eq!(limit.to_string(), "sign-in (7 in 8 s by address)");
    let limit = turn(site.ask(&from(call("POST", "/auth/refresh"), "203.0.113.9"))).limit;
    assert_eq!(limit.to_string(), "refresh (600 in 60 s by address)");
    let policy = Policy::parse(policy).unwrap();
    let numbers: Vec<_> = policy.limits().iter().map(|limit| limit.number()).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[test]
fn what_makes_no_sense_is_named_with_its_line() {
    let limit = "[limit.search]\nrequests = 30\nwithin_seconds = 60\nby = \"address\"\n";
    let second = "[limit.burst]\nrequests = 5\nwithin_seconds = 1\nby = \"address\"\n";
    let route = "[[route]]\npath = \"/x\"\nallow = \"public\"\n";
    for (text, expected) in [
        (
            limit.replace("30", "0"),
            "line 3: requests: must be 1 to 100000",
        ),
        (
            limit.replace("30", "100001"),
            "line 3: requests: must be 1 to 100000",
        ),
        (
            limit.replace("60", "3601"),
            "line 4: within_seconds: must be 1 to 3600",
        ),
        (
            limit.replace("60", "-1"),
            "line 4: within_seconds: must be 1 to 3600",
        ),
        (
            limit.replace("address", "adress"),
            "line 5: by: must be \"address\", or \"identity\" for",
        ),
        (
            limit.replace("by = ", "per = "),
            "line 5: per: unknown field `per`, expected one of `requests`, `within_seconds`, `by`",
        ),
        (
            limit.replace("within_seconds", "within_second"),
            "line 4: within_second: unknown field `within_second` (did you mean `within_seconds`?), expected one of `requests`, `within_seconds`, `by`",
        ),
        (
            limit.replace("search", "Search"),
            "line 2: limit: the name must be 1 to 32 of a-z, 0-9 and -, of at most 32",
        ),
        (
            limit
                .replace("search", "sign-in")
                .replace("address", "identity"),
            "line 5: by: must be \"address\", or \"identity\" for a limit of the app",
        ),
        (
            format!("{limit}{route}limit = \"serach\"\n"),
            "line 9: limit: there is no [limit.serach]",
        ),
        (
            format!("{limit}{second}{route}limit = [\"search\", \"burst\"]\n"),
            "line 13: limit: one by address and one by identity at most",
        ),
        (
            format!("{limit}{route}limit = [\"search\", \"search\"]\n"),
            "line 9: limit: one by address and one by identity at most",
        ),
        (
            format!("{limit}{route}limits = \"search\"\n"),
            "line 9: limits: unknown field `limits` (did you mean `limit`?)",
        ),
        (
            format!("{limit}{route}limit = 3\n"),
            "line 9: limit: invalid type: integer `3`, expected a string",
        ),
        (
            "limit = 3\n".to_string(),
            "line 2: limit: invalid type: integer `3`, expected a table",
        ),
    ] {
        let error = Policy::parse(&format!("version = 1\n{text}"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}\n{text}");
    }
    let many: String = (0..33)
        .map(|n| limit.replace("search", &format!("l{n}")))
        .collect();
    assert!(Policy::parse(&format!("version = 1\n{many}")).is_err());
}
