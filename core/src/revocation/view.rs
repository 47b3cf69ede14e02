//! What a gate is handed of the feed for one request.

use core::cell::Cell;

use super::feed::Feed;
use super::mode::Mode;
use crate::time::Moment;
use crate::token::Verified;

/// How the feed was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consulted {
    /// What the route bears.
    pub mode: Mode,
    /// Whether the feed was as current as that; otherwise it was judged with an older one.
    pub was_current: bool,
}

/// What the feed says about a token that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not revoked, as far as it must be known here.
    Stands,
    /// It is revoked. How old the feed is does not matter: nothing that was revoked comes back.
    Revoked,
    /// The feed is too old to say, and a newer one can be asked for.
    Ask,
    /// The feed is too old to say, finally.
    Unknown,
}

/// The feed at the moment of one request.
#[derive(Clone, Copy, Debug)]
pub struct Revocations<'f> {
    feed: &'f Feed,
    arrived: Moment,
    is_final: bool,
    consulted: &'f Cell<Option<Consulted>>,
}

impl<'f> Revocations<'f> {
    /// `is_final`: the one refresh that a decision may ask for has been made, successfully or not. How the feed was used is noted
    /// in `consulted`; it decides nothing.
    #[must_use]
    pub const fn new(
        feed: &'f Feed,
        arrived: Moment,
        is_final: bool,
        consulted: &'f Cell<Option<Consulted>>,
    ) -> Self {
        Self {
            feed,
            arrived,
            is_final,
            consulted,
        }
    }

    /// Whether the token is known to be revoked, however old the feed is. Nothing is noted: nobody is let pass by it.
    #[must_use]
    pub fn has_ended(&self, token: &Verified) -> bool {
        self.feed.set().revokes(token)
    }

    /// What the feed says about the token on a route of this mode.
    #[must_use]
    pub fn judge(&self, token: &Verified, mode: Mode) -> Verdict {
        let was_current = self.feed.serves(mode, self.arrived);
        self.consulted.set(Some(Consulted { mode, was_current }));
        if self.feed.set().revokes(token) {
            return Verdict::Revoked;
        }
        // Asked at once, so that an outage costs a request nothing.
        let is_final = self.is_final || self.feed.is_settled(self.arrived);
        match (was_current, is_final, mode) {
            (true, _, _) => Verdict::Stands,
            (false, false, _) => Verdict::Ask,
            (false, true, Mode::Strict) => Verdict::Unknown,
            (false, true, Mode::Bounded | Mode::Eventual { .. }) => Verdict::Stands,
        }
    }
}
