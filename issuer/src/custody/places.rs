//! Where signing keys are that are not in this process: who makes them, and who opens one by its name.

use std::sync::Arc;

use edgeward_core::keys::Jwk;

use super::{SealerError, Signer, access::Accesses};
use crate::{
    config::{Custody, SigningPlace},
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

/// The places that the settings name.
#[derive(Debug)]
pub struct SigningPlaces {
    settings: Custody,
    accesses: Arc<Accesses>,
}

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
            SigningPlace::Pkcs11 => true,
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
        match self.settings.signing {
            SigningPlace::Local => {
                let why = "custody.signing names no place elsewhere".to_owned();
                Err(("local".to_owned(), SealerError::NoKey(why)))
            }
            SigningPlace::Pkcs11 => {
                let label = new_label(algorithm);
                let label = label.map_err(|error| ("pkcs11".to_owned(), error))?;
                let reference = format!("pkcs11:{label}");
                match make_in_device(&self.settings, &label, algorithm) {
                    Ok(public) => Ok(MadeElsewhere { reference, public }),
                    Err(error) => Err((reference, error)),
                }
            }
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
        match reference.split_once(':') {
            Some(("pkcs11", label)) => {
                open_in_device(&self.settings, label, algorithm, public, &self.accesses)
            }
            Some(_) | None => Err(SealerError::NoKey(
                "this program knows no place of that kind".to_owned(),
            )),
        }
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

#[cfg(feature = "hsm")]
fn make_in_device(
    settings: &Custody,
    label: &str,
    algorithm: SigningAlgorithm,
) -> Result<Jwk, SealerError> {
    use std::sync::mpsc;

    let (settings, label) = (settings.clone(), label.to_owned());
    let timeout = settings.timeout;
    let (answer, answered) = mpsc::channel();
    // A device that hangs keeps this thread and nobody else.
    let started = std::thread::Builder::new()
        .name("custody".to_owned())
        .spawn(move || {
            let made = super::make_signing_key(&settings, &label, algorithm.in_header());
            // Who asked may have given up; the key stays in the device, and nothing is signed with it.
            drop(answer.send(made));
        });
    started.map_err(|error| SealerError::Unreachable(error.to_string()))?;
    answered
        .recv_timeout(timeout)
        .unwrap_or_else(|_| Err(SealerError::Slow(timeout.as_millis())))
}

#[cfg(feature = "hsm")]
fn open_in_device(
    settings: &Custody,
    label: &str,
    algorithm: SigningAlgorithm,
    public: Jwk,
    accesses: &Arc<Accesses>,
) -> Result<Box<dyn Signer>, SealerError> {
    super::pkcs11::known_signer(settings, label, algorithm.in_header(), public, accesses)
}

/// Settings that name a module were refused when they were read.
#[cfg(not(feature = "hsm"))]
fn make_in_device(_: &Custody, _: &str, _: SigningAlgorithm) -> Result<Jwk, SealerError> {
    Err(SealerError::Unreachable(WITHOUT.to_owned()))
}

#[cfg(not(feature = "hsm"))]
fn open_in_device(
    _: &Custody,
    _: &str,
    _: SigningAlgorithm,
    _: Jwk,
    _: &Arc<Accesses>,
) -> Result<Box<dyn Signer>, SealerError> {
    Err(SealerError::Unreachable(WITHOUT.to_owned()))
}

#[cfg(not(feature = "hsm"))]
const WITHOUT: &str = "this program was built without the feature `hsm`";
