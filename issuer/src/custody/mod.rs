//! Custody of secrets: the files of the data folder, and the sealing of private keys.
//!
//! A private key in the database is in an envelope: sealed under a data key of its own, and that wrapped under
//! a key-encryption key, which a [`Sealer`] holds. Nothing here decides who may use a secret. No secret leaves by `Debug`.

mod access;
mod apart;
mod elsewhere;
mod envelope;
mod folder;
mod guard;
#[cfg(feature = "kms")]
mod kms;
mod local;
#[cfg(feature = "hsm")]
mod pkcs11;
mod places;
mod seal;
mod sealer;
mod sealers;
mod signer;
mod statement;
mod transit;

pub use access::{Access, Act};
pub use folder::CustodyError;
pub use local::key_from_text;
#[cfg(feature = "hsm")]
pub use pkcs11::{MadeKey, make_key, make_signing_key};
pub use places::{Destroyed, MadeElsewhere, SigningPlaces};
pub use seal::{SealError, Sealed};
pub use sealer::{DataKey, Sealer, SealerError};
pub use signer::{KeyInfo, SIGNATURE_BYTES, SignTokenError, Signature, Signer, sign_token};
pub use statement::Statement;

use std::{fmt, path::Path, sync::Arc};

use edgeward_core::cookie::Environment;
use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use self::{envelope::Form, sealers::Sealers};
use crate::config::{Config, Custody};

/// The length of every secret here: 256 bits, the key size of XChaCha20-Poly1305 and of HMAC-SHA256's output.
pub const SECRET_BYTES: usize = 32;

/// Whether this program can speak to PKCS#11 modules.
pub const HAS_PKCS11: bool = cfg!(feature = "hsm");

/// Whether this program can speak to AWS KMS.
pub const HAS_KMS: bool = cfg!(feature = "kms");

/// Keeps the key of counters apart from every other use of the secret it is derived from.
const LOCKOUT_LABEL: &[u8] = b"edgeward-lockout-1";

/// Keeps the issuer's own key as an edge apart from them; what follows it is a name without a colon.
const OWN_EDGE_LABEL: &[u8] = b"edgeward-own-edge-1:";

/// Judges who may read the database: a copy that was restored carelessly gives password hashes to every user of the
/// machine. Changes nothing; an absent file is fine.
///
/// # Errors
/// [`CustodyError::TooOpen`] in production; elsewhere it is said in the log.
pub fn judge_database(path: &Path, environment: Environment) -> Result<(), CustodyError> {
    folder::judge_database(path, environment)
}

/// Seals a secret under a key that is kept nowhere, because it is derived from what somebody else holds. `name` is bound
/// to it: it opens under no other name.
///
/// # Errors
/// When the machine gives no randomness.
pub fn seal_under(
    key: &Zeroizing<[u8; SECRET_BYTES]>,
    name: &str,
    secret: &[u8],
) -> Result<Sealed, SealError> {
    seal::seal(key, name, secret)
}

/// Opens what [`seal_under`] made with the same key under the same name.
///
/// # Errors
/// When it was changed, made with another key, or belongs to another name.
pub fn open_under(
    key: &Zeroizing<[u8; SECRET_BYTES]>,
    name: &str,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    seal::open(key, name, sealed)
}

/// The key of the MAC in refresh tokens. It is not printed by `Debug` and is wiped when dropped.
pub struct MacKey([u8; SECRET_BYTES]);

impl MacKey {
    /// Takes a secret.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// For the MAC.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The secrets of the data folder, in memory, and the way to the key-encryption keys.
pub struct Secrets {
    sealers: Arc<Sealers>,
    refresh_mac: SecretBytes,
    csrf: SecretBytes,
    csrf_previous: Option<SecretBytes>,
}

/// The text of a secret, wiped when it is dropped.
pub type SecretBytes = Zeroizing<[u8; SECRET_BYTES]>;

/// The secrets of the data folder that begin the generations in the database, in clear.
#[derive(Clone, Copy)]
pub struct FolderSecrets<'a> {
    /// The key of the MAC in refresh tokens.
    pub refresh_mac: &'a SecretBytes,
    /// The key of CSRF tokens.
    pub csrf: &'a SecretBytes,
    /// The key before that one, if an operator left it there.
    pub csrf_previous: Option<&'a SecretBytes>,
}

