//! Hashes that other systems made and that came along with their users. They are compared and never made: the first
//! sign-in replaces them with Argon2id.

use std::num::NonZeroU32;

use argon2::password_hash::{self, PasswordVerifier, phc};
use pbkdf2::Pbkdf2;

use super::HashError;

/// bcrypt covers no more of a password. Some systems cut longer ones in silence, so their hash says nothing about the
/// rest; replacing it would make whatever was typed there the password. A longer one is therefore never right here, and
/// its owner chooses a new password.
const BCRYPT_COVERS_BYTES: usize = 72;

/// A hash of this cost takes seconds of a core, and each further step twice as many: imported rows must not be able to
/// stop the sign-in of everybody.
const BCRYPT_COST_MAX: u32 = 15;

/// OWASP asks for 600,000 with SHA-256; more than this is a mistake of the import, and would hold a core for seconds.
const PBKDF2_ITERATIONS_MAX: u32 = 5_000_000;

/// Which kind of hash a text is. What is not known as a legacy one is Argon2's to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The PHC string of Argon2.
    Argon2,
    /// `$2a$`, `$2b$` and `$2y$`, which are one algorithm. `$2x$` marks hashes of a defective one and is none.
    Bcrypt,
    /// The PHC string `$pbkdf2-sha256$i=…`, and its sisters with SHA-512.
    Pbkdf2,
}

impl Kind {
    pub(super) fn of(hash: &str) -> Self {
        let begins = |with: &[&str]| with.iter().any(|prefix| hash.starts_with(prefix));
        if begins(&["$2a$", "$2b$", "$2y$"]) {
            Self::Bcrypt
        } else if begins(&["$pbkdf2-"]) {
            Self::Pbkdf2
        } else {
            Self::Argon2
        }
    }
}

/// Whether the password is the hash's.
pub(super) fn bcrypt(hash: &str, password: &str) -> Result<bool, HashError> {
    let unreadable = || HashError::Unreadable("a bcrypt hash");
    let cost = hash.get(4..6).and_then(|cost| cost.parse::<u32>().ok());
    if cost.ok_or_else(unreadable)? > BCRYPT_COST_MAX {
        return Err(HashError::Unreadable("a bcrypt hash of a cost above 15"));
    }
    // The work is done in any case: how long it takes tells nothing about the length.
    let right = bcrypt::verify(password, hash).map_err(|_| unreadable())?;
    Ok(right && password.len() <= BCRYPT_COVERS_BYTES)
}

/// Whether the password is the hash's.
pub(super) fn pbkdf2(hash: &str, password: &str) -> Result<bool, HashError> {
    let unreadable = || HashError::Unreadable("a PBKDF2 hash");
    let hash = phc::PasswordHash::new(hash).map_err(|_| unreadable())?;
    let iterations = hash.params.get_decimal("i").and_then(NonZeroU32::new);
    if iterations.ok_or_else(unreadable)?.get() > PBKDF2_ITERATIONS_MAX {
        return Err(HashError::Unreadable(
            "a PBKDF2 hash of more than 5,000,000 iterations",
        ));
    }
    match Pbkdf2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(unreadable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of OpenBSD's test vectors, as other implementations carry them.
    const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    /// Python: `hashlib.pbkdf2_hmac("sha256", b"Correct-Horse-7", b"saltsaltsaltsalt", 1000)`.
    const PBKDF2: &str = "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo";

    #[test]
    fn the_kind_is_told_by_the_beginning() {
        for (hash, kind) in [
            ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", Kind::Argon2),
            (BCRYPT, Kind::Bcrypt),
            ("$2b$05$", Kind::Bcrypt),
            ("$2y$05$", Kind::Bcrypt),
            ("$2x$05$", Kind::Argon2),
            (PBKDF2, Kind::Pbkdf2),
            ("", Kind::Argon2),
        ] {
            assert_eq!(Kind::of(hash), kind, "{hash}");
        }
    }

    fn told(answer: Result<bool, HashError>) -> Option<bool> {
        answer.ok()
    }

    #[test]
    fn hashes_of_others_are_compared() {
        let other = |prefix: &str| format!("{prefix}{}", &BCRYPT[4..]);
        for (hash, typed, expected) in [
            (BCRYPT, "U*U", Some(true)),
            (&other("$2b$"), "U*U", Some(true)),
            (&other("$2y$"), "U*U", Some(true)),
            (BCRYPT, "U*U*", Some(false)),
            (BCRYPT, "", Some(false)),
            (
                "$2a$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                "U*U",
                None,
            ),
            ("$2a$05$CCCC", "U*U", None),
            ("$2a$", "U*U", None),
            (
                "$2a$0é$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                "U*U",
                None,
            ),
        ] {
            assert_eq!(told(bcrypt(hash, typed)), expected, "{hash} {typed}");
        }
        let dear = PBKDF2.replace("i=1000", "i=5000001");
        for (hash, typed, expected) in [
            (PBKDF2, "Correct-Horse-7", Some(true)),
            (PBKDF2, "Correct-Horse-8", Some(false)),
            (dear.as_str(), "Correct-Horse-7", None),
            ("$pbkdf2-sha256$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA", "x", None),
            (
                "$pbkdf2-md5$i=1000$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNo",
                "x",
                None,
            ),
        ] {
            assert_eq!(told(pbkdf2(hash, typed)), expected, "{hash} {typed}");
        }
    }

    #[test]
    fn a_password_that_bcrypt_does_not_cover_is_never_right() {
        let covered = "x".repeat(72);
        let hash = bcrypt::hash(&covered, 4).unwrap();
        assert_eq!(told(super::bcrypt(&hash, &covered)), Some(true));
        assert_eq!(
            told(super::bcrypt(&hash, &format!("{covered}y"))),
            Some(false)
        );
        assert_eq!(told(super::bcrypt(&hash, &covered[..71])), Some(false));
    }
}
