//! The text of a refresh token, `rt1.<sid>.<seq>.<random>.<mac>`, and the proof that the issuer made it.
//!
//! Whether a genuine token still counts is not known here.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    custody::MacKey,
    domain::{
        secrets::Known,
        session::{Digest, SECRET_BYTES, Sid},
    },
};

/// A genuine token has under 160 characters: nothing longer is worth a MAC.
const TOKEN_MAX_BYTES: usize = 192;

const PREFIX: &str = "rt1";

/// A refresh token, shown once.
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    /// Makes the token of a family with a number.
    #[must_use]
    pub fn make(key: &MacKey, sid: Sid, seq: u64, random: [u8; SECRET_BYTES]) -> Self {
        let random = Zeroizing::new(Base64UrlUnpadded::encode_string(&random));
        let signed = Zeroizing::new(format!("{PREFIX}.{sid}.{seq}.{}", random.as_str()));
        let tag = mac(key, &signed).finalize().into_bytes();
        let tag = Base64UrlUnpadded::encode_string(&tag);
        Self(Zeroizing::new(format!("{}.{tag}", signed.as_str())))
    }

    /// Takes back a text that [`RefreshToken::make`] made and that was kept sealed since.
    pub(super) fn from_text(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text for the cookie or the body.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest for the database.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(redacted)")
    }
}

fn mac(key: &MacKey, signed: &str) -> Hmac<Sha256> {
    // A key of the block size or shorter is padded with zeros (RFC 2104 2); this is `new_from_slice` without its Result.
    let mut block = [0_u8; 64];
    block
        .iter_mut()
        .zip(key.as_bytes())
        .for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
    mac.update(signed.as_bytes());
    mac
}

/// A token that the issuer made. Says nothing about whether it still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Genuine {
    /// Its family.
    pub sid: Sid,
    /// Its number in the family.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Judges whether the issuer made a token, under whichever generation of its key, without the database.
#[must_use]
pub fn genuine(keys: &Known<MacKey>, presented: &str) -> Option<Genuine> {
    keys.accepts().find_map(|key| genuine_under(key, presented))
}

fn genuine_under(key: &MacKey, presented: &str) -> Option<Genuine> {
    if presented.len() > TOKEN_MAX_BYTES {
        return None;
    }
    let (signed, tag) = presented.rsplit_once('.')?;
    let tag = Base64UrlUnpadded::decode_vec(tag).ok()?;
    mac(key, signed).verify_slice(&tag).ok()?;
    let mut parts = signed.split('.');
    let (prefix, sid, seq) = (parts.next()?, parts.next()?, parts.next()?);
    if prefix != PREFIX {
        return None;
    }
    Some(Genuine {
        sid: Sid::parse(sid)?,
        seq: seq.parse().ok()?,
        digest: Digest::of(presented),
    })
}

#[cfg(test)]
mod tests {
    use edgeward_core::time::UnixTime;

    use super::*;

    const KEY: MacKey = MacKey::from_bytes([3; 32]);

    fn sid() -> Sid {
        Sid::from_random(UnixTime::from_seconds(1_795_000_000), [9; 10])
    }

    fn token(seq: u64) -> RefreshToken {
        RefreshToken::make(&KEY, sid(), seq, [7; 32])
    }

    #[test]
    fn the_mac_is_hmac_sha256_of_what_stands_before_it() {
        let token = token(7);
        let (signed, tag) = token.reveal().rsplit_once('.').unwrap();
        let mut expected = <Hmac<Sha256> as Mac>::new_from_slice(KEY.as_bytes()).unwrap();
        expected.update(signed.as_bytes());
        let expected = Base64UrlUnpadded::encode_string(&expected.finalize().into_bytes());
        assert_eq!(tag, expected);
        assert!(signed.starts_with(&format!("rt1.{}.7.", sid())), "{signed}");
        assert!(token.reveal().len() < TOKEN_MAX_BYTES);
    }

    #[test]
    fn what_was_made_is_genuine() {
        let token = RefreshToken::make(&KEY, sid(), u64::MAX, [0xff; 32]);
        let expected = Genuine {
            sid: sid(),
            seq: u64::MAX,
            digest: token.digest(),
        };
        assert_eq!(genuine_under(&KEY, token.reveal()), Some(expected));
        let known = Known::only(MacKey::from_bytes(*KEY.as_bytes()));
        assert_eq!(genuine(&known, token.reveal()), Some(expected));
    }

    #[test]
    fn no_changed_character_and_no_other_key_is_genuine() {
        let token = token(7);
        let text = token.reveal();
        assert_eq!(genuine_under(&MacKey::from_bytes([4; 32]), text), None);
        for (index, character) in text.char_indices() {
            for other in ['0', 'A', '.', '\0', '-'] {
                if other == character {
                    continue;
                }
                let mut changed: Vec<char> = text.chars().collect();
                changed[index] = other;
                let changed: String = changed.into_iter().collect();
                assert_eq!(genuine_under(&KEY, &changed), None, "{other:?} at {index}");
            }
        }
        for length in 0..text.len() {
            assert_eq!(
                genuine_under(&KEY, &text[..length]),
                None,
                "cut to {length}"
            );
        }
        for other in [
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            "x".repeat(100_000),
        ] {
            assert_eq!(genuine_under(&KEY, &other), None);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", token(1)), "RefreshToken(redacted)");
    }
}
