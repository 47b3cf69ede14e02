//! Mails on their way: over TLS or not at all, once where all goes well, again where it does not, and never in the way of
//! what caused them.

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use edgeward_issuer::{
    config::{Config, MailPassword, MailTls},
    http::metrics::endpoint,
    mail::{self, Post},
};
use serde_json::json;
use tower::ServiceExt;

use crate::{
    desk::{Desk, EMAIL},
    mailbox::{LOGIN, Mailbox, Taken},
};

/// Ada, who forgot her password.
async fn forgetful(configure: impl FnOnce(&mut Config)) -> Desk {
    let (desk, _) = Desk::with_ada_and(configure).await;
    ask_for_reset(&desk).await;
    desk
}

async fn ask_for_reset(desk: &Desk) {
    desk.browser()
        .post("/auth/password/forgot")
        .json(&json!({ "email": EMAIL }))
        .send()
        .await
        .expect(202);
}

/// State, attempts and class of each mail, in order.
async fn outbox(desk: &Desk) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT state || ' ' || attempts || coalesce(' ' || last_error, '') FROM outbox ORDER BY id",
    )
    .fetch_all(&mut desk.sql().await)
    .await
    .unwrap()
}

/// Lets an hour pass for what waits, which is longer than any wait.
async fn an_hour_later(desk: &Desk) {
    desk.run("UPDATE outbox SET due_at = due_at - 4500").await;
}

