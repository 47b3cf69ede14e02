//! What isolates hand to one another through a cache that they share: the key set, its entity tag and its age, sealed.
//!
//! The platform's cache is written by every Worker of the same zone, and whoever chooses the keys chooses who is signed in.
//! So an entry carries a MAC under a key that is derived from the edge's own secret: what is not exactly as this edge wrote
//! it, for this issuer, is no entry.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use edgeward_core::keys::MAX_KEY_SET_BYTES;
use edgeward_core::time::UnixTime;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The form of an entry; an edge of another version reads no other.
const FORM: &str = "edgeward-key-set-1";
/// A set, and before it four short lines.
pub(super) const MAX_ENTRY_BYTES: usize = MAX_KEY_SET_BYTES + 1024;

/// Seals and opens entries. Never printed.
pub(in super::super) struct Seal([u8; 32]);

/// A key set as it was kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'e> {
    /// When it was loaded from the issuer.
    pub(super) loaded_at: UnixTime,
    /// Its entity tag.
    pub(super) entity_tag: Option<&'e str>,
    /// The document as the issuer sent it.
    pub(super) body: &'e [u8],
}

impl Seal {
    /// The seal of the edge with this secret. Another use of the secret cannot yield the same key.
    pub(in super::super) fn of(seed: &[u8; 32]) -> Self {
        Self(digest(seed, &[b"edgeward seal of kept key sets"]))
    }

    /// Under which name the set of this issuer is kept. Nobody without the secret can name it.
    pub(super) fn name(&self, issuer: &str) -> String {
        Base64UrlUnpadded::encode_string(&digest(&self.0, &[b"name", issuer.as_bytes()]))
    }

    /// The entry as text.
    pub(super) fn close(&self, issuer: &str, entry: &Entry<'_>) -> Vec<u8> {
        let mac =
            Base64UrlUnpadded::encode_string(&self.mac(issuer, entry).finalize().into_bytes());
        let tag = entry.entity_tag.unwrap_or_default();
        let mut text = format!("{FORM}\n{mac}\n{}\n{tag}\n", entry.loaded_at).into_bytes();
        text.extend_from_slice(entry.body);
        text
    }

    /// The entry, if it is one of this edge's for this issuer.
    pub(super) fn open<'e>(&self, issuer: &str, text: &'e [u8]) -> Option<Entry<'e>> {
        let mut parts = text.splitn(5, |byte| *byte == b'\n');
        let mut line = || core::str::from_utf8(parts.next()?).ok();
        let (form, mac, loaded_at, tag) = (line()?, line()?, line()?, line()?);
        let entry = Entry {
            loaded_at: UnixTime::from_seconds(loaded_at.parse().ok()?),
            entity_tag: Some(tag).filter(|tag| !tag.is_empty()),
            body: parts.next()?,
        };
        let mut bytes = [0; 32];
        let mac = Base64UrlUnpadded::decode(mac, &mut bytes).ok()?;
        // Compares in constant time.
        let genuine = self.mac(issuer, &entry).verify_slice(mac).is_ok();
        (form == FORM && genuine).then_some(entry)
    }

    fn mac(&self, issuer: &str, entry: &Entry<'_>) -> Hmac<Sha256> {
        let loaded_at = entry.loaded_at.seconds().to_be_bytes();
        let tag = entry.entity_tag.unwrap_or_default().as_bytes();
        keyed(
            &self.0,
            &[b"entry", issuer.as_bytes(), &loaded_at, tag, entry.body],
        )
    }
}

fn digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> Hmac<Sha256> {
    // A key of the block's size is taken as it is, so there is none that could be refused.
    let mut block = [0; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        // Lengths go before parts, so that no two different lists are the same bytes.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.test";
    const ENTRY: Entry<'_> = Entry {
        loaded_at: UnixTime::from_seconds(1_800_000_000),
        entity_tag: Some("\"t\""),
        body: b"{\"keys\":[]}\nand more",
    };

    #[test]
    fn what_was_closed_is_opened() {
        let seal = Seal::of(&[1; 32]);
        for entity_tag in [Some("\"t\""), None] {
            let entry = Entry {
                entity_tag,
                ..ENTRY
            };
            let text = seal.close(ISSUER, &entry);
            assert_eq!(seal.open(ISSUER, &text), Some(entry));
        }
        assert_eq!(seal.name(ISSUER), Seal::of(&[1; 32]).name(ISSUER));
    }

    #[test]
    fn of_another_edge_or_another_issuer_is_nothing() {
        let seal = Seal::of(&[1; 32]);
        let text = seal.close(ISSUER, &ENTRY);
        assert_eq!(Seal::of(&[2; 32]).open(ISSUER, &text), None);
        assert_eq!(seal.open("https://other.test", &text), None);
        assert_ne!(seal.name(ISSUER), Seal::of(&[2; 32]).name(ISSUER));
        assert_ne!(seal.name(ISSUER), seal.name("https://other.test"));
    }

    #[test]
    fn not_a_bit_may_differ_nor_a_byte_be_missing() {
        let seal = Seal::of(&[1; 32]);
        let text = seal.close(ISSUER, &ENTRY);
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[place] ^= 1 << bit;
                assert_eq!(
                    seal.open(ISSUER, &changed),
                    None,
                    "bit {bit} of byte {place}"
                );
            }
            assert_eq!(seal.open(ISSUER, &text[..place]), None, "{place} bytes");
        }
    }
}