impl fmt::Debug for FolderSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FolderSecrets(redacted)")
    }
}

impl Secrets {
    /// Reads the secrets of a folder; on the first start makes the folder and all of them.
    ///
    /// # Errors
    /// A folder or file that others may read (in production), a file of another length, a missing file beside present
    /// ones, or a failure of the file system. Nothing that exists is ever overwritten.
    pub fn load_or_create(folder: &Path, environment: Environment) -> Result<Self, CustodyError> {
        folder::load_or_create(folder, environment, &Custody::default())
    }

    /// The same with the key-encryption keys that the settings name.
    ///
    /// # Errors
    /// Those of [`Secrets::load_or_create`].
    pub fn open_configured(config: &Config) -> Result<Self, CustodyError> {
        let folder = config.secrets_folder();
        folder::load_or_create(&folder, config.environment, &config.custody)
    }

    /// Says what would keep an existing folder from being used; makes and changes nothing, and an absent folder is fine.
    ///
    /// # Errors
    /// Those of [`Secrets::load_or_create`].
    pub fn inspect(config: &Config) -> Result<(), CustodyError> {
        let folder = config.secrets_folder();
        folder::inspect(&folder, config.environment, &config.custody)
    }

    fn new(
        sealers: Sealers,
        refresh_mac: SecretBytes,
        csrf: SecretBytes,
        csrf_previous: Option<SecretBytes>,
    ) -> Self {
        Self {
            sealers: Arc::new(sealers),
            refresh_mac,
            csrf,
            csrf_previous,
        }
    }

