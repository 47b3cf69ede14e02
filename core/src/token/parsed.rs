//! A token taken apart, of which nothing is known to be true.

use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::header::Header;
use super::limits::{MAX_HEADER_BYTES, MAX_TOKEN_BYTES};
use crate::reject::Reject;

/// A well-formed compact JWS (RFC 7515 section 7.1) that nobody has verified.
///
/// It offers hints for finding a key and no claims: the payload is not even read as JSON before the signature is good. Do not decide
/// anything with the hints; call [`verify`](super::verify).
pub struct ParsedToken<'t> {
    signing_input: &'t str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> ParsedToken<'t> {
    /// Takes a token apart strictly: size, three segments, canonical base64url, a header of the accepted form.
    ///
    /// Errors: the [`Reject`] of the first broken rule.
    pub fn parse(token: &'t str) -> Result<Self, Reject> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Reject::TokenTooLarge);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Reject::NotThreeSegments)?;
        let (header, payload) = signing_input
            .split_once('.')
            .ok_or(Reject::NotThreeSegments)?;
        if payload.contains('.') {
            return Err(Reject::NotThreeSegments);
        }
        if header.len() > encoded_len(MAX_HEADER_BYTES) {
            return Err(Reject::HeaderTooLarge);
        }
        let header = decode(header)?;
        let payload = decode(payload)?;
        let signature = decode(signature)?;
        Ok(Self {
            signing_input,
            header: Header::read(&header)?,
            payload,
            signature,
        })
    }

    /// The `kid` that the token claims, if it has one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.header.key_id.as_deref()
    }

    /// The `alg` that the token claims; any string.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.header.algorithm
    }

    /// The `typ` that the token claims, as written; any string.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.header.token_type.as_deref()
    }

    /// What the signature is over (RFC 7515 section 5.2 step 8).
    pub(super) fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(super) fn into_payload_and_signature(self) -> (Vec<u8>, Vec<u8>) {
        (self.payload, self.signature)
    }
}

impl fmt::Debug for ParsedToken<'_> {
    /// Shows no byte of the token: a debug line in a log must not become a credential.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ParsedToken")
            .finish_non_exhaustive()
    }
}

/// Length of `bytes` in base64url without padding.
const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Base64url without padding, canonical: unused bits of the last character must be zero (RFC 4648 section 3.5), so that a
/// token has one spelling.
fn decode(segment: &str) -> Result<Vec<u8>, Reject> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| Reject::NotBase64Url)
}
