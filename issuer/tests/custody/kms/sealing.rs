//! Sealed under keys of moto's KMS, by the binary.

use std::sync::Arc;

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use axum::{body::Body, http::Request};
use edgeward_issuer::{App, custody::Secrets, http::routes};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{SECRETS, is_own_process, moto::World};
use crate::{
    folder::Folder,
    program::{edgeward, run},
    served::{SERVE, Served},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_is_sealed_in_kms_from_the_first_start_on() {
    let world = World::new().await;
    let under = format!("kms:{}", world.key);
    let checked = world.done(&["custody", "check"], &[]);
    assert_eq!(checked, format!("{under}: seals and opens\n"));

    let served = Served::start(world.command(&SERVE, &[]));
    let ready: Value = served.ready().await.json().await.unwrap();
    assert_eq!(
        (&ready["status"], &ready["checks"]["custody"]),
        (&json!("ok"), &json!("ok"))
    );
    let first = served.signing_key.clone();
    drop(served);
    let rows = world.rows().await;
    let names = rows.iter().map(|row| Secrets::key_of(&row.sealed));
    assert!(!rows.is_empty() && names.clone().all(|name| name.as_ref() == Some(&under)));
    assert!(
        !world.path().join("data/secrets/kek").exists(),
        "no key of its own is made"
    );
    let served = Served::start(world.command(&SERVE, &[]));
    assert_eq!(served.signing_key, first);
    let shown = world.done(&["config", "show"], &[]);
    assert!(
        shown.contains(&format!("key = \"{}\"", world.key)),
        "{shown}"
    );
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_moves_into_kms_and_to_another_key_and_out_again_while_issuers_serve() {
    let world = World::new().await;
    let local = [("SEALER", "local")];
    // It names the key of KMS as well, so it may open what others have moved there.
    let served = Served::start(world.command(&SERVE, &local));
    let key = served.signing_key.clone();
    let symmetric = KeySpec::SymmetricDefault;
    let second = world.make(symmetric, KeyUsageType::EncryptDecrypt).await;
    let by_second = [
        ("KMS__KEY", second.as_str()),
        ("KMS__OTHER_KEY", world.key.as_str()),
    ];
    for (changes, under) in [
        (&[][..], format!("kms:{}", world.key)),
        (&by_second[..], format!("kms:{second}")),
        (
            &[("SEALER", "local"), ("KMS__KEY", second.as_str())][..],
            "local:".to_owned(),
        ),
    ] {
        let out = world.done(&["keys", "reseal"], changes);
        // The key that signs and the next one, and the same of the secrets of CSRF and of refresh tokens.
        let moved = out.matches(&format!("-> {under}")).count();
        assert!(moved == 6 && out.contains("6 re-sealed"), "{out}");
        let another = Served::start(world.command(&SERVE, changes));
        assert_eq!(another.signing_key, key);
        let key_set = served.json("/.well-known/jwks.json").await;
        let mut keys = key_set["keys"].as_array().unwrap().iter();
        assert!(keys.any(|known| known["kid"] == json!(key)), "{key_set}");
        assert_eq!(served.json("/readyz").await["checks"]["custody"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_told_in_its_own_words_and_changes_nothing() {
    let world = World::new().await;
    let key = Served::start(world.command(&SERVE, &[]))
        .signing_key
        .clone();
    let before = world.rows().await;
    let symmetric = KeySpec::SymmetricDefault;
    let another = world.make(symmetric, KeyUsageType::EncryptDecrypt).await;
    let absent = world.key.replace("key/", "key/0");
    let elsewhere = world.key.replace("eu-central-1", "eu-west-1");
    let sealed_under = format!("it was sealed under kms:{}", world.key);
    for (changed, says) in [
        (("KMS__KEY", another.as_str()), sealed_under.as_str()),
        (("KMS__KEY", elsewhere.as_str()), sealed_under.as_str()),
        (("KMS__ENDPOINT", "http://127.0.0.1:9"), "is out of reach: "),
    ] {
        for command in [&SERVE[..], &["keys", "reseal"]] {
            let ran = world.run(command, &[changed]);
            assert_eq!(ran.code, Some(2), "{changed:?}: {ran:?}");
            assert!(ran.err.contains(says), "{changed:?}: {ran:?}");
        }
    }
    for (key, says) in [
        (&absent, "is not there: KMS answers NotFoundException: "),
        (&elsewhere, "is not there: KMS answers NotFoundException: "),
    ] {
        let ran = world.run(&["custody", "check"], &[("KMS__KEY", key.as_str())]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let whole = format!("the key-encryption key kms:{key} {says}");
        assert!(ran.out.contains(&whole), "{ran:?}");
    }
    let after = world.rows().await;
    let sealed = |rows: &[edgeward_issuer::domain::reseal::SealedKey]| -> Vec<Vec<u8>> {
        let sealed = rows.iter().map(|row| row.sealed.as_bytes().to_vec());
        sealed.collect()
    };
    assert_eq!(sealed(&after), sealed(&before));
    assert_eq!(Served::start(world.command(&SERVE, &[])).signing_key, key);
}

async fn readiness(app: &Arc<App>) -> Value {
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    let answer = routes::router(Arc::clone(app)).oneshot(request).await;
    let body = axum::body::to_bytes(answer.unwrap().into_body(), 4096).await;
    serde_json::from_slice(&body.unwrap()).unwrap()
}

/// What was opened stays open, and readiness names the part.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_lost_kms_goes_on_with_the_keys_it_has() {
    const NAME: &str = "an_issuer_that_lost_kms_goes_on_with_the_keys_it_has";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let mut world = World::new().await;
    let app = Arc::new(App::open(world.config()).await.unwrap());
    app.secrets.probe().await;
    assert_eq!(readiness(&app).await["checks"]["custody"], "ok");
    world.end();
    app.secrets.probe().await;
    let ready = readiness(&app).await;
    assert_eq!(
        (&ready["status"], &ready["checks"]["custody"]),
        (&json!("degraded"), &json!("degraded"))
    );
    assert_eq!(ready["checks"]["signingKey"], "ok");
    let failures = app.secrets.failures().unwrap();
    let told = failures.first().unwrap().to_string();
    let whole = format!("the key-encryption key kms:{} is out of reach: ", world.key);
    assert!(told.starts_with(&whole), "{told}");
}

#[test]
fn who_may_make_keys_is_told_how_and_nobody_is_asked() {
    let folder = Folder::new();
    let mut command = edgeward(folder.path());
    let told = run(command.args(["custody", "make-key", "--kms"]), b"");
    assert_eq!(told.code, Some(0), "{told:?}");
    for says in [
        "aws kms create-key --key-spec SYMMETRIC_DEFAULT",
        "\"kms:EncryptionContext:edgeward\": \"data-key-1\"",
    ] {
        assert!(told.out.contains(says), "{told:?}");
    }
}
