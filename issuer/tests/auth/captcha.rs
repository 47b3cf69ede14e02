//! Challenges at registration and at the sign-in, against a stand-in that keeps the contract which the providers publish.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::{Form, Json, Router, extract::State, routing::post};
use edgeward_issuer::config::{Captcha, CaptchaProvider, Config, OnOutage, SecretText};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    desk::{Answer, Browser, Desk, EMAIL, PASSWORD},
    settings::{PRODUCTION, check},
};

const SECRET: &str = "1x0000000000000000000000000000000AA";

/// What a provider remembers.
#[derive(Default)]
struct Seen {
    used: BTreeSet<String>,
    asked: Vec<BTreeMap<String, String>>,
}

type Memory = Arc<Mutex<Seen>>;

/// `siteverify` as Cloudflare and Google describe it. A token `host/action/number` was solved there for that.
async fn siteverify(
    State(seen): State<Memory>,
    Form(asked): Form<BTreeMap<String, String>>,
) -> Json<Value> {
    let refused = |code: &str| Json(json!({"success": false, "error-codes": [code]}));
    let mut seen = seen.lock().unwrap();
    seen.asked.push(asked.clone());
    let (secret, token) = (asked["secret"].as_str(), asked["response"].as_str());
    if secret != SECRET {
        return refused("invalid-input-secret");
    }
    let parts: Vec<&str> = token.split('/').collect();
    let [host, action, _] = parts[..] else {
        return refused("invalid-input-response");
    };
    if !seen.used.insert(token.to_owned()) {
        return refused("timeout-or-duplicate");
    }
    Json(json!({
        "success": true, "challenge_ts": "2026-11-21T12:00:00.000Z", "hostname": host, "action": action,
        "error-codes": [], "cdata": "",
    }))
}

async fn provider() -> (String, Memory) {
    let memory = Memory::default();
    let router = Router::new()
        .route("/siteverify", post(siteverify))
        .with_state(Arc::clone(&memory));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, memory)
}

fn settings_of(url: &str, provider: CaptchaProvider) -> Captcha {
    Captcha {
        provider,
        site_key: "1x00000000000000000000AA".to_owned(),
        secret: SecretText::new(SECRET),
        secret_file: None,
        name_failures: 3,
        address_failures: 20,
        on_outage: OnOutage::Refuse,
        verify_url: Some(url.to_owned()),
    }
}

async fn desk_with(change: impl FnOnce(&mut Config)) -> (Desk, Memory) {
    let (url, memory) = provider().await;
    let (desk, _) = Desk::with_ada_and(|config| {
        config.captcha = Some(settings_of(&url, CaptchaProvider::Turnstile));
        change(config);
    })
    .await;
    (desk, memory)
}

async fn register(browser: &mut Browser, email: &str, token: Option<&str>) -> Answer {
    let mut body = json!({
        "email": email, "password": "Correct-Horse-7", "firstName": "Grace", "lastName": "Hopper", "tokenMode": "body",
    });
    if let Some(token) = token {
        body["captchaToken"] = token.into();
    }
    browser.post("/auth/register").json(&body).send().await
}

async fn log_in(browser: &mut Browser, email: &str, password: &str, token: &str) -> Answer {
    let body = json!({
        "email": email, "password": password, "tokenMode": "body", "captchaToken": token,
    });
    browser.post("/auth/login").json(&body).send().await
}

#[tokio::test]
async fn registration_always_wants_a_challenge_solved_here_for_this_and_once() {
    let (desk, memory) = desk_with(|_| {}).await;
    let mut browser = desk.browser();
    let before = desk.app.hasher.counts().done;
    // Whether the address has an account is not to be learned without one.
    for email in [EMAIL, "grace@example.test"] {
        for (token, code) in [
            (None, "CAPTCHA_REQUIRED"),
            (Some(""), "CAPTCHA_REQUIRED"),
            (Some("made-up"), "CAPTCHA_INVALID"),
            (Some("127.0.0.1/login/0"), "CAPTCHA_INVALID"),
            (Some("evil.example/register/0"), "CAPTCHA_INVALID"),
        ] {
            let token = token.map(|token| token.replace("/0", &format!("/{email}")));
            let answer = register(&mut browser, email, token.as_deref()).await;
            answer.expect_problem(403, code);
        }
    }
    assert_eq!(desk.app.hasher.counts().done, before, "nothing was hashed");
    let events = "SELECT count(*) FROM security_events WHERE type = 'captcha.refused'";
    assert_eq!(desk.number(events).await, 6);

    let good = "127.0.0.1/register/1";
    register(&mut browser, "grace@example.test", Some(good))
        .await
        .expect(201);
    let again = register(&mut browser, "alan@example.test", Some(good)).await;
    again.expect_problem(403, "CAPTCHA_INVALID");
    let asked = memory.lock().unwrap().asked.last().unwrap().clone();
    let names: Vec<&str> = asked.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["response", "secret"],
        "the client's address is not told"
    );
}

