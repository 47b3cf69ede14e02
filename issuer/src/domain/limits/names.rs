//! A sliding window for each name at the sign-in. Who goes over it waits, and each time twice as long.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use edgeward_core::time::UnixTime;

use super::{LIFT_KEPT_SECONDS, Limited};
use crate::domain::lockout::CounterKey;

/// More names are not kept. A name that finds no place is let through: its failures are counted in the database.
const NAMES_MAX: usize = 50_000;

/// Names that mean nothing any more are taken away once in so many questions while there is no place.
const SWEEP_EVERY: u32 = 1024;

#[derive(Debug)]
pub(super) struct Names {
    rules: Rules,
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    by_name: HashMap<CounterKey, Window>,
    asked: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) most: u32,
    pub(super) seconds: i64,
    pub(super) first_wait: i64,
    pub(super) longest_wait: i64,
}

impl Names {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            windows: Mutex::default(),
        }
    }

    pub(super) fn ask(&self, name: &CounterKey, now: UnixTime) -> Result<(), Limited> {
        let rules = self.rules;
        // The map holds nothing that a panic could leave half-done.
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.asked = windows.asked.wrapping_add(1);
        let full = windows.by_name.len() >= NAMES_MAX;
        if windows.asked.is_multiple_of(SWEEP_EVERY) {
            windows
                .by_name
                .retain(|_, window| !window.is_over(rules, now) || window.was_lifted_lately(now));
        }
        if full && !windows.by_name.contains_key(name) {
            return Ok(());
        }
        let window = windows
            .by_name
            .entry(*name)
            .or_insert_with(|| Window::new(now));
        window.ask(rules, now)
    }

    /// Begins the window of a name anew, because an act of that moment forgot the failures at it. `false`: it was done for that act
    /// before, or there is no place to note that it was; nothing is changed then.
    pub(super) fn lift(&self, name: &CounterKey, at: UnixTime, now: UnixTime) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.by_name.len() >= NAMES_MAX && !windows.by_name.contains_key(name) {
            return false;
        }
        let window = windows
            .by_name
            .entry(*name)
            .or_insert_with(|| Window::new(now));
        window.lift(at, now)
    }
}

/// What is remembered of one name: counts of this stretch of time and of the one before. The window slides over both; it
/// is as if what was asked before had come evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    began: UnixTime,
    before: u32,
    since: u32,
    waits: u32,
    free_at: UnixTime,
    /// The moment of the act for which it began anew.
    lifted: Option<UnixTime>,
}

impl Window {
    pub(super) const fn new(now: UnixTime) -> Self {
        Self {
            began: now,
            before: 0,
            since: 0,
            waits: 0,
            free_at: now,
            lifted: None,
        }
    }

    /// Once for each act: else who goes on trying would begin anew each time.
    fn lift(&mut self, at: UnixTime, now: UnixTime) -> bool {
        if self.lifted.is_some_and(|last| last >= at) || now.seconds_since(at) > LIFT_KEPT_SECONDS {
            return false;
        }
        *self = Self {
            lifted: Some(at),
            ..Self::new(now)
        };
        true
    }

    /// Whether the note of the act that it was lifted for may still be found. Without the memory of it that act would count again.
    fn was_lifted_lately(&self, now: UnixTime) -> bool {
        self.lifted
            .is_some_and(|at| now.seconds_since(at) <= LIFT_KEPT_SECONDS)
    }

    /// Whether it is as good as a new one. A clock that was set back makes it one too.
    fn is_over(&self, rules: Rules, now: UnixTime) -> bool {
        let age = now.seconds_since(self.began);
        age < 0 || (age >= 2 * rules.seconds && now.seconds_since(self.free_at) >= rules.seconds)
    }

    fn slide(&mut self, rules: Rules, now: UnixTime) {
        if self.is_over(rules, now) {
            *self = Self {
                lifted: self.lifted,
                ..Self::new(now)
            };
        }
        let age = now.seconds_since(self.began);
        if age >= rules.seconds {
            let passed = age / rules.seconds;
            self.before = if passed == 1 { self.since } else { 0 };
            self.since = 0;
            self.began = self.began.plus(passed.saturating_mul(rules.seconds));
        }
    }

    pub(super) fn ask(&mut self, rules: Rules, now: UnixTime) -> Result<(), Limited> {
        self.slide(rules, now);
        let wait = self.free_at.seconds_since(now);
        if wait > 0 {
            return Err(limited(wait));
        }
        let left = rules.seconds.saturating_sub(now.seconds_since(self.began));
        let of_before = i64::from(self.before).saturating_mul(left) / rules.seconds.max(1);
        if of_before.saturating_add(i64::from(self.since)) < i64::from(rules.most) {
            self.since = self.since.saturating_add(1);
            return Ok(());
        }
        let times = 1_i64.checked_shl(self.waits).unwrap_or(i64::MAX);
        let wait = rules
            .first_wait
            .saturating_mul(times)
            .min(rules.longest_wait);
        self.waits = self.waits.saturating_add(1).min(16);
        self.free_at = now.plus(wait);
        Err(limited(wait))
    }
}

fn limited(seconds: i64) -> Limited {
    Limited {
        seconds: u64::try_from(seconds).unwrap_or(1).max(1),
    }
}
