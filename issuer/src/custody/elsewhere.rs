//! The key-encryption keys that the settings place outside of this process, each behind its guard.

use std::{io, sync::Arc, time::Duration};

use super::{
    Sealer,
    access::Accesses,
    guard::{GuardedSealer, Limits},
    transit::TransitSealer,
};
use crate::config::{Custody, Kms, Pkcs11, SealerKind};

/// The one that seals first, if it is one of them. Nobody is asked for anything yet.
pub(super) fn guarded(
    custody: &Custody,
    accesses: &Arc<Accesses>,
) -> io::Result<Vec<GuardedSealer>> {
    let limits = Limits {
        timeout: custody.timeout,
        cache: custody.cache,
    };
    let pkcs11 = custody.pkcs11.iter().flat_map(pkcs11);
    let transit = custody.transit.iter().flat_map(|transit| {
        let keys = [Some(&transit.key), transit.other_key.as_ref()];
        keys.into_iter()
            .flatten()
            .map(move |key| -> Box<dyn Sealer> {
                Box::new(TransitSealer::new(transit, key, custody.timeout))
            })
    });
    let kms = custody.kms.iter().flat_map(|it| kms(it, custody.timeout));
    let sealers: Vec<Box<dyn Sealer>> = match custody.sealer {
        SealerKind::Kms => kms.chain(pkcs11).chain(transit).collect(),
        SealerKind::Transit => transit.chain(pkcs11).chain(kms).collect(),
        SealerKind::Local | SealerKind::Pkcs11 => pkcs11.chain(transit).chain(kms).collect(),
    };
    sealers
        .into_iter()
        .map(|sealer| GuardedSealer::new(sealer, limits, Arc::clone(accesses)))
        .collect()
}

#[cfg(feature = "hsm")]
fn pkcs11(settings: &Pkcs11) -> Vec<Box<dyn Sealer>> {
    let keys = [Some(&settings.key), settings.other_key.as_ref()];
    let sealer = |key: &String| -> Box<dyn Sealer> {
        Box::new(super::pkcs11::Pkcs11Sealer::new(settings, key))
    };
    keys.into_iter().flatten().map(sealer).collect()
}

/// Settings that name a module were refused when they were read.
#[cfg(not(feature = "hsm"))]
fn pkcs11(_: &Pkcs11) -> Vec<Box<dyn Sealer>> {
    Vec::new()
}

#[cfg(feature = "kms")]
fn kms(settings: &Kms, timeout: Duration) -> Vec<Box<dyn Sealer>> {
    let keys = [Some(&settings.key), settings.other_key.as_ref()];
    let sealer =
        |key| -> Box<dyn Sealer> { Box::new(super::kms::KmsSealer::new(settings, key, timeout)) };
    keys.into_iter().flatten().map(sealer).collect()
}

/// Settings that name a key were refused when they were read.
#[cfg(not(feature = "kms"))]
fn kms(_: &Kms, _: Duration) -> Vec<Box<dyn Sealer>> {
    Vec::new()
}
