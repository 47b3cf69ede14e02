//! What goes on with a permitted request, and where its credential is found.

use edgeward_core::cookie::{CookieHeader, CookieNames, Environment};
use edgeward_core::gate::{Credential, ResponsePolicy};
use serde_json::json;

use crate::site::{Request, Site, call, forwarded, led_to, open, told};

#[test]
fn a_permit_tells_what_may_be_done_with_the_request() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let permit = forwarded(site.ask(&call("GET", "/app/x").with(&ada)));
    assert_eq!(
        (permit.rule(), permit.response_policy()),
        ("/app/**", ResponsePolicy::PrivateNoStore)
    );
    assert!(!permit.drops_credential());
    let public = forwarded(site.ask(&call("GET", "/").with("rubbish")));
    assert_eq!(
        (public.rule(), public.response_policy()),
        ("/", ResponsePolicy::Untouched)
    );
    assert!(
        public.drops_credential(),
        "the application shall not take a refused token for a proof"
    );
    assert_eq!(
        forwarded(site.ask(&call("GET", "/auth/me"))).rule(),
        "issuer"
    );
}

#[test]
fn cookies_and_headers_lead_to_the_same_decision() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let names = CookieNames::for_environment(Environment::Production, false);
    let cookie = format!("theme=dark; {}={ada}", names.access);
    let bearer = format!("Bearer {ada}");
    let twice = format!("{cookie}; {}=x", names.access);
    for (authorization, cookies, expected) in [
        (vec![bearer.as_str()], vec![], "forward /app to app as ada"),
        (vec![], vec![cookie.as_str()], "forward /app to app as ada"),
        (
            vec![bearer.as_str()],
            vec![cookie.as_str()],
            "forward /app to app as ada",
        ),
        (
            vec!["Bearer other"],
            vec![cookie.as_str()],
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (
            vec![bearer.as_str(), bearer.as_str()],
            vec![],
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (vec![], vec![twice.as_str()], "400 AMBIGUOUS_CREDENTIALS"),
        (vec![], vec![], "401 NOT_SIGNED_IN"),
    ] {
        let credential =
            Credential::from_headers(&authorization, &CookieHeader::parse(&cookies), &names);
        assert_eq!(
            told(site.ask(&Request {
                credential,
                ..call("GET", "/app")
            })),
            expected
        );
    }
    assert_eq!(led_to(site.ask(&open("/app"))), "/login?returnTo=%2Fapp");
}
