//! When the gate asks for a refresh, and what it does when there is none.

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment};
use edgeward_core::gate::{Credential, Decision, Renewal, refresh_token, session_of};
use serde_json::json;

use crate::site::{NOW, Request, Site, call, open, refused, told};

/// What is decided about a request with an expired token, and about one without any.
fn check(request: Request<'_>, renewal: Renewal, expected: &str) {
    let site = Site::new();
    let expired = site.token(json!({ "iat": NOW - 700, "nbf": NOW - 700, "exp": NOW - 100 }));
    for credential in [Credential::None, Credential::Token(&expired)] {
        let request = Request {
            credential,
            renewal,
            ..request
        };
        let told = told(site.ask(&request)).replace("TOKEN_EXPIRED", "NOT_SIGNED_IN");
        assert_eq!(
            told, expected,
            "{} {credential:?} {renewal:?}",
            request.target
        );
    }
}

#[test]
fn a_refresh_is_asked_for_once_and_only_where_a_sign_in_is_needed() {
    let (possible, tried) = (Renewal::Possible, Renewal::Tried);
    for target in ["/app", "/admin", "/billing", "/reports", "/jobs"] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            check(call(method, target), possible, "needs a refresh");
            check(call(method, target), tried, "401 NOT_SIGNED_IN");
        }
    }
    check(open("/app?x=1"), possible, "needs a refresh");
    check(open("/app"), tried, "303 /login?returnTo=%2Fapp");
    check(
        open("/app"),
        Renewal::Impossible,
        "303 /login?returnTo=%2Fapp",
    );

    check(call("GET", "/"), possible, "forward / to app as nobody");
    check(open("/"), possible, "forward / to app as nobody");
    check(call("GET", "/nowhere"), possible, "403 ROUTE_DENIED");
    for path in ["/auth/refresh", "/auth/me", "/account", "/oauth/token"] {
        check(
            call("POST", path),
            possible,
            &format!("forward {path} to issuer as nobody"),
        );
    }
    check(
        open("/login"),
        possible,
        "forward /login to issuer as nobody",
    );
    check(
        call("GET", "/auth/verify-token"),
        possible,
        "401 NOT_SIGNED_IN",
    );
}

#[test]
fn what_is_loaded_ahead_is_refused_and_not_redirected() {
    check(open("/app"), Renewal::LoadsAhead, "401 NOT_SIGNED_IN");
    check(
        call("GET", "/app"),
        Renewal::LoadsAhead,
        "401 NOT_SIGNED_IN",
    );
    check(open("/"), Renewal::LoadsAhead, "forward / to app as nobody");
}

#[test]
fn without_an_answer_of_the_issuer_nobody_is_sent_to_the_sign_in_page() {
    let renewal = Renewal::Unanswered { retry_after: 3 };
    check(open("/app"), renewal, "503 ISSUER_UNAVAILABLE");
    check(call("POST", "/app"), renewal, "503 ISSUER_UNAVAILABLE");
    check(call("GET", "/"), renewal, "forward / to app as nobody");
    let request = Request {
        renewal,
        ..call("GET", "/app")
    };
    assert_eq!(refused(Site::new().ask(&request)).retry_after, Some(3));
}

#[test]
fn only_time_makes_a_token_worth_a_refresh() {
    let site = Site::new();
    for (token, expected) in [
        (site.token(json!({})), "forward /app to app as ada"),
        (
            site.token(json!({ "iss": "https://other.example" })),
            "401 INVALID_TOKEN",
        ),
        (
            site.token(json!({ "nbf": NOW + 600 })),
            "401 TOKEN_NOT_YET_VALID",
        ),
        ("rubbish".to_owned(), "401 INVALID_TOKEN"),
    ] {
        let request = Request {
            renewal: Renewal::Possible,
            ..call("GET", "/app").with(&token)
        };
        assert_eq!(told(site.ask(&request)), expected);
    }
    let ambiguous = Request {
        credential: Credential::Ambiguous,
        renewal: Renewal::Possible,
        ..call("GET", "/app")
    };
    assert!(matches!(site.ask(&ambiguous), Decision::Refuse(_)));
}

#[test]
fn a_refresh_cookie_makes_it_possible_and_a_bearer_token_does_not() {
    let names = CookieNames::for_environment(Environment::Development, false);
    let cookie = "edgeward-refresh=rt1.s.0.r.m";
    for (authorization, cookies, loads_ahead, expected) in [
        (&[][..], cookie, false, Renewal::Possible),
        (&["Basic dTpw"], cookie, false, Renewal::Possible),
        (
            &[],
            "edgeward-access=x; edgeward-refresh=rt1.s.0.r.m",
            false,
            Renewal::Possible,
        ),
        (&[], cookie, true, Renewal::LoadsAhead),
        (&["Bearer a.b.c"], cookie, false, Renewal::Impossible),
        (&["Bearer"], cookie, false, Renewal::Impossible),
        (&["Bearer a.b.c"], cookie, true, Renewal::Impossible),
        (&[], "", false, Renewal::Impossible),
        (&[], "edgeward-session=s", false, Renewal::Impossible),
        (&[], "edgeward-refresh=", false, Renewal::Impossible),
        (
            &[],
            "edgeward-refresh=rt2.s.0.r.m",
            false,
            Renewal::Impossible,
        ),
        (&[], "edgeward-refresh=rt1..0", false, Renewal::Impossible),
        (&[], "edgeward-refresh=rt1.s.", false, Renewal::Impossible),
        (
            &[],
            "edgeward-refresh=rt1.s.0,x",
            false,
            Renewal::Impossible,
        ),
    ] {
        let cookies = CookieHeader::parse(&[cookies]);
        let found = Renewal::of(authorization, &cookies, &names, loads_ahead);
        assert_eq!(found, expected, "{authorization:?} {cookies:?}");
    }
    let longest = format!("edgeward-refresh=rt1.s.{}", "r".repeat(506));
    let longer = format!("{longest}r");
    let of = |cookie: &str| refresh_token(&CookieHeader::parse(&[cookie]), &names).map(str::len);
    assert_eq!((of(&longest), of(&longer)), (Some(512), None));
    assert_eq!(session_of("rt1.abc.7.r.m"), Some("abc"));
}

#[test]
fn browsers_say_in_several_ways_that_they_load_ahead() {
    for (sec_purpose, purpose, x_moz, expected) in [
        (None, None, None, false),
        (Some("prefetch"), None, None, true),
        (Some("prefetch;prerender"), None, None, true),
        (Some("prefetch; anonymous-client-ip"), None, None, true),
        (None, Some("prefetch"), None, true),
        (None, Some("Preview"), None, true),
        (None, None, Some("prefetch"), true),
        (Some(""), Some("navigate"), Some("prefetching"), false),
    ] {
        let found = Renewal::loads_ahead(sec_purpose, purpose, x_moz);
        assert_eq!(found, expected, "{sec_purpose:?} {purpose:?} {x_moz:?}");
    }
}
