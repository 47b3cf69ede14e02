//! What owners are told by mail, what no mail says, and the pages around it.

use std::num::NonZeroU32;

use serde_json::json;

use crate::{
    acts::*,
    desk::{Desk, EMAIL, PASSWORD, SITE},
    mailbox::Mailbox,
};

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// CVE-2023-49097: what a request says of its host stands in no link.
#[tokio::test]
async fn a_forged_host_stands_in_no_link() {
    let (mailbox, desk) = open().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-original-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
    ] {
        let body = json!({ "email": EMAIL });
        let mut browser = desk.browser();
        let ask = browser.post("/auth/password/forgot").header(name, value);
        ask.json(&body).send().await.expect(202);
        let mail = mailbox.receive_one(&desk.app).await;
        assert!(
            mail.link().starts_with(&format!("{SITE}/auth/reset?")),
            "{name}"
        );
        assert!(!mail.0.to_string().contains("evil"), "{name}");
    }
}

#[tokio::test]
async fn nothing_ends_a_header_and_begins_another() {
    let (mailbox, desk) = open().await;
    let breaking = "a\r\nBcc: all@example.test";
    for (field, status) in [("firstName", 422), ("lastName", 422), ("email", 422)] {
        let mut body = registration(GRACE);
        body[field] = json!(breaking);
        let mut browser = desk.browser();
        let answer = browser.post("/auth/register").json(&body).send().await;
        answer.expect(status);
    }
    for email in [
        "grace@example.test\r\nBcc: all@example.test",
        "grace@example.test,all@example.test",
        "<grace@example.test>",
        "grace@example.test>",
    ] {
        forget(&mut desk.browser(), email).await.expect(202);
    }
    assert_eq!(desk.number("SELECT count(*) FROM outbox").await, 0);
    // A name that is allowed and strange stands in no mail either.
    let mut body = registration(GRACE);
    body["firstName"] = json!("=?utf-8?q?Visit_http://evil.example?= <b>");
    let mut browser = desk.browser();
    browser
        .post("/auth/register")
        .json(&body)
        .send()
        .await
        .expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    assert!(!mail.0.to_string().contains("evil"), "{mail:?}");
}

#[tokio::test]
async fn owners_are_told_of_what_strangers_do() {
    let (mailbox, desk) = open().await;
    let mut home = desk.browser();
    home.log_in(EMAIL).await;
    assert!(mailbox.receive(&desk.app).await.is_empty(), "the first");
    home.log_in(EMAIL).await;
    assert!(
        mailbox.receive(&desk.app).await.is_empty(),
        "the same browser"
    );
    let mut other = desk.browser();
    other.log_in(EMAIL).await;
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(
        (mail.recipient(), mail.subject()),
        (EMAIL, "A sign-in from a new device")
    );
    let text = mail.text("plain").replace('\n', " ");
    assert!(
        text.contains("with Firefox on Linux, from the network 0.0.0.0/24"),
        "{text}"
    );
    // A program without cookies is known by what it is.
    let by_body = json!({ "email": EMAIL, "password": PASSWORD, "tokenMode": "body" });
    for expected in [1, 0] {
        let mut program = desk.browser();
        let ask = program.post("/auth/login").json(&by_body);
        ask.send().await.expect(200);
        assert_eq!(mailbox.receive(&desk.app).await.len(), expected);
    }
    let mut stolen = other.clone();
    other.refresh().await.expect(200);
    other.refresh().await.expect(200);
    stolen.refresh().await.expect(401);
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(mail.subject(), "A session was ended for safety");
    // Guesses at a name that nobody has are told to nobody.
    for _ in 0..5 {
        log_in(&mut desk.browser(), "nobody@example.test", "wrong").await;
    }
    assert!(mailbox.receive(&desk.app).await.is_empty());
}

/// Whoever had the old password is a stranger on the same device, and in the same program.
#[tokio::test]
async fn after_a_new_password_every_device_is_new() {
    for mode in ["cookie", "body"] {
        let (mailbox, desk) = open().await;
        let sign_in =
            |password: &str| json!({ "email": EMAIL, "password": password, "tokenMode": mode });
        let mut home = desk.browser();
        home.log_in(EMAIL).await;
        let mut thief = desk.browser();
        for expected in [1, 0] {
            let ask = thief.post("/auth/login").json(&sign_in(PASSWORD));
            ask.with_csrf().send().await.expect(200);
            assert_eq!(mailbox.receive(&desk.app).await.len(), expected, "{mode}");
        }
        thief.log_out().await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
        let changed = home.post("/auth/password").json(&change).with_csrf();
        changed.send().await.expect(204);
        let told = mailbox.receive_one(&desk.app).await;
        assert_eq!(told.subject(), "Your password was changed");

        let ask = thief.post("/auth/login").json(&sign_in(NEW_PASSWORD));
        ask.with_csrf().send().await.expect(200);
        let told = mailbox.receive_one(&desk.app).await;
        assert_eq!(told.subject(), "A sign-in from a new device", "{mode}");
        let own = json!({ "email": EMAIL, "password": NEW_PASSWORD });
        let again = home.post("/auth/login").json(&own).with_csrf();
        again.send().await.expect(200);
        assert!(mailbox.receive(&desk.app).await.is_empty(), "its own");
    }
}

