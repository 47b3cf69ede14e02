//! That every mail speaks the language of the person, and none that of a stranger.

use edgeward_issuer::domain::language::Language;
use serde_json::{Value, json};

use crate::{
    acts::*,
    desk::{Answer, Browser, Desk, EMAIL, PASSWORD},
    mailbox::Taken,
};

/// As many wrong passwords as lock an account.
const GUESSES: usize = 5;

/// The subject of each kind of mail in each language.
const SUBJECTS: [(&str, [&str; 2]); 7] = [
    (
        "registration",
        [
            "Confirm your e-mail address",
            "Bestätigen Sie Ihre E-Mail-Adresse",
        ],
    ),
    (
        "registration of a known address",
        ["You have an account already", "Sie haben schon ein Konto"],
    ),
    (
        "password-reset",
        ["Choose a new password", "Wählen Sie ein neues Passwort"],
    ),
    (
        "password-changed",
        ["Your password was changed", "Ihr Passwort wurde geändert"],
    ),
    (
        "new-device",
        [
            "A sign-in from a new device",
            "Anmeldung von einem neuen Gerät",
        ],
    ),
    (
        "account-locked",
        [
            "Signing in is locked for a while",
            "Die Anmeldung ist eine Weile gesperrt",
        ],
    ),
    (
        "refresh-reused",
        [
            "A session was ended for safety",
            "Eine Sitzung wurde zur Sicherheit beendet",
        ],
    ),
];

#[track_caller]
fn is_in(mail: &Taken, kind: &str, language: Language) {
    let column = usize::from(language == Language::German);
    let (_, subjects) = SUBJECTS.iter().find(|(name, _)| *name == kind).unwrap();
    assert_eq!(mail.subject(), subjects[column], "{kind}");
    // RFC 3282, once and for the whole mail.
    assert_eq!(mail.header("Content-Language"), [language.tag()], "{kind}");
    let greeting = ["Hello,", "Guten Tag,"][column];
    assert!(mail.text("plain").starts_with(greeting), "{mail:?}");
    let html = format!("<html lang=\"{}\">", language.tag());
    assert!(mail.text("html").contains(&html), "{mail:?}");
}

async fn ask(browser: &mut Browser, path: &str, language: &str, body: &Value) -> Answer {
    let with_csrf = !browser.jar.is_empty();
    let ask = browser.post(path).header("accept-language", language);
    let ask = if with_csrf { ask.with_csrf() } else { ask };
    ask.json(body).send().await
}

async fn sign_in(browser: &mut Browser, language: &str, password: &str) -> Answer {
    let body = json!({ "email": EMAIL, "password": password });
    ask(browser, "/auth/login", language, &body).await
}

async fn lock(desk: &Desk, language: &str) {
    for _ in 0..GUESSES {
        sign_in(&mut desk.browser(), language, "wrong").await;
    }
}

#[tokio::test]
async fn every_kind_of_mail_is_in_the_language_of_its_reader() {
    for (language, strangers) in [
        (Language::English, Language::German),
        (Language::German, Language::English),
    ] {
        let (mailbox, desk) = open().await;
        let (tag, strange) = (language.tag(), strangers.tag());
        let mut answers = Vec::new();
        for (email, kind) in [
            (GRACE, "registration"),
            (EMAIL, "registration of a known address"),
        ] {
            let body = registration(email);
            let answer = ask(&mut desk.browser(), "/auth/register", tag, &body).await;
            answers.push(seen(&answer.expect(202)));
            is_in(&mailbox.receive_one(&desk.app).await, kind, language);
        }
        assert_eq!(answers[0], answers[1], "who has an account is not told");
        let body = json!({ "email": EMAIL });
        let path = "/auth/password/forgot";
        ask(&mut desk.browser(), path, tag, &body).await.expect(202);
        let link = mailbox.receive_one(&desk.app).await;
        is_in(&link, "password-reset", language);
        let body = json!({ "token": link.token(), "newPassword": NEW_PASSWORD });
        let path = "/auth/password/reset";
        let mut home = desk.browser();
        ask(&mut home, path, tag, &body).await.expect(204);
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "password-changed", language);
        // From here on strangers ask, in the other language; one of them has the password.
        sign_in(&mut home, tag, NEW_PASSWORD).await.expect(200);
        let mut thief = desk.browser();
        sign_in(&mut thief, strange, NEW_PASSWORD).await.expect(200);
        // Of the thief alone: the browser that used the link is known.
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "new-device", language);
        let mut stolen = home.clone();
        home.refresh().await.expect(200);
        home.refresh().await.expect(200);
        let reuse = stolen.post("/auth/refresh").with_csrf();
        let reuse = reuse.header("accept-language", strange);
        reuse.send().await.expect(401);
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "refresh-reused", language);
        lock(&desk, strange).await;
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "account-locked", language);
    }
}