#[tokio::test]
async fn a_token_that_is_too_long_is_not_passed_on() {
    let (desk, memory) = desk_with(|_| {}).await;
    for (length, asked) in [(2048, 1), (2049, 1)] {
        let token = "x".repeat(length);
        let answer = register(&mut desk.browser(), "grace@example.test", Some(&token)).await;
        answer.expect_problem(403, "CAPTCHA_INVALID");
        assert_eq!(memory.lock().unwrap().asked.len(), asked, "{length}");
    }
}

#[tokio::test]
async fn a_sign_in_wants_one_after_failures_of_the_name_with_and_without_an_account() {
    let mut stories = Vec::new();
    for email in [EMAIL, "nobody@example.test", "no address at all"] {
        let (desk, memory) = desk_with(|_| {}).await;
        let mut browser = desk.browser();
        let mut story = Vec::new();
        for token in [
            "",
            "",
            "",
            "",
            "127.0.0.1/register/1",
            "127.0.0.1/login/2",
            "127.0.0.1/login/2",
            "127.0.0.1/login/3",
        ] {
            let answer = log_in(&mut browser, email, "Wrong-Horse-7", token).await;
            let left = answer.json()["attemptsLeft"].clone();
            story.push(format!(
                "{} {} {left}",
                answer.status,
                answer.json()["code"]
            ));
        }
        story.push(memory.lock().unwrap().asked.len().to_string());
        let refused = "logins_total{result=\"refused\",reason=\"captcha\"} 3";
        let counted = desk.app.metrics.text().unwrap();
        assert!(counted.contains(refused), "{counted}");
        stories.push(story);
    }
    assert_eq!(
        stories[0],
        [
            "401 \"INVALID_CREDENTIALS\" 4",
            "401 \"INVALID_CREDENTIALS\" 3",
            "401 \"INVALID_CREDENTIALS\" 2",
            "403 \"CAPTCHA_REQUIRED\" null",
            "403 \"CAPTCHA_INVALID\" null",
            "401 \"INVALID_CREDENTIALS\" 1",
            "403 \"CAPTCHA_INVALID\" null",
            "401 \"INVALID_CREDENTIALS\" 0",
            "4",
        ]
    );
    assert_eq!(
        stories[0], stories[1],
        "a name without an account is answered alike"
    );
    assert_eq!(stories[0], stories[2]);
}

#[tokio::test]
async fn a_success_ends_the_demand_and_so_does_time() {
    let (desk, _) = desk_with(|_| {}).await;
    let mut browser = desk.browser();
    for _ in 0..3 {
        log_in(&mut browser, EMAIL, "Wrong-Horse-7", "")
            .await
            .expect(401);
    }
    log_in(&mut browser, EMAIL, PASSWORD, "")
        .await
        .expect_problem(403, "CAPTCHA_REQUIRED");
    log_in(&mut browser, EMAIL, PASSWORD, "127.0.0.1/login/1")
        .await
        .expect(200);
    log_in(&mut browser, EMAIL, PASSWORD, "").await.expect(200);
    for _ in 0..3 {
        log_in(&mut browser, EMAIL, "Wrong-Horse-7", "")
            .await
            .expect(401);
    }
    desk.wait(1801).await;
    log_in(&mut browser, EMAIL, PASSWORD, "").await.expect(200);
}

#[tokio::test]
async fn failures_of_the_addresses_demand_it_of_every_name_but_not_of_a_known_device() {
    let (desk, _) = desk_with(|config| {
        config.limits.loopback = true;
        config.captcha.as_mut().unwrap().address_failures = 2;
    })
    .await;
    let from = |address: &str| {
        let mut browser = desk.browser();
        browser.address = Some(address.parse().unwrap());
        browser
    };
    let mut known = from("192.0.2.1");
    known.log_in(EMAIL).await;
    for name in ["a@example.test", "b@example.test"] {
        log_in(&mut from("192.0.2.2"), name, "Wrong-Horse-7", "")
            .await
            .expect(401);
    }
    let mut neighbour = from("192.0.2.3");
    for name in [EMAIL, "c@example.test"] {
        let answer = log_in(&mut neighbour, name, PASSWORD, "").await;
        answer.expect_problem(403, "CAPTCHA_REQUIRED");
    }
    log_in(&mut from("198.51.100.1"), EMAIL, PASSWORD, "")
        .await
        .expect(200);
    known.log_in(EMAIL).await;
}

#[tokio::test]
async fn an_outage_keeps_out_or_lets_pass_as_configured() {
    // Nobody listens on the discard port; and a provider that does not know the secret is as good as none.
    let (url, _) = provider().await;
    for (url, secret) in [("http://127.0.0.1:9/siteverify", SECRET), (&url, "another")] {
        for (on_outage, expected) in [(OnOutage::Refuse, 503), (OnOutage::Pass, 201)] {
            let desk = Desk::open_with(|config| {
                config.captcha = Some(Captcha {
                    on_outage,
                    secret: SecretText::new(secret),
                    ..settings_of(url, CaptchaProvider::Turnstile)
                });
            })
            .await;
            let mut browser = desk.browser();
            let answer = register(&mut browser, EMAIL, Some("127.0.0.1/register/1")).await;
            let answer = answer.expect(expected);
            if expected == 503 {
                assert_eq!(answer.header("retry-after"), "30");
                assert_eq!(answer.json()["code"], "BUSY");
            }
            // Who sends nothing is not let pass by any outage.
            let answer = register(&mut browser, "grace@example.test", None).await;
            answer.expect_problem(403, "CAPTCHA_REQUIRED");
        }
    }
}

