//! The rows as a process has read and proven them.
//!
//! A row counts if it is proven: its private half opens and is that of the public one, or its statement about a key elsewhere was
//! sealed by an issuer. What was proven once is not proven again while the row says the same. So whoever writes to the database
//! without a key-encryption key shows no key of his own to verifiers, and changes none.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, Instant},
};

use edgeward_core::{
    keys::{Jwk, KeySet},
    time::UnixTime,
};

use super::{
    KeyState, KeyringError, Life, PrivateHalf, StoredKey, TokenKey, held::Proven, life,
    timing::KEYS_READ_WITHIN_SECONDS,
};
use crate::{
    custody::{Sealed, Secrets},
    signatures::SigningAlgorithm,
};

/// So many ended keys a process remembers, those of decades. More are written by somebody who wants to fill its memory.
const ENDED_MAX: usize = 10_000;

/// A row that was proven, or that has ended, and what this process knows of it.
#[derive(Debug)]
pub(super) struct OpenKey {
    pub(super) algorithm: SigningAlgorithm,
    pub(super) life: Life,
    says: Says,
    /// `None` where nobody may see it.
    public: Option<Jwk>,
    /// `None` where it does not sign.
    signing: Option<TokenKey>,
    /// Up to which expiry it may sign; shared by all readings of the rows.
    pub(super) permitted: Arc<AtomicI64>,
    /// How many tokens it has signed in this process.
    pub(super) signed: Arc<AtomicU64>,
}

/// What does not change in a row, but for the seal on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Says {
    algorithm: SigningAlgorithm,
    public_jwk: String,
    held_at: Option<String>,
}

impl Says {
    fn of(stored: &StoredKey) -> Self {
        Self {
            algorithm: stored.algorithm,
            public_jwk: stored.public_jwk.clone(),
            held_at: match &stored.private {
                PrivateHalf::Sealed(_) => None,
                PrivateHalf::Elsewhere(held) => Some(held.reference.clone()),
            },
        }
    }
}

/// A row that was not proven.
#[derive(Debug)]
pub(super) struct LeftOut {
    key_id: String,
    says: Says,
    seal: Sealed,
    why: Arc<KeyringError>,
}

impl LeftOut {
    fn of(stored: &StoredKey, why: KeyringError, last: Option<&Opened>) -> Self {
        let row = Self {
            key_id: stored.life.key_id.clone(),
            says: Says::of(stored),
            seal: seal_of(stored),
            why: Arc::new(why),
        };
        // Rows are read twice a second: what is known is not said again.
        let is_known = |last: &Opened| last.left_out.iter().any(|known| known.is_said_by(&row));
        if !last.is_some_and(is_known) {
            let (kid, state) = (&row.key_id, stored.life.state.name());
            tracing::error!(kid, state, detail = %row.why, "a signing key is left out of the key set");
        }
        row
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(super) fn is_final(&self) -> bool {
        self.why.is_final()
    }

    pub(super) fn why(&self) -> String {
        self.why.to_string()
    }

    /// Whether the log of one says what that of the other would: of an outage the words change with the seconds.
    fn is_said_by(&self, other: &Self) -> bool {
        self.key_id == other.key_id && self.why.is_final() == other.why.is_final()
    }

    /// The same row once more, where whoever was asked would say the same.
    fn again(&self, stored: &StoredKey) -> Option<Self> {
        let is_same = stored.life.state.is_public()
            && self.key_id == stored.life.key_id
            && self.says == Says::of(stored)
            && self.seal == seal_of(stored);
        (is_same && self.why.is_final()).then(|| Self {
            key_id: self.key_id.clone(),
            says: self.says.clone(),
            seal: self.seal.clone(),
            why: Arc::clone(&self.why),
        })
    }
}

fn seal_of(stored: &StoredKey) -> Sealed {
    match &stored.private {
        PrivateHalf::Sealed(sealed) => sealed.clone(),
        PrivateHalf::Elsewhere(held) => held.proof.clone(),
    }
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) keys: Vec<OpenKey>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) public: Arc<KeySet>,
    /// The key that signed last, where it was revoked and no other signs.
    pub(super) last_signing: Option<TokenKey>,
    /// Keys that have ended. The database may be made to say that one has not; a process that has read it knows better.
    ended: Arc<BTreeSet<String>>,
    /// By the clock that nobody can set.
    pub(super) read_at: Instant,
}

