//! What is prepared for a key that turns out to be used often: multiples of it and of the base point.
//!
//! In wasm a check by the reference and its comparison takes about ten times as long as one by multiples. They are only made
//! for a key under which good tokens came in, so that nobody makes us work or fill memory by naming keys.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::Identity as _;
use once_cell::race::OnceBox;

use super::Equation;
use super::multiples::Multiples;

/// Good signatures of a key before it is prepared. Because making the multiples of the key and of the base point takes as
/// long as nine checks without them: a key that is never seen again costs at most twice what it had to.
pub(super) const GOOD_BEFORE_PREPARED: u32 = 8;

/// Keys of one issuer that are prepared at a time, of this set and those before it. Because an issuer shows its next key, the
/// current one and one or two that retire, and each takes 640 KiB of the 128 MB that an isolate has.
pub(super) const MAX_PREPARED_KEYS: usize = 4;

/// The base point is the same for all keys, and is never let go.
static BASE: OnceBox<Base> = OnceBox::new();

struct Base {
    multiples: Multiples,
    /// The encodings of the points of small order.
    small: [CompressedEdwardsY; 8],
}

/// A key that is ready to be used often.
pub(super) struct Prepared {
    multiples_of_minus_a: Multiples,
}

impl Prepared {
    /// None for a key that verifies nothing: not canonical, not on the curve, of small order.
    pub(super) fn of(key: &[u8; 32]) -> Option<Self> {
        let encoded = CompressedEdwardsY(*key);
        let a = encoded.decompress()?;
        (a.compress() == encoded && !a.is_small_order()).then(|| Self {
            multiples_of_minus_a: Multiples::of(&-a),
        })
    }

    /// Whether the equation holds without cofactor, for an R that is not of small order. An R that is not canonical differs
    /// from every encoding that is made here.
    pub(super) fn holds(&self, equation: &Equation) -> bool {
        let base = BASE.get_or_init(|| {
            Box::new(Base {
                multiples: Multiples::of(&ED25519_BASEPOINT_POINT),
                small: EIGHT_TORSION.map(|point| point.compress()),
            })
        });
        if base.small.contains(&equation.r) {
            return false;
        }
        let r = base
            .multiples
            .add_product(&equation.s, EdwardsPoint::identity());
        let r = self.multiples_of_minus_a.add_product(&equation.k, r);
        r.compress() == equation.r
    }
}

/// How often a key was good, and what was prepared for it.
pub(super) struct Preparation {
    good: AtomicU32,
    prepared: OnceBox<(Prepared, Place)>,
    room: Arc<Room>,
}

impl Preparation {
    pub(super) fn in_room(room: &Arc<Room>) -> Self {
        Self {
            good: AtomicU32::new(0),
            prepared: OnceBox::new(),
            room: Arc::clone(room),
        }
    }

    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    pub(super) fn prepared(&self) -> Option<&Prepared> {
        self.prepared.get().map(|(prepared, _)| prepared)
    }

    /// Counts one more good signature of `key`, and prepares it once they are enough, if there is room. Only whoever brings
    /// the count to a multiple of the limit tries, so that threads do not all do the same work.
    pub(super) fn count_good(&self, key: &[u8; 32]) {
        let good = self.good.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if !good.is_multiple_of(GOOD_BEFORE_PREPARED) || self.prepared.get().is_some() {
            return;
        }
        if let Some(place) = Place::take(&self.room)
            && let Some(prepared) = Prepared::of(key)
        {
            // If another thread was first after all, this is dropped, and its place is free again.
            let _ = self.prepared.set(Box::new((prepared, place)));
        }
    }
}

/// The places for prepared keys of one issuer.
#[derive(Default)]
pub(crate) struct Room {
    taken: AtomicUsize,
}

/// One of them; free again when this is dropped.
struct Place(Arc<Room>);

impl Place {
    fn take(room: &Arc<Room>) -> Option<Self> {
        room.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < MAX_PREPARED_KEYS).then_some(taken + 1)
            })
            .is_ok()
            .then(|| Self(Arc::clone(room)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
