//! Requests that another page makes a browser send.

use axum::http::Method;
use serde_json::json;

use crate::desk::{Browser, Desk, EMAIL, PASSWORD, SITE};

const LOGOUT: &str = "/auth/logout";

#[tokio::test]
async fn what_a_signed_in_request_must_bring() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let good = browser.clone().csrf_token().await;
    let mut other = desk.browser();
    let anonymous = other.csrf_token().await;
    other.log_in(EMAIL).await;
    let others = other.csrf_token().await;
    let mut mangled = good.clone();
    mangled.replace_range(5..6, if &good[5..6] == "A" { "B" } else { "A" });

    /// What is sent besides the cookies, and what the CSRF cookie is, if not her own.
    type Row<'a> = (
        &'a str,
        Vec<(&'a str, &'a str)>,
        Option<&'a str>,
        (u16, &'a str),
    );
    const INVALID: (u16, &str) = (403, "CSRF_INVALID");
    const REFUSED: (u16, &str) = (403, "ORIGIN_REFUSED");
    const PASSES: (u16, &str) = (204, "");
    let rows: Vec<Row<'_>> = vec![
        ("no token", vec![], None, INVALID),
        (
            "no token, our origin",
            vec![("origin", SITE), ("sec-fetch-site", "same-origin")],
            None,
            INVALID,
        ),
        ("an empty token", vec![("x-csrf-token", "")], None, INVALID),
        (
            "a mangled token",
            vec![("x-csrf-token", &mangled)],
            None,
            INVALID,
        ),
        (
            "a mangled token in both places",
            vec![("x-csrf-token", &mangled)],
            Some(&mangled),
            INVALID,
        ),
        (
            "another session's token in both places",
            vec![("x-csrf-token", &others)],
            Some(&others),
            INVALID,
        ),
        (
            "a token from before the sign-in in both places",
            vec![("x-csrf-token", &anonymous)],
            Some(&anonymous),
            INVALID,
        ),
        (
            "the token twice",
            vec![("x-csrf-token", &good), ("x-csrf-token", &good)],
            None,
            INVALID,
        ),
        (
            "the token without its cookie",
            vec![("x-csrf-token", &good)],
            Some(""),
            INVALID,
        ),
        (
            "the token and a foreign origin",
            vec![("x-csrf-token", &good), ("origin", "https://evil.example")],
            None,
            REFUSED,
        ),
        (
            "the token and a subdomain",
            vec![
                ("x-csrf-token", &good),
                ("origin", "http://a.127.0.0.1:8787"),
            ],
            None,
            REFUSED,
        ),
        (
            "the token and another port",
            vec![("x-csrf-token", &good), ("origin", "http://127.0.0.1:8788")],
            None,
            REFUSED,
        ),
        (
            "the token and a hidden origin",
            vec![("x-csrf-token", &good), ("origin", "null")],
            None,
            REFUSED,
        ),
        (
            "the token and a foreign site",
            vec![("x-csrf-token", &good), ("sec-fetch-site", "cross-site")],
            None,
            REFUSED,
        ),
        (
            "a hidden origin of our page without token",
            vec![("origin", "null"), ("sec-fetch-site", "same-origin")],
            None,
            INVALID,
        ),
        (
            "authorization besides, no token",
            vec![("authorization", "Basic eDp5")],
            None,
            INVALID,
        ),
        (
            "a hidden origin of our page",
            vec![
                ("x-csrf-token", &good),
                ("origin", "null"),
                ("sec-fetch-site", "same-origin"),
            ],
            None,
            PASSES,
        ),
        (
            "the token and our origin",
            vec![
                ("x-csrf-token", &good),
                ("origin", SITE),
                ("sec-fetch-site", "same-origin"),
            ],
            None,
            PASSES,
        ),
    ];
    for (what, headers, csrf_cookie, (status, code)) in rows {
        let mut tab = browser.clone();
        match csrf_cookie {
            Some("") => tab.forget("csrf"),
            Some(value) => tab.set_cookie("csrf", value),
            None => {}
        }
        let mut ask = tab.post(LOGOUT);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let answer = ask.send().await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        let live = desk
            .number("SELECT count(*) FROM families WHERE revoked_reason = 'signed-out'")
            .await;
        if status == 204 {
            assert!(live > 0, "{what}");
        } else {
            assert_eq!(answer.json()["code"], code, "{what}");
            assert_eq!(live, 0, "{what}");
        }
    }
}