impl Opened {
    pub(super) async fn of(
        stored: Vec<StoredKey>,
        secrets: &Secrets,
        last: Option<&Self>,
        now: UnixTime,
        at: Instant,
    ) -> Result<Self, KeyringError> {
        let mut keys = Vec::with_capacity(stored.len());
        let mut left_out = Vec::new();
        let ended = ended(&stored, last);
        for key in stored {
            let known = last.and_then(|last| last.named(&key.life.key_id));
            let refused = last.and_then(|last| last.refused(&key));
            if let Some(row) = refused.filter(|_| may_be_left_out(&key)) {
                left_out.push(row);
                continue;
            }
            match OpenKey::of(&key, secrets, known, &ended).await {
                Ok(open) => keys.push(open),
                Err(error) if may_be_left_out(&key) => {
                    left_out.push(LeftOut::of(&key, error, last));
                }
                Err(error) => return Err(error),
            }
        }
        let public: Vec<Jwk> = keys.iter().filter_map(|key| key.public.clone()).collect();
        let mut opened = Self {
            public: Arc::new(KeySet::from_keys(public)?),
            keys,
            left_out,
            last_signing: None,
            ended,
            read_at: at,
        };
        for algorithm in SigningAlgorithm::ALL {
            match opened.signer(algorithm, now) {
                Ok((_, signing)) if opened.public.contains(signing.key_id()) => {}
                Ok((_, signing)) => {
                    return Err(KeyringError::WrongSeed(signing.key_id().to_owned()));
                }
                Err(error) => {
                    let revoked = last.and_then(|last| opened.revoked_signer(last, now));
                    opened.last_signing = Some(revoked.ok_or(error)?);
                }
            }
        }
        Ok(opened)
    }

    /// The key that signed, if these rows say that it was revoked. Rows that merely lack it were lost, or written by nobody who keeps
    /// keys: what was read before stays in force for its time.
    fn revoked_signer(&self, last: &Self, now: UnixTime) -> Option<TokenKey> {
        let Ok((_, signed)) = last.signer(SigningAlgorithm::EdDsa, now) else {
            return last.last_signing.clone();
        };
        let row = self.named(signed.key_id())?;
        (row.life.state == KeyState::Revoked).then_some(signed)
    }

    fn named(&self, key_id: &str) -> Option<&OpenKey> {
        self.keys.iter().find(|key| key.life.key_id == key_id)
    }

    fn refused(&self, stored: &StoredKey) -> Option<LeftOut> {
        self.left_out.iter().find_map(|row| row.again(stored))
    }

    /// Who signs, of those that are open here: a key of the algorithm, or else one of EdDSA, which verifiers have.
    pub(super) fn signer(
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

    pub(super) fn judge_age(&self, at: Instant) -> Result<(), KeyringError> {
        let age = at.saturating_duration_since(self.read_at);
        let most = Duration::from_secs(KEYS_READ_WITHIN_SECONDS.unsigned_abs());
        if age <= most {
            Ok(())
        } else {
            Err(KeyringError::Outdated)
        }
    }
}

/// A key that waits or has signed keeps nobody from signing with another. Without the one that signs there is nothing to go on with.
const fn may_be_left_out(stored: &StoredKey) -> bool {
    match stored.life.state {
        KeyState::Active => false,
        KeyState::Generated
        | KeyState::Published
        | KeyState::Retiring
        | KeyState::Retired
        | KeyState::Revoked => true,
    }
}

/// The keys that have ended, and those that the process has known as ended before.
fn ended(stored: &[StoredKey], last: Option<&Opened>) -> Arc<BTreeSet<String>> {
    let known = last.map(|last| Arc::clone(&last.ended)).unwrap_or_default();
    let has_ended = |key: &&StoredKey| match key.life.state {
        KeyState::Retired | KeyState::Revoked => !known.contains(&key.life.key_id),
        KeyState::Generated | KeyState::Published | KeyState::Active | KeyState::Retiring => false,
    };
    let room = ENDED_MAX.saturating_sub(known.len());
    let new: Vec<String> = stored
        .iter()
        .filter(has_ended)
        .take(room)
        .map(|key| key.life.key_id.clone())
        .collect();
    if new.is_empty() {
        return known;
    }
    Arc::new(known.iter().cloned().chain(new).collect())
}

impl OpenKey {
    async fn of(
        stored: &StoredKey,
        secrets: &Secrets,
        known: Option<&Self>,
        ended: &BTreeSet<String>,
    ) -> Result<Self, KeyringError> {
        let state = stored.life.state;
        if state.is_public() && ended.contains(&stored.life.key_id) {
            return Err(KeyringError::CameBack(stored.life.key_id.clone()));
        }
        let says = Says::of(stored);
        let proven = known.filter(|known| known.says == says);
        let (public, signing) = match state {
            KeyState::Generated | KeyState::Retired | KeyState::Revoked => (None, None),
            KeyState::Retiring => match proven.and_then(|known| known.public.clone()) {
                Some(public) => (Some(public), None),
                // Its private half was needed for the proof only.
                None => (Some(Proven::of(stored, secrets).await?.public), None),
            },
            KeyState::Active | KeyState::Published => {
                let key = match proven.and_then(|known| known.signing.clone()) {
                    Some(open) => open,
                    None => TokenKey::of(Proven::of(stored, secrets).await?, secrets)?,
                };
                (Some(key.public().clone()), Some(key))
            }
        };
        let (permitted, signed) = known.map_or_else(Default::default, |known| {
            (Arc::clone(&known.permitted), Arc::clone(&known.signed))
        });
        Ok(Self {
            algorithm: stored.algorithm,
            life: stored.life.clone(),
            says,
            public,
            signing,
            permitted,
            signed,
        })
    }
}
