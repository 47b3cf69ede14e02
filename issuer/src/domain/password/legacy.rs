//! Hashes that other systems made and that came along with their users. They are compared and never made: the first
//! sign-in replaces them with Argon2id.

mod pbkdf2;

pub use pbkdf2::{Digest, Pbkdf2, of_hex};

use argon2::{Params, password_hash::phc};

use super::HashError;
use crate::domain::storage::PasswordHash;

/// bcrypt covers no more of a password. Some systems cut longer ones in silence, so their hash says nothing about the
/// rest; replacing it would make whatever was typed there the password. A longer one is therefore never right here, and
/// its owner chooses a new password.
const BCRYPT_COVERS_BYTES: usize = 72;

/// A hash of this cost takes seconds of a core, and each further step twice as many: imported rows must not be able to
/// stop the sign-in of everybody.
const BCRYPT_COST_MAX: u32 = 15;

/// The algorithm has no lower one.
const BCRYPT_COST_MIN: u32 = 4;

/// 256 MiB, what libsodium calls moderate: imported rows must not be able to take the machine's memory either.
const ARGON2_MEMORY_MAX_KIB: u32 = 256 * 1024;

/// Memory by passes: some two seconds of a core.
const ARGON2_WORK_MAX_KIB: u32 = 2 * 1024 * 1024;

/// Longer than any hash here is written.
const TEXT_MAX_BYTES: usize = 1024;

/// Which kind of hash a text is. What is not known as a legacy one is Argon2's to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The PHC string of Argon2.
    Argon2,
    /// `$2a$`, `$2b$` and `$2y$`, which are one algorithm. `$2x$` marks hashes of a defective one and is none.
    Bcrypt,
    /// In any of the spellings of [`Pbkdf2`].
    Pbkdf2,
}

impl Kind {
    pub(super) fn of(hash: &str) -> Self {
        let begins = |with: &[&str]| with.iter().any(|prefix| hash.starts_with(prefix));
        if begins(&["$2a$", "$2b$", "$2y$"]) {
            Self::Bcrypt
        } else if pbkdf2::begins(hash) {
            Self::Pbkdf2
        } else {
            Self::Argon2
        }
    }
}

/// Takes a hash that another system made into the database, if a sign-in can be judged by it and costs no more than a
/// sign-in may. Django names the algorithm again before those that name it themselves; that is left out.
///
/// # Errors
/// [`HashError::Unreadable`], which repeats nothing of it.
pub fn adopt(text: &str) -> Result<PasswordHash, HashError> {
    let named = ["argon2", "bcrypt$"];
    let text = named
        .iter()
        .find_map(|name| text.strip_prefix(name).filter(|rest| rest.starts_with('$')))
        .unwrap_or(text);
    if text.len() > TEXT_MAX_BYTES {
        return Err(HashError::Unreadable("a password hash"));
    }
    match Kind::of(text) {
        Kind::Bcrypt => judge_bcrypt(text)?,
        Kind::Pbkdf2 => drop(Pbkdf2::parse(text)?),
        Kind::Argon2 => judge_argon2(text)?,
    }
    Ok(PasswordHash::from_phc(text.to_owned()))
}

fn judge_argon2(text: &str) -> Result<(), HashError> {
    if !text.starts_with("$argon2") {
        return Err(HashError::Unreadable(
            "a password hash that is none of bcrypt, Argon2 and PBKDF2",
        ));
    }
    let unreadable = || HashError::Unreadable("an Argon2 hash");
    let hash = phc::PasswordHash::new(text).map_err(|_| unreadable())?;
    let known = ["argon2d", "argon2i", "argon2id"].contains(&hash.algorithm.as_str());
    if !known || hash.salt.is_none() || hash.hash.is_none() {
        return Err(unreadable());
    }
    let cost = Params::try_from(&hash).map_err(|_| unreadable())?;
    let work = cost.m_cost().saturating_mul(cost.t_cost());
    if cost.m_cost() > ARGON2_MEMORY_MAX_KIB || work > ARGON2_WORK_MAX_KIB {
        return Err(HashError::Unreadable(
            "an Argon2 hash of more than 256 MiB, or 2 GiB over all passes",
        ));
    }
    Ok(())
}

