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

use crate::{
    domain::keyring::{KeyState, KeyUse, Life},
    signatures::SigningAlgorithm,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    alg: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    kid: String,
    alg: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgeLabels {
    kid: String,
    alg: &'static str,
    state: &'static str,
}

/// The numbers of the keys, as they were when they were looked up last.
#[derive(Debug, Default)]
pub struct Keys {
    count: Family<StateLabels, Gauge>,
    age: Family<AgeLabels, Gauge>,
    tokens: Family<KeyLabels, Counter>,
    left_out: Gauge,
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
        registry.register(
            "signing_keys_left_out",
            "Rows of signing keys that are not what an issuer wrote, or that nobody could prove",
            self.left_out.clone(),
        );
    }

    /// Takes the numbers over.
    pub fn take(&self, uses: Vec<KeyUse>, left_out: usize, now: UnixTime) {
        for algorithm in SigningAlgorithm::ALL {
            for state in KeyState::ALL {
                let is_here = |key: &&KeyUse| key.algorithm == algorithm && key.life.state == state;
                let here = uses.iter().filter(is_here).count();
                let labels = StateLabels {
                    alg: algorithm.name(),
                    state: state.name(),
                };
                self.count.get_or_create(&labels).set(whole(here));
            }
        }
        self.left_out.set(whole(left_out));
        self.age.clear();
        self.tokens.clear();
        for KeyUse {
            life,
            algorithm,
            signed,
        } in uses
        {
            let Some(since) = since(&life) else { continue };
            let (kid, alg) = (life.key_id.clone(), algorithm.name());
            let state = life.state.name();
            self.age
                .get_or_create(&AgeLabels { kid, alg, state })
                .set(now.seconds_since(since));
            self.tokens
                .get_or_create(&KeyLabels {
                    kid: life.key_id,
                    alg,
                })
                .inner()
                .store(signed, Ordering::Relaxed);
        }
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
