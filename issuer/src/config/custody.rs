//! `[custody]`: which key-encryption key seals the private keys in the database, and which ones still open them.

mod kms;
mod read;

use std::{path::PathBuf, time::Duration};

use super::secret::SecretText;

pub use kms::{Kms, KmsKey};
pub(super) use read::read;

/// Where key-encryption keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// Which of them seals.
    pub sealer: SealerKind,
    /// The key in this process that seals; `None` takes the one of the data folder.
    pub kek: Option<SecretText>,
    /// The file that it was read from, where it was.
    pub kek_file: Option<PathBuf>,
    /// A key in this process that opens and never seals: the one before, or the one to come.
    pub other_kek: Option<SecretText>,
    /// The file that it was read from, where it was.
    pub other_kek_file: Option<PathBuf>,
    /// Where signing keys are made and used.
    pub signing: SigningPlace,
    /// So long a key elsewhere may take for one answer.
    pub timeout: Duration,
    /// So long a data key that was opened elsewhere is remembered.
    pub cache: Duration,
    /// A token that is spoken to through a PKCS#11 module.
    pub pkcs11: Option<Pkcs11>,
    /// The transit engine of a Vault or an OpenBao.
    pub transit: Option<Transit>,
    /// AWS KMS.
    pub kms: Option<Kms>,
}

/// `[custody.pkcs11]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11 {
    /// The module, a shared library.
    pub module: PathBuf,
    /// The label of the token.
    pub token: String,
    /// The label of the AES key on it.
    pub key: String,
    /// The label of one that opens and never seals.
    pub other_key: Option<String>,
    /// The PIN of the token's user.
    pub pin: SecretText,
    /// The file that it was read from, where it was.
    pub pin_file: Option<PathBuf>,
}

/// `[custody.transit]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transit {
    /// The origin of the server.
    pub address: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The name of the key.
    pub key: String,
    /// The name of one that opens and never seals.
    pub other_key: Option<String>,
    /// The namespace, where the server has several.
    pub namespace: Option<String>,
    /// What lets this process in.
    pub token: SecretText,
    /// The file that it was read from, where it was. It is read again when the token is refused, because agents renew it.
    pub token_file: Option<PathBuf>,
}

/// How long a key elsewhere may take when nothing else is set. A device on the same machine takes milliseconds and a server
/// in the same data centre some tens; a start is held up by no more than this.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long an opened data key is remembered when nothing else is set: a restart or a rotation opens the same ones at once.
const CACHE: Duration = Duration::from_secs(300);

/// What holds the key-encryption key that seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SealerKind {
    /// This process.
    #[default]
    Local,
    /// A device with a PKCS#11 module.
    Pkcs11,
    /// The transit engine of a Vault or an OpenBao.
    Transit,
    /// AWS KMS.
    Kms,
}

impl SealerKind {
    const ALL: [Self; 4] = [Self::Local, Self::Pkcs11, Self::Transit, Self::Kms];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Pkcs11 => "pkcs11",
            Self::Transit => "transit",
            Self::Kms => "kms",
        }
    }
}

/// Where signing keys are made and used from now on. Those that are there stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningPlace {
    /// In this process; they are sealed in the database.
    #[default]
    Local,
    /// In the device with a PKCS#11 module, which they never leave.
    Pkcs11,
    /// In AWS KMS, which they never leave.
    Kms,
}

impl SigningPlace {
    const ALL: [Self; 3] = [Self::Local, Self::Pkcs11, Self::Kms];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Pkcs11 => "pkcs11",
            Self::Kms => "kms",
        }
    }
}

impl Default for Custody {
    fn default() -> Self {
        Self {
            sealer: SealerKind::default(),
            kek: None,
            kek_file: None,
            other_kek: None,
            other_kek_file: None,
            signing: SigningPlace::default(),
            timeout: TIMEOUT,
            cache: CACHE,
            pkcs11: None,
            transit: None,
            kms: None,
        }
    }
}

impl Custody {
    /// Whether the data folder must have a key-encryption key: nothing else was named that seals.
    #[must_use]
    pub fn seals_with_own_key(&self) -> bool {
        match self.sealer {
            SealerKind::Local => self.kek.is_none(),
            SealerKind::Pkcs11 | SealerKind::Transit | SealerKind::Kms => false,
        }
    }

    /// The settings whose secret is in the environment of the process, which other programs of the same user can read.
    #[must_use]
    pub fn secrets_in_environment(&self) -> Vec<&'static str> {
        let pkcs11 = self.pkcs11.as_ref();
        let transit = self.transit.as_ref();
        let all = [
            ("custody.kek", self.kek.is_some(), &self.kek_file),
            (
                "custody.other_kek",
                self.other_kek.is_some(),
                &self.other_kek_file,
            ),
            (
                "custody.pkcs11.pin",
                pkcs11.is_some(),
                pkcs11.map_or(&None, |it| &it.pin_file),
            ),
            (
                "custody.transit.token",
                transit.is_some(),
                transit.map_or(&None, |it| &it.token_file),
            ),
        ];
        all.into_iter()
            .filter(|(_, is_set, file)| *is_set && file.is_none())
            .map(|(key, _, _)| key)
            .collect()
    }
}

/// The value of a setting as it is shown; `None` where it is not set, or a secret.
pub(super) fn shown(custody: &Custody, name: &str) -> Option<toml::Value> {
    let path = |path: &Option<PathBuf>| Some(path.as_ref()?.to_string_lossy().into_owned().into());
    let whole = |number: u128| i64::try_from(number).ok().map(toml::Value::from);
    let optional = |text: &Option<String>| text.clone().map(toml::Value::from);
    if let Some(name) = name.strip_prefix("pkcs11.") {
        let pkcs11 = custody.pkcs11.as_ref()?;
        return match name {
            "module" => Some(pkcs11.module.to_string_lossy().into_owned().into()),
            "token" => Some(pkcs11.token.clone().into()),
            "key" => Some(pkcs11.key.clone().into()),
            "other_key" => optional(&pkcs11.other_key),
            "pin_file" => path(&pkcs11.pin_file),
            _ => None,
        };
    }
    if let Some(name) = name.strip_prefix("transit.") {
        let transit = custody.transit.as_ref()?;
        return match name {
            "address" => Some(transit.address.clone().into()),
            "mount" => Some(transit.mount.clone().into()),
            "key" => Some(transit.key.clone().into()),
            "other_key" => optional(&transit.other_key),
            "namespace" => optional(&transit.namespace),
            "token_file" => path(&transit.token_file),
            _ => None,
        };
    }
    if let Some(name) = name.strip_prefix("kms.") {
        return kms::shown(custody.kms.as_ref(), name);
    }
    match name {
        "sealer" => Some(custody.sealer.name().into()),
        "signing" => Some(custody.signing.name().into()),
        "kek_file" => path(&custody.kek_file),
        "other_kek_file" => path(&custody.other_kek_file),
        "timeout_ms" => whole(custody.timeout.as_millis()),
        "cache_seconds" => whole(u128::from(custody.cache.as_secs())),
        _ => None,
    }
}

/// Whether a setting is set and has no value that could be shown.
pub(super) fn is_hidden(custody: &Custody, key: &str) -> bool {
    custody.secrets_in_environment().contains(&key)
}
