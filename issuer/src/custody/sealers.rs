//! The key-encryption keys of a process: one that seals, and all that may open.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::{
    SealError, Sealed, Sealer, SigningPlaces, Statement,
    access::{Access, Accesses},
    envelope::{self, Bound, Envelope, Form},
    guard::GuardedSealer,
    local::LocalKey,
};
use crate::config::{Custody, SealerKind};

/// One sealer seals; every one opens what was sealed under its key. So the key can change while others still hold the one
/// before.
pub(super) struct Sealers {
    /// Keys in this process, the one that seals first where it is one of them.
    local: Vec<LocalKey>,
    /// Keys elsewhere, each behind its guard.
    elsewhere: Vec<GuardedSealer>,
    /// Whether the first of the keys elsewhere seals.
    seals_elsewhere: bool,
    accesses: Arc<Accesses>,
    /// Where keys are that sign elsewhere.
    places: Arc<SigningPlaces>,
}

impl Sealers {
    /// The first of the ones seals, or the first of the others.
    pub(super) fn new(
        local: Vec<LocalKey>,
        elsewhere: Vec<GuardedSealer>,
        custody: &Custody,
        accesses: Arc<Accesses>,
    ) -> Self {
        Self {
            local,
            elsewhere,
            seals_elsewhere: custody.sealer != SealerKind::Local,
            places: Arc::new(SigningPlaces::new(custody, &accesses)),
            accesses,
        }
    }

    pub(super) fn signing_places(&self) -> Arc<SigningPlaces> {
        Arc::clone(&self.places)
    }

    /// Tries each key elsewhere. What came of it is told by [`Sealers::failures`].
    pub(super) fn probe(&self) {
        for sealer in &self.elsewhere {
            if let Err(failure) = sealer.probe() {
                tracing::warn!(key_encryption_key = sealer.key_name(), detail = %failure, "custody does not answer");
            }
        }
    }

    /// The keys elsewhere that did not do their work the last time they were asked; `None` where there is no key elsewhere.
    pub(super) fn failures(&self) -> Option<Vec<SealError>> {
        let failure = |sealer: &GuardedSealer| {
            sealer.failure().map(|cause| SealError::Sealer {
                key_name: sealer.key_name().to_owned(),
                cause,
            })
        };
        (!self.elsewhere.is_empty()).then(|| self.elsewhere.iter().filter_map(failure).collect())
    }

    /// The accesses to keys elsewhere since the last call.
    pub(super) fn take_accesses(&self) -> Vec<Access> {
        self.accesses.take()
    }

    /// Lets accesses wait again that were not written.
    pub(super) fn keep_accesses(&self, accesses: Vec<Access>) {
        self.accesses.keep(accesses);
    }

    fn all(&self) -> impl Iterator<Item = &dyn Sealer> {
        let local = self.local.iter().map(|key| -> &dyn Sealer { key });
        local.chain(
            self.elsewhere
                .iter()
                .map(|sealer| -> &dyn Sealer { sealer }),
        )
    }

    fn sealing(&self) -> Result<&dyn Sealer, SealError> {
        let sealing: Option<&dyn Sealer> = if self.seals_elsewhere {
            self.elsewhere
                .first()
                .map(|sealer| -> &dyn Sealer { sealer })
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
        envelope::seal_in(self.sealing()?, Bound::Name(name), secret)
    }

    pub(super) fn attest(&self, name: &str, statement: &Statement) -> Result<Sealed, SealError> {
        envelope::seal_in(self.sealing()?, Bound::Statement(name, statement), &[])
    }

    /// Only an envelope says that; what was sealed before there were any was a secret.
    pub(super) fn confirm(
        &self,
        name: &str,
        statement: &Statement,
        sealed: &Sealed,
    ) -> Result<(), SealError> {
        match Form::of(sealed) {
            Form::Broken | Form::Plain => Err(SealError::DoesNotOpen),
            Form::Earlier => Err(SealError::Earlier),
            Form::Envelope(envelope) => {
                let holder = self.holder(&envelope)?;
                let stated = envelope.open(holder, Bound::Statement(name, statement))?;
                if stated.is_empty() {
                    Ok(())
                } else {
                    Err(SealError::DoesNotOpen)
                }
            }
        }
    }

    fn holder(&self, envelope: &Envelope<'_>) -> Result<&dyn Sealer, SealError> {
        self.all()
            .find(|sealer| sealer.key_name() == envelope.key_name)
            .ok_or_else(|| SealError::NoSuchKey {
                sealed_under: envelope.key_name.to_owned(),
                at_hand: self.names(),
            })
    }

    /// Whether nobody outside of this process is ever asked.
    pub(super) fn are_here(&self) -> bool {
        self.elsewhere.is_empty()
    }

    pub(super) fn open(
        &self,
        name: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match Form::of(sealed) {
            Form::Broken => Err(SealError::DoesNotOpen),
            Form::Earlier => Err(SealError::Earlier),
            Form::Plain => self.open_plain(name, sealed),
            Form::Envelope(envelope) => envelope.open(self.holder(&envelope)?, Bound::Name(name)),
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
