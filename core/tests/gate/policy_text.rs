//! The text of a policy: what makes one unusable, and its test rows.

use edgeward_core::gate::{Outcome, Persona, Policy, PolicyState};

use crate::policy::policy;

#[test]
fn the_projects_own_policy_does_what_its_rows_expect() {
    let policy = Policy::parse(include_str!("../../../gate.toml")).unwrap();
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
        ("version = 1\n[gate]\nhome = \"/\"".to_string(), Some(3), Some("home"), "unknown field `home`, expected one of"),
        ("version = 1\n[gate]\nsigned_in_home = \"//evil\"".to_string(), Some(3), Some("signed_in_home"), "path of this site"),
        ("version = 1\n[gate]\nsigned_in_home = \"/login\"".to_string(), Some(3), Some("signed_in_home"), "not a page of the sign-in"),
        ("version = 1\n[gate]\nmissing_role = \"https://x/\"".to_string(), Some(3), Some("missing_role"), "path of this site"),
        ("version = 1\n[gate]\nstep_up_page = \"/a/../b\"".to_string(), Some(3), Some("step_up_page"), "canonical"),
        ("version = 1\n[gate]\nlocales = [\"de\", \"DE\"]".to_string(), Some(3), Some("locales"), "listed twice"),
        ("version = 1\n[gate]\nrevocation = \"strikt\"".to_string(), Some(3), Some("revocation"), "did you mean \"strict\"?"),
        ("version = 1\n[gate]\nrevocation = \"never\"".to_string(), Some(3), Some("revocation"), "none of bounded, strict, eventual"),
        ("version = 1\n[gate]\nrevocation = true".to_string(), Some(3), Some("revocation"), "expected a string"),
        ("version = 1\n[gate]\nrevocation_within_seconds = 0".to_string(), Some(3), Some("revocation_within_seconds"), "1 to 3600"),
        ("version = 1\n[gate]\nrevocation_within_seconds = 3601".to_string(), Some(3), Some("revocation_within_seconds"), "1 to 3600"),
        (route("allow = \"public\"\nrevocation = \"bouned\""), Some(5), Some("revocation"), "did you mean \"bounded\"?"),
        (route("allow = \"public\"\nrevokation = \"strict\""), Some(5), Some("revokation"), "unknown field `revokation`"),
        ("version = 1\n[gate]\nlocales = [\"d/e\"]".to_string(), Some(3), Some("locales"), "language tag"),
        ("version = 1\n[[route]]\nallow = \"public\"".to_string(), Some(2), None, "missing field `path`"),
        ("version = 1\n[[route]]\npath = \"/a*\"\nallow = \"public\"".to_string(), Some(3), Some("path"), "whole segments"),
        ("version = 1\n[gate]\nlocales = [\"de\"]\n[[route]]\npath = \"/de/x\"\nallow = \"public\"".to_string(), Some(5), Some("path"), "leave it out"),
        (route(""), Some(3), Some("allow"), "does not say who may pass"),
        (route("allow = \"everyone\""), Some(4), Some("allow"), "neither \"public\" nor \"signed-in\""),
        (route("allow = true"), Some(4), Some("allow"), "expected a string"),
        (route("allow = \"public\"\nroles = [\"a\"]"), Some(4), Some("allow"), "contradicts"),
        (route("allow = \"public\"\nmachine = false"), Some(4), Some("allow"), "contradicts"),
        (route("role = [\"a\"]"), Some(4), Some("role"), "unknown field `role` (did you mean `roles`?), expected one of `path`"),
        (route("roles = []"), Some(4), Some("roles"), "empty"),
        (route("roles = [\"a b\"]"), Some(4), Some("roles"), "without blanks"),
        (route("roles = \"admin\""), Some(4), Some("roles"), "expected a sequence"),
        (route("scopes = [\"a\\\"b\"]"), Some(4), Some("scopes"), "scope token"),
        (route("allow = \"public\"\nmethods = [\"get\"]"), Some(5), Some("methods"), "upper-case"),
        (route("allow = \"public\"\nmethods = [\"TRACE\"]"), Some(5), Some("methods"), "upper-case method"),
        (route("allow = \"public\"\nmethods = []"), Some(5), Some("methods"), "empty"),
        (route("allow = \"public\"\nhost = \"*.example.com\""), Some(5), Some("host"), "no wildcards"),
        (route("allow = \"public\"\nhost = \"https://example.com\""), Some(5), Some("host"), "host name"),
        (route("allow = \"public\"\nhost = \"example.com:443\""), Some(5), Some("host"), "browsers do not send"),
        (route("allow = \"public\"\nhost = \"example.com:08443\""), Some(5), Some("host"), "without zeros"),
        (route("allow = \"public\"\nhost = \"a..example\""), Some(5), Some("host"), "host name"),
        (route("step_up = {}"), Some(4), Some("step_up"), "demands nothing"),
        (route("step_up = { max_age_seconds = 0 }"), Some(4), Some("step_up"), "between 1 and a year"),
        (route("step_up = { max_age = 5 }"), Some(4), Some("step_up"), "unknown field `max_age`"),
        (route("step_up = { amr = [] }"), Some(4), Some("step_up"), "otp"),
        (route("machine = true\nstep_up = { max_age_seconds = 5 }"), Some(5), Some("step_up"), "no sign-in"),
        (route("machine = \"yes\""), Some(4), Some("machine"), "expected a boolean"),
        (route("allow = \"public\"\nallow = \"public\""), Some(5), Some("allow"), "duplicate key"),
        ("version = 1\n[gate]\norigins = [\"https://a.example/\"]".to_string(), Some(3), Some("origins"), "exact origin"),
        ("version = 1\n[gate]\ncors = { origins = [\"*\"], credentials = true }".to_string(), Some(3), Some("origins"), "no wildcards"),
        ("version = 1\n[gate]\ncors = {}".to_string(), Some(3), Some("cors"), "missing field `origins`"),
        (route("allow = \"public\"\ncors = { origins = [\"null\"] }"), Some(5), Some("origins"), "exact origin"),
        (route("allow = \"public\"\ncors = { origins = [], headers = [\"*\"] }"), Some(5), Some("headers"), "no \"*\""),
        (route("allow = \"public\"\ncors = { origins = [], max_age_seconds = 86401 }"), Some(5), Some("max_age_seconds"), "a day"),
        (route("allow = \"public\"\ncors = { origin = [] }"), Some(5), Some("cors"), "unknown field `origin`"),
        (route("allow = \"signed-in\"\ncheck_origin = false"), Some(5), Some("check_origin"), "public route"),
        (route("allow = \"public\"\ncache = \"app\""), Some(5), Some("cache"), "no meaning on a public route"),
        (route("allow = \"signed-in\"\ncache = \"public\""), Some(5), Some("cache"), "is not \"app\""),
        (route("allow = \"public\"\nbind = \"request\""), Some(5), Some("bind"), "no meaning on a public route"),
        (route("allow = \"signed-in\"\nbind = true"), Some(5), Some("bind"), "expected a string"),
        (route("allow = \"signed-in\"\nredirect = \"https://x/\""), Some(5), Some("redirect"), "path of this site"),
        (route("host = 2026-01-01"), Some(4), Some("host"), "expected a string"),
        (route("host = 1.5"), Some(4), Some("host"), "invalid type: floating point `1.5`"),
        (route("roles = [\n  \"a\",\n  7,\n]"), Some(6), None, "invalid type: integer `7`, expected a string"),
        (route("step_up = \"otp\""), Some(4), Some("step_up"), "expected a table"),
        (route("step_up = { amr = \"otp\" }"), Some(4), Some("step_up"), "expected a sequence"),
        (route("step_up = { max_age_seconds = 9223372036854775808 }"), Some(4), Some("step_up"), "64 bits"),
        ("version = \"1\"".to_string(), Some(1), Some("version"), "invalid type: string \"1\""),
        ("version = 1\nroute = [\"/\"]".to_string(), Some(2), Some("route"), "expected a table"),
        ("version = 1\n[route]\npath = \"/\"".to_string(), Some(2), None, "invalid type: map, expected a sequence"),
        ("version = 1\n[[gate]]".to_string(), Some(2), None, "invalid type: sequence, expected a table"),
        ("version = 1\n[gate]\nlocales = [[]]".to_string(), Some(3), Some("locales"), "expected a string"),
        (test("request = \"/admin\"\nas = \"user\"\nexpect = \"allow\""), Some(3), Some("request"), "method and a path"),
        (test("request = \"GET /\"\nas = \"admin\"\nexpect = \"allow\""), Some(4), Some("as"), "does not fit"),
        (test("request = \"GET /\"\nas = \"user\"\nexpect = \"ok\""), Some(5), Some("expect"), "allow, sign-in"),
        (test("request = \"GET /\"\nas = \"user\""), Some(2), None, "missing field `expect`"),
        ("version = 1\n#".to_string() + &"x".repeat(1024 * 1024), None, None, "longer than"),
        ("version = 1\n".to_string() + &"[[route]]\npath = \"/a\"\nallow = \"public\"\n".repeat(10_001), None, None, "more than 10000 routes"),
    ] {
        let shown = text.get(..200).unwrap_or(&text);
        let error = Policy::parse(&text).expect_err(shown);
        assert_eq!((error.line, error.key.as_deref()), (line, key), "{error}\n{shown}");
        assert!(error.message.contains(message), "{error}\n{shown}");
        assert!(matches!(PolicyState::parse(&text), PolicyState::Broken(_)));
    }
}

