//! One attempt to prove a password: claimed before the comparison, settled after it.

use edgeward_core::time::UnixTime;

use super::{Claim, Counter, CounterKey, DeviceDigest, Failed, LockoutKey, Rules, Swap, Turns};
use crate::{
    config,
    domain::{
        accounts::{Email, UserId},
        audit::{Action, Actor, AuditEntry, Origin},
        session::{AddressRange, Sid},
        storage::{Storage, StorageError},
    },
};

/// A transition that somebody else's overtook is made again, at most so often. Each time another one was stored, and an
/// account has as many under way as its limit, so this is met only when a whole range of addresses fails at once.
const SWAPS_MAX: u32 = 200;

/// What counting needs.
#[derive(Debug, Clone, Copy)]
pub struct Lockout<'a> {
    /// Names the counters.
    pub key: &'a LockoutKey,
    /// The limits.
    pub settings: &'a config::Lockout,
    /// Who waits in this process.
    pub turns: &'a Turns,
}

/// Why a password may not be compared now.
#[derive(Debug, thiserror::Error)]
pub enum NoAttempt {
    /// Too many failures under this name; whether it has an account is not known.
    #[error("locked")]
    Locked {
        /// So long the lock lasts.
        seconds: u64,
    },
    /// Too many failures from these addresses.
    #[error("too many failures from this range of addresses")]
    RangeLocked {
        /// So long the lock lasts.
        seconds: u64,
    },
    /// Other attempts under this name take too long, or too many wait.
    #[error("too many attempts under this name are under way")]
    Contended,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl NoAttempt {
    fn locked(until: UnixTime, now: UnixTime) -> Self {
        let seconds = seconds_until(until, now);
        Self::Locked { seconds }
    }

    fn range_locked(until: UnixTime, now: UnixTime) -> Self {
        let seconds = seconds_until(until, now);
        Self::RangeLocked { seconds }
    }
}

/// At least one: a lock that ends within this second has not ended.
fn seconds_until(until: UnixTime, now: UnixTime) -> u64 {
    u64::try_from(until.seconds_since(now)).unwrap_or(0).max(1)
}

/// A claimed attempt. It must be settled: by [`Attempt::fail`], [`Attempt::give_back`], or the [`Swap`] of
/// [`Attempt::success`].
#[derive(Debug)]
#[must_use]
pub struct Attempt<'a> {
    lockout: Lockout<'a>,
    /// `None` where counting is switched off.
    counted: Option<Counted>,
    now: UnixTime,
}

#[derive(Debug)]
struct Counted {
    own: CounterKey,
    range: Option<CounterKey>,
    /// What the audit log calls the counter.
    scope: &'static str,
}

impl<'a> Lockout<'a> {
    /// Claims an attempt at the sign-in of a name. With a device that signed in to this account before, its own counter
    /// is asked, and neither the account's nor the addresses': strangers cannot lock it out.
    ///
    /// # Errors
    /// [`NoAttempt`]; no password may be compared then.
    pub async fn claim_sign_in(
        self,
        storage: &impl Storage,
        typed: &str,
        range: Option<&AddressRange>,
        known_device: Option<DeviceDigest>,
        now: UnixTime,
    ) -> Result<Attempt<'a>, NoAttempt> {
        let counted = match known_device {
            Some(device) => Counted {
                own: self.key.of_device(typed, &device),
                range: None,
                scope: "device",
            },
            None => Counted {
                own: self.key.of_name(typed),
                range: range.map(|range| self.key.of_range(range)),
                scope: "account",
            },
        };
        self.claim(storage, counted, now).await
    }

    /// Claims an attempt of a signed-in person to prove the password again, in this session.
    ///
    /// # Errors
    /// [`NoAttempt`]; no password may be compared then.
    pub async fn claim_proof(
        self,
        storage: &impl Storage,
        sid: Sid,
        email: &Email,
        now: UnixTime,
    ) -> Result<Attempt<'a>, NoAttempt> {
        let counted = Counted {
            own: self.key.of_proof(sid, email),
            range: None,
            scope: "proof",
        };
        self.claim(storage, counted, now).await
    }

    /// Claims an attempt of whoever has a link of a registration, to know its password too.
    ///
    /// # Errors
    /// [`NoAttempt`]; no password may be compared then.
    pub async fn claim_confirmation(
        self,
        storage: &impl Storage,
        email: &Email,
        now: UnixTime,
    ) -> Result<Attempt<'a>, NoAttempt> {
        let counted = Counted {
            own: self.key.of_registration(email),
            range: None,
            scope: "registration",
        };
        self.claim(storage, counted, now).await
    }

    async fn claim(
        self,
        storage: &impl Storage,
        counted: Counted,
        now: UnixTime,
    ) -> Result<Attempt<'a>, NoAttempt> {
        let attempt = |counted| Attempt {
            lockout: self,
            counted,
            now,
        };
        if !self.settings.enabled {
            return Ok(attempt(None));
        }
        if let Some(range) = &counted.range {
            let stored = storage.counter(range).await?;
            if let Some(until) = Counter::locked(stored.as_ref(), now) {
                return Err(NoAttempt::range_locked(until, now));
            }
        }
        let turn = self.turns.join(counted.own).ok_or(NoAttempt::Contended)?;
        for _ in 0..self.turns.rounds() {
            let asked = turn.ask_then_wait(self.try_claim(storage, &counted.own, now));
            match asked.await? {
                Some(Ok(())) => return Ok(attempt(Some(counted))),
                Some(Err(until)) => return Err(NoAttempt::locked(until, now)),
                None => {}
            }
        }
        Err(NoAttempt::Contended)
    }

    /// `None`: what is left is claimed by others. The error is the end of the lock.
    async fn try_claim(
        self,
        storage: &impl Storage,
        key: &CounterKey,
        now: UnixTime,
    ) -> Result<Option<Result<(), UnixTime>>, StorageError> {
        let rules = Rules::of_account(self.settings);
        for _ in 0..SWAPS_MAX {
            let from = storage.counter(key).await?;
            let swap = match Counter::claim(from.as_ref(), rules, now) {
                Claim::Full => return Ok(None),
                Claim::Locked(until) => return Ok(Some(Err(until))),
                Claim::Granted(counter) => Swap {
                    key: *key,
                    from,
                    to: Some(counter),
                    now,
                },
            };
            if storage.swap_counter(&swap).await? {
                return Ok(Some(Ok(())));
            }
        }
        Ok(None)
    }
}

