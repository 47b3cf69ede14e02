//! The secrets of tokens, looked up when somebody asks: how many generations are where in their lives, and for how long the one
//! that makes tokens has.

use edgeward_core::time::UnixTime;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::domain::{
    keyring::{KeyState, Life, life},
    secrets::Purpose,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    purpose: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PurposeLabels {
    purpose: &'static str,
}

/// The numbers of the secrets, as they were when they were looked up last.
#[derive(Debug, Default)]
pub struct Secrets {
    count: Family<StateLabels, Gauge>,
    age: Family<PurposeLabels, Gauge>,
}

impl Secrets {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "token_secrets",
            "Secrets of CSRF and refresh tokens by where they are in their life",
            self.count.clone(),
        );
        registry.register_with_unit(
            "token_secret_age",
            "Since when the present secret makes tokens",
            Unit::Seconds,
            self.age.clone(),
        );
    }

    /// Takes the numbers over.
    pub fn take(&self, lives: &[(Purpose, Life)], now: UnixTime) {
        for purpose in Purpose::ALL {
            let own = lives.iter().filter(|(of, _)| *of == purpose);
            let own = own.map(|(_, life)| life);
            for state in KeyState::ALL {
                let here = own.clone().filter(|life| life.state == state).count();
                let labels = StateLabels {
                    purpose: purpose.name(),
                    state: state.name(),
                };
                self.count
                    .get_or_create(&labels)
                    .set(i64::try_from(here).unwrap_or(i64::MAX));
            }
            let since = life::signer(own, now).and_then(|life| life.signs_from);
            let labels = PurposeLabels {
                purpose: purpose.name(),
            };
            self.age
                .get_or_create(&labels)
                .set(since.map_or(0, |since| now.seconds_since(since)));
        }
    }
}
