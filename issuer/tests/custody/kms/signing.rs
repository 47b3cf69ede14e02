//! Keys that sign in KMS: P-256 in moto's, Ed25519, which moto has not, by a script of the published interface.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use base64ct::{Base64, Encoding};
use edgeward_core::{
    keys::KeySet,
    signature::Algorithm,
    time::UnixTime,
    token::{self, Audiences, Expectations, TokenType, Unverified},
};
use edgeward_issuer::{
    config::{Custody, Kms, KmsKey},
    custody::{self, Signer},
    signatures,
};
use serde_json::{Value, json};

use super::{
    is_own_process,
    moto::World,
    script::{KEY, Server, no},
};

const PATIENT: Duration = Duration::from_secs(20);

fn settings(endpoint: &str) -> Custody {
    Custody {
        timeout: PATIENT,
        kms: Some(Kms {
            key: KmsKey::parse(KEY).unwrap(),
            other_key: None,
            endpoint: Some(endpoint.to_owned()),
        }),
        ..Custody::default()
    }
}

fn opened(endpoint: &str, key: &str) -> Result<Box<dyn Signer>, String> {
    custody::open_kms_signer(&settings(endpoint), &KmsKey::parse(key).unwrap())
        .map_err(|error| error.to_string())
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
async fn a_key_of_p256_signs_in_kms() {
    if !is_own_process(module_path!(), "a_key_of_p256_signs_in_kms") {
        return;
    }
    let world = World::new().await;
    let key = world.make(KeySpec::EccNistP256, KeyUsageType::SignVerify);
    let key = key.await;
    let signer = opened(&world.endpoint, &key).unwrap();
    assert_eq!(signer.info().algorithm, Algorithm::Es256);
    assert_eq!(signer.info().key_name, format!("kms:{key}"));
    // A half of a signature begins with a zero once in 128 signatures.
    for _ in 0..300 {
        check_tokens(signer.as_ref());
    }
    signer.sign(&vec![b'a'; 100_000]).unwrap();

    let rsa = world.make(KeySpec::Rsa2048, KeyUsageType::SignVerify).await;
    let refused = opened(&world.endpoint, &rsa).err().unwrap();
    assert_eq!(refused, "is refused: the key is none of Ed25519 or P-256");
    let other_curve = world.make(KeySpec::EccSecgP256K1, KeyUsageType::SignVerify);
    let refused = opened(&world.endpoint, &other_curve.await).err().unwrap();
    assert_eq!(refused, "is refused: the key is none of Ed25519 or P-256");
    let absent = opened(&world.endpoint, &key.replace("key/", "key/0"));
    let absent = absent.err().unwrap();
    assert!(
        absent.starts_with("is not there: KMS answers NotFound"),
        "{absent}"
    );
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::generate().unwrap()
}

/// What KMS publishes of the answers for ECC_NIST_EDWARDS25519.
fn edwards(pair: Ed25519KeyPair) -> impl FnMut(&str, &Value) -> (u16, String) + Send {
    move |act, body| {
        assert_eq!(body["KeyId"], KEY);
        let answer = match act {
            "GetPublicKey" => {
                let start = [
                    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
                ];
                let spki = [&start, pair.public_key().as_ref()].concat();
                json!({
                    "KeyId": KEY,
                    "PublicKey": Base64::encode_string(&spki),
                    "KeySpec": "ECC_NIST_EDWARDS25519",
                    "KeyUsage": "SIGN_VERIFY",
                    "SigningAlgorithms": ["ED25519_SHA_512", "ED25519_PH_SHA_512"],
                })
            }
            "Sign" => {
                assert_eq!(body["SigningAlgorithm"], "ED25519_SHA_512");
                assert_eq!(body["MessageType"], "RAW");
                let message = Base64::decode_vec(body["Message"].as_str().unwrap()).unwrap();
                assert!(message.len() <= 4096);
                let signature = Base64::encode_string(pair.sign(&message).as_ref());
                json!({ "KeyId": KEY, "Signature": signature, "SigningAlgorithm": "ED25519_SHA_512" })
            }
            other => panic!("{other}"),
        };
        (200, answer.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ed25519_signs_the_message_itself() {
    if !is_own_process(module_path!(), "a_key_of_ed25519_signs_the_message_itself") {
        return;
    }
    let server = Server::start(edwards(pair())).await;
    let signer = opened(&server.address, KEY).unwrap();
    assert_eq!(signer.info().algorithm, Algorithm::EdDsa);
    check_tokens(signer.as_ref());
    signer.sign(&[b'a'; 4096]).unwrap();
    server.asked();
    let long = signer.sign(&[b'a'; 4097]).unwrap_err().to_string();
    assert_eq!(
        long,
        "is refused: KMS signs at most 4096 bytes by Ed25519, and these are 4097"
    );
    assert!(server.asked().is_empty());
    check_tokens(signer.as_ref());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_not_of_the_key_leaves_no_token() {
    if !is_own_process(
        module_path!(),
        "a_signature_that_is_not_of_the_key_leaves_no_token",
    ) {
        return;
    }
    let garbage = "is out of reach: the server answers what is no answer of KMS";
    for signature in [vec![], vec![0; 64], vec![1; 63], vec![1; 65]] {
        let server = Server::start(edwards(pair())).await;
        let signer = opened(&server.address, KEY).unwrap();
        let body = json!({ "KeyId": KEY, "Signature": Base64::encode_string(&signature) });
        server.answers(move |_, _| (200, body.to_string()));
        assert_eq!(signer.sign(b"a").unwrap_err().to_string(), garbage);
    }
    // The same name, and another key behind it than at the start.
    let server = Server::start(edwards(pair())).await;
    let signer = opened(&server.address, KEY).unwrap();
    server.answers(edwards(pair()));
    assert_eq!(signer.sign(b"a").unwrap_err().to_string(), garbage);
    let resting = signer.sign(b"a").unwrap_err().to_string();
    assert!(resting.contains("is left alone for another"), "{resting}");

    let usage = json!({ "KeyId": KEY, "KeyUsage": "KEY_AGREEMENT", "PublicKey": "AAAA" });
    for (status, body, says) in [
        (
            200,
            usage.to_string(),
            "is refused: the key is not for signing",
        ),
        (
            200,
            json!({ "KeyUsage": "SIGN_VERIFY" }).to_string(),
            garbage,
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
        server.answers(move |_, _| (status, body.clone()));
        assert_eq!(opened(&server.address, KEY).err().unwrap(), says);
    }
}