/// Version, cost, 22 characters of salt and 31 of hash.
fn judge_bcrypt(hash: &str) -> Result<(), HashError> {
    let unreadable = || HashError::Unreadable("a bcrypt hash");
    let (cost, rest) = hash
        .get(4..)
        .and_then(|rest| rest.split_once('$'))
        .ok_or_else(unreadable)?;
    let letters = |letter: u8| letter.is_ascii_alphanumeric() || b"./".contains(&letter);
    let fits = cost.len() == 2 && rest.len() == 53 && rest.bytes().all(letters);
    let cost: u32 = cost.parse().map_err(|_| unreadable())?;
    if cost > BCRYPT_COST_MAX {
        return Err(HashError::Unreadable("a bcrypt hash of a cost above 15"));
    }
    if fits && cost >= BCRYPT_COST_MIN {
        Ok(())
    } else {
        Err(unreadable())
    }
}

/// Whether the password is the hash's.
pub(super) fn bcrypt(hash: &str, password: &str) -> Result<bool, HashError> {
    judge_bcrypt(hash)?;
    // The work is done in any case: how long it takes tells nothing about the length.
    let right =
        bcrypt::verify(password, hash).map_err(|_| HashError::Unreadable("a bcrypt hash"))?;
    Ok(right && password.len() <= BCRYPT_COVERS_BYTES)
}

/// Whether the password is the hash's.
pub(super) fn pbkdf2(hash: &str, password: &str) -> Result<bool, HashError> {
    Ok(Pbkdf2::parse(hash)?.is_of(password))
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
        assert_eq!(told(pbkdf2(PBKDF2, "Correct-Horse-7")), Some(true));
        assert_eq!(told(pbkdf2(PBKDF2, "Correct-Horse-8")), Some(false));
        assert_eq!(told(pbkdf2("$pbkdf2-sha256$", "Correct-Horse-8")), None);
    }

    #[test]
    fn what_no_sign_in_could_be_judged_by_is_not_adopted() {
        const ARGON2: &str = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        let twice = format!("argon2{ARGON2}");
        let django = format!("bcrypt${BCRYPT}");
        let long = format!("{PBKDF2}{}", "A".repeat(1024));
        for (text, adopted) in [
            (ARGON2, Some(ARGON2)),
            (twice.as_str(), Some(ARGON2)),
            (
                &ARGON2.replace("argon2id$v=19", "argon2i"),
                Some(
                    "$argon2i$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
                ),
            ),
            (BCRYPT, Some(BCRYPT)),
            (&django, Some(BCRYPT)),
            (PBKDF2, Some(PBKDF2)),
            ("", None),
            ("plain", None),
            ("!unusable", None),
            ("5f4dcc3b5aa765d61d8327deb882cf99", None),
            ("$2a$05$CCCC", None),
            ("$1$salt$hash", None),
            (&BCRYPT.replace("$05$", "$03$"), None),
            (&BCRYPT.replace("$05$", "$16$"), None),
            (&BCRYPT.replace("$2a$", "$2x$"), None),
            (&BCRYPT.replace('E', "é"), None),
            (&ARGON2.replace("m=65536", "m=262145"), None),
            (&ARGON2.replace("t=3", "t=33"), None),
            (&ARGON2.replace("$argon2id", "$argon2x"), None),
            ("$argon2id$v=19$m=65536,t=3,p=4", None),
            (&long, None),
        ] {
            let found = adopt(text).ok();
            assert_eq!(found.as_ref().map(PasswordHash::as_phc), adopted, "{text}");
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
