//! The names of counters. The table holds no address of anybody: neither e-mail nor network.

use std::fmt;

use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::DeviceDigest;
use crate::domain::{
    accounts::{EMAIL_MAX_BYTES, Email},
    limits::Sender,
    session::{AddressRange, Sid},
};

/// SHA-256 works in blocks of so many bytes; a shorter key is padded with zeros (RFC 2104 2).
const BLOCK_BYTES: usize = 64;

/// The key under which counters are named. Without it nobody can tell from the table which addresses were tried.
pub struct LockoutKey(Zeroizing<[u8; BLOCK_BYTES]>);

impl LockoutKey {
    /// Takes a secret.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        for (place, byte) in block.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Self(block)
    }

    fn digest(&self, kind: &str, parts: [&[u8]; 2]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*self.0).into());
        mac.update(kind.as_bytes());
        for part in parts {
            // The length stands before each part, so no two lists of parts read alike.
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The counter of a name at the sign-in. What is no address has one too, so it is answered like an address.
    #[must_use]
    pub fn of_name(&self, typed: &str) -> CounterKey {
        let account = self.digest("account", [&normal(typed), &[]]);
        CounterKey {
            digest: account,
            account: Some(account),
        }
    }

    /// The counter of a known device at an account.
    #[must_use]
    pub fn of_device(&self, typed: &str, device: &DeviceDigest) -> CounterKey {
        let name = normal(typed);
        CounterKey {
            digest: self.digest("device", [&name, device.digest().as_bytes()]),
            account: Some(self.digest("account", [&name, &[]])),
        }
    }

    /// The counter of a range of addresses.
    #[must_use]
    pub fn of_range(&self, range: &AddressRange) -> CounterKey {
        CounterKey {
            digest: self.digest("range", [range.as_str().as_bytes(), &[]]),
            account: None,
        }
    }

    /// The name of a sender in a count of requests that several processes share.
    #[must_use]
    pub fn of_sender(&self, sender: Sender) -> [u8; 32] {
        self.digest("sender", [sender.address().to_string().as_bytes(), &[]])
    }

    /// The name of a session in such a count.
    #[must_use]
    pub fn of_session(&self, sid: Sid) -> [u8; 32] {
        self.digest("session", [sid.to_string().as_bytes(), &[]])
    }

    /// The name of a session in such a count, by this sender.
    #[must_use]
    pub fn of_session_from(&self, sid: Sid, sender: Sender) -> [u8; 32] {
        let (sid, sender) = (sid.to_string(), sender.address().to_string());
        self.digest("session-from", [sid.as_bytes(), sender.as_bytes()])
    }

    /// The counter of a signed-in person who proves the password again, in this session: whoever has a copy of one would else keep
    /// its owner, who signs in anew, from changing the password.
    #[must_use]
    pub fn of_proof(&self, sid: Sid, email: &Email) -> CounterKey {
        CounterKey {
            digest: self.digest("proof", [sid.to_string().as_bytes(), &[]]),
            account: Some(self.digest("account", [email.as_str().as_bytes(), &[]])),
        }
    }

    /// The counter of whoever has a link of a registration of this address and is asked for its password. It is of no account, for
    /// there is none yet.
    #[must_use]
    pub fn of_registration(&self, email: &Email) -> CounterKey {
        CounterKey {
            digest: self.digest("registration", [email.as_str().as_bytes(), &[]]),
            account: None,
        }
    }
}

/// As [`Email`] normalises; what is longer than any address is cut, and all that begin alike share a counter.
fn normal(typed: &str) -> Vec<u8> {
    let mut bytes = typed.trim().to_ascii_lowercase().into_bytes();
    bytes.truncate(EMAIL_MAX_BYTES + 1);
    bytes
}

impl fmt::Debug for LockoutKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockoutKey(redacted)")
    }
}

/// The name of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CounterKey {
    digest: [u8; 32],
    account: Option<[u8; 32]>,
}

impl CounterKey {
    /// For the database.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The row that says when the failures at this name were forgotten by an act, so that every process begins its window of the name
    /// anew ([`Limits::lift`](crate::domain::limits::Limits::lift)). It counts nothing and locks nothing.
    #[must_use]
    pub fn lift(&self) -> Self {
        let digest = Sha256::new()
            .chain_update(b"lift")
            .chain_update(self.digest);
        Self {
            digest: digest.finalize().into(),
            account: None,
        }
    }

    /// The counter of the name that an operator unlocks together with this one.
    #[must_use]
    pub const fn account(&self) -> Option<&[u8; 32]> {
        self.account.as_ref()
    }
}
