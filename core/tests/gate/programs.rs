//! Programs in a path: what they are run by, and the pages that they show.

use edgeward_core::gate::Outcome;

use crate::lookalikes::check;
use crate::policy::policy;

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

/// So far they are looked for, and no further: each costs a look at the rules.
#[test]
fn of_many_dots_programs_and_segments_the_outermost_count() {
    let deep = "/d".repeat(63);
    let policy = policy(&format!(
        r#"
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/page"
roles = ["admin"]
[[route]]
path = "/report.final"
roles = ["admin"]
[[route]]
path = "/one.php"
roles = ["admin"]
[[route]]
path = "/a/y.cgi/z.cgi"
roles = ["admin"]
[[route]]
path = "/x.py{deep}"
roles = ["admin"]
"#
    ));
    let dots = |count: usize| ".x".repeat(count);
    let scripts = |count: usize| "/y.cgi".repeat(count);
    for (path, outcome) in [
        // The first dot of a name, and the last sixteen.
        (format!("/page{}", dots(40)), Outcome::Forbidden),
        (format!("/report.final{}", dots(16)), Outcome::Forbidden),
        (format!("/report.final{}", dots(17)), Outcome::Allow),
        // The first program, and the last two.
        (format!("/one.php{}/x", scripts(9)), Outcome::Forbidden),
        (
            format!("/a/y.cgi/z.cgi{}/x", scripts(1)),
            Outcome::Forbidden,
        ),
        (format!("/a/y.cgi/z.cgi{}/x", scripts(2)), Outcome::Allow),
        (format!("{}/page", scripts(9)), Outcome::Forbidden),
        // No pattern is longer, so no page is followed further.
        (format!("/X.PY{deep}"), Outcome::Forbidden),
        (format!("/X.PY{deep}/e"), Outcome::Allow),
        (format!("/one.php{deep}{deep}"), Outcome::Forbidden),
    ] {
        check(&policy, "anonymous", &[(&path, outcome)]);
    }
}

/// What stands beside the page in a path says nothing of it, and a rule that covers just that opens no page.
#[test]
fn what_a_rule_says_of_the_way_opens_no_page() {
    let policy = policy(
        r#"
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/*"
allow = "signed-in"
[[route]]
path = "/*/x.php/**"
allow = "public"
[[route]]
path = "/tool.php"
roles = ["admin"]
[[route]]
path = "/tool.php/help"
allow = "public"
[[route]]
path = "/tool.php/static/**"
allow = "public"
[[route]]
path = "/*/static/css/**"
allow = "public"
[[route]]
path = "/index.php/de/**"
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
[[route]]
path = "/*/tool.php/static/**"
allow = "public"
[[route]]
path = "/x/tool.php"
roles = ["admin"]
[[route]]
path = "/tools/**"
roles = ["admin"]
[[route]]
path = "/*/*/favicon.ico"
allow = "public"
[[route]]
path = "/admin/**"
roles = ["admin"]
[[route]]
path = "/*/manifest.json"
allow = "public"
[[route]]
path = "/*/static/**"
allow = "public"
"#,
    );
    check(
        &policy,
        "user",
        &[
            ("/acme/manifest.json", Outcome::Allow),
            ("/tool.php/manifest.json", Outcome::Forbidden),
            ("/tool.php/help", Outcome::Allow),
            ("/tool.php/static/x.css", Outcome::Allow),
            // A locale that is skipped names no page.
            ("/index.php/de/admin/x", Outcome::Forbidden),
            ("/index.php/de/a/news", Outcome::Allow),
            ("/index.php/page.segments/_tree", Outcome::Forbidden),
            // What stands ahead of a program, or of a page, is none of its name.
            ("/DE/tool.php/static/y", Outcome::Forbidden),
            ("/x/tool.php/static/js/y", Outcome::Forbidden),
            ("/DE/settings", Outcome::Forbidden),
            ("/acme/settings", Outcome::Allow),
            // Nobody's host, for nothing names it as one.
            ("/tools/run.py/favicon.ico", Outcome::Forbidden),
            ("/admin.php/static/run", Outcome::Forbidden),
            ("/admin.segments/static/x", Outcome::Forbidden),
            // A locale that is none to the rules in this case, before a program and its page.
            ("/DE/x.php/settings", Outcome::Forbidden),
        ],
    );
}

/// A rule that asks for as much as the page lifts its guard: Next.js fetches the parts of every page that it leads to.
#[test]
fn who_passes_for_the_page_passes_for_its_parts() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "signed-in"
[[route]]
path = "/app"
allow = "signed-in"
[[route]]
path = "/staff"
roles = ["staff"]
[[route]]
path = "/staff.segments/**"
roles = ["staff"]
[[route]]
path = "/domains/**"
allow = "signed-in"
[[route]]
path = "/domains/*"
allow = "signed-in"
[[route]]
path = "/pay.php"
allow = "signed-in"
bind = "request"
[[route]]
path = "/sites/*/admin.php"
roles = ["admin"]
"#,
    );
    for (who, path, outcome) in [
        ("user", "/app.segments/_tree.segment.rsc", Outcome::Allow),
        (
            "role:staff",
            "/staff.segments/_tree.segment.rsc",
            Outcome::Allow,
        ),
        ("user", "/domains/mail.pl/dns", Outcome::Allow),
        // The app is told that this page was asked for, and no other.
        ("user", "/pay.php/x", Outcome::Forbidden),
        // A host is counted beside the programs.
        (
            "user",
            "/sites/example.pl/admin.php/a.php/b.php/c",
            Outcome::Forbidden,
        ),
    ] {
        check(&policy, who, &[(path, outcome)]);
    }
}

/// Names of hosts and mailboxes end as programs do.
#[test]
fn a_name_that_ends_as_a_program_does_hides_no_page_of_others() {
    let policy = policy(
        r#"
[[route]]
path = "/**"
allow = "signed-in"
cache = "app"
[[route]]
path = "/remote.php/**"
allow = "public"
[[route]]
path = "/domains/*/settings"
allow = "signed-in"
[[route]]
path = "/domains/**"
allow = "signed-in"
[[route]]
path = "/domains/*/avatar"
allow = "public"
[[route]]
path = "/@me"
allow = "signed-in"
[[route]]
path = "/news/**"
allow = "public"
[[route]]
path = "/news/post.py"
allow = "signed-in"
[[route]]
path = "/settings/**"
step_up = { max_age_seconds = 300 }
[[route]]
path = "/account/**"
allow = "signed-in"
"#,
    );
    for (who, path, outcome) in [
        (
            "anonymous",
            "/remote.php/dav/files/jan@mail.pl/notes/x.odt",
            Outcome::Allow,
        ),
        ("user age:9999", "/domains/mail.pl/settings", Outcome::Allow),
        (
            "user age:9999",
            "/domains/mail.php/settings",
            Outcome::Forbidden,
        ),
        ("anonymous", "/domains/mail.pl/avatar", Outcome::Allow),
        ("anonymous", "/domains/mail.pl", Outcome::Unauthorized),
        ("user", "/news/post.py/x", Outcome::Forbidden),
        (
            "anonymous",
            "/@me.segments/_tree.segment.rsc",
            Outcome::Forbidden,
        ),
        ("user age:9999", "/app.py/settings", Outcome::Forbidden),
        (
            "user age:9999",
            "/cgi-bin/app.pl/settings",
            Outcome::Forbidden,
        ),
        // Caches may keep what the fallback answers, and not this page.
        ("user", "/index.php/account", Outcome::Forbidden),
    ] {
        check(&policy, who, &[(path, outcome)]);
    }
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
