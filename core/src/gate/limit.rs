//! How often somebody may ask, and whose turn a request takes.
//!
//! A limit is a bucket: so many requests at once, and another one each time the period divided by that number has passed. The gate
//! says which turn a request takes ([`Turn`]); whoever counts answers ([`Ruling`]). [`super::Counts`] counts in memory.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::digest::sha256;

use super::client::Client;
use super::decision::Decision;
use super::refusal::Refusal;
use crate::problem::ProblemCode;

/// A `[limit.NAME]` of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) requests: u32,
    pub(super) within_seconds: u32,
    pub(super) by: By,
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All requests of an address, before anybody looks at who asks.
    Address,
    /// All requests of a person or a service that would pass; those of nobody, by the address.
    Identity,
}

impl By {
    /// All as a policy writes them.
    pub const NAMES: [&'static str; 2] = ["address", "identity"];

    /// As a policy writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let [address, identity] = Self::NAMES;
        match self {
            Self::Address => address,
            Self::Identity => identity,
        }
    }
}

impl Limit {
    /// Its place among the limits of the policy, counted from 0.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Its name: letters in lower case, digits and `-`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many at once.
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// After how many seconds as many may come at once again.
    #[must_use]
    pub const fn within_seconds(&self) -> u32 {
        self.within_seconds
    }

    /// What is counted together.
    #[must_use]
    pub const fn by(&self) -> By {
        self.by
    }
}

/// For people: `search (30 in 60 s by address)`.
impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} ({} in {} s by {})",
            self.name,
            self.requests,
            self.within_seconds,
            self.by.name()
        )
    }
}

/// Who is counted: a sender or an identity. It names nobody to whom does not know them already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnKey(u128);

impl TurnKey {
    /// A subject can be long, and what counts has a fixed memory: 127 bits of SHA-256 are enough that nobody finds two alike. The
    /// bit that is left is set. In the key of a sender it is not: behind an IPv6 network and before an IPv4 address stand zeros.
    fn of_subject(subject: &str) -> Self {
        let digest = sha256(subject.as_bytes());
        let half = digest.first_chunk().copied().unwrap_or_default();
        Self(u128::from_be_bytes(half) | 1 << 63)
    }

    /// The key as octets, for whoever counts elsewhere.
    #[must_use]
    pub const fn octets(&self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// What has to be counted before a request goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Of which limit.
    pub limit: Arc<Limit>,
    /// For whom.
    pub key: TurnKey,
}

/// What whoever counts says about a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It was taken.
    Granted,
    /// There is none left; so many seconds later there is one, or may be.
    Refused {
        /// For `Retry-After`; at least one.
        seconds: u32,
    },
}

/// What is known of the turns of one request: at most one by address and one by identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Whether the requests of the own machine are counted at all.
    pub counts_own_machine: bool,
    by_address: Option<Ruling>,
    by_identity: Option<Ruling>,
}

impl Turns {
    /// Nothing counted yet.
    #[must_use]
    pub const fn new(counts_own_machine: bool) -> Self {
        Self {
            counts_own_machine,
            by_address: None,
            by_identity: None,
        }
    }

    /// Notes what came of the turn that a decision asked for.
    pub fn took(&mut self, turn: &Turn, ruling: Ruling) {
        match turn.limit.by {
            By::Address => self.by_address = Some(ruling),
            By::Identity => self.by_identity = Some(ruling),
        }
    }

    /// Whether requests from there are counted at all.
    pub(super) const fn counts(&self, client: Client) -> bool {
        self.counts_own_machine || !client.is_own_machine()
    }

    /// The turn of this limit that somebody has to take; `None` where nobody is counted.
    pub(super) fn due(
        &self,
        limit: Option<&Arc<Limit>>,
        client: Client,
        subject: Option<&str>,
    ) -> Option<Turn> {
        let limit = limit?;
        if !self.counts(client) {
            return None;
        }
        let key = match (limit.by, subject) {
            (By::Identity, Some(subject)) => TurnKey::of_subject(subject),
            (By::Identity, None) | (By::Address, _) => TurnKey(client.sender()?),
        };
        Some(Turn {
            limit: Arc::clone(limit),
            key,
        })
    }

    /// Has a request take a turn of this limit. An early end asks for it, or refuses.
    pub(super) fn take(
        &self,
        limit: Option<&Arc<Limit>>,
        client: Client,
        subject: Option<&str>,
    ) -> Result<(), Box<Decision>> {
        let Some(turn) = self.due(limit, client, subject) else {
            return Ok(());
        };
        let ruling = match turn.limit.by {
            By::Address => self.by_address,
            By::Identity => self.by_identity,
        };
        Err(Box::new(match ruling {
            Some(Ruling::Granted) => return Ok(()),
            Some(Ruling::Refused { seconds }) => {
                Decision::Refuse(over_limit(&turn.limit.name, seconds))
            }
            None => Decision::NeedsTurn(turn),
        }))
    }
}

/// 429, with the seconds after which there is a turn of this limit again.
pub(super) fn over_limit(name: &str, seconds: u32) -> Refusal {
    Refusal {
        retry_after: Some(seconds),
        ..Refusal::new(ProblemCode::RateLimited, format!("rate-limited: {name}"))
    }
}
