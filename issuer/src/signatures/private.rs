//! Private keys that sign in this process: how they are made, kept and used.
//!
//! What is kept of an Ed25519 key is its seed; of the others it is PKCS#8 in DER, as aws-lc writes it. Either is sealed before it
//! leaves the memory, and wiped when it is dropped.

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::{
    keys::Jwk,
    token::{SigningKey, UnsignedToken},
};
use zeroize::Zeroizing;

use super::SigningAlgorithm;

/// The size of RSA keys that are made here. 3072 bits are worth the 128 bits of the other two algorithms (NIST SP 800-57
/// part 1, table 2), so that the choice of an algorithm is none of strength; 2048 are worth 112, which NIST ends with 2030.
const RSA_SIZE: KeySize = KeySize::Rsa3072;

/// The largest RSA modulus of an imported key in bytes. Because the time of a signature grows with the cube of its length, and
/// each sign-in and refresh waits for one; 4096 bits are what operators have.
const RSA_MODULUS_MAX: usize = 512;

/// A private key as it is kept: an Ed25519 seed, or PKCS#8 in DER. Wiped when dropped.
pub type KeyMaterial = Zeroizing<Vec<u8>>;

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no private key of the algorithm, or a key that nobody should use.
    #[error("the bytes are no key of this algorithm")]
    Unfit,
    /// The machine gave no randomness, or no key.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

/// A private key that signs in this process.
pub enum PrivateKey {
    /// Ed25519.
    EdDsa(SigningKey),
    /// P-256.
    Es256 {
        /// Both halves.
        pair: EcdsaKeyPair,
        /// The public half.
        public: Jwk,
    },
    /// RSA.
    Rs256 {
        /// Both halves.
        pair: RsaKeyPair,
        /// The public half.
        public: Jwk,
    },
}

/// Makes a key. That of RS256 takes as long as it takes to find two primes: not where others wait.
///
/// # Errors
/// [`KeyError::NoRandomness`].
pub fn make(algorithm: SigningAlgorithm) -> Result<KeyMaterial, KeyError> {
    let nothing = |_| KeyError::NoRandomness;
    Ok(match algorithm {
        SigningAlgorithm::EdDsa => {
            let mut seed = Zeroizing::new(vec![0_u8; 32]);
            getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::NoRandomness)?;
            seed
        }
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
            pair.and_then(|pair| ec_material(&pair)).map_err(nothing)?
        }
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::generate(RSA_SIZE);
            pair.and_then(|pair| rsa_material(&pair)).map_err(nothing)?
        }
    })
}

/// What is kept of a key that came as PKCS#8: written anew, so that nothing of the file but the key is kept.
///
/// # Errors
/// [`KeyError::Unfit`].
pub fn material_of_pkcs8(algorithm: SigningAlgorithm, der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let unfit = |_| KeyError::Unfit;
    // The library does not look behind the key.
    if !der_value(der, 0x30).is_some_and(|(_, after)| after.is_empty()) {
        return Err(KeyError::Unfit);
    }
    match algorithm {
        // Its form is fixed, and whoever reads it knows the seed already.
        SigningAlgorithm::EdDsa => Err(KeyError::Unfit),
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
            ec_material(&pair.map_err(|_| KeyError::Unfit)?).map_err(unfit)
        }
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Unfit)?;
            if pair.public_modulus_len() > RSA_MODULUS_MAX {
                return Err(KeyError::Unfit);
            }
            rsa_material(&pair).map_err(unfit)
        }
    }
}

