//! What edges say that they counted.

use edgeward_core::tally::{Counted, Tally};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::{Registry, Unit},
};

use super::labels::{CsrfLabels, CsrfResult, label_values};

label_values! {
    /// What a request through an edge came to.
    EdgeVerdict {
        /// It went on to the app or to the issuer.
        Passed = "passed",
        /// The edge answered it itself.
        Answered = "answered",
        /// A person was led to another page.
        Redirected = "redirected",
        /// 401.
        Unauthenticated = "unauthenticated",
        /// 403.
        Forbidden = "forbidden",
        /// 429.
        Limited = "limited",
        /// Another refusal.
        Refused = "refused",
        /// It could not be judged.
        Failed = "failed",
    }
}

label_values! {
    /// Whether the key of a token was there when the token came.
    KeySet {
        /// It was.
        AtHand = "at_hand",
        /// A key set, or a newer one, had to be looked for.
        Awaited = "awaited",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    result: EdgeVerdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeySetLabels {
    key_set: KeySet,
}

/// The sums over all edges.
#[derive(Debug, Default)]
pub(super) struct Edges {
    verdicts: Family<VerdictLabels, Counter>,
    tokens: Family<KeySetLabels, Counter>,
    key_wait: Counter<f64, std::sync::atomic::AtomicU64>,
    csrf: Family<CsrfLabels, Counter>,
    unconfirmed: Counter,
}

impl Edges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "edge_verdicts",
            "Requests that edges judged, by what they came to",
            self.verdicts.clone(),
        );
        registry.register(
            "edge_tokens",
            "Requests with an access token at edges, by whether the key set was there",
            self.tokens.clone(),
        );
        registry.register_with_unit(
            "edge_key_wait",
            "Time for which requests waited for the key set at edges",
            Unit::Seconds,
            self.key_wait.clone(),
        );
        registry.register(
            "edge_csrf_checks",
            "CSRF tokens that edges judged",
            self.csrf.clone(),
        );
        registry.register(
            "edge_unconfirmed",
            "Requests that edges let pass without current knowledge of ended sessions",
            self.unconfirmed.clone(),
        );
        for result in EdgeVerdict::ALL {
            self.verdict(*result, 0);
        }
        for key_set in KeySet::ALL {
            self.token(*key_set, 0);
        }
        for result in CsrfResult::ALL {
            self.checked(*result, 0);
        }
    }

    /// Adds what an edge counted since it last told.
    pub(super) fn add(&self, tally: &Tally) {
        for what in Counted::ALL {
            let many = tally.get(what);
            match what {
                Counted::Passed => self.verdict(EdgeVerdict::Passed, many),
                Counted::Answered => self.verdict(EdgeVerdict::Answered, many),
                Counted::Redirected => self.verdict(EdgeVerdict::Redirected, many),
                Counted::Unauthenticated => self.verdict(EdgeVerdict::Unauthenticated, many),
                Counted::Forbidden => self.verdict(EdgeVerdict::Forbidden, many),
                Counted::Limited => self.verdict(EdgeVerdict::Limited, many),
                Counted::Refused => self.verdict(EdgeVerdict::Refused, many),
                Counted::Failed => self.verdict(EdgeVerdict::Failed, many),
                Counted::Unconfirmed => drop(self.unconfirmed.inc_by(many.into())),
                Counted::KeysAtHand => self.token(KeySet::AtHand, many),
                Counted::KeysAwaited => self.token(KeySet::Awaited, many),
                Counted::KeyWait => drop(self.key_wait.inc_by(f64::from(many) / 1000.0)),
                Counted::CsrfValid => self.checked(CsrfResult::Valid, many),
                Counted::CsrfInvalid => self.checked(CsrfResult::Invalid, many),
            }
        }
    }

    fn verdict(&self, result: EdgeVerdict, many: u32) {
        self.verdicts
            .get_or_create(&VerdictLabels { result })
            .inc_by(many.into());
    }

    fn token(&self, key_set: KeySet, many: u32) {
        self.tokens
            .get_or_create(&KeySetLabels { key_set })
            .inc_by(many.into());
    }

    fn checked(&self, result: CsrfResult, many: u32) {
        self.csrf
            .get_or_create(&CsrfLabels { result })
            .inc_by(many.into());
    }
}
