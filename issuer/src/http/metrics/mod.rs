//! What the issuer counts for whoever watches over it, as OpenMetrics text.
//!
//! Every label value comes from an enum of [`labels`] or is the pattern of a route of ours. Nothing that a client sends
//! becomes one: series never go away, so a value that others choose would fill the memory of every Prometheus that
//! reads them, and could be personal. Each outcome is made from a typed result by a match without a rest, in
//! [`outcomes`]; a new way to fail does not compile until it is said here how it counts.
//!
//! Series begin at zero with the process, so that a rate sees also the first event.

pub mod labels;
mod edges;
mod hashing;
mod keys;
mod secrets;
mod mails;
mod outcomes;
pub mod redis;
mod sample;
mod verdicts;

pub mod endpoint;

pub use edges::{EdgeVerdict, KeySet};
pub use mails::MailResult;
pub use outcomes::{Fault, LoginReason, RefreshResult};
pub use verdicts::VerdictResult;

use std::{fmt, time::Duration};

use edgeward_core::{problem::ProblemCode, tally::Tally};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use self::{
    edges::Edges,
    hashing::Hashing,
    keys::Keys,
    labels::{
        Check, CheckLabels, Credential, CsrfLabels, CsrfResult, FailedAttemptLabels, FailureLabels,
        LoginLabels, RefreshLabels, RefusalLabels, RequestLabels, RouteLabels,
    },
    mails::MailLabels,
    redis::RedisNumbers,
    sample::Sessions,
    secrets::Secrets,
    verdicts::VerdictLabels,
};
use crate::domain::{
    login::{LoginError, SignedIn},
    mail,
    refresh::{RefreshError, Refreshed},
};
use crate::http::problem::ApiError;

/// Of a request with the database in it: from half a millisecond to the five seconds after which it is told to come back.
const REQUEST_BUCKETS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// Of one HMAC over a few dozen bytes: from a microsecond to what only a machine under great load needs.
const CSRF_BUCKETS: [f64; 9] = [
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.001,
    0.01,
];

/// All counters of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    logins: Family<LoginLabels, Counter>,
    refreshes: Family<RefreshLabels, Counter>,
    refresh_seconds: Histogram,
    rotations: Counter,
    reuse: Counter,
    arrivals: Counter,
    csrf: Family<CsrfLabels, Counter>,
    csrf_seconds: Histogram,
    failed_attempts: Family<FailedAttemptLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    store_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    not_ready: Family<CheckLabels, Counter>,
    mails: Family<MailLabels, Counter>,
    verdicts: Family<VerdictLabels, Counter>,
    edges: Edges,
    redis: RedisNumbers,
    sessions: Sessions,
    hashing: Hashing,
    keys: Keys,
    secrets: Secrets,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

