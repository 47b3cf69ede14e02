//! Private keys that are made in a device, sign there, and never leave it: Ed25519 and P-256.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519 as ED25519_KEYS, UnparsedPublicKey, VerificationAlgorithm,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use cryptoki::{
    mechanism::{
        Mechanism,
        eddsa::{EddsaParams, EddsaSignatureScheme},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use edgeward_core::{keys::Jwk, signature::Algorithm};
use sha2::{Digest, Sha256};

use super::device::{Device, is_lost, one_of, stays, told};
use crate::{
    config::Custody,
    custody::{
        Destroyed, KeyInfo, SealerError, Signature, Signer, access::Accesses, guard::GuardedSigner,
    },
    signatures::named,
};

/// The curve of EdDSA: the object identifier 1.3.101.112 of RFC 8410 in DER.
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// The curve of ES256: 1.2.840.10045.3.1.7 of RFC 5480 in DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// What a key in a device can sign by.
#[derive(Debug, Clone, Copy)]
enum Kind {
    EdDsa,
    Es256,
}

impl Kind {
    const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    fn of(algorithm: Algorithm) -> Result<Self, SealerError> {
        match algorithm {
            Algorithm::EdDsa | Algorithm::Ed25519 => Ok(Self::EdDsa),
            Algorithm::Es256 => Ok(Self::Es256),
            Algorithm::Rs256 => Err(SealerError::Refused(
                "keys in a device sign by EdDSA or ES256".to_owned(),
            )),
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDsa,
            Self::Es256 => Algorithm::Es256,
        }
    }

    const fn key_type(self) -> KeyType {
        match self {
            Self::EdDsa => KeyType::EC_EDWARDS,
            Self::Es256 => KeyType::EC,
        }
    }

    const fn curve(self) -> &'static [u8] {
        match self {
            Self::EdDsa => ED25519,
            Self::Es256 => P256,
        }
    }

    /// The point of what the device tells as CKA_EC_POINT: a DER octet string of it, or the bare point in older modules.
    fn bare(self, told: &[u8]) -> &[u8] {
        let octets: &[u8] = match self {
            Self::EdDsa => &[0x04, 0x20],
            Self::Es256 => &[0x04, 0x41],
        };
        told.strip_prefix(octets).unwrap_or(told)
    }

    fn public(self, point: &[u8]) -> Option<Jwk> {
        let base64 = Base64UrlUnpadded::encode_string;
        let members = match self {
            Self::EdDsa => {
                let x: &[u8; 32] = point.try_into().ok()?;
                format!(
                    r#""kty":"OKP","crv":"Ed25519","x":"{}","use":"sig","alg":"EdDSA""#,
                    base64(x)
                )
            }
            Self::Es256 => {
                let (x, y) = point.strip_prefix(&[0x04])?.split_at_checked(32)?;
                format!(
                    r#""kty":"EC","crv":"P-256","x":"{}","y":"{}","use":"sig","alg":"ES256""#,
                    base64(x),
                    base64(y)
                )
            }
        };
        named(&members).ok()
    }

    /// Whether the key of this point made the signature.
    fn verifies(self, point: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let by: &'static dyn VerificationAlgorithm = match self {
            Self::EdDsa => &ED25519_KEYS,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
        };
        UnparsedPublicKey::new(by, point)
            .verify(message, signature)
            .is_ok()
    }
}

/// Makes a pair of keys in the device, if it has none of this label, and gives the public half.
///
/// # Errors
/// [`SealerError`], also where the device has one of this label.
pub fn make_signing_key(
    custody: &Custody,
    label: &str,
    algorithm: Algorithm,
) -> Result<Jwk, SealerError> {
    let kind = Kind::of(algorithm)?;
    let device = Device::open_to_write(settings(custody)?)?;
    let session = device.session();
    if one_of(session, &wanted(ObjectClass::PRIVATE_KEY, label), label)?.is_some() {
        return Err(SealerError::Refused(format!(
            "the token has a key with the label {label} already"
        )));
    }
    let label_bytes = label.as_bytes().to_vec();
    let public = [
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::Label(label_bytes.clone()),
        Attribute::Id(label_bytes.clone()),
        Attribute::EcParams(kind.curve().to_vec()),
    ];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Derive(false),
        Attribute::Label(label_bytes.clone()),
        Attribute::Id(label_bytes),
    ];
    let mechanism = match kind {
        Kind::EdDsa => Mechanism::EccEdwardsKeyPairGen,
        Kind::Es256 => Mechanism::EccKeyPairGen,
    };
    session
        .generate_key_pair(&mechanism, &public, &private)
        .map_err(|error| told(&error))?;
    find(&device, label).map(|found| found.public)
}

/// Destroys both halves of a pair of keys in the device, if the public one is this one. Waits.
pub(in crate::custody) fn destroy_signing_key(
    custody: &Custody,
    label: &str,
    key_id: &str,
) -> Result<Destroyed, SealerError> {
    let device = Device::open_to_write(settings(custody)?)?;
    let session = device.session();
    let half = |class| one_of(session, &wanted(class, label), label);
    let (private, public) = (
        half(ObjectClass::PRIVATE_KEY)?,
        half(ObjectClass::PUBLIC_KEY)?,
    );
    let Some(public) = public else {
        return match private {
            None => Ok(Destroyed::WasGone),
            Some(_) => Err(SealerError::Refused(format!(
                "the token has a private key with the label {label} and no public one, which would tell whose it is"
            ))),
        };
    };
    let (_, found) = point_of(session, public, label)?;
    if found.key_id() != key_id {
        return Err(SealerError::Refused(format!(
            "the token has another key with the label {label}"
        )));
    }
    // The public half tells whose the private one is, so it goes last: whoever is stopped in between may begin anew.
    for half in private.into_iter().chain([public]) {
        session.destroy_object(half).map_err(|error| told(&error))?;
    }
    Ok(Destroyed::Now)
}

