//! The outbox and mailed links: one holder of a mail, one use of a link, and no mail without its act.

use std::sync::Arc;

use edgeward_issuer::{
    config::{Links, Notify},
    domain::{
        accounts::Email,
        audit::{Action, Actor, AuditEntry, Origin},
        lockout::LockoutKey,
        mail::{Failure, LinkToken, MailId, MailStorage, Purpose, Waiting},
        registration::{Confirmation, Pending, Registration},
        reset_password::{Introduced, Reset},
        session::{Device, DeviceMark, RevocationReason, Sid},
        storage::{Entered, PasswordHash, Storage, StorageError},
    },
    store::{outbox::Settlement, registrations::Opens},
};
use tokio::task::JoinSet;

use super::world::{NOW, World, digest, entry, new_account, new_sign_in, unlike};

const AT_ONCE: usize = 20;

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// With the outbox open and one mail in it.
async fn with_a_mail(mut world: World) -> (World, Waiting) {
    world.store.queue_mails(Notify::default(), Links::default());
    let asked = entry(Action::RequestReset);
    let ada = email("ada@example.test");
    world.store.ask_for_reset(&ada, &asked).await.unwrap();
    let due = world.store.due_mail(NOW).await.unwrap().unwrap();
    assert_eq!((&due.recipient, due.attempts), (&ada, 0));
    (world, due)
}

pub(crate) async fn a_mail_has_one_holder(world: World) {
    let (world, due) = with_a_mail(world).await;
    let stores = Arc::new([world.another().await, world.another().await]);
    let mut claims = JoinSet::new();
    for number in 0..AT_ONCE {
        let (stores, due) = (Arc::clone(&stores), due.clone());
        claims.spawn(async move { stores[number % 2].claim_mail(&due, NOW.plus(60)).await });
    }
    let held: Vec<Waiting> = claims
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].attempts, 1);
    assert!(world.store.due_mail(NOW.plus(59)).await.unwrap().is_none());
    let again = world.store.due_mail(NOW.plus(60)).await.unwrap().unwrap();
    assert_eq!(again.attempts, 1, "the lease has ended");
}

pub(crate) async fn a_settlement_comes_from_the_holder_only(world: World) {
    let (world, due) = with_a_mail(world).await;
    let store = &world.store;
    let first = store.claim_mail(&due, NOW).await.unwrap().unwrap();
    let later = NOW.plus(10);
    let second = store.claim_mail(&first, later).await.unwrap().unwrap();
    for settlement in [
        Settlement::Delivered,
        Settlement::Dropped,
        Settlement::Again(later, Failure::Timeout),
        Settlement::GivenUp(Failure::Refused),
    ] {
        assert!(!store.settle_mail(&first, settlement, NOW).await.unwrap());
    }
    let again = Settlement::Again(NOW.plus(30), Failure::Deferred);
    assert!(store.settle_mail(&second, again, NOW).await.unwrap());
    let third = store.due_mail(NOW.plus(30)).await.unwrap().unwrap();
    assert_eq!(third.attempts, 2);
    let third = store.claim_mail(&third, later).await.unwrap().unwrap();
    let given_up = Settlement::GivenUp(Failure::Refused);
    assert!(store.settle_mail(&third, given_up, NOW).await.unwrap());
    assert!(!store.settle_mail(&third, given_up, NOW).await.unwrap());
    assert!(store.due_mail(NOW.plus(9999)).await.unwrap().is_none());
    assert_eq!(store.end_mails(NOW).await.unwrap(), 0);
    assert_eq!(store.end_mails(NOW.plus(1)).await.unwrap(), 1);
    assert_eq!(world.rows("outbox").await, 0);
}

fn registration(address: &str) -> Registration {
    Registration {
        id: MailId::new(NOW).unwrap(),
        pending: Pending {
            email: email(address),
            first_name: new_account(address).account.first_name,
            last_name: new_account(address).account.last_name,
            password_hash: PasswordHash::from_phc("$argon2id$made$elsewhere".to_owned()),
            device: digest(),
        },
        now: NOW,
        expires_at: NOW.plus(100),
    }
}

