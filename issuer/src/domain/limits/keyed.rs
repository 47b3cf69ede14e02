//! A token bucket for each key, in a map that has a bound.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::keyed::DashMapStateStore,
};

use super::{Limited, counters::Rate};

/// More buckets are not kept: at some 100 bytes each it is 10 MB.
pub(super) const KEYS_MAX: usize = 100_000;

/// When there are so many, everybody shares these: a flood from many addresses then limits some who are not part of it,
/// and takes no more memory.
const SHARED: u64 = 4096;

/// Full buckets, which are as good as none, are taken away once in so many questions.
const SWEEP_EVERY: u32 = 1024;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Slot<K> {
    Own(K),
    Shared(u64),
}

type Buckets<S, C> = RateLimiter<S, DashMapStateStore<S>, C, NoOpMiddleware<<C as Clock>::Instant>>;

pub(super) struct Keyed<K: Hash + Eq + Clone, C: Clock> {
    limiter: Buckets<Slot<K>, C>,
    clock: C,
    /// Nobody outside can aim at a shared bucket.
    hasher: RandomState,
    asked: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock> std::fmt::Debug for Keyed<K, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed")
            .field("keys", &self.limiter.len())
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Keyed<K, C> {
    pub(super) fn new(rate: Rate, clock: C) -> Self {
        let quota = Quota::with_period(rate.each())
            .unwrap_or_else(|| Quota::per_second(rate.number))
            .allow_burst(rate.burst);
        let store = DashMapStateStore::default();
        Self {
            limiter: RateLimiter::new(quota, store, clock.clone()),
            clock,
            hasher: RandomState::new(),
            asked: AtomicU32::new(0),
        }
    }

    pub(super) fn ask(&self, key: K) -> Result<(), Limited> {
        if self
            .asked
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(SWEEP_EVERY)
        {
            self.limiter.retain_recent();
        }
        let slot = if self.limiter.len() < KEYS_MAX {
            Slot::Own(key)
        } else {
            Slot::Shared(self.hasher.hash_one(&key) % SHARED)
        };
        self.limiter.check_key(&slot).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            let rounded_up = wait
                .as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0));
            Limited {
                seconds: rounded_up.max(1),
            }
        })
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.limiter.len()
    }
}
