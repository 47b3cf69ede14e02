//! An issuer whose tokens are signed in SoftHSM, by keys that are made there.

use std::time::Duration;

use edgeward_issuer::{
    config::{Config, SigningPlace},
    custody,
    domain::{
        keyring::{KeyState, PrivateHalf},
        reseal::SealedKey,
    },
    signatures::SigningAlgorithm,
};
use serde_json::json;

use crate::{
    asked::{keys, read, readiness, until_ready, verified},
    desk::{Desk, EMAIL, PASSWORD},
    softhsm::World,
};

/// What has not come by then does not come.
const NEVER: Duration = Duration::from_secs(60);

const IN_THE_DEVICE: (&str, &str) = ("SIGNING", "pkcs11");

fn config(world: &World) -> Config {
    let mut config = world.config();
    config.custody.signing = SigningPlace::Pkcs11;
    config.tokens.algorithm = SigningAlgorithm::Es256;
    config
}

#[tokio::test]
async fn tokens_are_signed_in_the_device_and_while_it_is_gone_nothing_is_lost() {
    const NAME: &str = "tokens_are_signed_in_the_device_and_while_it_is_gone_nothing_is_lost";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    custody::make_key(&world.pkcs11()).unwrap();
    let (desk, mut ada) = Desk::with_ada_and(|its| *its = config(&world)).await;
    ada.log_in(EMAIL).await;
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");
    let made = keys(&desk).await;
    assert_eq!(made.len(), 2, "one of EdDSA for the edges: {made:?}");
    for key in &made {
        let PrivateHalf::Elsewhere(held) = &key.private else {
            panic!("{key:?} is not in the device");
        };
        let reference = &held.reference;
        assert!(reference.starts_with("pkcs11:edgeward-"), "{reference}");
    }
    let sealed = world.rows().await;
    let of_keys = |row: &&SealedKey| made.iter().any(|key| key.life.key_id == row.key_id);
    for row in sealed.iter().filter(of_keys) {
        assert!(row.held.is_some(), "nothing of them is in the database");
        let opened = desk.app.secrets.open(&row.key_id, &row.sealed);
        assert!(opened.is_err(), "it proves the row, and is no key");
    }
    assert_eq!(until_ready(&desk).await["checks"]["signingKey"], "ok");
    let (families, entries) = (
        "SELECT count(*) FROM families",
        "SELECT count(*) FROM audit_log WHERE action LIKE 'session.%'",
    );
    let before = (desk.number(families).await, desk.number(entries).await);
    let (access, refresh) = (ada.cookie("access"), ada.cookie("refresh"));

    let away = world.pull();
    for _ in 0..3 {
        let answer = ada.refresh().await.expect(503);
        assert_eq!(answer.json()["code"], "SIGNING_UNAVAILABLE");
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
    }
    let mut other = desk.browser();
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = other
        .post("/auth/login")
        .json(&credentials)
        .with_csrf()
        .send()
        .await;
    assert_eq!(answer.expect(503).json()["code"], "SIGNING_UNAVAILABLE");
    assert_eq!(
        (ada.cookie("access"), ada.cookie("refresh")),
        (access, refresh)
    );
    assert_eq!(
        before,
        (desk.number(families).await, desk.number(entries).await)
    );
    // What was signed before is verified on, by whoever has the keys.
    let _ = ada.get("/auth/me").send().await.expect(200);
    let set = other
        .get("/.well-known/jwks.json")
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(set["keys"].as_array().unwrap().len(), 2);
    verified(&desk, &ada.cookie("access"));
    let ready = readiness(&desk, 503).await;
    assert_eq!(ready["checks"]["signingKey"], "failing");
    assert_eq!(ready["checks"]["database"], "ok");
    // The device is not needed for that.
    read(&desk).await;
    desk.app.secrets.probe().await;

    world.put_back(&away);
    // The breaker lets somebody ask after some seconds, and then all is as before, with the same refresh token.
    let served = tokio::time::timeout(NEVER, async {
        loop {
            let answer = ada.refresh().await;
            match answer.status {
                200 => return,
                503 => tokio::task::yield_now().await,
                other => panic!("{other}"),
            }
        }
    });
    served.await.expect("the device is used again");
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");
    let _ = other
        .post("/auth/login")
        .json(&credentials)
        .with_csrf()
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_rotation_makes_its_keys_in_the_device() {
    let world = World::new();
    world.done(&["custody", "make-key"], &[]);
    // The first key is in the database, as with an issuer that had no device.
    world.done(&["migrate", "up"], &[]);
    world.done(&["keys", "rotate", "--force"], &[]);
    let changes = [IN_THE_DEVICE];
    let list = || world.done(&["keys", "list"], &changes);
    assert!(!list().contains("held at"), "{}", list());
    world.done(&["keys", "rotate", "--force"], &changes);
    let after = list();
    let signs = after.lines().find(|line| line.contains(" active "));
    assert!(
        signs.unwrap().contains(", held at pkcs11:edgeward-eddsa-"),
        "{after}"
    );
    let before = after.lines().find(|line| line.contains(" retiring "));
    assert!(!before.unwrap().contains("held at"), "{after}");
    let resealed = world.done(&["keys", "reseal"], &changes);
    assert!(resealed.contains("0 re-sealed, 2 already"), "{resealed}");

    let away = world.pull();
    let refused = world.run(&["keys", "rotate", "--force"], &changes);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.err.contains("no token of the module has the label"),
        "{refused:?}"
    );
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = world.run(&serve, &changes);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    world.put_back(&away);
    let wrong = [
        IN_THE_DEVICE,
        ("PKCS11__PIN", "000000"),
        ("SEALER", "local"),
    ];
    for command in [&serve[..], &["keys", "rotate", "--force"]] {
        let refused = world.run(command, &wrong);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(!refused.err.contains("000000"), "{refused:?}");
    }
    assert_eq!(list(), after, "nothing was changed by any of it");
}

