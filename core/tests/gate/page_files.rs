//! Files in which frameworks deliver a page or its data, and words that name some of them.

use edgeward_core::gate::Outcome;

use crate::{lookalikes::check, policy::policy};

const PUBLIC: &str = "allow = \"public\"";
const SIGNED_IN: &str = "allow = \"signed-in\"";

/// `*` stands for the pages below, and for no file of the page itself.
#[test]
fn who_may_see_one_of_a_list_sees_not_the_list() {
    let policy = policy(
        r#"
[gate]
locales = ["de"]
[[route]]
path = "/*"
allow = "public"
[[route]]
path = "/"
allow = "signed-in"
[[route]]
path = "/users"
roles = ["admin"]
[[route]]
path = "/users/*"
allow = "signed-in"
[[route]]
path = "/users/default.aspx"
allow = "signed-in"
[[route]]
path = "/tenants"
methods = ["GET"]
roles = ["admin"]
[[route]]
path = "/tenants/index.html"
allow = "signed-in"
[[route]]
path = "/tenants/default.php/**"
allow = "signed-in"
[limit.tries]
requests = 5
within_seconds = 60
by = "address"
[[route]]
path = "/sign-up"
allow = "public"
limit = "tries"
[[route]]
path = "/sign-up/*"
allow = "public"
[[route]]
path = "/orders/*"
allow = "public"
"#,
    );
    for path in [
        "/users",
        "/users/__data.json",
        "/users/_payload.json",
        "/users/index.html",
        "/users/index.php",
        "/de/users/index.html",
        "/DE/users/index.html",
        "/users/_.data",
        "/users/...",
        "/users/%20",
    ] {
        check(&policy, "user", &[(path, Outcome::Forbidden)]);
    }
    for path in [
        "/users/7",
        "/users/7.json",
        "/users/data.json",
        "/users/default.aspx",
        // Who writes a rule for the file means it.
        "/tenants/index.html",
        "/tenants/default.php",
        // Words are names of pages, too.
        "/users/default",
        "/users/index",
        "/users/_",
    ] {
        check(&policy, "user", &[(path, Outcome::Allow)]);
    }
    for path in [
        "/index.html",
        "/_payload.json",
        "/index.php",
        "/de.html",
        "/DE.rsc",
        "/de/index.html",
        "/sign-up/index.php",
        "/sign-up/_.data",
    ] {
        check(&policy, "anonymous", &[(path, Outcome::Forbidden)]);
    }
    for path in [
        "/robots.txt",
        "/news.html",
        "/den.html",
        "/orders/index.html",
        "/sign-up/help",
        "/de.svg",
        "/de.js",
    ] {
        check(&policy, "anonymous", &[(path, Outcome::Allow)]);
    }
}

/// `*` before the file stands for any page, so it says nothing of one that has a rule.
#[test]
fn a_rule_for_the_file_of_any_page_opens_none_that_has_its_own() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "signed-in"
[[route]]
path = "/*"
allow = "public"
[[route]]
path = "/*/__data.json"
allow = "public"
[[route]]
path = "/*/index.html"
allow = "public"
[[route]]
path = "/admin"
roles = ["admin"]
[[route]]
path = "/docs/__data.json"
allow = "public"
[[route]]
path = "/docs"
allow = "signed-in"
"#,
    );
    let (open, closed) = (Outcome::Allow, Outcome::Forbidden);
    check(
        &policy,
        "anonymous",
        &[
            ("/about/__data.json", open),
            ("/about/index.html", open),
            ("/docs/__data.json", open),
            ("/docs/index.html", closed),
            ("/admin/__data.json", closed),
            ("/Admin/__data.json", closed),
            ("/admin/index.html", closed),
            ("/ADMIN/index.html", closed),
        ],
    );
    check(&policy, "role:admin", &[("/admin", open)]);
}

/// Whoever passes by the rule that decides passes by the narrower one, so nobody gains anything by the other spelling.
#[test]
fn a_narrower_rule_that_asks_no_more_refuses_nobody() {
    let policy = policy(
        r#"
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "signed-in"
[[route]]
path = "/"
allow = "signed-in"
[[route]]
path = "/reports"
allow = "signed-in"
[[route]]
path = "/reports/**"
roles = ["editor"]
[[route]]
path = "/index.php/**"
allow = "signed-in"
[[route]]
path = "/bills"
roles = ["editor"]
[[route]]
path = "/*/*/index.html"
roles = ["editor"]
[[route]]
path = "/docs/guide"
allow = "signed-in"
"#,
    );
    for path in [
        "/reports/default",
        "/reports/index",
        "/reports/_",
        "/reports/7",
        "/default",
        "/index.php/de",
        "/docs/guide/index.html",
    ] {
        check(&policy, "role:editor", &[(path, Outcome::Allow)]);
    }
    // Here it asks for more.
    for path in ["/reports/default", "/Bills", "/bills.xml"] {
        check(&policy, "user", &[(path, Outcome::Forbidden)]);
    }
}

