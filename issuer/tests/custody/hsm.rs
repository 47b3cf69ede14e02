//! Private keys sealed in a device: SoftHSM, spoken to through its PKCS#11 module.

use std::{iter, sync::Arc, time::Instant};

use axum::{body::Body, http::Request};
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use edgeward_core::token::{self, Audiences, Expectations, TokenType};
use edgeward_issuer::{
    App,
    custody::{self, MadeKey, Sealed, Secrets},
    domain::{
        audit::{Action, Actor, AuditEntry, Origin},
        reseal::{SealedKey, SealedKeys},
    },
    http::routes,
};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tower::ServiceExt;

use crate::{
    served::{SERVE, Served},
    softhsm::{KEY, PIN, TOKEN, World, log_in},
};

#[tokio::test]
async fn a_signing_key_is_sealed_in_the_device_from_the_first_start_on() {
    let world = World::new();
    let made = world.done(&["custody", "make-key"], &[]);
    assert_eq!(made, format!("pkcs11:{KEY}: made on the token {TOKEN}\n"));
    let again = world.run(&["custody", "make-key"], &[]);
    assert_eq!(again.code, Some(1), "{again:?}");
    let checked = world.done(&["custody", "check"], &[]);
    assert_eq!(checked, format!("pkcs11:{KEY}: seals and opens\n"));

    let served = Served::start(world.command(&SERVE, &[]));
    let ready: Value = served.ready().await.json().await.unwrap();
    assert_eq!(
        (&ready["status"], &ready["checks"]["custody"]),
        (&json!("ok"), &json!("ok"))
    );
    let first = served.signing_key.clone();
    drop(served);
    let are_in_the_device = |rows: &[SealedKey]| {
        let under = rows.iter().map(|row| Secrets::key_of(&row.sealed));
        under.clone().count() > 0
            && under
                .clone()
                .all(|key| key == Some(format!("pkcs11:{KEY}")))
    };
    assert!(are_in_the_device(&world.rows().await));
    assert!(
        !world.path().join("data/secrets/kek").exists(),
        "no key of its own is made"
    );
    let served = Served::start(world.command(&SERVE, &[]));
    assert_eq!(served.signing_key, first);
    let key_set = served.json("/.well-known/jwks.json").await;
    let mut keys = key_set["keys"].as_array().unwrap().iter();
    assert!(keys.any(|key| key["kid"] == json!(first)));
    drop(served);

    let away = world.pull();
    let refused = world.run(&["keys", "rotate", "--force"], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    world.put_back(&away);
    world.done(&["keys", "rotate", "--force"], &[]);
    world.done(&["keys", "revoke", &first], &[]);
    let served = Served::start(world.command(&SERVE, &[]));
    assert_ne!(served.signing_key, first);
    drop(served);
    let rows = world.rows().await;
    assert!(rows.len() > 2 && are_in_the_device(&rows));
    let nobody = world.run(&["user", "unlock", "ada@example.com"], &[]);
    assert_eq!(
        nobody.code,
        Some(1),
        "{nobody:?}: it needs no key of the folder"
    );
}

#[tokio::test]
async fn a_signing_key_moves_into_the_device_and_from_one_key_of_it_to_another_and_out_again() {
    let world = World::new();
    let local = [("SEALER", "local")];
    let key = Served::start(world.command(&SERVE, &local))
        .signing_key
        .clone();
    world.done(&["custody", "make-key"], &[]);
    let second = [("PKCS11__KEY", "kek-2"), ("PKCS11__OTHER_KEY", KEY)];
    world.done(&["custody", "make-key"], &second);
    for (changes, under) in [
        (&[][..], "pkcs11:kek-1"),
        (&second[..], "pkcs11:kek-2"),
        (
            &[("SEALER", "local"), ("PKCS11__KEY", "kek-2")][..],
            "local:",
        ),
    ] {
        let out = world.done(&["keys", "reseal"], changes);
        // Of signing keys, and of both kinds of secrets, the one in use and the next one.
        let moved = out.matches(&format!("-> {under}")).count();
        assert!(moved == 6 && out.contains("6 re-sealed"), "{out}");
        let served = Served::start(world.command(&SERVE, changes));
        assert_eq!(served.signing_key, key);
    }
    let out = world.done(&["keys", "reseal", "--all"], &local);
    assert!(out.contains("6 re-sealed, 0 already"), "{out}");
}

/// What an operator reads, by what is wrong. Nothing is changed by any of it.
#[tokio::test]
async fn every_mistake_is_told_in_its_own_words_and_changes_nothing() {
    let world = World::new();
    let without = world.run(&SERVE, &[]);
    assert!(
        without
            .err
            .contains("the token has no AES key with the label kek-1: `edgeward custody make-key`"),
        "{without:?}"
    );
    world.done(&["custody", "make-key"], &[]);
    let key = Served::start(world.command(&SERVE, &[]))
        .signing_key
        .clone();
    let before = world.rows().await.remove(0).sealed;
    for (changes, says) in [
        (
            ("PKCS11__PIN", "000000"),
            "pkcs11:kek-1 is refused: the PIN is wrong; it is not tried again before a restart",
        ),
        (
            ("PKCS11__MODULE", "/nowhere/pkcs11.so"),
            "pkcs11:kek-1 is out of reach: the module /nowhere/pkcs11.so cannot be loaded",
        ),
        (
            ("PKCS11__MODULE", "/etc/hostname"),
            "the module /etc/hostname cannot be loaded",
        ),
        (
            ("PKCS11__TOKEN", "another"),
            "no token of the module has the label another",
        ),
        (
            ("PKCS11__KEY", "kek-9"),
            "it was sealed under pkcs11:kek-1, and the key-encryption keys at hand are: pkcs11:kek-9",
        ),
    ] {
        for command in [&SERVE[..], &["keys", "reseal"]] {
            let ran = world.run(command, &[changes]);
            assert_eq!(ran.code, Some(2), "{changes:?}: {ran:?}");
            assert!(ran.err.contains(says), "{changes:?}: {ran:?}");
            assert!(
                !ran.err.contains("000000") && !ran.err.contains(PIN),
                "{ran:?}"
            );
        }
    }
    let away = world.pull();
    let ran = world.run(&SERVE, &[]);
    assert!(
        ran.err.contains("no token of the module has the label"),
        "{ran:?}"
    );
    world.put_back(&away);
    assert_eq!(world.rows().await[0].sealed, before);
    assert_eq!(Served::start(world.command(&SERVE, &[])).signing_key, key);
}

fn key_encryption_key(session: &Session) -> ObjectHandle {
    let wanted = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(KEY.as_bytes().to_vec()),
    ];
    let found = session.find_objects(&wanted).unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

#[test]
fn who_has_the_pin_can_use_the_key_and_cannot_take_it_out() {
    const NAME: &str = "who_has_the_pin_can_use_the_key_and_cannot_take_it_out";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    assert_eq!(custody::make_key(&world.pkcs11()), Ok(MadeKey::Made));
    let session = log_in();
    let key = key_encryption_key(&session);
    let told = session
        .get_attributes(
            key,
            &[
                AttributeType::Sensitive,
                AttributeType::AlwaysSensitive,
                AttributeType::Extractable,
                AttributeType::NeverExtractable,
                AttributeType::Local,
            ],
        )
        .unwrap();
    for attribute in [
        Attribute::Sensitive(true),
        Attribute::AlwaysSensitive(true),
        Attribute::Extractable(false),
        Attribute::NeverExtractable(true),
        Attribute::Local(true),
    ] {
        assert!(told.contains(&attribute), "{attribute:?} of {told:?}");
    }
    let value = session.get_attributes(key, &[AttributeType::Value]);
    assert!(
        value.as_ref().map_or(true, Vec::is_empty),
        "the device gave the key away: it has {} attributes to tell",
        value.map_or(0, |value| value.len())
    );
    for change in [Attribute::Extractable(true), Attribute::Sensitive(false)] {
        assert!(session.update_attributes(key, &[change]).is_err());
    }
    let wrapping = session
        .generate_key(
            &Mechanism::AesKeyGen,
            &[
                Attribute::ValueLen(32.into()),
                Attribute::Wrap(true),
                Attribute::Extractable(true),
            ],
        )
        .unwrap();
    for mechanism in [Mechanism::AesKeyWrap, Mechanism::AesKeyWrapPad] {
        let wrapped = session.wrap_key(&mechanism, wrapping, key);
        assert!(
            matches!(wrapped, Err(Error::Pkcs11(RvError::KeyUnextractable, _))),
            "{wrapped:?}"
        );
    }
    let copy = [Attribute::Extractable(true), Attribute::Sensitive(false)];
    assert!(session.copy_object(key, &copy).is_err());
}

#[tokio::test]
async fn a_key_that_the_device_would_give_away_is_refused() {
    const NAME: &str = "a_key_that_the_device_would_give_away_is_refused";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    let session = log_in();
    let template = [
        Attribute::ValueLen(32.into()),
        Attribute::Label(KEY.as_bytes().to_vec()),
        Attribute::Token(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Extractable(true),
        Attribute::Sensitive(false),
    ];
    session
        .generate_key(&Mechanism::AesKeyGen, &template)
        .unwrap();
    let secrets = Secrets::open_configured(&world.config()).unwrap();
    let refused = secrets.seal("key-1", b"seed").unwrap_err().to_string();
    assert!(
        refused.contains("pkcs11:kek-1 is refused: the device gives the key kek-1 away"),
        "{refused}"
    );
}

#[tokio::test]
async fn every_changed_bit_of_what_the_device_wrapped_is_noticed() {
    const NAME: &str = "every_changed_bit_of_what_the_device_wrapped_is_noticed";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    custody::make_key(&world.pkcs11()).unwrap();
    let secrets = Secrets::open_configured(&world.config()).unwrap();
    let sealed = secrets.seal("key-1", b"seed").unwrap();
    for at in (0..sealed.as_bytes().len() * 8).step_by(5) {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        let refused = secrets
            .open("key-1", &Sealed::from_bytes(bytes))
            .unwrap_err();
        assert!(
            refused.to_string().contains("does not open"),
            "bit {at}: {refused}"
        );
    }
    assert_eq!(secrets.open("key-1", &sealed).unwrap().as_slice(), b"seed");
    assert_eq!(
        secrets.failures(),
        Some(vec![]),
        "broken data is no failure of the device"
    );
}

async fn readiness(app: &Arc<App>) -> Value {
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    let answer = routes::router(Arc::clone(app))
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let body = axum::body::to_bytes(answer.into_body(), 4096)
        .await
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// What was opened stays open: people sign in, tokens verify, and readiness names the part.
#[tokio::test]
async fn an_issuer_that_lost_the_device_goes_on_with_the_keys_it_has() {
    const NAME: &str = "an_issuer_that_lost_the_device_goes_on_with_the_keys_it_has";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    custody::make_key(&world.pkcs11()).unwrap();
    let app = Arc::new(App::open(world.config()).await.unwrap());
    app.secrets.probe().await;
    assert_eq!(readiness(&app).await["checks"]["custody"], "ok");
    let sealed = world.rows().await;
    let now = app.clock.now();
    let kind = TokenType::Other("a-test".to_owned());
    let site = app.config.issuer.url.clone();
    let claims = json!({ "iss": site, "sub": "ada", "aud": site, "exp": now.plus(60) });
    let signing_key = || app.keyring.signing_key(now, Instant::now()).unwrap();
    let token = signing_key().sign(&kind, &claims).await.unwrap();

    let away = world.pull();
    app.secrets.probe().await;
    // It is left alone for a second at first, and each failure after a rest doubles the next one: on however slow a machine some
    // question comes within one.
    let mut asked_in_vain = 0;
    loop {
        let refused = app.secrets.seal("another", b"seed").unwrap_err();
        let refused = refused.to_string();
        if refused.contains("pkcs11:kek-1 is left alone for another") {
            break;
        }
        asked_in_vain += 1;
        assert!(asked_in_vain < 7, "{refused}");
    }
    let ready = readiness(&app).await;
    assert_eq!(ready["status"], "degraded");
    assert_eq!(ready["checks"]["custody"], "degraded");
    assert_eq!(ready["checks"]["signingKey"], "ok");
    let expect = Expectations::new(site.clone(), Audiences::OneOf(vec![site]), kind.clone());
    assert!(token::verify(&token, &app.keyring.public_keys(), &expect, now).is_ok());
    // As a serving issuer does twice a second.
    let read_again = app
        .keyring
        .reload(&app.store, &app.secrets, now, Instant::now());
    read_again.await.unwrap();
    assert!(signing_key().sign(&kind, &claims).await.is_ok());

    // What is asked is written down, also what failed; a device that is back is used again by the next start.
    edgeward_issuer::domain::custody_log::write(&app.store, &app.secrets)
        .await
        .unwrap();
    let mut sql = SqliteConnectOptions::new()
        .filename(app.store.place())
        .connect()
        .await
        .unwrap();
    let uses = "SELECT entry FROM audit_log WHERE action = 'custody.use' ORDER BY seq";
    let uses: Vec<String> = sqlx::query_scalar(uses).fetch_all(&mut sql).await.unwrap();
    assert_eq!(uses.len(), 7 + asked_in_vain, "{uses:#?}");
    let in_vain = iter::repeat_n("\"outcome\":\"refused\"", asked_in_vain);
    let done = [
        "\"act\":\"wrap\"",
        "\"act\":\"unwrap\"",
        // The secrets of tokens.
        "\"act\":\"wrap\"",
        "\"act\":\"wrap\"",
        "\"act\":\"unwrap\"",
        "\"act\":\"unwrap\"",
    ];
    let told = done.into_iter().chain(in_vain);
    for (used, says) in uses.iter().zip(told.chain(["\"reason\":\"resting\""])) {
        assert!(
            used.contains(says) && used.contains("pkcs11:kek-1"),
            "{used}"
        );
    }
    world.put_back(&away);
    assert_eq!(world.rows().await[0].sealed, sealed[0].sealed);
    let entry = AuditEntry::done(Action::ResealKey, Actor::Operator, now, &Origin::default());
    let same = app
        .store
        .replace_sealed(&sealed[0], &sealed[0].sealed, &entry)
        .await;
    assert!(same.unwrap(), "the row is what it was");
}
