//! The keys that sign access tokens: sealed in the store, held open in memory, and changed while tokens are signed and verified.
//!
//! Each algorithm in use has keys of its own, which live by the same rules ([`SigningAlgorithm`]). A key signs by its algorithm
//! only.
//!
//! [`life`] is the life of a key as a pure state machine, [`timing`] the times it goes by, [`acts`] what an operator and the
//! schedule do with it. Here is what a process holds: it reads the rows every moment and judges by `now` which key signs, so
//! all processes change together at the moment that the rows name. Private halves leave the memory only sealed; what verifiers
//! need is the public half in the key set.
//!
//! Before a key signs, it is written down up to which expiry ([`Keyring::signer`]). That is what its retirement goes by, and it is
//! a permit as well: the store gives it only to the key that signs. So a process that could not read for however long
//! signs with no key that the others have retired: its permit ends before the key does, and it gets no other.

pub mod acts;
mod held;
pub mod import;
pub mod life;
pub mod destroy;
mod make;
mod opened;
pub mod timing;

#[cfg(test)]
mod beside;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod history;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod year;

use std::{
    fmt,
    future::Future,
    mem,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use edgeward_core::{
    keys::{Jwk, KeySet, KeySetError},
    time::UnixTime,
};

pub use held::{HeldElsewhere, TokenKey, statement};
pub use life::{KeyState, Life, Need, Rules};

use super::{audit::AuditEntry, storage::StorageError};
use crate::{
    custody::{SealError, Sealed, SealerError, Secrets},
    signatures::SigningAlgorithm,
};
use opened::{LeftOut, Opened};
use timing::{KEYS_READ_WITHIN_SECONDS, SIGNED_AHEAD_SECONDS};

/// A signing key as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// What it signs by.
    pub algorithm: SigningAlgorithm,
    /// Where the key is in its life.
    pub life: Life,
    /// The public half as one JSON Web Key.
    pub public_jwk: String,
    /// Where the private half is.
    pub private: PrivateHalf,
}

impl StoredKey {
    fn public(&self) -> Result<Jwk, KeySetError> {
        Jwk::parse(self.public_jwk.as_bytes())
    }
}

/// Where the private half of a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivateHalf {
    /// In the store, sealed under the key-encryption key for this `key_id`.
    Sealed(Sealed),
    /// Where it was made and signs.
    Elsewhere(HeldElsewhere),
}

/// A change of the keys of one algorithm: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct KeyChange {
    /// Of which.
    pub algorithm: SigningAlgorithm,
    /// The lives that the change was judged by.
    pub before: Vec<Life>,
    /// What they become. Keys never go.
    pub after: Vec<Life>,
    /// The key that is new, if one is.
    pub added: Option<StoredKey>,
    /// What the log says of it.
    pub entries: Vec<AuditEntry>,
    /// The moment.
    pub at: UnixTime,
}

/// What the keyring needs of a store.
pub trait SigningKeys {
    /// All keys of all algorithms, oldest first.
    fn signing_keys(&self) -> impl Future<Output = Result<Vec<StoredKey>, StorageError>> + Send;

    /// Changes the keys if they still are as the change expects, one process at a time. Which expiry was signed may have moved.
    /// A key that it revokes is told to the edges in the same act.
    fn change_signing_keys(
        &self,
        change: &KeyChange,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Writes down that the key signs up to this expiry. `false`: it is not the one that signs at `now`, and nothing was written.
    /// Bookkeeping, not an act: it has no audit entry.
    fn permit_signing(
        &self,
        key_id: &str,
        until: UnixTime,
        now: UnixTime,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// Why there is no keyring. All of these are for the operator to put right.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// The seed does not open.
    #[error("signing key {key_id}: {source}")]
    Seal {
        /// Which key.
        key_id: String,
        /// Why.
        source: SealError,
    },
    /// The seed opens and makes another key than the one it is stored as.
    #[error("signing key {0}: the sealed seed belongs to another key")]
    WrongSeed(String),
    /// The row says that its key is held elsewhere, and has nothing that proves it.
    #[error(
        "signing key {0}: its row has no proof that an issuer wrote it: if it is from a version without them, run `edgeward keys reseal`"
    )]
    NoProof(String),
    /// The row was ended before and says now that it is not: keys do not come back.
    #[error("signing key {0}: it had ended, and the database says now that it had not")]
    CameBack(String),
    /// What should become a key is none.
    #[error("the bytes are no signing key of this algorithm")]
    Unfit,
    /// Whoever makes or holds the key does not do it.
    #[error("the signing key {key_name} {cause}")]
    Elsewhere {
        /// The name of the key.
        key_name: String,
        /// Why.
        cause: SealerError,
    },
    /// The public halves make no key set.
    #[error("the public signing keys: {0}")]
    KeySet(#[from] KeySetError),
    /// The store holds no key that signs.
    #[error("the store has no active signing key")]
    NoActiveKey,
    /// The keys were not read for too long: what signs by now is not known.
    #[error("the signing keys were not read for more than {KEYS_READ_WITHIN_SECONDS} seconds")]
    Outdated,
    /// Others changed the keys again and again meanwhile.
    #[error("the signing keys change too often: try again")]
    Overtaken,
    /// What an operator asked for is not possible.
    #[error(transparent)]
    Refused(#[from] life::Refusal),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The thread that was to make a key has ended.
    #[error("the thread that was to make a signing key was lost")]
    Lost,
}

impl KeyringError {
    /// Whether the same row would be refused again, whoever is asked: no outage, which passes.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Seal { source, .. } => source.is_final(),
            Self::WrongSeed(_)
            | Self::NoProof(_)
            | Self::CameBack(_)
            | Self::Unfit
            | Self::KeySet(_) => true,
            Self::Store(_)
            | Self::Elsewhere { .. }
            | Self::NoActiveKey
            | Self::Outdated
            | Self::Overtaken
            | Self::Refused(_)
            | Self::NoRandomness
            | Self::Lost => false,
        }
    }

