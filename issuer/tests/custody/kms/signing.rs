//! Keys that are made and sign in KMS: P-256 in moto's; Ed25519, which moto has not, by a script of the published interface.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use aws_sdk_kms::types::{KeySpec, KeyState, KeyUsageType};
use base64ct::{Base64, Encoding};
use edgeward_core::{
    keys::{Jwk, KeySet},
    time::UnixTime,
    token::{self, Audiences, Expectations, SigningKey, TokenType, Unverified},
};
use edgeward_issuer::{
    config::{Config, Kms, KmsKey, SigningPlace},
    custody::{self, Destroyed, MadeElsewhere, Secrets, Signer, SigningPlaces},
    signatures::{self, SigningAlgorithm},
};
use serde_json::json;

use super::{
    is_own_process,
    moto::World,
    script::{KEY, Server, no},
    signs::Account,
};
use crate::folder::Folder;

const PATIENT: Duration = Duration::from_secs(20);
const GARBAGE: &str = "is out of reach: the server answers what is no answer of KMS";

/// An issuer's way to the KMS at this address.
fn places(endpoint: &str, key: &str, timeout: Duration) -> (Folder, Arc<SigningPlaces>) {
    let folder = Folder::new();
    let mut config = Config::defaults(&folder.path().join("data"));
    config.custody.timeout = timeout;
    config.custody.signing = SigningPlace::Kms;
    config.custody.kms = Some(Kms {
        key: KmsKey::parse(key).unwrap(),
        other_key: None,
        endpoint: Some(endpoint.to_owned()),
    });
    let secrets = Secrets::open_configured(&config).unwrap();
    (folder, secrets.signing_places())
}

fn opened(
    places: &SigningPlaces,
    made: &MadeElsewhere,
    algorithm: SigningAlgorithm,
) -> Box<dyn Signer> {
    let opened = places.open(&made.reference, algorithm, made.public.clone());
    opened.unwrap_or_else(|error| panic!("{error}"))
}

