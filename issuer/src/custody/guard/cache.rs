//! Data keys that were unwrapped a moment ago. Pure: the present moment is an argument.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use crate::custody::DataKey;

/// The most data keys that are kept: an issuer has a handful of private keys, and each one is a secret in memory.
const MAX_KEYS: usize = 64;

/// Unwrapped data keys by the digest of what they were unwrapped from and of what they are for: whoever would not have opened one for
/// another purpose is not spoken for. Each is wiped when its time is over.
pub(super) struct Cache {
    life: Duration,
    keys: HashMap<[u8; 32], (DataKey, Instant)>,
}

impl Cache {
    pub(super) fn new(life: Duration) -> Self {
        Self {
            life,
            keys: HashMap::new(),
        }
    }

    pub(super) fn get(&self, purpose: &str, wrapped: &[u8], now: Instant) -> Option<DataKey> {
        let (key, until) = self.keys.get(&digest(purpose, wrapped))?;
        (now < *until).then(|| key.clone())
    }

    pub(super) fn put(&mut self, purpose: &str, wrapped: &[u8], key: &DataKey, now: Instant) {
        self.end(now);
        if self.life.is_zero() || self.keys.len() >= MAX_KEYS {
            return;
        }
        let entry = (key.clone(), now + self.life);
        self.keys.insert(digest(purpose, wrapped), entry);
    }

    /// Wipes what is over.
    pub(super) fn end(&mut self, now: Instant) {
        self.keys.retain(|_, (_, until)| now < *until);
    }

    /// When the next one is over.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.keys.values().map(|(_, until)| *until).min()
    }
}

fn digest(purpose: &str, wrapped: &[u8]) -> [u8; 32] {
    // An id has no zero in it, so the two parts cannot be told in another way.
    let named = Sha256::new().chain_update(purpose).chain_update([0]);
    named.chain_update(wrapped).finalize().into()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_key_is_kept_for_its_time_and_not_looked_up_longer() {
        let start = Instant::now();
        let life = Duration::from_secs(300);
        let mut cache = Cache::new(life);
        let key: DataKey = Zeroizing::new([7; 32]);
        cache.put("key-1", b"wrapped", &key, start);
        let last = start + life - Duration::from_millis(1);
        assert_eq!(cache.get("key-1", b"wrapped", last), Some(key.clone()));
        assert_eq!(cache.get("key-1", b"another", start), None);
        assert_eq!(cache.get("key-2", b"wrapped", start), None);
        assert_eq!(cache.get("key-1", b"wrapped", start + life), None);
        assert_eq!(cache.next_end(), Some(start + life));
        cache.end(start + life);
        assert_eq!((cache.keys.len(), cache.next_end()), (0, None));
    }

    #[test]
    fn it_has_a_size_and_may_be_none() {
        let start = Instant::now();
        let key: DataKey = Zeroizing::new([7; 32]);
        let mut none = Cache::new(Duration::ZERO);
        none.put("key-1", b"wrapped", &key, start);
        assert_eq!(none.get("key-1", b"wrapped", start), None);
        let mut full = Cache::new(Duration::from_secs(1));
        for number in 0..=MAX_KEYS {
            full.put("key-1", &number.to_be_bytes(), &key, start);
        }
        assert_eq!(full.keys.len(), MAX_KEYS);
    }
}
