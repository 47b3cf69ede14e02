//! The key-encryption keys of a process: one that seals, and all that may open.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    SealError, Sealed, Sealer,
    envelope::{self, Form},
    local::LocalKey,
};

/// One sealer seals; every one opens what was sealed under its key. So the key can change while others still hold the one
/// before.
pub(super) struct Sealers {
    /// Keys in this process, the one that seals first where it is one of them.
    local: Vec<LocalKey>,
    /// Keys elsewhere.
    remote: Vec<Box<dyn Sealer>>,
    /// Whether the first of the keys elsewhere seals.
    seals_elsewhere: bool,
}

impl Sealers {
    /// Keys in this process only; the first seals.
    pub(super) fn local(local: Vec<LocalKey>) -> Self {
        Self {
            local,
            remote: Vec::new(),
            seals_elsewhere: false,
        }
    }

    fn all(&self) -> impl Iterator<Item = &dyn Sealer> {
        let local = self.local.iter().map(|key| -> &dyn Sealer { key });
        local.chain(self.remote.iter().map(Box::as_ref))
    }

    fn sealing(&self) -> Result<&dyn Sealer, SealError> {
        let sealing: Option<&dyn Sealer> = if self.seals_elsewhere {
            self.remote.first().map(Box::as_ref)
        } else {
            self.local.first().map(|key| -> &dyn Sealer { key })
        };
        sealing.ok_or_else(|| SealError::NoSuchKey {
            sealed_under: "any key".to_owned(),
            at_hand: self.names(),
        })
    }

    /// The key that seals, by name.
    pub(super) fn sealing_name(&self) -> Result<String, SealError> {
        self.sealing().map(|sealer| sealer.key_name().to_owned())
    }

    pub(super) fn seal(&self, name: &str, secret: &[u8]) -> Result<Sealed, SealError> {
        envelope::seal_in(self.sealing()?, name, secret)
    }

    pub(super) fn open(
        &self,
        name: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match Form::of(sealed) {
            Form::Broken => Err(SealError::DoesNotOpen),
            Form::Plain => self.open_plain(name, sealed),
            Form::Envelope(envelope) => {
                let holder = self
                    .all()
                    .find(|sealer| sealer.key_name() == envelope.key_name)
                    .ok_or_else(|| SealError::NoSuchKey {
                        sealed_under: envelope.key_name.to_owned(),
                        at_hand: self.names(),
                    })?;
                envelope.open(holder, name)
            }
        }
    }

    /// It names no key, so each one in memory is tried.
    fn open_plain(&self, name: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut opened = self.local.iter().map(|key| key.open_plain(name, sealed));
        opened
            .find_map(Result::ok)
            .ok_or_else(|| SealError::NoSuchKey {
                sealed_under: "a key in this process".to_owned(),
                at_hand: self.names(),
            })
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.all().map(Sealer::key_name).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

impl fmt::Debug for Sealers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealers({})", self.names())
    }
}