#[test]
fn who_only_decides_is_not_kept_from_it_by_a_row_of_a_test() {
    let rule = "version = 1\n[[route]]\npath = \"/a\"\nallow = \"public\"\n";
    for row in ["request = \"/a\"", "as = 7", "expected = \"allow\""] {
        let text = format!("{rule}[[test]]\n{row}\n");
        assert!(Policy::parse(&text).is_err(), "{row}");
        let policy = Policy::parse_without_tests(&text).unwrap();
        assert_eq!(
            (policy.rules().len(), policy.run_tests().len()),
            (1, 0),
            "{row}"
        );
    }
    let unknown = format!("{rule}role = \"admin\"\n");
    assert!(Policy::parse_without_tests(&unknown).is_err());
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

#[test]
fn every_way_in_which_toml_writes_the_same_is_the_same_policy() {
    let written = |text: &str| {
        let policy = Policy::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let rules: Vec<String> = policy.rules().iter().map(ToString::to_string).collect();
        (policy.settings().clone(), rules)
    };
    let plain = "version = 1\n[gate]\nlocales = [\"de\"]\n\n[[route]]\npath = \"/a\"\nstep_up = { max_age_seconds = 300 }\n";
    for text in [
        "gate.locales = [ 'de', ] # a comment\nversion = 0b1\n\n\n[[route]]\n\"path\" = \"\\u002fa\"\nstep_up.max_age_seconds = 3_00\n",
        "version = 0x1\ngate = { locales = [\"\"\"de\"\"\"] }\n\n\n\nroute = [{ path = '/a', step_up = { max_age_seconds = 0o454 } }]",
    ] {
        let (settings, rules) = written(text);
        let (plain_settings, plain_rules) = written(plain);
        assert_eq!((settings, rules), (plain_settings, plain_rules), "{text}");
    }
}

#[test]
fn a_rule_says_how_current_the_feed_must_be_or_the_gate_does() {
    let route = |path: &str, more: &str| {
        format!("[[route]]\npath = \"{path}\"\nallow = \"signed-in\"\n{more}\n")
    };
    let routes = route("/a", "")
        + &route("/b", "revocation = \"strict\"")
        + &route("/c", "revocation = \"eventual\"");
    for (gate, expected) in [
        ("", ["bounded", "strict", "eventual (within 60 s)"]),
        (
            "revocation = \"strict\"",
            ["strict", "strict", "eventual (within 60 s)"],
        ),
        (
            "revocation = \"eventual\"\nrevocation_within_seconds = 5",
            ["eventual (within 5 s)", "strict", "eventual (within 5 s)"],
        ),
    ] {
        let policy = policy(&format!("[gate]\n{gate}\n{routes}"));
        let user = Persona::parse("user").unwrap();
        for (path, mode) in ["/a", "/b", "/c"].into_iter().zip(expected) {
            let told = policy.explain("GET", path, &user).to_string();
            assert!(
                told.contains(&format!("\n  revocation: {mode}\n")),
                "{gate}: {told}"
            );
        }
    }
    let policy = policy(&routes);
    let rules: Vec<_> = policy.rules().iter().map(ToString::to_string).collect();
    assert!(
        rules.contains(&"/a (line 3): signed-in".to_string()),
        "{rules:?}"
    );
    assert!(
        rules.contains(&"/b (line 7): signed-in, revocation strict".to_string()),
        "{rules:?}"
    );
}
