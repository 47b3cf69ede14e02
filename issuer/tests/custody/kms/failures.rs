//! What KMS may answer, or not, and what an operator then reads. By a script of its interface.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use edgeward_issuer::{
    config::{Config, Kms, KmsKey, SealerKind},
    custody::{Sealed, Secrets},
    domain::reseal::SealedKeys,
    open_existing_store,
};
use serde_json::{Value, json};

use super::{
    SECRETS, is_own_process,
    script::{KEY, Server, command, no, run_with, seals},
};
use crate::{
    folder::Folder,
    served::{SERVE, Served},
    settings::check,
};

const CHECK: &[&str] = &["custody", "check"];

#[tokio::test(flavor = "multi_thread")]
async fn what_kms_refuses_is_told_in_its_words_and_credentials_never_are() {
    let (folder, server) = (Folder::new(), Server::start(seals).await);
    let seals_and_opens = format!("kms:{KEY}: seals and opens\n");
    let good = run_with(&folder, &server, CHECK, &[]).await;
    assert_eq!(
        (good.code, &good.out),
        (Some(0), &seals_and_opens),
        "{good:?}"
    );
    // An answer to a wrong signature repeats the request that should have been signed.
    let repeats = "The Canonical String should have been x-amz-security-token:s3cret-session-token";
    for (status, code, message, says) in [
        (
            400,
            "AccessDeniedException",
            "User: arn:aws:iam::111122223333:user/ada is not authorized to perform: kms:Encrypt",
            "is refused: KMS answers AccessDeniedException: User: arn:aws:iam::111122223333:user/ada is not",
        ),
        (
            400,
            "DisabledException",
            "the key is disabled.",
            "is refused: KMS answers DisabledException: the key is disabled.",
        ),
        (
            400,
            "KMSInvalidStateException",
            "the key is pending deletion.",
            "is refused: KMS answers KMSInvalidStateException: the key is pending deletion.",
        ),
        (
            400,
            "InvalidKeyUsageException",
            "the key is for signing",
            "is refused: KMS answers InvalidKeyUsageException: the key is for signing",
        ),
        (
            400,
            "NotFoundException",
            "Key does not exist",
            "is not there: KMS answers NotFoundException: Key does not exist",
        ),
        (
            400,
            "ExpiredTokenException",
            repeats,
            "is refused: KMS answers ExpiredTokenException: the credentials have expired",
        ),
        (
            400,
            "UnrecognizedClientException",
            repeats,
            "is refused: KMS answers UnrecognizedClientException: it does not know the credentials",
        ),
        (
            403,
            "InvalidSignatureException",
            repeats,
            "is refused: KMS answers InvalidSignatureException: the credentials do not sign what",
        ),
        (
            400,
            "ThrottlingException",
            "Rate exceeded",
            "is out of reach: KMS answers ThrottlingException: Rate exceeded",
        ),
        (
            500,
            "KMSInternalException",
            "again\nlater",
            "is out of reach: KMS answers KMSInternalException: again later",
        ),
        (
            400,
            "SomethingNewException",
            repeats,
            "is out of reach: KMS answers SomethingNewException\n",
        ),
    ] {
        server.answers(move |_, _| (status, no(code, message)));
        let ran = run_with(&folder, &server, CHECK, &[]).await;
        let whole = format!("the key-encryption key kms:{KEY} {says}");
        assert_eq!(ran.code, Some(1), "{code}: {ran:?}");
        assert!(ran.out.contains(&whole), "{ran:?}\nis not\n{whole}");
        for secret in SECRETS {
            assert!(!format!("{ran:?}").contains(secret), "{code}: {ran:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_and_a_resealing_that_kms_refuses_change_nothing() {
    let (folder, server) = (Folder::new(), Server::start(seals).await);
    let start = || {
        let mut command = command(folder.path(), &server);
        command.args(SERVE);
        Served::start(command).signing_key.clone()
    };
    let key = start();
    let rows = || async {
        let config = Config::defaults(&folder.path().join("data"));
        let store = open_existing_store(&config).await.unwrap();
        let rows = store.sealed_keys().await.unwrap();
        store.close().await;
        let sealed = rows.into_iter().map(|row| row.sealed);
        sealed.collect::<Vec<_>>()
    };
    let before = rows().await;
    for (code, says) in [
        ("AccessDeniedException", "is refused: KMS answers"),
        ("DisabledException", "is refused: KMS answers"),
        ("NotFoundException", "is not there: KMS answers"),
        ("ExpiredTokenException", "is refused: KMS answers"),
        ("ThrottlingException", "is out of reach: KMS answers"),
        ("IncorrectKeyException", "does not open"),
    ] {
        server.answers(move |_, _| (400, no(code, "because")));
        for act in [&SERVE[..], &["keys", "reseal", "--all"]] {
            let ran = run_with(&folder, &server, act, &[]).await;
            assert_eq!(ran.code, Some(2), "{code}: {ran:?}");
            assert!(ran.err.contains(says), "{code}: {ran:?}");
        }
        assert_eq!(rows().await, before, "{code}");
    }
    server.answers(seals);
    assert_eq!(start(), key);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_kms_opens_nothing() {
    let (folder, server) = (Folder::new(), Server::start(seals).await);
    let garbage = "is out of reach: the server answers what is no answer of KMS";
    let of = |key: &str, bytes: &[u8]| {
        json!({ "KeyId": key, "Plaintext": Base64::encode_string(bytes) }).to_string()
    };
    let another = KEY.replace("1234abcd", "9999abcd");
    for (status, body, says) in [
        (200, "{}".to_owned(), garbage),
        (200, "<html>".to_owned(), garbage),
        (
            200,
            json!({ "KeyId": KEY, "Plaintext": 7 }).to_string(),
            garbage,
        ),
        (
            200,
            json!({ "KeyId": KEY, "Plaintext": "!" }).to_string(),
            garbage,
        ),
        (200, of(&another, &[1; 32]), garbage),
        (200, of(KEY, &[1; 16]), "does not open"),
        (200, of(KEY, &[1; 32]), "does not open"),
        (400, no("InvalidCiphertextException", ""), "does not open"),
        (400, no("IncorrectKeyException", ""), "does not open"),
        (
            502,
            "<html>bad gateway".to_owned(),
            "is out of reach: the server answers 502 and no reason",
        ),
        (
            307,
            String::new(),
            "is out of reach: the server answers 307 and no reason",
        ),
    ] {
        let told = body.clone();
        server.answers(move |act, asked| match act {
            "Decrypt" => (status, body.clone()),
            other => seals(other, asked),
        });
        let ran = run_with(&folder, &server, CHECK, &[]).await;
        assert_eq!(ran.code, Some(1), "{told}: {ran:?}");
        assert!(ran.out.contains(says), "{told}: {ran:?}");
    }
    server.answers(|_, _| (200, json!({ "KeyId": KEY }).to_string()));
    let ran = run_with(&folder, &server, CHECK, &[]).await;
    assert!(ran.out.contains(garbage), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_nobody_is_asked() {
    let (folder, server) = (Folder::new(), Server::start(seals).await);
    for (changes, says) in [
        (
            [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")],
            "is out of reach: there are no credentials for AWS: ",
        ),
        (
            [("AWS_SECRET_ACCESS_KEY", ""), ("AWS_SESSION_TOKEN", "")],
            "is out of reach: there are no credentials for AWS: ",
        ),
    ] {
        let ran = run_with(&folder, &server, CHECK, &changes).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.contains(says), "{ran:?}");
    }
    assert!(server.asked().is_empty());
}

fn open(folder: &Folder, server: &Server, timeout: Duration) -> Secrets {
    let mut config = Config::defaults(&folder.path().join("data"));
    config.custody.sealer = SealerKind::Kms;
    config.custody.cache = Duration::ZERO;
    config.custody.timeout = timeout;
    config.custody.kms = Some(Kms {
        key: KmsKey::parse(KEY).unwrap(),
        other_key: None,
        endpoint: Some(server.address.clone()),
    });
    Secrets::open_configured(&config).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_goes_to_kms_bound_to_the_signing_key_and_the_secret_does_not() {
    const NAME: &str = "a_data_key_goes_to_kms_bound_to_the_signing_key_and_the_secret_does_not";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start(seals).await);
    let secrets = open(&folder, &server, Duration::from_secs(20));
    let sealed = secrets.seal("key-1", b"a private key").unwrap();
    let name = format!("kms:{KEY}");
    assert_eq!(Secrets::key_of(&sealed), Some(name));
    let opened = secrets.open("key-1", &sealed).unwrap();
    assert_eq!(opened.as_slice(), b"a private key");
    let asked = server.asked();
    let acts: Vec<&str> = asked.iter().map(|(act, _, _)| act.as_str()).collect();
    assert_eq!(acts, ["Encrypt", "Decrypt"]);
    for (act, headers, body) in &asked {
        assert_eq!(body["KeyId"], KEY, "{act}");
        let bound = json!({ "edgeward": "data-key-1", "sealed-for": "key-1" });
        assert_eq!(body["EncryptionContext"], bound, "{act}");
        let signed = headers["authorization"].to_str().unwrap();
        assert!(
            signed.contains("/eu-central-1/kms/aws4_request"),
            "{signed}"
        );
        assert!(!body.to_string().contains("private"), "{body}");
    }
    let sent = asked[0].2["Plaintext"].as_str().unwrap();
    assert_eq!(Base64::decode_vec(sent).unwrap().len(), 32);
    // An envelope that somebody moved to the row of another signing key.
    let moved = secrets.open("key-2", &sealed).unwrap_err().to_string();
    assert!(moved.contains("does not open"), "{moved}");
    let bytes = sealed.as_bytes();
    for at in (0..bytes.len() * 8).step_by(7) {
        let mut bytes = bytes.to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        let refused = secrets.open("key-1", &Sealed::from_bytes(bytes));
        assert!(refused.is_err(), "bit {at}");
    }
    assert_eq!(secrets.failures(), Some(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_that_hangs_is_asked_once_and_then_left_alone() {
    const NAME: &str = "a_kms_that_hangs_is_asked_once_and_then_left_alone";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let (folder, server) = (Folder::new(), Server::start(seals).await);
    // Long enough for a client to be made on a busy machine, which is within the limit.
    let secrets = open(&folder, &server, Duration::from_secs(5));
    secrets.seal("key-1", b"seed").unwrap();
    server.asked();
    server.hangs();
    let slow = secrets.seal("key-1", b"seed").unwrap_err().to_string();
    assert!(slow.contains("gave no answer within 5000 ms"), "{slow}");
    for _ in 0..10 {
        let resting = secrets.seal("key-1", b"seed").unwrap_err().to_string();
        assert!(resting.contains("is left alone for another"), "{resting}");
    }
    assert_eq!(server.asked().len(), 1);
    assert_eq!(secrets.failures().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_busy_moment_of_kms_is_nothing() {
    const NAME: &str = "one_busy_moment_of_kms_is_nothing";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let folder = Folder::new();
    let mut busy = true;
    let server = Server::start(move |act: &str, body: &Value| {
        if std::mem::take(&mut busy) {
            (400, no("ThrottlingException", "Rate exceeded"))
        } else {
            seals(act, body)
        }
    });
    let server = server.await;
    let secrets = open(&folder, &server, Duration::from_secs(20));
    secrets.seal("key-1", b"seed").unwrap();
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn keys_are_named_by_arn_and_judged_with_what_is_beside_them() {
    check(
        "[custody]\nsealer = \"kms\"\n",
        &[],
        &["FILE:2: custody.sealer: needs custody.kms.key"],
    );
    let form = "must be the ARN of a key, as arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
    for wrong in [
        "alias/edgeward",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:eu-central-1:111122223333:alias/edgeward",
        "arn:aws:s3:eu-central-1:111122223333:key/1234abcd",
        "arn:aws:kms::111122223333:key/1234abcd",
        "arn:aws:kms:eu-central-1:11112222333:key/1234abcd",
        "arn:aws:kms:eu-central-1:111122223333:key/",
        "arn:aws:kms:eu-central-1:111122223333:key/1234:abcd",
        "arn:aws:kms:eu central:111122223333:key/1234abcd",
    ] {
        check(
            &format!("[custody.kms]\nkey = \"{wrong}\"\n"),
            &[],
            &[&format!("FILE:2: custody.kms.key: {form}")],
        );
    }
    let elsewhere = KEY.replace("eu-central-1", "eu-west-1");
    check(
        &format!("[custody.kms]\nkey = \"{KEY}\"\nother_key = \"{KEY}\"\n"),
        &[],
        &["FILE:3: custody.kms.other_key: names the key that seals"],
    );
    check(
        &format!(
            "[custody.kms]\nkey = \"{KEY}\"\nother_key = \"{elsewhere}\"\nendpoint = \"https://kms.example.com\"\n"
        ),
        &[],
        &[
            "FILE:3: custody.kms.other_key: is in another region, which custody.kms.endpoint is not of",
        ],
    );
    check(
        &format!("[custody.kms]\nkey = \"{KEY}\"\nendpoint = \"http://kms.example.com\"\n"),
        &[],
        &["FILE:3: custody.kms.endpoint: must be an origin, as https://vpce-"],
    );
    check(
        "[custody.kms]\nendpoint = \"https://kms.example.com\"\n",
        &[],
        &["FILE:2: custody.kms.endpoint: does nothing without custody.kms.key"],
    );
    for good in [
        "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    ] {
        assert_eq!(KmsKey::parse(good).unwrap().as_str(), good);
    }
}