impl Metrics {
    /// Everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("edgeward"),
            logins: Family::default(),
            refreshes: Family::default(),
            refresh_seconds: Histogram::new(REQUEST_BUCKETS),
            rotations: Counter::default(),
            reuse: Counter::default(),
            arrivals: Counter::default(),
            csrf: Family::default(),
            csrf_seconds: Histogram::new(CSRF_BUCKETS),
            failed_attempts: Family::default(),
            refusals: Family::default(),
            failures: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            store_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            not_ready: Family::default(),
            mails: Family::default(),
            verdicts: Family::default(),
            edges: Edges::default(),
            redis: RedisNumbers::default(),
            sessions: Sessions::default(),
            hashing: Hashing::default(),
            keys: Keys::default(),
            secrets: Secrets::default(),
        };
        metrics.register();
        metrics.begin();
        metrics
    }

    /// Names and explains each. The text format adds `_total` and the units.
    fn register(&mut self) {
        let registry = &mut self.registry;
        let version = env!("CARGO_PKG_VERSION");
        registry.register(
            "build",
            "The version of the issuer",
            Info::new(BuildLabels { version }),
        );
        registry.register("logins", "Sign-ins with a password", self.logins.clone());
        registry.register(
            "refreshes",
            "Exchanges of refresh tokens",
            self.refreshes.clone(),
        );
        registry.register_with_unit(
            "refresh",
            "Time to judge a refresh token and to write its successor down",
            Unit::Seconds,
            self.refresh_seconds.clone(),
        );
        registry.register(
            "refresh_rotations",
            "Refresh tokens that were replaced by a successor",
            self.rotations.clone(),
        );
        registry.register(
            "refresh_token_reuse",
            "Spent refresh tokens that came back, which ended their session",
            self.reuse.clone(),
        );
        registry.register(
            "refresh_arrivals",
            "Refreshes that are known to have arrived, because a gate saw the access token that came with them",
            self.arrivals.clone(),
        );
        registry.register("csrf_checks", "CSRF tokens judged", self.csrf.clone());
        registry.register_with_unit(
            "csrf_check",
            "Time to judge a CSRF token",
            Unit::Seconds,
            self.csrf_seconds.clone(),
        );
        registry.register(
            "failed_attempts",
            "Credentials that were sent and not believed",
            self.failed_attempts.clone(),
        );
        registry.register(
            "refusals",
            "Answers that are problems, by their public code",
            self.refusals.clone(),
        );
        registry.register(
            "failures",
            "What the operator must look at: an act that could not be done or written down",
            self.failures.clone(),
        );
        registry.register(
            "http_requests",
            "Requests by the pattern of their route",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request",
            "Time to answer a request",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register_with_unit(
            "store",
            "Time that a request waited for the database, if it asked it",
            Unit::Seconds,
            self.store_seconds.clone(),
        );
        registry.register(
            "readiness_failures",
            "Parts that failed when readiness was asked",
            self.not_ready.clone(),
        );
        self.redis.register(registry);
        registry.register(
            "mails",
            "Attempts to deliver a mail, by what became of it",
            self.mails.clone(),
        );
        registry.register(
            "forward_auth_verdicts",
            "Requests that a proxy asked about, by what it was told",
            self.verdicts.clone(),
        );
        self.edges.register(registry);
        self.sessions.register(registry);
        self.hashing.register(registry);
        self.keys.register(registry);
        self.secrets.register(registry);
    }

    fn begin(&self) {
        for reason in LoginReason::ALL {
            drop(self.logins.get_or_create(&LoginLabels::of(*reason)));
        }
        for result in RefreshResult::ALL {
            drop(
                self.refreshes
                    .get_or_create(&RefreshLabels { result: *result }),
            );
        }
        for result in CsrfResult::ALL {
            drop(self.csrf.get_or_create(&CsrfLabels { result: *result }));
        }
        for credential in Credential::ALL {
            let labels = FailedAttemptLabels {
                credential: *credential,
            };
            drop(self.failed_attempts.get_or_create(&labels));
        }
        for kind in Fault::ALL {
            drop(self.failures.get_or_create(&FailureLabels { kind: *kind }));
        }
        for check in Check::ALL {
            drop(self.not_ready.get_or_create(&CheckLabels { check: *check }));
        }
        for result in VerdictResult::ALL {
            drop(
                self.verdicts
                    .get_or_create(&VerdictLabels { result: *result }),
            );
        }
        for labels in MailLabels::all() {
            drop(self.mails.get_or_create(&labels));
        }
    }

    /// Counts a sign-in.
    pub fn login(&self, result: &Result<SignedIn, LoginError>) {
        let labels = LoginLabels::of(LoginReason::of(result));
        self.logins.get_or_create(&labels).inc();
    }

    /// Counts a sign-in that ended before its password was looked at.
    pub fn login_before(&self, error: &ApiError) {
        let labels = LoginLabels::of(LoginReason::before(error));
        self.logins.get_or_create(&labels).inc();
    }

    /// Counts a refresh token that was not looked up. It took no time that the histogram is about.
    pub fn refresh_before(&self, error: &ApiError) {
        let result = RefreshResult::before(error);
        self.refreshes
            .get_or_create(&RefreshLabels { result })
            .inc();
    }

    /// Counts an exchange of a refresh token, and how long it took.
    pub fn refresh(&self, result: &Result<Refreshed, RefreshError>, took: Duration) {
        let result = RefreshResult::of(result);
        self.refreshes
            .get_or_create(&RefreshLabels { result })
            .inc();
        self.refresh_seconds.observe(took.as_secs_f64());
        match result {
            RefreshResult::Success => {
                self.rotations.inc();
            }
            RefreshResult::Replay => {
                self.reuse.inc();
            }
            RefreshResult::Repeat
            | RefreshResult::Revoked
            | RefreshResult::Conflict
            | RefreshResult::Limited
            | RefreshResult::Busy
            | RefreshResult::Failed => {}
        }
    }

    /// Counts a spent token that came with another request than a refresh.
    pub fn reused(&self) {
        self.reuse.inc();
    }

    /// Counts refreshes that arrived, as gates show it.
    pub fn confirmed(&self, refreshes: u64) {
        self.arrivals.inc_by(refreshes);
    }

    /// Counts a check of a CSRF token, and how long it took.
    pub fn csrf(&self, valid: bool, took: Duration) {
        let result = CsrfResult::of(valid);
        self.csrf.get_or_create(&CsrfLabels { result }).inc();
        self.csrf_seconds.observe(took.as_secs_f64());
    }

    /// Counts a problem that was answered, and what it says about the credential that was sent.
    pub fn refusal(&self, code: ProblemCode) {
        self.refusals.get_or_create(&RefusalLabels::of(code)).inc();
        if let Some(credential) = Credential::refused_by(code) {
            self.failed_attempts
                .get_or_create(&FailedAttemptLabels { credential })
                .inc();
        }
    }

    /// Counts something that the operator must look at.
    pub fn failure(&self, kind: Fault) {
        self.failures.get_or_create(&FailureLabels { kind }).inc();
    }

    /// Counts a part that failed when readiness was asked.
    pub fn not_ready(&self, check: Check) {
        self.not_ready.get_or_create(&CheckLabels { check }).inc();
    }

    /// Counts an attempt to deliver a mail.
    pub fn mail(&self, kind: mail::Kind, result: MailResult) {
        self.mails.get_or_create(&MailLabels { kind, result }).inc();
    }

    /// Counts what a proxy was told about a request.
    pub fn verdict(&self, result: VerdictResult) {
        self.verdicts.get_or_create(&VerdictLabels { result }).inc();
    }

    /// Adds what an edge counted since it last told.
    pub fn edge(&self, tally: &Tally) {
        self.edges.add(tally);
    }

    /// Counts an answered request, how long it took, and how much of that it waited for the database if it asked it.
    pub fn request(&self, labels: RequestLabels, took: Duration, waited: Option<Duration>) {
        let route = RouteLabels {
            route: labels.route.clone(),
        };
        self.request_seconds
            .get_or_create(&route)
            .observe(took.as_secs_f64());
        if let Some(waited) = waited {
            self.store_seconds
                .get_or_create(&route)
                .observe(waited.as_secs_f64());
        }
        self.requests.get_or_create(&labels).inc();
    }

    /// The numbers of Redis.
    #[must_use]
    pub const fn redis(&self) -> &RedisNumbers {
        &self.redis
    }

    /// The gauge of the sessions that live.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The queue before the hashing of passwords.
    #[must_use]
    pub const fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    /// The secrets of tokens.
    #[must_use]
    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The signing keys.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// All of it as OpenMetrics text.
    ///
    /// # Errors
    /// Never for what is written here; the encoder's signature allows it.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