#[tokio::test]
async fn a_device_whose_session_was_ended_by_the_person_is_new() {
    let (mailbox, desk) = open().await;
    let mut home = desk.browser();
    home.log_in(EMAIL).await;
    let mut thief = desk.browser();
    thief.log_in(EMAIL).await;
    assert_eq!(mailbox.receive(&desk.app).await.len(), 1);
    let listed = home.get("/auth/sessions").send().await.expect(200).json();
    let sessions = listed["sessions"].as_array().unwrap();
    let others = sessions.iter().filter(|one| one["current"] == false);
    for other in others {
        let path = format!("/auth/sessions/{}", other["id"].as_str().unwrap());
        home.delete(&path).with_csrf().send().await.expect(204);
    }
    thief.log_in(EMAIL).await;
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(mail.subject(), "A sign-in from a new device");
}

/// A `User-Agent` is a text that whoever signs in chose.
#[tokio::test]
async fn the_name_of_an_unlisted_program_stands_in_no_mail() {
    let (mailbox, desk) = open().await;
    desk.browser().log_in(EMAIL).await;
    let mut other = desk.browser();
    other.user_agent = "www.evil.example/1.0";
    other.log_in(EMAIL).await;
    let mail = mailbox.receive_one(&desk.app).await;
    let text = mail.text("plain").replace('\n', " ");
    assert!(text.contains("with an unknown program"), "{text}");
    assert!(!mail.0.to_string().contains("evil"), "{mail:?}");
}

#[tokio::test]
async fn what_is_switched_off_is_not_told() {
    let (mailbox, desk) = open_with(|mail| {
        mail.notify.new_device = false;
        mail.notify.lockout = false;
    })
    .await;
    desk.browser().log_in(EMAIL).await;
    desk.browser().log_in(EMAIL).await;
    for _ in 0..5 {
        log_in(&mut desk.browser(), EMAIL, "wrong").await;
    }
    assert!(mailbox.receive(&desk.app).await.is_empty());
}

#[tokio::test]
async fn a_mailbox_cannot_be_flooded() {
    let (mailbox, desk) = open().await;
    for _ in 0..8 {
        forget(&mut desk.browser(), EMAIL).await.expect(202);
        register(&mut desk.browser(), EMAIL).await.expect(202);
        desk.browser().log_in(EMAIL).await;
    }
    let mails = mailbox.receive(&desk.app).await;
    let count = |subject: &str| {
        mails
            .iter()
            .filter(|mail| mail.subject() == subject)
            .count()
    };
    assert_eq!(
        (
            count("Choose a new password"),
            count("You have an account already"),
            count("A sign-in from a new device")
        ),
        (5, 5, 3)
    );
    assert_eq!(mails.len(), 13);
    desk.run("UPDATE outbox SET created_at = created_at - 86401")
        .await;
    forget(&mut desk.browser(), EMAIL).await.expect(202);
    mailbox.receive_one(&desk.app).await;
}

#[tokio::test]
async fn an_act_that_is_not_done_queues_nothing() {
    let (_mailbox, desk) = open().await;
    let entries = desk.audit().await.len();
    desk.run(
        "CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no space'); END",
    )
    .await;
    let answer = forget(&mut desk.browser(), EMAIL).await;
    answer.expect_problem(500, "INTERNAL");
    register(&mut desk.browser(), GRACE).await.expect(500);
    assert_eq!(desk.number("SELECT count(*) FROM registrations").await, 0);
    assert_eq!(
        desk.audit().await.len(),
        entries,
        "neither the act nor its entry"
    );
}

