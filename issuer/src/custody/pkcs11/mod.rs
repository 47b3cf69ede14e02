//! A key-encryption key in a device that is spoken to through a PKCS#11 module.
//!
//! The AES key is made in the device and never leaves it; the device wraps data keys with AES-GCM. Keys that the device would
//! give away are refused.

mod device;
mod signing;

use std::sync::{Mutex, PoisonError};

use cryptoki::{
    mechanism::{Mechanism, aead::GcmParams},
    object::ObjectHandle,
    session::Session,
};
use zeroize::Zeroizing;

use self::device::{Device, is_lost, told};
use super::{DataKey, Sealer, SealerError, local::data_key, sealer::bound_to};
use crate::config::{Pkcs11, SecretText};

pub use device::{MadeKey, make_key};
pub use signing::make_signing_key;
pub(super) use signing::{destroy_signing_key, known_signer};

/// What is encrypted to see whether the device still does its work, bound to nothing that has a name.
const TRIAL: &[u8] = b"edgeward-trial";
/// The nonce of AES-GCM. It is drawn at random: a key of an issuer wraps some data keys in its life, and 2^32 are the bound
/// of NIST SP 800-38D for random ones.
const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;

/// Speaks to the device. Opens it when it is first asked.
pub(super) struct Pkcs11Sealer {
    key_name: String,
    settings: Pkcs11,
    label: String,
    open: Mutex<Option<Opened>>,
}

/// A key on a device, and the session it is used in.
struct Opened {
    key: ObjectHandle,
    device: Device,
}

impl Pkcs11Sealer {
    pub(super) fn new(settings: &Pkcs11, label: &str) -> Self {
        Self {
            key_name: format!("pkcs11:{label}"),
            settings: settings.clone(),
            label: label.to_owned(),
            open: Mutex::new(None),
        }
    }

    fn open(&self) -> Result<Opened, SealerError> {
        let device = Device::open(&self.settings)?;
        let key = device.find_key(&self.label)?;
        Ok(Opened { key, device })
    }

    /// Does it in the session that is open, or in a new one where the device has ended that.
    fn act<T>(
        &self,
        act: impl Fn(&Session, ObjectHandle) -> cryptoki::error::Result<T>,
    ) -> Result<T, SealerError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Opened { key, device }) = &*open {
            match act(device.session(), *key) {
                Err(error) if is_lost(&error) => *open = None,
                outcome => return outcome.map_err(|error| told(&error)),
            }
        }
        let opened = open.insert(self.open()?);
        let outcome = act(opened.device.session(), opened.key);
        if matches!(&outcome, Err(error) if is_lost(error)) {
            *open = None;
        }
        outcome.map_err(|error| told(&error))
    }

    fn encrypt(&self, bound: &[u8], data: &[u8]) -> Result<Vec<u8>, SealerError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealerError::NoRandomness)?;
        let ciphertext = self.act(|session, key| {
            let mut nonce = nonce;
            let gcm = GcmParams::new(&mut nonce, bound, TAG_BITS.into())?;
            session.encrypt(&Mechanism::AesGcm(gcm), key, data)
        })?;
        Ok([&nonce[..], &ciphertext].concat())
    }
}

impl Sealer for Pkcs11Sealer {
    fn key_name(&self) -> &str {
        &self.key_name
    }

    fn wrap(&self, purpose: &str, key: &DataKey) -> Result<Vec<u8>, SealerError> {
        self.encrypt(&bound_to(purpose), key.as_slice())
    }

    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        let bound = bound_to(purpose);
        let (nonce, ciphertext) = wrapped
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealerError::DoesNotOpen)?;
        let opened = self.act(|session, key| {
            let mut nonce = *nonce;
            let gcm = GcmParams::new(&mut nonce, &bound, TAG_BITS.into())?;
            session.decrypt(&Mechanism::AesGcm(gcm), key, ciphertext)
        });
        match opened.map(Zeroizing::new) {
            Ok(opened) => data_key(&opened),
            // Modules have many ways to say that a tag is wrong, and "general error" is one. A device that still encrypts has
            // refused the data and not its work.
            Err(SealerError::Unreachable(_)) if self.encrypt(TRIAL, TRIAL).is_ok() => {
                Err(SealerError::DoesNotOpen)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// The PIN as the module takes it.
fn pin(text: &SecretText) -> cryptoki::types::AuthPin {
    cryptoki::types::AuthPin::new(text.reveal().into())
}