async fn metric(desk: &Desk, labels: &str) -> f64 {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let router = endpoint::router(desk.app.clone());
    let answer = router.oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let name = format!("edgeward_mails_total{{{labels}}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("{name}: {text}"))
        .parse()
        .unwrap()
}

fn is_well_formed(mail: &Taken) {
    assert_eq!(mail.text("sender"), "no-reply@example.test");
    assert_eq!(mail.header("From"), ["Example <no-reply@example.test>"]);
    assert_eq!(mail.header("To"), [EMAIL]);
    assert_eq!(mail.header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(mail.header("Message-ID").len(), 1);
    assert!(mail.header("Message-ID")[0].ends_with("@127.0.0.1>"));
    assert_eq!(mail.header("Date").len(), 1);
    assert_eq!(mail.header("Bcc"), [""; 0]);
    assert_eq!(
        mail.text("hello"),
        "127.0.0.1",
        "of the site, not of the machine"
    );
}

#[tokio::test]
async fn a_mail_arrives_under_every_protection() {
    for tls in [MailTls::None, MailTls::Starttls, MailTls::Implicit] {
        let mailbox = Mailbox::open_with(tls);
        let desk = forgetful(|config| mailbox.configure(config)).await;
        let mail = mailbox.receive_one(&desk.app).await;
        is_well_formed(&mail);
        let protected = tls != MailTls::None;
        assert_eq!(
            (&mail.0["tls"], &mail.0["login"]),
            (&json!(protected), &json!(protected))
        );
        assert_eq!(outbox(&desk).await, ["delivered 1"], "{tls:?}");
        assert!(
            mailbox.receive(&desk.app).await.is_empty(),
            "it is sent once"
        );
    }
}

/// Nothing is sent to a server that cannot show that it is the one, nor without the protection that was asked for.
#[tokio::test]
async fn a_connection_that_is_not_protected_is_not_used() {
    type Change = fn(&mut edgeward_issuer::config::Mail);
    let rows: [(MailTls, Change, &str); 5] = [
        (MailTls::Starttls, |mail| mail.ca_file = None, "connection"),
        (MailTls::Implicit, |mail| mail.ca_file = None, "connection"),
        (
            MailTls::None,
            |mail| mail.tls = MailTls::Starttls,
            "unsuited",
        ),
        (
            MailTls::Starttls,
            |mail| mail.server = "127.0.0.1".to_owned(),
            "connection",
        ),
        (
            MailTls::Starttls,
            |mail| mail.password = Some(MailPassword::new(format!("{}x", LOGIN.1))),
            "credentials",
        ),
    ];
    for (offered, change, class) in rows {
        let mailbox = Mailbox::open_with(offered);
        let desk = forgetful(|config| {
            let mut settings = mailbox.settings();
            change(&mut settings);
            config.mail = Some(settings);
        })
        .await;
        assert!(mailbox.receive(&desk.app).await.is_empty());
        assert_eq!(
            outbox(&desk).await,
            [format!("waiting 1 {class}")],
            "{offered:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_away_holds_nothing_up_and_gets_the_mail_once_it_is_back() {
    let mut mailbox = Mailbox::open();
    mailbox.stop();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    let before = desk.app.clock.now().seconds();
    assert!(mailbox.receive(&desk.app).await.is_empty());
    let after = desk.app.clock.now().seconds();
    assert_eq!(outbox(&desk).await, ["waiting 1 connection"]);
    assert!(mailbox.receive(&desk.app).await.is_empty());
    assert_eq!(
        outbox(&desk).await,
        ["waiting 1 connection"],
        "not before its time"
    );
    desk.browser().get("/readyz").send().await.expect(200);
    let due = desk.number("SELECT due_at FROM outbox").await;
    assert!(
        (before + 22..=after + 39).contains(&due),
        "half a minute, spread"
    );

    mailbox.start();
    desk.run("UPDATE outbox SET due_at = due_at - 40").await;
    is_well_formed(&mailbox.receive_one(&desk.app).await);
    assert_eq!(outbox(&desk).await, ["delivered 2 connection"]);
    let (kind, one) = ("kind=\"password-reset\"", 1.0);
    assert_eq!(
        metric(&desk, &format!("{kind},result=\"retried\"")).await,
        one
    );
    assert_eq!(
        metric(&desk, &format!("{kind},result=\"delivered\"")).await,
        one
    );
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let mailbox = Mailbox::open();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    mailbox.reply(Some("451 4.7.1 Come back later, ada@example.test"));
    assert!(mailbox.receive(&desk.app).await.is_empty());
    assert_eq!(outbox(&desk).await, ["waiting 1 deferred"]);
    mailbox.reply(Some("550 5.1.1 No such user here: ada@example.test"));
    desk.run("UPDATE outbox SET due_at = due_at - 40").await;
    assert!(mailbox.receive(&desk.app).await.is_empty());
    assert_eq!(outbox(&desk).await, ["failed 2 refused"]);
    mailbox.reply(None);
    an_hour_later(&desk).await;
    assert!(
        mailbox.receive(&desk.app).await.is_empty(),
        "given up is given up"
    );
    let event: String = sqlx::query_scalar(
        "SELECT severity || ' ' || metadata FROM security_events WHERE type = 'mail.failed'",
    )
    .fetch_one(&mut desk.sql().await)
    .await
    .unwrap();
    assert!(
        event.starts_with("warning {\"attempts\":\"2\",\"kind\":\"password-reset\""),
        "{event}"
    );
    assert!(
        event.contains("\"reason\":\"refused\"") && !event.contains('@'),
        "{event}"
    );
    assert_eq!(
        metric(&desk, "kind=\"password-reset\",result=\"failed\"").await,
        1.0
    );
}

#[tokio::test]
async fn tries_end_and_so_does_the_worth_of_a_mail() {
    let mut mailbox = Mailbox::open();
    mailbox.stop();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    desk.run("UPDATE outbox SET attempts = 15, ends_at = ends_at + 86400")
        .await;
    mailbox.receive(&desk.app).await;
    assert_eq!(outbox(&desk).await, ["failed 16 connection"]);

    desk.run("DELETE FROM outbox").await;
    ask_for_reset(&desk).await;
    mailbox.start();
    // Half an hour after it was asked for, nobody waits for it any more.
    desk.run("UPDATE outbox SET due_at = due_at - 1800, ends_at = ends_at - 1800")
        .await;
    assert!(mailbox.receive(&desk.app).await.is_empty());
    assert_eq!(outbox(&desk).await, ["failed 1 too-late"]);
}

/// Whoever dies with a mail in hand leaves it to the next, and is too late to say anything about it.
#[tokio::test]
async fn a_mail_of_a_process_that_died_is_sent_when_its_lease_ends() {
    let mailbox = Mailbox::open();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    let store = &desk.app.store;
    let now = desk.app.clock.now();
    let due = store.due_mail(now).await.unwrap().unwrap();
    let claimed = store
        .claim_mail(&due, now.plus(180))
        .await
        .unwrap()
        .unwrap();
    assert!(
        store
            .claim_mail(&due, now.plus(180))
            .await
            .unwrap()
            .is_none(),
        "it has one holder"
    );
    assert!(mailbox.receive(&desk.app).await.is_empty());
    desk.run("UPDATE outbox SET due_at = due_at - 180").await;
    let mail = mailbox.receive_one(&desk.app).await;
    assert!(mail.header("Message-ID")[0].contains(&claimed.id.to_string()));
    assert_eq!(outbox(&desk).await, ["delivered 2"]);
    let settlement = edgeward_issuer::store::outbox::Settlement::Delivered;
    assert!(!store.settle_mail(&claimed, settlement, now).await.unwrap());
}

/// A mail that was sent, and then the process died before it said so, is sent again: with a link that works, as the first does.
#[tokio::test]
async fn a_mail_whose_delivery_was_not_written_down_is_sent_again() {
    let mailbox = Mailbox::open();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    let first = mailbox.receive_one(&desk.app).await;
    desk.run("UPDATE outbox SET state = 'waiting', settled_at = NULL, due_at = due_at - 180")
        .await;
    let second = mailbox.receive_one(&desk.app).await;
    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
    assert_ne!(first.token(), second.token());
    for mail in [&first, &second] {
        desk.browser().get(mail.path()).send().await.expect(200);
    }
}

#[tokio::test]
async fn of_several_senders_one_sends() {
    let mailbox = Mailbox::open();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    for name in ["b", "c", "d", "e"] {
        desk.add(&format!("{name}@example.test"), &[]).await;
        let body = json!({ "email": format!("{name}@example.test") });
        let mut browser = desk.browser();
        browser
            .post("/auth/password/forgot")
            .json(&body)
            .send()
            .await
            .expect(202);
    }
    let settings = mailbox.settings();
    let post = Post::new(&settings, "http://127.0.0.1:8787").unwrap();
    let send = || mail::send_all_due(&desk.app, &post);
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    for sent in [a, b, c, d] {
        sent.unwrap();
    }
    let mut recipients: Vec<String> = mailbox
        .mails()
        .iter()
        .map(|mail| mail.recipient().to_owned())
        .collect();
    recipients.sort();
    let expected = ["ada@", "b@", "c@", "d@", "e@"].map(|name| format!("{name}example.test"));
    assert_eq!(recipients, expected);
}

#[tokio::test]
async fn what_was_settled_and_what_expired_is_taken_away() {
    let mailbox = Mailbox::open();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    mailbox.receive_one(&desk.app).await;
    ask_for_reset(&desk).await;
    let store = &desk.app.store;
    let now = desk.app.clock.now();
    assert_eq!(store.end_mails(now).await.unwrap(), 0);
    assert_eq!(store.end_mails(now.plus(60)).await.unwrap(), 1);
    assert_eq!(outbox(&desk).await, ["waiting 0"], "what waits stays");
    assert_eq!(store.end_registrations(now).await.unwrap(), 0);
    assert_eq!(store.end_registrations(now.plus(1861)).await.unwrap(), 1);
}

#[tokio::test]
async fn the_outbox_holds_no_secret() {
    let mailbox = Mailbox::open();
    let desk = forgetful(|config| mailbox.configure(config)).await;
    let token = mailbox.receive_one(&desk.app).await.token().to_owned();
    let file = std::fs::read(desk.data().join("edgeward.db")).unwrap();
    let log = std::fs::read(desk.data().join("edgeward.db-wal")).unwrap();
    for bytes in [file, log] {
        let found = bytes
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        assert!(!found, "only the digest is stored");
    }
}
