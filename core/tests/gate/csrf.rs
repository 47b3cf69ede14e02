//! Which requests to the app must bring the CSRF token of their session, and what becomes of them.

use edgeward_core::csrf::{AppCsrfKey, CsrfAnswer, CsrfKey, UnreadForm, issue};
use edgeward_core::gate::{Decision, RequestSource};
use edgeward_core::origin::Provenance;
use edgeward_core::time::UnixTime;
use edgeward_core::token::TokenType;
use serde_json::json;

use crate::site::{ISSUER, NOW, Request, Site, call, refused, told};

const POLICY: &str = r#"
version = 1
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/pay"
allow = "signed-in"
csrf = true
[[route]]
path = "/admin"
roles = ["admin"]
csrf = true
[[route]]
path = "/vote"
allow = "public"
csrf = true
[[route]]
path = "/widget"
allow = "public"
check_origin = false
csrf = true
"#;

const KEY: CsrfKey = CsrfKey::from_bytes([1; 32]);
const AGENT: &str = "Browser/1";

/// The request as a page of ours sends it with its cookies.
fn from_our_page<'r>(request: Request<'r>) -> Request<'r> {
    let provenance = Provenance {
        origin: Some(ISSUER),
        fetch_site: Some("same-origin"),
    };
    Request {
        source: RequestSource {
            provenance,
            brings_cookies: true,
            ..request.source
        },
        ..request
    }
}

fn unnamed<'r>(request: Request<'r>) -> Request<'r> {
    let ours = from_our_page(request);
    let provenance = Provenance {
        origin: Some("null"),
        ..ours.source.provenance
    };
    Request {
        source: RequestSource {
            provenance,
            ..ours.source
        },
        ..ours
    }
}

/// What an edge with these keys finds about a token of this session.
fn answer(
    site: &Site,
    request: &Request<'_>,
    session: &str,
    keys: Option<&[AppCsrfKey]>,
) -> CsrfAnswer {
    let now = UnixTime::from_seconds(NOW);
    let token = issue(&KEY, session, AGENT, now, &[7; 16]);
    let sent = Some(token.as_str());
    match site.ask(request) {
        Decision::NeedsCsrf(question) => match question.submitted(sent, sent, AGENT, now) {
            Ok(submitted) => submitted.answer(keys),
            Err(answer) => answer,
        },
        other => panic!("a question expected: {other:?}"),
    }
}

#[test]
fn a_form_that_was_not_read_is_refused_for_that() {
    let site = Site::with_policy(POLICY);
    let (ada, next) = (
        site.token(json!({})),
        site.token(json!({ "sid": "another", "jti": "j2" })),
    );
    for (form, said, reason) in [
        (
            UnreadForm::TooLarge,
            "413 BODY_TOO_LARGE",
            "form-too-large: /pay",
        ),
        (
            UnreadForm::TooSlow,
            "408 BODY_TOO_SLOW",
            "form-too-slow: /pay",
        ),
    ] {
        let mut request = from_our_page(call("POST", "/pay").with(&ada));
        let Decision::NeedsCsrf(question) = site.ask(&request) else {
            panic!("a question expected");
        };
        let unread = question.unread(form);
        request.source.csrf = Some(&unread);
        assert_eq!(told(site.ask(&request)), said);
        assert_eq!(refused(site.ask(&request)).log_reason, reason);
        // It says nothing about another session's.
        let other = request.with(&next);
        assert_eq!(told(site.ask(&other)), "needs the CSRF token");
    }
}

#[test]
fn who_must_bring_the_token() {
    let site = Site::with_policy(POLICY);
    let (ada, nowhere) = (site.token(json!({})), without_session(&site));
    let (asks, denied) = ("needs the CSRF token", "403 CSRF_INVALID");
    for (method, target, token, expected) in [
        ("POST", "/pay", Some(&ada), asks),
        ("PUT", "/pay", Some(&ada), asks),
        ("PATCH", "/pay", Some(&ada), asks),
        ("DELETE", "/pay", Some(&ada), asks),
        ("PROPFIND", "/pay", Some(&ada), asks),
        ("GET", "/pay", Some(&ada), "forward /pay to app as ada"),
        ("HEAD", "/pay", Some(&ada), "forward /pay to app as ada"),
        ("OPTIONS", "/pay", Some(&ada), "forward /pay to app as ada"),
        ("POST", "/app/x", Some(&ada), "forward /app/x to app as ada"),
        // Who would be refused anyway is refused before anybody looks for the token.
        ("POST", "/pay", None, "401 NOT_SIGNED_IN"),
        ("POST", "/admin", Some(&ada), "403 INSUFFICIENT_ROLE"),
        ("POST", "/nowhere", Some(&ada), "403 ROUTE_DENIED"),
        // On a public route, who is not known acts for nobody.
        ("POST", "/vote", Some(&ada), asks),
        ("POST", "/vote", None, "forward /vote to app as nobody"),
        ("POST", "/widget", Some(&ada), asks),
        // There is nothing that the token could be bound to.
        ("POST", "/pay", Some(&nowhere), denied),
    ] {
        let request = from_our_page(call(method, target));
        let request = token.map_or(request, |token| request.with(token));
        assert_eq!(told(site.ask(&request)), expected, "{method} {target}");
    }
}

