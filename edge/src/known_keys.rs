//! What is known of keys that the platform was given, for as many as the largest key set that is accepted holds.

use std::collections::VecDeque;

use edgeward_core::keys::{MAX_KEYS, PlatformKey};

/// A key is found by its numbers, never by a name, which another key could bear tomorrow.
pub(crate) struct KnownKeys<T> {
    /// The oldest first; keys that left the set go when others come.
    keys: VecDeque<(PlatformKey, T)>,
}

impl<T> KnownKeys<T> {
    /// Nothing is known.
    pub(crate) const fn none() -> Self {
        Self {
            keys: VecDeque::new(),
        }
    }

    /// What is known of this key.
    pub(crate) fn get(&self, key: &PlatformKey) -> Option<&T> {
        let (_, known) = self.keys.iter().find(|(other, _)| other == key)?;
        Some(known)
    }

    /// Keeps what is known of a key; what was known of it before stays.
    pub(crate) fn keep(&mut self, key: &PlatformKey, known: T) {
        if self.get(key).is_some() {
            return;
        }
        if self.keys.len() >= MAX_KEYS {
            self.keys.pop_front();
        }
        self.keys.push_back((key.clone(), known));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key of this number.
    pub(crate) fn point(first: u8) -> PlatformKey {
        let mut x = [0; 32];
        x[0] = first;
        PlatformKey::P256 { x, y: [0; 32] }
    }

    #[test]
    fn a_key_is_found_by_its_numbers_and_kept_once() {
        let mut known = KnownKeys::none();
        known.keep(&point(1), "first");
        known.keep(&point(1), "again");
        known.keep(&point(2), "second");
        assert_eq!(known.get(&point(1)), Some(&"first"));
        assert_eq!(known.get(&point(2)), Some(&"second"));
        assert_eq!(known.get(&point(3)), None);
        assert_eq!(known.keys.len(), 2);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut known = KnownKeys::none();
        for first in 0..=100 {
            known.keep(&point(first), first);
        }
        assert_eq!(known.keys.len(), MAX_KEYS);
        assert_eq!(known.get(&point(0)), None);
        assert_eq!(known.get(&point(1)), Some(&1));
        assert_eq!(known.get(&point(100)), Some(&100));
    }
}
