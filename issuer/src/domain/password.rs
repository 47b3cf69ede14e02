//! Passwords: which are acceptable, and their hashing with Argon2id (RFC 9106).
//!
//! A hash costs tens of milliseconds of a core and tens of MiB on purpose, so there are never more at work than cores,
//! and only so many wait; who comes after that is told to come back. A sign-in for an address without an account costs
//! the same work as one with a wrong password. Counting wrong passwords is not done here.

mod policy;

pub use policy::{Policy, WeakPassword};

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc,
};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{
    session::{self, NoRandomness},
    storage::PasswordHash,
};
use crate::config;

/// Passphrases fit many times over; without an end, the body limit would be the only bound of the normalisation.
pub const PASSWORD_MAX_CHARS: usize = 256;

/// Longer input is not even normalised. A character of the normal form is seldom typed as more than four code points
/// of four bytes each.
const TYPED_MAX_BYTES: usize = PASSWORD_MAX_CHARS * 16;

/// How many wait for each core. A hash takes some 50 ms, so the last in the queue waits under a second.
const QUEUE_PER_CORE: usize = 16;

/// When who found the queue full should come back: when all who wait now have been served.
pub const RETRY_AFTER_SECONDS: u64 = 1;

/// Argon2's recommended length of a salt (RFC 9106 3.1).
const SALT_BYTES: usize = 16;

/// A password as typed, in Unicode's normal form C (RFC 8265 4.2.2), so that every keyboard spells it alike.
///
/// Holds any input, also one that no policy accepts: a sign-in does not tell which passwords could be somebody's.
pub struct Password {
    text: Zeroizing<String>,
    too_long: bool,
}

impl Password {
    /// Takes a password as typed. One that is too long is cut, is never equal to a stored one, and costs no more than
    /// the longest acceptable one.
    #[must_use]
    pub fn from_typed(typed: &str) -> Self {
        let mut end = typed.len().min(TYPED_MAX_BYTES);
        while !typed.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let mut characters = typed.get(..end).unwrap_or_default().nfc();
        let text: String = characters.by_ref().take(PASSWORD_MAX_CHARS).collect();
        Self {
            too_long: end < typed.len() || characters.next().is_some(),
            text: Zeroizing::new(text),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// Why there is no hash, or no comparison.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// All places are taken, those to wait in too.
    #[error("too many passwords wait to be hashed")]
    Overloaded,
    /// Argon2 refused: wrong parameters, a stored hash that is none, or no memory.
    #[error("the password could not be hashed: {0}")]
    Argon2(String),
    /// There was no randomness for the salt.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The hashing thread ended without an answer.
    #[error("the hashing thread ended without an answer")]
    Lost,
}

impl From<argon2::password_hash::Error> for HashError {
    fn from(error: argon2::password_hash::Error) -> Self {
        Self::Argon2(error.to_string())
    }
}

/// What comparing a password with an account found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Comparison {
    /// The password is the account's. With a new hash when the stored one was made at another cost.
    Right {
        /// The hash to store instead of the old one.
        rehashed: Option<PasswordHash>,
    },
    /// It is not, or there is no account.
    Wrong,
}

/// Hashes and compares, a bounded number at a time.
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    inside: Arc<AtomicUsize>,
    inside_max: usize,
    /// Compared with when there is no account; of a password that nobody knows.
    decoy: PasswordHash,
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("params", self.argon2.params())
            .field("inside", &self.inside)
            .finish_non_exhaustive()
    }
}

