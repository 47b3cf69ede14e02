//! Tokens that were verified before, so that the same token is not verified twice under the same keys and expectations.
//!
//! A token is found again by SHA-256 of its whole text: another spelling, another signature, one other bit is another token.
//! What is kept is the outcome of [`verify_with`](super::verify_with), never a token, and only good ones: a refused token
//! leaves no trace, so nobody without a good token can fill the memory. Time is judged anew on each use. Other keys or other
//! expectations forget everything. Revocation and the route policy are not judged here and therefore never remembered.
//!
//! Whoever remembers a token also knows whether a client has presented it before, so what the issuer wants to hear of that is noted here
//! ([`Arrivals`]): once for each token, and at no cost for a token that was noted.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::cmp::Ordering;

use super::arrivals::{Arrivals, BroughtBy};
use super::expectations::Expectations;
use super::limits::MAX_TOKEN_BYTES;
use super::verify::{TokenDigest, Verified};
use crate::keys::KeySet;
use crate::reject::Reject;
use crate::time::UnixTime;

/// Most remembered tokens. Because a busy isolate serves some hundred people within the life of a token.
pub const MAX_SEEN_TOKENS: usize = 1024;

/// Most remembered tokens in bytes of their text. Because the claims of a token take a small multiple of its length, and an
/// isolate has 128 MiB for everything.
pub const MAX_SEEN_BYTES: usize = 1024 * 1024;

/// Apart, so that the comparison of 32 bytes stands once in the wasm and not in every search.
#[inline(never)]
fn order(one: &TokenDigest, other: &TokenDigest) -> Ordering {
    one.cmp(other)
}

/// What is known of tokens. Sorted, and moved along for each new one: among a thousand that is little beside verifying it, and
/// every kind of tree is kilobytes of wasm.
#[derive(Debug)]
pub struct ByDigest<V> {
    sorted: Vec<(TokenDigest, V)>,
}

impl<V> Default for ByDigest<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> ByDigest<V> {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { sorted: Vec::new() }
    }

    /// Of how many tokens something is known.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// What is known of this token.
    #[must_use]
    pub fn get(&self, token: &TokenDigest) -> Option<&V> {
        let place = self.place(token).ok()?;
        self.sorted.get(place).map(|(_, known)| known)
    }

    /// Keeps this in the place of what was known.
    pub fn insert(&mut self, token: TokenDigest, known: V) {
        match self.place(&token) {
            Ok(place) => {
                if let Some((_, before)) = self.sorted.get_mut(place) {
                    *before = known;
                }
            }
            Err(place) => self.sorted.insert(place, (token, known)),
        }
    }

    /// Forgets the token, and tells what was known.
    pub fn remove(&mut self, token: &TokenDigest) -> Option<V> {
        let place = self.place(token).ok()?;
        Some(self.sorted.remove(place).1)
    }

    fn place(&self, token: &TokenDigest) -> Result<usize, usize> {
        self.sorted
            .binary_search_by(|(known, _)| order(known, token))
    }
}

#[derive(Debug)]
struct Known {
    verified: Arc<Verified>,
    /// Bytes of its text.
    length: usize,
    /// Whether its arrival at a client is among what is told.
    is_noted: Cell<bool>,
}

/// The memory of one verifier. Empty, it only costs time.
#[derive(Debug, Default)]
pub struct SeenTokens {
    /// Under which keys and expectations everything in here was verified.
    under: Option<([u8; 32], Expectations)>,
    tokens: ByDigest<Known>,
    /// The oldest first; what has to go, goes in this order.
    order: VecDeque<TokenDigest>,
    bytes: usize,
    arrivals: RefCell<Arrivals>,
}

impl SeenTokens {
    /// Nothing seen.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            under: None,
            tokens: ByDigest::new(),
            order: VecDeque::new(),
            bytes: 0,
            arrivals: RefCell::new(Arrivals::new()),
        }
    }

    /// What the token says, if it was verified under these keys and expectations. Errors if its time is over or has not
    /// come: then it needs no second verification to be refused.
    pub fn recall(
        &self,
        by: BroughtBy,
        token: &str,
        keys: &KeySet,
        expect: &Expectations,
        now: UnixTime,
    ) -> Option<Result<Arc<Verified>, Reject>> {
        // What is longer than any token is not even hashed.
        if token.len() > MAX_TOKEN_BYTES || self.tokens.is_empty() || !self.is_under(keys, expect) {
            return None;
        }
        let known = self.tokens.get(&TokenDigest::of(token))?;
        Some(match known.verified.claims().hold_at(expect, now) {
            Ok(()) => {
                if !known.is_noted.get() {
                    known.is_noted.set(self.notes(by, &known.verified));
                }
                Ok(Arc::clone(&known.verified))
            }
            Err(reject) => Err(reject),
        })
    }

    /// Remembers a token that was just verified, which took `length` bytes.
    pub fn remember(
        &mut self,
        by: BroughtBy,
        verified: &Arc<Verified>,
        length: usize,
        keys: &KeySet,
        expect: &Expectations,
    ) {
        if !self.is_under(keys, expect) {
            // What is to be told stays true under any keys.
            let arrivals = RefCell::new(self.arrivals.take());
            *self = Self {
                arrivals,
                ..Self::new()
            };
            self.under = Some((*keys.fingerprint(), expect.clone()));
        }
        let digest = verified.digest();
        if length > MAX_SEEN_BYTES || self.tokens.get(&digest).is_some() {
            return;
        }
        while self.tokens.len() >= MAX_SEEN_TOKENS || self.bytes + length > MAX_SEEN_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(known) = self.tokens.remove(&oldest) {
                self.bytes -= known.length;
            }
        }
        let known = Known {
            verified: Arc::clone(verified),
            length,
            is_noted: Cell::new(self.notes(by, verified)),
        };
        self.tokens.insert(digest, known);
        self.order.push_back(digest);
        self.bytes += length;
    }

    /// What clients presented for the first time since the issuer was told.
    #[must_use]
    pub const fn arrivals(&self) -> &RefCell<Arrivals> {
        &self.arrivals
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether there is nothing more to note about the token.
    fn notes(&self, by: BroughtBy, verified: &Verified) -> bool {
        match by {
            BroughtBy::Client => self.arrivals.borrow_mut().note(verified.claims()),
            BroughtBy::Edge => false,
        }
    }

    fn is_under(&self, keys: &KeySet, expect: &Expectations) -> bool {
        self.under.as_ref().is_some_and(|(fingerprint, expected)| {
            fingerprint == keys.fingerprint() && expected == expect
        })
    }
}
