//! In which language a mail is queued, and of whose acts a language is remembered.

use edgeward_issuer::{
    config::{Links, Notify},
    domain::{
        accounts::{Email, UserId},
        audit::{Action, Actor, AuditEntry, Origin},
        device::{Device, DeviceSecret},
        language::Language,
        mail::{MailId, MailStorage},
        registration::{Pending, Registration},
        session::Sid,
        storage::{Entered, PasswordHash, Storage},
    },
};

use super::world::{NOW, World, digest, entry, new_account, new_sign_in, unlike};

const EN: Option<Language> = Some(Language::English);
const DE: Option<Language> = Some(Language::German);

/// An act of a request that names a language.
fn act(action: Action, language: Option<Language>) -> AuditEntry {
    let origin = Origin::of_request("r", [203, 0, 113, 7].into()).read_in(language);
    AuditEntry::done(action, Actor::Anonymous, NOW, &origin)
}

fn tag(language: Option<Language>) -> &'static str {
    language.map_or("none", Language::tag)
}

/// An account of which a language is remembered, or none.
async fn account(world: &World, email: &str, language: Option<Language>) -> UserId {
    let user = world.with_account(email).await;
    if let Some(language) = language {
        let tag = language.tag();
        let told = format!("UPDATE users SET language = '{tag}' WHERE id = '{user}'");
        world.run(&told).await.unwrap();
    }
    user
}

/// A sign-in by a browser, or by a program without cookies, of which no act tells.
async fn signed_in(world: &World, user: UserId, browser: Option<&DeviceSecret>) -> Sid {
    let mut sign_in = new_sign_in(user);
    sign_in.device = Device::of_request("Firefox/1", browser, [203, 0, 113, 7].into());
    let untold = entry(Action::SignIn);
    let entered = world.store.sign_in(&sign_in, None, None, &untold).await;
    assert_eq!(entered.unwrap(), Entered::Done);
    sign_in.sid
}

fn browser() -> DeviceSecret {
    DeviceSecret::from_random(unlike())
}

/// The tags in a column of the rows that a condition names, one of which there must be.
async fn is(world: &World, table: &str, condition: &str, expected: Option<Language>) -> bool {
    let rows = format!("SELECT count(*) FROM {table} WHERE {condition}");
    assert_eq!(world.number(&rows).await, 1, "{rows}");
    let tag = tag(expected);
    let equal = format!("{rows} AND coalesce(language, 'none') = '{tag}'");
    world.number(&equal).await == 1
}

pub(crate) async fn a_mail_is_in_the_language_of_its_request_whoever_has_an_account(
    mut world: World,
) {
    world.store.queue_mails(Notify::default(), Links::default());
    account(&world, "english@example.test", EN).await;
    account(&world, "german@example.test", DE).await;
    for language in [EN, DE, None] {
        for address in [
            "english@example.test",
            "german@example.test",
            "nobody@example.test",
        ] {
            world.run("DELETE FROM outbox").await.unwrap();
            let email = Email::parse(address).unwrap();
            let asked = act(Action::RequestReset, language);
            world.store.ask_for_reset(&email, &asked).await.unwrap();
            let account = new_account(address).account;
            let registration = Registration {
                id: MailId::new(NOW).unwrap(),
                pending: Pending {
                    email,
                    first_name: account.first_name,
                    last_name: account.last_name,
                    password_hash: PasswordHash::from_phc("$argon2id$".to_owned()),
                    device: digest(),
                },
                now: NOW,
                expires_at: NOW.plus(100),
            };
            let asked = act(Action::RequestRegistration, language);
            let kept = world.store.keep_registration(&registration, &asked).await;
            kept.unwrap();
            for kind in ["password-reset", "registration"] {
                let condition = format!("kind = '{kind}' AND recipient = '{address}'");
                let same = is(&world, "outbox", &condition, language).await;
                assert!(same, "{kind} to {address}, asked in {language:?}");
            }
            let due = world.store.due_mail(NOW).await.unwrap().unwrap();
            assert_eq!(due.language, language, "as the sender reads it");
        }
    }
}

