//! Where signing keys are that are not in this process: who makes them, who opens one by its name, and who destroys it.

use std::sync::Arc;

use edgeward_core::keys::Jwk;

use super::{
    SealerError, Signer,
    access::{Accesses, Act},
    apart::apart,
};
use crate::{
    config::{Custody, KmsKey, SigningPlace},
    signatures::SigningAlgorithm,
};

/// A key that was just made where it signs.
#[derive(Debug, Clone)]
pub struct MadeElsewhere {
    /// Names it in the store: `kind:name`.
    pub reference: String,
    /// The public half, named by its RFC 7638 thumbprint.
    pub public: Jwk,
}

/// What became of a key that is to be no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroyed {
    /// It is gone from a device, or KMS was told to delete it.
    Now,
    /// It was not there any more, or KMS had been told before.
    WasGone,
}

/// The places that the settings name.
#[derive(Debug)]
pub struct SigningPlaces {
    settings: Custody,
    accesses: Arc<Accesses>,
}

/// The name of a key in one of them.
enum Reference<'a> {
    /// The label of a key in the device.
    Device(&'a str),
    /// The ARN of a key in KMS.
    Kms(KmsKey),
}

impl<'a> Reference<'a> {
    fn parse(reference: &'a str) -> Result<Self, SealerError> {
        match reference.split_once(':') {
            Some(("pkcs11", label)) => Ok(Self::Device(label)),
            Some(("kms", arn)) => KmsKey::parse(arn)
                .map(Self::Kms)
                .map_err(|why| SealerError::NoKey(format!("its name {why}"))),
            Some(_) | None => Err(SealerError::NoKey(
                "this program knows no place of that kind".to_owned(),
            )),
        }
    }
}

/// What is signed to show that a key is there. It has no points, so it is no token.
const VOUCHED: &[u8] = b"edgeward-vouch-1";

impl SigningPlaces {
    pub(super) fn new(settings: &Custody, accesses: &Arc<Accesses>) -> Self {
        Self {
            settings: settings.clone(),
            accesses: Arc::clone(accesses),
        }
    }

    /// Whether new keys are made elsewhere.
    #[must_use]
    pub fn makes_keys(&self) -> bool {
        match self.settings.signing {
            SigningPlace::Local => false,
            SigningPlace::Pkcs11 | SigningPlace::Kms => true,
        }
    }

    /// Makes a key. It may take as long as whoever makes it pleases, up to the time limit of the settings.
    ///
    /// # Errors
    /// The name that the key was to have, and why there is none.
    pub fn make(
        &self,
        algorithm: SigningAlgorithm,
    ) -> Result<MadeElsewhere, (String, SealerError)> {
        let (name, make): (String, Make) = match self.settings.signing {
            SigningPlace::Local => {
                let why = "custody.signing names no place elsewhere".to_owned();
                return Err(("local".to_owned(), SealerError::NoKey(why)));
            }
            SigningPlace::Pkcs11 => {
                let label = new_label(algorithm);
                let label = label.map_err(|error| ("pkcs11".to_owned(), error))?;
                let name = format!("pkcs11:{label}");
                let make: Make =
                    Box::new(move |settings| make_in_device(settings, &label, algorithm));
                (name, make)
            }
            SigningPlace::Kms => {
                let make: Make = Box::new(move |settings| make_in_kms(settings, algorithm));
                ("kms:a new key".to_owned(), make)
            }
        };
        let accesses = Arc::clone(&self.accesses);
        let too_late = move |settings: &Custody, made| forget(settings, &accesses, &made);
        let made = apart(&self.settings, make, too_late);
        match &made {
            Ok(made) => {
                let key_id = made.public.key_id();
                self.accesses.note(&made.reference, Act::Make, key_id, None);
            }
            Err(error) => self
                .accesses
                .note(&name, Act::Make, algorithm.name(), Some(error)),
        }
        made.map_err(|error| (name, error))
    }

    /// Has whoever holds a key sign something that is no token, which shows that the key is there and is the one of the public half.
    /// Only a device vouches: nobody else puts keys into it, while anybody with an account there has keys in a cloud.
    ///
    /// # Errors
    /// [`SealerError`].
    pub fn vouch(
        &self,
        reference: &str,
        algorithm: SigningAlgorithm,
        public: Jwk,
    ) -> Result<(), SealerError> {
        match Reference::parse(reference)? {
            // A signature is verified by the public half before it is handed out.
            Reference::Device(_) => self
                .open(reference, algorithm, public)?
                .sign(VOUCHED)
                .map(drop),
            Reference::Kms(_) => Err(SealerError::Refused(
                "only a device vouches for a row without a proof".to_owned(),
            )),
        }
    }

    /// Makes ready to ask whoever holds a key. Nobody is asked yet, so this does not fail for an outage.
    ///
    /// # Errors
    /// When the settings name nobody who holds keys of this kind.
    pub fn open(
        &self,
        reference: &str,
        algorithm: SigningAlgorithm,
        public: Jwk,
    ) -> Result<Box<dyn Signer>, SealerError> {
        match Reference::parse(reference)? {
            Reference::Device(label) => {
                open_in_device(&self.settings, label, algorithm, public, &self.accesses)
            }
            Reference::Kms(key) => {
                open_in_kms(&self.settings, &key, algorithm, public, &self.accesses)
            }
        }
    }

    /// Destroys a key: in a device for good, and only if it is the one of this id; in KMS by its name, after thirty days. It may take up to
    /// the time limit of the settings.
    ///
    /// # Errors
    /// [`SealerError`]; whether it is destroyed is not known when there was no answer.
    pub fn destroy(&self, reference: &str, key_id: &str) -> Result<Destroyed, SealerError> {
        let (asked, named) = (reference.to_owned(), key_id.to_owned());
        let act = move |settings: &Custody| destroy(settings, &asked, &named);
        let destroyed = apart(&self.settings, act, |_, _| {});
        self.accesses
            .noted(reference, Act::Destroy, key_id, destroyed)
    }
}