/// The signer of a key in the device that the settings name, with a time limit and a breaker. The device is asked when something is to
/// be signed, and for the public half first: it has to be this one.
pub(in crate::custody) fn known_signer(
    custody: &Custody,
    label: &str,
    algorithm: Algorithm,
    public: Jwk,
    accesses: &Arc<Accesses>,
) -> Result<Box<dyn Signer>, SealerError> {
    let kind = Kind::of(algorithm)?;
    let signer = Pkcs11Signer {
        info: KeyInfo {
            key_name: format!("pkcs11:{label}"),
            algorithm: kind.algorithm(),
            public,
        },
        kind,
        label: label.to_owned(),
        settings: settings(custody)?.clone(),
        open: Mutex::new(None),
    };
    let guarded = GuardedSigner::new(Box::new(signer), custody.timeout, Arc::clone(accesses));
    match guarded {
        Ok(guarded) => Ok(Box::new(guarded)),
        Err(error) => Err(SealerError::Unreachable(error.to_string())),
    }
}

fn settings(custody: &Custody) -> Result<&crate::config::Pkcs11, SealerError> {
    let none = || SealerError::NoKey("custody.pkcs11 names no device".to_owned());
    custody.pkcs11.as_ref().ok_or_else(none)
}

/// A key of a device.
struct Found {
    pair: Pair,
    public: Jwk,
}

/// What signs, and the point that its signatures have to be by.
struct Pair {
    key: ObjectHandle,
    point: Vec<u8>,
}

fn wanted(class: ObjectClass, label: &str) -> [Attribute; 2] {
    [
        Attribute::Class(class),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}

fn find(device: &Device, label: &str) -> Result<Found, SealerError> {
    let session = device.session();
    let none = || {
        SealerError::NoKey(format!(
            "the token has no pair of keys with the label {label}"
        ))
    };
    let half = |class| one_of(session, &wanted(class, label), label)?.ok_or_else(none);
    let (key, public) = (
        half(ObjectClass::PRIVATE_KEY)?,
        half(ObjectClass::PUBLIC_KEY)?,
    );
    stays(session, key, label)?;
    let (point, public) = point_of(session, public, label)?;
    let pair = Pair { key, point };
    Ok(Found { pair, public })
}

/// What a public half is.
fn point_of(
    session: &Session,
    public: ObjectHandle,
    label: &str,
) -> Result<(Vec<u8>, Jwk), SealerError> {
    let wanted = [AttributeType::KeyType, AttributeType::EcPoint];
    let told_of_it = session
        .get_attributes(public, &wanted)
        .map_err(|error| told(&error))?;
    let point = told_of_it.iter().find_map(|attribute| {
        if let Attribute::EcPoint(point) = attribute {
            Some(point.as_slice())
        } else {
            None
        }
    });
    let mut kinds = Kind::ALL.into_iter();
    let kind = kinds.find(|kind| told_of_it.contains(&Attribute::KeyType(kind.key_type())));
    let public = kind.zip(point).and_then(|(kind, point)| {
        let point = kind.bare(point);
        let public = kind.public(point)?;
        Some((point.to_vec(), public))
    });
    public
        .ok_or_else(|| SealerError::Refused(format!("the key {label} is none of Ed25519 or P-256")))
}

/// Signs in the device.
struct Pkcs11Signer {
    info: KeyInfo,
    kind: Kind,
    label: String,
    settings: crate::config::Pkcs11,
    open: Mutex<Option<(Device, Pair)>>,
}

impl Pkcs11Signer {
    fn reopened(&self) -> Result<(Device, Pair), SealerError> {
        let device = Device::open(&self.settings)?;
        let found = find(&device, &self.label)?;
        if found.public.key_id() == self.info.public.key_id() {
            Ok((device, found.pair))
        } else {
            Err(SealerError::NoKey(format!(
                "the token has another key with the label {} than before",
                self.label
            )))
        }
    }

    fn sign_on(
        &self,
        device: &Device,
        pair: &Pair,
        message: &[u8],
    ) -> cryptoki::error::Result<(Vec<u8>, bool)> {
        let key = pair.key;
        let signature = match self.kind {
            Kind::EdDsa => {
                let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
                device.session().sign(&pure, key, message)
            }
            // Not every module hashes by itself; all of them sign a digest.
            Kind::Es256 => device
                .session()
                .sign(&Mechanism::Ecdsa, key, &Sha256::digest(message)),
        }?;
        let is_good = self.kind.verifies(&pair.point, message, &signature);
        Ok((signature, is_good))
    }
}

impl Signer for Pkcs11Signer {
    fn info(&self) -> &KeyInfo {
        &self.info
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SealerError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let first = open
            .as_ref()
            .map(|(device, pair)| self.sign_on(device, pair, message));
        let signature = first.filter(|signed| !matches!(signed, Err(error) if is_lost(error)));
        if signature.is_none() {
            // The device has ended the session, or none was open.
            *open = None;
        }
        let signature = match signature {
            Some(signature) => signature,
            None => {
                let (device, pair) = open.insert(self.reopened()?);
                self.sign_on(device, pair, message)
            }
        };
        let (signature, is_good) = signature.map_err(|error| told(&error))?;
        // The halves are told apart by nothing but their label. A token by another key would be refused everywhere, and nobody would
        // see why.
        if !is_good {
            return Err(SealerError::NoKey(format!(
                "the pair of keys with the label {} does not belong together",
                self.label
            )));
        }
        <Signature>::try_from(signature.as_slice())
            .map_err(|_| SealerError::Unreachable("a signature has another length".to_owned()))
    }
}
