//! The secret in a mailed link, and what it is good for.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::domain::session::{Digest, SECRET_BYTES};

/// The name of the token in a link's query and in a form.
pub const LINK_PARAMETER: &str = "token";

/// What a link is good for, and for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To confirm the address of a registration.
    ConfirmAddress,
    /// To choose another password.
    ResetPassword,
}

impl Purpose {
    /// The name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "confirm-address",
            Self::ResetPassword => "reset-password",
        }
    }
}

/// 256 bits that were mailed to somebody. Only a digest is stored, and only for one purpose.
pub struct LinkToken(Zeroizing<String>);

impl LinkToken {
    /// A new token.
    #[must_use]
    pub fn from_random(random: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(&random)))
    }

    /// Takes a token as it was sent, if it has the form of ours.
    #[must_use]
    pub fn parse(sent: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        let decoded = Base64UrlUnpadded::decode(sent, bytes.as_mut_slice()).ok()?;
        (decoded.len() == SECRET_BYTES).then(|| Self(Zeroizing::new(sent.to_owned())))
    }

    /// The text for the link.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest for the database. A token that is shown for another purpose has another one.
    #[must_use]
    pub fn digest(&self, purpose: Purpose) -> Digest {
        let named = Zeroizing::new(format!("{}\0{}", purpose.name(), self.reveal()));
        Digest::of(&named)
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_of_our_form_is_a_token() {
        let own = LinkToken::from_random([0xff; SECRET_BYTES]);
        let read = LinkToken::parse(own.reveal()).unwrap();
        let purpose = Purpose::ResetPassword;
        assert_eq!(read.digest(purpose), own.digest(purpose));
        assert_ne!(read.digest(Purpose::ConfirmAddress), own.digest(purpose));
        assert_eq!(format!("{own:?}"), "LinkToken(redacted)");
        let (long, padded) = (own.reveal().repeat(2), format!("{}=", own.reveal()));
        let standard = own.reveal().replace('_', "/");
        for other in ["", "short", &own.reveal()[1..], &long, &padded, &standard] {
            assert!(LinkToken::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn every_changed_bit_is_another_token() {
        let token = LinkToken::from_random([7; SECRET_BYTES]);
        let digest = token.digest(Purpose::ResetPassword);
        for bit in 0..SECRET_BYTES * 8 {
            let mut bytes = [7; SECRET_BYTES];
            bytes[bit / 8] ^= 1 << (bit % 8);
            let other = LinkToken::from_random(bytes);
            assert_ne!(other.digest(Purpose::ResetPassword), digest, "bit {bit}");
        }
    }
}
