//! Registering and signing in.

use edgeward_core::{
    cookie::Environment,
    token::{self, Audiences, Expectations, TokenType},
};
use serde_json::{Value, json};

use crate::desk::{Desk, EMAIL, PASSWORD, SITE};

fn registration() -> Value {
    json!({ "email": " Grace@Example.TEST ", "password": PASSWORD, "firstName": "Grace", "lastName": "Hopper" })
}

#[tokio::test]
async fn registering_signs_in() {
    let desk = Desk::open().await;
    let mut browser = desk.browser();
    let answer = browser
        .post("/auth/register")
        .json(&registration())
        .send()
        .await
        .expect(201);
    let user = answer.json()["user"].clone();
    assert_eq!(
        answer.json(),
        json!({ "user": { "id": user["id"], "email": "grace@example.test", "firstName": "Grace",
                "lastName": "Hopper", "roles": [] }, "expiresIn": 600 })
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let me = browser.get("/auth/me").send().await.expect(200);
    assert_eq!(me.json()["user"], user);
    assert_eq!(
        desk.acts().await,
        ["account.register done", "session.sign-in done"]
    );
}

#[tokio::test]
async fn signing_in_answers_the_user_and_sets_five_cookies() {
    let (_desk, mut browser) = Desk::with_ada().await;
    let answer = browser
        .post("/auth/login")
        .json(&json!({ "email": "ADA@example.test", "password": PASSWORD }))
        .send()
        .await
        .expect(200);
    let body = answer.json();
    assert_eq!(body["user"]["email"], EMAIL);
    assert_eq!(body["user"]["roles"], json!(["editor"]));
    assert_eq!(body["expiresIn"], 600);
    assert!(body.get("accessToken").is_none() && body.get("refreshToken").is_none());
    let names: Vec<&String> = browser.jar.keys().collect();
    assert_eq!(
        names,
        [
            "edgeward-access",
            "edgeward-csrf",
            "edgeward-device",
            "edgeward-refresh",
            "edgeward-session"
        ]
    );
}

#[tokio::test]
async fn the_access_token_says_what_the_database_says() {
    let (desk, browser) = Desk::with_ada_signed_in().await;
    let now = desk.app.clock.now();
    let audience = Audiences::OneOf(vec![desk.app.config.issuer.audience.clone()]);
    let expect = Expectations::new(SITE, audience, TokenType::Access);
    let keys = desk.app.keyring.public_keys();
    let verified = token::verify(&browser.cookie("access"), &keys, &expect, now).unwrap();
    let claims = verified.claims();
    assert_eq!(claims.roles(), ["editor"]);
    assert_eq!(claims.email(), Some(EMAIL));
    assert_eq!(claims.name(), Some("Ada Lovelace"));
    assert_eq!(claims.client_id(), Some("edgeward-web"));
    assert_eq!(claims.amr(), ["pwd"]);
    assert_eq!(claims.acr(), Some("aal1"));
    assert_eq!(claims.sequence(), Some(0));
    assert_eq!(claims.scopes().count(), 0);
    assert!(!claims.is_machine() && claims.token_id().is_some() && claims.auth_time().is_some());
    assert!(claims.expires_at().seconds_since(now) <= 600);
    let sid = browser
        .cookie("refresh")
        .split('.')
        .nth(1)
        .map(str::to_owned);
    assert_eq!(claims.session_id().map(str::to_owned), sid);
}

#[tokio::test]
async fn every_wrong_sign_in_gets_the_same_answer() {
    let (desk, mut browser) = Desk::with_ada().await;
    let long = "x".repeat(300);
    let rows = [
        (EMAIL, "Wrong-Horse-7"),
        (EMAIL, ""),
        (EMAIL, "correct-horse-7"),
        (EMAIL, &long),
        ("nobody@example.test", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        ("ada@example.test' OR '1'='1", PASSWORD),
    ];
    let (mut answers, mut lefts) = (Vec::new(), Vec::new());
    for (email, password) in rows {
        let body = json!({ "email": email, "password": password });
        let answer = browser.post("/auth/login").json(&body).send().await;
        let answer = answer.expect_problem(401, "INVALID_CREDENTIALS");
        assert!(answer.set_cookies().is_empty(), "{email}");
        let mut body = answer.json();
        let left = body.as_object_mut().unwrap().remove("attemptsLeft");
        // Four of the eight names are the same one.
        lefts.push(left.unwrap().as_u64().unwrap());
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(lefts, [4, 3, 2, 1, 4, 4, 4, 4]);
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
    let acts = desk.acts().await;
    let refused = |reason: &str| {
        let line = format!("session.sign-in refused {reason}");
        acts.iter().filter(|act| **act == line).count()
    };
    assert_eq!((refused("wrong-password"), refused("unknown-user")), (4, 4));
}

#[tokio::test]
async fn a_refused_registration_makes_no_account() {
    let (desk, mut browser) = Desk::with_ada().await;
    let with = |name: &str, value: &str| {
        let mut body = registration();
        body[name] = json!(value);
        body
    };
    let long = "x".repeat(101);
    let rows = [
        (with("email", EMAIL), 409, "EMAIL_TAKEN", ""),
        (with("email", "\tADA@Example.test"), 409, "EMAIL_TAKEN", ""),
        (with("email", "grace"), 422, "VALIDATION_FAILED", "email"),
        (
            with("email", "grace@example.test\0"),
            422,
            "VALIDATION_FAILED",
            "email",
        ),
        (
            with("firstName", "Gr\u{7}ace"),
            422,
            "VALIDATION_FAILED",
            "firstName",
        ),
        (
            with("lastName", &long),
            422,
            "VALIDATION_FAILED",
            "lastName",
        ),
        (
            with("password", "short"),
            422,
            "WEAK_PASSWORD",
            "at least 12 characters",
        ),
        (
            with("password", "correct-horse-7"),
            422,
            "WEAK_PASSWORD",
            "an upper-case letter",
        ),
        (
            with("password", &format!("Aa1-{}", "x".repeat(300))),
            422,
            "WEAK_PASSWORD",
            "at most 256",
        ),
    ];
    for (body, status, code, detail) in rows {
        let answer = browser.post("/auth/register").json(&body).send().await;
        let answer = answer.expect_problem(status, code);
        let said = answer.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(said.contains(detail), "{said}");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(desk.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
}

#[tokio::test]
async fn nobody_registers_with_a_role() {
    let desk = Desk::open().await;
    let mut body = registration();
    body["roles"] = json!(["admin"]);
    let answer = desk
        .browser()
        .post("/auth/register")
        .json(&body)
        .send()
        .await
        .expect(400);
    assert_eq!(answer.json()["code"], "MALFORMED_BODY");
    assert_eq!(desk.number("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn a_body_is_read_strictly() {
    let (desk, mut browser) = Desk::with_ada().await;
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(70_000));
    let rows: [(&str, &str, u16, &str); 14] = [
        (
            "application/json",
            " [\"a@b.c\", \"x\"]",
            400,
            "MALFORMED_BODY",
        ),
        ("application/json", "{", 400, "MALFORMED_BODY"),
        ("application/json", "[]", 400, "MALFORMED_BODY"),
        ("application/json", "null", 400, "MALFORMED_BODY"),
        (
            "application/json",
            "{\"email\":\"a@b.c\"}",
            400,
            "MALFORMED_BODY",
        ),
        (
            "application/json",
            "{\"email\":1,\"password\":\"x\"}",
            400,
            "MALFORMED_BODY",
        ),
        (
            "application/json",
            "{\"email\":\"a@b.c\",\"password\":[\"x\"]}",
            400,
            "MALFORMED_BODY",
        ),
        (
            "application/json",
            "{\"email\":\"a@b.c\",\"email\":\"a@b.c\",\"password\":\"x\"}",
            400,
            "MALFORMED_BODY",
        ),
        (
            "application/json",
            "{\"email\":\"a@b.c\",\"password\":\"x\",\"tokenMode\":\"header\"}",
            400,
            "MALFORMED_BODY",
        ),
        ("application/json", "\u{1}", 400, "MALFORMED_BODY"),
        ("application/json", "", 400, "MALFORMED_BODY"),
        (
            "text/plain",
            "{\"email\":\"a@b.c\",\"password\":\"x\"}",
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        ("multipart/form-data", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json", &large, 413, "BODY_TOO_LARGE"),
    ];
    for (content_type, body, status, code) in rows {
        let answer = browser
            .post("/auth/login")
            .raw(content_type, body)
            .send()
            .await;
        let answer = answer.expect_problem(status, code);
        assert!(
            !answer.body.contains("a@b.c"),
            "no value comes back: {}",
            answer.body
        );
    }
    assert!(desk.acts().await.iter().all(|act| !act.contains("sign-in")));
}

#[tokio::test]
async fn no_credential_survives_a_sign_in() {
    let (desk, mut browser) = Desk::with_ada().await;
    // Planted before: must not become Ada's session.
    browser.set_cookie("session", "planted-by-somebody-else");
    browser.log_in(EMAIL).await;
    let before = browser.clone();
    assert_ne!(browser.cookie("session"), "planted-by-somebody-else");

    browser.log_in(EMAIL).await;
    for purpose in ["session", "access", "refresh", "csrf"] {
        assert_ne!(browser.cookie(purpose), before.cookie(purpose), "{purpose}");
    }
    let mut old = before;
    old.get("/auth/me")
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
    old.refresh()
        .await
        .expect_problem(401, "INVALID_REFRESH_TOKEN");
    browser.get("/auth/me").send().await.expect(200);
    assert_eq!(
        desk.number("SELECT count(*) FROM families WHERE revoked_reason = 'replaced'")
            .await,
        1
    );
}

#[tokio::test]
async fn callers_without_cookies_get_the_tokens_in_the_body() {
    let (desk, mut caller) = Desk::with_ada().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
    let answer = caller
        .post("/auth/login")
        .json(&body)
        .send()
        .await
        .expect(200);
    assert!(answer.set_cookies().is_empty());
    let access = answer.json()["accessToken"].as_str().unwrap().to_owned();
    let refresh = answer.json()["refreshToken"].as_str().unwrap().to_owned();
    assert_eq!(
        desk.number("SELECT count(*) FROM browser_sessions").await,
        0
    );

    let bearer = format!("Bearer {access}");
    let me = caller
        .get("/auth/me")
        .header("authorization", &bearer)
        .send()
        .await
        .expect(200);
    assert_eq!(me.json()["user"]["email"], EMAIL);

    let body = json!({ "refreshToken": refresh });
    let answer = caller
        .post("/auth/refresh")
        .json(&body)
        .send()
        .await
        .expect(200);
    assert!(answer.set_cookies().is_empty());
    let next = answer.json();
    assert_ne!(next["refreshToken"], json!(refresh));
    assert_eq!(next["expiresIn"], 600);

    let logout = caller
        .post("/auth/logout")
        .json(&json!({ "refreshToken": next["refreshToken"] }));
    logout.send().await.expect(204);
    caller
        .get("/auth/me")
        .header("authorization", &bearer)
        .send()
        .await
        .expect_problem(401, "NOT_SIGNED_IN");
}

#[tokio::test]
async fn cookies_follow_the_environment() {
    let rows = [
        (
            Environment::Production,
            None,
            "__Host-",
            "Secure; HttpOnly; SameSite=Lax",
            "",
        ),
        (
            Environment::Production,
            Some("example.test"),
            "__Secure-",
            "Secure; HttpOnly; SameSite=Lax",
            "Domain=example.test; ",
        ),
        (
            Environment::Preview,
            None,
            "__Host-",
            "Secure; HttpOnly; SameSite=None",
            "",
        ),
        (
            Environment::Development,
            None,
            "",
            "HttpOnly; SameSite=Lax",
            "",
        ),
    ];
    for (environment, parent_domain, prefix, flags, domain) in rows {
        let desk = Desk::open_with(|config| {
            config.environment = environment;
            config.cookies.parent_domain = parent_domain.map(str::to_owned);
        })
        .await;
        let mut browser = desk.browser();
        let answer = browser
            .post("/auth/register")
            .json(&registration())
            .send()
            .await
            .expect(201);
        let mut shapes: Vec<String> = answer
            .set_cookies()
            .into_iter()
            .map(without_value)
            .collect();
        shapes.sort();
        let shape = |purpose: &str, seconds: i64| {
            format!("{prefix}edgeward-{purpose}; Path=/; {domain}Max-Age={seconds}; {flags}")
        };
        let expected = [
            shape("access", 600),
            shape("csrf", 172_800),
            shape("device", 34_560_000),
            shape("refresh", 1_209_600),
            shape("session", 43_200),
        ];
        assert_eq!(shapes, expected, "{environment}");

        let goodbye = browser.log_out().await;
        let removed = goodbye.set_cookies();
        assert_eq!(removed.len(), 4);
        for cookie in removed {
            assert!(
                cookie.starts_with(prefix) && cookie.contains("=; Path=/;"),
                "{cookie}"
            );
            assert!(
                cookie.contains("Max-Age=0") && cookie.ends_with(flags),
                "{cookie}"
            );
        }
    }
}

fn without_value(cookie: &str) -> String {
    let (name, rest) = cookie.split_once('=').unwrap();
    let (_, attributes) = rest.split_once(';').unwrap();
    format!("{name};{attributes}")
}
