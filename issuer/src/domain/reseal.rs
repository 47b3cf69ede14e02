//! Moving sealed private keys, and the secrets of tokens, under another key-encryption key while issuers serve.
//!
//! Everything is opened before anything is written, so a key that is missing is noticed while all is as it was. Then each key
//! moves by itself: whoever is stopped in between leaves some under the one and some under the other, all of which open as long
//! as both are at hand, and may begin anew.

use std::future::Future;

use edgeward_core::time::UnixTime;

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    secrets::Purpose,
    storage::StorageError,
};
use crate::custody::{SealError, Sealed, Secrets};

/// A sealed private key of the store.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// Which key; the secret is sealed for this name.
    pub key_id: String,
    /// The sealed secret.
    pub sealed: Sealed,
}

/// What re-sealing needs of a store.
pub trait SealedKeys {
    /// Every key that has a sealed secret.
    fn sealed_keys(&self) -> impl Future<Output = Result<Vec<SealedKey>, StorageError>> + Send;

    /// Puts another sealed secret in the place of this one; says whether it was still this one.
    fn replace_sealed(
        &self,
        before: &SealedKey,
        after: &Sealed,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// Why not everything was re-sealed.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// The store failed. What was re-sealed before it stays so.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// No key-encryption key seals.
    #[error(transparent)]
    NoSealingKey(SealError),
    /// A key does not open. Nothing was changed.
    #[error("{key_id}: {source}; nothing was changed")]
    DoesNotOpen {
        /// Which key.
        key_id: String,
        /// Why.
        source: SealError,
    },
    /// A key could not be sealed anew. It is as it was.
    #[error("{key_id}: {source}; it is as it was")]
    DoesNotSeal {
        /// Which key.
        key_id: String,
        /// Why.
        source: SealError,
    },
}

/// Which keys are sealed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those under another key-encryption key.
    Elsewhere,
    /// All of them.
    All,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The key-encryption key under which everything is now.
    pub under: String,
    /// The keys that moved, and the key-encryption key before where it was told.
    pub moved: Vec<(String, Option<String>)>,
    /// So many were there already.
    pub were_there: usize,
    /// These were changed by somebody else meanwhile: run it again.
    pub changed_meanwhile: Vec<String>,
}

/// Brings sealed keys under the key-encryption key that seals.
///
/// # Errors
/// [`ResealError`]; no sealed secret is lost in any of them.
pub async fn reseal(
    store: &impl SealedKeys,
    secrets: &Secrets,
    which: Which,
    now: UnixTime,
) -> Result<Resealed, ResealError> {
    let under = secrets.sealing_key().map_err(ResealError::NoSealingKey)?;
    let keys = store.sealed_keys().await?;
    for key in &keys {
        open(secrets, key)?;
    }
    let mut done = Resealed {
        under,
        moved: Vec::new(),
        were_there: 0,
        changed_meanwhile: Vec::new(),
    };
    for key in keys {
        let before = Secrets::key_of(&key.sealed);
        if which == Which::Elsewhere && before.as_ref() == Some(&done.under) {
            done.were_there += 1;
            continue;
        }
        let anew = seal_anew(secrets, &key)?;
        let entry = AuditEntry::done(Action::ResealKey, Actor::Operator, now, &Origin::default())
            .about(Purpose::subject_of(&key.key_id), &key.key_id)
            .with("before", before.as_deref().unwrap_or("unnamed"))
            .with("under", &done.under);
        if store.replace_sealed(&key, &anew, &entry).await? {
            done.moved.push((key.key_id, before));
        } else {
            done.changed_meanwhile.push(key.key_id);
        }
    }
    Ok(done)
}

fn open(secrets: &Secrets, key: &SealedKey) -> Result<zeroize::Zeroizing<Vec<u8>>, ResealError> {
    secrets
        .open(&key.key_id, &key.sealed)
        .map_err(|source| ResealError::DoesNotOpen {
            key_id: key.key_id.clone(),
            source,
        })
}

/// What is written has been opened once: the secret before it is gone afterwards.
fn seal_anew(secrets: &Secrets, key: &SealedKey) -> Result<Sealed, ResealError> {
    let failed = |source| ResealError::DoesNotSeal {
        key_id: key.key_id.clone(),
        source,
    };
    let secret = open(secrets, key)?;
    let anew = secrets.seal(&key.key_id, &secret).map_err(failed)?;
    let again = secrets.open(&key.key_id, &anew).map_err(failed)?;
    if again == secret {
        Ok(anew)
    } else {
        Err(failed(SealError::DoesNotOpen))
    }
}