impl PasswordHasher {
    /// A hasher of the configured cost with a place for each core. Makes one hash itself.
    ///
    /// # Errors
    /// [`HashError`] when Argon2 does not take the parameters.
    pub fn new(cost: &config::Argon2) -> Result<Self, HashError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_places(cost, cores, cores.saturating_mul(QUEUE_PER_CORE))
    }

    fn with_places(
        cost: &config::Argon2,
        places: usize,
        waiting_max: usize,
    ) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)
            .map_err(|error| HashError::Argon2(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown = session::random::<32>()?;
        let decoy = hash_with(&argon2, &unknown)?;
        Ok(Self {
            argon2,
            places: Arc::new(Semaphore::new(places)),
            inside: Arc::new(AtomicUsize::new(0)),
            inside_max: places.saturating_add(waiting_max),
            decoy,
        })
    }

    /// Hashes a new password. Whether it is acceptable is for [`Policy`] to say, before.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let argon2 = self.argon2.clone();
        self.run(move || hash_with(&argon2, password.text.as_bytes()))
            .await
    }

    /// Compares a password with an account's, or with nobody's: both cost one hash.
    ///
    /// # Errors
    /// [`HashError`]; a stored hash that cannot be read is one.
    pub async fn compare(
        &self,
        password: Password,
        stored: Option<&PasswordHash>,
    ) -> Result<Comparison, HashError> {
        let known = stored.is_some();
        let phc = stored.unwrap_or(&self.decoy).as_phc().to_owned();
        let argon2 = self.argon2.clone();
        self.run(move || {
            let hash = phc::PasswordHash::new(&phc)
                .map_err(|error| HashError::Argon2(error.to_string()))?;
            // What is compared of a password that is too long is not what was typed.
            let fits = !password.too_long;
            let right = match argon2.verify_password(password.text.as_bytes(), &hash) {
                Ok(()) => true,
                Err(argon2::password_hash::Error::PasswordInvalid) => false,
                Err(error) => return Err(error.into()),
            };
            if !(right && known && fits) {
                return Ok(Comparison::Wrong);
            }
            let outdated = Params::try_from(&hash).ok().as_ref().map(cost_of)
                != Some(cost_of(argon2.params()));
            let rehashed = if outdated {
                Some(hash_with(&argon2, password.text.as_bytes())?)
            } else {
                None
            };
            Ok(Comparison::Right { rehashed })
        })
        .await
    }

    /// Runs one piece of hashing on a thread that may block, when a place is free.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let inside = Inside::enter(&self.inside, self.inside_max)?;
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Lost)?;
        tokio::task::spawn_blocking(move || {
            // Both are given back when the work is done, not when a caller who went away stops waiting for it.
            let _kept = (inside, place);
            work()
        })
        .await
        .map_err(|_| HashError::Lost)?
    }
}

/// A place among those who hash and those who wait, given back by dropping.
struct Inside(Arc<AtomicUsize>);

