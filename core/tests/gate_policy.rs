//! The policy: what makes one unusable, which rule decides, and what explanations say.
#![expect(clippy::panic, reason = "a policy of the tests that cannot be read fails the test, outside of #[test] functions too")]

use edgeward_core::gate::{Outcome, Persona, Policy, PolicyState};

fn policy(routes: &str) -> Policy {
    Policy::parse(&format!("version = 1\n{}", routes.trim_start()))
        .unwrap_or_else(|error| panic!("{error}\n{routes}"))
}

fn persona(text: &str) -> Persona {
    Persona::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_projects_own_policy_does_what_its_rows_expect() {
    let policy = Policy::parse(include_str!("../../gate.toml")).unwrap();
    let outcomes = policy.run_tests();
    assert!(outcomes.len() >= 12);
    for outcome in outcomes {
        assert!(
            outcome.passed(),
            "line {}: {}: expected {}\n{}",
            outcome.line,
            outcome.request,
            outcome.expected,
            outcome.explanation
        );
    }
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let route = |lines: &str| format!("version = 1\n[[route]]\npath = \"/a\"\n{lines}\n");
    let test = |lines: &str| format!("version = 1\n[[test]]\n{lines}\n");
    for (text, line, key, message) in [
        (String::new(), Some(1), None, "missing field `version`"),
        ("version = ".to_string(), Some(1), Some("version"), ""),
        ("version = 2".to_string(), Some(1), Some("version"), "reads version 1"),
        ("version = 1\nroutes = []".to_string(), Some(2), Some("routes"), "unknown field `routes`"),
        ("version = 1\n[gate]\nhome = \"/\"".to_string(), Some(3), Some("home"), "unknown field `home`"),
        ("version = 1\n[gate]\nsigned_in_home = \"//evil\"".to_string(), Some(3), Some("signed_in_home"), "path of this site"),
        ("version = 1\n[gate]\nsigned_in_home = \"/login\"".to_string(), Some(3), Some("signed_in_home"), "not a page of the sign-in"),
        ("version = 1\n[gate]\nmissing_role = \"https://x/\"".to_string(), Some(3), Some("missing_role"), "path of this site"),
        ("version = 1\n[gate]\nstep_up_page = \"/a/../b\"".to_string(), Some(3), Some("step_up_page"), "canonical"),
        ("version = 1\n[gate]\nlocales = [\"de\", \"DE\"]".to_string(), Some(3), Some("locales"), "listed twice"),
        ("version = 1\n[gate]\nlocales = [\"d/e\"]".to_string(), Some(3), Some("locales"), "language tag"),
        ("version = 1\n[[route]]\nallow = \"public\"".to_string(), Some(2), None, "missing field `path`"),
        ("version = 1\n[[route]]\npath = \"/a*\"\nallow = \"public\"".to_string(), Some(3), Some("path"), "whole segments"),
        ("version = 1\n[gate]\nlocales = [\"de\"]\n[[route]]\npath = \"/de/x\"\nallow = \"public\"".to_string(), Some(5), Some("path"), "leave it out"),
        (route(""), Some(3), Some("allow"), "does not say who may pass"),
        (route("allow = \"everyone\""), Some(4), Some("allow"), "neither \"public\" nor \"signed-in\""),
        (route("allow = true"), Some(4), Some("allow"), "expected a string"),
        (route("allow = \"public\"\nroles = [\"a\"]"), Some(4), Some("allow"), "contradicts"),
        (route("allow = \"public\"\nmachine = false"), Some(4), Some("allow"), "contradicts"),
        (route("role = [\"a\"]"), Some(4), Some("role"), "unknown field `role`"),
        (route("roles = []"), Some(4), Some("roles"), "empty"),
        (route("roles = [\"a b\"]"), Some(4), Some("roles"), "without blanks"),
        (route("roles = \"admin\""), Some(4), Some("roles"), "expected a sequence"),
        (route("scopes = [\"a\\\"b\"]"), Some(4), Some("scopes"), "scope token"),
        (route("allow = \"public\"\nmethods = [\"get\"]"), Some(5), Some("methods"), "upper-case"),
        (route("allow = \"public\"\nmethods = [\"TRACE\"]"), Some(5), Some("methods"), "upper-case method"),
        (route("allow = \"public\"\nmethods = []"), Some(5), Some("methods"), "empty"),
        (route("allow = \"public\"\nhost = \"*.example.com\""), Some(5), Some("host"), "no wildcards"),
        (route("allow = \"public\"\nhost = \"https://example.com\""), Some(5), Some("host"), "host name"),
        (route("step_up = {}"), Some(4), Some("step_up"), "demands nothing"),
        (route("step_up = { max_age_seconds = 0 }"), Some(4), Some("step_up"), "between 1 and a year"),
        (route("step_up = { max_age = 5 }"), Some(4), Some("step_up"), "unknown field `max_age`"),
        (route("step_up = { amr = [] }"), Some(4), Some("step_up"), "otp"),
        (route("machine = true\nstep_up = { max_age_seconds = 5 }"), Some(5), Some("step_up"), "no sign-in"),
        (route("machine = \"yes\""), Some(4), Some("machine"), "expected a boolean"),
        (route("allow = \"public\"\nallow = \"public\""), Some(5), Some("allow"), "duplicate key"),
        (test("request = \"/admin\"\nas = \"user\"\nexpect = \"allow\""), Some(3), Some("request"), "method and a path"),
        (test("request = \"GET /\"\nas = \"admin\"\nexpect = \"allow\""), Some(4), Some("as"), "does not fit"),
        (test("request = \"GET /\"\nas = \"user\"\nexpect = \"ok\""), Some(5), Some("expect"), "allow, sign-in"),
        (test("request = \"GET /\"\nas = \"user\""), Some(2), None, "missing field `expect`"),
        ("version = 1\n#".to_string() + &"x".repeat(256 * 1024), None, None, "longer than"),
        ("version = 1\n".to_string() + &"[[route]]\npath = \"/a\"\nallow = \"public\"\n".repeat(1001), None, None, "more than 1000 routes"),
    ] {
        let shown = text.get(..200).unwrap_or(&text);
        let error = Policy::parse(&text).expect_err(shown);
        assert_eq!((error.line, error.key.as_deref()), (line, key), "{error}\n{shown}");
        assert!(error.message.contains(message), "{error}\n{shown}");
        assert!(matches!(PolicyState::parse(&text), PolicyState::Broken(_)));
    }
}

#[test]
fn rules_that_could_both_speak_are_an_error_that_names_both() {
    let pair = |one: &str, two: &str| {
        let rule = |lines: &str| format!("[[route]]\nallow = \"public\"\n{lines}\n");
        Policy::parse(&format!("version = 1\n{}{}", rule(one), rule(two)))
    };
    for (one, two) in [
        ("path = \"/a\"", "path = \"/a\""),
        ("path = \"/a\"", "path = \"/%61\""),
        ("path = \"/a/*\"", "path = \"/*/b\""),
        ("path = \"/a/*/**\"", "path = \"/*/b/**\""),
        (
            "path = \"/a\"\nmethods = [\"GET\", \"POST\"]",
            "path = \"/a\"\nmethods = [\"POST\"]",
        ),
        (
            "path = \"/a\"\nmethods = [\"GET\"]",
            "path = \"/a\"\nmethods = [\"HEAD\"]",
        ),
        (
            "path = \"/a\"\nhost = \"x.example\"",
            "path = \"/a\"\nhost = \"X.example.\"",
        ),
    ] {
        let error = pair(one, two).expect_err(two);
        let second = 6 + one.matches('\n').count();
        assert_eq!(error.line, Some(second + 1), "{error}");
        assert!(
            error.message.contains("line 4 ")
                && error.message.contains(&format!("line {} ", second + 1)),
            "{error}"
        );
    }
    for (one, two) in [
        ("path = \"/a\"", "path = \"/b\""),
        ("path = \"/a\"", "path = \"/a/**\""),
        ("path = \"/a/*\"", "path = \"/b/*\""),
        ("path = \"/a\"", "path = \"/a\"\nmethods = [\"GET\"]"),
        (
            "path = \"/a\"\nmethods = [\"GET\"]",
            "path = \"/a\"\nmethods = [\"POST\"]",
        ),
        ("path = \"/a\"", "path = \"/a\"\nhost = \"x.example\""),
        (
            "path = \"/a\"\nhost = \"x.example\"",
            "path = \"/a\"\nhost = \"y.example\"",
        ),
        (
            "path = \"/a\"\nhost = \"x.example\"",
            "path = \"/a\"\nhost = \"x.example:8443\"",
        ),
    ] {
        assert!(pair(one, two).is_ok(), "{one} {two}");
    }
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

/// A broad public rule in front of protected ones: the policy that look-alikes attack.
const BROAD: &str = r#"
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/admin/**"
roles = ["admin"]
[[route]]
path = "/ADMIN/manual"
allow = "public"
[[route]]
path = "/admin.json"
allow = "public"
"#;

#[test]
fn other_spellings_of_a_protected_path_do_not_slip_through_a_broad_rule() {
    let policy = policy(BROAD);
    for (path, outcome) in [
        ("/administrator", Outcome::Allow),
        ("/admin-x", Outcome::Allow),
        ("/admin.bak", Outcome::Allow),
        ("/x/admin", Outcome::Allow),
        ("/de/de/x", Outcome::Allow),
        ("/admin", Outcome::Forbidden),
        ("/admin/", Outcome::Forbidden),
        ("/%61dmin", Outcome::Forbidden),
        ("/x/../admin", Outcome::Forbidden),
        ("/de/admin", Outcome::Forbidden),
        ("/ADMIN", Outcome::Forbidden),
        ("/Admin/users", Outcome::Forbidden),
        ("/DE/admin", Outcome::Forbidden),
        ("/De/ADMIN", Outcome::Forbidden),
        ("/admin.", Outcome::Forbidden),
        ("/admin%20", Outcome::Forbidden),
        ("/%20admin", Outcome::Forbidden),
        ("/admin.rsc", Outcome::Forbidden),
        ("/admin.prefetch.rsc", Outcome::Forbidden),
        ("/admin.segments/_tree.segment.rsc", Outcome::Forbidden),
        ("/admin.data", Outcome::Forbidden),
        ("/admin.html", Outcome::Forbidden),
        ("/_next/data/build-1/admin.json", Outcome::Forbidden),
        (
            "/_next/data/build-1/de/admin/users.json",
            Outcome::Forbidden,
        ),
        ("/_next/data/build-1/index.json", Outcome::Allow),
        ("/_next/static/x.js", Outcome::Allow),
        ("/ADMIN/manual", Outcome::Allow),
        ("/admin.json", Outcome::Allow),
        ("//admin", Outcome::BadRequest),
        ("/admin;x", Outcome::BadRequest),
        ("/admin%2f", Outcome::BadRequest),
        ("/%2561dmin", Outcome::BadRequest),
    ] {
        let explanation = policy.explain("GET", path, &persona("role:guest"));
        assert_eq!(explanation.outcome, outcome, "{path}\n{explanation}");
    }
    assert_eq!(
        policy
            .explain("GET", "/ADMIN", &persona("role:admin"))
            .outcome,
        Outcome::Forbidden,
        "whoever asks"
    );
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
        ("/machine", "machine", Outcome::Allow),
        ("/people", "machine", Outcome::Forbidden),
        ("/people", "user", Outcome::Allow),
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
    let page = policy.explain_navigation("GET", "", "/role", &persona("anonymous"));
    assert_eq!(page.outcome, Outcome::SignIn);
    let form = policy.explain_navigation("POST", "", "/role", &persona("anonymous"));
    assert_eq!(
        form.outcome,
        Outcome::Unauthorized,
        "only GET and HEAD are led to the sign-in page"
    );
}

#[test]
fn personas_are_read_strictly() {
    for text in [
        "",
        " ",
        "admin",
        "anonymous user",
        "anonymous role:a",
        "user machine",
        "role:",
        "role:a,,b",
        "age:x",
        "age:-1",
        "scope",
        "User",
    ] {
        assert!(Persona::parse(text).is_err(), "{text:?}");
    }
    for text in [
        "anonymous",
        "user",
        "machine",
        "role:a",
        "user role:a,b scope:x  amr:otp age:5",
    ] {
        assert!(Persona::parse(text).is_ok(), "{text:?}");
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
         not by: /** (line 5): it names 0 literal segments, the deciding rule 1\n"
    );
    let denied = policy(BROAD).explain("GET", "/ADMIN", &persona("user"));
    assert!(denied.reason.contains("another spelling"), "{denied}");
    assert_eq!(denied.line, Some(8));
}

#[test]
fn a_failing_row_is_reported_with_its_line() {
    let policy = policy("[[test]]\nrequest = \"GET /x\"\nas = \"user\"\nexpect = \"allow\"\n");
    let outcomes = policy.run_tests();
    let [row] = outcomes.as_slice() else {
        panic!("one row")
    };
    assert!(!row.passed());
    assert_eq!((row.line, row.explanation.outcome), (3, Outcome::Forbidden));
    assert!(row.explanation.reason.contains("no rule covers it"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in proptest::prelude::any::<String>()) {
        let _ = Policy::parse(&text);
        let _ = Persona::parse(&text);
    }

    #[test]
    fn any_question_is_answered_without_a_panic(method in "[A-Z]{0,8}", host in proptest::prelude::any::<String>(), path in proptest::prelude::any::<String>()) {
        let _ = policy(BROAD).explain_at_host(&method, &host, &path, &persona("user")).to_string();
    }

    /// With a broad public rule, no spelling that a case-folding, dot-dropping application would take for `/admin` passes.
    #[test]
    fn no_spelling_of_admin_passes(prefix in "(/|/x/\\.\\./|/de/|/DE/)", name in "[aA%][dD6]?1?[dD][mM][iI][nN][. ]{0,2}", rest in "(|/|/x)") {
        let path = format!("{prefix}{}{rest}", name.replace(' ', "%20"));
        let explanation = policy(BROAD).explain("GET", &path, &persona("user"));
        let read: String = name.replace("%61", "a").to_lowercase();
        if read.trim_end_matches(['.', ' ']) == "admin" {
            proptest::prop_assert_ne!(explanation.outcome, Outcome::Allow, "{}", path);
        }
    }
}