pub(crate) async fn of_many_who_confirm_one_makes_the_account(mut world: World) {
    world.store.queue_mails(Notify::default(), Links::default());
    let store = &world.store;
    let mut links = Vec::new();
    // Two registrations of one address, with two links each.
    for _ in 0..2 {
        let registration = registration("ada@example.test");
        let asked = entry(Action::RequestRegistration);
        store
            .keep_registration(&registration, &asked)
            .await
            .unwrap();
        for _ in 0..2 {
            let link = LinkToken::from_random(unlike()).digest(Purpose::ConfirmAddress);
            let opens = Opens::Registration(registration.id);
            let ends = registration.expires_at;
            store.remember_link(&link, opens, ends).await.unwrap();
            let pending = store
                .pending_registration(&link, NOW)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(pending.device, registration.pending.device);
            assert!(
                store
                    .pending_registration(&link, ends)
                    .await
                    .unwrap()
                    .is_none()
            );
            assert!(store.resettable(&link, NOW).await.unwrap().is_none());
            links.push(link);
        }
    }
    let stores = Arc::new([world.another().await, world.another().await]);
    let mut uses = JoinSet::new();
    for number in 0..AT_ONCE {
        let (stores, link) = (Arc::clone(&stores), links[number % links.len()]);
        uses.spawn(async move {
            let account = new_account("ada@example.test");
            let confirmation = Confirmation { link, account };
            let noted = entry(Action::Register);
            stores[number % 2]
                .confirm_registration(&confirmation, &noted)
                .await
        });
    }
    let made = uses.join_all().await.into_iter();
    assert_eq!(made.filter(|made| *made.as_ref().unwrap()).count(), 1);
    for (table, rows) in [("users", 1), ("registrations", 0), ("mail_links", 0)] {
        assert_eq!(world.rows(table).await, rows, "{table}");
    }
    assert_eq!(world.entries().await, 3, "two were asked for, one was made");
}

pub(crate) async fn a_reset_is_whole_or_not_at_all(mut world: World) {
    world.store.queue_mails(Notify::default(), Links::default());
    let ada = world.with_account("ada@example.test").await;
    let sign_in = world.with_sign_in(ada).await;
    let store = &world.store;
    let links = [unlike(), unlike()]
        .map(|random| LinkToken::from_random(random).digest(Purpose::ResetPassword));
    for link in &links {
        let ends = NOW.plus(100);
        store
            .remember_link(link, Opens::Password(ada), ends)
            .await
            .unwrap();
        assert_eq!(store.resettable(link, NOW).await.unwrap().unwrap().id, ada);
        assert!(store.resettable(link, ends).await.unwrap().is_none());
    }
    let here = digest();
    let knows = async || {
        let ada = email("ada@example.test");
        world.store.knows_device(&ada, &here).await.unwrap()
    };
    let reset = Reset {
        link: links[0],
        user: ada,
        hash: PasswordHash::from_phc("$argon2id$reset".to_owned()),
        name: LockoutKey::from_bytes(&[7; 32]).of_name("ada@example.test"),
        device: Some(Introduced {
            sid: Sid::from_random(NOW, unlike()),
            device: Device {
                mark: DeviceMark {
                    cookie: Some(here),
                    ..sign_in.device.mark
                },
                ..sign_in.device.clone()
            },
        }),
        now: NOW,
    };
    let done = || entry(Action::ResetPassword).about("user", ada);
    world.refuse_marked_entries().await;
    let marked = done().with("note", "refuse-me");
    let refused = store.reset_password(&reset, &marked).await;
    assert!(matches!(refused, Err(StorageError::Failed(_))));
    let hash = async || {
        let stored = world
            .store
            .account_by_email(&email("ada@example.test"))
            .await;
        stored.unwrap().unwrap().password_hash
    };
    assert_ne!(hash().await, reset.hash);
    assert_eq!(
        (world.rows("mail_links").await, world.rows("outbox").await),
        (2, 0)
    );
    let family = store.family(sign_in.sid).await.unwrap().unwrap();
    assert!(family.is_live(NOW));
    assert!(!knows().await);
    assert_eq!(store.lifted_at(&reset.name).await.unwrap(), None);

    assert!(store.reset_password(&reset, &done()).await.unwrap());
    assert_eq!(hash().await, reset.hash);
    assert!(knows().await, "where the link was used");
    assert_eq!(store.lifted_at(&reset.name).await.unwrap(), Some(NOW));
    let live = store.live_families(ada, NOW).await.unwrap();
    assert!(live.is_empty(), "nobody is signed in");
    let family = store.family(sign_in.sid).await.unwrap().unwrap();
    assert!(!family.is_live(NOW));
    assert_ne!(
        family.device, sign_in.device.mark,
        "the device is forgotten"
    );
    let feed = "SELECT count(*) FROM revocations WHERE reason = 'password-changed'";
    assert_eq!(world.number(feed).await, 1);
    assert_eq!(world.rows("mail_links").await, 0, "the other link ends too");
    let told = "SELECT count(*) FROM outbox WHERE kind = 'password-changed'";
    assert_eq!(world.number(told).await, 1);
    assert!(!store.reset_password(&reset, &done()).await.unwrap());
}

