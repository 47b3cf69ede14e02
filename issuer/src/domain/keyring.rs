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
mod make;
pub mod timing;

#[cfg(test)]
mod beside;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod history;
#[cfg(test)]
mod year;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use edgeward_core::{
    keys::{Jwk, KeySet, KeySetError},
    time::UnixTime,
};

pub use held::TokenKey;
pub use life::{KeyState, Life, Need, Rules};

use super::{audit::AuditEntry, storage::StorageError};
use crate::{
    custody::{SealError, Sealed, SealerError, Secrets},
    signatures::SigningAlgorithm,
};
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
    /// Where it was made and signs, under this name: `kind:name`.
    Elsewhere(String),
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
}

/// A key of this process.
#[derive(Debug)]
struct OpenKey {
    algorithm: SigningAlgorithm,
    life: Life,
    /// `None` when it does not sign, or its seed does not open here.
    signing: Option<TokenKey>,
    /// Up to which expiry it may sign; shared by all readings of the rows.
    permitted: Arc<AtomicI64>,
    /// How many tokens it has signed in this process.
    signed: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Opened {
    keys: Vec<OpenKey>,
    public: Arc<KeySet>,
    /// By the clock that nobody can set.
    read_at: Instant,
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
        let opened = Opened::of(keys, secrets, None, now, at)?;
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
        let opened = Opened::of(keys, secrets, Some(&self.opened()), now, at)?;
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Readings may overtake each other.
        if kept.read_at <= at {
            *kept = Arc::new(opened);
        }
        Ok(())
    }

    /// Reads the rows again if that was too long ago. Whoever serves reads them every moment; who does not, here.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn ensure_fresh(
        &self,
        store: &impl SigningKeys,
        secrets: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<(), KeyringError> {
        match self.opened().judge_age(at) {
            Ok(()) => Ok(()),
            Err(_) => self.reload(store, secrets, now, at).await,
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
                self.reload(store, secrets, now, at).await?;
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

    /// What verifiers may see of the keyring. Never empty.
    #[must_use]
    pub fn public_keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.opened().public)
    }

    /// The same for others, unless it may lack a key by now.
    ///
    /// # Errors
    /// [`KeyringError::Outdated`].
    pub fn published_keys(&self, at: Instant) -> Result<Arc<KeySet>, KeyringError> {
        let opened = self.opened();
        opened.judge_age(at)?;
        Ok(Arc::clone(&opened.public))
    }

    /// What each key has done in this process.
    #[must_use]
    pub fn uses(&self) -> Vec<KeyUse> {
        let uses = |key: &OpenKey| KeyUse {
            life: key.life.clone(),
            signed: key.signed.load(Ordering::Relaxed),
        };
        self.opened().keys.iter().map(uses).collect()
    }

    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Opened {
    fn of(
        stored: Vec<StoredKey>,
        secrets: &Secrets,
        last: Option<&Self>,
        now: UnixTime,
        at: Instant,
    ) -> Result<Self, KeyringError> {
        let mut public = Vec::with_capacity(stored.len());
        let mut keys = Vec::with_capacity(stored.len());
        for key in stored {
            if key.life.state.is_public() {
                public.push(key.public()?);
            }
            let known = last.and_then(|last| last.named(&key.life.key_id));
            keys.push(OpenKey::of(key, secrets, known)?);
        }
        let opened = Self {
            keys,
            public: Arc::new(KeySet::from_keys(public)?),
            read_at: at,
        };
        for algorithm in SigningAlgorithm::ALL {
            let (_, signing) = opened.signer(algorithm, now)?;
            if !opened.public.contains(signing.key_id()) {
                return Err(KeyringError::WrongSeed(signing.key_id().to_owned()));
            }
        }
        Ok(opened)
    }

    fn named(&self, key_id: &str) -> Option<&OpenKey> {
        self.keys.iter().find(|key| key.life.key_id == key_id)
    }

    /// Who signs, of those that are open here: a key of the algorithm, or else one of EdDSA, which verifiers have.
    fn signer(
        &self,
        algorithm: SigningAlgorithm,
        now: UnixTime,
    ) -> Result<(&OpenKey, TokenKey), KeyringError> {
        self.signer_of(algorithm, now)
            .or_else(|| self.signer_of(SigningAlgorithm::EdDsa, now))
            .ok_or(KeyringError::NoActiveKey)
    }

    fn signer_of(
        &self,
        algorithm: SigningAlgorithm,
        now: UnixTime,
    ) -> Option<(&OpenKey, TokenKey)> {
        let signs = |key: &&OpenKey| key.algorithm == algorithm && key.signing.is_some();
        let open = self.keys.iter().filter(signs);
        let life = life::signer(open.map(|key| &key.life), now)?;
        let open = self.named(&life.key_id)?;
        Some((open, open.signing.clone()?))
    }

    fn judge_age(&self, at: Instant) -> Result<(), KeyringError> {
        let age = at.saturating_duration_since(self.read_at);
        let most = Duration::from_secs(KEYS_READ_WITHIN_SECONDS.unsigned_abs());
        if age <= most {
            Ok(())
        } else {
            Err(KeyringError::Outdated)
        }
    }
}

impl OpenKey {
    fn of(
        stored: StoredKey,
        secrets: &Secrets,
        known: Option<&Self>,
    ) -> Result<Self, KeyringError> {
        let signing = match stored.life.state {
            KeyState::Generated | KeyState::Retiring | KeyState::Retired | KeyState::Revoked => {
                None
            }
            KeyState::Active | KeyState::Published => {
                match known.and_then(|known| known.signing.clone()) {
                    Some(open) => Some(open),
                    None => open_unless_waiting(&stored, secrets)?,
                }
            }
        };
        let (permitted, signed) = known.map_or_else(Default::default, |known| {
            (Arc::clone(&known.permitted), Arc::clone(&known.signed))
        });
        Ok(Self {
            algorithm: stored.algorithm,
            life: stored.life,
            signing,
            permitted,
            signed,
        })
    }
}

/// A key that waits for its moment and does not open keeps nobody from signing with the one before; it is said each time.
fn open_unless_waiting(
    stored: &StoredKey,
    secrets: &Secrets,
) -> Result<Option<TokenKey>, KeyringError> {
    match TokenKey::open(stored, secrets) {
        Ok(key) => Ok(Some(key)),
        Err(error) if stored.life.state == KeyState::Published => {
            tracing::error!(kid = stored.life.key_id, detail = %error, "the next signing key does not open");
            Ok(None)
        }
        Err(error) => Err(error),
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