#[tokio::test]
async fn a_mail_follows_the_choice_of_its_page() {
    let (mailbox, desk) = open().await;
    let forgot = "/auth/password/forgot";
    let by_query = format!("{forgot}?ui_locales=de");
    for (path, cookie, accepted, expected) in [
        (forgot, None, "en", Language::English),
        (forgot, Some("de"), "en", Language::German),
        (by_query.as_str(), None, "en", Language::German),
        (forgot, Some("tlh"), "fr, de;q=0.5", Language::German),
        (forgot, None, "fr", Language::English),
    ] {
        let mut browser = desk.browser();
        if let Some(tag) = cookie {
            browser
                .jar
                .insert("edgeward-language".to_owned(), tag.to_owned());
        }
        let ask = browser.post(path).header("accept-language", accepted);
        let form = [("email", EMAIL)];
        ask.form(&form).with_csrf().send().await.expect(202);
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "password-reset", expected);
        desk.run("DELETE FROM outbox").await;
    }
}

#[tokio::test]
async fn where_nobody_said_what_they_read_it_is_the_language_of_the_settings() {
    for (settings, strangers) in [(Language::English, "de"), (Language::German, "en")] {
        let mailbox = crate::mailbox::Mailbox::open();
        let (desk, _) = Desk::with_ada_and(|config| {
            mailbox.configure(config);
            config.pages.language = settings;
        })
        .await;
        lock(&desk, strangers).await;
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "account-locked", settings);
        // A program that names no language.
        forget(&mut desk.browser(), EMAIL).await.expect(202);
        let mail = mailbox.receive_one(&desk.app).await;
        is_in(&mail, "password-reset", settings);
        // A mail of before the migration, or of a newer program.
        for language in ["NULL", "'tlh'"] {
            desk.run(
                "UPDATE outbox SET state = 'waiting', settled_at = NULL, due_at = created_at
                 WHERE kind = 'account-locked'",
            )
            .await;
            let told = match language {
                "NULL" => "UPDATE outbox SET language = NULL",
                _ => "UPDATE outbox SET language = 'tlh'",
            };
            desk.run(told).await;
            let mail = mailbox.receive_one(&desk.app).await;
            is_in(&mail, "account-locked", settings);
        }
    }
}

#[tokio::test]
async fn the_language_is_remembered_from_confirming_on() {
    let (mailbox, desk) = open().await;
    let mut browser = desk.browser();
    let body = registration(GRACE);
    ask(&mut browser, "/auth/register", "de", &body)
        .await
        .expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    let body = json!({ "token": mail.token() });
    let path = "/auth/register/confirm";
    ask(&mut browser, path, "de", &body).await.expect(204);
    for _ in 0..GUESSES {
        log_in(&mut desk.browser(), GRACE, "wrong").await;
    }
    let mail = mailbox.receive_one(&desk.app).await;
    is_in(&mail, "account-locked", Language::German);
    // Who reads something else from now on says so with the next sign-in from the same browser.
    desk.run("DELETE FROM attempt_counters").await;
    for language in ["de", "en"] {
        let body = json!({ "email": GRACE, "password": PASSWORD });
        ask(&mut browser, "/auth/login", language, &body)
            .await
            .expect(200);
    }
    for _ in 0..GUESSES {
        log_in(&mut desk.browser(), GRACE, "wrong").await;
    }
    let mail = mailbox.receive_one(&desk.app).await;
    is_in(&mail, "account-locked", Language::English);
}
