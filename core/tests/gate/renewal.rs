//! When the gate asks for a refresh, and what it does when there is none.

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment};
use edgeward_core::gate::{
    Credential, Decision, Renewal, RequestSource, refresh_token, session_of,
};
use edgeward_core::origin::Provenance;
use serde_json::json;

use crate::site::{ISSUER, NOW, Request, Site, call, open, refused, told};

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
    // Whoever opens the form says who they are; docs/GATE.md has why no cookie does it for them.
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

const ROUTES: &str = r#"
version = 1
[gate]
origins = ["https://admin.site.example"]
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/open/**"
allow = "signed-in"
cors = { origins = ["https://a.example"], credentials = true }
"#;

/// What is decided about a request of this page that could be refreshed.
fn ask_from(origin: Option<&str>, fetch_site: Option<&str>, request: Request<'_>) -> Decision {
    let provenance = Provenance { origin, fetch_site };
    Site::with_policy(ROUTES).ask(&Request {
        renewal: Renewal::Possible,
        source: RequestSource {
            provenance,
            brings_cookies: true,
            ..request.source
        },
        ..request
    })
}

#[test]
fn whose_page_it_was_is_judged_before_a_refresh_is_made() {
    let (refreshes, refused) = ("needs a refresh", "403 ORIGIN_REFUSED");
    let (foreign, null) = (Some("https://evil.example"), Some("null"));
    let (cross_site, here) = (Some("cross-site"), Some("same-origin"));
    let (admin, reader) = (
        Some("https://admin.site.example"),
        Some("https://a.example"),
    );
    for (method, target, origin, fetch_site, expected) in [
        ("POST", "/app/x", Some(ISSUER), here, refreshes),
        ("POST", "/app/x", None, None, refreshes),
        ("POST", "/app/x", admin, Some("same-site"), refreshes),
        ("POST", "/app/x", foreign, cross_site, refused),
        ("POST", "/app/x", foreign, None, refused),
        ("PUT", "/app/x", None, cross_site, refused),
        ("DELETE", "/app/x", None, Some("same-site"), refused),
        ("POST", "/app/x", null, None, refused),
        // A page of ours that names no origin must bring the CSRF token; the session that it is bound to is known afterwards.
        ("POST", "/app/x", null, here, refreshes),
        // The answer to what changes nothing stays hidden from the other page.
        ("GET", "/app/x", foreign, cross_site, refreshes),
        ("GET", "/open/x", reader, cross_site, refreshes),
        ("POST", "/open/x", reader, cross_site, refreshes),
        ("POST", "/app/x", reader, cross_site, refused),
        ("POST", "/auth/refresh", foreign, cross_site, refused),
        ("POST", "/nowhere", foreign, cross_site, "403 ROUTE_DENIED"),
    ] {
        let told = told(ask_from(origin, fetch_site, call(method, target)));
        assert_eq!(
            told, expected,
            "{method} {target} {origin:?} {fetch_site:?}"
        );
    }
    for (origin, expected) in [
        (Some(ISSUER), refreshes),
        (None, refreshes),
        (foreign, refused),
        (null, refused),
    ] {
        let mut websocket = call("GET", "/app/x");
        websocket.source.opens_websocket = true;
        assert_eq!(
            told(ask_from(origin, here, websocket)),
            expected,
            "{origin:?}"
        );
    }
}

#[test]
fn a_preflight_is_never_refreshed() {
    let reader = Some("https://a.example");
    for (target, origin, expected) in [
        ("/open/x", reader, "204 to a preflight"),
        (
            "/open/x",
            Some("https://evil.example"),
            "403 ORIGIN_REFUSED",
        ),
        ("/app/x", reader, "401 NOT_SIGNED_IN"),
        ("/app/x", None, "401 NOT_SIGNED_IN"),
    ] {
        let mut request = call("OPTIONS", target);
        request.source.asks_for_method = Some("GET");
        let told = told(ask_from(origin, Some("cross-site"), request));
        assert_eq!(told, expected, "{target} {origin:?}");
    }
    // Only OPTIONS asks about another request.
    let mut post = call("POST", "/open/x");
    post.source.asks_for_method = Some("GET");
    assert_eq!(
        told(ask_from(reader, Some("cross-site"), post)),
        "needs a refresh"
    );
}

#[test]
fn a_page_that_may_read_answers_may_read_that_there_was_no_refresh() {
    let reader = Some("https://a.example");
    for renewal in [Renewal::Unanswered { retry_after: 1 }, Renewal::LoadsAhead] {
        let mut request = call("GET", "/open/x");
        request.renewal = renewal;
        request.source.provenance.origin = reader;
        let refusal = refused(Site::with_policy(ROUTES).ask(&request));
        assert!(
            refusal.cors.is_some_and(|grant| grant.is_given()),
            "{renewal:?}"
        );
    }
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
    for (sec_purpose, purpose, x_moz, next, expected) in [
        (None, None, None, None, false),
        (Some("prefetch"), None, None, None, true),
        (Some("prefetch;prerender"), None, None, None, true),
        (
            Some("prefetch; anonymous-client-ip"),
            None,
            None,
            None,
            true,
        ),
        (None, Some("prefetch"), None, None, true),
        (None, Some("Preview"), None, None, true),
        (None, None, Some("prefetch"), None, true),
        (Some(""), Some("navigate"), Some("prefetching"), None, false),
        (None, None, None, Some("1"), true),
        (None, None, None, Some("2"), true),
        (None, Some("navigate"), None, Some("1"), true),
    ] {
        let found = Renewal::loads_ahead(sec_purpose, purpose, x_moz, next);
        assert_eq!(found, expected, "{sec_purpose:?} {purpose:?} {x_moz:?}");
    }
}
