//! Other spellings of a protected path, in front of a broad public rule.

use edgeward_core::gate::{Outcome, Persona, Policy};

use crate::policy::{persona, policy};

/// A broad public rule in front of protected ones: the policy that look-alikes attack, and `stories/path_readers.rs` too.
pub(crate) const BROAD: &str = include_str!("broad.toml");

pub(crate) fn check(policy: &Policy, who: &str, rows: &[(&str, Outcome)]) {
    for (path, outcome) in rows {
        check_one(policy, who, "GET", path, *outcome);
    }
}

fn check_one(policy: &Policy, who: &str, method: &str, path: &str, outcome: Outcome) {
    let explanation = policy.explain(method, path, &persona(who));
    assert_eq!(
        explanation.outcome, outcome,
        "{who} {method} {path}\n{explanation}"
    );
}

/// Behind an ending that frameworks add on the way, too.
#[test]
fn a_format_of_a_page_is_seen_behind_other_representations() {
    let policy = policy(
        "[[route]]\npath = \"/**\"\nallow = \"public\"\n
        [[route]]\npath = \"/reports/costs\"\nroles = [\"admin\"]\n
        [[route]]\npath = \"/costs\"\nroles = [\"admin\"]\n",
    );
    for path in ["/reports.json/costs.xml", "/reports.segments/costs.v1.xml"] {
        check(&policy, "user", &[(path, Outcome::Forbidden)]);
    }
    // The second names a part of a page of another name.
    for path in [
        "/reports.xml/costs.xml",
        "/index.php/x.segments/y/costs.xml",
    ] {
        check(&policy, "user", &[(path, Outcome::Allow)]);
    }
}

#[test]
fn other_spellings_of_a_protected_path_do_not_slip_through_a_broad_rule() {
    let policy = policy(BROAD);
    check(
        &policy,
        "role:guest",
        &[
            ("/administrator", Outcome::Allow),
            ("/admin-x", Outcome::Allow),
            ("/.admin", Outcome::Allow),
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
            ("/admin.xml", Outcome::Forbidden),
            ("/ADMIN.tar.gz", Outcome::Forbidden),
            ("/Report.final.XML", Outcome::Forbidden),
            ("/report.final.tar.gz", Outcome::Forbidden),
            ("/report.final%20.xml", Outcome::Forbidden),
            ("/report.draft", Outcome::Allow),
            ("/admin.bak", Outcome::Forbidden),
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
        ],
    );
    // Whoever asks.
    check(&policy, "role:admin", &[("/ADMIN", Outcome::Forbidden)]);
}

#[test]
fn the_files_of_a_protected_page_do_not_slip_through_either() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/admin"
roles = ["admin"]
[[route]]
path = "/"
allow = "signed-in"
"#,
    );
    check(
        &policy,
        "user",
        &[
            ("/admin/index.html", Outcome::Forbidden),
            ("/ADMIN/Index.HTML", Outcome::Forbidden),
            ("/admin/__data.json", Outcome::Forbidden),
            ("/admin/_payload.json", Outcome::Forbidden),
            ("/admin.segments/_tree.segment.rsc", Outcome::Forbidden),
            (
                "/admin.segments/$c$children/__PAGE__.segment.rsc",
                Outcome::Forbidden,
            ),
            ("/index.rsc", Outcome::Forbidden),
            ("/admin/help.html", Outcome::Allow),
            ("/admin/index/x", Outcome::Allow),
            ("/news.segments/_tree.segment.rsc", Outcome::Allow),
        ],
    );
}

