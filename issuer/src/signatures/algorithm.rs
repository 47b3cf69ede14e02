//! What the issuer's own keys sign by.

use std::fmt;

use edgeward_core::signature::Algorithm;

/// What a key of the issuer signs by. Each has a keyring of its own, and a key signs by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037). Always in use: what edges are told is signed by it.
    #[default]
    EdDsa,
    /// ECDSA over P-256 with SHA-256 (RFC 7518 section 3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3), for clients that can do nothing else.
    Rs256,
}

impl SigningAlgorithm {
    /// Every algorithm, the one that is always in use first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The name in a header, in the configuration and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.in_header().name()
    }

    /// The algorithm of this exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The same among all that a header may name.
    #[must_use]
    pub const fn in_header(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDsa,
            Self::Es256 => Algorithm::Es256,
            Self::Rs256 => Algorithm::Rs256,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