/// A token of an issuer that names no sessions.
fn without_session(site: &Site) -> String {
    let claims = json!({ "iss": ISSUER, "sub": "ada", "aud": ISSUER, "exp": NOW + 600 });
    site.key.sign(&TokenType::Access, &claims).unwrap()
}

#[test]
fn who_needs_none() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    let passes = "forward /pay to app as ada";
    let plain = call("POST", "/pay").with(&ada);
    assert_eq!(told(site.ask(&plain)), passes, "without cookies");
    let mut bearer = from_our_page(plain);
    bearer.source.bears_token = true;
    assert_eq!(told(site.ask(&bearer)), passes, "by `Authorization`");
    let mut foreign = from_our_page(plain);
    foreign.source.provenance.fetch_site = Some("cross-site");
    assert_eq!(told(site.ask(&foreign)), "403 ORIGIN_REFUSED");
}

#[test]
fn a_page_that_hides_its_name_must_bring_the_token_everywhere() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    for (target, token, expected) in [
        ("/app/x", Some(&ada), "needs the CSRF token"),
        ("/pay", Some(&ada), "needs the CSRF token"),
        ("/vote", None, "403 CSRF_INVALID"),
        ("/app/x", None, "401 NOT_SIGNED_IN"),
    ] {
        let request = unnamed(call("POST", target));
        let request = token.map_or(request, |token| request.with(token));
        assert_eq!(told(site.ask(&request)), expected, "{target}");
    }
    let mut bearer = unnamed(call("POST", "/app/x").with(&ada));
    bearer.source.bears_token = true;
    assert_eq!(told(site.ask(&bearer)), "needs the CSRF token");
    let mut elsewhere = unnamed(call("POST", "/app/x").with(&ada));
    elsewhere.source.provenance.fetch_site = Some("same-site");
    assert_eq!(told(site.ask(&elsewhere)), "403 ORIGIN_REFUSED");
    let mut socket = unnamed(call("GET", "/app/x").with(&ada));
    socket.source.opens_websocket = true;
    assert_eq!(told(site.ask(&socket)), "403 ORIGIN_REFUSED");
}

#[test]
fn what_is_found_decides() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    let (own, other) = ([KEY.for_apps()], [CsrfKey::from_bytes([2; 32]).for_apps()]);
    let passes = "forward /pay to app as ada";
    for (session, keys, expected) in [
        ("s", Some(&own[..]), passes),
        ("t", Some(&own), "403 CSRF_INVALID"),
        ("s", Some(&other), "403 CSRF_INVALID"),
        ("s", None, "503 CSRF_UNAVAILABLE"),
    ] {
        let mut request = from_our_page(call("POST", "/pay").with(&ada));
        let answer = answer(&site, &request, session, keys);
        request.source.csrf = Some(&answer);
        assert_eq!(told(site.ask(&request)), expected, "{session}");
    }
}

#[test]
fn a_finding_about_another_session_asks_again() {
    let site = Site::with_policy(POLICY);
    let (ada, elsewhere) = (site.token(json!({})), site.token(json!({ "sid": "t" })));
    let request = from_our_page(call("POST", "/pay").with(&elsewhere));
    let found = answer(&site, &request, "t", Some(&[KEY.for_apps()]));
    let mut request = from_our_page(call("POST", "/pay").with(&ada));
    request.source.csrf = Some(&found);
    assert_eq!(told(site.ask(&request)), "needs the CSRF token");
}

#[test]
fn the_log_says_why_and_nothing_of_the_token() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    let mut request = from_our_page(call("POST", "/pay").with(&ada));
    let forged = answer(&site, &request, "t", Some(&[KEY.for_apps()]));
    request.source.csrf = Some(&forged);
    let refusal = refused(site.ask(&request));
    assert_eq!(refusal.log_reason, "csrf-forged: /pay");
    let without = answer(&site, &request_without_finding(&ada), "s", None);
    request.source.csrf = Some(&without);
    let refusal = refused(site.ask(&request));
    assert_eq!(
        (refusal.retry_after, &*refusal.log_reason),
        (Some(1), "csrf-unavailable")
    );
}

fn request_without_finding(token: &str) -> Request<'_> {
    from_our_page(call("POST", "/pay").with(token))
}