/// Signs a token and verifies it as an edge does.
fn check_tokens(signer: &dyn Signer) {
    let kind = TokenType::Other("a-test".to_owned());
    let now = UnixTime::from_seconds(1_795_000_000);
    let site = "https://www.example.com".to_owned();
    let claims = json!({ "iss": site, "sub": "ada", "aud": site, "exp": now.plus(60) });
    let expect = Expectations::new(site.clone(), Audiences::OneOf(vec![site]), kind.clone());
    let public = signer.info().public.clone();
    assert_eq!(public.key_id(), public.thumbprint());
    let keys = KeySet::from_keys([public]).unwrap();
    let verified = |token: &str| {
        let judge = |answer: Option<&_>| token::verify_with(token, &keys, &expect, answer, now);
        match judge(None) {
            Err(Unverified::NeedsSignature(question)) => {
                judge(Some(&signatures::answer(*question))).is_ok()
            }
            judged => judged.is_ok(),
        }
    };
    let token = custody::sign_token(signer, &kind, &claims).unwrap();
    assert!(verified(&token), "{token}");
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert!(!verified(&format!("{signed}.{}", "A".repeat(86))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_p256_is_made_and_signs_in_kms_and_is_deleted() {
    const NAME: &str = "a_key_of_p256_is_made_and_signs_in_kms_and_is_deleted";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let world = World::new().await;
    let (_folder, places) = places(&world.endpoint, &world.key, PATIENT);
    let made = places.make(SigningAlgorithm::Es256).unwrap();
    let arn = made.reference.strip_prefix("kms:").unwrap().to_owned();
    let described = world.administrator.describe_key().key_id(&arn).send().await;
    let described = described.unwrap().key_metadata.unwrap();
    assert_eq!(described.key_spec, Some(KeySpec::EccNistP256));
    assert_eq!(described.key_usage, Some(KeyUsageType::SignVerify));
    let tags = world.administrator.list_resource_tags().key_id(&arn).send();
    let tags = tags.await.unwrap().tags.unwrap();
    assert_eq!(
        (tags[0].tag_key(), tags[0].tag_value()),
        ("edgeward", "signing-key")
    );

    let signer = opened(&places, &made, SigningAlgorithm::Es256);
    assert_eq!(signer.info().key_name, made.reference);
    // A half of a signature begins with a zero once in 128 signatures.
    for _ in 0..300 {
        check_tokens(signer.as_ref());
    }
    signer.sign(&vec![b'a'; 100_000]).unwrap();

    let (name, rsa) = places.make(SigningAlgorithm::Rs256).unwrap_err();
    assert_eq!(name, "kms:a new key");
    assert_eq!(
        rsa.to_string(),
        "is refused: keys in KMS sign by EdDSA or ES256"
    );
    let absent = MadeElsewhere {
        reference: made.reference.replace("key/", "key/0"),
        public: made.public.clone(),
    };
    let absent = opened(&places, &absent, SigningAlgorithm::Es256).sign(b"a");
    let absent = absent.unwrap_err().to_string();
    assert!(
        absent.starts_with("is not there: KMS answers NotFound"),
        "{absent}"
    );
    for (reference, algorithm) in [
        (made.reference.as_str(), SigningAlgorithm::EdDsa),
        ("kms:alias/tokens", SigningAlgorithm::Es256),
        ("cloud:1", SigningAlgorithm::Es256),
    ] {
        assert!(
            places
                .open(reference, algorithm, made.public.clone())
                .is_err(),
            "{reference}"
        );
    }

    let key_id = made.public.key_id();
    assert_eq!(places.destroy(&made.reference, key_id), Ok(Destroyed::Now));
    let described = world.administrator.describe_key().key_id(&arn).send().await;
    let state = described.unwrap().key_metadata.unwrap().key_state;
    assert_eq!(state, Some(KeyState::PendingDeletion));
    assert_eq!(
        places.destroy(&made.reference.replace("key/", "key/0"), key_id),
        Ok(Destroyed::WasGone)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ed25519_is_made_and_signs_the_message_itself() {
    const NAME: &str = "a_key_of_ed25519_is_made_and_signs_the_message_itself";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let account = Account::default();
    let server = Server::start(account.answers()).await;
    let (_folder, places) = places(&server.address, KEY, PATIENT);
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
        // A key that was just made is not known everywhere at once.
        *account.unheard_of.lock().unwrap() = 2;
        let made = places.make(algorithm).unwrap();
        let signer = opened(&places, &made, algorithm);
        check_tokens(signer.as_ref());
        signer.sign(&[b'a'; 4096]).unwrap();
        if algorithm == SigningAlgorithm::EdDsa {
            server.asked();
            let long = signer.sign(&[b'a'; 4097]).unwrap_err().to_string();
            assert_eq!(
                long,
                "is refused: KMS signs at most 4096 bytes by Ed25519, and these are 4097"
            );
            assert!(server.asked().is_empty());
            check_tokens(signer.as_ref());
        }
        let key_id = made.public.key_id();
        assert_eq!(places.destroy(&made.reference, key_id), Ok(Destroyed::Now));
        assert_eq!(
            places.destroy(&made.reference, key_id),
            Ok(Destroyed::WasGone)
        );
        assert!(signer.sign(b"a").is_err());
    }
    assert!(account.arns().is_empty());
}

fn public() -> Jwk {
    SigningKey::from_seed(&[9; 32]).unwrap().public_jwk()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_not_of_the_key_leaves_no_token() {
    const NAME: &str = "a_signature_that_is_not_of_the_key_leaves_no_token";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let account = Account::default();
    for signature in [vec![], vec![0; 64], vec![1; 63], vec![1; 65]] {
        let server = Server::start(account.answers()).await;
        let (_folder, places) = places(&server.address, KEY, PATIENT);
        for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
            server.answers(account.answers());
            let signer = opened(&places, &places.make(algorithm).unwrap(), algorithm);
            let body = json!({ "KeyId": KEY, "Signature": Base64::encode_string(&signature) });
            server.answers(move |_, _| (200, body.to_string()));
            assert_eq!(signer.sign(b"a").unwrap_err().to_string(), GARBAGE);
        }
    }
    // The same name, and another key behind it than the one of the row.
    let server = Server::start(account.answers()).await;
    let (_folder, places) = places(&server.address, KEY, PATIENT);
    let signer = opened(
        &places,
        &places.make(SigningAlgorithm::EdDsa).unwrap(),
        SigningAlgorithm::EdDsa,
    );
    account.exchange();
    assert_eq!(signer.sign(b"a").unwrap_err().to_string(), GARBAGE);
    let resting = signer.sign(b"a").unwrap_err().to_string();
    assert!(resting.contains("is left alone for another"), "{resting}");
}

/// The state decides, and no word of a sentence.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_kms_does_not_delete_in_its_state_is_gone_only_if_it_is_to_be_deleted() {
    const NAME: &str =
        "a_key_that_kms_does_not_delete_in_its_state_is_gone_only_if_it_is_to_be_deleted";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let account = Account::default();
    let server = Server::start(account.answers()).await;
    let (_folder, places) = places(&server.address, KEY, PATIENT);
    let made = places.make(SigningAlgorithm::EdDsa).unwrap();
    let state = |state: &str| json!({ "KeyMetadata": { "KeyId": KEY, "KeyState": state } });
    let denied = "not authorized to perform: kms:DescribeKey";
    let pending = "the key is pending deletion.";
    for (words, status, described, expected) in [
        (
            "",
            200,
            state("PendingDeletion").to_string(),
            Ok(Destroyed::WasGone),
        ),
        (
            "",
            200,
            state("PendingReplicaDeletion").to_string(),
            Ok(Destroyed::WasGone),
        ),
        ("", 400, no("NotFoundException", ""), Ok(Destroyed::WasGone)),
        (pending, 200, state("Enabled").to_string(), Err(pending)),
        (
            "updating",
            200,
            state("Updating").to_string(),
            Err("updating"),
        ),
        (pending, 200, "{}".to_owned(), Err(GARBAGE)),
        (
            pending,
            400,
            no("AccessDeniedException", denied),
            Err(denied),
        ),
    ] {
        let told = format!("{words} {described}");
        server.answers(move |act, _| match act {
            "ScheduleKeyDeletion" => (400, no("KMSInvalidStateException", words)),
            "DescribeKey" => (status, described.clone()),
            other => panic!("{other}"),
        });
        let done = places.destroy(&made.reference, made.public.key_id());
        match (done, expected) {
            (Ok(done), Ok(expected)) => assert_eq!(done, expected, "{told}"),
            (Err(why), Err(says)) => assert!(why.to_string().contains(says), "{told}: {why}"),
            (done, _) => panic!("{told}: {done:?}"),
        }
    }
}

/// No key is left behind that costs something and that nobody will ever ask for.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_what_was_asked_for_is_deleted_again() {
    const NAME: &str = "a_key_that_is_not_what_was_asked_for_is_deleted_again";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let spki = |pair: &Ed25519KeyPair| {
        let start = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        Base64::encode_string(&[&start, pair.public_key().as_ref()].concat())
    };
    let another_kind = spki(&Ed25519KeyPair::generate().unwrap());
    for (status, body, says) in [
        (
            200,
            json!({ "KeyUsage": "KEY_AGREEMENT", "PublicKey": "AAAA" }).to_string(),
            "is refused: the key is not for signing",
        ),
        (
            200,
            json!({ "KeyUsage": "SIGN_VERIFY", "PublicKey": another_kind }).to_string(),
            "is refused: the key is none of Ed25519 or P-256",
        ),
        (
            200,
            json!({ "KeyUsage": "SIGN_VERIFY" }).to_string(),
            GARBAGE,
        ),
        (
            400,
            no(
                "AccessDeniedException",
                "not authorized to perform: kms:GetPublicKey",
            ),
            "is refused: KMS answers AccessDeniedException: not authorized to perform: kms:GetPublicKey",
        ),
    ] {
        let account = Account::default();
        let mut answers = account.answers();
        let server = Server::start(move |act: &str, asked: &_| match act {
            "GetPublicKey" => (status, body.clone()),
            _ => answers(act, asked),
        })
        .await;
        let (_folder, places) = places(&server.address, KEY, PATIENT);
        let (_, error) = places.make(SigningAlgorithm::Es256).unwrap_err();
        assert_eq!(error.to_string(), says);
        assert_eq!(
            (account.arns().len(), account.deleted().len()),
            (0, 1),
            "{says}"
        );
    }
    // Nobody may make keys.
    let server = Server::start(|_, _| {
        let why = no(
            "AccessDeniedException",
            "not authorized to perform: kms:CreateKey",
        );
        (400, why)
    })
    .await;
    let (_folder, places) = places(&server.address, KEY, PATIENT);
    let (_, error) = places.make(SigningAlgorithm::EdDsa).unwrap_err();
    assert!(error.to_string().contains("kms:CreateKey"), "{error}");
    let vouched = places.vouch(&format!("kms:{KEY}"), SigningAlgorithm::EdDsa, public());
    assert!(vouched.is_err(), "whoever has an account has keys in KMS");
}