#[test]
fn a_device_that_is_gone_for_good_is_done_without() {
    let world = World::new();
    let in_the_device = [IN_THE_DEVICE, ("SEALER", "local")];
    let without = [("SEALER", "local")];
    world.done(&["migrate", "up"], &without);
    world.done(&["keys", "rotate", "--force"], &in_the_device);
    world.done(&["keys", "rotate"], &in_the_device);
    let held = |state: &str| {
        let list = world.done(&["keys", "list"], &without);
        let line = list.lines().find(|line| line.contains(state));
        let line = line.unwrap_or_else(|| panic!("none is {state}: {list}"));
        let id = line.split(' ').next().unwrap().to_owned();
        (id, line.contains("held at"))
    };
    let (first, is_held) = held(" active ");
    assert!(is_held && held(" published ").1);
    world.pull();
    // The one that waits signs next, and is held there too; then one is made in the database.
    world.done(&["keys", "revoke", &first], &without);
    let (second, is_held) = held(" active ");
    assert!(is_held);
    world.done(&["keys", "revoke", &second], &without);
    assert!(!held(" active ").1);
}

#[tokio::test]
async fn another_key_under_the_same_label_signs_nothing() {
    const NAME: &str = "another_key_under_the_same_label_signs_nothing";
    let Some(world) = World::of_own_process(module_path!(), NAME) else {
        return;
    };
    custody::make_key(&world.pkcs11()).unwrap();
    let desk = Desk::open_with(|its| *its = config(&world)).await;
    let made = keys(&desk).await;
    let active = made
        .iter()
        .find(|key| key.algorithm == SigningAlgorithm::Es256 && key.life.state == KeyState::Active);
    let PrivateHalf::Elsewhere(held) = &active.unwrap().private else {
        panic!("{made:?}");
    };
    let label = held.reference.strip_prefix("pkcs11:").unwrap();
    let session = crate::softhsm::log_in();
    let named = [cryptoki::object::Attribute::Label(
        label.as_bytes().to_vec(),
    )];
    for object in session.find_objects(&named).unwrap() {
        session.destroy_object(object).unwrap();
    }
    let again = custody::make_signing_key(
        &desk.app.config.custody,
        label,
        SigningAlgorithm::Es256.in_header(),
    );
    assert_ne!(again.unwrap().key_id(), active.unwrap().life.key_id);
    desk.add(EMAIL, &[]).await;
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let mut ada = desk.browser();
    let answer = ada
        .post("/auth/login")
        .json(&credentials)
        .with_csrf()
        .send()
        .await;
    assert_eq!(answer.expect(503).json()["code"], "SIGNING_UNAVAILABLE");
}
