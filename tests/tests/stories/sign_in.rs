//! Signing in, staying in, and getting out, over plain HTTP as a script would do it.

use edgeward_tests::world::PASSWORD;
use edgeward_tests::{World, days, minutes};
use serde_json::{Value, json};

#[tokio::test]
async fn a_script_signs_in_reads_refreshes_and_signs_out() {
    let world = World::start().await;
    let ada = world.user("ada").await;

    let answer = ada.log_in().await;
    assert_eq!(answer.text("/user/email"), "ada@example.test");
    assert_eq!(answer.text("/user/firstName"), "ada");
    assert_eq!(answer.json().pointer("/expiresIn"), Some(&json!(600)));
    assert!(
        !answer.body.contains(&ada.access_token()),
        "a token in a cookie is in no body"
    );

    let page = ada.navigate("/app").send().await.expect(200);
    assert!(
        page.body.contains("ada Example"),
        "the page says who: {}",
        page.body
    );
    let _ = ada
        .get("/admin")
        .send()
        .await
        .expect_problem(403, "INSUFFICIENT_ROLE");

    let before = ada.access_token();
    world.wait(minutes(2));
    let answer = ada.refresh().await.expect(200);
    assert_eq!(answer.json().pointer("/expiresIn"), Some(&json!(600)));
    assert_ne!(ada.access_token(), before);
    let _ = ada.get("/api/echo").send().await.expect(200);

    let answer = ada.log_out().await;
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    assert_eq!(
        answer.header("clear-site-data"),
        Some("\"cache\", \"storage\"")
    );
    let _ = ada
        .navigate("/app")
        .send()
        .await
        .expect_redirect("/login?returnTo=%2Fapp");
    let _ = ada
        .get("/api/echo")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    let _ = ada.get("/auth/me").send().await.expect(401);
}

#[tokio::test]
async fn every_cookie_arrives_as_a_field_of_its_own() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let answer = ada.log_in().await;
    let names: Vec<_> = answer
        .set_cookies()
        .iter()
        .filter_map(|field| field.split('=').next())
        .map(str::to_owned)
        .collect();
    for name in [
        "edgeward-session",
        "edgeward-access",
        "edgeward-refresh",
        "edgeward-csrf",
        "edgeward-device",
    ] {
        assert_eq!(
            names.iter().filter(|found| *found == name).count(),
            1,
            "{name} in {names:?}"
        );
    }
    for end in ["session", "access", "refresh", "device"] {
        let cookie = ada.cookie(end).unwrap();
        assert!(
            cookie.http_only && !cookie.secure && cookie.domain.is_none(),
            "{end}: {cookie:?}"
        );
    }
    let answer = ada.log_out().await;
    assert!(
        answer.set_cookies().len() >= 4,
        "each cookie is expired by name: {:?}",
        answer.set_cookies()
    );
    assert_eq!(
        ada.cookie("session")
            .or(ada.cookie("access"))
            .or(ada.cookie("refresh")),
        None
    );
}

#[tokio::test]
async fn somebody_new_registers_and_is_in() {
    let world = World::start().await;
    let browser = world.browser();
    let details = json!({ "email": "new@example.test", "password": PASSWORD, "firstName": "Nora", "lastName": "New" });
    let answer = browser
        .post("/auth/register")
        .json(&details)
        .send()
        .await
        .expect(201);
    assert_eq!(answer.text("/user/firstName"), "Nora");
    let page = browser.navigate("/app").send().await.expect(200);
    assert!(page.body.contains("Nora New"), "{}", page.body);
    let again = world
        .browser()
        .post("/auth/register")
        .json(&details)
        .send()
        .await;
    let _ = again.expect_problem(409, "EMAIL_TAKEN");
}

#[tokio::test]
async fn an_access_token_ends_after_ten_minutes_and_a_leeway_and_a_refresh_brings_another() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let token = ada.access_token();

    world.wait(minutes(9));
    let _ = ada.get("/api/echo").bearer(&token).send().await.expect(200);
    world.wait(minutes(2));
    let answer = ada
        .get("/api/echo")
        .bearer(&token)
        .send()
        .await
        .expect_problem(401, "TOKEN_EXPIRED");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"invalid_token\""),
        "{challenge}"
    );

    let _ = ada.get("/auth/verify-token").send().await.expect(401);
    let _ = ada.refresh().await.expect(200);
    let _ = ada.get("/auth/verify-token").send().await.expect(204);
    let _ = ada.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_that_nobody_uses_ends_after_two_weeks() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let spent = ada.cookie("refresh").unwrap().value;
    world.wait(days(15));
    // A browser has dropped the cookie by now; somebody who kept its value has nothing.
    let _ = ada.get("/auth/csrf").send().await.expect(200);
    let csrf = ada.cookie("csrf").unwrap().value;
    let cookies = format!("edgeward-refresh={spent}; edgeward-csrf={csrf}");
    let late = ada
        .post("/auth/refresh")
        .without_cookies()
        .header("cookie", &cookies)
        .header("x-csrf-token", &csrf);
    let answer = late.send().await;
    assert!(matches!(answer.status, 401 | 403), "{answer:?}");
}