    /// What the first generations are: the issuer knows its tokens by those of the database.
    #[must_use]
    pub fn of_folder(&self) -> FolderSecrets<'_> {
        FolderSecrets {
            refresh_mac: &self.refresh_mac,
            csrf: &self.csrf,
            csrf_previous: self.csrf_previous.as_ref(),
        }
    }

    /// The secret under which the counters of failed sign-ins are named. Derived, so that folders made before it serve on:
    /// refresh tokens begin with `rt1.`, so no MAC of theirs is this key. It is derived from the file whatever generation makes
    /// tokens, so that a rotation forgets no counter.
    #[must_use]
    pub fn lockout_secret(&self) -> Zeroizing<[u8; SECRET_BYTES]> {
        self.derived(LOCKOUT_LABEL, "")
    }

    /// The seed of the key with which the issuer introduces callers to the app itself, as an edge of this name. Derived in the
    /// same way, so that all processes with the same secrets are one edge, and another name is another key.
    #[must_use]
    pub fn own_edge_seed(&self, name: &str) -> Zeroizing<[u8; SECRET_BYTES]> {
        self.derived(OWN_EDGE_LABEL, name)
    }

    fn derived(&self, label: &[u8], name: &str) -> Zeroizing<[u8; SECRET_BYTES]> {
        let mut block = Zeroizing::new([0_u8; 64]);
        for (place, byte) in block.iter_mut().zip(self.refresh_mac.iter()) {
            *place = *byte;
        }
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        mac.update(label);
        mac.update(name.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    /// Seals a secret for the database. `name` is bound to it: it opens under no other name. May wait for whoever holds the
    /// key-encryption key: not for a thread of an async runtime.
    ///
    /// # Errors
    /// When the machine gives no randomness, or whoever holds the key-encryption key does not seal.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Sealed, SealError> {
        self.sealers.seal(name, secret)
    }

    /// Opens what [`Secrets::seal`] made under the same name, under any of the key-encryption keys at hand. May wait as well.
    ///
    /// # Errors
    /// When it was changed, made under another key, or belongs to another name, or whoever holds the key does not open.
    pub fn open(&self, name: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.sealers.open(name, sealed)
    }

    /// As [`Secrets::seal`], on a thread that may wait where it has to ask anybody.
    ///
    /// # Errors
    /// Those of [`Secrets::seal`].
    pub async fn seal_apart(&self, name: &str, secret: &[u8]) -> Result<Sealed, SealError> {
        let (name, secret) = (name.to_owned(), Zeroizing::new(secret.to_vec()));
        self.apart(move |sealers| sealers.seal(&name, &secret))
            .await
    }

    /// As [`Secrets::open`], on a thread that may wait where it has to ask anybody.
    ///
    /// # Errors
    /// Those of [`Secrets::open`].
    pub async fn open_apart(
        &self,
        name: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (name, sealed) = (name.to_owned(), sealed.clone());
        self.apart(move |sealers| sealers.open(&name, &sealed))
            .await
    }

    /// Seals a statement about the thing of this name: whoever has no key-encryption key can make no other.
    ///
    /// # Errors
    /// Those of [`Secrets::seal`].
    pub async fn attest(&self, name: &str, statement: Statement) -> Result<Sealed, SealError> {
        let name = name.to_owned();
        self.apart(move |sealers| sealers.attest(&name, &statement))
            .await
    }

    /// Whether [`Secrets::attest`] made it, about the same thing and of the same statement.
    ///
    /// # Errors
    /// Those of [`Secrets::open`]: it did not, or it cannot be told.
    pub async fn confirm(
        &self,
        name: &str,
        statement: Statement,
        sealed: &Sealed,
    ) -> Result<(), SealError> {
        let (name, sealed) = (name.to_owned(), sealed.clone());
        self.apart(move |sealers| sealers.confirm(&name, &statement, &sealed))
            .await
    }

    /// Whoever is asked may take the whole time limit, in which a thread of the async runtime would serve nobody.
    async fn apart<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Sealers) -> Result<T, SealError> + Send + 'static,
    ) -> Result<T, SealError> {
        if self.sealers.are_here() {
            return act(&self.sealers);
        }
        let sealers = Arc::clone(&self.sealers);
        let acted = tokio::task::spawn_blocking(move || act(&sealers)).await;
        acted.unwrap_or(Err(SealError::Lost))
    }

    /// Where signing keys are that are not in this process.
    #[must_use]
    pub fn signing_places(&self) -> Arc<SigningPlaces> {
        self.sealers.signing_places()
    }

    /// The name of the key-encryption key that seals.
    ///
    /// # Errors
    /// When none was named.
    pub fn sealing_key(&self) -> Result<String, SealError> {
        self.sealers.sealing_name()
    }

    /// Tries the key-encryption keys that are not in this process, on a thread that may wait for them. What came of it is told
    /// by [`Secrets::failures`].
    pub async fn probe(&self) {
        let sealers = Arc::clone(&self.sealers);
        // It ends early only with the process.
        let _ = tokio::task::spawn_blocking(move || sealers.probe()).await;
    }

    /// The key-encryption keys elsewhere that did not do their work the last time they were asked, and why; `None` where all
    /// keys are in this process.
    #[must_use]
    pub fn failures(&self) -> Option<Vec<SealError>> {
        self.sealers.failures()
    }

    /// The accesses to key-encryption keys elsewhere since the last call, for the audit log.
    #[must_use]
    pub fn take_accesses(&self) -> Vec<Access> {
        self.sealers.take_accesses()
    }

    /// Lets accesses wait again that were taken and not written.
    pub fn keep_accesses(&self, accesses: Vec<Access>) {
        self.sealers.keep_accesses(accesses);
    }

    /// The name of the key-encryption key that a secret was sealed under; `None` where the secret does not tell, because
    /// it was sealed before there were envelopes.
    #[must_use]
    pub fn key_of(sealed: &Sealed) -> Option<String> {
        match Form::of(sealed) {
            Form::Envelope(envelope) => Some(envelope.key_name.to_owned()),
            Form::Plain | Form::Earlier | Form::Broken => None,
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(redacted)")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{env, fs, path::PathBuf};

    use super::*;

    /// A folder of one test, removed at its end.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn new() -> Self {
            let mut random = [0_u8; 8];
            getrandom::fill(&mut random).unwrap();
            let name = format!("edgeward-test-{:016x}", u64::from_le_bytes(random));
            let path = env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let place = Folder::new();
        let folder = place.path().join("secrets");
        let secrets = Secrets::load_or_create(&folder, Environment::Development).unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets(redacted)");
        let mac = MacKey::from_bytes(**secrets.of_folder().refresh_mac);
        assert_eq!(format!("{mac:?}"), "MacKey(redacted)");
    }
}