    /// Whether it is about what keys are made, sealed or proven with, or about what was sealed, and not about the store or what was asked.
    #[must_use]
    pub const fn is_of_custody(&self) -> bool {
        match self {
            Self::Seal { .. }
            | Self::WrongSeed(_)
            | Self::NoProof(_)
            | Self::CameBack(_)
            | Self::Elsewhere { .. }
            | Self::NoActiveKey
            | Self::NoRandomness
            | Self::Lost
            | Self::KeySet(_) => true,
            Self::Store(_) | Self::Unfit | Self::Outdated | Self::Overtaken | Self::Refused(_) => {
                false
            }
        }
    }
}

/// The keys as this process knows them.
pub struct Keyring(RwLock<Arc<Opened>>);

/// What signs, with the permit to do so up to an expiry.
#[derive(Debug, Clone)]
pub struct Signer {
    key: TokenKey,
    until: UnixTime,
    signed: Arc<AtomicU64>,
}

impl Signer {
    /// The key, for a token that expires at `exp`. `None` beyond the permit.
    #[must_use]
    pub fn key_for(&self, exp: UnixTime) -> Option<&TokenKey> {
        (exp <= self.until).then(|| {
            self.signed.fetch_add(1, Ordering::Relaxed);
            &self.key
        })
    }
}

/// What a key has done in this process, for the numbers.
#[derive(Debug, Clone)]
pub struct KeyUse {
    /// Where it is in its life.
    pub life: Life,
    /// What it signs by.
    pub algorithm: SigningAlgorithm,
    /// How many tokens it has signed.
    pub signed: u64,
}

impl Keyring {
    /// Opens the keys; on the very first start makes those that sign, one of each algorithm. An algorithm that is new beside
    /// others begins later, by the schedule.
    ///
    /// # Errors
    /// [`KeyringError`]; nothing is replaced in any of them.
    pub async fn load_or_create(
        store: &impl SigningKeys,
        secrets: &Secrets,
        algorithms: &[SigningAlgorithm],
        now: UnixTime,
        at: Instant,
    ) -> Result<Self, KeyringError> {
        acts::ensure_first(store, secrets, algorithms, now).await?;
        let keys = store.signing_keys().await?;
        let opened = Opened::of(keys, secrets, None, now, at).await?;
        Ok(Self(RwLock::new(Arc::new(opened))))
    }

    /// Reads the rows again. Whatever fails, what was read last stays, with its age.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn reload(
        &self,
        store: &impl SigningKeys,
        secrets: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<(), KeyringError> {
        let keys = store.signing_keys().await?;
        let opened = Opened::of(keys, secrets, Some(&self.opened()), now, at).await?;
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Readings may overtake each other.
        let before = (kept.read_at <= at).then(|| mem::replace(&mut *kept, Arc::new(opened)));
        // Keys that are gone are let go of when nobody waits for the lock any more: a device may take its time over it.
        drop(kept);
        drop(before);
        Ok(())
    }