pub(crate) async fn of_many_resets_one_is_done(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let links = [(); 2].map(|()| LinkToken::from_random(unlike()).digest(Purpose::ResetPassword));
    for link in &links {
        let opens = Opens::Password(ada);
        world
            .store
            .remember_link(link, opens, NOW.plus(100))
            .await
            .unwrap();
    }
    let stores = Arc::new([world.another().await, world.another().await]);
    let mut uses = JoinSet::new();
    for number in 0..AT_ONCE {
        let (stores, link) = (Arc::clone(&stores), links[number / 2 % 2]);
        uses.spawn(async move {
            let reset = Reset {
                link,
                user: ada,
                hash: PasswordHash::from_phc(format!("$argon2id${number}")),
                name: LockoutKey::from_bytes(&[7; 32]).of_name("ada@example.test"),
                device: None,
                now: NOW,
            };
            let noted = entry(Action::ResetPassword);
            stores[number % 2].reset_password(&reset, &noted).await
        });
    }
    let done = uses.join_all().await.into_iter();
    assert_eq!(done.filter(|done| *done.as_ref().unwrap()).count(), 1);
    assert_eq!(
        (world.rows("mail_links").await, world.entries().await),
        (0, 2)
    );
}

pub(crate) async fn a_notice_is_queued_with_its_act_or_not_at_all(mut world: World) {
    world.store.queue_mails(Notify::default(), Links::default());
    let ada = world.with_account("ada@example.test").await;
    let store = &world.store;
    let origin = Origin::of_request("r", [203, 0, 113, 7].into());
    let noted = |action, actor, sid| {
        AuditEntry::done(action, actor, NOW, &origin)
            .about("user", ada)
            .in_session(sid)
    };
    let kinds = async |kind: &str| {
        let count = format!("SELECT count(*) FROM outbox WHERE kind = '{kind}'");
        world.number(&count).await
    };
    // The first sign-in, the same program once more, and then three others, of which each is new.
    for (number, program) in [
        "Firefox/1",
        "Firefox/2",
        "Chrome/",
        "curl/",
        "Safari/",
        "OPR/",
    ]
    .iter()
    .enumerate()
    {
        let mut sign_in = new_sign_in(ada);
        sign_in.device = Device::of_request(program, None, [203, 0, 113, 7].into());
        let entry = noted(Action::SignIn, Actor::User(ada), sign_in.sid);
        assert_eq!(
            store.sign_in(&sign_in, None, None, &entry).await.unwrap(),
            Entered::Done
        );
        let expected = [0, 0, 1, 2, 3, 3][number];
        assert_eq!(
            kinds("new-device").await,
            expected,
            "{program}: no more than three a day"
        );
    }
    let told = "SELECT count(*) FROM outbox WHERE device = 'Chrome' AND place = '203.0.113.0/24'";
    assert_eq!(world.number(told).await, 1);
    let sign_in = new_sign_in(ada);
    assert_eq!(
        store
            .sign_in(&sign_in, None, None, &entry(Action::SignIn))
            .await
            .unwrap(),
        Entered::Done
    );
    let reuse = noted(Action::RefreshReuse, Actor::Anonymous, sign_in.sid);
    let reason = RevocationReason::Reuse;
    assert!(
        store
            .revoke(sign_in.sid, reason, NOW, &reuse)
            .await
            .unwrap()
    );
    assert_eq!(kinds("refresh-reused").await, 1);
    store
        .record(&entry(Action::Lock).about("user", ada))
        .await
        .unwrap();
    store.record(&entry(Action::Lock)).await.unwrap();
    assert_eq!(
        kinds("account-locked").await,
        1,
        "a lock of nobody is told to nobody"
    );
    world.refuse_marked_entries().await;
    let refused = entry(Action::Lock)
        .about("user", ada)
        .with("note", "refuse-me");
    assert!(store.record(&refused).await.is_err());
    assert_eq!(kinds("account-locked").await, 1);
}

pub(crate) async fn without_mail_nothing_is_queued(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let store = &world.store;
    store
        .record(&entry(Action::Lock).about("user", ada))
        .await
        .unwrap();
    let asked = entry(Action::RequestReset);
    let address = email("ada@example.test");
    store.ask_for_reset(&address, &asked).await.unwrap();
    let asked = entry(Action::RequestRegistration);
    let registration = registration("bob@example.test");
    store
        .keep_registration(&registration, &asked)
        .await
        .unwrap();
    assert_eq!(
        world.rows("outbox").await + world.rows("registrations").await,
        0
    );
    assert!(store.due_mail(NOW).await.unwrap().is_none());
}
