//! One table of requests and what each comes to, and what no request ever comes to.

use edgeward_core::gate::{Credential, Decision, MAX_PATH_BYTES};
use serde_json::json;

use crate::site::{NOW, Request, Site, call, open, told};

#[test]
fn a_day_at_the_gate() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let admin = site.token(json!({"sub": "root", "roles": ["user", "admin"]}));
    let expired = site.token(json!({"exp": NOW - 61}));
    let early = site.token(json!({"nbf": NOW + 61}));
    let foreign = site.token(json!({"aud": "https://other.example"}));
    let longest = format!("/{}", "a".repeat(MAX_PATH_BYTES - 1));
    let (too_long, too_long_and_odd) = (format!("{longest}a"), format!("{longest}//"));
    for (request, expected) in [
        // Anybody.
        (call("GET", "/"), "forward / to app as nobody"),
        (call("GET", "/").with(&ada), "forward / to app as ada"),
        (
            call("GET", "/").with(&expired),
            "forward / to app as nobody",
        ),
        (
            call("GET", "/").with("rubbish"),
            "forward / to app as nobody",
        ),
        // The signed-in.
        (call("GET", "/app").with(&ada), "forward /app to app as ada"),
        (
            call("POST", "/app/x").with(&ada),
            "forward /app/x to app as ada",
        ),
        (open("/app").with(&ada), "forward /app to app as ada"),
        (
            call("GET", "/x/../%61pp/").with(&ada),
            "forward /app/ to app as ada",
        ),
        (
            call("GET", "/de/app").with(&ada),
            "forward /de/app to app as ada",
        ),
        (open("/app"), "303 /login?returnTo=%2Fapp"),
        (
            open("/app/a%20b?x=1&y=%2F"),
            "303 /login?returnTo=%2Fapp%2Fa%2520b%3Fx%3D1%26y%3D%252F",
        ),
        (
            Request {
                method: "HEAD",
                ..open("/app")
            },
            "303 /login?returnTo=%2Fapp",
        ),
        (
            Request {
                method: "POST",
                ..open("/app")
            },
            "401 NOT_SIGNED_IN",
        ),
        (call("GET", "/app"), "401 NOT_SIGNED_IN"),
        (call("GET", "/app").with(&expired), "401 TOKEN_EXPIRED"),
        (open("/app").with(&expired), "303 /login?returnTo=%2Fapp"),
        (call("GET", "/app").with(&early), "401 TOKEN_NOT_YET_VALID"),
        (call("GET", "/app").with(&foreign), "401 INVALID_TOKEN"),
        (call("GET", "/app").with("rubbish"), "401 INVALID_TOKEN"),
        // Roles.
        (
            call("GET", "/admin").with(&admin),
            "forward /admin to app as root",
        ),
        (
            call("GET", "/de/admin/x").with(&admin),
            "forward /de/admin/x to app as root",
        ),
        (call("GET", "/admin").with(&ada), "403 INSUFFICIENT_ROLE"),
        (call("GET", "/de/admin").with(&ada), "403 INSUFFICIENT_ROLE"),
        (open("/admin").with(&ada), "303 /forbidden"),
        (open("/admin"), "303 /login?returnTo=%2Fadmin"),
        (call("GET", "/ADMIN").with(&admin), "403 ROUTE_DENIED"),
        (
            call("GET", "/administrator").with(&admin),
            "403 ROUTE_DENIED",
        ),
        // What nobody wrote a rule for.
        (call("GET", "/metrics").with(&admin), "403 ROUTE_DENIED"),
        (call("GET", "/healthz"), "403 ROUTE_DENIED"),
        (open("/nowhere"), "403 ROUTE_DENIED"),
        (call("TRACE", "/"), "403 ROUTE_DENIED"),
        // What lies behind the gate may take these for GET and POST, whose rules were not asked.
        (call("get", "/app").with(&ada), "403 ROUTE_DENIED"),
        (call("pOST", "/"), "403 ROUTE_DENIED"),
        (call("", "/"), "403 ROUTE_DENIED"),
        (call("PROPFIND", "/"), "forward / to app as nobody"),
        // Two readings.
        (call("GET", "//admin").with(&admin), "400 AMBIGUOUS_PATH"),
        (
            call("GET", "/app%2f..%2fadmin").with(&admin),
            "400 AMBIGUOUS_PATH",
        ),
        (call("GET", "/auth%2flogin"), "400 AMBIGUOUS_PATH"),
        (open("/app/..;/admin").with(&admin), "400 AMBIGUOUS_PATH"),
        // More than anybody reads, whatever else is wrong with it.
        (call("GET", &longest), "403 ROUTE_DENIED"),
        (call("GET", &too_long), "414 PATH_TOO_LONG"),
        (open(&too_long_and_odd), "414 PATH_TOO_LONG"),
        (
            Request {
                credential: Credential::Ambiguous,
                ..call("GET", "/")
            },
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (
            Request {
                credential: Credential::Ambiguous,
                ..open("/app")
            },
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        (
            Request {
                credential: Credential::Ambiguous,
                ..call("POST", "/auth/logout")
            },
            "400 AMBIGUOUS_CREDENTIALS",
        ),
        // The issuer's.
        (
            call("POST", "/auth/login"),
            "forward /auth/login to issuer as nobody",
        ),
        (
            call("POST", "/auth/refresh").with(&expired),
            "forward /auth/refresh to issuer as nobody",
        ),
        (
            call("GET", "/.well-known/jwks.json"),
            "forward /.well-known/jwks.json to issuer as nobody",
        ),
        (
            call("GET", "/account/sign-out").with(&ada),
            "forward /account/sign-out to issuer as nobody",
        ),
        (open("/login"), "forward /login to issuer as nobody"),
        (
            open("/login").with(&expired),
            "forward /login to issuer as nobody",
        ),
        (open("/login").with(&ada), "303 /app"),
        (
            open("/login?returnTo=%2Fadmin%2Fa").with(&ada),
            "303 /admin/a",
        ),
        (
            open("/login?returnTo=%2F%2Fevil.example").with(&ada),
            "303 /app",
        ),
        (open("/register?returnTo=%2Flogin").with(&ada), "303 /app"),
        (open("/register?x=1").with(&ada), "303 /app"),
        (
            call("GET", "/login").with(&ada),
            "forward /login to issuer as nobody",
        ),
        (
            call("POST", "/login").with(&ada),
            "forward /login to issuer as nobody",
        ),
        (open("/de/login"), "403 ROUTE_DENIED"),
        // The gate's own answer.
        (call("GET", "/auth/verify-token").with(&ada), "204"),
        (call("HEAD", "/auth/verify-token").with(&ada), "204"),
        (open("/auth/verify-token"), "401 NOT_SIGNED_IN"),
        (
            call("GET", "/auth/verify-token").with(&expired),
            "401 TOKEN_EXPIRED",
        ),
        (
            call("GET", "/auth/verify-token").with("rubbish"),
            "401 INVALID_TOKEN",
        ),
        (
            call("POST", "/auth/verify-token").with(&ada),
            "405 METHOD_NOT_ALLOWED",
        ),
        (call("GET", "/auth/x/../verify-token/").with(&ada), "204"),
    ] {
        let Request {
            method,
            target,
            navigation,
            ..
        } = request;
        assert_eq!(
            told(site.ask(&request)),
            expected,
            "{method} {target} navigation: {navigation}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_request_without_a_good_token_passes_a_protected_rule(
        target in "/(app|admin|billing|x|\\.\\.|/|%2f|;|\\?a){0,5}",
        token in "[a-zA-Z0-9_.-]{0,60}",
        navigation in proptest::prelude::any::<bool>(),
    ) {
        let site = Site::new();
        let request = Request { navigation, ..call("GET", &target).with(&token) };
        if let Decision::Forward(permit) = site.ask(&request) {
            proptest::prop_assert!(permit.identity().is_none());
            proptest::prop_assert_eq!(permit.rule(), "/", "{}", target);
        }
    }
}
