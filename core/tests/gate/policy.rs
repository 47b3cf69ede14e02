//! Which rule of a policy decides, what it asks for, and how that is explained.

use edgeward_core::gate::{Client, Outcome, Persona, Policy, Question};

use crate::lookalikes::BROAD;

pub(crate) fn policy(routes: &str) -> Policy {
    Policy::parse(&format!("version = 1\n{}", routes.trim_start()))
        .unwrap_or_else(|error| panic!("{error}\n{routes}"))
}

pub(crate) fn persona(text: &str) -> Persona {
    Persona::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_most_specific_rule_decides_wherever_it_stands() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/shop/**"
allow = "signed-in"
[[route]]
path = "/shop/*"
roles = ["one-deep"]
[[route]]
path = "/shop/cart"
roles = ["cart"]
[[route]]
path = "/shop/cart"
methods = ["GET"]
allow = "public"
[[route]]
path = "/shop/cart"
host = "b.example"
scopes = ["b"]
[[route]]
path = "/shop/cart"
host = "b.example:8443"
scopes = ["b-8443"]
"#,
    );
    for (method, host, path, rule) in [
        ("GET", "", "/", Some("/** (line 3): public")),
        ("GET", "", "/shopping", Some("/** (line 3): public")),
        ("GET", "", "/shop", Some("/shop/** (line 6): signed-in")),
        ("GET", "", "/shop/a/b", Some("/shop/** (line 6): signed-in")),
        (
            "GET",
            "",
            "/shop/a/",
            Some("/shop/* (line 9): role one-deep"),
        ),
        (
            "POST",
            "a.example",
            "/shop/cart",
            Some("/shop/cart (line 12): role cart"),
        ),
        (
            "GET",
            "a.example",
            "/shop/cart",
            Some("GET /shop/cart (line 15): public"),
        ),
        (
            "HEAD",
            "a.example",
            "/shop/cart",
            Some("GET /shop/cart (line 15): public"),
        ),
        (
            "GET",
            "B.EXAMPLE.",
            "/shop/cart",
            Some("b.example/shop/cart (line 19): scope b"),
        ),
        (
            "GET",
            "b.example:80",
            "/shop/cart",
            Some("b.example/shop/cart (line 19): scope b"),
        ),
        (
            "GET",
            "b.example:8443",
            "/shop/cart",
            Some("b.example:8443/shop/cart (line 23): scope b-8443"),
        ),
        (
            "GET",
            "b.example:65535",
            "/shop/cart",
            Some("b.example/shop/cart (line 19): scope b"),
        ),
        // Any of these hosts might be taken for `b.example` by whoever reads it next.
        ("GET", "b.example:", "/shop/cart", None),
        ("GET", "b.example:x", "/shop/cart", None),
        ("GET", "b.example:08443", "/shop/cart", None),
        ("GET", "b.example:0", "/shop/cart", None),
        ("GET", "b.example:00", "/shop/cart", None),
        ("GET", "b.example:080", "/shop/cart", None),
        ("GET", "b.example:+8443", "/shop/cart", None),
        ("GET", "b.example:-8443", "/shop/cart", None),
        ("GET", "b.example:65536", "/shop/cart", None),
        // 8443 in 16 bits.
        ("GET", "b.example:73979", "/shop/cart", None),
        ("GET", "b.example:100000", "/shop/cart", None),
        ("GET", "b.example:\u{662}", "/shop/cart", None),
        ("GET", "b.example..", "/shop/cart", None),
        ("GET", "u@b.example", "/shop/cart", None),
        ("GET", "b.example, c.example", "/", None),
        ("post", "", "/shop/cart", None),
        ("TRACE", "", "/", None),
        ("CONNECT", "", "/", None),
    ] {
        let explanation = policy.explain_at_host(method, host, path, &persona("anonymous"));
        let shown = policy
            .rules()
            .iter()
            .find(|rule| Some(rule.line()) == explanation.line)
            .map(ToString::to_string);
        assert_eq!(
            shown.as_deref(),
            rule,
            "{method} {host} {path}\n{explanation}"
        );
    }
}

#[test]
fn each_kind_of_rule_asks_for_what_it_says() {
    let policy = policy(
        r#"
[[route]]
path = "/public"
allow = "public"
[[route]]
path = "/signed-in"
allow = "signed-in"
[[route]]
path = "/role"
roles = ["a", "b"]
[[route]]
path = "/scope"
scopes = ["x", "y"]
[[route]]
path = "/machine"
machine = true
[[route]]
path = "/people"
machine = false
[[route]]
path = "/fresh"
step_up = { max_age_seconds = 300 }
[[route]]
path = "/strong"
step_up = { amr = ["otp", "webauthn"] }
[[route]]
path = "/all"
roles = ["a"]
scopes = ["x"]
step_up = { max_age_seconds = 300, amr = ["otp"] }
"#,
    );
    for (path, who, outcome) in [
        ("/public", "anonymous", Outcome::Allow),
        ("/public", "machine", Outcome::Allow),
        ("/signed-in", "anonymous", Outcome::Unauthorized),
        ("/signed-in", "user", Outcome::Allow),
        ("/signed-in", "machine", Outcome::Allow),
        ("/role", "anonymous", Outcome::Unauthorized),
        ("/role", "user", Outcome::Forbidden),
        ("/role", "role:c,b", Outcome::Allow),
        ("/role", "role:A", Outcome::Forbidden),
        ("/scope", "scope:x", Outcome::Forbidden),
        ("/scope", "scope:y,x", Outcome::Allow),
        ("/scope", "machine scope:x,y", Outcome::Allow),
        ("/machine", "user", Outcome::Forbidden),
        ("/machine", "user role:a scope:x,y", Outcome::Forbidden),
        ("/machine", "machine", Outcome::Allow),
        ("/people", "machine", Outcome::Forbidden),
        ("/people", "user", Outcome::Allow),
        ("/people", "user scope:x,y", Outcome::Allow),
        ("/fresh", "user", Outcome::StepUp),
        ("/fresh", "user age:301", Outcome::StepUp),
        ("/fresh", "user age:300", Outcome::Allow),
        ("/strong", "user amr:pwd age:0", Outcome::StepUp),
        ("/strong", "user amr:pwd,otp", Outcome::Allow),
        ("/all", "anonymous", Outcome::Unauthorized),
        ("/all", "scope:x amr:otp age:1", Outcome::Forbidden),
        ("/all", "role:a amr:otp age:1", Outcome::Forbidden),
        ("/all", "role:a scope:x amr:otp", Outcome::StepUp),
        ("/all", "role:a scope:x age:1", Outcome::StepUp),
        ("/all", "role:a scope:x amr:otp age:1", Outcome::Allow),
        ("/nothing", "role:a", Outcome::Forbidden),
        ("/auth/verify-token", "user", Outcome::Allow),
        ("/auth/login", "anonymous", Outcome::Allow),
    ] {
        let explanation = policy.explain("GET", path, &persona(who));
        assert_eq!(explanation.outcome, outcome, "{path} {who}\n{explanation}");
    }
    // Only GET and HEAD are led to the sign-in page.
    for (method, outcome) in [("GET", Outcome::SignIn), ("POST", Outcome::Unauthorized)] {
        let explanation = policy.answer(&Question {
            method,
            host: "",
            path: "/role",
            persona: &persona("anonymous"),
            client: Client::Untold,
            navigation: true,
        });
        assert_eq!(explanation.outcome, outcome, "{method}");
    }
}

#[test]
fn an_explanation_names_the_rule_and_why_the_others_lost() {
    let explanation = policy(BROAD).explain("GET", "/de/admin/users/?q=1", &persona("user"));
    assert_eq!(
        explanation.to_string(),
        "forbidden: the caller lacks the role (role admin)\n  \
         path: /de/admin/users/, judged as /admin/users\n  \
         decided by: /admin/** (line 8)\n  \
         revocation: bounded\n  \
         not by: /** (line 5): it names 0 literal segments, the deciding rule 1\n"
    );
    let denied = policy(BROAD).explain("GET", "/ADMIN", &persona("user"));
    assert!(denied.reason.contains("another spelling"), "{denied}");
    assert_eq!(denied.line, Some(8));
}
