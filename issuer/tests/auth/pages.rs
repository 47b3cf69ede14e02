//! The pages and their forms, without scripts.

use crate::{
    account::says,
    desk::{Answer, Desk, EMAIL, PASSWORD},
    scripts::scripts_of,
};

fn is_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
        "{policy}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let scripts = scripts_of(answer);
    assert!(
        scripts.iter().all(|script| script == "once.js"),
        "{scripts:?}"
    );
    assert!(!answer.body.contains("style="), "{}", answer.body);
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_forms_work_without_scripts() {
    let desk = Desk::open().await;
    let mut browser = desk.browser();
    let page = browser
        .get("/register?returnTo=%2Fapp%3Ftab%3D1")
        .send()
        .await
        .expect(200);
    is_page(&page);
    let token = hidden(&page.body, "csrf_token");
    let place = hidden(&page.body, "returnTo");
    let answer = browser
        .post("/auth/register")
        .form(&[
            ("csrf_token", &token),
            ("returnTo", &place),
            ("email", EMAIL),
            ("password", PASSWORD),
            ("firstName", "Ada"),
            ("lastName", "Lovelace"),
        ])
        .header("origin", "null")
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), "/app?tab=1");
    browser.get("/auth/me").send().await.expect(200);

    let page = browser.get("/account/sign-out").send().await.expect(200);
    is_page(&page);
    let token = hidden(&page.body, "csrf_token");
    // Without the token nothing has ended, and the page says so.
    let again = browser
        .post("/auth/logout")
        .form(&[("returnTo", "/app?tab=\"2\"")])
        .send()
        .await;
    let again = again.expect(403);
    is_page(&again);
    says(&again, "<title>Error: Sign out? – Edgeward</title>");
    says(&again, "id=\"error\">This page was open for too long");
    says(&again, "name=\"returnTo\" value=\"/app?tab=&#34;2&#34;\"");
    browser.get("/auth/me").send().await.expect(200);
    let answer = browser
        .post("/auth/logout")
        .form(&[("csrf_token", &token)])
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), "/");
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    browser
        .get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");

    let page = browser.get("/login").send().await.expect(200);
    is_page(&page);
    let token = hidden(&page.body, "csrf_token");
    let answer = browser
        .post("/auth/login")
        .form(&[
            ("csrf_token", &token),
            ("email", EMAIL),
            ("password", PASSWORD),
        ])
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), "/login");
    browser.get("/auth/me").send().await.expect(200);
}

#[tokio::test]
async fn a_refused_form_comes_back_with_what_was_typed() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let typed = [
        ("email", "a\"<b>@example.test"),
        ("password", "Wrong-Horse-7"),
        ("returnTo", "/app"),
    ];
    let answer = browser
        .post("/auth/login")
        .form(&typed)
        .with_csrf()
        .send()
        .await
        .expect(401);
    is_page(&answer);
    assert!(answer.body.contains("role=\"alert\""), "{}", answer.body);
    assert!(
        answer
            .body
            .contains("The e-mail address or the password is wrong."),
        "{}",
        answer.body
    );
    assert!(
        !answer.body.contains("<b>@") && !answer.body.contains("Wrong-Horse-7"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("@example.test"), "{}", answer.body);
    assert_eq!(hidden(&answer.body, "returnTo"), "/app");

    // The token of the page that came back is good.
    let token = hidden(&answer.body, "csrf_token");
    let typed = [
        ("csrf_token", token.as_str()),
        ("email", EMAIL),
        ("password", PASSWORD),
        ("returnTo", "/app"),
    ];
    let answer = browser
        .post("/auth/login")
        .form(&typed)
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), "/app");

    let typed = [
        ("email", "new@example.test"),
        ("password", "short"),
        ("firstName", "Ada"),
        ("lastName", "L"),
    ];
    let answer = browser
        .post("/auth/register")
        .form(&typed)
        .with_csrf()
        .send()
        .await
        .expect(422);
    is_page(&answer);
    assert!(
        answer.body.contains("at least 12 characters"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("value=\"Ada\"") && answer.body.contains("new@example.test"));
}

#[tokio::test]
async fn a_form_without_its_token_comes_back_with_a_good_one() {
    let (desk, mut browser) = Desk::with_ada().await;
    let typed = [("email", EMAIL), ("password", PASSWORD)];
    let answer = browser
        .post("/auth/login")
        .form(&typed)
        .send()
        .await
        .expect(403);
    is_page(&answer);
    assert!(answer.body.contains("open for too long"), "{}", answer.body);
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
    let token = hidden(&answer.body, "csrf_token");
    let typed = [
        ("email", EMAIL),
        ("password", PASSWORD),
        ("csrf_token", &token),
    ];
    browser
        .post("/auth/login")
        .form(&typed)
        .send()
        .await
        .expect(303);
}

#[tokio::test]
async fn a_form_leads_nowhere_else() {
    for place in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/login",
        "",
    ] {
        let (_desk, mut browser) = Desk::with_ada().await;
        let typed = [
            ("email", EMAIL),
            ("password", PASSWORD),
            ("returnTo", place),
        ];
        let answer = browser
            .post("/auth/login")
            .form(&typed)
            .with_csrf()
            .send()
            .await
            .expect(303);
        assert_eq!(answer.header("location"), "/login", "{place}");
    }
}

#[tokio::test]
async fn a_form_field_that_occurs_twice_is_a_message_and_not_a_sign_in() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let typed = [("email", EMAIL), ("email", EMAIL), ("password", PASSWORD)];
    let answer = browser
        .post("/auth/login")
        .form(&typed)
        .with_csrf()
        .send()
        .await
        .expect(400);
    is_page(&answer);
}

#[tokio::test]
async fn a_page_for_two_credentials_is_a_message() {
    let desk = Desk::open().await;
    for path in ["/login", "/register", "/account/sign-out"] {
        let mut browser = desk.browser();
        let ask = browser
            .get(path)
            .header("cookie", "edgeward-session=a; edgeward-session=b");
        let answer = ask.send().await.expect(400);
        is_page(&answer);
        assert!(
            answer.body.contains("two sign-ins at once"),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn the_style_sheet_may_be_kept() {
    let desk = Desk::open().await;
    let answer = desk
        .browser()
        .get("/auth/assets/pages.css")
        .send()
        .await
        .expect(200);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
}
