//! Registrations, from the form to the account.

use serde_json::json;

use crate::{
    acts::*,
    desk::{EMAIL, PASSWORD, SITE},
};

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

/// A link in the wrong hands: what is guessed at is counted and locked as at a sign-in, from wherever it comes, and written down.
#[tokio::test]
async fn the_password_of_a_registration_is_not_guessed_at_for_long() {
    let (mailbox, desk) = open().await;
    let mut grace = desk.browser();
    register(&mut grace, GRACE).await.expect(202);
    let mail = mailbox.receive_one(&desk.app).await;
    let guess = async |from: u8, password| {
        let mut stranger = desk.browser();
        stranger.address = Some([198, 51, 100, from].into());
        confirm(&mut stranger, mail.token(), Some(password)).await
    };
    for left in [4, 3, 2, 1, 0] {
        let wrong = guess(left, "Other-Password-9").await;
        let wrong = wrong.expect_problem(401, "INVALID_CREDENTIALS").json();
        assert_eq!(wrong["attemptsLeft"], left);
    }
    let locked = guess(9, PASSWORD).await;
    locked.expect_problem(423, "ACCOUNT_LOCKED");
    // Its page says for how long, and of no password that it is wrong.
    let form = [("token", mail.token()), ("password", PASSWORD)];
    for (language, said) in [
        (
            "en",
            "After too many wrong passwords, none is taken here for now. Try again in 30 minutes.",
        ),
        (
            "de",
            "Nach zu vielen falschen Passwörtern wird hier vorerst keines angenommen. Versuchen Sie es in 30 Minuten noch einmal.",
        ),
    ] {
        let mut stranger = desk.browser();
        let page = stranger
            .post("/auth/register/confirm")
            .form(&form)
            .with_csrf();
        let page = page
            .header("accept-language", language)
            .send()
            .await
            .expect(423);
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    let acts = desk.acts().await;
    let refused = "account.register refused wrong-password".to_owned();
    assert_eq!(acts.iter().filter(|act| **act == refused).count(), 5);
    assert!(acts.contains(&"account.lock done".to_owned()), "{acts:?}");
    // Her own browser is known by its cookie, and no sign-in is locked by it.
    log_in(&mut desk.browser(), GRACE, PASSWORD)
        .await
        .expect(401);
    confirm(&mut grace, mail.token(), None).await.expect(204);
    log_in(&mut desk.browser(), GRACE, PASSWORD)
        .await
        .expect(200);
}
