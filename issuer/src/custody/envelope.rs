//! The envelope of a sealed secret: which key-encryption key wrapped the data key, the wrapped data key, and the secret under
//! the data key.
//!
//! ```text
//! "edgewrd3"  length of the name (1)  name of the key-encryption key
//!             length of the data key (2, big-endian)  wrapped data key
//!             nonce (24)  ciphertext with its tag
//! ```
//!
//! Everything before the nonce, and what the envelope is bound to, are authenticated with the ciphertext: the name that a secret is
//! sealed for, or a [`Statement`], which is sealed without any secret.

use zeroize::Zeroizing;

use super::{DataKey, SECRET_BYTES, SealError, Sealed, Sealer, SealerError, Statement, seal};

/// What an envelope begins with. What was sealed before there were envelopes begins with a random nonce, which is this once in
/// 2^64 secrets.
const MAGIC: &[u8; 8] = b"edgewrd3";

/// What envelopes of before the first release began with. Their data keys are not wrapped for their row, so that whoever can write to the
/// database could move one to another row: they are not opened.
const EARLIER_MAGIC: &[u8; 8] = b"edgewrd2";

/// An envelope in its parts.
pub(super) struct Envelope<'a> {
    /// The name of the key-encryption key.
    pub(super) key_name: &'a str,
    wrapped: &'a [u8],
    /// Everything before the nonce.
    header: &'a [u8],
    /// Nonce and ciphertext.
    body: &'a [u8],
}

/// What the bytes are.
pub(super) enum Form<'a> {
    /// Sealed directly under a key in memory, by the first release.
    Plain,
    /// An envelope.
    Envelope(Envelope<'a>),
    /// An envelope of before the first release.
    Earlier,
    /// Begins as an envelope and is none.
    Broken,
}

impl<'a> Form<'a> {
    pub(super) fn of(sealed: &'a Sealed) -> Self {
        let bytes = sealed.as_bytes();
        if bytes.starts_with(EARLIER_MAGIC) {
            return Self::Earlier;
        }
        match bytes.strip_prefix(MAGIC) {
            None => Self::Plain,
            Some(rest) => Envelope::parse(bytes, rest).map_or(Self::Broken, Self::Envelope),
        }
    }
}

impl<'a> Envelope<'a> {
    fn parse(bytes: &'a [u8], rest: &'a [u8]) -> Option<Self> {
        let (&length, rest) = rest.split_first()?;
        let (key_name, rest) = rest.split_at_checked(usize::from(length))?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (wrapped, body) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let header = bytes.get(..bytes.len().checked_sub(body.len())?)?;
        let key_name = std::str::from_utf8(key_name).ok()?;
        // The name is printed in messages.
        let printable = key_name.bytes().all(|byte| byte.is_ascii_graphic());
        printable.then_some(Self {
            key_name,
            wrapped,
            header,
            body,
        })
    }

    /// Opens it with the sealer that holds its key.
    pub(super) fn open(
        &self,
        sealer: &dyn Sealer,
        bound: Bound<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let data_key = sealer
            .unwrap(bound.name(), self.wrapped)
            .map_err(|cause| of_sealer(sealer, cause))?;
        seal::decrypt(&data_key, &authenticated(self.header, bound), self.body)
    }
}

/// What an envelope is bound to: it opens for nothing else.
#[derive(Clone, Copy)]
pub(super) enum Bound<'a> {
    /// A secret of this name.
    Name(&'a str),
    /// What is stated about the thing of this name.
    Statement(&'a str, &'a Statement),
}

impl Bound<'_> {
    /// What whoever holds the key-encryption key is told that it is for.
    const fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Statement(name, _) => name,
        }
    }

    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Name(name) => name.as_bytes(),
            Self::Statement(_, statement) => statement.as_bytes(),
        }
    }
}

/// Seals under a fresh data key.
pub(super) fn seal_in(
    sealer: &dyn Sealer,
    bound: Bound<'_>,
    secret: &[u8],
) -> Result<Sealed, SealError> {
    let mut data_key: DataKey = Zeroizing::new([0_u8; SECRET_BYTES]);
    getrandom::fill(data_key.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
    let wrapped = sealer
        .wrap(bound.name(), &data_key)
        .map_err(|cause| of_sealer(sealer, cause))?;
    let key_name = sealer.key_name().as_bytes();
    let too_long = |_| {
        let cause = SealerError::Refused("its name or what it wraps is too long".to_owned());
        of_sealer(sealer, cause)
    };
    let mut bytes = MAGIC.to_vec();
    bytes.push(u8::try_from(key_name.len()).map_err(too_long)?);
    bytes.extend_from_slice(key_name);
    bytes.extend_from_slice(
        &u16::try_from(wrapped.len())
            .map_err(too_long)?
            .to_be_bytes(),
    );
    bytes.extend_from_slice(&wrapped);
    let body = seal::encrypt(&data_key, &authenticated(&bytes, bound), secret)?;
    bytes.extend_from_slice(&body);
    Ok(Sealed::from_bytes(bytes))
}

/// The header ends where its lengths say, so the two parts cannot be told in another way.
fn authenticated(header: &[u8], bound: Bound<'_>) -> Vec<u8> {
    [header, bound.bytes()].concat()
}

fn of_sealer(sealer: &dyn Sealer, cause: SealerError) -> SealError {
    SealError::Sealer {
        key_name: sealer.key_name().to_owned(),
        cause,
    }
}