type Make = Box<dyn FnOnce(&Custody) -> Result<MadeElsewhere, SealerError> + Send>;

/// Whoever asked for it has given up, and nothing will ever be signed with it.
fn forget(settings: &Custody, accesses: &Accesses, made: &MadeElsewhere) {
    let (reference, key_id) = (&made.reference, made.public.key_id());
    let destroyed = destroy(settings, reference, key_id);
    if let Err(error) = accesses.noted(reference, Act::Destroy, key_id, destroyed) {
        tracing::warn!(key = reference, detail = %error, "a key that was made too late is left where it was made");
    }
}

fn destroy(settings: &Custody, reference: &str, key_id: &str) -> Result<Destroyed, SealerError> {
    match Reference::parse(reference)? {
        Reference::Device(label) => destroy_in_device(settings, label, key_id),
        Reference::Kms(key) => destroy_in_kms(settings, &key),
    }
}

/// No two keys have one name, whoever makes them.
fn new_label(algorithm: SigningAlgorithm) -> Result<String, SealerError> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|_| SealerError::NoRandomness)?;
    let kind = algorithm.name().to_ascii_lowercase();
    Ok(format!(
        "edgeward-{kind}-{:016x}",
        u64::from_le_bytes(random)
    ))
}

#[cfg(not(all(feature = "hsm", feature = "kms")))]
fn without<T>(feature: &str) -> Result<T, SealerError> {
    let why = format!("this program was built without the feature `{feature}`");
    Err(SealerError::Unreachable(why))
}

#[cfg(feature = "hsm")]
mod device {
    use super::*;
    use crate::custody::pkcs11;

    pub(super) fn make_in_device(
        settings: &Custody,
        label: &str,
        algorithm: SigningAlgorithm,
    ) -> Result<MadeElsewhere, SealerError> {
        let public = pkcs11::make_signing_key(settings, label, algorithm.in_header())?;
        let reference = format!("pkcs11:{label}");
        Ok(MadeElsewhere { reference, public })
    }

    pub(super) fn open_in_device(
        settings: &Custody,
        label: &str,
        algorithm: SigningAlgorithm,
        public: Jwk,
        accesses: &Arc<Accesses>,
    ) -> Result<Box<dyn Signer>, SealerError> {
        pkcs11::known_signer(settings, label, algorithm.in_header(), public, accesses)
    }

    pub(super) use pkcs11::destroy_signing_key as destroy_in_device;
}

/// Settings that name a module were refused when they were read.
#[cfg(not(feature = "hsm"))]
mod device {
    use super::*;

    pub(super) fn make_in_device(
        _: &Custody,
        _: &str,
        _: SigningAlgorithm,
    ) -> Result<MadeElsewhere, SealerError> {
        without("hsm")
    }

    pub(super) fn open_in_device(
        _: &Custody,
        _: &str,
        _: SigningAlgorithm,
        _: Jwk,
        _: &Arc<Accesses>,
    ) -> Result<Box<dyn Signer>, SealerError> {
        without("hsm")
    }

    pub(super) fn destroy_in_device(
        _: &Custody,
        _: &str,
        _: &str,
    ) -> Result<Destroyed, SealerError> {
        without("hsm")
    }
}

#[cfg(feature = "kms")]
mod cloud {
    use super::*;
    use crate::custody::kms;

    pub(super) fn make_in_kms(
        settings: &Custody,
        algorithm: SigningAlgorithm,
    ) -> Result<MadeElsewhere, SealerError> {
        let (key, public) = kms::make_signing_key(settings, algorithm)?;
        let reference = format!("kms:{key}");
        Ok(MadeElsewhere { reference, public })
    }

    pub(super) use kms::{destroy_signing_key as destroy_in_kms, known_signer as open_in_kms};
}

/// Settings that name a key were refused when they were read.
#[cfg(not(feature = "kms"))]
mod cloud {
    use super::*;

    pub(super) fn make_in_kms(
        _: &Custody,
        _: SigningAlgorithm,
    ) -> Result<MadeElsewhere, SealerError> {
        without("kms")
    }

    pub(super) fn open_in_kms(
        _: &Custody,
        _: &KmsKey,
        _: SigningAlgorithm,
        _: Jwk,
        _: &Arc<Accesses>,
    ) -> Result<Box<dyn Signer>, SealerError> {
        without("kms")
    }

    pub(super) fn destroy_in_kms(_: &Custody, _: &KmsKey) -> Result<Destroyed, SealerError> {
        without("kms")
    }
}

use cloud::{destroy_in_kms, make_in_kms, open_in_kms};
use device::{destroy_in_device, make_in_device, open_in_device};

#[cfg(test)]
mod tests {
    use edgeward_core::token::SigningKey;

    use super::*;
    use crate::config::Config;

    #[test]
    fn what_becomes_of_a_key_that_was_made_too_late_is_noted() {
        let settings = Config::defaults("data".as_ref()).custody;
        let accesses = Accesses::default();
        let made = MadeElsewhere {
            reference: "a safe:key".to_owned(),
            public: SigningKey::from_seed(&[9; 32]).unwrap().public_jwk(),
        };
        forget(&settings, &accesses, &made);
        let noted = accesses.take();
        let [noted] = &noted[..] else {
            panic!("{noted:?}");
        };
        assert_eq!(
            (noted.key_name.as_str(), noted.act, noted.failure),
            ("a safe:key", Act::Destroy, Some("no-key"))
        );
        assert_eq!(noted.purpose, made.public.key_id());
    }
}
