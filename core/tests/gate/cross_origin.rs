//! Requests that pages of other origins cause: which are refused for whose page sent them, and which questions of browsers
//! are answered how.

use edgeward_core::gate::{Client, Decision, RequestSource};
use edgeward_core::origin::Provenance;
use serde_json::json;

use crate::site::{ISSUER, Request, Site, call, led_to, open, told};

const POLICY: &str = r#"
version = 1
[gate]
origins = ["https://admin.site.example"]
missing_role = "/"
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/hook"
allow = "public"
check_origin = false
[[route]]
path = "/open/**"
allow = "signed-in"
cors = { origins = ["https://a.example", "https://b.example"], credentials = true, expose = ["X-Total"] }
[[route]]
path = "/open/audit"
roles = ["auditor"]
redirect = "/app/ask"
[[route]]
path = "/open/list"
methods = ["GET"]
allow = "public"
cors = { origins = ["https://c.example"], headers = ["X-One", "x-two"], max_age_seconds = 0 }
"#;

const FOREIGN: Option<&str> = Some("https://evil.example");

fn from<'r>(
    request: Request<'r>,
    origin: Option<&'r str>,
    fetch_site: Option<&'r str>,
) -> Request<'r> {
    Request {
        source: RequestSource {
            provenance: Provenance { origin, fetch_site },
            brings_cookies: true,
            ..request.source
        },
        ..request
    }
}

#[test]
fn what_may_change_something_comes_from_a_page_of_ours() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    let (refused, forbidden) = ("403 ORIGIN_REFUSED", "needs the CSRF token");
    let passes = "forward /app/x to app as ada";
    for (method, target, origin, fetch_site, expected) in [
        ("POST", "/app/x", Some(ISSUER), Some("same-origin"), passes),
        ("POST", "/app/x", None, None, passes),
        ("POST", "/app/x", None, Some("same-origin"), passes),
        (
            "POST",
            "/app/x",
            Some("https://admin.site.example"),
            Some("same-site"),
            passes,
        ),
        ("GET", "/app/x", FOREIGN, Some("cross-site"), passes),
        ("HEAD", "/app/x", FOREIGN, Some("cross-site"), passes),
        ("OPTIONS", "/app/x", FOREIGN, Some("cross-site"), passes),
        ("POST", "/app/x", FOREIGN, Some("cross-site"), refused),
        ("POST", "/app/x", FOREIGN, None, refused),
        ("POST", "/app/x", None, Some("cross-site"), refused),
        ("POST", "/app/x", None, Some("same-site"), refused),
        ("PUT", "/app/x", FOREIGN, None, refused),
        ("PATCH", "/app/x", FOREIGN, None, refused),
        ("DELETE", "/app/x", FOREIGN, None, refused),
        ("PROPFIND", "/app/x", FOREIGN, None, refused),
        ("POST", "/app/x", Some("null"), None, refused),
        ("POST", "/app/x", Some("null"), Some("cross-site"), refused),
        (
            "POST",
            "/app/x",
            Some("null"),
            Some("same-origin"),
            forbidden,
        ),
        ("POST", "/p", FOREIGN, None, refused),
        (
            "POST",
            "/hook",
            FOREIGN,
            Some("cross-site"),
            "forward /hook to app as ada",
        ),
        (
            "POST",
            "/hook",
            Some("null"),
            None,
            "forward /hook to app as ada",
        ),
        // Origins that may read answers with cookies may act with them too, there and nowhere else.
        (
            "POST",
            "/open/x",
            Some("https://a.example"),
            Some("cross-site"),
            "forward /open/x to app as ada",
        ),
        (
            "POST",
            "/app/x",
            Some("https://a.example"),
            Some("cross-site"),
            refused,
        ),
        (
            "POST",
            "/open/x",
            Some("https://c.example"),
            Some("cross-site"),
            refused,
        ),
        // The issuer's paths know nothing but the site itself.
        (
            "POST",
            "/auth/logout",
            Some(ISSUER),
            None,
            "forward /auth/logout to issuer as nobody",
        ),
        (
            "POST",
            "/auth/logout",
            Some("null"),
            Some("same-origin"),
            "forward /auth/logout to issuer as nobody",
        ),
        (
            "POST",
            "/auth/logout",
            Some("https://admin.site.example"),
            None,
            refused,
        ),
        ("DELETE", "/auth/sessions/1", FOREIGN, None, refused),
        ("POST", "/login", FOREIGN, None, refused),
        (
            "GET",
            "/auth/me",
            FOREIGN,
            Some("cross-site"),
            "forward /auth/me to issuer as nobody",
        ),
        // Nothing passes for its origin that does not pass anyway.
        ("POST", "//x", FOREIGN, None, "400 AMBIGUOUS_PATH"),
    ] {
        // From where nobody is counted, so that no turn stands in front of what is asked here.
        let request = Request {
            client: Client::OwnMachine,
            ..from(call(method, target).with(&ada), origin, fetch_site)
        };
        let asked = format!("{method} {target} {origin:?} {fetch_site:?}");
        assert_eq!(told(site.ask(&request)), expected, "{asked}");
        // Whoever brings no cookie of ours acts for nobody by them. The issuer answers no page of another origin all the same.
        let mut without = request;
        without.source.brings_cookies = false;
        let found = told(site.ask(&without));
        if target.starts_with("/auth/") || target == "/login" {
            assert_eq!(found, expected, "{asked} without cookies");
        } else {
            assert!(!found.starts_with("403"), "{asked} without cookies");
        }
    }
}

