//! The set of what was revoked: asked for every request, so a look-up takes the same time whether it holds ten or a hundred
//! thousand.

use alloc::vec;
use alloc::vec::Vec;

use crate::digest::sha256;

use crate::keys::HARD_TTL_SECONDS;
use crate::time::{LEEWAY_SECONDS, UnixTime};
use crate::token::Verified;

/// So long an ended session is remembered: as long as the last access token of it may be accepted. No issuer of ours makes one
/// that lives for longer than an hour, whatever life is configured.
pub const SESSION_KEPT_SECONDS: i64 = 3600 + LEEWAY_SECONDS;

/// A key may sign tokens of any life, so it is remembered until no verifier holds a key set any more that lists it.
pub const KEY_KEPT_SECONDS: i64 = HARD_TTL_SECONDS + LEEWAY_SECONDS;

/// Most entries. Because they take 12 MiB with their table, of the 128 MiB that an isolate has, and stand for a quarter of a
/// million sessions that ended within an hour.
pub const MAX_REVOCATIONS: usize = 250_000;

/// The table begins with so many places, a power of two.
const FIRST_PLACES: usize = 64;

/// What is revoked by an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every token of a session, by `sid`.
    Session,
    /// Every token of a subject that was issued up to the moment of the entry, by `sub`: who signs in again gets in.
    Subject,
    /// One token, by `jti`.
    TokenId,
    /// Every token signed by a key, by its `kid`.
    Key,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    const ALL: [Self; 4] = [Self::Session, Self::Subject, Self::TokenId, Self::Key];

    /// The claim or header parameter that names it, which is its name in the feed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "sid",
            Self::Subject => "sub",
            Self::TokenId => "jti",
            Self::Key => "kid",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Session => 0,
            Self::Subject => 1,
            Self::TokenId => 2,
            Self::Key => 3,
        }
    }

    const fn kept_seconds(self) -> i64 {
        match self {
            Self::Session | Self::Subject | Self::TokenId => SESSION_KEPT_SECONDS,
            Self::Key => KEY_KEPT_SECONDS,
        }
    }

    fn of(self, token: &Verified) -> Option<&str> {
        let claims = token.claims();
        match self {
            Self::Session => claims.session_id(),
            Self::Subject => claims.subject(),
            Self::TokenId => claims.token_id(),
            Self::Key => Some(token.key_id()),
        }
    }
}

/// There is no place for another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A kind's number and 15 bytes of the SHA-256 of what is revoked: nobody finds another identifier with the same.
type Mark = [u8; 16];

#[derive(Clone, Copy, Debug)]
struct Place {
    mark: Mark,
    /// [`NEVER`] in a place that is free.
    at: UnixTime,
}

/// No entry is of this moment.
const NEVER: UnixTime = UnixTime::from_seconds(i64::MIN);
const FREE: Place = Place {
    mark: [0; 16],
    at: NEVER,
};

/// What was revoked and may still be unexpired.
#[derive(Debug, Default)]
pub struct RevocationSet {
    /// Open addressing: a mark stands at the place that its own bytes name, or behind it. At most half are taken.
    places: Vec<Place>,
    count: usize,
    /// How many there are of each kind, so that kinds that nobody revokes cost nothing.
    of_kind: [usize; 4],
}

impl RevocationSet {
    /// Nothing is revoked.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            places: Vec::new(),
            count: 0,
            of_kind: [0; 4],
        }
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the token is revoked.
    #[must_use]
    pub fn revokes(&self, token: &Verified) -> bool {
        Kind::ALL.into_iter().any(|kind| {
            let at = self
                .has_any(kind)
                .then(|| kind.of(token))
                .flatten()
                .and_then(|id| self.found(&mark(kind, id)));
            at.is_some_and(|at| match kind {
                Kind::Session | Kind::TokenId | Kind::Key => true,
                Kind::Subject => token.claims().issued_at().is_none_or(|issued| issued <= at),
            })
        })
    }

    /// Adds an entry. One that is known is kept with the later of both moments.
    ///
    /// # Errors
    /// [`Full`]; then the set is as it was.
    pub fn insert(&mut self, kind: Kind, id: &str, at: UnixTime) -> Result<(), Full> {
        let place = Place {
            mark: mark(kind, id),
            at: at.max(NEVER.plus(1)),
        };
        if self.found(&place.mark).is_none() {
            if self.count >= MAX_REVOCATIONS {
                return Err(Full);
            }
            if (self.count + 1) * 2 > self.places.len() {
                self.rebuild((self.places.len() * 2).max(FIRST_PLACES), |_| true);
            }
        }
        self.put(place);
        Ok(())
    }

    /// Forgets what can belong to no unexpired token any more.
    pub fn prune(&mut self, now: UnixTime) {
        let matters = |place: &Place| {
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| place.mark.first() == Some(&kind.number()));
            kind.is_some_and(|kind| now.seconds_since(place.at) <= kind.kept_seconds())
        };
        let left = self.taken().filter(|place| matters(place)).count();
        if left < self.count {
            let places = (left * 2).next_power_of_two().max(FIRST_PLACES);
            self.rebuild(places, matters);
        }
    }

    fn has_any(&self, kind: Kind) -> bool {
        let number = usize::from(kind.number());
        self.of_kind.get(number).is_some_and(|count| *count > 0)
    }

    fn taken(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.at != NEVER)
    }

    fn rebuild(&mut self, places: usize, stays: impl Fn(&Place) -> bool) {
        let before = core::mem::replace(
            self,
            Self {
                places: vec![FREE; places],
                ..Self::new()
            },
        );
        for place in before.taken().filter(|place| stays(place)) {
            self.put(*place);
        }
    }

    fn found(&self, mark: &Mark) -> Option<UnixTime> {
        let place = self.places.get(self.place_of(mark)?)?;
        (place.at != NEVER).then_some(place.at)
    }

    fn put(&mut self, new: Place) {
        let Some(place) = self
            .place_of(&new.mark)
            .and_then(|index| self.places.get_mut(index))
        else {
            return;
        };
        if place.at == NEVER {
            self.count += 1;
            let number = new.mark.first().copied().map_or(0, usize::from);
            if let Some(count) = self.of_kind.get_mut(number) {
                *count += 1;
            }
            *place = new;
        } else {
            place.at = place.at.max(new.at);
        }
    }

    /// The place where the mark is, or would be; `None` without any place. As half of them are free, it is found in few steps.
    fn place_of(&self, mark: &Mark) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        // As many as there are places, which is a power of two, so the lowest bits are a place.
        let bytes: [u8; 4] = mark.get(1..5)?.try_into().ok()?;
        let mut index = usize::try_from(u32::from_le_bytes(bytes)).ok()? & last;
        while let Some(place) = self.places.get(index) {
            if place.at == NEVER || place.mark == *mark {
                return Some(index);
            }
            index = (index + 1) & last;
        }
        None
    }
}

fn mark(kind: Kind, id: &str) -> Mark {
    let digest = sha256(id.as_bytes());
    let mut mark = [0; 16];
    for (place, byte) in mark
        .iter_mut()
        .zip(core::iter::once(&kind.number()).chain(digest.iter()))
    {
        *place = *byte;
    }
    mark
}
