//! PBKDF2 (RFC 8018) in the spellings that systems keep it in. The platform's library does the work; here is only who
//! writes what.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, Algorithm};
use base64ct::{Base64, Base64Unpadded, Encoding};

use super::super::HashError;

/// OWASP asks for 600,000 with SHA-256; more than this is a mistake of the import, and would hold a core for seconds.
const ITERATIONS_MAX: u32 = 5_000_000;

/// Fewer bits could be met by chance; RFC 8018 and every system here keep more.
const HASH_MIN_BYTES: usize = 16;

/// The longest output of SHA-512 in one block. Each further block costs all the iterations again.
const HASH_MAX_BYTES: usize = 64;

/// Longer than any system makes a salt.
const SALT_MAX_BYTES: usize = 256;

/// The hash function inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// Of old systems. Its weakness is collisions, which are no use against PBKDF2.
    Sha1,
    /// What most use.
    Sha256,
    /// Of some.
    Sha512,
}

impl Digest {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The name, as it is written in every spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|digest| digest.name() == name)
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// What a text says: which work is to be done, and what must come of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pbkdf2 {
    digest: Digest,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What the spellings begin with.
const BEGINNINGS: [&str; 4] = ["$pbkdf2-", "$pbkdf2$", "pbkdf2_", "pbkdf2:"];

/// Whether a text is meant to be one of these.
pub(super) fn begins(text: &str) -> bool {
    BEGINNINGS.iter().any(|begin| text.starts_with(begin))
}

fn unreadable() -> HashError {
    HashError::Unreadable("a PBKDF2 hash")
}

impl Pbkdf2 {
    /// Puts together what a table keeps in columns of its own.
    ///
    /// # Errors
    /// [`HashError::Unreadable`] when it is more work than a sign-in may cost, or less than a hash.
    pub fn new(
        digest: Digest,
        iterations: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    ) -> Result<Self, HashError> {
        let iterations = NonZeroU32::new(iterations).ok_or_else(unreadable)?;
        if iterations.get() > ITERATIONS_MAX {
            return Err(HashError::Unreadable(
                "a PBKDF2 hash of more than 5,000,000 iterations",
            ));
        }
        let fits = (HASH_MIN_BYTES..=HASH_MAX_BYTES).contains(&hash.len())
            && (1..=SALT_MAX_BYTES).contains(&salt.len());
        if !fits {
            return Err(unreadable());
        }
        Ok(Self {
            digest,
            iterations,
            salt,
            hash,
        })
    }

    /// Reads a text of one of these forms:
    /// - PHC: `$pbkdf2-sha256$i=600000,l=32$salt$hash`
    /// - passlib: `$pbkdf2-sha256$600000$salt$hash` with `.` for `+`; `$pbkdf2$…` is SHA-1
    /// - Django: `pbkdf2_sha256$600000$salt$hash`, the salt as it is
    /// - Werkzeug: `pbkdf2:sha256:600000$salt$hash`, the salt as it is, the hash in hexadecimal
    ///
    /// # Errors
    /// [`HashError::Unreadable`].
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let parts: Vec<&str> = text.split('$').collect();
        match *parts.as_slice() {
            ["", name, work, salt, hash] => {
                let digest = match name {
                    "pbkdf2" => Some(Digest::Sha1),
                    _ => name.strip_prefix("pbkdf2-").and_then(Digest::from_name),
                };
                let (iterations, length) = work_of(work).ok_or_else(unreadable)?;
                let hash = of_base64(hash)?;
                if length.is_some_and(|length| length != hash.len()) {
                    return Err(unreadable());
                }
                Self::new(
                    digest.ok_or_else(unreadable)?,
                    iterations,
                    of_base64(salt)?,
                    hash,
                )
            }
            [name, iterations, salt, hash] => {
                let digest = name.strip_prefix("pbkdf2_").and_then(Digest::from_name);
                let hash = Base64::decode_vec(hash).map_err(|_| unreadable())?;
                Self::new(
                    digest.ok_or_else(unreadable)?,
                    decimal(iterations).ok_or_else(unreadable)?,
                    salt.as_bytes().to_vec(),
                    hash,
                )
            }
            [work, salt, hash] => {
                let work = work.strip_prefix("pbkdf2:").ok_or_else(unreadable)?;
                let (name, iterations) = work.split_once(':').ok_or_else(unreadable)?;
                Self::new(
                    Digest::from_name(name).ok_or_else(unreadable)?,
                    decimal(iterations).ok_or_else(unreadable)?,
                    salt.as_bytes().to_vec(),
                    of_hex(hash).ok_or_else(unreadable)?,
                )
            }
            _ => Err(unreadable()),
        }
    }

    /// The PHC string.
    #[must_use]
    pub fn to_phc(&self) -> String {
        format!(
            "$pbkdf2-{}$i={},l={}${}${}",
            self.digest.name(),
            self.iterations,
            self.hash.len(),
            Base64Unpadded::encode_string(&self.salt),
            Base64Unpadded::encode_string(&self.hash)
        )
    }

    /// Whether the password is the hash's.
    pub(super) fn is_of(&self, password: &str) -> bool {
        let Self {
            digest,
            iterations,
            salt,
            hash,
        } = self;
        let secret = password.as_bytes();
        pbkdf2::verify(digest.algorithm(), *iterations, salt, secret, hash).is_ok()
    }
}