#[tokio::test]
async fn the_pages_work_without_scripts() {
    let (mailbox, desk) = open().await;
    let mut browser = desk.browser();
    let page = browser.get("/login").send().await.expect(200);
    assert!(page.body.contains("href=\"/auth/forgot\""), "{}", page.body);
    let page = browser.get("/auth/forgot").send().await.expect(200);
    let csrf = hidden(&page.body, "csrf_token");
    let form = [("csrf_token", csrf.as_str()), ("email", EMAIL)];
    let sent = browser.post("/auth/password/forgot").form(&form);
    let sent = sent.send().await.expect(202);
    assert!(
        sent.body.contains("Look into your mailbox"),
        "{}",
        sent.body
    );
    let mail = mailbox.receive_one(&desk.app).await;
    let page = browser.get(mail.path()).send().await.expect(200);
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-store");
    // Beside the token in the address runs nothing but the module that sends a form once, let in by its digest.
    assert_eq!(page.body.matches("<script").count(), 1, "{}", page.body);
    let (_, digest) = page.body.split_once("/auth/assets/once.js?v=").unwrap();
    let (_, digest) = digest.split_once("integrity=\"").unwrap();
    let sources = format!("script-src '{}'", digest.split('"').next().unwrap());
    let policy = page.header("content-security-policy");
    assert!(
        policy.split("; ").any(|directive| directive == sources),
        "{policy}"
    );
    let (csrf, token) = (
        hidden(&page.body, "csrf_token"),
        hidden(&page.body, "token"),
    );
    let form = |password| {
        [
            ("csrf_token", csrf.as_str()),
            ("token", token.as_str()),
            ("newPassword", password),
        ]
    };
    let weak = browser.post("/auth/password/reset").form(&form("short"));
    let weak = weak.send().await.expect(422);
    assert_eq!(
        hidden(&weak.body, "token"),
        token,
        "the form is shown again"
    );
    let done = browser
        .post("/auth/password/reset")
        .form(&form(NEW_PASSWORD));
    let done = done.send().await.expect(200);
    assert!(done.body.contains("href=\"/login\""), "{}", done.body);

    let fields = [
        ("email", GRACE),
        ("password", PASSWORD),
        ("firstName", "Grace"),
        ("lastName", "Hopper"),
    ];
    let sent = browser.post("/auth/register").form(&fields).with_csrf();
    sent.send().await.expect(202);
    let mails = mailbox.receive(&desk.app).await;
    let mail = mails.iter().find(|mail| mail.recipient() == GRACE).unwrap();
    let page = desk.browser().get(mail.path()).send().await.expect(200);
    assert!(page.body.contains("type=\"password\""), "{}", page.body);
    let mut phone = desk.browser();
    let token = mail.token();
    let wrong = [("token", token), ("password", "Other-Password-9")];
    let ask = phone.post("/auth/register/confirm").form(&wrong);
    let again = ask.with_csrf().send().await.expect(401);
    assert!(again.body.contains("The password is another one."));
    let right = [("token", token), ("password", PASSWORD)];
    let ask = phone.post("/auth/register/confirm").form(&right);
    ask.with_csrf().send().await.expect(200);
    let ask = phone.post("/auth/register/confirm").form(&right);
    let gone = ask.with_csrf().send().await.expect(410);
    assert!(gone.body.contains("This link does not work any more."));
}

#[tokio::test]
async fn without_mail_nothing_of_it_is_there() {
    let (desk, mut browser) = Desk::with_ada().await;
    for (path, body) in [
        ("/auth/password/forgot", json!({ "email": EMAIL })),
        (
            "/auth/password/reset",
            json!({ "token": "x", "newPassword": "y" }),
        ),
        ("/auth/register/confirm", json!({ "token": "x" })),
    ] {
        let answer = desk.browser().post(path).json(&body).send().await;
        answer.expect_problem(404, "NOT_FOUND");
    }
    for page in [
        "/auth/forgot",
        "/auth/reset?token=x",
        "/auth/confirm?token=x",
    ] {
        desk.browser().get(page).send().await.expect(404);
    }
    let page = browser.get("/login").send().await.expect(200);
    assert!(!page.body.contains("forgot"), "{}", page.body);
    register(&mut desk.browser(), GRACE).await.expect(201);
    let taken = register(&mut desk.browser(), GRACE).await;
    taken.expect_problem(409, "EMAIL_TAKEN");
    desk.browser().log_in(EMAIL).await;
    desk.browser().log_in(EMAIL).await;
    assert_eq!(desk.number("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn asking_is_limited_like_guessing() {
    let mailbox = Mailbox::open();
    let (desk, _) = Desk::with_ada_and(|config| {
        mailbox.configure(config);
        config.limits.loopback = true;
        // Nobody regains one while the test runs.
        config.limits.guesses_per_minute = NonZeroU32::MIN;
    })
    .await;
    for (path, body) in [
        ("/auth/password/forgot", json!({ "email": EMAIL })),
        (
            "/auth/password/reset",
            json!({ "token": "x", "newPassword": "y" }),
        ),
        ("/auth/register/confirm", json!({ "token": "x" })),
    ] {
        let address = format!("192.0.2.{}", path.len());
        let mut answered = Vec::new();
        for _ in 0..6 {
            let mut browser = desk.browser();
            let ask = browser.post(path).from(&address).json(&body);
            answered.push(ask.send().await.status);
        }
        assert!(!answered[..5].contains(&429), "{path} {answered:?}");
        assert_eq!(answered[5], 429, "{path}");
    }
}
