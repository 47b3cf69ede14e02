//! Other spellings of a protected path, in front of a broad public rule.

use edgeward_core::gate::{Outcome, Persona, Policy};

use crate::policy::{persona, policy};

/// A broad public rule in front of protected ones: the policy that look-alikes attack, and `stories/path_readers.rs` too.
pub(crate) const BROAD: &str = include_str!("broad.toml");

fn check(policy: &Policy, who: &str, rows: &[(&str, Outcome)]) {
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

#[test]
fn what_follows_a_script_leads_to_the_script() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/admin.php"
roles = ["admin"]
[[route]]
path = "/shop/pay.cgi"
roles = ["admin"]
[[route]]
path = "/wiki/**"
roles = ["admin"]
[[route]]
path = "/old.pl/own.py"
roles = ["admin"]
"#,
    );
    check(
        &policy,
        "user",
        &[
            ("/old.pl/own.py/x", Outcome::Forbidden),
            ("/old.pl/own.asp/x", Outcome::Allow),
            ("/wiki.php/x", Outcome::Forbidden),
            ("/Wiki.php5/x", Outcome::Forbidden),
            ("/admin.php", Outcome::Forbidden),
            ("/admin.php/x", Outcome::Forbidden),
            ("/Admin.PHP/x/y", Outcome::Forbidden),
            ("/shop/pay.cgi/style.css", Outcome::Forbidden),
            ("/shop/pay.cgi.css", Outcome::Forbidden),
            ("/admin.phpx/x", Outcome::Allow),
            ("/x/admin.php/x", Outcome::Allow),
            ("/admin.py/x", Outcome::Allow),
        ],
    );
}

#[test]
fn what_leads_to_a_program_does_not_hide_the_page_that_it_shows() {
    let policy = policy(
        r#"
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/index.php/**"
allow = "public"
[[route]]
path = "/reports/**"
roles = ["admin"]
[[route]]
path = "/x/deep"
roles = ["admin"]
[[route]]
path = "/index.php/reports/open"
allow = "public"
[[route]]
path = "/_next/data/**"
allow = "public"
[[route]]
path = "/_next/data/*/reports/open.json"
allow = "public"
[[route]]
path = "/page"
roles = ["admin"]
[[route]]
path = "/settings"
roles = ["admin"]
[[route]]
path = "/*/settings"
allow = "signed-in"
"#,
    );
    check(
        &policy,
        "user",
        &[
            ("/index.php/reports/7", Outcome::Forbidden),
            ("/INDEX.php/Reports/7", Outcome::Forbidden),
            ("/index.php/de/reports/7", Outcome::Forbidden),
            ("/de/index.php/reports/7", Outcome::Forbidden),
            ("/index.php/reports.json", Outcome::Forbidden),
            ("/index.php/reports.xml", Outcome::Forbidden),
            ("/x/index.php/reports/7", Outcome::Forbidden),
            ("/x/index.php/deep", Outcome::Forbidden),
            ("/app.fcgi/reports", Outcome::Forbidden),
            ("/index.php", Outcome::Allow),
            ("/index.php/news", Outcome::Allow),
            ("/index.php/news/reports", Outcome::Allow),
            // What happens to cover the script speaks of tenants, and not of it.
            ("/acme/settings", Outcome::Allow),
            ("/shop.php/settings", Outcome::Forbidden),
            // Written for exactly this.
            ("/index.php/reports/open", Outcome::Allow),
            ("/app.php/reports/open", Outcome::Forbidden),
            // A rule for all data opens the way, and says nothing of a page.
            ("/_next/data/b/reports/7.json", Outcome::Forbidden),
            ("/_next/data/b/news.json", Outcome::Allow),
            ("/_next/data/b/reports/open.json", Outcome::Allow),
            // A page and the file that shows it.
            ("/page/index.php", Outcome::Forbidden),
            ("/page/index.shtml", Outcome::Forbidden),
            ("/page/Index.php/x", Outcome::Forbidden),
            ("/page/default.aspx", Outcome::Forbidden),
            ("/page/index.jsp", Outcome::Forbidden),
            ("/page/index.html.en", Outcome::Forbidden),
            ("/page/other.php", Outcome::Allow),
            ("/page/index.js", Outcome::Allow),
            ("/page/index.4f2c.css", Outcome::Allow),
        ],
    );
}

/// A fallback that asks for a sign-in is lifted by who names the program, and what only passes it by is not.
#[test]
fn a_program_that_is_named_is_open_before_a_closed_fallback() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "signed-in"
cors = { origins = ["https://a.example"] }
[[route]]
path = "/remote.php/**"
allow = "public"
[[route]]
path = "/w/index.php/**"
allow = "public"
[[route]]
path = "/_next/**"
allow = "public"
[[route]]
path = "/assets/**"
allow = "public"
[[route]]
path = "/account/**"
allow = "signed-in"
[[route]]
path = "/users/*/profile"
roles = ["admin"]
[[route]]
path = "/domains/*/avatar"
allow = "public"
[[route]]
path = "/repos/**"
allow = "signed-in"
revocation = "strict"
[[route]]
path = "/*/data/**"
allow = "public"
"#,
    );
    for (who, path, outcome) in [
        ("anonymous", "/remote.php/dav/files", Outcome::Allow),
        ("anonymous", "/w/index.php/Main_Page", Outcome::Allow),
        ("anonymous", "/remote.php/account", Outcome::Forbidden),
        ("anonymous", "/assets/x.php/notes", Outcome::Forbidden),
        ("anonymous", "/_next/data/b/news.json", Outcome::Forbidden),
        ("user", "/x.php/notes", Outcome::Allow),
        // The fallback lets a page of another origin read; the page behind it does not.
        ("user", "/x.php/account", Outcome::Forbidden),
        // Whoever asks for more than the fallback, or speaks of the page behind a value, is no way round it.
        ("role:admin", "/users/jan@mail.pl/profile", Outcome::Allow),
        ("user", "/users/jan@mail.pl/profile", Outcome::Forbidden),
        ("anonymous", "/domains/mail.pl/avatar", Outcome::Allow),
        ("user", "/repos/src/main.py/blame", Outcome::Allow),
        // A rule for tenants says nothing of the data route.
        ("anonymous", "/acme/data/list", Outcome::Allow),
        ("anonymous", "/_next/data/b/secret.json", Outcome::Forbidden),
        // The last of many scripts may be the one that runs.
        (
            "anonymous",
            "/assets/a.php/b.php/c.php/d.php/remote.php/account",
            Outcome::Forbidden,
        ),
    ] {
        check(&policy, who, &[(path, outcome)]);
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
