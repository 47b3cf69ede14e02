//! Private keys that were made in KMS and sign there: Ed25519 and P-256.

use std::{sync::Arc, thread};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use aws_sdk_kms::{
    primitives::Blob,
    types::{KeyUsageType, MessageType, SigningAlgorithmSpec},
};
use sha2::{Digest, Sha256};

use super::{
    failure::unreadable,
    link::Link,
    public::{Public, halves},
};
use crate::{
    config::{Custody, KmsKey},
    custody::{KeyInfo, SealerError, Signature, Signer, access::Accesses, guard::GuardedSigner},
};

/// The longest message that KMS takes unhashed, and Ed25519 takes no digest: its other form is another signature.
const MESSAGE_MAX_BYTES: usize = 4096;

/// The signer of a key in KMS, with a time limit and a breaker. KMS is asked for the public half at once.
///
/// # Errors
/// [`SealerError`], also for a key that is not for signing, or of another kind.
pub fn open_kms_signer(custody: &Custody, key: &KmsKey) -> Result<Box<dyn Signer>, SealerError> {
    let endpoint = custody.kms.as_ref().and_then(|kms| kms.endpoint.clone());
    let link = Link::new(key, endpoint, custody.timeout);
    // The link waits, which a thread of an async runtime must not be asked to do.
    let signer = thread::scope(|scope| scope.spawn(|| KmsSigner::open(link, key)).join());
    let ended = |_| SealerError::Unreachable("its thread has ended".to_owned());
    let signer = signer.map_err(ended)??;
    let limit = match signer.public {
        Public::Ed25519(_) => MESSAGE_MAX_BYTES,
        // Only a digest is sent.
        Public::P256(_) => usize::MAX,
    };
    let guarded = GuardedSigner::new(
        Box::new(signer),
        custody.timeout,
        Arc::<Accesses>::default(),
    );
    match guarded {
        Ok(guarded) => Ok(Box::new(Bounded { guarded, limit })),
        Err(error) => Err(SealerError::Unreachable(error.to_string())),
    }
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
    fn open(link: Link, key: &KmsKey) -> Result<Self, SealerError> {
        let answer = link.ask(|client| client.get_public_key().key_id(key.as_str()).send())?;
        if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
            return Err(SealerError::Refused(
                "the key is not for signing".to_owned(),
            ));
        }
        let spki = answer.public_key.ok_or_else(unreadable)?;
        let public = Public::read(spki.as_ref());
        let public = public.and_then(|public| Some((public.jwk()?, public)));
        let Some((jwk, public)) = public else {
            return Err(SealerError::Refused(
                "the key is none of Ed25519 or P-256".to_owned(),
            ));
        };
        Ok(Self {
            info: KeyInfo {
                key_name: format!("kms:{key}"),
                algorithm: public.algorithm(),
                public: jwk,
            },
            key: key.clone(),
            public,
            link,
        })
    }

    /// Whether the key that KMS told first made it. A token with another's signature is refused everywhere, and nobody would see why.
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
