//! What Redis was asked for and what was done without, read from the link when somebody asks for the numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::labels::label_values;
use crate::store::redis::{Link, Use};

label_values! {
    /// What Redis is used for.
    RedisUse {
        /// Limits that are counted together.
        Limits = "limits",
        /// Whose turn it is to refresh.
        Mutex = "mutex",
        /// Word that a session has ended.
        News = "news",
    }
}

impl RedisUse {
    const fn of_link(self) -> Use {
        match self {
            Self::Limits => Use::Limits,
            Self::Mutex => Use::Mutex,
            Self::News => Use::News,
        }
    }
}

/// The labels of what Redis is used for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RedisLabels {
    r#use: RedisUse,
}

/// The numbers of Redis. Without Redis the counters stay at zero and the gauge is NaN, on which no alert stands.
#[derive(Debug, Default)]
pub struct RedisNumbers {
    up: Gauge<f64, AtomicU64>,
    errors: Family<RedisLabels, Counter>,
    fallbacks: Family<RedisLabels, Counter>,
}

impl RedisNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "redis_up",
            "Whether Redis is asked at the moment",
            self.up.clone(),
        );
        registry.register(
            "redis_errors",
            "Questions to Redis that failed or were not answered in time",
            self.errors.clone(),
        );
        registry.register(
            "redis_fallbacks",
            "What was done without Redis although it is configured",
            self.fallbacks.clone(),
        );
        self.read(None);
    }

    /// Takes over what the link has counted.
    pub fn read(&self, link: Option<&Link>) {
        for r#use in RedisUse::ALL {
            let labels = RedisLabels { r#use: *r#use };
            let what = r#use.of_link();
            let usage = link.map(Link::usage);
            for (series, number) in [
                (&self.errors, usage.map_or(0, |usage| usage.errors(what))),
                (
                    &self.fallbacks,
                    usage.map_or(0, |usage| usage.fallbacks(what)),
                ),
            ] {
                let counter = series.get_or_create(&labels);
                counter.inner().store(number, Ordering::Relaxed);
            }
        }
        self.up.set(match link.map(Link::is_open) {
            Some(true) => 1.0,
            Some(false) => 0.0,
            None => f64::NAN,
        });
    }
}