fn ec_material(pair: &EcdsaKeyPair) -> Result<KeyMaterial, aws_lc_rs::error::Unspecified> {
    let der = pair.to_pkcs8v1()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn rsa_material(pair: &RsaKeyPair) -> Result<KeyMaterial, aws_lc_rs::error::Unspecified> {
    let der = pair.as_der()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

impl PrivateKey {
    /// Opens what [`make`] made.
    ///
    /// # Errors
    /// [`KeyError::Unfit`].
    pub fn open(algorithm: SigningAlgorithm, material: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            SigningAlgorithm::EdDsa => {
                let seed: [u8; 32] = material.try_into().map_err(|_| KeyError::Unfit)?;
                let key = SigningKey::from_seed(&Zeroizing::new(seed));
                key.map(Self::EdDsa).map_err(|_| KeyError::Unfit)
            }
            SigningAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, material)
                    .map_err(|_| KeyError::Unfit)?;
                let point = pair.public_key().as_ref().strip_prefix(&[4]);
                let (x, y) = point
                    .and_then(|point| point.split_at_checked(32))
                    .ok_or(KeyError::Unfit)?;
                let public = named(&format!(
                    r#""kty":"EC","crv":"P-256","x":"{}","y":"{}","use":"sig","alg":"ES256""#,
                    base64(x),
                    base64(y)
                ))?;
                Ok(Self::Es256 { pair, public })
            }
            SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(material).map_err(|_| KeyError::Unfit)?;
                let (n, e) = rsa_numbers(pair.public_key().as_ref()).ok_or(KeyError::Unfit)?;
                let public = named(&format!(
                    r#""kty":"RSA","n":"{}","e":"{}","use":"sig","alg":"RS256""#,
                    base64(n),
                    base64(e)
                ))?;
                Ok(Self::Rs256 { pair, public })
            }
        }
    }

    /// What it signs by.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::EdDsa(_) => SigningAlgorithm::EdDsa,
            Self::Es256 { .. } => SigningAlgorithm::Es256,
            Self::Rs256 { .. } => SigningAlgorithm::Rs256,
        }
    }

    /// The public half, named by its RFC 7638 thumbprint and labelled with the algorithm.
    #[must_use]
    pub fn public_jwk(&self) -> Jwk {
        match self {
            Self::EdDsa(key) => key.public_jwk(),
            Self::Es256 { public, .. } | Self::Rs256 { public, .. } => public.clone(),
        }
    }

    /// The `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        match self {
            Self::EdDsa(key) => key.key_id(),
            Self::Es256 { public, .. } | Self::Rs256 { public, .. } => public.key_id(),
        }
    }

    /// A signature in the form that tokens carry; `None` where the library gave none, for want of memory for example.
    #[must_use]
    pub fn sign(&self, token: &UnsignedToken) -> Option<Vec<u8>> {
        let (message, rng) = (token.signing_input(), SystemRandom::new());
        match self {
            Self::EdDsa(key) => Some(key.sign_unsigned(token).to_vec()),
            Self::Es256 { pair, .. } => {
                let signature = pair.sign(&rng, message).ok()?;
                Some(signature.as_ref().to_vec())
            }
            Self::Rs256 { pair, .. } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature)
                    .ok()?;
                Some(signature)
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm())
            .field("key_id", &self.key_id())
            .field("private", &"[redacted]")
            .finish()
    }
}

/// The key of these members, named by its thumbprint.
pub(crate) fn named(members: &str) -> Result<Jwk, KeyError> {
    let unnamed = Jwk::parse(format!("{{{members}}}").as_bytes()).map_err(|_| KeyError::Unfit)?;
    let kid = unnamed.thumbprint();
    let named = format!(r#"{{{members},"kid":"{kid}"}}"#);
    Jwk::parse(named.as_bytes()).map_err(|_| KeyError::Unfit)
}

fn base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Modulus and exponent of a public key in the form of RFC 8017 appendix A.1.1, which aws-lc writes: a sequence of two
/// positive integers.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, after) = der_value(der, 0x30)?;
    let (n, rest) = der_value(sequence, 0x02)?;
    let (e, rest) = der_value(rest, 0x02)?;
    if !after.is_empty() || !rest.is_empty() {
        return None;
    }
    let positive = |number: &'_ [u8]| -> usize { usize::from(number.first() == Some(&0)) };
    Some((n.get(positive(n)..)?, e.get(positive(e)..)?))
}

/// The content of the first value, which has this tag, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
