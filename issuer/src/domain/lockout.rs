//! Counting wrong passwords, and the lock that follows.
//!
//! An attempt is *claimed* before its password is compared, so guesses that come at once cannot be more than those that
//! come one after another: failures and claims together never exceed the limit. A claim becomes a failure or is given
//! back. Whether a name has an account is not asked here: names without one count and lock in the same way.
//!
//! Each transition takes `now` and is pure; the database stores it by compare-and-swap. Who waits for whose claim is in
//! [`turns`].

mod attempt;
mod key;
mod turns;

pub use attempt::{Attempt, Failure, Lockout, NoAttempt};
pub use key::{CounterKey, LockoutKey};
pub use turns::Turns;

use edgeward_core::time::UnixTime;

use super::session::Digest;
use crate::config;

/// A claim that was not settled by then belongs to a process that died: it is dropped. Longer than a request may take
/// with its wait for a place to hash, so no living claim is dropped.
const CLAIM_SECONDS: i64 = 60;

/// The limit of a counter and how long it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// So many failures lock.
    pub failures_max: u32,
    /// A lock lasts so long.
    pub lock_seconds: i64,
    /// Failures are forgotten so long after the last one.
    pub memory_seconds: i64,
}

impl Rules {
    /// Those for a name, and for a known device.
    #[must_use]
    pub const fn of_account(settings: &config::Lockout) -> Self {
        Self {
            failures_max: settings.failures,
            lock_seconds: settings.seconds,
            memory_seconds: settings.seconds,
        }
    }

    /// Those for a range of addresses, which many people may share.
    #[must_use]
    pub const fn of_address(settings: &config::Lockout) -> Self {
        Self {
            failures_max: settings.address_failures,
            ..Self::of_account(settings)
        }
    }
}

/// The device cookie's digest. It is made only from a cookie that is a secret of one browser; the user agent's name, which
/// anybody can send, is no device here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceDigest(Digest);

impl DeviceDigest {
    /// Of the secret in the device cookie.
    #[must_use]
    pub const fn of_cookie(digest: Digest) -> Self {
        Self(digest)
    }

    /// For the database.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

/// What is remembered of failed attempts under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Failures since the last success.
    pub failures: u32,
    /// Attempts whose password is being compared.
    pub claims: u32,
    /// Claims that are not settled by then are dropped.
    pub claims_end_at: UnixTime,
    /// The end of the lock, if there is one.
    pub locked_until: Option<UnixTime>,
    /// The row means nothing from then on.
    pub forget_at: UnixTime,
}

/// Whether an attempt may compare its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// It may, once this is stored.
    Granted(Counter),
    /// Other attempts that are under way may use up what is left: ask again when one of them is settled.
    Full,
    /// Nobody may until then.
    Locked(UnixTime),
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Failed {
    /// To be stored.
    pub next: Counter,
    /// Attempts that are left.
    pub left: u32,
    /// Whether the lock begins now.
    pub locks: bool,
}

impl Counter {
    const fn blank(now: UnixTime) -> Self {
        Self {
            failures: 0,
            claims: 0,
            claims_end_at: now,
            locked_until: None,
            forget_at: now,
        }
    }

    /// What still counts of a stored counter.
    fn current(stored: Option<&Self>, now: UnixTime) -> Self {
        let Some(stored) = stored else {
            return Self::blank(now);
        };
        let mut counter = *stored;
        if counter.locked_until.is_some_and(|until| until <= now) {
            counter.locked_until = None;
            counter.failures = 0;
        }
        if counter.claims_end_at <= now {
            counter.claims = 0;
        }
        if counter.forget_at <= now {
            counter.failures = 0;
        }
        counter
    }

    /// The end of a lock that holds.
    #[must_use]
    pub fn locked(stored: Option<&Self>, now: UnixTime) -> Option<UnixTime> {
        Self::current(stored, now).locked_until
    }

    /// How many failures still count.
    #[must_use]
    pub fn failures(stored: Option<&Self>, now: UnixTime) -> u32 {
        Self::current(stored, now).failures
    }

    /// Asks for an attempt.
    pub fn claim(stored: Option<&Self>, rules: Rules, now: UnixTime) -> Claim {
        let counter = Self::current(stored, now);
        if let Some(until) = counter.locked_until {
            return Claim::Locked(until);
        }
        if counter.failures.saturating_add(counter.claims) >= rules.failures_max {
            return Claim::Full;
        }
        let claims_end_at = now.plus(CLAIM_SECONDS);
        Claim::Granted(Self {
            claims: counter.claims.saturating_add(1),
            claims_end_at,
            forget_at: counter.forget_at.max(claims_end_at),
            ..counter
        })
    }

    /// A claimed attempt had the wrong password. A lock that holds already is not made longer.
    pub fn fail(stored: Option<&Self>, rules: Rules, now: UnixTime) -> Failed {
        let counter = Self::current(stored, now);
        let failures = counter.failures.saturating_add(1);
        let locks = counter.locked_until.is_none() && failures >= rules.failures_max;
        let locked_until = if locks {
            Some(now.plus(rules.lock_seconds))
        } else {
            counter.locked_until
        };
        let remembered = now.plus(rules.memory_seconds);
        Failed {
            left: rules.failures_max.saturating_sub(failures),
            locks,
            next: Self {
                failures,
                claims: counter.claims.saturating_sub(1),
                locked_until,
                forget_at: counter
                    .forget_at
                    .max(remembered)
                    .max(locked_until.unwrap_or(remembered)),
                ..counter
            },
        }
    }

    /// A claimed attempt came to nothing: it was neither right nor wrong. `None`: the row can go.
    #[must_use]
    pub fn give_back(stored: Option<&Self>, now: UnixTime) -> Option<Self> {
        let mut counter = Self::current(stored, now);
        counter.claims = counter.claims.saturating_sub(1);
        counter.unless_blank()
    }

    /// A claimed attempt had the right password. `None`: the row can go.
    ///
    /// # Errors
    /// The end of a lock that began after the claim had been dropped: then it was not one of the attempts that count.
    pub fn succeed(stored: Option<&Self>, now: UnixTime) -> Result<Option<Self>, UnixTime> {
        let mut counter = Self::current(stored, now);
        if let Some(until) = counter.locked_until {
            return Err(until);
        }
        counter.failures = 0;
        counter.claims = counter.claims.saturating_sub(1);
        Ok(counter.unless_blank())
    }

    fn unless_blank(self) -> Option<Self> {
        (self.failures > 0 || self.claims > 0 || self.locked_until.is_some()).then_some(self)
    }
}

/// A transition to be stored if the row is still the one it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Which counter.
    pub key: CounterKey,
    /// What was read.
    pub from: Option<Counter>,
    /// What is to be there; `None` removes the row.
    pub to: Option<Counter>,
    /// Rows that ended before may be removed.
    pub now: UnixTime,
}

#[cfg(test)]
mod tests;
