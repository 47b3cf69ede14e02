//! Which rule is meant where rules, or a rule and the path, differ in letter case.

use edgeward_core::gate::Outcome;

use crate::{
    lookalikes::check,
    policy::{persona, policy},
};

/// A rule as the policy has it: where, and who passes.
fn rule([place, who]: [&str; 2]) -> String {
    format!("[[route]]\n{place}\n{who}\n")
}

const PUBLIC: &str = "allow = \"public\"";
const SIGNED_IN: &str = "allow = \"signed-in\"";
const ADMIN: &str = "roles = [\"admin\"]";

/// Rules that only letter case tells apart are one to who folds it, and the stricter of them is the one that counts, in either order.
#[test]
fn of_rules_that_fold_alike_the_stricter_one_protects() {
    for (low, refused) in [(SIGNED_IN, "user"), (PUBLIC, "anonymous")] {
        let broad = rule(["path = \"/**\"", low]);
        let any = rule(["path = \"/Admin\"", low]);
        let admin = rule(["path = \"/admin\"", ADMIN]);
        let below = rule(["path = \"/Admin/help\"", low]) + &rule(["path = \"/admin/*\"", ADMIN]);
        for rules in [
            [&broad, &any, &admin, &below],
            [&broad, &below, &admin, &any],
        ] {
            let policy = policy(&rules.map(String::as_str).concat());
            for path in ["/admin.xml", "/ADMIN", "/admin.json/help", "/ADMIN/HELP"] {
                check(&policy, refused, &[(path, Outcome::Forbidden)]);
            }
            for path in ["/Admin", "/Admin/help"] {
                check(&policy, refused, &[(path, Outcome::Allow)]);
            }
        }
    }
}

/// The order of lines decides nothing, where the rule in the letters of the path is the wider one as well.
#[test]
fn rules_that_fold_alike_are_alike_in_any_order() {
    let broad = rule(["path = \"/**\"", PUBLIC]);
    let rules = [
        rule(["path = \"/notes\"", PUBLIC]),
        rule(["path = \"/Notes\"", ADMIN]),
    ];
    let [one, other] = &rules;
    for rules in [[&broad, one, other], [&broad, other, one]] {
        let policy = policy(&rules.map(String::as_str).concat());
        check(&policy, "user", &[("/notes", Outcome::Allow)]);
        check(&policy, "user", &[("/notes.xml", Outcome::Forbidden)]);
    }
}

/// A router that folds its words but no names shows `/Users/Guest` as the page of another user than `/users/guest`.
#[test]
fn a_narrow_rule_in_other_letters_lifts_no_wider_guard() {
    let policy = policy(
        &[
            rule(["path = \"/**\"", PUBLIC]),
            rule(["path = \"/users/**\"", ADMIN]),
            rule(["path = \"/users/guest\"", PUBLIC]),
        ]
        .concat(),
    );
    let shown = [
        "/users/guest",
        "/_next/data/B/users/guest.json",
        "/index.php/users/guest",
    ];
    for (paths, outcome) in [
        (&shown[..], Outcome::Allow),
        (&["/Users/Guest", "/USERS/guest.json"], Outcome::Forbidden),
    ] {
        for path in paths {
            check(&policy, "user", &[(path, outcome)]);
        }
    }
}

/// What is behind the rule in the letters of the path speaks of other pages, however strict it is.
#[test]
fn a_rule_in_the_letters_of_the_path_is_the_one_that_is_meant() {
    for (rules, paths) in [
        (
            [
                rule(["path = \"/orgs/**\"", ADMIN]),
                rule(["path = \"/orgs/*/**\"", SIGNED_IN]),
            ],
            &["/orgs/5/__data.json", "/orgs/5/index.html", "/orgs/5.json"][..],
        ),
        (
            [
                rule(["path = \"/**\"\nmethods = [\"GET\"]", SIGNED_IN]),
                rule(["path = \"/**\"", ADMIN]),
            ],
            &[
                "/x/index.html",
                "/x/__data.json",
                "/index.php/x",
                "/_next/data/B/x.json",
            ],
        ),
        (
            [
                rule(["path = \"/api/**\"\nmethods = [\"GET\"]", SIGNED_IN]),
                rule(["path = \"/api/**\"", ADMIN]),
            ],
            &["/api/x/index.html", "/api/report.xml", "/api/v1.php/x"],
        ),
        (
            [
                rule(["path = \"/**\"\nhost = \"app.example\"", SIGNED_IN]),
                rule(["path = \"/**\"", ADMIN]),
            ],
            &["/x/index.html", "/index.php/x", "/x.xml"],
        ),
        (
            [
                rule(["path = \"/**\"", SIGNED_IN]),
                rule(["path = \"/projects/**\"", ADMIN])
                    + &rule(["path = \"/projects/new\"", SIGNED_IN]),
            ],
            &[
                "/_next/data/B/projects/new.json",
                "/_next/data/B/index/projects/new.json",
                "/shop/_next/data/B/projects/new.json",
                "/index.php/projects/new",
            ],
        ),
    ] {
        let policy = policy(&rules.concat());
        for path in paths {
            let explanation = policy.explain_at_host("GET", "app.example", path, &persona("user"));
            assert_eq!(explanation.outcome, Outcome::Allow, "{path}\n{explanation}");
        }
    }
}
