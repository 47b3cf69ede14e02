//! Links that were mailed, from the request to the mailbox and back.

use std::num::NonZeroU32;

use edgeward_issuer::config::Config;
use serde_json::json;

use crate::{
    acts::*,
    desk::{Browser, EMAIL, PASSWORD},
};

/// What is left of the day's questions would else tell the one from the other by the work behind the seventh answer.
#[tokio::test]
async fn questions_for_a_forgotten_password_end_alike_with_an_account_and_without() {
    let (mailbox, desk) = open().await;
    let of_ada = "SELECT count(*) FROM outbox WHERE recipient = 'ada@example.test'";
    let of_grace = "SELECT count(*) FROM outbox WHERE recipient = 'grace@example.test'";
    for (email, questions) in [(EMAIL, of_ada), (GRACE, of_grace)] {
        for number in 1..8 {
            let mut browser = desk.browser();
            browser.address = Some([198, 51, 100, number].into());
            forget(&mut browser, email).await.expect(202);
            mailbox.receive(&desk.app).await;
        }
        assert_eq!(desk.number(questions).await, 5, "{email}");
    }
    assert_eq!(
        desk.number("SELECT count(*) FROM outbox WHERE state = 'waiting'")
            .await,
        0
    );
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
    assert!(browser.is_signed_out(), "it signs nobody in");
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert!(cookies[0].starts_with("edgeward-device="), "{cookies:?}");
    old.refresh().await.expect(401);
    old.get("/auth/me").send().await.expect(401);
    assert_eq!(desk.number(ended).await, 1, "the edges hear of it");
    log_in(&mut desk.browser(), EMAIL, PASSWORD)
        .await
        .expect(401);
    let told = mailbox.receive_one(&desk.app).await;
    assert_eq!(told.subject(), "Your password was changed");
    // Whoever forgot the password may have lost it to somebody: no device is known any more.
    log_in(&mut old, EMAIL, NEW_PASSWORD).await.expect(200);
    let told = mailbox.receive_one(&desk.app).await;
    assert_eq!(told.subject(), "A sign-in from a new device");
    let acts = desk.acts().await;
    assert!(
        acts.contains(&"account.reset-password done".to_owned()),
        "{acts:?}"
    );
    let events = "SELECT count(*) FROM security_events WHERE type = 'password.reset' AND email = 'ada@example.test'";
    assert_eq!(desk.number(events).await, 1);
}

/// Strangers who know the address have it locked and its window of sign-ins full, and go on.
#[tokio::test]
async fn who_was_locked_out_comes_in_with_the_mail_whatever_strangers_do() {
    let few = |config: &mut Config| config.limits.sign_ins = NonZeroU32::new(7).unwrap();
    let (mailbox, desk) = open_and(|_| {}, few).await;
    let from = |number: u8| {
        let mut browser = desk.browser();
        browser.address = Some([198, 51, 100, number].into());
        browser
    };
    let attack = async |by: std::ops::Range<u8>| {
        let mut last = 0;
        for number in by {
            last = log_in(&mut from(number), EMAIL, "Wrong-Horse-7")
                .await
                .status;
        }
        last
    };
    assert_eq!(attack(1..8).await, 423, "locked");
    assert_eq!(attack(8..10).await, 429, "and tried too often");
    let mut owner = from(100);
    forget(&mut owner, EMAIL).await.expect(202);
    let mails = mailbox.receive(&desk.app).await;
    let mail = mails
        .iter()
        .find(|mail| mail.subject() == "Choose a new password");
    let token = mail.unwrap().token();
    reset(&mut owner, token, NEW_PASSWORD).await.expect(204);
    // From anywhere at once.
    log_in(&mut from(101), EMAIL, NEW_PASSWORD)
        .await
        .expect(200);
    // And where the link was used also when they were there before.
    assert_eq!(attack(10..20).await, 429);
    log_in(&mut from(102), EMAIL, NEW_PASSWORD)
        .await
        .expect(429);
    log_in(&mut owner, EMAIL, NEW_PASSWORD).await.expect(200);
}

/// Another device cookie would make a stranger's device of it for the session that goes on.
#[tokio::test]
async fn a_browser_with_somebody_elses_session_keeps_its_device_cookie() {
    let (mailbox, desk) = open().await;
    desk.add(GRACE, &[]).await;
    let mut shared = desk.browser();
    shared.log_in(GRACE).await;
    forget(&mut desk.browser(), EMAIL).await.expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    let body = json!({ "token": mail.token(), "newPassword": NEW_PASSWORD });
    let used = shared.post("/auth/password/reset").json(&body).with_csrf();
    let used = used.send().await.expect(204);
    assert!(used.set_cookies().is_empty(), "{:?}", used.set_cookies());
    shared.refresh().await.expect(200);
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
    let written = "SELECT count(*) FROM outbox WHERE state = 'delivered'";
    assert_eq!(desk.number(written).await, 1, "nobody else to write to");
    let counted = "SELECT count(*) FROM outbox WHERE settled_at IS NOT NULL";
    assert_eq!(desk.number(counted).await, 2, "and yet it counts");
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

#[tokio::test]
async fn links_work_as_long_as_the_settings_say() {
    let (mailbox, desk) = open_with(|mail| {
        mail.links.reset_seconds = 600;
        mail.links.registration_seconds = 7200;
    })
    .await;
    let of_grace = [("email", GRACE), ("password", PASSWORD)];
    let of_ada = [("email", EMAIL)];
    let asked = [
        ("/auth/register", &of_grace[..]),
        ("/auth/password/forgot", &of_ada[..]),
    ];
    let said = [
        ("en", ["works for 2 hours.", "works for 10 minutes."]),
        ("de", ["gilt 2 Stunden.", "gilt 10 Minuten."]),
    ];
    for (language, said) in said {
        for ((path, form), said) in asked.iter().zip(said) {
            let mut browser = desk.browser();
            let ask = browser.post(path).form(form).with_csrf();
            let page = ask.header("accept-language", language).send().await;
            let page = page.expect(202);
            assert!(page.body.contains(said), "{said}: {}", page.body);
        }
    }
    let mails = mailbox.receive(&desk.app).await;
    let told = |subject: &str| {
        let mail = mails
            .iter()
            .find(|mail| mail.subject().starts_with(subject));
        mail.unwrap().text("plain").replace("\n", " ")
    };
    assert!(told("Confirm").contains("within 2 hours."));
    assert!(told("Choose").contains("within 10 minutes."));
    for (links, seconds) in [
        (
            "SELECT expires_at - unixepoch() FROM mail_links WHERE user_id IS NOT NULL",
            600,
        ),
        ("SELECT expires_at - unixepoch() FROM registrations", 7200),
        (
            "SELECT ends_at - created_at FROM outbox WHERE kind = 'password-reset'",
            600,
        ),
        (
            "SELECT ends_at - created_at FROM outbox WHERE kind = 'registration'",
            7200,
        ),
    ] {
        let left = desk.number(links).await;
        assert!((seconds - 30..=seconds).contains(&left), "{links}: {left}");
    }
}
