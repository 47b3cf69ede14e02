//! The successor of a refresh token, sealed so that only who holds its parent can read it.
//!
//! The key is HKDF-SHA-256 (RFC 5869) of the parent's text, of which the database knows a plain SHA-256 only; the seal is
//! XChaCha20-Poly1305, bound to the family and the successor's number. So a parent that comes back gets the very token
//! that its first use made, and a stolen database gives neither of them.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::token::RefreshToken;
use crate::{
    custody::{self, SECRET_BYTES, SealError, Sealed},
    domain::session::Sid,
};

/// Keeps this key apart from every other use that a token's text may be put to.
const LABEL: &[u8] = b"edgeward refresh successor 1";

fn key_of(parent: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, SealError> {
    let mut key = Zeroizing::new([0; SECRET_BYTES]);
    // Fails only for keys of more than 255 hashes.
    Hkdf::<Sha256>::new(None, parent.as_bytes())
        .expand(LABEL, key.as_mut_slice())
        .map_err(|_| SealError::DoesNotOpen)?;
    Ok(key)
}

fn name_of(sid: Sid, seq: u64) -> String {
    format!("refresh:{sid}:{seq}")
}

/// Seals the token of number `seq` for whoever holds `parent`.
pub(super) fn seal(
    parent: &str,
    sid: Sid,
    seq: u64,
    successor: &RefreshToken,
) -> Result<Sealed, SealError> {
    custody::seal_under(
        &key_of(parent)?,
        &name_of(sid, seq),
        successor.reveal().as_bytes(),
    )
}

/// Opens the token of number `seq` with its parent.
pub(super) fn open(
    parent: &str,
    sid: Sid,
    seq: u64,
    sealed: &Sealed,
) -> Result<RefreshToken, SealError> {
    let text = custody::open_under(&key_of(parent)?, &name_of(sid, seq), sealed)?;
    let text = std::str::from_utf8(&text).map_err(|_| SealError::DoesNotOpen)?;
    Ok(RefreshToken::from_text(text))
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use edgeward_core::time::UnixTime;
    use hmac::{Hmac, Mac};

    use super::*;
    use crate::custody::MacKey;

    fn sid(byte: u8) -> Sid {
        Sid::from_random(UnixTime::from_seconds(1_795_000_000), [byte; 10])
    }

    fn token(seq: u64) -> RefreshToken {
        let key = MacKey::from_bytes([3; 32]);
        RefreshToken::make(&key, sid(9), seq, [u8::try_from(seq).unwrap(); 32])
    }

    #[test]
    fn only_the_parent_opens_it_and_only_in_its_place() {
        let (parent, successor) = (token(4), token(5));
        let sealed = seal(parent.reveal(), sid(9), 5, &successor).unwrap();
        let opened = open(parent.reveal(), sid(9), 5, &sealed).unwrap();
        assert_eq!(opened.reveal(), successor.reveal());
        for (what, key, sid, seq) in [
            ("the grandparent", token(3).reveal(), sid(9), 5),
            ("the successor itself", successor.reveal(), sid(9), 5),
            ("nothing", "", sid(9), 5),
            ("in another family", parent.reveal(), sid(8), 5),
            ("under another number", parent.reveal(), sid(9), 6),
        ] {
            let answer = open(key, sid, seq, &sealed).map(|_| ());
            assert_eq!(answer, Err(SealError::DoesNotOpen), "{what}");
        }
    }

    #[test]
    fn what_the_database_knows_of_the_parent_does_not_open_it() {
        let parent = token(4);
        let sealed = seal(parent.reveal(), sid(9), 5, &token(5)).unwrap();
        let digest = parent.digest();
        let text = Base64UrlUnpadded::encode_string(digest.as_bytes());
        assert!(open(&text, sid(9), 5, &sealed).is_err());
        let as_key = Zeroizing::new(*digest.as_bytes());
        let name = name_of(sid(9), 5);
        assert!(custody::open_under(&as_key, &name, &sealed).is_err());
    }

    #[test]
    fn the_key_is_the_one_of_rfc_5869() {
        let hmac = |key: &[u8], message: &[u8]| {
            let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap();
            mac.update(message);
            mac.finalize().into_bytes()
        };
        let extracted = hmac(&[0; 32], token(4).reveal().as_bytes());
        let expanded = hmac(&extracted, &[LABEL, &[1]].concat());
        let key = key_of(token(4).reveal()).unwrap();
        assert_eq!(key.as_slice(), expanded.as_slice());
    }
}
