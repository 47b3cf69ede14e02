//! What becomes of a request target, byte for byte: each row is what stood on the wire, and what arrived at the app.

use edgeward_tests::{GatedApp, World};

const POLICY: &str = r#"
version = 1
[gate]
locales = ["de"]
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/admin/**"
roles = ["admin"]
[[route]]
path = "/secret"
roles = ["admin"]
"#;

/// What becomes of a target: it arrives as this, or is refused.
enum Becomes {
    Arrives(&'static str),
    Ambiguous,
    /// It is, or looks like, what needs a role; the caller has none.
    Denied(&'static str),
}

use Becomes::{Ambiguous, Arrives, Denied};

const ROLE: Becomes = Denied("INSUFFICIENT_ROLE");
const ALIKE: Becomes = Denied("ROUTE_DENIED");

const ROWS: &[(&str, Becomes)] = &[
    // As it is.
    ("/a", Arrives("/a")),
    ("/a/b-c_d.e~f", Arrives("/a/b-c_d.e~f")),
    ("/a,b@c:d!e$f&g'h(i)*+=", Arrives("/a,b@c:d!e$f&g'h(i)*+=")),
    (
        "/a?b=%2F..%2F&c=%00&d=;e",
        Arrives("/a?b=%2F..%2F&c=%00&d=;e"),
    ),
    ("/a?", Arrives("/a?")),
    ("/a??b", Arrives("/a??b")),
    ("/a?//b/../c", Arrives("/a?//b/../c")),
    // Escapes.
    ("/%61", Arrives("/a")),
    ("/%7e%2D%2e%5fx", Arrives("/~-._x")),
    ("/%c3%a9", Arrives("/%C3%A9")),
    ("/%E2%82%AC", Arrives("/%E2%82%AC")),
    ("/a%20b", Arrives("/a%20b")),
    ("/a%2Cb%40c", Arrives("/a%2Cb%40c")),
    ("/[a]|b", Arrives("/%5Ba%5D%7Cb")),
    ("/%", Ambiguous),
    ("/%6", Ambiguous),
    ("/%zz", Ambiguous),
    ("/%u0061", Ambiguous),
    // Twice.
    ("/%2561dmin", Ambiguous),
    ("/%252e%252e/admin", Ambiguous),
    ("/%25252fadmin", Ambiguous),
    ("/%25u0061dmin", Ambiguous),
    // Overlong and broken UTF-8.
    ("/%c0%ae%c0%ae/admin", Ambiguous),
    ("/%c0%afadmin", Ambiguous),
    ("/%e0%80%afadmin", Ambiguous),
    ("/%f0%80%80%afadmin", Ambiguous),
    ("/%ed%a0%80", Ambiguous),
    ("/%ff", Ambiguous),
    // Dots and slashes.
    ("/x/./y", Arrives("/x/y")),
    ("/x/../y", Arrives("/y")),
    ("/../../y", Arrives("/y")),
    ("/x/..", Arrives("/")),
    ("/x/.", Arrives("/x/")),
    ("/x/", Arrives("/x/")),
    ("/x/...", Arrives("/x/...")),
    ("//x", Ambiguous),
    ("/x//y", Ambiguous),
    ("/x//", Ambiguous),
    ("/x/%2e%2e/y", Ambiguous),
    ("/x/.%2E/y", Ambiguous),
    ("/%2e/y", Ambiguous),
    ("/x%2fy", Ambiguous),
    ("/x%5Cy", Ambiguous),
    ("/x\\y", Ambiguous),
    ("/x/..\\y", Ambiguous),
    // Parameters of segments.
    ("/x;y", Ambiguous),
    ("/admin;jsessionid=1", Ambiguous),
    ("/;/admin", Ambiguous),
    ("/x/..;/admin", Ambiguous),
    ("/admin%3bx", Ambiguous),
    // Ends of a path that are none.
    ("/x%3fy", Ambiguous),
    ("/x%23y", Ambiguous),
    ("/x%00", Ambiguous),
    ("/x%0d%0ay", Ambiguous),
    ("/x%09", Ambiguous),
    ("/x%7f", Ambiguous),
    // The protected path, and what resembles it.
    ("/admin", ROLE),
    ("/admin/", ROLE),
    ("/admin/x", ROLE),
    ("/x/../admin", ROLE),
    ("/%61dmin", ROLE),
    ("/de/admin", ROLE),
    ("/de/x/../admin", ROLE),
    ("/x/../de/admin/", ROLE),
    ("/DE/admin", ALIKE),
    ("/de/Admin", ALIKE),
    ("/ADMIN", ALIKE),
    ("/admin.", ALIKE),
    ("/admin...", ALIKE),
    ("/admin%20", ALIKE),
    ("/%20admin", ALIKE),
    ("/admin.json", ALIKE),
    ("/admin.RSC", ALIKE),
    ("/admin/index.html", ROLE),
    ("/_next/data/b/admin.json", ALIKE),
    ("/adm%C4%B1n", ALIKE),
    ("/secret", ROLE),
    ("/%C5%BFecret", ALIKE),
    ("/%EF%BD%81dmin", Arrives("/%EF%BD%81dmin")),
    ("/administrator", Arrives("/administrator")),
    ("/de/de/admin", Arrives("/de/de/admin")),
    ("/fr/admin", Arrives("/fr/admin")),
    // Characters that some reader takes for a slash, a backslash or dots.
    ("/x%EF%BC%8Fadmin", Ambiguous),
    ("/x%E2%88%95admin", Ambiguous),
    ("/x%EF%BC%BCadmin", Ambiguous),
    ("/%EF%BC%8E%EF%BC%8E/admin", Ambiguous),
    ("/%E2%80%A5/admin", Ambiguous),
    ("/x\u{ff0f}admin", Ambiguous),
];

#[tokio::test]
async fn each_target_arrives_as_it_was_judged_or_not_at_all() {
    let site = GatedApp::start(POLICY).await;
    let cookie = site.cookie();
    for (target, becomes) in ROWS {
        let answer = site.ask(&format!("GET {target}"), &[("Cookie", &cookie)]);
        let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.target).collect();
        match becomes {
            Arrives(expected) => {
                assert_eq!(arrived, [*expected], "{target}: {answer:?}");
            }
            Ambiguous => {
                let _ = answer.expect_problem(400, "AMBIGUOUS_PATH");
                assert_eq!(arrived, Vec::<String>::new(), "{target}");
            }
            Denied(code) => {
                let _ = answer.expect_problem(403, code);
                assert_eq!(arrived, Vec::<String>::new(), "{target}");
            }
        }
    }
}

/// Targets that are more than a path, and ones that no client should send. What HTTP does not allow is refused by the runtime, and
/// the rest is judged like every other path.
#[tokio::test]
async fn other_forms_of_a_target_are_judged_or_no_request() {
    let site = GatedApp::start(POLICY).await;
    let cookie = site.cookie();
    let (_, host) = site.edge.origin().split_once("//").expect("an origin");
    let long = format!("/{}/../admin", "x".repeat(2100));
    let rows: [(String, Option<u16>, Option<&str>); 21] = [
        (format!("http://{host}/a"), Some(200), Some("/a")),
        (format!("http://{host}/admin"), Some(403), None),
        (format!("http://{host}//admin"), Some(400), None),
        (format!("HTTP://{host}/x/../admin"), Some(403), None),
        ("http://evil.example/admin".to_owned(), Some(403), None),
        (
            "https://evil.example:8443/admin/".to_owned(),
            Some(403),
            None,
        ),
        (format!("http://u:p@{host}/admin"), Some(403), None),
        ("//evil.example/admin".to_owned(), Some(400), None),
        ("///admin".to_owned(), Some(400), None),
        ("/\\evil.example/admin".to_owned(), Some(400), None),
        // What is no path and no address counts as none at all.
        ("admin".to_owned(), Some(200), Some("/")),
        ("?x=/admin".to_owned(), Some(400), None),
        ("*".to_owned(), Some(400), None),
        // A fragment ends before it is judged, and does not go on.
        ("/admin#x".to_owned(), Some(403), None),
        ("/#/../admin".to_owned(), Some(200), Some("/")),
        ("/x#/../../admin".to_owned(), Some(200), Some("/x")),
        ("/admin\u{0}".to_owned(), Some(400), None),
        ("/admin\tx".to_owned(), Some(400), None),
        ("/x y/../admin".to_owned(), Some(400), None),
        // As for whoever sends one without dots: nothing is read of a path that is too long.
        (long, Some(414), None),
        ("/a".to_owned(), Some(200), Some("/a")),
    ];
    let mut wrong = Vec::new();
    for (target, status, becomes) in rows {
        let first_line = format!("GET {target}");
        let answer = site
            .edge
            .gets_by_hand(&first_line, &[("Cookie", &cookie)], "");
        let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.target).collect();
        let answered = answer.map(|answer| answer.status);
        if answered != status || arrived != Vec::from_iter(becomes) {
            let shown: String = target.chars().take(80).collect();
            wrong.push(format!("{shown:?}: {answered:?}, arrived: {arrived:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_sign_in_leads_to_a_path_of_this_site_and_nowhere_else() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    for (sent, leads_to) in [
        ("/app", Some("/app")),
        ("/app?tab=1#x", Some("/app?tab=1")),
        ("/app/./x", Some("/app/x")),
        ("//evil.example", None),
        ("///evil.example", None),
        ("/\\evil.example", None),
        ("\\\\evil.example", None),
        ("/\t/evil.example", None),
        ("/%09/evil.example", None),
        ("/%2f%2fevil.example", None),
        ("/%5cevil.example", None),
        ("/..//evil.example", None),
        ("/.//evil.example", None),
        ("/;@evil.example", None),
        ("https://evil.example", None),
        ("https:evil.example", None),
        ("HTTPS:/evil.example", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("@evil.example", None),
        (".evil.example", None),
        ("evil.example", None),
        ("", None),
        ("/\r\nLocation: https://evil.example", None),
        ("/\u{ff0f}evil.example", None),
        ("/login", None),
        ("/auth/logout", None),
        ("/login?returnTo=/login", None),
    ] {
        let ada = ada.at(world.browser());
        // Without a good place, `/login` leads on to where the policy says. A POST is answered with 303, so that the page is fetched with GET and nothing is sent twice.
        let page = ada.navigate("/login").send().await.expect(200);
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let token = ada
            .cookie("csrf")
            .map(|cookie| cookie.value)
            .unwrap_or_default();
        let fields = [
            ("email", ada.email.as_str()),
            ("password", ada.password.as_str()),
            ("csrf_token", token.as_str()),
            ("returnTo", sent),
        ];
        let answer = ada.post("/auth/login").form(&fields).send().await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some(leads_to.unwrap_or("/login"))),
            "{sent:?}"
        );
        // Who is signed in already is led on by the edge, by the same rule.
        let encoded: String = sent.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for name in ["returnTo", "callbackUrl"] {
            let again = ada
                .navigate(&format!("/login?{name}={encoded}"))
                .send()
                .await;
            let home = leads_to.unwrap_or("/app");
            let _ = again.expect_redirect(home);
        }
    }
}
