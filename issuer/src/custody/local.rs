//! A key-encryption key in the memory of this process: from the data folder, from a file of its own, or from a variable.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    DataKey, SECRET_BYTES, SealError, Sealed, Sealer, SealerError, seal, sealer::bound_to,
};

/// Keeps the name of a key apart from every other use of it.
const NAME_LABEL: &[u8] = b"edgeward-kek-name-1";
/// So many bytes of a key's MAC tell two keys of one operator apart, and are too few to be searched for in anything else.
const NAME_BYTES: usize = 6;

/// A key-encryption key in memory. It is not printed and is wiped when dropped.
pub(super) struct LocalKey {
    key: Zeroizing<[u8; SECRET_BYTES]>,
    name: String,
}

impl LocalKey {
    pub(super) fn new(key: Zeroizing<[u8; SECRET_BYTES]>) -> Self {
        // The key of the MAC fills its block, so that no length has to be judged.
        let mut block = Zeroizing::new([0_u8; 64]);
        for (place, byte) in block.iter_mut().zip(key.iter()) {
            *place = *byte;
        }
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        mac.update(NAME_LABEL);
        let digest = mac.finalize().into_bytes();
        let hex: String = digest
            .iter()
            .take(NAME_BYTES)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            key,
            name: format!("local:{hex}"),
        }
    }

    /// Opens what was sealed directly under the key, as the first release did.
    pub(super) fn open_plain(
        &self,
        name: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        seal::open(&self.key, name, sealed)
    }
}

impl Sealer for LocalKey {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn wrap(&self, purpose: &str, data_key: &DataKey) -> Result<Vec<u8>, SealerError> {
        seal::encrypt(&self.key, &bound_to(purpose), data_key.as_slice())
            .map_err(|_| SealerError::NoRandomness)
    }

    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        let opened = seal::decrypt(&self.key, &bound_to(purpose), wrapped)
            .map_err(|_| SealerError::DoesNotOpen)?;
        data_key(&opened)
    }
}

/// A data key of what was unwrapped, if it has the length of one.
pub(super) fn data_key(opened: &[u8]) -> Result<DataKey, SealerError> {
    <[u8; SECRET_BYTES]>::try_from(opened)
        .map(Zeroizing::new)
        .map_err(|_| SealerError::DoesNotOpen)
}

/// A key as people write it: 32 bytes in base64, as `openssl rand -base64 32` prints them.
///
/// # Errors
/// What is wrong, without a character of what was given.
pub fn key_from_text(text: &str) -> Result<Zeroizing<[u8; SECRET_BYTES]>, String> {
    let mut key = Zeroizing::new([0_u8; SECRET_BYTES]);
    match Base64::decode(text, key.as_mut_slice()) {
        Ok(decoded) if decoded.len() == SECRET_BYTES => {}
        Ok(_) | Err(_) => {
            return Err(format!(
                "must be {SECRET_BYTES} bytes in base64, as `openssl rand -base64 {SECRET_BYTES}` prints them"
            ));
        }
    }
    if key.iter().all(|byte| *byte == 0) {
        return Err("is all zeros: it was never filled in".to_owned());
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_people_write_it() {
        let good = Base64::encode_string(&[7; 32]);
        assert_eq!(*key_from_text(&good).unwrap(), [7; 32]);
        for bad in [
            "",
            "secret",
            &Base64::encode_string(&[7; 31]),
            &Base64::encode_string(&[7; 33]),
            &Base64::encode_string(&[0; 32]),
            good.trim_end_matches('='),
        ] {
            let message = key_from_text(bad).unwrap_err();
            assert!(bad.is_empty() || !message.contains(bad), "{message}");
        }
    }

    #[test]
    fn a_name_tells_keys_apart_and_nothing_of_them() {
        let name = |byte| {
            LocalKey::new(Zeroizing::new([byte; 32]))
                .key_name()
                .to_owned()
        };
        assert_eq!(name(7), name(7));
        assert_ne!(name(7), name(8));
        assert_eq!(name(7).len(), "local:".len() + 2 * NAME_BYTES);
    }
}
