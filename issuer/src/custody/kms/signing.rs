//! Signing with private keys that are in KMS: Ed25519 and P-256.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use aws_sdk_kms::{
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use edgeward_core::keys::Jwk;
use sha2::{Digest, Sha256};

use super::{
    failure::unreadable,
    link::Link,
    public::{Public, halves},
};
use crate::{
    config::{Custody, Kms, KmsKey},
    custody::{KeyInfo, SealerError, Signature, Signer, access::Accesses, guard::GuardedSigner},
    signatures::SigningAlgorithm,
};

/// The longest message that KMS takes unhashed, and Ed25519 takes no digest: its other form is another signature.
const MESSAGE_MAX_BYTES: usize = 4096;
/// Of a key that cannot sign here.
pub(super) const NEITHER: &str = "the key is none of Ed25519 or P-256";

/// The signer of a key in KMS whose public half is known, with a time limit and a breaker. KMS is asked when something is to be signed.
pub(in crate::custody) fn known_signer(
    custody: &Custody,
    key: &KmsKey,
    algorithm: SigningAlgorithm,
    public: Jwk,
    accesses: &Arc<Accesses>,
) -> Result<Box<dyn Signer>, SealerError> {
    let kms = settings(custody)?;
    let point = Public::of(&public).filter(|point| point.algorithm() == algorithm);
    let Some(point) = point else {
        return Err(SealerError::Refused(NEITHER.to_owned()));
    };
    let limit = match &point {
        Public::Ed25519(_) => MESSAGE_MAX_BYTES,
        // Only a digest is sent.
        Public::P256(_) => usize::MAX,
    };
    let signer = KmsSigner {
        info: KeyInfo {
            key_name: format!("kms:{key}"),
            algorithm: algorithm.in_header(),
            public,
        },
        key: key.clone(),
        public: point,
        link: Link::new(key, kms.endpoint.clone(), custody.timeout),
    };
    let guarded = GuardedSigner::new(Box::new(signer), custody.timeout, Arc::clone(accesses));
    match guarded {
        Ok(guarded) => Ok(Box::new(Bounded { guarded, limit })),
        Err(error) => Err(SealerError::Unreachable(error.to_string())),
    }
}

/// How keys are reached that sign in KMS.
pub(super) fn settings(custody: &Custody) -> Result<&Kms, SealerError> {
    let none = || SealerError::NoKey("custody.kms names no key, and so no region".to_owned());
    custody.kms.as_ref().ok_or_else(none)
}

/// Refuses what KMS would not take before anybody is asked, so that one long message is no outage of the key.
struct Bounded {
    guarded: GuardedSigner,
    limit: usize,
}

impl Signer for Bounded {
    fn info(&self) -> &KeyInfo {
        self.guarded.info()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SealerError> {
        if message.len() > self.limit {
            return Err(SealerError::Refused(format!(
                "KMS signs at most {} bytes by Ed25519, and these are {}",
                self.limit,
                message.len()
            )));
        }
        self.guarded.sign(message)
    }
}

/// Signs in KMS.
struct KmsSigner {
    info: KeyInfo,
    key: KmsKey,
    public: Public,
    link: Link,
}

impl KmsSigner {
    /// Whether the key of the row made it. A token with another's signature is refused everywhere, and nobody would see why.
    fn is_by_this_key(&self, message: &[u8], signature: &Signature) -> bool {
        let verified = match &self.public {
            Public::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Public::P256(coordinates) => {
                // SEC 1 section 2.3.3: an uncompressed point.
                let point = [&[4], coordinates.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

impl Signer for KmsSigner {
    fn info(&self) -> &KeyInfo {
        &self.info
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SealerError> {
        let (form, message_type, sent) = match &self.public {
            // RAW is the pure Ed25519 of RFC 8032; a digest would be signed by Ed25519ph.
            Public::Ed25519(_) => (
                SigningAlgorithmSpec::Ed25519Sha512,
                MessageType::Raw,
                message.to_vec(),
            ),
            Public::P256(_) => (
                SigningAlgorithmSpec::EcdsaSha256,
                MessageType::Digest,
                Sha256::digest(message).to_vec(),
            ),
        };
        let answer = self.link.ask(|client| {
            client
                .sign()
                .key_id(self.key.as_str())
                .signing_algorithm(form)
                .message_type(message_type)
                .message(Blob::new(sent))
                .send()
        })?;
        let told = answer.signature.ok_or_else(unreadable)?;
        let signature = match &self.public {
            Public::Ed25519(_) => Signature::try_from(told.as_ref()).ok(),
            Public::P256(_) => halves(told.as_ref()),
        };
        signature
            .filter(|signature| self.is_by_this_key(message, signature))
            .ok_or_else(unreadable)
    }
}
