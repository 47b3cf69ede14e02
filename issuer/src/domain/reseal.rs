//! Moving sealed private keys, and the secrets of tokens, under another key-encryption key while issuers serve; with them the
//! proofs of rows whose keys are held elsewhere.
//!
//! Such a row from before there were proofs gets one here, if the device that it names signs with its key: nobody can put a key
//! there who can only write to the database. It is an operator who asks for that, and never a start, which would believe whatever row it finds.
//!
//! A key that is held elsewhere and has ended verifies nothing any more: a proof of such a row that does not open is told and left.
//!
//! Everything else is opened before anything is written, so a key that is missing is noticed while all is as it was. Then each key
//! moves by itself: whoever is stopped in between leaves some under the one and some under the other, all of which open as long
//! as both are at hand, and may begin anew.

#[cfg(test)]
mod lost;

use std::future::Future;

use edgeward_core::{keys::Jwk, time::UnixTime};
use zeroize::Zeroizing;

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    keyring::statement,
    secrets::Purpose,
    storage::StorageError,
};
use crate::{
    custody::{SealError, Sealed, SealerError, Secrets, Statement},
    signatures::SigningAlgorithm,
};

/// A sealed private key of the store.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// Which key; the secret is sealed for this name.
    pub key_id: String,
    /// The sealed secret, or the proof of the row. Empty where a row from before there were proofs has none.
    pub sealed: Sealed,
    /// What is stated about the key, where it is held elsewhere.
    pub held: Option<HeldRow>,
}

/// What a row says of a key that is held elsewhere.
#[derive(Debug, Clone)]
pub struct HeldRow {
    /// What it signs by.
    pub algorithm: SigningAlgorithm,
    /// The public half, as it stands there.
    pub public_jwk: String,
    /// The name of the key where it is.
    pub reference: String,
    /// Whether it has ended: then the row is proven for nothing but its destruction.
    pub has_ended: bool,
}

impl SealedKey {
    fn has_ended_elsewhere(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.has_ended)
    }
}

impl HeldRow {
    fn statement(&self, key_id: &str) -> Statement {
        statement(key_id, self.algorithm, &self.public_jwk, &self.reference)
    }
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
    /// Whoever holds a key does not vouch for its row. Nothing was changed.
    #[error(
        "{key_id}: its row has no proof, and the signing key {reference} {source}; nothing was changed"
    )]
    NotHeld {
        /// Which key.
        key_id: String,
        /// Its name where it is said to be.
        reference: String,
        /// Why.
        source: SealerError,
    },
    /// A key could not be sealed anew, or did not open again when its turn came. It is as it was; those before it have moved.
    #[error("{key_id}: {source}; it is as it was")]
    DoesNotSeal {
        /// Which key.
        key_id: String,
        /// Why.
        source: SealError,
    },
    /// Whoever vouched for a row did not do it again when its turn came. It is as it was; those before it have moved.
    #[error(
        "{key_id}: its row has no proof, and the signing key {reference} {source}; it is as it was"
    )]
    NotHeldAgain {
        /// Which key.
        key_id: String,
        /// Its name where it is said to be.
        reference: String,
        /// Why.
        source: SealerError,
    },
}

impl ResealError {
    /// The same of a key whose turn it was: others may have moved by then, so it is not said that nothing was changed.
    fn in_its_turn(self) -> Self {
        match self {
            Self::DoesNotOpen { key_id, source } => Self::DoesNotSeal { key_id, source },
            Self::NotHeld {
                key_id,
                reference,
                source,
            } => Self::NotHeldAgain {
                key_id,
                reference,
                source,
            },
            Self::Store(_)
            | Self::NoSealingKey(_)
            | Self::DoesNotSeal { .. }
            | Self::NotHeldAgain { .. } => self,
        }
    }
}

/// Which keys are sealed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those under another key-encryption key.
    Elsewhere,
    /// All of them.
    All,
}

