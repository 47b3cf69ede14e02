//! From where anybody may administer: the issuer's own administration, and routes of the app that name the same list.

use edgeward_core::gate::{Client, Policy, Question, Ruling};
use serde_json::json;

use crate::policy::persona;
use crate::site::{Request, Site, call, open, refused, told};

const POLICY: &str = r#"
version = 1
[gate]
missing_role = "/auth/console/users"
admin_addresses = ["10.0.0.0/8", "2001:db8::/32", "203.0.113.9"]
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/admin/**"
roles = ["admin"]
addresses = "admin"
[[route]]
path = "/reports"
roles = ["editor"]
"#;

fn at(address: &str) -> Client {
    Client::At(address.parse().unwrap())
}

#[test]
fn administration_is_open_to_the_listed_addresses_and_nothing_else_is_closed() {
    let mut site = Site::with_policy(POLICY);
    let admin = site.token(json!({ "roles": ["admin"] }));
    // Who is elsewhere costs neither keys nor a turn.
    site.keys = None;
    for (client, inside) in [
        (at("10.1.2.3"), true),
        (at("::ffff:10.1.2.3"), true),
        (at("2001:db8:ffff::1"), true),
        (at("203.0.113.9"), true),
        (at("203.0.113.8"), false),
        (at("2001:db9::1"), false),
        (at("::ffff:11.1.2.3"), false),
        (at("::10.1.2.3"), false),
        (at("127.0.0.1"), false),
        (at("0.0.0.0"), false),
        (Client::OwnMachine, false),
        (Client::Unnamed, false),
        (Client::Untold, false),
    ] {
        for (method, target, is_admins) in [
            ("GET", "/auth/admin/users", true),
            ("PUT", "/auth/admin/users/1/roles", true),
            ("OPTIONS", "/auth/admin/users", true),
            ("GET", "/auth/console/users", true),
            ("POST", "/auth/console/users/1/unlock", true),
            ("GET", "/%61uth/./%61dmin/users", true),
            ("GET", "/auth/admin/nothing", true),
            ("GET", "/admin", true),
            ("GET", "/auth/me", false),
            ("GET", "/account", false),
            ("GET", "/auth/administrator", false),
            ("GET", "/", false),
        ] {
            let request = Request {
                client,
                ..call(method, target).with(&admin)
            };
            let found = told(site.ask(&request));
            let is_closed = found == "403 ADDRESS_NOT_ALLOWED";
            assert_eq!(
                is_closed,
                is_admins && !inside,
                "{client:?} {target}: {found}"
            );
        }
        let page = Request {
            client,
            ..open("/auth/console/users")
        };
        assert_eq!(
            told(site.ask(&page)) == "403 ADDRESS_NOT_ALLOWED",
            !inside,
            "{client:?}"
        );
    }
    let request = Request {
        client: at("198.51.100.1"),
        ..call("GET", "/auth/admin/users")
    };
    let refusal = refused(site.ask(&request));
    assert_eq!(refusal.log_reason, "address-not-allowed: issuer");
    assert_eq!(
        (refusal.www_authenticate, refusal.retry_after),
        (None, None)
    );
}

#[test]
fn without_a_list_the_issuer_alone_judges() {
    let site = Site::with_policy("version = 1");
    for client in [at("198.51.100.1"), Client::Untold, Client::Unnamed] {
        let mut request = Request {
            client,
            ..call("GET", "/auth/admin/users")
        };
        if let edgeward_core::gate::Decision::NeedsTurn(turn) = site.ask(&request) {
            request.turns.took(&turn, Ruling::Granted);
        }
        assert_eq!(
            told(site.ask(&request)),
            "forward /auth/admin/users to issuer as nobody"
        );
    }
}

#[test]
fn nobody_is_led_to_administration_from_elsewhere() {
    let site = Site::with_policy(POLICY);
    let ada = site.token(json!({}));
    for (address, expected) in [
        ("10.0.0.1", "303 /auth/console/users"),
        ("198.51.100.1", "403 INSUFFICIENT_ROLE"),
    ] {
        let request = Request {
            client: at(address),
            ..open("/reports").with(&ada)
        };
        assert_eq!(told(site.ask(&request)), expected);
    }
}

#[test]
fn an_explanation_names_the_list() {
    let policy = Policy::parse(POLICY).unwrap();
    let listed = "  addresses: 10.0.0.0/8, 2001:db8::/32, 203.0.113.9/32\n";
    for (path, client, first) in [
        (
            "/auth/admin/users",
            at("10.1.2.3"),
            "allow: the issuer owns this path and judges for itself\n",
        ),
        (
            "/auth/admin/users",
            at("198.51.100.1"),
            "forbidden: 198.51.100.1 is none of administrators' addresses\n",
        ),
        (
            "/auth/console/users",
            Client::Untold,
            "forbidden: administration is for some addresses only, and no address is given\n",
        ),
        (
            "/admin",
            at("198.51.100.1"),
            "forbidden: 198.51.100.1 is none of the rule's addresses\n",
        ),
    ] {
        let told = policy
            .answer(&Question {
                method: "GET",
                host: "",
                path,
                persona: &persona("role:admin"),
                client,
                navigation: false,
            })
            .to_string();
        assert!(told.starts_with(first), "{told}");
        assert!(told.contains(listed), "{told}");
    }
    let other = policy.explain("GET", "/auth/me", &persona("user"));
    assert_eq!(other.addresses, []);
}

#[test]
fn what_is_no_such_list_is_named_with_its_line() {
    let route = "[[route]]\npath = \"/x\"\nallow = \"public\"\n";
    for (text, expected) in [
        (
            "[gate]\nadmin_addresses = []\n".to_owned(),
            "line 3: admin_addresses: must be 1 to 256 ranges",
        ),
        (
            "[gate]\nadmin_addresses = [\"10.0.0.1/8\"]\n".to_owned(),
            "line 3: admin_addresses: must be 1 to 256 ranges",
        ),
        (
            "[gate]\nadmin_addresses = \"admin\"\n".to_owned(),
            "line 3: admin_addresses: invalid type: string \"admin\", expected a sequence",
        ),
        (
            "[gate]\nadmin_address = [\"::1\"]\n".to_owned(),
            "line 3: admin_address: unknown field `admin_address` (did you mean `admin_addresses`?)",
        ),
        (
            format!("{route}addresses = \"admin\"\n"),
            "line 5: addresses: [gate] has no admin_addresses",
        ),
        (
            format!("[gate]\nadmin_addresses = [\"::1\"]\n{route}addresses = \"admins\"\n"),
            "line 7: addresses: invalid type: string \"admins\", expected a sequence",
        ),
        (
            format!("[gate]\nadmin_addresses = [\"::1\"]\n{route}addresses = [\"admin\"]\n"),
            "line 7: addresses: must be 1 to 256 ranges",
        ),
    ] {
        let error = Policy::parse(&format!("version = 1\n{text}"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}\n{text}");
    }
}