#[tokio::test]
async fn a_token_belongs_to_its_browser() {
    let (_desk, mut browser) = Desk::with_ada_signed_in().await;
    let token = browser.csrf_token().await;
    browser.user_agent = "curl/8.5.0";
    let answer = browser
        .post(LOGOUT)
        .header("x-csrf-token", &token)
        .send()
        .await;
    answer.expect_problem(403, "CSRF_INVALID");
}

#[tokio::test]
async fn a_token_outlives_the_session_cookie_of_its_session() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let token = browser.csrf_token().await;
    desk.wait(3600).await;
    let answer = browser
        .post("/auth/refresh")
        .header("x-csrf-token", &token)
        .send()
        .await;
    let _ = answer.expect(200);
}

#[tokio::test]
async fn two_tabs_share_a_token() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let first = browser.csrf_token().await;
    let second = browser.csrf_token().await;
    assert_eq!(first, second, "a form that is open already stays good");
    browser.set_cookie("csrf", "c1.0.AAAAAAAAAAAAAAAAAAAAAA.forged");
    assert_ne!(
        browser.csrf_token().await,
        first,
        "what is not good is replaced"
    );
}

/// Every unsafe resource of the issuer; a new one belongs here.
pub(crate) const UNSAFE: [(Method, &str); 15] = [
    (Method::POST, "/auth/register"),
    (Method::POST, "/auth/login"),
    (Method::POST, "/auth/refresh"),
    (Method::POST, "/auth/logout"),
    (Method::POST, "/auth/logout-all"),
    (Method::POST, "/auth/password"),
    (Method::POST, "/auth/password/forgot"),
    (Method::POST, "/auth/password/reset"),
    (Method::POST, "/auth/register/confirm"),
    (Method::POST, "/auth/step-up"),
    (
        Method::DELETE,
        "/auth/sessions/00000000-0000-7000-8000-000000000000",
    ),
    (
        Method::PUT,
        "/auth/admin/users/00000000-0000-7000-8000-000000000000/roles",
    ),
    (
        Method::POST,
        "/auth/admin/users/00000000-0000-7000-8000-000000000000/unlock",
    ),
    (
        Method::DELETE,
        "/auth/admin/users/00000000-0000-7000-8000-000000000000/sessions",
    ),
    (
        Method::DELETE,
        "/auth/admin/users/00000000-0000-7000-8000-000000000000/sessions/00000000-0000-7000-8000-000000000001",
    ),
];

#[tokio::test]
async fn every_unsafe_resource_refuses_a_foreign_page() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut stranger = desk.browser();
    let acts = desk.acts().await.len();
    for (method, path) in UNSAFE {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ] {
            for who in [&mut browser, &mut stranger] {
                let credentials = json!({ "email": "eve@example.test", "password": PASSWORD });
                let ask = who
                    .ask(method.clone(), path)
                    .header(name, value)
                    .json(&credentials);
                ask.with_csrf()
                    .send()
                    .await
                    .expect_problem(403, "ORIGIN_REFUSED");
            }
        }
        let answer = browser.ask(method.clone(), path).send().await;
        answer.expect_problem(403, "CSRF_INVALID");
    }
    assert_eq!(desk.acts().await.len(), acts, "nothing was done");
}

