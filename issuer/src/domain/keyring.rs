//! The keys that sign access tokens: made on the first start, sealed in the store, held open in memory.
//!
//! One key is active today. A key has its state in the store, so that rotation can add the others without another
//! format. Private halves leave the memory only sealed; what verifiers need is the public half in the key set.

use std::{fmt, future::Future};

use edgeward_core::{
    keys::{Jwk, KeySet, KeySetError},
    time::UnixTime,
    token::{SigningKey, WeakSeed},
};
use zeroize::Zeroizing;

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    storage::StorageError,
};
use crate::custody::{SealError, Sealed, Secrets};

/// The life of a signing key, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Made, and known to nobody.
    Generated,
    /// In the key set, so that every verifier has seen it before it signs.
    Published,
    /// Signs.
    Active,
    /// Signs no more; what it signed is still valid.
    Retiring,
    /// Nothing that it signed is valid any more.
    Retired,
    /// Nothing that it signed may be believed.
    Revoked,
}

impl KeyState {
    /// Every state, in the order of a key's life.
    pub const ALL: [Self; 6] = [
        Self::Generated,
        Self::Published,
        Self::Active,
        Self::Retiring,
        Self::Retired,
        Self::Revoked,
    ];

    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Published => "published",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether verifiers may see the key.
    #[must_use]
    pub const fn is_public(self) -> bool {
        match self {
            Self::Published | Self::Active | Self::Retiring => true,
            Self::Generated | Self::Retired | Self::Revoked => false,
        }
    }
}

/// A signing key as the store holds it.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// The RFC 7638 thumbprint of the public half.
    pub key_id: String,
    /// Where the key is in its life.
    pub state: KeyState,
    /// The public half as one JSON Web Key.
    pub public_jwk: String,
    /// The 32-byte seed, sealed under the key-encryption key for this `key_id`.
    pub sealed_seed: Sealed,
    /// When it was made.
    pub created_at: UnixTime,
}

/// What the keyring needs of a store.
pub trait SigningKeys {
    /// All keys, oldest first.
    fn signing_keys(&self) -> impl Future<Output = Result<Vec<StoredKey>, StorageError>> + Send;

    /// Adds the key if there is no active one; says whether it did. Two processes that start at once agree on one.
    fn add_first_signing_key(
        &self,
        key: &StoredKey,
        entry: &AuditEntry,
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
    /// The seed is no seed.
    #[error(transparent)]
    WeakSeed(#[from] WeakSeed),
    /// The public halves make no key set.
    #[error("the public signing keys: {0}")]
    KeySet(#[from] KeySetError),
    /// Another process made the active key and then it vanished.
    #[error("the store has no active signing key")]
    NoActiveKey,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

/// The open keys.
pub struct Keyring {
    active: SigningKey,
    public: KeySet,
}

impl Keyring {
    /// Opens the active key; on the very first start makes it.
    ///
    /// # Errors
    /// [`KeyringError`]; nothing is replaced in any of them.
    pub async fn load_or_create(
        store: &impl SigningKeys,
        secrets: &Secrets,
        now: UnixTime,
    ) -> Result<Self, KeyringError> {
        let mut keys = store.signing_keys().await?;
        if !keys.iter().any(|key| key.state == KeyState::Active) {
            let first = generate(secrets, now)?;
            // When another process was quicker, its key is the one: both read again.
            let entry = AuditEntry::done(Action::CreateKey, Actor::Issuer, now, &Origin::default())
                .about("key", &first.key_id);
            store.add_first_signing_key(&first, &entry).await?;
            keys = store.signing_keys().await?;
        }
        Self::open(&keys, secrets)
    }

    fn open(keys: &[StoredKey], secrets: &Secrets) -> Result<Self, KeyringError> {
        let active = keys
            .iter()
            .find(|key| key.state == KeyState::Active)
            .ok_or(KeyringError::NoActiveKey)?;
        let active = open_seed(active, secrets)?;
        let mut public = Vec::with_capacity(keys.len());
        for key in keys.iter().filter(|key| key.state.is_public()) {
            public.push(Jwk::parse(key.public_jwk.as_bytes())?);
        }
        let public = KeySet::from_keys(public)?;
        if !public.keys().any(|key| *key == active.public_jwk()) {
            return Err(KeyringError::WrongSeed(active.key_id().to_owned()));
        }
        Ok(Self { active, public })
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> &SigningKey {
        &self.active
    }

    /// What verifiers may see of the keyring. Never empty.
    #[must_use]
    pub fn public_keys(&self) -> &KeySet {
        &self.public
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(active {})", self.active.key_id())
    }
}

fn generate(secrets: &Secrets, now: UnixTime) -> Result<StoredKey, KeyringError> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyringError::NoRandomness)?;
    let key = SigningKey::from_seed(&seed)?;
    let key_id = key.key_id().to_owned();
    let sealed_seed =
        secrets
            .seal(&key_id, seed.as_slice())
            .map_err(|source| KeyringError::Seal {
                key_id: key_id.clone(),
                source,
            })?;
    Ok(StoredKey {
        public_jwk: key.public_jwk().to_json(),
        key_id,
        state: KeyState::Active,
        sealed_seed,
        created_at: now,
    })
}

fn open_seed(stored: &StoredKey, secrets: &Secrets) -> Result<SigningKey, KeyringError> {
    let seed = secrets
        .open(&stored.key_id, &stored.sealed_seed)
        .map_err(|source| KeyringError::Seal {
            key_id: stored.key_id.clone(),
            source,
        })?;
    let wrong = || KeyringError::WrongSeed(stored.key_id.clone());
    let seed: Zeroizing<[u8; 32]> =
        Zeroizing::new(seed.as_slice().try_into().map_err(|_| wrong())?);
    let key = SigningKey::from_seed(&seed)?;
    if key.key_id() == stored.key_id {
        Ok(key)
    } else {
        Err(wrong())
    }
}