/// What a row had before that says that its key is held elsewhere and comes from before there were proofs.
const NO_PROOF: &str = "no proof";

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
    /// Keys that are held elsewhere and have ended, whose proofs do not open whoever is asked. They are as they were, and hold up no other.
    pub left: Vec<(String, SealError)>,
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
    let mut done = Resealed {
        under,
        moved: Vec::new(),
        were_there: 0,
        changed_meanwhile: Vec::new(),
        left: Vec::new(),
    };
    let mut keys = Vec::new();
    for key in store.sealed_keys().await? {
        match open(secrets, &key).await {
            Ok(_) => keys.push(key),
            Err(ResealError::DoesNotOpen { key_id, source })
                if key.has_ended_elsewhere() && source.is_final() =>
            {
                done.left.push((key_id, source));
            }
            Err(error) => return Err(error),
        }
    }
    for key in keys {
        let was_empty = key.sealed.as_bytes().is_empty();
        let before = Secrets::key_of(&key.sealed).or(was_empty.then(|| NO_PROOF.to_owned()));
        if which == Which::Elsewhere && before.as_ref() == Some(&done.under) {
            done.were_there += 1;
            continue;
        }
        let anew = seal_anew(secrets, &key).await?;
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

/// The secret of a row, none where it is held elsewhere. Fails where the row is not what was written.
async fn open(secrets: &Secrets, key: &SealedKey) -> Result<Zeroizing<Vec<u8>>, ResealError> {
    let failed = |source| ResealError::DoesNotOpen {
        key_id: key.key_id.clone(),
        source,
    };
    let Some(held) = &key.held else {
        let opened = secrets.open_apart(&key.key_id, &key.sealed).await;
        return opened.map_err(failed);
    };
    if key.sealed.as_bytes().is_empty() {
        vouch(secrets, key, held).await?;
    } else {
        let stated = held.statement(&key.key_id);
        let confirmed = secrets.confirm(&key.key_id, stated, &key.sealed).await;
        confirmed.map_err(failed)?;
    }
    Ok(Zeroizing::default())
}

/// Has whoever is said to hold a key prove that.
async fn vouch(secrets: &Secrets, key: &SealedKey, held: &HeldRow) -> Result<(), ResealError> {
    let not_held = |source| ResealError::NotHeld {
        key_id: key.key_id.clone(),
        reference: held.reference.clone(),
        source,
    };
    let public = Jwk::parse(held.public_jwk.as_bytes());
    let public = public.ok().filter(|jwk| jwk.thumbprint() == key.key_id);
    let public = public
        .ok_or_else(|| not_held(SealerError::Refused("the row has another key".to_owned())))?;
    let (places, reference) = (secrets.signing_places(), held.reference.clone());
    let algorithm = held.algorithm;
    let vouched =
        tokio::task::spawn_blocking(move || places.vouch(&reference, algorithm, public)).await;
    vouched.unwrap_or(Err(SealerError::Lost)).map_err(not_held)
}

/// What is written has been opened once: the secret before it is gone afterwards.
async fn seal_anew(secrets: &Secrets, key: &SealedKey) -> Result<Sealed, ResealError> {
    let failed = |source| ResealError::DoesNotSeal {
        key_id: key.key_id.clone(),
        source,
    };
    let secret = open(secrets, key).await;
    let (id, secret) = (&key.key_id, secret.map_err(ResealError::in_its_turn)?);
    if let Some(held) = &key.held {
        let stated = held.statement(id);
        let anew = secrets.attest(id, stated.clone()).await.map_err(failed)?;
        let confirmed = secrets.confirm(id, stated, &anew).await;
        return confirmed.map(|()| anew).map_err(failed);
    }
    let anew = secrets.seal_apart(id, &secret).await.map_err(failed)?;
    let again = secrets.open_apart(id, &anew).await.map_err(failed)?;
    if again == secret {
        Ok(anew)
    } else {
        Err(failed(SealError::DoesNotOpen))
    }
}
