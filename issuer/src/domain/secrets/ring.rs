//! The generations that a process holds open: read again every moment, judged by `now`.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use edgeward_core::{csrf::CsrfKey, time::UnixTime};

use super::{Purpose, SecretGenerations, SecretsError, StoredSecret, id_of};
use crate::{
    custody::{MacKey, SECRET_BYTES, Secrets},
    domain::keyring::{KeyState, Life, life, timing::KEYS_READ_WITHIN_SECONDS},
};

/// The generations of one purpose at one moment: the one that makes tokens, and those whose tokens are accepted.
#[derive(Debug)]
pub struct Known<K> {
    makes: Arc<K>,
    others: Vec<Arc<K>>,
}

impl<K> Known<K> {
    /// A single one.
    #[must_use]
    pub fn only(key: K) -> Self {
        Self {
            makes: Arc::new(key),
            others: Vec::new(),
        }
    }

    /// The one that makes tokens.
    #[must_use]
    pub fn makes(&self) -> &K {
        &self.makes
    }

    /// Those whose tokens are accepted, the one that makes them first.
    pub fn accepts(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&*self.makes).chain(self.others.iter().map(|key| &**key))
    }
}

pub(super) struct Open<K> {
    pub(super) life: Life,
    /// `None` when nothing that it made is accepted, or it does not open here.
    pub(super) key: Option<Arc<K>>,
}

struct Opened {
    csrf: Vec<Open<CsrfKey>>,
    refresh: Vec<Open<MacKey>>,
    /// By the clock that nobody can set.
    read_at: Instant,
}

/// The generations as this process knows them.
pub struct Generations(RwLock<Arc<Opened>>);

