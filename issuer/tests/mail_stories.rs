//! What people and strangers get by mail, from the request to the mailbox and back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod desk;
mod folder;
mod mailbox;

use axum::http::HeaderMap;
use desk::{Answer, Browser, Desk, EMAIL, PASSWORD, SITE};
use edgeward_issuer::config::{Config, Mail};
use mailbox::{Mailbox, Taken};
use serde_json::{Value, json};

const GRACE: &str = "grace@example.test";
const NEW_PASSWORD: &str = "Another-Mule-8";

fn registration(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "firstName": "Grace", "lastName": "Hopper" })
}

async fn register(browser: &mut Browser, email: &str) -> Answer {
    browser
        .post("/auth/register")
        .json(&registration(email))
        .send()
        .await
}

async fn confirm(browser: &mut Browser, token: &str, password: Option<&str>) -> Answer {
    let mut body = json!({ "token": token });
    if let Some(password) = password {
        body["password"] = json!(password);
    }
    browser
        .post("/auth/register/confirm")
        .json(&body)
        .send()
        .await
}

async fn log_in(browser: &mut Browser, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    let with_csrf = !browser.jar.is_empty();
    let ask = browser.post("/auth/login").json(&body);
    let ask = if with_csrf { ask.with_csrf() } else { ask };
    ask.send().await
}

async fn forget(browser: &mut Browser, email: &str) -> Answer {
    let body = json!({ "email": email });
    browser
        .post("/auth/password/forgot")
        .json(&body)
        .send()
        .await
}

async fn reset(browser: &mut Browser, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "newPassword": password });
    browser
        .post("/auth/password/reset")
        .json(&body)
        .send()
        .await
}

/// What a stranger can tell answers apart by: everything but what is random in each.
fn seen(answer: &Answer) -> (u16, String, HeaderMap, Vec<String>) {
    let mut headers = answer.headers.clone();
    for random in ["x-request-id", "set-cookie"] {
        headers.remove(random);
    }
    let names = |cookie: &&str| cookie.split('=').next().unwrap().to_owned();
    let cookies = answer.set_cookies().iter().map(names).collect();
    (answer.status, answer.body.clone(), headers, cookies)
}

async fn open() -> (Mailbox, Desk) {
    open_with(|_| {}).await
}

async fn open_with(change: impl FnOnce(&mut Mail)) -> (Mailbox, Desk) {
    let mailbox = Mailbox::open();
    let configure = |config: &mut Config| {
        let mut mail = mailbox.settings();
        change(&mut mail);
        config.mail = Some(mail);
    };
    let (desk, _) = Desk::with_ada_and(configure).await;
    (mailbox, desk)
}

fn subjects(mails: &[Taken]) -> Vec<&str> {
    mails.iter().map(Taken::subject).collect()
}

#[tokio::test]
async fn a_new_address_is_confirmed_and_then_there_is_an_account() {
    let (mailbox, desk) = open().await;
    let mut browser = desk.browser();
    register(&mut browser, GRACE).await.expect(202);
    assert!(browser.is_signed_out(), "nobody is signed in");
    let unknown = log_in(&mut desk.browser(), GRACE, PASSWORD).await;
    unknown.expect_problem(401, "INVALID_CREDENTIALS");
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(
        (mail.recipient(), mail.subject()),
        (GRACE, "Confirm your e-mail address")
    );
    assert!(
        mail.link()
            .starts_with(&format!("{SITE}/auth/confirm?token="))
    );
    assert!(
        !mail.text("plain").contains("Grace"),
        "nothing that a stranger typed"
    );
    // A scanner looks at the link, as often as it likes, and uses nothing up.
    for _ in 0..3 {
        desk.browser().get(mail.path()).send().await.expect(200);
    }
    confirm(&mut browser, mail.token(), None).await.expect(204);
    let again = confirm(&mut browser, mail.token(), None).await;
    again.expect_problem(410, "LINK_INVALID");
    let answer = log_in(&mut browser, GRACE, PASSWORD).await.expect(200);
    assert_eq!(answer.json()["user"]["firstName"], "Grace");
    assert_eq!(
        desk.number("SELECT count(*) FROM registrations").await
            + desk.number("SELECT count(*) FROM mail_links").await,
        0
    );
    assert!(
        mailbox.receive(&desk.app).await.is_empty(),
        "a first sign-in is no news"
    );
    assert_eq!(
        desk.acts().await[1..],
        [
            "account.request-registration done",
            "session.sign-in refused unknown-user",
            "account.register done",
            "session.sign-in done"
        ]
    );
}