/// The list itself may be closed by the widest of rules; its file then wants a rule of its own, whoever asks.
#[test]
fn who_may_see_what_is_below_a_page_sees_not_its_file() {
    for wide in ["/**", "/*"] {
        let policy = policy(&format!(
            "[[route]]\npath = \"{wide}\"\nallow = \"signed-in\"\n
            [[route]]\npath = \"/blog/*\"\nallow = \"public\"\n
            [[route]]\npath = \"/blog/index.json\"\nallow = \"signed-in\"\n"
        ));
        for file in ["__data.json", "index.html", "_payload.json"] {
            let path = format!("/blog/{file}");
            check(&policy, "user", &[(&path, Outcome::Forbidden)]);
        }
        check(&policy, "anonymous", &[("/blog/first", Outcome::Allow)]);
        check(
            &policy,
            "anonymous",
            &[("/blog/index.json", Outcome::Unauthorized)],
        );
        check(&policy, "user", &[("/blog/index.json", Outcome::Allow)]);
    }
}

/// What programs fetch from a folder by an agreed name is not what the folder shows.
#[test]
fn files_that_are_no_page_pass_below_a_closed_one() {
    let policy = policy(
        "[[route]]\npath = \"/**\"\nallow = \"signed-in\"\n
        [[route]]\npath = \"/charts/*\"\nallow = \"public\"\n",
    );
    for file in ["index.yaml", "index.m3u8", "index.wasm", "default.otf"] {
        let path = format!("/charts/{file}");
        check(&policy, "anonymous", &[(&path, Outcome::Allow)]);
    }
    for file in ["index.html", "index.php", "index.xml"] {
        let path = format!("/charts/{file}");
        check(&policy, "user", &[(&path, Outcome::Forbidden)]);
    }
}

/// A rule for the page itself does, as far as it asks for more.
#[test]
fn a_wide_rule_that_lets_the_same_people_in_closes_no_file() {
    let limited = "limit = \"all\"";
    for (who, rules, outcome) in [
        (
            PUBLIC,
            vec![("/**", limited), ("/files/*", "")],
            Outcome::Allow,
        ),
        (
            PUBLIC,
            vec![("/**", "revocation = \"strict\""), ("/files/*", "")],
            Outcome::Allow,
        ),
        (
            SIGNED_IN,
            vec![("/**", ""), ("/files/*", "cache = \"app\"")],
            Outcome::Allow,
        ),
        (
            PUBLIC,
            vec![("/**", ""), ("/files/*", ""), ("/files", limited)],
            Outcome::Forbidden,
        ),
    ] {
        let rules = rules.iter();
        let rules = rules
            .map(|(path, more)| format!("[[route]]\npath = \"{path}\"\n{who}\n{more}\n"))
            .collect::<String>();
        let limit = "[limit.all]\nrequests = 100\nwithin_seconds = 60\nby = \"address\"\n";
        let policy = policy(&format!("{limit}{rules}"));
        check(&policy, "user", &[("/files/index.html", outcome)]);
    }
}

/// Next.js gives them by one exact name; by another it shows a page of that name.
#[test]
fn the_data_of_the_first_page_is_no_file_of_the_data_route() {
    let first = "[[route]]\npath = \"/\"\nallow = \"public\"\n";
    let policies = [
        "[[route]]\npath = \"/**\"\nallow = \"signed-in\"\n
        [[route]]\npath = \"/_next/data/*/*\"\nallow = \"public\"\n",
        "[[route]]\npath = \"/**\"\nallow = \"public\"\n
        [[route]]\npath = \"/*\"\nallow = \"signed-in\"\n",
    ];
    let [named, broad] = policies.map(|rules| policy(&format!("{first}{rules}")));
    for policy in [&named, &broad] {
        check(
            policy,
            "anonymous",
            &[("/_next/data/B/index.json", Outcome::Allow)],
        );
    }
    for name in ["Index", "INDEX", "%20index"] {
        let path = format!("/_next/data/B/{name}.json");
        check(&broad, "anonymous", &[(&path, Outcome::Forbidden)]);
    }
}

/// To the rules a locale in other letters is a page like others, behind a program too.
#[test]
fn a_page_that_is_called_like_a_locale_is_none_behind_a_program() {
    let policy = policy(
        r#"
[gate]
locales = ["de"]
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/*"
roles = ["admin"]
[[route]]
path = "/index.php/**"
allow = "public"
"#,
    );
    check(&policy, "user", &[("/DE", Outcome::Forbidden)]);
    check(
        &policy,
        "anonymous",
        &[("/index.php/DE", Outcome::Forbidden)],
    );
}