impl Attempt<'_> {
    /// The password was wrong, or there was nobody to have one. Writes the failure down with `refusal`, and the lock if
    /// one begins. Answers how many attempts are left, unless counting is switched off.
    ///
    /// # Errors
    /// When the database failed. The claim then holds for a while.
    pub async fn fail(
        &self,
        storage: &impl Storage,
        user: Option<UserId>,
        refusal: &AuditEntry,
        origin: &Origin,
    ) -> Result<Option<u32>, StorageError> {
        let Some(counted) = &self.counted else {
            storage.record(refusal).await?;
            return Ok(None);
        };
        let settings = self.lockout.settings;
        for _ in 0..SWAPS_MAX {
            let (own, failed) = self
                .failure(storage, counted.own, Rules::of_account(settings))
                .await?;
            let mut failure = Failure {
                swaps: vec![own],
                refusal: refusal.clone(),
                locks: Vec::new(),
                ends_sessions_of: None,
            };
            if failed.locks {
                failure
                    .locks
                    .push(self.lock_entry(counted.scope, user, origin));
                failure.ends_sessions_of = user.filter(|_| settings.revoke_sessions);
            }
            if let Some(range) = counted.range {
                let (swap, failed) = self
                    .failure(storage, range, Rules::of_address(settings))
                    .await?;
                failure.swaps.push(swap);
                if failed.locks {
                    failure.locks.push(self.lock_entry("address", None, origin));
                }
            }
            if storage.fail_attempt(&failure, self.now).await? {
                self.lockout.turns.settled(&counted.own);
                if failed.locks {
                    tracing::warn!(scope = counted.scope, "attempts locked");
                }
                return Ok(Some(failed.left));
            }
        }
        Err(StorageError::Busy(
            "counters of failures change too fast".into(),
        ))
    }

    async fn failure(
        &self,
        storage: &impl Storage,
        key: CounterKey,
        rules: Rules,
    ) -> Result<(Swap, Failed), StorageError> {
        let from = storage.counter(&key).await?;
        let failed = Counter::fail(from.as_ref(), rules, self.now);
        let swap = Swap {
            key,
            from,
            to: Some(failed.next),
            now: self.now,
        };
        Ok((swap, failed))
    }

    fn lock_entry(&self, scope: &'static str, user: Option<UserId>, origin: &Origin) -> AuditEntry {
        let seconds = self.lockout.settings.seconds;
        let entry = AuditEntry::done(Action::Lock, Actor::Issuer, self.now, origin)
            .with("scope", scope)
            .with("seconds", seconds);
        match user {
            Some(user) => entry.about("user", user),
            None => entry,
        }
    }

    /// The password was neither right nor wrong. A failure of the database is passed over: the claim then ends by itself.
    pub async fn give_back(&self, storage: &impl Storage) {
        let Some(counted) = &self.counted else {
            return;
        };
        for _ in 0..SWAPS_MAX {
            let Ok(from) = storage.counter(&counted.own).await else {
                return;
            };
            let swap = Swap {
                key: counted.own,
                to: Counter::give_back(from.as_ref(), self.now),
                from,
                now: self.now,
            };
            match storage.swap_counter(&swap).await {
                Ok(true) => break,
                Ok(false) => {}
                Err(_) => return,
            }
        }
        self.lockout.turns.settled(&counted.own);
    }

    /// The password was right: what is to be stored together with what it was for. When that was overtaken, ask again.
    ///
    /// # Errors
    /// [`NoAttempt::Locked`] when a lock has begun meanwhile.
    pub async fn success(&self, storage: &impl Storage) -> Result<Option<Swap>, NoAttempt> {
        let Some(counted) = &self.counted else {
            return Ok(None);
        };
        let from = storage.counter(&counted.own).await?;
        let to = Counter::succeed(from.as_ref(), self.now)
            .map_err(|until| NoAttempt::locked(until, self.now))?;
        Ok(Some(Swap {
            key: counted.own,
            from,
            to,
            now: self.now,
        }))
    }

    /// Says that the swap of [`Attempt::success`] is stored.
    pub fn succeeded(&self) {
        if let Some(counted) = &self.counted {
            self.lockout.turns.settled(&counted.own);
        }
    }
}

/// A failure as the database gets it: all of it, or nothing where a swap was overtaken.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The counters that move.
    pub swaps: Vec<Swap>,
    /// What is written down of the attempt itself.
    pub refusal: AuditEntry,
    /// What is written down of the locks that begin with it.
    pub locks: Vec<AuditEntry>,
    /// Whose sessions end with it.
    pub ends_sessions_of: Option<UserId>,
}