#[tokio::test]
async fn a_known_address_is_answered_alike_and_its_owner_hears_of_it() {
    let (mailbox, desk) = open().await;
    let new = register(&mut desk.browser(), GRACE).await.expect(202);
    let known = register(&mut desk.browser(), EMAIL).await.expect(202);
    assert_eq!(seen(&new), seen(&known));
    let mut mails = mailbox.receive(&desk.app).await;
    // Of one second: neither comes before the other.
    mails.sort_by_key(|mail| mail.subject().to_owned());
    assert_eq!(
        subjects(&mails),
        ["Confirm your e-mail address", "You have an account already"]
    );
    assert_eq!(mails[1].recipient(), EMAIL);
    assert_eq!(mails[1].link(), format!("{SITE}/auth/forgot"));
    // Nor does the sign-in with the password of the attempt tell them apart.
    for email in [GRACE, EMAIL] {
        let body = json!({ "email": email, "password": "Tried-Password-9" });
        let answer = desk.browser().post("/auth/login").json(&body).send().await;
        answer.expect_problem(401, "INVALID_CREDENTIALS");
    }
    let weak = json!({ "email": EMAIL, "password": "short" });
    let weak = desk
        .browser()
        .post("/auth/register")
        .json(&weak)
        .send()
        .await;
    weak.expect_problem(422, "WEAK_PASSWORD");
}

/// Somebody registers with another person's address and waits for that person to confirm it in good faith.
#[tokio::test]
async fn whoever_confirms_in_another_browser_must_know_the_password() {
    let (mailbox, desk) = open().await;
    register(&mut desk.browser(), GRACE).await.expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    let mut grace = desk.browser();
    let page = grace.get(mail.path()).send().await.expect(200);
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
    let without = confirm(&mut grace, mail.token(), None).await;
    without.expect_problem(422, "VALIDATION_FAILED");
    let wrong = confirm(&mut grace, mail.token(), Some("Other-Password-9")).await;
    wrong.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(desk.number("SELECT count(*) FROM users").await, 1);
    // Her own registration is another one, with a link of its own; the stranger's ends with it.
    let mut own = registration(GRACE);
    own["password"] = json!(NEW_PASSWORD);
    grace
        .post("/auth/register")
        .json(&own)
        .with_csrf()
        .send()
        .await
        .expect(202);
    let second = mailbox.receive_one(&desk.app).await;
    let page = grace.get(second.path()).send().await.expect(200);
    assert!(!page.body.contains("name=\"password\""), "{}", page.body);
    confirm(&mut grace, second.token(), None).await.expect(204);
    let late = confirm(&mut grace, mail.token(), Some(PASSWORD)).await;
    late.expect_problem(410, "LINK_INVALID");
    log_in(&mut desk.browser(), GRACE, PASSWORD)
        .await
        .expect(401);
    log_in(&mut desk.browser(), GRACE, NEW_PASSWORD)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_forgotten_password_is_reset_and_every_session_ends() {
    let (mailbox, desk) = open().await;
    let mut old = desk.browser();
    old.log_in(EMAIL).await;
    let ended = "SELECT count(*) FROM revocations WHERE reason = 'password-changed'";
    assert_eq!(desk.number(ended).await, 0);
    let mut browser = desk.browser();
    forget(&mut browser, EMAIL).await.expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(
        (mail.recipient(), mail.subject()),
        (EMAIL, "Choose a new password")
    );
    desk.browser().get(mail.path()).send().await.expect(200);
    let weak = reset(&mut browser, mail.token(), "short").await;
    weak.expect_problem(422, "WEAK_PASSWORD");
    let own = reset(&mut browser, mail.token(), EMAIL).await;
    own.expect_problem(422, "WEAK_PASSWORD");
    let answer = reset(&mut browser, mail.token(), NEW_PASSWORD)
        .await
        .expect(204);
    assert!(
        answer.set_cookies().is_empty() && browser.is_signed_out(),
        "it signs nobody in"
    );
    old.refresh().await.expect(401);
    old.get("/auth/me").send().await.expect(401);
    assert_eq!(desk.number(ended).await, 1, "the edges hear of it");
    log_in(&mut desk.browser(), EMAIL, PASSWORD)
        .await
        .expect(401);
    log_in(&mut old, EMAIL, NEW_PASSWORD).await.expect(200);
    let told = mailbox.receive_one(&desk.app).await;
    assert_eq!(told.subject(), "Your password was changed");
    let acts = desk.acts().await;
    assert!(
        acts.contains(&"account.reset-password done".to_owned()),
        "{acts:?}"
    );
    let events = "SELECT count(*) FROM security_events WHERE type = 'password.reset' AND email = 'ada@example.test'";
    assert_eq!(desk.number(events).await, 1);
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_not_told() {
    let (mailbox, desk) = open().await;
    let known = forget(&mut desk.browser(), EMAIL).await;
    for other in ["nobody@example.test", "no address", ""] {
        let answer = forget(&mut desk.browser(), other).await;
        assert_eq!(seen(&answer), seen(&known), "{other}");
    }
    assert_eq!(known.status, 202);
    assert_eq!(
        desk.number("SELECT count(*) FROM outbox").await,
        2,
        "nor is it looked up"
    );
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(mail.recipient(), EMAIL);
    assert_eq!(
        desk.number("SELECT count(*) FROM outbox").await,
        1,
        "nobody to write to"
    );
}

#[tokio::test]
async fn a_link_works_once_for_its_purpose_and_its_time() {
    let (mailbox, desk) = open().await;
    let mut browser = desk.browser();
    register(&mut browser, GRACE).await.expect(202);
    let confirmation = mailbox.receive_one(&desk.app).await;
    forget(&mut browser, EMAIL).await.expect(202);
    let first = mailbox.receive_one(&desk.app).await;
    forget(&mut browser, EMAIL).await.expect(202);
    let second = mailbox.receive_one(&desk.app).await;

    let dead = async |browser: &mut Browser, token: &str| {
        let answer = reset(browser, token, NEW_PASSWORD).await;
        answer.expect_problem(410, "LINK_INVALID");
        let page = browser
            .get(&format!("/auth/reset?token={token}"))
            .send()
            .await;
        assert_eq!(page.expect(410).header("referrer-policy"), "no-referrer");
    };
    let mut tampered = first.token().to_owned();
    let last = if tampered.pop() == Some('A') {
        'E'
    } else {
        'A'
    };
    tampered.push(last);
    for token in [
        confirmation.token(),
        &tampered,
        "",
        "x",
        &first.token()[1..],
    ] {
        dead(&mut browser, token).await;
    }
    let other = confirm(&mut browser, first.token(), Some(PASSWORD)).await;
    other.expect_problem(410, "LINK_INVALID");
    desk.run("UPDATE mail_links SET expires_at = expires_at - 1801 WHERE digest = (SELECT min(digest) FROM mail_links WHERE user_id IS NOT NULL)")
        .await;
    // One of the two has expired, whichever; the other is used up, and all that are left end with it.
    let mut statuses = Vec::new();
    for token in [first.token(), second.token()] {
        statuses.push(reset(&mut browser, token, NEW_PASSWORD).await.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 410]);
    for token in [first.token(), second.token()] {
        dead(&mut browser, token).await;
    }
    desk.run(
        "UPDATE mail_links SET expires_at = unixepoch(); UPDATE registrations SET expires_at = unixepoch()",
    )
    .await;
    let late = confirm(&mut browser, confirmation.token(), None).await;
    late.expect_problem(410, "LINK_INVALID");
    let refused = "SELECT count(*) FROM security_events WHERE type = 'mail-link.refused'";
    assert!(desk.number(refused).await > 10);
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_does() {
    let (mailbox, desk) = open().await;
    forget(&mut desk.browser(), EMAIL).await.expect(202);
    let token = mailbox.receive_one(&desk.app).await.token().to_owned();
    let mut uses = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (mut browser, token) = (desk.browser(), token.clone());
        uses.spawn(async move {
            reset(&mut browser, &token, &format!("{NEW_PASSWORD}-{number}"))
                .await
                .status
        });
    }
    let mut statuses = uses.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 410, 410, 410, 410, 410, 410, 410]);
}

