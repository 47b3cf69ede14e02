//! How often the issuer's paths may be asked for: by address whoever asks, and by identity where a token says whose it is.

use edgeward_core::gate::{Client, Decision, Policy, Ruling};
use edgeward_core::origin::Provenance;
use edgeward_core::token::SigningKey;
use serde_json::json;

use crate::policy::persona;
use crate::site::{NOW, Request, Site, call, open, refused, told};

const POLICY: &str = "version = 1";

fn here(request: Request<'_>) -> Request<'_> {
    Request {
        client: Client::At("203.0.113.9".parse().unwrap()),
        ..request
    }
}

/// The names of the turns that a request takes, all of them granted, and what it comes to.
fn taken(site: &Site, mut request: Request<'_>) -> (String, String) {
    let mut names: Vec<String> = Vec::new();
    loop {
        match site.ask(&request) {
            Decision::NeedsTurn(turn) => {
                request.turns.took(&turn, Ruling::Granted);
                names.push(turn.limit.name().to_owned());
            }
            other => return (names.join(" "), told(other)),
        }
    }
}

#[test]
fn each_path_of_the_issuer_has_a_limit_by_address_and_those_that_act_for_somebody_one_by_identity()
{
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    for (target, by_address, by_identity) in [
        ("/auth/me", "issuer", true),
        ("/auth/admin/users", "issuer", true),
        ("/auth/console/users", "issuer", true),
        ("/auth", "issuer", true),
        ("/auth/nothing-here", "issuer", true),
        ("/account", "issuer", true),
        ("/account/password", "issuer", true),
        ("/oauth/token", "issuer", true),
        ("/auth/password", "sign-in", true),
        ("/auth/step-up", "sign-in", true),
        // Who signs in is nobody yet.
        ("/auth/login", "sign-in", false),
        ("/auth/register/confirm", "sign-in", false),
        ("/login", "issuer", false),
        // Nobody's turns may keep somebody from ending their sessions, nor from what that takes.
        ("/auth/csrf", "issuer", false),
        ("/auth/refresh", "refresh", false),
        ("/auth/sessions/s1", "issuer", false),
        ("/account/sessions/end-all", "issuer", false),
        ("/auth/logout", "issuer", false),
        ("/auth/logout-all", "issuer", false),
        ("/account/sign-out", "issuer", false),
        // Everybody gets the same.
        ("/auth/assets/pages.css", "issuer", false),
        ("/.well-known/jwks.json", "issuer", false),
    ] {
        let end = format!("forward {target} to issuer as nobody");
        let with = taken(&site, here(call("POST", target).with(&ada)));
        let both = format!("{by_address} issuer-identity");
        let expected = if by_identity { &both } else { by_address };
        assert_eq!(with, (expected.to_owned(), end.clone()), "{target}");
        let without = taken(&site, here(call("POST", target)));
        assert_eq!(without, (by_address.to_owned(), end), "{target}");
    }
    // What changes nothing guesses nothing, and any page can make a visitor's browser ask for it.
    for target in ["/auth/login", "/auth/password", "/auth/refresh"] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let (turns, _) = taken(&site, here(call(method, target)));
            assert_eq!(turns, "issuer", "{method} {target}");
        }
    }
    // Whoever is led on has taken a turn before the token was looked at. What only the gate answers reaches nobody.
    let led = taken(&site, here(open("/login").with(&ada)));
    assert_eq!(led, ("issuer".to_owned(), "303 /".to_owned()));
    let verified = taken(&site, here(call("GET", "/auth/verify-token").with(&ada)));
    assert_eq!(verified, (String::new(), "204".to_owned()));
}

/// Nobody can keep others from signing in by a page that they open, with their cookies or without.
#[test]
fn what_a_page_of_another_origin_sends_takes_no_turn() {
    let site = Site::with_policy(POLICY);
    let of_others = Provenance {
        origin: Some("https://evil.example"),
        fetch_site: Some("cross-site"),
    };
    for target in ["/auth/login", "/auth/refresh", "/auth/me"] {
        for brings_cookies in [false, true] {
            let mut request = here(call("POST", target));
            request.source.provenance = of_others;
            request.source.brings_cookies = brings_cookies;
            let refused = (String::new(), "403 ORIGIN_REFUSED".to_owned());
            assert_eq!(taken(&site, request), refused, "{target} {brings_cookies}");
        }
    }
}