    /// Reads the rows again if that was too long ago. Whoever serves reads them every moment; who does not, here.
    ///
    /// # Errors
    /// [`KeyringError::Store`], or [`KeyringError::Outdated`] for rows that are there and are not to be gone by.
    pub async fn ensure_fresh(
        &self,
        store: &impl SigningKeys,
        secrets: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<(), KeyringError> {
        match self.opened().judge_age(at) {
            Ok(()) => Ok(()),
            Err(_) => self.read_anew(store, secrets, now, at).await,
        }
    }

    /// Reads the rows because those of before do not do.
    async fn read_anew(
        &self,
        store: &impl SigningKeys,
        secrets: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<(), KeyringError> {
        match self.reload(store, secrets, now, at).await {
            Ok(()) => Ok(()),
            Err(KeyringError::Store(error)) => Err(KeyringError::Store(error)),
            Err(error) => {
                tracing::error!(detail = %error, "the signing keys could not be read, and those of before do not do");
                Err(KeyringError::Outdated)
            }
        }
    }

    /// Whether no key signs, because the one that did was revoked and no other could be made yet.
    #[must_use]
    pub fn is_without_signer(&self) -> bool {
        self.opened().last_signing.is_some()
    }

    /// The key that vouches for the feed of what has ended: the one that signs, or where none does the last one, which was revoked.
    /// Of itself and of all else that has ended it says so in good faith: edges go on to hear what they shall refuse.
    ///
    /// # Errors
    /// [`KeyringError::Outdated`], [`KeyringError::NoActiveKey`].
    pub fn vouching_key(&self, now: UnixTime, at: Instant) -> Result<TokenKey, KeyringError> {
        let opened = self.opened();
        opened.judge_age(at)?;
        let signing = opened.signer(SigningAlgorithm::EdDsa, now);
        match (signing, &opened.last_signing) {
            (Ok((_, key)), _) => Ok(key),
            (Err(_), Some(last)) => Ok(last.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// The key that signs at `now` what edges are told, for what holds no longer than a minute; tokens ask for a [`Signer`].
    ///
    /// # Errors
    /// [`KeyringError::Outdated`], [`KeyringError::NoActiveKey`].
    pub fn signing_key(&self, now: UnixTime, at: Instant) -> Result<TokenKey, KeyringError> {
        self.signing_key_of(SigningAlgorithm::EdDsa, now, at)
    }

    /// The key that signs at `now` for whom this algorithm was chosen: one of EdDSA until the first of these signs.
    ///
    /// # Errors
    /// As [`Self::signing_key`].
    pub fn signing_key_of(
        &self,
        algorithm: SigningAlgorithm,
        now: UnixTime,
        at: Instant,
    ) -> Result<TokenKey, KeyringError> {
        let opened = self.opened();
        opened.judge_age(at)?;
        opened.signer(algorithm, now).map(|(_, key)| key)
    }

    /// The same with the permit to sign up to `exp`: at hand for most, else asked of the store once.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn signer(
        &self,
        store: &impl SigningKeys,
        secrets: &Secrets,
        algorithm: SigningAlgorithm,
        exp: UnixTime,
        now: UnixTime,
        at: Instant,
    ) -> Result<Signer, KeyringError> {
        self.ensure_fresh(store, secrets, now, at).await?;
        // The second time with the rows read anew: who is refused knows less than the store does.
        for read in [false, true] {
            if read {
                self.read_anew(store, secrets, now, at).await?;
            }
            let opened = self.opened();
            opened.judge_age(at)?;
            let (open, key) = opened.signer(algorithm, now)?;
            let mut until = UnixTime::from_seconds(open.permitted.load(Ordering::Acquire));
            if exp > until {
                until = exp.plus(SIGNED_AHEAD_SECONDS);
                if !store.permit_signing(key.key_id(), until, now).await? {
                    continue;
                }
                open.permitted.fetch_max(until.seconds(), Ordering::AcqRel);
            }
            let signed = Arc::clone(&open.signed);
            return Ok(Signer { key, until, signed });
        }
        Err(KeyringError::Overtaken)
    }

    /// What verifiers may see of the keyring. Empty only where the last key was revoked and no other could be made yet.
    #[must_use]
    pub fn public_keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.opened().public)
    }

    /// The same for others, unless it may lack a key by now. An empty set is never shown: whoever has another keeps that.
    ///
    /// # Errors
    /// [`KeyringError::Outdated`], [`KeyringError::NoActiveKey`].
    pub fn published_keys(&self, at: Instant) -> Result<Arc<KeySet>, KeyringError> {
        let opened = self.opened();
        opened.judge_age(at)?;
        if opened.public.keys().next().is_none() {
            return Err(KeyringError::NoActiveKey);
        }
        Ok(Arc::clone(&opened.public))
    }

    /// What each key has done in this process.
    #[must_use]
    pub fn uses(&self) -> Vec<KeyUse> {
        let uses = |key: &opened::OpenKey| KeyUse {
            life: key.life.clone(),
            algorithm: key.algorithm,
            signed: key.signed.load(Ordering::Relaxed),
        };
        self.opened().keys.iter().map(uses).collect()
    }

    /// The keys whose rows are not shown to verifiers although they say so, and why.
    #[must_use]
    pub fn left_out(&self) -> Vec<(String, String)> {
        let named = |row: &LeftOut| (row.key_id().to_owned(), row.why());
        self.opened().left_out.iter().map(named).collect()
    }

    /// Those of them that stay out here whoever is asked again: no issuer wrote them, or not under a key-encryption key that this process has.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let opened = self.opened();
        let refused = opened.left_out.iter().filter(|row| row.is_final());
        refused.map(|row| row.key_id().to_owned()).collect()
    }

    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opened = self.opened();
        let ids = opened.keys.iter().map(|key| key.life.key_id.as_str());
        f.write_str("Keyring")?;
        f.debug_list().entries(ids).finish()
    }
}
