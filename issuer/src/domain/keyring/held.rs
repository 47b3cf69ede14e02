//! A key that signs, wherever its private half is.

use std::{fmt, sync::Arc};

use edgeward_core::{
    keys::Jwk,
    time::UnixTime,
    token::{TokenType, UnsignedToken},
};
use serde::Serialize;

use super::{KeyringError, PrivateHalf, StoredKey};
use crate::{
    custody::{Sealed, Secrets, SignTokenError, Signer, Statement},
    signatures::{PrivateKey, SigningAlgorithm},
};

/// What a row says of a private key that is not in the database, and the proof that the issuer wrote that.
///
/// Nothing else vouches for such a row: a sealed private key gives its own public half, and this one brings it along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldElsewhere {
    /// The name of the key where it is: `kind:name`.
    pub reference: String,
    /// The statement of the row, sealed. Empty in rows from before there were proofs, which `keys reseal` writes.
    pub proof: Sealed,
    /// When it was destroyed there.
    pub destroyed_at: Option<UnixTime>,
}

/// What a row of a key that is held elsewhere has to say, word for word.
#[must_use]
pub fn statement(
    key_id: &str,
    algorithm: SigningAlgorithm,
    public_jwk: &str,
    reference: &str,
) -> Statement {
    Statement::of(&[
        "signing key held elsewhere",
        key_id,
        algorithm.name(),
        public_jwk,
        reference,
    ])
}

/// A key whose row is what an issuer wrote. What is public of it comes of what was proven: of the private half, or of the statement
/// about the row.
pub(super) struct Proven {
    pub(super) public: Jwk,
    algorithm: SigningAlgorithm,
    half: Half,
}

enum Half {
    Here(Box<PrivateKey>),
    Elsewhere(String),
}

impl Proven {
    /// Opens the seal of a row and compares. Of those who hold signing keys nobody is asked.
    pub(super) async fn of(stored: &StoredKey, secrets: &Secrets) -> Result<Self, KeyringError> {
        let key_id = &stored.life.key_id;
        let wrong = || KeyringError::WrongSeed(key_id.clone());
        let unsealed = |source| KeyringError::Seal {
            key_id: key_id.clone(),
            source,
        };
        let public = stored.public()?;
        if public.thumbprint() != *key_id || public.key_id() != key_id {
            return Err(wrong());
        }
        let (public, half) = match &stored.private {
            PrivateHalf::Sealed(sealed) => {
                let material = secrets.open_apart(key_id, sealed).await;
                let material = material.map_err(unsealed)?;
                let key = PrivateKey::open(stored.algorithm, &material).map_err(|_| wrong())?;
                if key.key_id() != key_id {
                    return Err(wrong());
                }
                (key.public_jwk(), Half::Here(Box::new(key)))
            }
            PrivateHalf::Elsewhere(held) => {
                if held.proof.as_bytes().is_empty() {
                    return Err(KeyringError::NoProof(key_id.clone()));
                }
                let reference = &held.reference;
                let stated = statement(key_id, stored.algorithm, &stored.public_jwk, reference);
                let confirmed = secrets.confirm(key_id, stated, &held.proof).await;
                confirmed.map_err(unsealed)?;
                (public, Half::Elsewhere(reference.clone()))
            }
        };
        Ok(Self {
            public,
            algorithm: stored.algorithm,
            half,
        })
    }
}

/// A key that signs tokens of its algorithm and of no other. Its row was proven: there is no other way to one.
#[derive(Clone)]
pub struct TokenKey(Arc<Held>);

struct Held {
    public: Jwk,
    algorithm: SigningAlgorithm,
    place: Place,
}

enum Place {
    /// In this process.
    Here(Box<PrivateKey>),
    /// Where it was made, which it never leaves.
    Elsewhere(Box<dyn Signer>),
}

impl TokenKey {
    /// Opens what was proven, or makes ready to ask whoever holds it: nobody is asked yet.
    pub(super) fn of(proven: Proven, secrets: &Secrets) -> Result<Self, KeyringError> {
        let place = match proven.half {
            Half::Here(key) => Place::Here(key),
            Half::Elsewhere(reference) => {
                let places = secrets.signing_places();
                let signer = places.open(&reference, proven.algorithm, proven.public.clone());
                Place::Elsewhere(signer.map_err(|cause| KeyringError::Elsewhere {
                    key_name: reference,
                    cause,
                })?)
            }
        };
        Ok(Self(Arc::new(Held {
            public: proven.public,
            algorithm: proven.algorithm,
            place,
        })))
    }

    /// What verifiers may see of it.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.0.public
    }

    /// The `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.0.public.key_id()
    }

    /// What it signs by.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.0.algorithm
    }

    /// A compact JWS over `claims`. What takes its time is done where nobody waits for a thread.
    ///
    /// # Errors
    /// [`SignTokenError`].
    pub async fn sign(
        &self,
        token_type: &TokenType,
        claims: &(impl Serialize + Sync),
    ) -> Result<String, SignTokenError> {
        let algorithm = self.algorithm().in_header();
        let unsigned = UnsignedToken::new(algorithm, self.key_id(), token_type, claims)?;
        let (unsigned, signature) = if self.0.is_quick() {
            let signature = self.0.sign(&unsigned);
            (unsigned, signature)
        } else {
            let held = Arc::clone(&self.0);
            let signed = tokio::task::spawn_blocking(move || {
                let signature = held.sign(&unsigned);
                (unsigned, signature)
            });
            signed.await.map_err(|_| SignTokenError::Lost)?
        };
        Ok(unsigned.signed(&signature?)?)
    }
}

impl Held {
    /// Whether a signature waits for nobody and takes less time than to hand it to another thread and back would be worth. One of RSA
    /// takes many times as long as the others.
    fn is_quick(&self) -> bool {
        match &self.place {
            Place::Here(key) => match **key {
                PrivateKey::EdDsa(_) | PrivateKey::Es256 { .. } => true,
                PrivateKey::Rs256 { .. } => false,
            },
            Place::Elsewhere(_) => false,
        }
    }

    fn sign(&self, token: &UnsignedToken) -> Result<Vec<u8>, SignTokenError> {
        match &self.place {
            Place::Here(key) => key.sign(token).ok_or(SignTokenError::Lost),
            Place::Elsewhere(signer) => {
                let signature = signer.sign(token.signing_input());
                let signature = signature.map_err(|cause| SignTokenError::Signer {
                    key_name: signer.info().key_name.clone(),
                    cause,
                })?;
                Ok(signature.to_vec())
            }
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("key_id", &self.key_id())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
