//! A key that signs, wherever its private half is.

use std::{fmt, sync::Arc};

use edgeward_core::token::{TokenType, UnsignedToken};
use serde::Serialize;

use super::{KeyringError, PrivateHalf, StoredKey};
use crate::{
    custody::{Secrets, SignTokenError, Signer},
    signatures::{PrivateKey, SigningAlgorithm},
};

/// A key that signs tokens of its algorithm and of no other.
#[derive(Clone)]
pub struct TokenKey(Arc<Held>);

struct Held {
    key_id: String,
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
    /// Opens the private half, or makes ready to ask whoever holds it: nobody is asked yet.
    pub(super) fn open(stored: &StoredKey, secrets: &Secrets) -> Result<Self, KeyringError> {
        let key_id = &stored.life.key_id;
        let wrong = || KeyringError::WrongSeed(key_id.clone());
        let place = match &stored.private {
            PrivateHalf::Sealed(sealed) => {
                let material = secrets.open(key_id, sealed).map_err(|source| {
                    let key_id = key_id.clone();
                    KeyringError::Seal { key_id, source }
                })?;
                let key = PrivateKey::open(stored.algorithm, &material).map_err(|_| wrong())?;
                if key.key_id() != key_id {
                    return Err(wrong());
                }
                Place::Here(Box::new(key))
            }
            PrivateHalf::Elsewhere(reference) => {
                let public = stored.public()?;
                if public.thumbprint() != *key_id {
                    return Err(wrong());
                }
                let places = secrets.signing_places();
                let signer = places.open(reference, stored.algorithm, public);
                Place::Elsewhere(signer.map_err(|cause| KeyringError::Elsewhere {
                    key_name: reference.clone(),
                    cause,
                })?)
            }
        };
        Ok(Self(Arc::new(Held {
            key_id: key_id.clone(),
            algorithm: stored.algorithm,
            place,
        })))
    }

    /// The `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.0.key_id
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