impl Inside {
    fn enter(inside: &Arc<AtomicUsize>, max: usize) -> Result<Self, HashError> {
        inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < max).then(|| n.saturating_add(1))
            })
            .map(|_| Self(Arc::clone(inside)))
            .map_err(|_| HashError::Overloaded)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn hash_with(argon2: &Argon2<'_>, password: &[u8]) -> Result<PasswordHash, HashError> {
    let salt = session::random::<SALT_BYTES>()?;
    let hash = argon2.hash_password_with_salt(password, &salt)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn cost_of(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: config::Argon2 = config::Argon2 {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };

    fn compare(hasher: &PasswordHasher, typed: &str, stored: Option<&PasswordHash>) -> Comparison {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime
            .block_on(hasher.compare(Password::from_typed(typed), stored))
            .unwrap()
    }

    fn hash(hasher: &PasswordHasher, typed: &str) -> PasswordHash {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime
            .block_on(hasher.hash(Password::from_typed(typed)))
            .unwrap()
    }

    const RIGHT: Comparison = Comparison::Right { rehashed: None };

    #[test]
    fn compares_what_was_typed_in_its_normal_form() {
        let hasher = PasswordHasher::new(&CHEAP).unwrap();
        let stored = hash(&hasher, "Zo\u{eb}");
        assert!(
            stored.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
            "{}",
            stored.as_phc()
        );
        assert_eq!(compare(&hasher, "Zo\u{eb}", Some(&stored)), RIGHT);
        assert_eq!(compare(&hasher, "Zoe\u{308}", Some(&stored)), RIGHT);
        assert_eq!(compare(&hasher, "Zoe", Some(&stored)), Comparison::Wrong);
        assert_eq!(compare(&hasher, "", Some(&stored)), Comparison::Wrong);
    }

    #[test]
    fn nobody_has_no_password() {
        let hasher = PasswordHasher::new(&CHEAP).unwrap();
        assert_eq!(compare(&hasher, "", None), Comparison::Wrong);
        assert_eq!(
            hasher.decoy.as_phc().len(),
            hash(&hasher, "x").as_phc().len()
        );
    }

    #[test]
    fn a_longer_password_is_not_the_one_it_was_cut_to() {
        let hasher = PasswordHasher::new(&CHEAP).unwrap();
        // 256 characters that are typed as three code points each, and more of them than are normalised.
        for longest in [
            "x".repeat(256),
            "u\u{308}\u{304}".repeat(256),
            "u\u{308}\u{304}".repeat(819),
        ] {
            let stored = hash(&hasher, &longest);
            let typed = format!("{longest}yyy");
            assert_eq!(compare(&hasher, &typed, Some(&stored)), Comparison::Wrong);
        }
    }

    #[test]
    fn a_hash_of_another_cost_is_made_anew() {
        let old = PasswordHasher::new(&CHEAP).unwrap();
        let stored = hash(&old, "Correct-Horse-7");
        let dearer = PasswordHasher::new(&config::Argon2 {
            iterations: 2,
            ..CHEAP
        })
        .unwrap();
        let Comparison::Right {
            rehashed: Some(rehashed),
        } = compare(&dearer, "Correct-Horse-7", Some(&stored))
        else {
            panic!("the hash is kept");
        };
        assert!(rehashed.as_phc().contains("t=2"), "{}", rehashed.as_phc());
        assert_eq!(compare(&dearer, "Correct-Horse-7", Some(&rehashed)), RIGHT);
        assert_eq!(compare(&dearer, "wrong", Some(&stored)), Comparison::Wrong);
    }

    #[test]
    fn a_stored_hash_that_is_none_is_an_error_and_not_a_wrong_password() {
        let hasher = PasswordHasher::new(&CHEAP).unwrap();
        let broken = PasswordHash::from_phc("plain".to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let answer = runtime.block_on(hasher.compare(Password::from_typed("plain"), Some(&broken)));
        assert!(matches!(answer, Err(HashError::Argon2(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_so_and_a_place_comes_back() {
        let hasher = PasswordHasher::with_places(&CHEAP, 1, 1).unwrap();
        let taken = Arc::clone(&hasher.places).acquire_owned().await.unwrap();
        let working = Inside::enter(&hasher.inside, hasher.inside_max).unwrap();
        {
            let waiting = hasher.hash(Password::from_typed("a"));
            tokio::pin!(waiting);
            assert!(
                futures_poll_once(waiting.as_mut()).await,
                "the second one waits"
            );
            let third = hasher.hash(Password::from_typed("b")).await;
            assert!(matches!(third, Err(HashError::Overloaded)), "{third:?}");
        }
        // The one that waited went away; its place is free again.
        assert_eq!(hasher.inside.load(Ordering::Acquire), 1);
        drop((taken, working));
        hasher.hash(Password::from_typed("c")).await.unwrap();
        assert_eq!(hasher.inside.load(Ordering::Acquire), 0);
    }

    /// Whether a future is still pending after it was asked once.
    async fn futures_poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }

    #[test]
    fn debug_shows_no_secret() {
        let hasher = PasswordHasher::new(&CHEAP).unwrap();
        let shown = format!("{hasher:?} {:?}", Password::from_typed("Correct-Horse-7"));
        assert!(
            !shown.contains("Correct") && !shown.contains("$argon2"),
            "{shown}"
        );
    }
}
