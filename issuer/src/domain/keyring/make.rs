//! Making keys: in this process, sealed before they leave it, or where they sign.

use edgeward_core::time::UnixTime;

use super::{HeldElsewhere, KeyringError, Life, PrivateHalf, StoredKey, held::statement};
use crate::{
    custody::Secrets,
    signatures::{self, KeyError, KeyMaterial, PrivateKey, SigningAlgorithm},
};

/// Makes a key where the configuration has keys made. Whatever takes long is done on a thread that may wait.
pub(super) async fn generate(
    algorithm: SigningAlgorithm,
    secrets: &Secrets,
    now: UnixTime,
) -> Result<StoredKey, KeyringError> {
    let places = secrets.signing_places();
    if places.makes_keys() {
        let made = tokio::task::spawn_blocking(move || places.make(algorithm)).await;
        let made = made.map_err(|_| KeyringError::Lost)?;
        let made = made.map_err(|(key_name, cause)| KeyringError::Elsewhere { key_name, cause })?;
        let (key_id, reference) = (made.public.key_id().to_owned(), made.reference);
        let public_jwk = made.public.to_json();
        let stated = statement(&key_id, algorithm, &public_jwk, &reference);
        let proof = secrets.attest(&key_id, stated).await;
        let proof = proof.map_err(|source| KeyringError::Seal {
            key_id: key_id.clone(),
            source,
        })?;
        return Ok(StoredKey {
            algorithm,
            life: Life::generated(key_id, now),
            public_jwk,
            private: PrivateHalf::Elsewhere(HeldElsewhere {
                reference,
                proof,
                destroyed_at: None,
            }),
        });
    }
    let material = tokio::task::spawn_blocking(move || signatures::make(algorithm)).await;
    let material = material.map_err(|_| KeyringError::Lost)??;
    seal(algorithm, &material, secrets, now).await
}

/// Seals a key.
pub(super) async fn seal(
    algorithm: SigningAlgorithm,
    material: &KeyMaterial,
    secrets: &Secrets,
    now: UnixTime,
) -> Result<StoredKey, KeyringError> {
    let key = PrivateKey::open(algorithm, material)?;
    let key_id = key.key_id().to_owned();
    let sealed = secrets.seal_apart(&key_id, material).await;
    let sealed = sealed.map_err(|source| KeyringError::Seal {
        key_id: key_id.clone(),
        source,
    })?;
    Ok(StoredKey {
        algorithm,
        public_jwk: key.public_jwk().to_json(),
        life: Life::generated(key_id, now),
        private: PrivateHalf::Sealed(sealed),
    })
}

impl From<KeyError> for KeyringError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unfit => Self::Unfit,
            KeyError::NoRandomness => Self::NoRandomness,
        }
    }
}