#[test]
fn a_websocket_is_opened_by_a_page_of_ours() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    for (origin, brings_cookies, expected) in [
        (Some(ISSUER), true, "forward /app/x to app as ada"),
        (None, true, "forward /app/x to app as ada"),
        (
            Some("https://admin.site.example"),
            true,
            "forward /app/x to app as ada",
        ),
        (FOREIGN, true, "403 ORIGIN_REFUSED"),
        (Some("null"), true, "403 ORIGIN_REFUSED"),
        (FOREIGN, false, "forward /app/x to app as ada"),
    ] {
        for fetch_site in [None, Some("same-origin")] {
            let mut request = from(call("GET", "/app/x").with(&ada), origin, fetch_site);
            request.source.opens_websocket = true;
            request.source.brings_cookies = brings_cookies;
            assert_eq!(
                told(site.ask(&request)),
                expected,
                "{origin:?} {fetch_site:?}"
            );
        }
    }
}

/// The answer to a preflight as header lines, or what else it comes to.
fn preflight(site: &Site, target: &str, origin: &str, method: &str) -> String {
    let mut request = from(call("OPTIONS", target), Some(origin), Some("cross-site"));
    request.source.brings_cookies = false;
    request.source.asks_for_method = Some(method);
    match site.ask(&request) {
        Decision::AnswerPreflight(preflight) => {
            let lines = preflight.headers().into_iter();
            let lines = lines
                .map(|(name, value)| format!("{}={value}", name.replace("access-control-", "")));
            lines.collect::<Vec<_>>().join(" ")
        }
        other => told(other),
    }
}

#[test]
fn a_preflight_is_answered_where_the_policy_speaks() {
    let site = Site::with_policy(POLICY);
    let (a, c) = ("https://a.example", "https://c.example");
    let all = "allow-origin=https://a.example allow-credentials=true allow-methods=GET, HEAD, POST, PUT, PATCH, DELETE \
               allow-headers=Content-Type, X-CSRF-Token max-age=600";
    for (target, origin, method, expected) in [
        ("/open/x", a, "POST", all),
        ("/open/x", a, "GET", all),
        ("/open/x/", a, "DELETE", all),
        (
            "/open/x",
            "https://b.example",
            "POST",
            &all.replace("//a.", "//b."),
        ),
        ("/open/x", c, "POST", "403 ORIGIN_REFUSED"),
        ("/open/x", "null", "POST", "403 ORIGIN_REFUSED"),
        (
            "/open/x",
            "https://a.example.evil.example",
            "POST",
            "403 ORIGIN_REFUSED",
        ),
        // No rule covers such methods.
        ("/open/x", a, "TRACE", "401 NOT_SIGNED_IN"),
        ("/open/x", a, "post", "401 NOT_SIGNED_IN"),
        // The narrower rule speaks for GET, and the broader one for the rest.
        (
            "/open/list",
            c,
            "GET",
            "allow-origin=https://c.example allow-methods=GET, HEAD allow-headers=X-One, x-two max-age=0",
        ),
        ("/open/list", a, "GET", "403 ORIGIN_REFUSED"),
        ("/open/list", c, "POST", "403 ORIGIN_REFUSED"),
        (
            "/open/list",
            a,
            "POST",
            &all.replace("GET, HEAD, ", "HEAD, "),
        ),
        // Where the policy does not speak, a preflight is a request like others.
        ("/open/audit", a, "POST", "401 NOT_SIGNED_IN"),
        ("/app/x", a, "POST", "401 NOT_SIGNED_IN"),
        ("/p", a, "POST", "forward /p to app as nobody"),
        ("//open", a, "POST", "400 AMBIGUOUS_PATH"),
        ("/OPEN/x", a, "POST", "403 ROUTE_DENIED"),
    ] {
        assert_eq!(
            preflight(&site, target, origin, method),
            expected,
            "{target} {origin} {method}"
        );
    }
}

