//! Routes that are open to some addresses only.

use edgeward_core::gate::{Client, Policy, Question};
use serde_json::json;

use crate::policy::persona;
use crate::site::{Request, Site, call, open, refused, told};

const POLICY: &str = r#"
version = 1
[gate]
missing_role = "/inside"
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/metrics"
allow = "public"
addresses = ["10.0.0.0/8"]
[[route]]
path = "/admin/**"
roles = ["admin"]
addresses = ["10.0.0.0/8", "2001:db8::/32", "203.0.113.9"]
cors = { origins = ["https://tool.example"], credentials = true }
[[route]]
path = "/inside"
allow = "signed-in"
addresses = ["10.0.0.0/8"]
[[route]]
path = "/editors"
roles = ["editor"]
"#;

fn at(address: &str) -> Client {
    Client::At(address.parse().unwrap())
}

#[test]
fn only_an_address_that_is_known_and_listed_gets_to_the_credential() {
    let mut site = Site::with_policy(POLICY);
    let (admin, other) = (
        site.token(json!({ "roles": ["admin"] })),
        site.token(json!({})),
    );
    let closed = "403 ADDRESS_NOT_ALLOWED";
    let passes = "forward /admin to app as ada";
    for (client, expected) in [
        (at("10.1.2.3"), passes),
        (at("::ffff:10.1.2.3"), passes),
        (at("2001:db8:ffff::1"), passes),
        (at("203.0.113.9"), passes),
        (at("203.0.113.8"), closed),
        (at("2001:db9::1"), closed),
        (at("::ffff:11.1.2.3"), closed),
        (at("127.0.0.1"), closed),
        (Client::OwnMachine, closed),
        (Client::Unnamed, closed),
        (Client::Untold, closed),
    ] {
        for (method, target) in [
            ("GET", "/admin"),
            ("GET", "/%61dmin"),
            ("GET", "/x/../admin"),
        ] {
            let request = Request {
                client,
                ..call(method, target).with(&admin)
            };
            assert_eq!(told(site.ask(&request)), expected, "{client:?} {target}");
        }
    }
    let outside = |request: Request<'_>| {
        told(site.ask(&Request {
            client: at("198.51.100.1"),
            ..request
        }))
    };
    // Whoever asks from elsewhere learns nothing of what the route wants, and causes no fetch.
    assert_eq!(outside(call("GET", "/admin").with(&other)), closed);
    assert_eq!(outside(call("GET", "/admin")), closed);
    assert_eq!(outside(open("/admin")), closed);
    assert_eq!(outside(call("OPTIONS", "/admin")), closed);
    assert_eq!(outside(call("GET", "/metrics")), closed);
    site.keys = None;
    let request = Request {
        client: at("198.51.100.1"),
        ..call("GET", "/admin").with(&admin)
    };
    let refusal = refused(site.ask(&request));
    assert_eq!(refusal.code.code(), "ADDRESS_NOT_ALLOWED");
    assert_eq!(refusal.log_reason, "address-not-allowed: /admin/**");
    assert_eq!(
        (refusal.www_authenticate, refusal.retry_after),
        (None, None)
    );
}

#[test]
fn a_list_of_addresses_protects_a_public_route_from_its_look_alikes() {
    let site = Site::with_policy(POLICY);
    for (target, expected) in [
        ("/METRICS", "403 ROUTE_DENIED"),
        ("/metrics.json", "403 ROUTE_DENIED"),
        ("/metrics%20", "403 ROUTE_DENIED"),
        ("/_next/data/b/metrics.json", "403 ROUTE_DENIED"),
        ("/metrics/", "403 ADDRESS_NOT_ALLOWED"),
        ("/metric", "forward /metric to app as nobody"),
    ] {
        let request = Request {
            client: at("198.51.100.1"),
            ..call("GET", target)
        };
        assert_eq!(told(site.ask(&request)), expected, "{target}");
    }
}

#[test]
fn nobody_is_led_to_a_page_that_is_closed_to_their_address() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    for (address, expected) in [
        ("10.0.0.1", "303 /inside"),
        ("198.51.100.1", "403 INSUFFICIENT_ROLE"),
    ] {
        let request = Request {
            client: at(address),
            ..open("/editors").with(&ada)
        };
        assert_eq!(told(site.ask(&request)), expected);
    }
}

#[test]
fn a_script_of_a_listed_origin_may_read_the_refusal() {
    let site = Site::with_policy(POLICY);
    let mut request = Request {
        client: at("198.51.100.1"),
        ..call("GET", "/admin")
    };
    request.source.provenance.origin = Some("https://tool.example");
    assert!(refused(site.ask(&request)).cors.unwrap().is_given());
}

#[test]
fn an_explanation_is_asked_from_an_address() {
    let policy = Policy::parse(POLICY).unwrap();
    let ask = |client| {
        policy.answer(&Question {
            method: "GET",
            host: "",
            path: "/admin",
            persona: &persona("role:admin"),
            client,
            navigation: false,
        })
    };
    for (client, first) in [
        (
            at("10.1.2.3"),
            "allow: the caller meets the rule (role admin)",
        ),
        (
            at("198.51.100.1"),
            "forbidden: 198.51.100.1 is none of the rule's addresses",
        ),
        (
            Client::Untold,
            "forbidden: the rule is for some addresses only, and no address is given",
        ),
    ] {
        let told = ask(client).to_string();
        assert!(told.starts_with(first), "{told}");
        assert!(
            told.contains("\n  addresses: 10.0.0.0/8, 2001:db8::/32, 203.0.113.9/32\n"),
            "{told}"
        );
    }
    let told = policy
        .explain("POST", "/auth/login", &persona("anonymous"))
        .to_string();
    assert!(
        told.contains("\n  limit: sign-in (30 in 60 s by address)\n"),
        "{told}"
    );
}

#[test]
fn a_row_gives_an_address() {
    let row = |from: &str, expect: &str| {
        format!(
            "[[test]]\nrequest = \"GET /metrics\"\nas = \"anonymous\"\nexpect = \"{expect}\"\n{from}\n"
        )
    };
    let rows = row("from = \"10.0.0.1\"", "allow")
        + &row("from = \"::ffff:10.0.0.1\"", "allow")
        + &row("from = \"198.51.100.1\"", "forbidden")
        + &row("", "forbidden");
    let policy = Policy::parse(&format!("{POLICY}{rows}")).unwrap();
    assert_eq!(policy.run_tests().len(), 4);
    for test in policy.run_tests() {
        assert!(test.passed(), "{}", test.explanation);
    }
    let wrong = Policy::parse(&format!(
        "{POLICY}{}",
        row("from = \"10.0.0.0/8\"", "allow")
    ));
    let wrong = wrong.unwrap_err().to_string();
    assert!(
        wrong.ends_with("from: \"10.0.0.0/8\" is no address"),
        "{wrong}"
    );
}

#[test]
fn what_is_no_list_of_ranges_is_named() {
    for (list, expected) in [
        ("[]", "must be 1 to 256 ranges"),
        ("[\"10.0.0.1/8\"]", "must be 1 to 256 ranges"),
        ("[\"10.0.0.0/8\", \"localhost\"]", "must be 1 to 256 ranges"),
        (
            "\"10.0.0.0/8\"",
            "invalid type: string \"10.0.0.0/8\", expected a sequence",
        ),
    ] {
        let text = format!(
            "version = 1\n[[route]]\npath = \"/x\"\nallow = \"public\"\naddresses = {list}\n"
        );
        let error = Policy::parse(&text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("line 5: addresses: {expected}")),
            "{error}"
        );
    }
}
