//! The queue before the hashing of passwords, looked up when somebody asks: whether sign-ins wait, and for how many there was
//! no place.

use std::sync::atomic::Ordering;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::labels::{Fate, Place};
use crate::domain::password::HashCounts;

/// The labels of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlaceLabels {
    place: Place,
}

/// The labels of what came out of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FateLabels {
    result: Fate,
}

/// The numbers of hashing, as they were when they were looked up last.
#[derive(Debug, Default)]
pub struct Hashing {
    queue: Family<PlaceLabels, Gauge>,
    hashes: Family<FateLabels, Counter>,
}

impl Hashing {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "password_hash_queue",
            "Passwords that are being hashed or wait for it",
            self.queue.clone(),
        );
        registry.register(
            "password_hashes",
            "Passwords that came to be hashed",
            self.hashes.clone(),
        );
    }

    /// Takes the numbers over.
    pub fn take(&self, counts: HashCounts) {
        for place in Place::ALL {
            let number = match place {
                Place::Running => counts.running,
                Place::Waiting => counts.waiting,
            };
            self.queue
                .get_or_create(&PlaceLabels { place: *place })
                .set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        for result in Fate::ALL {
            let number = match result {
                Fate::Hashed => counts.done,
                Fate::TurnedAway => counts.refused,
            };
            // The hasher counts; its number only grows.
            self.hashes
                .get_or_create(&FateLabels { result: *result })
                .inner()
                .store(number, Ordering::Relaxed);
        }
    }
}
