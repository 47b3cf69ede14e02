//! Sealing with XChaCha20-Poly1305, whose 192-bit nonce may be drawn at random without counting.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use super::{SECRET_BYTES, SealerError};

/// The nonce of XChaCha20 in bytes.
const NONCE_BYTES: usize = 24;

/// A sealed secret: nonce, then ciphertext with its tag. Safe to store and to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes what a database holds.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What a database is to hold.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why a secret could not be sealed or opened. Says nothing about the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Too short, changed, sealed under another key, or sealed for another name.
    #[error("a sealed secret does not open: it was changed, or it was sealed for something else")]
    DoesNotOpen,
    /// None of the keys at hand is the one it was sealed under.
    #[error(
        "a sealed secret does not open: it was changed, or it was sealed under {sealed_under}, and the key-encryption keys at hand are: {at_hand}"
    )]
    NoSuchKey {
        /// The name of the key, where the sealed secret tells it.
        sealed_under: String,
        /// The names of all keys that this process has.
        at_hand: String,
    },
    /// It is in an envelope of a program of before the first release, which this one does not open.
    #[error(
        "a sealed secret is in an envelope of a version before the first release (edgewrd2), which is not opened any more: begin with a new data folder and database, and take the accounts over with `edgeward user import`"
    )]
    Earlier,
    /// The thread that asked whoever holds the key-encryption key has ended.
    #[error("the thread that asked for a key-encryption key was lost")]
    Lost,
    /// Whoever holds the key-encryption key did not do it.
    #[error("the key-encryption key {key_name} {cause}")]
    Sealer {
        /// The name of the key.
        key_name: String,
        /// Why.
        cause: SealerError,
    },
}

impl SealError {
    /// Whether asking again would be answered alike as long as what was sealed and the keys at hand are the same.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::DoesNotOpen | Self::NoSuchKey { .. } | Self::Earlier => true,
            Self::NoRandomness | Self::Lost => false,
            Self::Sealer { cause, .. } => cause.is_final(),
        }
    }
}

pub(super) fn seal(
    key: &[u8; SECRET_BYTES],
    name: &str,
    secret: &[u8],
) -> Result<Sealed, SealError> {
    encrypt(key, name.as_bytes(), secret).map(Sealed)
}

pub(super) fn open(
    key: &[u8; SECRET_BYTES],
    name: &str,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    decrypt(key, name.as_bytes(), &sealed.0)
}

/// Nonce, then ciphertext with its tag.
pub(super) fn encrypt(
    key: &[u8; SECRET_BYTES],
    authenticated: &[u8],
    secret: &[u8],
) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0_u8; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    let payload = Payload {
        msg: secret,
        aad: authenticated,
    };
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| SealError::DoesNotOpen)?;
    let mut bytes = nonce.to_vec();
    bytes.extend_from_slice(&ciphertext);
    Ok(bytes)
}

/// Opens what [`encrypt`] made with the same key and beside the same authenticated bytes.
pub(super) fn decrypt(
    key: &[u8; SECRET_BYTES],
    authenticated: &[u8],
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, ciphertext) = bytes
        .split_at_checked(NONCE_BYTES)
        .ok_or(SealError::DoesNotOpen)?;
    let payload = Payload {
        msg: ciphertext,
        aad: authenticated,
    };
    XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| SealError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; SECRET_BYTES] = [7; SECRET_BYTES];

    #[test]
    fn opens_under_the_same_key_and_name_only() {
        let sealed = seal(&KEY, "key-1", b"seed").unwrap();
        assert_eq!(open(&KEY, "key-1", &sealed).unwrap().as_slice(), b"seed");
        assert_eq!(open(&KEY, "key-2", &sealed), Err(SealError::DoesNotOpen));
        assert_eq!(
            open(&[8; SECRET_BYTES], "key-1", &sealed),
            Err(SealError::DoesNotOpen)
        );
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let sealed = seal(&KEY, "key-1", b"seed").unwrap();
        for at in 0..sealed.0.len() * 8 {
            let mut bytes = sealed.0.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert_eq!(
                open(&KEY, "key-1", &Sealed(bytes)),
                Err(SealError::DoesNotOpen),
                "bit {at}"
            );
        }
    }

    #[test]
    fn a_cut_tail_is_refused() {
        let sealed = seal(&KEY, "key-1", b"seed").unwrap();
        for length in 0..sealed.0.len() {
            let cut = Sealed(sealed.0[..length].to_vec());
            assert_eq!(
                open(&KEY, "key-1", &cut),
                Err(SealError::DoesNotOpen),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn the_nonce_is_never_the_same() {
        assert_ne!(
            seal(&KEY, "k", b"seed").unwrap(),
            seal(&KEY, "k", b"seed").unwrap()
        );
    }
}