#[test]
fn only_a_token_that_holds_says_whose_turn_it_is_and_no_other_keeps_anybody_out() {
    let mut site = Site::with_policy(POLICY);
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let own = std::mem::replace(&mut site.key, stranger);
    let of_unknown_key = site.token(json!({}));
    site.key = own;
    let good = site.token(json!({}));
    let (head, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", "A".repeat(86));
    let expired = site.token(json!({ "iat": NOW - 700, "nbf": NOW - 700, "exp": NOW - 100 }));
    let for_others = site.token(json!({ "aud": "https://other.example" }));
    let passes = "forward /auth/me to issuer as nobody".to_owned();
    for (title, token, turns) in [
        ("good", good.as_str(), "issuer issuer-identity"),
        ("none at all", "x.y.z", "issuer"),
        ("forged", &forged, "issuer"),
        ("expired", &expired, "issuer"),
        ("of another audience", &for_others, "issuer"),
        // A question for newer keys is the app's to cause: here it would be one for a count.
        ("of an unknown key", &of_unknown_key, "issuer"),
    ] {
        let found = taken(&site, here(call("GET", "/auth/me").with(token)));
        assert_eq!(found, (turns.to_owned(), passes.clone()), "{title}");
    }
    // The first key set is asked for, and without one the issuer judges all the same.
    site.keys = None;
    let request = here(call("GET", "/auth/me").with(&good));
    assert_eq!(taken(&site, request).1, "needs keys");
    let request = here(call("POST", "/auth/logout").with(&good));
    let passed = "forward /auth/logout to issuer as nobody";
    assert_eq!(taken(&site, request), ("issuer".into(), passed.into()));
    site.keys_are_final = true;
    let request = here(call("GET", "/auth/me").with(&good));
    assert_eq!(taken(&site, request), ("issuer".to_owned(), passes));
}

#[test]
fn a_person_is_one_wherever_and_whoever_is_over_it_is_told_how_long_to_wait() {
    let site = Site::with_policy(POLICY);
    let (one, other) = (
        site.token(json!({})),
        site.token(json!({ "sid": "s2", "jti": "j2" })),
    );
    let bob = site.token(json!({ "sub": "bob" }));
    let by_identity = |token: &str, address: &str| {
        let mut request = Request {
            client: Client::At(address.parse().unwrap()),
            ..call("GET", "/auth/me").with(token)
        };
        let Decision::NeedsTurn(first) = site.ask(&request) else {
            panic!("a turn by address comes first");
        };
        request.turns.took(&first, Ruling::Granted);
        let Decision::NeedsTurn(second) = site.ask(&request) else {
            panic!("then one by identity");
        };
        request.turns.took(&second, Ruling::Refused { seconds: 7 });
        let refusal = refused(site.ask(&request));
        assert_eq!(
            (refusal.status, refusal.retry_after, &*refusal.log_reason),
            (429, Some(7), "rate-limited: issuer-identity")
        );
        second.key
    };
    let ada = by_identity(&one, "203.0.113.9");
    assert_eq!(ada, by_identity(&other, "198.51.100.1"));
    assert_ne!(ada, by_identity(&bob, "203.0.113.9"));
}

#[test]
fn who_is_not_counted_costs_no_look_at_a_token() {
    let mut site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    site.keys = None;
    for (client, expected) in [
        (Client::OwnMachine, "forward /auth/me to issuer as nobody"),
        (
            Client::At("127.0.0.1".parse().unwrap()),
            "forward /auth/me to issuer as nobody",
        ),
        // Nobody names addresses: identities are counted all the same.
        (Client::Untold, "needs keys"),
    ] {
        let request = Request {
            client,
            ..call("GET", "/auth/me").with(&ada)
        };
        assert_eq!(told(site.ask(&request)), expected, "{client:?}");
    }
}

#[test]
fn the_policy_sets_their_numbers_and_not_what_they_count_by() {
    let limit = |name: &str, by: &str| {
        format!("version = 1\n[limit.{name}]\nrequests = 7\nwithin_seconds = 8\nby = \"{by}\"\n")
    };
    for (name, by, said) in [
        (
            "issuer",
            "address",
            "  limit: issuer (7 in 8 s by address)\n  limit: issuer-identity (600 in 60 s by identity)\n",
        ),
        (
            "issuer-identity",
            "identity",
            "  limit: issuer (1200 in 60 s by address)\n  limit: issuer-identity (7 in 8 s by identity)\n",
        ),
    ] {
        let policy = Policy::parse(&limit(name, by)).unwrap();
        let told = policy.explain("GET", "/auth/me", &persona("user"));
        assert!(told.to_string().ends_with(said), "{told}");
    }
    for (name, by, said) in [
        ("issuer", "identity", "line 5: by: must be \"address\", or"),
        ("refresh", "identity", "line 5: by: must be \"address\", or"),
        (
            "issuer-identity",
            "address",
            "line 5: by: must be \"identity\"",
        ),
    ] {
        let error = Policy::parse(&limit(name, by)).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}