#[tokio::test]
async fn a_navigation_comes_back_to_where_it_was_going() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let answer = ada.navigate("/app?tab=2&x=%2F").send().await;
    let _ = answer.expect_redirect("/login?returnTo=%2Fapp%3Ftab%3D2%26x%3D%252F");
    let page = ada
        .navigate("/login?returnTo=%2Fapp%3Ftab%3D2")
        .send()
        .await
        .expect(200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let csrf = form_field(&page.body, "csrf_token");
    let back = form_field(&page.body, "returnTo");

    let form = [
        ("email", ada.email.as_str()),
        ("password", PASSWORD),
        ("returnTo", &back),
        ("csrf_token", &csrf),
    ];
    let _ = ada
        .post("/auth/login")
        .form(&form)
        .send()
        .await
        .expect_redirect("/app?tab=2");
    let _ = ada.navigate("/app").send().await.expect(200);
    let _ = ada.navigate("/login").send().await.expect_redirect("/app");
    let _ = ada
        .navigate("/register")
        .send()
        .await
        .expect_redirect("/app");
}

#[tokio::test]
async fn a_return_to_another_site_is_forgotten() {
    let world = World::start().await;
    for elsewhere in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "javascript%3Aalert(1)",
    ] {
        let ada = world.browser();
        let page = ada
            .navigate(&format!("/login?returnTo={elsewhere}"))
            .send()
            .await
            .expect(200);
        assert!(
            !page.body.contains("evil.example") && !page.body.contains("javascript:"),
            "{elsewhere}: {}",
            page.body
        );
    }
}

#[tokio::test]
async fn a_wrong_password_says_no_more_than_an_unknown_address() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let attempt = async |email: &str| {
        let credentials = json!({ "email": email, "password": "Wrong-Horse-7-Battery" });
        world
            .browser()
            .post("/auth/login")
            .json(&credentials)
            .send()
            .await
            .expect_problem(401, "INVALID_CREDENTIALS")
    };
    let (known, unknown) = (
        attempt(&ada.email).await,
        attempt("nobody@example.test").await,
    );
    let without_id = |body: Value| {
        let mut members = body.as_object().cloned().unwrap();
        members.remove("requestId");
        members
    };
    assert_eq!(without_id(known.json()), without_id(unknown.json()));
    assert!(
        known
            .set_cookies()
            .iter()
            .all(|field| !field.contains("access=ey")),
        "{:?}",
        known.set_cookies()
    );
}

#[tokio::test]
async fn signing_out_everywhere_ends_the_other_browser_too() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let ada_on_the_phone = ada.at(world.browser());
    ada.log_in().await;
    ada_on_the_phone.log_in().await;

    let sessions = ada.get("/auth/sessions").send().await.expect(200).json();
    let sessions = sessions
        .pointer("/sessions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let current = sessions
        .iter()
        .filter(|session| session.pointer("/current") == Some(&json!(true)))
        .count();
    assert_eq!(current, 1, "{sessions:?}");

    let answer = ada.post("/auth/logout-all").with_csrf().send().await;
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    let _ = ada_on_the_phone.refresh().await.expect(401);
    let _ = ada_on_the_phone.get("/auth/me").send().await.expect(401);
}

#[tokio::test]
async fn without_the_anti_forgery_token_nothing_is_changed() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    for path in ["/auth/logout", "/auth/logout-all", "/auth/refresh"] {
        let _ = ada
            .post(path)
            .send()
            .await
            .expect_problem(403, "CSRF_INVALID");
        let _ = ada
            .post(path)
            .header("x-csrf-token", "c1.1.x.y")
            .send()
            .await
            .expect_problem(403, "CSRF_INVALID");
        let foreign = ada
            .post(path)
            .with_csrf()
            .instead("origin", "https://evil.example");
        let answer = foreign.instead("sec-fetch-site", "cross-site").send().await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    let _ = ada.get("/auth/me").send().await.expect(200);
    let _ = ada.refresh().await.expect(200);
}

#[tokio::test]
async fn an_admin_gets_in_where_a_user_does_not() {
    let world = World::start().await;
    let (ada, root) = (world.user("ada").await, world.admin("root").await);
    ada.log_in().await;
    root.log_in().await;
    let _ = ada.get("/admin").send().await.expect(403);
    let page = root.navigate("/admin").send().await.expect(200);
    assert!(page.body.contains("Admin area"), "{}", page.body);
    assert_eq!(page.header("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn what_speaks_of_authentication_is_never_stored() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let mut answers = vec![ada.log_in().await];
    for path in [
        "/auth/me",
        "/auth/csrf",
        "/auth/sessions",
        "/auth/verify-token",
        "/auth/nothing",
    ] {
        answers.push(ada.get(path).send().await);
    }
    answers.push(world.browser().navigate("/login").send().await);
    answers.push(world.browser().get("/api/echo").send().await);
    answers.push(ada.log_out().await);
    for answer in answers {
        let cache = answer.header("cache-control").unwrap_or_default();
        assert!(cache.contains("no-store"), "{}: {cache}", answer.asked);
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{}",
            answer.asked
        );
        assert_eq!(
            answer.header("x-frame-options"),
            Some("DENY"),
            "{}",
            answer.asked
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{}",
            answer.asked
        );
        assert!(
            answer
                .header("x-request-id")
                .is_some_and(|id| !id.is_empty()),
            "{}",
            answer.asked
        );
    }
}

/// The value of a hidden field of a page of ours.
fn form_field(page: &str, name: &str) -> String {
    let tag = page
        .split('<')
        .find(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")));
    let value = tag
        .and_then(|tag| tag.split("value=\"").nth(1))
        .and_then(|rest| rest.split('"').next());
    value
        .unwrap_or_else(|| panic!("no field {name} in {page}"))
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}
