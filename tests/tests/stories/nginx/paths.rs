//! What becomes of a request target, byte for byte, before a policy that closes `/admin`.

use edgeward_tests::{NginxSite, raw};

use super::POLICY;

/// For somebody who is signed in and no admin: what arrives at the app, or status and code of the refusal.
type Becomes = Result<&'static str, (u16, &'static str)>;

const ROWS: &[(&str, Becomes)] = &[
    ("/app/a", Ok("/app/a")),
    ("/app/a?b=%2F..%2F&c=;e", Ok("/app/a?b=%2F..%2F&c=;e")),
    ("/app/%61", Ok("/app/a")),
    ("/app/%c3%a9", Ok("/app/%C3%A9")),
    ("/app/a%20b", Ok("/app/a%20b")),
    ("/app/./x/../y", Ok("/app/y")),
    ("/app/a?é", Ok("/app/a?%C3%A9")),
    ("/admin/../app/x?é=1", Ok("/app/x?%C3%A9=1")),
    ("/administrator", Err((403, "ROUTE_DENIED"))),
    // What is closed, and what resembles it.
    ("/admin", ROLE),
    ("/admin/", ROLE),
    ("/%61dmin", ROLE),
    ("/app/../admin", ROLE),
    ("/app/x/../../admin/users", ROLE),
    ("/de/admin", ROLE),
    ("/files/../admin", ROLE),
    ("/ADMIN", ALIKE),
    ("/Admin/users", ALIKE),
    ("/DE/admin", ALIKE),
    ("/admin.", ALIKE),
    ("/admin%20", ALIKE),
    ("/admin.json", ALIKE),
    // What can be read in two ways.
    ("//admin", TWO),
    ("/app//admin", TWO),
    ("/app//..//admin", TWO),
    ("/app/%2e%2e/admin", TWO),
    ("/app/.%2E/admin", TWO),
    ("/admin%2f", TWO),
    ("/admin%2Fusers", TWO),
    ("/app%2f..%2fadmin", TWO),
    ("/app/..%5cadmin", TWO),
    ("/app/..\\admin", TWO),
    ("/admin;x", TWO),
    ("/app/..;/admin", TWO),
    ("/;/admin", TWO),
    ("/app/%252e%252e/admin", TWO),
    ("/%2561dmin", TWO),
    ("/app/%c0%ae%c0%ae/admin", TWO),
    ("/app/x%EF%BC%8Fadmin", TWO),
    ("/files/%2e%2e/admin", TWO),
];

const ROLE: Becomes = Err((403, "INSUFFICIENT_ROLE"));
const ALIKE: Becomes = Err((403, "ROUTE_DENIED"));
const TWO: Becomes = Err((400, "AMBIGUOUS_PATH"));

#[tokio::test]
async fn the_path_that_was_judged_is_the_path_that_arrives() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &[]).await;
    let cookie = format!("edgeward-access={}", ada.access_token());
    for (target, becomes) in ROWS {
        let answer = site.gets(target, &[("Cookie", &cookie)]);
        let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.target).collect();
        match becomes {
            Ok(expected) => {
                assert_eq!(
                    (answer.status, &arrived[..]),
                    (200, &[(*expected).to_owned()][..]),
                    "{target}"
                );
            }
            Err((status, code)) => {
                let _ = answer.expect_problem(*status, code);
                assert_eq!(arrived, Vec::<String>::new(), "{target}");
            }
        }
    }
}

/// nginx itself refuses these, with a status of its own.
#[tokio::test]
async fn what_nginx_cannot_read_it_does_not_ask_about() {
    let site = NginxSite::start(POLICY).await;
    let ada = site.person("ada", &["admin"]).await;
    let cookie = format!("edgeward-access={}", ada.access_token());
    for target in [
        "/%",
        "/%zz",
        "/x%00",
        "admin",
        "/../admin",
        "/%2e%2e/admin",
        "/files/%2e%2e/%2e%2e/nginx.conf",
        "/app/../../admin",
    ] {
        let answer = site.gets(target, &[("Cookie", &cookie)]);
        assert_eq!((answer.status, site.arrived().len()), (400, 0), "{target}");
    }
}

#[tokio::test]
async fn a_path_of_another_host_is_judged_under_the_host_that_the_app_is_told() {
    const OF_A_HOST: &str = r#"
version = 1
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/**"
host = "staff.example"
roles = ["staff"]
"#;
    let site = NginxSite::start(OF_A_HOST).await;
    let public = site.gets("/x", &[]);
    assert_eq!((public.status, site.arrived().len()), (200, 1));
    // nginx takes the host of the target before that of the field (RFC 9112, section 3.2.2), and so does the verdict.
    let answer = site.gets("http://staff.example/x", &[]);
    let _ = answer.expect_problem(401, "NOT_SIGNED_IN");
    assert_eq!(site.arrived(), []);
}

#[tokio::test]
async fn a_rule_for_a_port_speaks_for_the_port_that_was_connected_to() {
    const OF_A_PORT: &str = r#"
version = 1
[[route]]
path = "/**"
allow = "public"
[[route]]
path = "/**"
host = "staff.example:NGINX_PORT"
roles = ["staff"]
[[route]]
path = "/**"
host = "[::1]:NGINX_PORT"
roles = ["staff"]
"#;
    let site = NginxSite::start(OF_A_PORT).await;
    let port = site.address.port();
    let (public, staff) = (Ok(()), Err((401, "NOT_SIGNED_IN")));
    // Another port than that of the connection: nobody's word decides which rule is asked.
    let unclear = Err((400, "UNCLEAR_REQUEST"));
    let other_port = port ^ 1;
    for (target, host, becomes) in [
        ("/x", format!("staff.example:{port}"), staff),
        ("/x", format!("Staff.Example.:{port}"), staff),
        ("/x", format!("[::1]:{port}"), staff),
        ("/x", "staff.example".to_owned(), staff),
        ("/x", "staff.example.".to_owned(), staff),
        ("/x", "[::1]".to_owned(), staff),
        ("/x", format!("staff.example:{other_port}"), unclear),
        ("/x", format!("staff.example:0{port}"), unclear),
        ("/x", format!("staff.example:{port}0"), unclear),
        ("/x", format!("staff.example:{port}|"), unclear),
        ("/x", "staff.example:".to_owned(), unclear),
        ("/x", "staff.example:443".to_owned(), unclear),
        ("/x", format!("other.example:{port}"), public),
        ("/x", "other.example".to_owned(), public),
        // nginx takes the host of the target before that of the field, and no port of it.
        ("http://staff.example/x", "other.example".to_owned(), staff),
        (
            "http://staff.example:1/x",
            "other.example".to_owned(),
            staff,
        ),
        (
            "http://staff.example:1/x",
            format!("other.example:{port}"),
            staff,
        ),
        (
            "http://other.example/x",
            format!("staff.example:{port}"),
            public,
        ),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw::send(site.address, request.as_bytes()).expect("an answer");
        let arrived = site.arrived().len();
        match becomes {
            Ok(()) => assert_eq!((answer.status, arrived), (200, 1), "{target} at {host}"),
            Err((status, code)) => {
                assert_eq!((answer.status, arrived), (status, 0), "{target} at {host}");
                let _ = answer.expect_problem(status, code);
            }
        }
    }
}
