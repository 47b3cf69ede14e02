//! Why a key set was refused: the closed list, one variant for each rule.

use core::fmt;

use crate::json::JsonFault;

/// Why a key set was refused as a whole. A set with one bad key is not trusted in the others: whoever publishes it made a
/// mistake with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySetError {
    /// Longer than [`MAX_KEY_SET_BYTES`](super::MAX_KEY_SET_BYTES).
    TooLarge,
    /// Not valid UTF-8.
    NotUtf8,
    /// Begins with a byte order mark.
    ByteOrderMark,
    /// Not valid JSON; an HTML error page for example.
    NotJson,
    /// Not a JSON object at the top, or a key that is not one.
    NotAnObject,
    /// An object names a member twice.
    DuplicateMember,
    /// An object has a member that pollutes prototypes.
    ForbiddenMember,
    /// Nested more deeply than any key set.
    TooDeep,
    /// An object has more members than any key.
    TooManyMembers,
    /// No array `keys`.
    KeysMissing,
    /// More entries than [`MAX_KEYS`](super::MAX_KEYS).
    TooManyKeys,
    /// A symmetric key: whoever can read it can sign with it.
    SymmetricKey,
    /// A private key: whoever published it has lost it.
    PrivateKey,
    /// An entry without a string `kty`, or with a member of the wrong type.
    KeyMalformed,
    /// A `kid` that no acceptable token can carry.
    KeyIdMalformed,
    /// Two entries with one `kid`.
    DuplicateKeyId,
    /// The `alg` contradicts the key's type.
    AlgorithmMismatch,
    /// A number of the key is missing, is not canonical base64url, or has an impossible length or value.
    PublicKeyMalformed,
    /// Anybody could sign for it, or nobody should rely on it: an Ed25519 key that is not a point of the curve in canonical
    /// form or is of small order, an RSA key outside 2048 to 8192 bits or with an exponent outside 65537 to 2^33.
    WeakPublicKey,
    /// The `edgeward_typ` is not a token type.
    RestrictionMalformed,
    /// Not one PEM block `PUBLIC KEY`.
    NotPem,
    /// A PEM key of another kind than Ed25519, P-256 and RSA.
    UnsupportedKey,
}

impl KeySetError {
    /// Every variant.
    pub const ALL: &'static [Self] = &[
        Self::TooLarge,
        Self::NotUtf8,
        Self::ByteOrderMark,
        Self::NotJson,
        Self::NotAnObject,
        Self::DuplicateMember,
        Self::ForbiddenMember,
        Self::TooDeep,
        Self::TooManyMembers,
        Self::KeysMissing,
        Self::TooManyKeys,
        Self::SymmetricKey,
        Self::PrivateKey,
        Self::KeyMalformed,
        Self::KeyIdMalformed,
        Self::DuplicateKeyId,
        Self::AlgorithmMismatch,
        Self::PublicKeyMalformed,
        Self::WeakPublicKey,
        Self::RestrictionMalformed,
        Self::NotPem,
        Self::UnsupportedKey,
    ];

    /// The stable, precise name of the broken rule, in kebab-case.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "key-set-too-large",
            Self::NotUtf8 => "not-utf8",
            Self::ByteOrderMark => "byte-order-mark",
            Self::NotJson => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::DuplicateMember => "duplicate-member",
            Self::ForbiddenMember => "forbidden-member",
            Self::TooDeep => "too-deep",
            Self::TooManyMembers => "too-many-members",
            Self::KeysMissing => "keys-missing",
            Self::TooManyKeys => "too-many-keys",
            Self::SymmetricKey => "symmetric-key",
            Self::PrivateKey => "private-key",
            Self::KeyMalformed => "key-malformed",
            Self::KeyIdMalformed => "kid-malformed",
            Self::DuplicateKeyId => "duplicate-kid",
            Self::AlgorithmMismatch => "alg-key-mismatch",
            Self::PublicKeyMalformed => "public-key-malformed",
            Self::WeakPublicKey => "weak-public-key",
            Self::RestrictionMalformed => "edgeward-typ-malformed",
            Self::NotPem => "not-pem",
            Self::UnsupportedKey => "unsupported-key",
        }
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the key set was refused: {}", self.reason())
    }
}

impl core::error::Error for KeySetError {}

impl From<JsonFault> for KeySetError {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::NotUtf8 => Self::NotUtf8,
            JsonFault::ByteOrderMark => Self::ByteOrderMark,
            JsonFault::NotJson => Self::NotJson,
            JsonFault::NotAnObject => Self::NotAnObject,
            JsonFault::DuplicateMember => Self::DuplicateMember,
            JsonFault::ForbiddenMember => Self::ForbiddenMember,
            JsonFault::TooDeep => Self::TooDeep,
            JsonFault::TooManyMembers => Self::TooManyMembers,
        }
    }
}
