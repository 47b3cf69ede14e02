//! The signing keys, looked up when somebody asks: where each is in its life, for how long, and what this process signed with it.
//!
//! The id of a key is a label although it is no name of ours: nobody but an operator makes keys, and those that have ended are
//! left out.

use std::sync::atomic::Ordering;

use edgeward_core::time::UnixTime;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::domain::keyring::{KeyState, KeyUse, Life};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    kid: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgeLabels {
    kid: String,
    state: &'static str,
}

/// The numbers of the keys, as they were when they were looked up last.
#[derive(Debug, Default)]
pub struct Keys {
    count: Family<StateLabels, Gauge>,
    age: Family<AgeLabels, Gauge>,
    tokens: Family<KeyLabels, Counter>,
}

impl Keys {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "signing_keys",
            "Signing keys by where they are in their life",
            self.count.clone(),
        );
        registry.register_with_unit(
            "signing_key_age",
            "Since when a key is where it is in its life",
            Unit::Seconds,
            self.age.clone(),
        );
        registry.register(
            "signing_key_tokens",
            "Access tokens that this process signed with a key",
            self.tokens.clone(),
        );
    }

    /// Takes the numbers over.
    pub fn take(&self, uses: Vec<KeyUse>, now: UnixTime) {
        for state in KeyState::ALL {
            let here = uses.iter().filter(|key| key.life.state == state).count();
            self.count
                .get_or_create(&StateLabels {
                    state: state.name(),
                })
                .set(i64::try_from(here).unwrap_or(i64::MAX));
        }
        self.age.clear();
        self.tokens.clear();
        for KeyUse { life, signed } in uses {
            let Some(since) = since(&life) else { continue };
            let kid = life.key_id.clone();
            let state = life.state.name();
            self.age
                .get_or_create(&AgeLabels { kid, state })
                .set(now.seconds_since(since));
            self.tokens
                .get_or_create(&KeyLabels { kid: life.key_id })
                .inner()
                .store(signed, Ordering::Relaxed);
        }
    }
}

/// Since when a key is where it is. `None` when it has ended.
fn since(life: &Life) -> Option<UnixTime> {
    match life.state {
        KeyState::Generated => Some(life.created_at),
        KeyState::Published => life.published_at,
        KeyState::Active => life.signs_from,
        KeyState::Retiring => life.stopped_at,
        KeyState::Retired | KeyState::Revoked => None,
    }
}
