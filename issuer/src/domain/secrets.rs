//! The secrets by which the issuer knows its own tokens again: keys of MACs, in generations that rotate like signing keys.
//!
//! A generation goes through the states of a signing key, by the same machine: [`plan`] adds how long its tokens live and how many
//! there may be at once, [`acts`] what the schedule and an operator do, [`ring`] is what a process holds. *Published* means
//! that every issuer accepts its tokens, and that edges are told of it; *active*, that it makes them; *retiring*, that what it made
//! may still be good. They are in the database, sealed like signing keys, so that all issuers have the same ones; the files of the
//! data folder are the first of them.

pub mod acts;
pub mod plan;
pub mod ring;

#[cfg(test)]
mod history;
#[cfg(test)]
mod year;

use std::{fmt::Write, future::Future};

use edgeward_core::time::UnixTime;
use sha2::{Digest, Sha256};

use super::{audit::AuditEntry, keyring::Life, storage::StorageError};
use crate::custody::{SECRET_BYTES, SealError, Sealed};
pub use plan::{Purpose, Refused};
pub use ring::{Generations, Known};

use super::keyring::timing::KEYS_READ_WITHIN_SECONDS;

/// Keeps the name of a secret apart from every other use of it.
const NAME_LABEL: &[u8] = b"edgeward-secret-name-1:";
/// So many bytes tell the generations of one site apart, and are too few to search a secret of 32 by.
const NAME_BYTES: usize = 6;

/// A generation as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// What its tokens are.
    pub purpose: Purpose,
    /// Where it is in its life. `signs_from` is from when it makes tokens, `signed_until` until when the last one may be good.
    pub life: Life,
    /// Sealed under the key-encryption key for its id; empty once it has ended.
    pub sealed: Sealed,
}

/// A change of the generations of one purpose: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct SecretChange {
    /// Which ones.
    pub purpose: Purpose,
    /// The lives that the change was judged by.
    pub before: Vec<Life>,
    /// What they become. Rows never go.
    pub after: Vec<Life>,
    /// Those that are new.
    pub added: Vec<StoredSecret>,
    /// What the log says of it.
    pub entries: Vec<AuditEntry>,
}

/// What generations need of a store.
pub trait SecretGenerations {
    /// All generations, oldest first.
    fn secret_generations(
        &self,
    ) -> impl Future<Output = Result<Vec<StoredSecret>, StorageError>> + Send;

    /// Changes those of one purpose if they still are as the change expects, one process at a time. Of those that end, the
    /// secret is taken away.
    fn change_secrets(
        &self,
        change: &SecretChange,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// When the last of all sessions ends that there are, whatever its people do.
    fn last_session_end(
        &self,
    ) -> impl Future<Output = Result<Option<UnixTime>, StorageError>> + Send;
}

/// Why there are no generations, or an act on them was not done. All of these are for the operator to put right.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// A secret does not open, or cannot be sealed.
    #[error("secret {id}: {source}")]
    Seal {
        /// Which one.
        id: String,
        /// Why.
        source: SealError,
    },
    /// It opens and is another one than it is stored as.
    #[error("secret {0}: what is sealed there is another secret")]
    WrongSecret(String),
    /// None makes tokens.
    #[error("the store has no active {} secret", .0.name())]
    NoneActive(Purpose),
    /// They were not read for too long: what makes tokens by now is not known.
    #[error("the secrets were not read for more than {KEYS_READ_WITHIN_SECONDS} seconds")]
    Outdated,
    /// Others changed them again and again meanwhile.
    #[error("the secrets change too often: try again")]
    Overtaken,
    /// What an operator asked for is not possible.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

impl SecretsError {
    /// Whether it is about what secrets are sealed with, or about what was sealed, and not about the store or what was asked.
    #[must_use]
    pub const fn is_of_custody(&self) -> bool {
        match self {
            Self::Seal { .. } | Self::WrongSecret(_) | Self::NoneActive(_) | Self::NoRandomness => {
                true
            }
            Self::Store(_) | Self::Outdated | Self::Overtaken | Self::Refused(_) => false,
        }
    }
}

/// The id of a generation: its purpose, and a few bytes of a digest of the secret, so that the same file is taken in once.
fn id_of(purpose: Purpose, secret: &[u8; SECRET_BYTES]) -> String {
    let digest = Sha256::new()
        .chain_update(NAME_LABEL)
        .chain_update(purpose.name())
        .chain_update(secret)
        .finalize();
    let mut id = format!("{}-", purpose.name());
    for byte in digest.iter().take(NAME_BYTES) {
        // Writing to a `String` does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