#[tokio::test]
async fn the_description_names_every_unsafe_resource() {
    let described: serde_json::Value =
        serde_json::from_str(&edgeward_issuer::http::openapi::json().unwrap()).unwrap();
    let mut found = Vec::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            if method != "get" {
                found.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    let mut listed: Vec<(String, String)> = UNSAFE
        .iter()
        .map(|(method, path)| {
            let path = path.replace("00000000-0000-7000-8000-000000000000", "{id}");
            let path = path.replace("00000000-0000-7000-8000-000000000001", "{sid}");
            (method.to_string(), path)
        })
        .collect();
    found.sort();
    listed.sort();
    assert_eq!(found, listed);
}

async fn log_in(browser: &mut Browser, headers: &[(&str, &str)]) -> u16 {
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let mut ask = browser.post("/auth/login").json(&body);
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.send().await.status
}

#[tokio::test]
async fn a_json_sign_in_without_our_cookies_needs_no_token() {
    let (desk, _) = Desk::with_ada().await;
    for (headers, status) in [
        (vec![], 200),
        (vec![("origin", SITE)], 200),
        (
            vec![("origin", SITE), ("sec-fetch-site", "same-origin")],
            200,
        ),
        (
            vec![("origin", "null"), ("sec-fetch-site", "same-origin")],
            403,
        ),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
    ] {
        assert_eq!(
            log_in(&mut desk.browser(), &headers).await,
            status,
            "{headers:?}"
        );
    }
    // With any of our credentials, live or dead, it acts for somebody.
    for purpose in ["session", "access", "refresh"] {
        let mut browser = desk.browser();
        browser.set_cookie(purpose, "stale");
        assert_eq!(log_in(&mut browser, &[]).await, 403, "{purpose}");
        browser.log_in(EMAIL).await;
    }
}

#[tokio::test]
async fn what_a_foreign_form_can_send_is_no_json() {
    let (desk, _) = Desk::with_ada().await;
    let body = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\",\"x\":\"=\"}}");
    for content_type in [
        "text/plain",
        "text/plain; charset=application/json",
        "multipart/form-data; boundary=x",
    ] {
        let answer = desk
            .browser()
            .post("/auth/login")
            .raw(content_type, &body)
            .send()
            .await;
        answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
}

#[tokio::test]
async fn json_that_says_it_is_a_form_is_told_so_and_gets_no_further_than_a_form() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let log_in = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
    for body in [log_in.as_str(), " \r\n{}", "[1]"] {
        let mut stranger = desk.browser();
        let answer = stranger.post("/auth/login").raw(FORM, body).send().await;
        answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    // The origin is judged before anything is read.
    let mut stranger = desk.browser();
    let ask = stranger.post("/auth/login").raw(FORM, &log_in);
    let foreign = ask.header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.status, 403, "{}", foreign.body);
    // With somebody's cookies nothing is done, with the right token or without.
    let token = browser.clone().csrf_token().await;
    for header in [None, Some(token.as_str())] {
        let mut tab = browser.clone();
        let mut ask = tab.post(LOGOUT).raw(FORM, "{\"csrf_token\":\"x\"}");
        if let Some(token) = header {
            ask = ask.header("x-csrf-token", token);
        }
        let answer = ask.send().await;
        answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    browser.clone().get("/auth/me").send().await.expect(200);
    // What a browser makes of such a name is a form, and wants a token.
    let mut tab = browser.clone();
    let answer = tab
        .post(LOGOUT)
        .raw(FORM, "%7B%22a%22%3A1%7D=")
        .send()
        .await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 1);
}

#[tokio::test]
async fn a_bearer_needs_no_token_and_no_cookie_replaces_it() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let bearer = format!("Bearer {}", browser.cookie("access"));
    let mut program = desk.browser();
    let others = json!({ "exceptCurrent": true });
    let ask = program
        .post("/auth/logout-all")
        .json(&others)
        .header("authorization", &bearer);
    ask.send().await.expect(204);
    // The same with the cookies besides is a browser's request.
    let mut tab = browser.clone();
    let ask = tab
        .post("/auth/logout-all")
        .json(&others)
        .header("authorization", &bearer);
    ask.send().await.expect_problem(403, "CSRF_INVALID");
}

#[tokio::test]
async fn two_credentials_are_none() {
    let (_desk, browser) = Desk::with_ada_signed_in().await;
    let token = browser.clone().csrf_token().await;
    for cookie in [
        "edgeward-session=x",
        "edgeward-refresh=x",
        "edgeward-access=x",
        "edgeward-csrf=x",
        "Edgeward-Session=x",
    ] {
        let mut tab = browser.clone();
        let ask = tab
            .post(LOGOUT)
            .header("cookie", cookie)
            .header("x-csrf-token", &token);
        ask.send()
            .await
            .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
        let ask = tab.get("/auth/me").header("cookie", cookie);
        ask.send()
            .await
            .expect_problem(400, "AMBIGUOUS_CREDENTIALS");
    }
}