/// The files by which frameworks deliver a page's data.
#[test]
fn the_data_of_a_page_is_the_page() {
    let policy = policy(
        r#"
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/_next/**"
allow = "public"
[[route]]
path = "/"
allow = "signed-in"
[[route]]
path = "/dash"
allow = "signed-in"
[[route]]
path = "/admin/**"
roles = ["admin"]
[[route]]
path = "/docs/secret/**"
allow = "signed-in"
"#,
    );
    for path in [
        // Next.js puts `index` before a page whose name begins with it, and takes it away from every one.
        "/_next/data/b/index/admin.json",
        "/_next/data/b/index/index/admin.json",
        "/_next/data/b/index/de/admin.json",
        "/_next/data/b/de/index/admin/users.json",
        "/_next/data/b/index/index/index/index/index/admin.json",
        "/_next/data/b/.json",
        "/_next/data/b/index.json",
        "/_next/data/b/de.json",
        "/_next/data/b/index/DE.json",
        "/de.json",
        "/de.html",
        "/_next/data/b/dash/.json",
        // Below the path that an application has for itself.
        "/docs/_next/data/b/secret.json",
        "/docs/_next/data/b/secret/x.json",
        "/shop/_next/data/b/admin.json",
        // React Router.
        "/_root.data",
        "/.data",
        "/_.data",
        "/dash/.data",
        "/dash/_.data",
        // Nuxt.
        "/dash/_payload.json",
        "/dash/_payload.js",
        "/dash/_payload-json",
        "/dash/_payload.4f2c.js",
        // SvelteKit.
        "/dash/__data.json",
    ] {
        check(&policy, "anonymous", &[(path, Outcome::Forbidden)]);
    }
    for path in [
        "/_next/data/b/news.json",
        "/_next/static/chunks/index.js",
        "/docs/_next/data/b/news.json",
        "/news/_payload.json",
        "/dash/index.js",
        "/wiki/Foo_(bar)/x",
        "/(x)/news",
    ] {
        check(&policy, "anonymous", &[(path, Outcome::Allow)]);
    }
}

/// A public rule protects too what it asks of every request: somebody who guesses passwords could spell the path otherwise.
#[test]
fn what_a_public_rule_asks_of_every_request_is_asked_in_every_spelling() {
    let policy = policy(
        r#"
[limit.log-in]
requests = 5
within_seconds = 60
by = "address"
[[route]]
path = "/**"
allow = "public"
check_origin = false
[[route]]
path = "/api/login"
allow = "public"
check_origin = false
limit = "log-in"
[[route]]
path = "/api/pay"
allow = "public"
csrf = true
[[route]]
path = "/api/move"
allow = "public"
[[route]]
path = "/api/now"
allow = "public"
revocation = "strict"
[[route]]
path = "/api/free"
allow = "public"
check_origin = false
[[route]]
path = "/shop/**"
allow = "public"
csrf = true
[[route]]
path = "/shop/cart"
allow = "public"
csrf = true
"#,
    );
    for (method, path, outcome) in [
        ("GET", "/api/login", Outcome::Allow),
        ("GET", "/API/login", Outcome::Forbidden),
        ("GET", "/api/login.", Outcome::Forbidden),
        ("POST", "/api/login.json", Outcome::Forbidden),
        ("POST", "/api/Pay", Outcome::Forbidden),
        ("POST", "/_next/data/b/api/pay.json", Outcome::Forbidden),
        ("POST", "/api/MOVE", Outcome::Forbidden),
        ("GET", "/api/NOW", Outcome::Forbidden),
        ("GET", "/_next/data/b/api/now.json", Outcome::Forbidden),
        // Of what changes nothing no token is asked, and no origin.
        ("GET", "/api/Pay", Outcome::Allow),
        ("GET", "/_next/data/b/api/pay.json", Outcome::Allow),
        ("GET", "/api/MOVE", Outcome::Allow),
        // Nothing is asked that the broad rule does not ask for.
        ("POST", "/api/FREE", Outcome::Allow),
        ("POST", "/shop/CART", Outcome::Allow),
    ] {
        check_one(&policy, "user", method, path, outcome);
    }
}

/// Who asks for that and more is no way round it.
#[test]
fn a_limit_that_the_broad_rule_asks_for_too_denies_no_spelling() {
    let policy = policy(
        r#"
[limit.all]
requests = 5
within_seconds = 60
by = "address"
[limit.each]
requests = 5
within_seconds = 60
by = "identity"
[[route]]
path = "/**"
allow = "public"
limit = ["all", "each"]
[[route]]
path = "/api/x"
allow = "public"
limit = "all"
[[route]]
path = "/open/**"
allow = "public"
limit = "each"
[[route]]
path = "/open/x"
allow = "public"
limit = "all"
"#,
    );
    check(
        &policy,
        "anonymous",
        &[("/API/x", Outcome::Allow), ("/open/X", Outcome::Forbidden)],
    );
}

/// Where a narrower public rule speaks of the data, nobody asked for more there.
#[test]
fn what_a_broad_public_rule_asks_is_not_asked_of_data_that_another_rule_names() {
    let policy = policy(
        r#"
[limit.all]
requests = 5
within_seconds = 60
by = "address"
[[route]]
path = "/**"
allow = "public"
limit = "all"
[[route]]
path = "/_next/**"
allow = "public"
[[route]]
path = "/app/**"
allow = "signed-in"
"#,
    );
    check(
        &policy,
        "anonymous",
        &[
            ("/_next/data/b/news.json", Outcome::Allow),
            ("/_next/data/b/app.json", Outcome::Forbidden),
        ],
    );
}

#[test]
fn the_data_of_a_page_asks_for_what_the_page_asks_for() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "signed-in"
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/admin/**"
roles = ["admin"]
"#,
    );
    check(
        &policy,
        "user",
        &[
            ("/_next/data/b/app.json", Outcome::Allow),
            ("/_next/data/b/news.json", Outcome::Allow),
            ("/_next/data/b/admin.json", Outcome::Forbidden),
        ],
    );
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