pub(crate) async fn a_notice_is_in_the_language_that_was_known_before_its_act(mut world: World) {
    world.store.queue_mails(Notify::default(), Links::default());
    let of_proof = [
        (None, DE, DE),
        (DE, EN, DE),
        (EN, None, EN),
        (None, None, None),
    ];
    let of_strangers = [(None, DE, None), (DE, EN, DE), (EN, None, EN)];
    let mut number = 0;
    for (action, cases) in [
        (Action::ChangePassword, &of_proof[..]),
        (Action::ResetPassword, &of_proof[..]),
        (Action::SignIn, &of_proof[..]),
        (Action::Lock, &of_strangers[..]),
        (Action::RefreshReuse, &of_strangers[..]),
    ] {
        for &(remembered, asked, expected) in cases {
            number += 1;
            let address = format!("of-{number}@example.test");
            let user = account(&world, &address, remembered).await;
            signed_in(&world, user, Some(&browser())).await;
            let sid = signed_in(&world, user, Some(&browser())).await;
            let told = act(action, asked).about("user", user).in_session(sid);
            world.store.record(&told).await.unwrap();
            let condition = format!("recipient = '{address}'");
            assert!(
                is(&world, "outbox", &condition, expected).await,
                "{action:?}: remembered {remembered:?}, asked in {asked:?}"
            );
        }
    }
}

pub(crate) async fn a_language_is_remembered_of_whoever_proved_the_mailbox_or_uses_a_known_device(
    mut world: World,
) {
    world.store.queue_mails(Notify::default(), Links::default());
    let mut number = 0;
    let mut user = async |remembered| {
        number += 1;
        account(&world, &format!("of-{number}@example.test"), remembered).await
    };
    let check = async |what: &str, told: AuditEntry, user: UserId, expected| {
        let told = told.about("user", user);
        world.store.record(&told).await.unwrap();
        let condition = format!("id = '{user}'");
        assert!(is(&world, "users", &condition, expected).await, "{what}");
    };
    for (action, remembered, asked, expected) in [
        (Action::Register, None, DE, DE),
        (Action::Register, None, None, None),
        (Action::ResetPassword, EN, DE, DE),
        (Action::ResetPassword, EN, None, EN),
        // A thief may have the password, and others cause the rest.
        (Action::ChangePassword, EN, DE, EN),
        (Action::StepUp, EN, DE, EN),
        (Action::Lock, EN, DE, EN),
        (Action::RefreshReuse, EN, DE, EN),
        (Action::Refresh, EN, DE, EN),
        (Action::GiveRole, EN, DE, EN),
    ] {
        let user = user(remembered).await;
        let what = format!("{action:?}, {remembered:?}, {asked:?}");
        check(&what, act(action, asked), user, expected).await;
    }
    for (remembered, asked, known, expected) in [
        (None, DE, false, DE),
        (EN, DE, false, EN),
        (EN, DE, true, DE),
        (EN, None, true, EN),
    ] {
        let user = user(remembered).await;
        let first = browser();
        signed_in(&world, user, Some(&first)).await;
        let second = if known { first } else { browser() };
        let sid = signed_in(&world, user, Some(&second)).await;
        let what = format!("a sign-in, {remembered:?}, {asked:?}, known: {known}");
        let told = act(Action::SignIn, asked).in_session(sid);
        check(&what, told, user, expected).await;
    }
    // A browser that another account knows, and a program, which anybody may say to be.
    let (shared, other, own) = (browser(), user(EN).await, user(EN).await);
    signed_in(&world, other, Some(&shared)).await;
    let sid = signed_in(&world, own, Some(&shared)).await;
    let told = act(Action::SignIn, DE).in_session(sid);
    check("a browser of another account", told, own, EN).await;
    let own = user(EN).await;
    signed_in(&world, own, None).await;
    let sid = signed_in(&world, own, None).await;
    let told = act(Action::SignIn, DE).in_session(sid);
    check("a program", told, own, EN).await;
    // Who was refused has proved nothing.
    let own = user(None).await;
    let origin = Origin::of_request("r", [203, 0, 113, 7].into()).read_in(DE);
    let reason = "wrong-password";
    let refused =
        AuditEntry::refused(Action::SignIn, reason, Actor::Anonymous, NOW, &origin).in_session(sid);
    check("refused", refused, own, None).await;
}

pub(crate) async fn without_mail_no_language_is_remembered(world: World) {
    let user = account(&world, "ada@example.test", None).await;
    let told = act(Action::ResetPassword, DE).about("user", user);
    world.store.record(&told).await.unwrap();
    assert!(is(&world, "users", "email = 'ada@example.test'", None).await);
}
