//! What nginx itself limits: how often, and from where.

use std::net::Ipv4Addr;

use edgeward_tests::{NginxSite, raw};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::POLICY;

/// What is asked of a zone, which lets so many requests in at once beyond the first and refuses the others; this is what the issuer
/// answers to those that get in.
struct Zone {
    name: &'static str,
    burst: usize,
    first_line: &'static str,
    /// Another one each time, because the issuer limits by name too.
    body: fn(usize) -> String,
    status: u16,
}

/// Sends more than get in, and waits for no answer before all are sent: however long the issuer takes, no turn comes back meanwhile but
/// those of the moment in which they are written.
async fn is_slowed_down(zone: Zone) {
    let site = NginxSite::start(POLICY).await;
    let host = site.address;
    let at_once = zone.burst + 1;
    let mut sent = Vec::new();
    for number in 0..at_once * 3 {
        let body = (zone.body)(number);
        let request = format!(
            "{} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            zone.first_line,
            body.len()
        );
        let mut stream = TcpStream::connect(host).await.expect("nginx listens");
        let written = stream.write_all(request.as_bytes()).await;
        written.expect("nginx reads");
        sent.push(stream);
    }
    let (mut got_in, mut limited) = (0, 0);
    for mut stream in sent {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let answer = raw::read(zone.first_line.as_bytes(), &bytes).expect("an answer");
        if answer.status != 429 {
            let _ = answer.expect(zone.status);
            got_in += 1;
            continue;
        }
        let answer = answer.expect_problem(429, "RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), Some("6"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        limited += 1;
    }
    assert!(got_in >= at_once, "{got_in} of {at_once} get in");
    let refused = format!("by zone \"{}\"", zone.name);
    let refusals = site.log().matches(&refused).count();
    assert!(limited > 0 && refusals == limited, "{limited}, {refusals}");
    let _ = site.browser().get("/").send().await.expect(200);
}

#[tokio::test]
async fn guessing_is_slowed_down_before_the_issuer_is_reached() {
    is_slowed_down(Zone {
        name: "edgeward_guesses",
        burst: 10,
        first_line: "POST /auth/login",
        body: |number| {
            let email = format!("n{number}@example.test");
            json!({ "email": email, "password": "Wrong-Horse-7-Battery" }).to_string()
        },
        status: 401,
    })
    .await;
}

#[tokio::test]
async fn everything_else_of_the_issuers_is_slowed_down_too() {
    is_slowed_down(Zone {
        name: "edgeward_issuer",
        burst: 40,
        first_line: "GET /auth/me",
        body: |_| String::new(),
        status: 401,
    })
    .await;
}

#[tokio::test]
async fn what_is_for_administrators_of_the_issuer_is_slowed_down_too() {
    is_slowed_down(Zone {
        name: "edgeward_issuer",
        burst: 40,
        first_line: "GET /auth/admin/users",
        body: |_| String::new(),
        status: 401,
    })
    .await;
}

#[tokio::test]
async fn administration_is_for_the_listed_networks() {
    // Everything that the policy may call a locale.
    let locales = r#"locales = ["de", "es-419", "zh-Hant-TW", "english", "1996"]"#;
    let policy = POLICY.replace(r#"locales = ["de"]"#, locales);
    let site = NginxSite::start(&policy).await;
    let root = site.person("root", &["admin"]).await;
    let cookie = format!("edgeward-access={}", root.access_token());
    let (listed, other) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2));
    for (target, from, status) in [
        ("/admin", listed, 200),
        ("/admin/users", other, 403),
        ("/admin", other, 403),
        ("/%61dmin", other, 403),
        ("/de/admin", other, 403),
        ("/es-419/admin", other, 403),
        ("/es-419/admin/users", other, 403),
        ("/%65s%2D419/%61dmin", other, 403),
        ("/zh-Hant-TW/admin", other, 403),
        ("/english/admin/", other, 403),
        ("/1996/admin", other, 403),
        ("/ES-419/Admin", other, 403),
        ("/app/../es-419/admin", other, 403),
        ("/es-419/admin", listed, 200),
        ("/zh-Hant-TW/admin/", listed, 200),
        ("/app/../admin", other, 403),
        ("/auth/admin/users", other, 403),
        // Answered by the issuer, which wants more than this cookie; as a page of the app's behind a locale it would be 403.
        ("/auth/admin/users", listed, 401),
        ("/files/admin", other, 404),
        ("/app", other, 200),
        ("/es-419/app", other, 200),
    ] {
        assert_eq!(
            site.status_from(from, target, &cookie).await,
            status,
            "{target} from {from}"
        );
    }
    let arrived: Vec<_> = site.arrived().into_iter().map(|seen| seen.target).collect();
    let expected = [
        "/admin",
        "/es-419/admin",
        "/zh-Hant-TW/admin/",
        "/app",
        "/es-419/app",
    ];
    assert_eq!(arrived, expected);
}