/// `600000`, or `i=600000` with or without `l=32`.
fn work_of(text: &str) -> Option<(u32, Option<usize>)> {
    if let Some(plain) = decimal(text) {
        return Some((plain, None));
    }
    match text.split_once(',') {
        None => Some((decimal(text.strip_prefix("i=")?)?, None)),
        Some((work, length)) => {
            let length = decimal(length.strip_prefix("l=")?)?;
            let length = usize::try_from(length).ok()?;
            Some((decimal(work.strip_prefix("i=")?)?, Some(length)))
        }
    }
}

fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// PHC's alphabet, or passlib's, which has a dot for the plus.
fn of_base64(text: &str) -> Result<Vec<u8>, HashError> {
    Base64Unpadded::decode_vec(&text.replace('.', "+")).map_err(|_| unreadable())
}

/// The octets of a text in hexadecimal.
#[must_use]
pub fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each made with Python's `hashlib.pbkdf2_hmac(digest, b"Correct-Horse-7", b"saltsaltsaltsalt", 1000)`.
    const SHA256: &str = "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo";
    const PLAIN: [&str; 8] = [
        SHA256,
        "$pbkdf2-sha256$i=1000$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo",
        "$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk.qa7wo",
        "pbkdf2_sha256$1000$saltsaltsaltsalt$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo=",
        "pbkdf2:sha256:1000$saltsaltsaltsalt$119a743f1b9bd01eb31fd51509ffec18b3fd4a3c6a918672661e5293ea9aef0a",
        "$pbkdf2$1000$c2FsdHNhbHRzYWx0c2FsdA$H0wdYV55stj7JcuHiRAbMMIlou8",
        "pbkdf2_sha1$1000$saltsaltsaltsalt$H0wdYV55stj7JcuHiRAbMMIlou8=",
        "$pbkdf2-sha512$i=1000,l=64$c2FsdHNhbHRzYWx0c2FsdA$BQDgfFuFP4tpEschAevrvV214YAZS+wVR8XHpm5935F32aX1nOiS85rUB5fVjBIBrigrzIQlbyq+WHwr7Q2TTQ",
    ];

    #[test]
    fn every_spelling_is_the_same_work() {
        for text in PLAIN {
            let parsed = Pbkdf2::parse(text).unwrap();
            assert!(begins(text) && parsed.is_of("Correct-Horse-7"), "{text}");
            assert!(!parsed.is_of("Correct-Horse-8"), "{text}");
            let again = Pbkdf2::parse(&parsed.to_phc()).unwrap();
            assert!(again == parsed, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let dear = SHA256.replace("i=1000", "i=5000001");
        let long = SHA256.replace("l=32", "l=33");
        let hash_long = format!("pbkdf2_sha256$1$salt${}", Base64::encode_string(&[7; 65]));
        let salt_long = format!(
            "pbkdf2_sha256$1${}${}",
            "s".repeat(257),
            Base64::encode_string(&[7; 32])
        );
        for text in [
            dear.as_str(),
            &long,
            &hash_long,
            &salt_long,
            "",
            "$pbkdf2-sha256$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
            "$pbkdf2-md5$i=1000$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo",
            "$pbkdf2-sha256$i=0$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo",
            "$pbkdf2-sha256$i=+9$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo",
            "$pbkdf2-sha256$i=1000$$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo",
            "pbkdf2_sha256$1000$salt$c2hvcnQ=",
            "pbkdf2_sha256$1000$salt$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo=$",
            "pbkdf2:sha256$saltsaltsaltsalt$119a743f1b9bd01eb31fd51509ffec18b3fd4a3c6a918672661e5293ea9aef0a",
            "pbkdf2:sha256:1000$saltsaltsaltsalt$119",
            "pbkdf2:sha256:1000$saltsaltsaltsalt$zz9a743f1b9bd01eb31fd51509ffec18",
        ] {
            assert!(Pbkdf2::parse(text).is_err(), "{text}");
        }
    }
}