#[tokio::test]
async fn pages_load_from_the_provider_only_where_they_show_its_challenge() {
    for (provider, field, origins) in [
        (
            CaptchaProvider::Turnstile,
            "cf-turnstile-response",
            " https://challenges.cloudflare.com; frame-src https://challenges.cloudflare.com",
        ),
        (
            CaptchaProvider::Recaptcha,
            "g-recaptcha-response",
            " https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/; \
             frame-src https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
        ),
    ] {
        let (desk, _) =
            desk_with(|config| config.captcha.as_mut().unwrap().provider = provider).await;
        let mut browser = desk.browser();
        let shows = |answer: &Answer| {
            let policy = answer.header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'; style-src 'self';"),
                "{policy}"
            );
            assert!(
                !policy.contains("unsafe") && !policy.contains('*'),
                "{policy}"
            );
            let in_body = answer
                .body
                .contains("data-sitekey=\"1x00000000000000000000AA\"");
            assert_eq!(policy.ends_with(origins), in_body, "{policy}");
            // Beside the one module of every page with a form.
            assert_eq!(policy.matches("https://").count() > 0, in_body);
            assert_eq!(
                answer.body.matches("<script").count(),
                1 + usize::from(in_body)
            );
            in_body
        };
        assert!(!shows(&browser.get("/login").send().await.expect(200)));
        assert!(shows(&browser.get("/register").send().await.expect(200)));
        let mut shown = Vec::new();
        let wrong = [("email", EMAIL), ("password", "Wrong-Horse-7")];
        for _ in 0..4 {
            let answer = browser
                .post("/auth/login")
                .form(&wrong)
                .with_csrf()
                .send()
                .await;
            shown.push((answer.status, shows(&answer)));
        }
        assert_eq!(
            shown,
            [(401, false), (401, false), (401, true), (403, true)]
        );
        let right = [
            ("email", EMAIL),
            ("password", PASSWORD),
            (field, "127.0.0.1/login/7"),
        ];
        browser
            .post("/auth/login")
            .form(&right)
            .with_csrf()
            .send()
            .await
            .expect(303);
    }
}

#[test]
fn mistakes_of_the_settings_are_told() {
    let secret = ("EDGEWARD__CAPTCHA__SECRET", "s");
    let with =
        |lines: &str| format!("[captcha]\nprovider = \"turnstile\"\nsite_key = \"k\"\n{lines}");
    for (file, variables, expected) in [
        (
            "[captcha]\nprovider = \"hcaptcha\"".to_owned(),
            &[][..],
            "FILE:2: captcha.provider: must be none, turnstile or recaptcha",
        ),
        (
            "[captcha]\nprovider = \"recaptcha\"".to_owned(),
            &[secret],
            "FILE:2: captcha.provider: needs captcha.site_key",
        ),
        (
            with(""),
            &[],
            "FILE:2: captcha.provider: needs EDGEWARD__CAPTCHA__SECRET or captcha.secret_file",
        ),
        (
            with("secret = \"s\""),
            &[],
            "FILE:4: captcha.secret: is a secret, which this file would show",
        ),
        (
            with("secret_file = \"/nowhere/at/all\""),
            &[],
            "FILE:4: captcha.secret_file: /nowhere/at/all: No such file",
        ),
        (
            with("name_failures = 5"),
            &[secret],
            "FILE:4: captcha.name_failures: contradicts lockout.failures: 5 failures lock before 5",
        ),
        (
            with("address_failures = 100"),
            &[secret],
            "FILE:4: captcha.address_failures: contradicts lockout.address_failures",
        ),
        (
            with("on_outage = \"open\""),
            &[secret],
            "FILE:4: captcha.on_outage: must be refuse or pass",
        ),
        (
            with("verify_url = \"https://challenges.cloudflare.com\""),
            &[secret],
            "FILE:4: captcha.verify_url: must begin with http://127.0.0.1:",
        ),
        (
            with("verify_url = \"http://127.0.0.1:80@evil.example/\""),
            &[secret],
            "FILE:4: captcha.verify_url: must begin",
        ),
        (
            with("[lockout]\nenabled = false"),
            &[secret],
            "FILE:2: captcha.provider: contradicts lockout.enabled",
        ),
        (
            format!(
                "{PRODUCTION}{}",
                with("verify_url = \"http://127.0.0.1:8000/\"")
            ),
            &[secret],
            "FILE:6: captcha.verify_url: is a stand-in for tests",
        ),
    ] {
        check(&file, variables, &[expected]);
    }
    let config = crate::settings::load(Some(&with("")), &[secret]).unwrap();
    assert!(
        !format!("{config:?}").contains("\"s\""),
        "the secret is not printed"
    );
    assert_eq!(config.captcha.unwrap().secret.reveal(), "s");
}