impl Generations {
    /// Opens what the store has.
    ///
    /// # Errors
    /// [`SecretsError`]; nothing is changed in any of them.
    pub async fn load(
        store: &impl SecretGenerations,
        custody: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<Self, SecretsError> {
        let stored = store.secret_generations().await?;
        let opened = Opened::of(stored, custody, None, now, at).await?;
        Ok(Self(RwLock::new(Arc::new(opened))))
    }

    /// Reads the rows again. Whatever fails, what was read last stays, with its age.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn reload(
        &self,
        store: &impl SecretGenerations,
        custody: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<(), SecretsError> {
        let stored = store.secret_generations().await?;
        let opened = Opened::of(stored, custody, Some(&self.opened()), now, at).await?;
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
    /// [`SecretsError::Store`], or [`SecretsError::Outdated`] for rows that are there and are not to be gone by.
    pub async fn ensure_fresh(
        &self,
        store: &impl SecretGenerations,
        custody: &Secrets,
        now: UnixTime,
        at: Instant,
    ) -> Result<(), SecretsError> {
        match self.opened().judge_age(at) {
            Ok(()) => Ok(()),
            Err(outdated) => match self.reload(store, custody, now, at).await {
                Ok(()) => Ok(()),
                Err(SecretsError::Store(error)) => Err(SecretsError::Store(error)),
                Err(error) => {
                    tracing::error!(detail = %error, "the secrets of tokens could not be read, and those of before are too old");
                    Err(outdated)
                }
            },
        }
    }

    /// The keys of CSRF tokens.
    ///
    /// # Errors
    /// [`SecretsError::Outdated`], [`SecretsError::NoneActive`].
    pub fn csrf(&self, now: UnixTime, at: Instant) -> Result<Known<CsrfKey>, SecretsError> {
        let opened = self.opened();
        opened.judge_age(at)?;
        known(Purpose::Csrf, &opened.csrf, now)
    }

    /// The keys of the MAC in refresh tokens.
    ///
    /// # Errors
    /// [`SecretsError::Outdated`], [`SecretsError::NoneActive`].
    pub fn refresh(&self, now: UnixTime, at: Instant) -> Result<Known<MacKey>, SecretsError> {
        let opened = self.opened();
        opened.judge_age(at)?;
        known(Purpose::Refresh, &opened.refresh, now)
    }

    /// Where all of them are in their lives.
    #[must_use]
    pub fn lives(&self) -> Vec<(Purpose, Life)> {
        let opened = self.opened();
        let csrf = opened.csrf.iter().map(|open| (Purpose::Csrf, &open.life));
        let refresh = opened
            .refresh
            .iter()
            .map(|open| (Purpose::Refresh, &open.life));
        csrf.chain(refresh)
            .map(|(purpose, life)| (purpose, life.clone()))
            .collect()
    }

    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Opened {
    async fn of(
        stored: Vec<StoredSecret>,
        custody: &Secrets,
        last: Option<&Self>,
        now: UnixTime,
        at: Instant,
    ) -> Result<Self, SecretsError> {
        let mut opened = Self {
            csrf: Vec::new(),
            refresh: Vec::new(),
            read_at: at,
        };
        for secret in stored {
            match secret.purpose {
                Purpose::Csrf => {
                    let had = last.map_or(&[][..], |last| &last.csrf);
                    let make = CsrfKey::from_bytes;
                    opened
                        .csrf
                        .push(Open::of(secret, custody, had, make).await?);
                }
                Purpose::Refresh => {
                    let had = last.map_or(&[][..], |last| &last.refresh);
                    let make = MacKey::from_bytes;
                    opened
                        .refresh
                        .push(Open::of(secret, custody, had, make).await?);
                }
            }
        }
        known(Purpose::Csrf, &opened.csrf, now)?;
        known(Purpose::Refresh, &opened.refresh, now)?;
        Ok(opened)
    }

    fn judge_age(&self, at: Instant) -> Result<(), SecretsError> {
        let age = at.saturating_duration_since(self.read_at);
        let most = Duration::from_secs(KEYS_READ_WITHIN_SECONDS.unsigned_abs());
        if age <= most {
            Ok(())
        } else {
            Err(SecretsError::Outdated)
        }
    }
}

impl<K> Open<K> {
    async fn of(
        stored: StoredSecret,
        custody: &Secrets,
        had: &[Self],
        make: fn([u8; SECRET_BYTES]) -> K,
    ) -> Result<Self, SecretsError> {
        let same = |open: &&Self| open.life.key_id == stored.life.key_id;
        let had = had.iter().find(same);
        let known = had.and_then(|open| open.key.clone());
        let key = match (stored.life.state.is_public(), known) {
            (false, _) => None,
            (true, Some(known)) => Some(known),
            (true, None) => match open(&stored, custody, make).await {
                Ok(key) => Some(Arc::new(key)),
                Err(error) if stored.life.state != KeyState::Published => return Err(error),
                Err(error) => {
                    // One that waits for its moment keeps nobody from going on with the one before. Rows are read twice a second: it
                    // is said when it is read for the first time, or was not yet to be opened.
                    if had.is_none_or(|had| !had.life.state.is_public()) {
                        let secret = &stored.life.key_id;
                        tracing::error!(secret, detail = %error, "the next secret does not open");
                    }
                    None
                }
            },
        };
        Ok(Self {
            life: stored.life,
            key,
        })
    }
}

async fn open<K>(
    stored: &StoredSecret,
    custody: &Secrets,
    make: fn([u8; SECRET_BYTES]) -> K,
) -> Result<K, SecretsError> {
    let id = &stored.life.key_id;
    let opened = custody
        .open_apart(id, &stored.sealed)
        .await
        .map_err(|source| SecretsError::Seal {
            id: id.clone(),
            source,
        })?;
    let secret: &[u8; SECRET_BYTES] = opened
        .as_slice()
        .try_into()
        .map_err(|_| SecretsError::WrongSecret(id.clone()))?;
    if id_of(stored.purpose, secret) == *id {
        Ok(make(*secret))
    } else {
        Err(SecretsError::WrongSecret(id.clone()))
    }
}

pub(super) fn known<K>(
    purpose: Purpose,
    all: &[Open<K>],
    now: UnixTime,
) -> Result<Known<K>, SecretsError> {
    let open = all.iter().filter(|open| open.key.is_some());
    let makes = life::signer(open.clone().map(|open| &open.life), now)
        .ok_or(SecretsError::NoneActive(purpose))?;
    let is_maker = |open: &&Open<K>| open.life.key_id == makes.key_id;
    let maker = open.clone().find(is_maker);
    let maker = maker.and_then(|open| open.key.clone());
    // Of the others the newest is the one whose tokens come most.
    let others = open.rev().filter(|open| !is_maker(open));
    Ok(Known {
        makes: maker.ok_or(SecretsError::NoneActive(purpose))?,
        others: others.filter_map(|open| open.key.clone()).collect(),
    })
}

impl fmt::Debug for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lives = self.lives();
        f.write_str("Generations")?;
        f.debug_list()
            .entries(lives.iter().map(|(_, life)| life.key_id.as_str()))
            .finish()
    }
}
