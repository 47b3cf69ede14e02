//! A private key that signs where it lives.

use edgeward_core::{
    keys::Jwk,
    signature::Algorithm,
    token::{SignError, TokenType, UnsignedToken},
};
use serde::Serialize;

use super::SealerError;

/// The length of a signature of EdDSA with Ed25519 (RFC 8032) and of ES256 (RFC 7518 section 3.4).
pub const SIGNATURE_BYTES: usize = 64;

/// A signature in the form that tokens carry.
pub type Signature = [u8; SIGNATURE_BYTES];

/// What is public about a key.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    /// Names it to operators: `kind:name`.
    pub key_name: String,
    /// What it signs by.
    pub algorithm: Algorithm,
    /// The public half. Its `kid` is its RFC 7638 thumbprint.
    pub public: Jwk,
}

/// Signs with a private key that need not be in this process.
pub trait Signer: Send + Sync {
    /// What is public about the key.
    fn info(&self) -> &KeyInfo;

    /// Signs.
    ///
    /// # Errors
    /// [`SealerError`].
    fn sign(&self, message: &[u8]) -> Result<Signature, SealerError>;
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum SignTokenError {
    /// The claims make no token.
    #[error(transparent)]
    Claims(#[from] SignError),
    /// Whoever holds the key did not sign.
    #[error("the signing key {key_name} {cause}")]
    Signer {
        /// The name of the key.
        key_name: String,
        /// Why.
        cause: SealerError,
    },
    /// The library gave no signature, or its thread was lost.
    #[error("the signing key gave no signature")]
    Lost,
}

/// A compact JWS over `claims`, signed where the key lives.
///
/// # Errors
/// [`SignTokenError`].
pub fn sign_token(
    signer: &dyn Signer,
    token_type: &TokenType,
    claims: &impl Serialize,
) -> Result<String, SignTokenError> {
    let info = signer.info();
    let unsigned = UnsignedToken::new(info.algorithm, info.public.key_id(), token_type, claims)?;
    let signature =
        signer
            .sign(unsigned.signing_input())
            .map_err(|cause| SignTokenError::Signer {
                key_name: info.key_name.clone(),
                cause,
            })?;
    Ok(unsigned.signed(&signature)?)
}
