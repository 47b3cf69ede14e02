//! `edgeward policy`: the gate's own judgement, for people and for CI.

use std::fs;

use crate::{
    folder::Folder,
    program::{Ran, edgeward, run},
};

const POLICY: &str = r#"version = 1
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/admin/**"
roles = ["admin"]
[[test]]
request = "GET /admin"
as = "user"
expect = "forbidden"
"#;

fn policy(text: &str, args: &[&str]) -> Ran {
    let folder = Folder::new();
    fs::write(folder.path().join("gate.toml"), text).unwrap();
    run(edgeward(folder.path()).arg("policy").args(args), b"")
}

#[test]
fn check_prints_every_route_with_a_verdict_for_each_kind_of_caller() {
    let ran = policy(POLICY, &["check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let rows: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    let verdicts: Vec<&[&str]> = rows.iter().map(|row| &row[1..]).collect();
    assert_eq!(
        verdicts,
        [
            ["anonymous", "user", "admin"],
            ["allow", "allow", "allow"],
            ["sign-in", "allow", "allow"],
            ["sign-in", "forbidden", "allow"],
            ["forbidden", "forbidden", "forbidden"],
        ],
        "{}",
        ran.out
    );
    assert!(rows[3][0].starts_with("/admin/**"), "{}", ran.out);
}

#[test]
fn a_broken_policy_is_refused_with_its_line() {
    for (text, says) in [
        (
            "version = 1\n[[route]]\npath = \"/\"\nallowed = \"public\"\n",
            "gate.toml:4: ",
        ),
        ("version = 1\n[[route]\n", "gate.toml:2: "),
        ("", "gate.toml"),
    ] {
        for command in ["check", "test"] {
            let ran = policy(text, &[command]);
            assert_eq!(ran.code, Some(1), "{text}: {ran:?}");
            assert!(ran.out.starts_with(says), "{text}: {ran:?}");
        }
    }
    let ran = policy(POLICY, &["check", "--policy", "absent.toml"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("absent.toml"), "{ran:?}");
}

#[test]
fn explain_says_what_a_request_comes_to_and_by_which_rule() {
    for (args, says) in [
        (vec!["GET /admin", "--as", "role:admin"], "allow"),
        (vec!["GET", "/admin", "--as", "role:user"], "forbidden"),
        (vec!["GET", "/admin/x"], "unauthorized"),
        (vec!["GET", "/admin/x", "--navigation"], "sign-in"),
        (vec!["GET", "/nowhere", "--as", "role:admin"], "forbidden"),
        (vec!["GET", "/%2e%2e/admin"], "bad-request"),
    ] {
        let ran = policy(POLICY, &[&["explain"], &args[..]].concat());
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        assert!(
            ran.out.starts_with(&format!("{says}: ")),
            "{args:?}: {ran:?}"
        );
    }
    let ran = policy(POLICY, &["explain", "GET", "/admin"]);
    assert!(ran.out.contains("/admin/** (line 9)"), "{ran:?}");
    assert!(ran.out.contains("  revocation: bounded\n"), "{ran:?}");
    for args in [
        vec!["GET"],
        vec!["GET /a b"],
        vec![],
        vec!["GET", "/", "--as", "king"],
    ] {
        let ran = policy(POLICY, &[&["explain"], &args[..]].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
    }
}

#[test]
fn how_current_revocations_must_be_is_checked_and_told() {
    let strict = "version = 1\n[[route]]\npath = \"/money\"\nallow = \"signed-in\"\nrevocation = \"strict\"\n";
    let ran = policy(strict, &["check"]);
    let told = "/money (line 3): signed-in, revocation strict";
    assert!(ran.code == Some(0) && ran.out.contains(told), "{ran:?}");
    let ran = policy(strict, &["explain", "GET", "/money"]);
    assert!(ran.out.contains("  revocation: strict\n"), "{ran:?}");
    let ran = policy(&strict.replace("strict", "strikt"), &["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = ran.err + &ran.out;
    assert!(
        said.contains("5: revocation: ") && said.contains("did you mean \"strict\"?"),
        "{said}"
    );
}

#[test]
fn test_rows_decide_the_exit_code() {
    let ran = policy(POLICY, &["test"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "1 of 1 tests passed\n")
    );
    let ran = policy(
        &POLICY.replace("expect = \"forbidden\"", "expect = \"allow\""),
        &["test"],
    );
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.out
            .starts_with("gate.toml:12: GET /admin: expected allow, got forbidden\n"),
        "{ran:?}"
    );
    assert!(ran.out.ends_with("0 of 1 tests passed\n"), "{ran:?}");
}