/// Whoever may not ask at all is not told who may read it.
#[test]
fn a_preflight_from_elsewhere_is_refused_like_the_request() {
    let site = Site::with_policy(
        r#"
version = 1
[[route]]
path = "/inside"
allow = "public"
addresses = ["10.0.0.0/8"]
cors = { origins = ["https://a.example"] }
"#,
    );
    for (client, expected) in [
        ("10.1.2.3", "204 to a preflight"),
        ("203.0.113.9", "403 ADDRESS_NOT_ALLOWED"),
    ] {
        let target = call("OPTIONS", "/inside");
        let mut request = from(target, Some("https://a.example"), Some("cross-site"));
        request.source.brings_cookies = false;
        request.source.asks_for_method = Some("GET");
        request.client = Client::At(client.parse().unwrap());
        assert_eq!(told(site.ask(&request)), expected, "{client}");
    }
}

/// Case and dots are folded of whatever opens a WebSocket too.
#[test]
fn another_spelling_of_a_websocket_is_asked_for_its_page_too() {
    let site = Site::with_policy(
        r#"
version = 1
[[route]]
path = "/**"
allow = "public"
check_origin = false
[[route]]
path = "/socket"
allow = "public"
"#,
    );
    for (target, opens, expected) in [
        ("/socket", true, "403 ORIGIN_REFUSED"),
        ("/Socket", true, "403 ROUTE_DENIED"),
        ("/Socket", false, "forward /Socket to app as nobody"),
        ("/other", true, "forward /other to app as nobody"),
    ] {
        let mut request = from(call("GET", target), FOREIGN, Some("cross-site"));
        request.source.opens_websocket = opens;
        assert_eq!(told(site.ask(&request)), expected, "{target} {opens}");
    }
}

#[test]
fn an_answer_says_who_may_read_it_and_so_does_a_refusal() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    let a = Some("https://a.example");
    for (target, origin, expected) in [
        ("/open/x", a, Some(3)),
        ("/open/x", Some("https://c.example"), Some(0)),
        ("/open/x", None, Some(0)),
        ("/open/list", Some("https://c.example"), Some(1)),
        ("/app/x", a, None),
    ] {
        for signed_in in [true, false] {
            let request = from(call("GET", target), origin, None);
            let request = if signed_in {
                request.with(&ada)
            } else {
                request
            };
            let said = match site.ask(&request) {
                Decision::Forward(permit) => permit.cors().map(|grant| grant.headers().len()),
                Decision::Refuse(refusal) => refusal.cors.map(|grant| grant.headers().len()),
                other => panic!("{other:?}"),
            };
            assert_eq!(said, expected, "{target} {origin:?} {signed_in}");
        }
    }
}

#[test]
fn the_word_of_the_gate_holds_where_a_route_has_none() {
    let site = Site::with_policy(
        "version = 1\ngate = { cors = { origins = [\"https://a.example\"] } }\n\
         [[route]]\npath = \"/a\"\nallow = \"signed-in\"\n\
         [[route]]\npath = \"/b\"\nallow = \"signed-in\"\ncors = { origins = [\"https://b.example\"] }\n\
         [[route]]\npath = \"/none\"\nallow = \"public\"\ncors = { origins = [] }\n",
    );
    for (target, origin, allowed) in [
        ("/a", "https://a.example", true),
        ("/a", "https://b.example", false),
        ("/b", "https://a.example", false),
        ("/b", "https://b.example", true),
        ("/none", "https://a.example", false),
    ] {
        let answered = preflight(&site, target, origin, "GET");
        assert_eq!(
            answered.starts_with("allow-origin="),
            allowed,
            "{target} {origin}: {answered}"
        );
        assert!(!answered.contains("credentials"), "{answered}");
    }
}

#[test]
fn a_rule_may_have_a_page_of_its_own_for_who_lacks_the_role() {
    let site = Site::with_policy(&POLICY.replace(
        "[[route]]\npath = \"/hook\"",
        "[[route]]\npath = \"/app/other\"\nroles = [\"x\"]\n[[route]]\npath = \"/hook\"",
    ));
    let ada = site.token(json!({}));
    assert_eq!(
        led_to(site.ask(&open("/open/audit").with(&ada))),
        "/app/ask"
    );
    assert_eq!(led_to(site.ask(&open("/app/other").with(&ada))), "/");
    assert_eq!(
        told(site.ask(&call("GET", "/open/audit").with(&ada))),
        "403 INSUFFICIENT_ROLE"
    );
}