/// A password that was changed leaves no link behind that would change it back.
#[tokio::test]
async fn a_changed_password_ends_the_links() {
    let (mailbox, desk) = open().await;
    forget(&mut desk.browser(), EMAIL).await.expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    let mut browser = desk.browser();
    browser.log_in(EMAIL).await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
    let changed = browser.post("/auth/password").json(&change).with_csrf();
    changed.send().await.expect(204);
    let late = reset(&mut desk.browser(), mail.token(), "Third-Password-9").await;
    late.expect_problem(410, "LINK_INVALID");
    let told = mailbox.receive_one(&desk.app).await;
    assert_eq!(told.subject(), "Your password was changed");
}

#[tokio::test]
async fn a_reset_opens_the_lock() {
    let (mailbox, desk) = open().await;
    for _ in 0..5 {
        log_in(&mut desk.browser(), EMAIL, "wrong").await;
    }
    log_in(&mut desk.browser(), EMAIL, PASSWORD)
        .await
        .expect(423);
    let mail = mailbox.receive_one(&desk.app).await;
    assert_eq!(mail.subject(), "Signing in is locked for a while");
    forget(&mut desk.browser(), EMAIL).await.expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    reset(&mut desk.browser(), mail.token(), NEW_PASSWORD)
        .await
        .expect(204);
    log_in(&mut desk.browser(), EMAIL, NEW_PASSWORD)
        .await
        .expect(200);
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

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
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
    assert!(!page.body.contains("<script"), "{}", page.body);
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
