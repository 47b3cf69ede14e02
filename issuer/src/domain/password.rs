//! Passwords: which are acceptable, and their hashing with Argon2id (RFC 9106). Hashes of other systems are compared, and
//! replaced at the first sign-in.
//!
//! A hash costs tens of milliseconds of a core and tens of MiB on purpose, so there are never more at work than cores,
//! and only so many wait; who comes after that is told to come back. A sign-in for an address without an account costs
//! the same work as one with a wrong password. Counting wrong passwords is done in [`lockout`](super::lockout).

mod admission;
mod frequent;
mod legacy;
mod policy;

pub use admission::{HashCounts, RETRY_AFTER_SECONDS};
pub use legacy::{Digest, Pbkdf2, adopt, of_hex};
pub use policy::{Policy, Wanted, WeakPassword};

use std::{fmt, thread};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc,
};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{
    session::{self, NoRandomness},
    storage::PasswordHash,
};
use crate::config;
use admission::Admission;
use legacy::Kind;

/// Passphrases fit many times over; without an end, the body limit would be the only bound of the normalisation.
pub const PASSWORD_MAX_CHARS: usize = 256;

/// Longer input is not even normalised. A character of the normal form is seldom typed as more than four code points
/// of four bytes each.
const TYPED_MAX_BYTES: usize = PASSWORD_MAX_CHARS * 16;

/// Argon2's recommended length of a salt (RFC 9106 3.1).
const SALT_BYTES: usize = 16;

/// A password as typed, in Unicode's normal form C (RFC 8265 4.2.2), so that every keyboard spells it alike.
///
/// Holds any input, also one that no policy accepts: a sign-in does not tell which passwords could be somebody's.
#[derive(Clone)]
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

impl Password {
    /// Whether both were typed alike. For two that one person typed; a stored one is compared by its hash.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.text == other.text && !self.too_long && !other.too_long
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
    Failed(String),
    /// A stored hash of another system cannot be read.
    #[error("{0} in the database cannot be used")]
    Unreadable(&'static str),
    /// There was no randomness for the salt.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The hashing thread ended without an answer.
    #[error("the hashing thread ended without an answer")]
    Lost,
}

impl From<argon2::password_hash::Error> for HashError {
    fn from(error: argon2::password_hash::Error) -> Self {
        Self::Failed(error.to_string())
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
    admission: Admission,
    /// Compared with when there is no account; of a password that nobody knows.
    decoy: PasswordHash,
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("params", self.argon2.params())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl PasswordHasher {
    /// A hasher of the configured cost with a place for each core. Makes one hash itself.
    ///
    /// # Errors
    /// [`HashError`] when Argon2 does not take the parameters.
    pub fn new(settings: &config::Passwords) -> Result<Self, HashError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let waiting_max = cores.saturating_mul(settings.queue_per_core);
        Self::with_places(&settings.argon2, cores, waiting_max)
    }

    fn with_places(
        cost: &config::Argon2,
        places: usize,
        waiting_max: usize,
    ) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)
            .map_err(|error| HashError::Failed(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown = session::random::<32>()?;
        let decoy = hash_with(&argon2, &unknown)?;
        Ok(Self {
            argon2,
            admission: Admission::new(places, waiting_max),
            decoy,
        })
    }

    /// What hashing has done and is doing.
    #[must_use]
    pub fn counts(&self) -> HashCounts {
        self.admission.counts()
    }

    /// Hashes a new password. Whether it is acceptable is for [`Policy`] to say, before.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let argon2 = self.argon2.clone();
        self.admission
            .run(move || hash_with(&argon2, password.text.as_bytes()))
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
        self.admission
            .run(move || {
                // What is compared of a password that is too long is not what was typed.
                let fits = !password.too_long;
                let (right, outdated) = compare_with(&argon2, &phc, &password.text)?;
                if !(right && known && fits) {
                    return Ok(Comparison::Wrong);
                }
                let rehashed = if outdated {
                    Some(hash_with(&argon2, password.text.as_bytes())?)
                } else {
                    None
                };
                Ok(Comparison::Right { rehashed })
            })
            .await
    }
}

fn hash_with(argon2: &Argon2<'_>, password: &[u8]) -> Result<PasswordHash, HashError> {
    let salt = session::random::<SALT_BYTES>()?;
    let hash = argon2.hash_password_with_salt(password, &salt)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

/// Whether the password is the hash's, and whether the hash is not what would be made today.
fn compare_with(
    argon2: &Argon2<'_>,
    stored: &str,
    password: &str,
) -> Result<(bool, bool), HashError> {
    match Kind::of(stored) {
        Kind::Bcrypt => Ok((legacy::bcrypt(stored, password)?, true)),
        Kind::Pbkdf2 => Ok((legacy::pbkdf2(stored, password)?, true)),
        Kind::Argon2 => {
            let hash = phc::PasswordHash::new(stored)
                .map_err(|error| HashError::Failed(error.to_string()))?;
            let right = match argon2.verify_password(password.as_bytes(), &hash) {
                Ok(()) => true,
                Err(argon2::password_hash::Error::PasswordInvalid) => false,
                Err(error) => return Err(error.into()),
            };
            let cost = Params::try_from(&hash).ok();
            // Others make the sister algorithms too, and version 16.
            let outdated = hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
                || hash.version != Some(Version::V0x13.into())
                || cost.as_ref().map(cost_of) != Some(cost_of(argon2.params()));
            Ok((right, outdated))
        }
    }
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
        let hasher = PasswordHasher::with_places(&CHEAP, 2, 32).unwrap();
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
        let hasher = PasswordHasher::with_places(&CHEAP, 2, 32).unwrap();
        assert_eq!(compare(&hasher, "", None), Comparison::Wrong);
        assert_eq!(
            hasher.decoy.as_phc().len(),
            hash(&hasher, "x").as_phc().len()
        );
    }

    #[test]
    fn a_longer_password_is_not_the_one_it_was_cut_to() {
        let hasher = PasswordHasher::with_places(&CHEAP, 2, 32).unwrap();
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
        let old = PasswordHasher::with_places(&CHEAP, 2, 32).unwrap();
        let stored = hash(&old, "Correct-Horse-7");
        let dear = config::Argon2 {
            iterations: 2,
            ..CHEAP
        };
        let dearer = PasswordHasher::with_places(&dear, 2, 32).unwrap();
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
        let hasher = PasswordHasher::with_places(&CHEAP, 2, 32).unwrap();
        let broken = PasswordHash::from_phc("plain".to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let answer = runtime.block_on(hasher.compare(Password::from_typed("plain"), Some(&broken)));
        assert!(matches!(answer, Err(HashError::Failed(_))), "{answer:?}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let hasher = PasswordHasher::with_places(&CHEAP, 2, 32).unwrap();
        let shown = format!("{hasher:?} {:?}", Password::from_typed("Correct-Horse-7"));
        assert!(
            !shown.contains("Correct") && !shown.contains("$argon2"),
            "{shown}"
        );
    }
}
