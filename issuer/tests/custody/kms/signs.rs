//! What KMS publishes of keys that sign, as a script: it makes them, signs with them and lets them be deleted. Moto has no Ed25519.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    digest::{Digest, SHA256},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use super::script::{no, seals};

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// The keys of one account, and what does not work of it.
#[derive(Clone, Default)]
pub(crate) struct Account {
    keys: Arc<Mutex<BTreeMap<String, Pair>>>,
    deleted: Arc<Mutex<Vec<String>>>,
    /// So many questions for a public half are answered as by a machine that has not heard of the key.
    pub(crate) unheard_of: Arc<Mutex<u32>>,
}

impl Account {
    /// The ARNs of its keys, of those that are to be deleted not.
    pub(crate) fn arns(&self) -> Vec<String> {
        let deleted = self.deleted.lock().unwrap();
        let keys = self.keys.lock().unwrap();
        keys.keys()
            .filter(|arn| !deleted.contains(arn))
            .cloned()
            .collect()
    }

    pub(crate) fn deleted(&self) -> Vec<String> {
        self.deleted.lock().unwrap().clone()
    }

    /// Puts another key behind every name.
    pub(crate) fn exchange(&self) {
        for pair in self.keys.lock().unwrap().values_mut() {
            *pair = match pair {
                Pair::Ed25519(_) => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
                Pair::P256(_) => Pair::P256(p256()),
            };
        }
    }

    /// Answers as KMS does.
    pub(crate) fn answers(&self) -> impl FnMut(&str, &Value) -> (u16, String) + Send + 'static {
        let account = self.clone();
        move |act, body| account.answer(act, body)
    }

    fn answer(&self, act: &str, body: &Value) -> (u16, String) {
        if matches!(act, "Encrypt" | "Decrypt") {
            return seals(act, body);
        }
        let mut keys = self.keys.lock().unwrap();
        if act == "CreateKey" {
            assert_eq!(body["KeyUsage"], "SIGN_VERIFY");
            assert_eq!(
                body["Tags"],
                json!([{ "TagKey": "edgeward", "TagValue": "signing-key" }])
            );
            let pair = match body["KeySpec"].as_str().unwrap() {
                "ECC_NIST_EDWARDS25519" => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
                "ECC_NIST_P256" => Pair::P256(p256()),
                other => panic!("{other}"),
            };
            let arn = format!(
                "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-{:012}",
                keys.len()
            );
            let answer = json!({ "KeyMetadata": { "KeyId": arn.rsplit('/').next(), "Arn": arn } });
            keys.insert(arn, pair);
            return (200, answer.to_string());
        }
        let arn = body["KeyId"].as_str().unwrap();
        let Some(pair) = keys.get(arn) else {
            return (400, no("NotFoundException", "no such key"));
        };
        let is_deleted = self
            .deleted
            .lock()
            .unwrap()
            .iter()
            .any(|deleted| deleted == arn);
        if act == "DescribeKey" {
            let state = if is_deleted {
                "PendingDeletion"
            } else {
                "Enabled"
            };
            let metadata = json!({ "KeyId": arn, "Arn": arn, "KeyState": state });
            return (200, json!({ "KeyMetadata": metadata }).to_string());
        }
        if is_deleted {
            let why = format!("{arn} is pending deletion.");
            return (400, no("KMSInvalidStateException", &why));
        }
        let answer = match act {
            "GetPublicKey" => {
                let mut unheard_of = self.unheard_of.lock().unwrap();
                if *unheard_of > 0 {
                    *unheard_of -= 1;
                    return (400, no("NotFoundException", "Key does not exist"));
                }
                json!({
                    "KeyId": arn,
                    "PublicKey": Base64::encode_string(&pair.spki()),
                    "KeyUsage": "SIGN_VERIFY",
                })
            }
            "Sign" => {
                let message = Base64::decode_vec(body["Message"].as_str().unwrap()).unwrap();
                let signature = pair.sign(&message, body);
                json!({ "KeyId": arn, "Signature": Base64::encode_string(&signature) })
            }
            "ScheduleKeyDeletion" => {
                assert_eq!(body["PendingWindowInDays"], 30);
                self.deleted.lock().unwrap().push(arn.to_owned());
                json!({ "KeyId": arn, "KeyState": "PendingDeletion", "PendingWindowInDays": 30 })
            }
            other => panic!("{other}"),
        };
        (200, answer.to_string())
    }
}

fn p256() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

impl Pair {
    fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => {
                let start = [
                    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
                ];
                [&start, pair.public_key().as_ref()].concat()
            }
            Self::P256(pair) => {
                let start = [
                    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
                ];
                [&start, pair.public_key().as_ref()].concat()
            }
        }
    }

    fn sign(&self, message: &[u8], body: &Value) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => {
                assert_eq!(body["SigningAlgorithm"], "ED25519_SHA_512");
                assert_eq!(body["MessageType"], "RAW");
                assert!(message.len() <= 4096);
                pair.sign(message).as_ref().to_vec()
            }
            Self::P256(pair) => {
                assert_eq!(body["SigningAlgorithm"], "ECDSA_SHA_256");
                assert_eq!(body["MessageType"], "DIGEST");
                let digest = Digest::import_less_safe(message, &SHA256).unwrap();
                pair.sign_digest(&digest).unwrap().as_ref().to_vec()
            }
        }
    }
}
