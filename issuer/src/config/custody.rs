//! `[custody]`: which key-encryption key seals the private keys in the database, and which ones still open them.

use std::path::PathBuf;

use super::{
    read::text,
    reader::Reader,
    secret::{self, SecretText},
    source::Raw,
};
use crate::custody::key_from_text;

/// Where key-encryption keys are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
}

/// What holds the key-encryption key that seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SealerKind {
    /// This process.
    #[default]
    Local,
}

impl SealerKind {
    const ALL: [Self; 1] = [Self::Local];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
        }
    }
}

impl Custody {
    /// Whether the data folder must have a key-encryption key: nothing else was named that seals.
    #[must_use]
    pub fn seals_with_own_key(&self) -> bool {
        match self.sealer {
            SealerKind::Local => self.kek.is_none(),
        }
    }

    /// The settings whose secret is in the environment of the process, which other programs of the same user can read.
    #[must_use]
    pub fn secrets_in_environment(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        if self.kek.is_some() && self.kek_file.is_none() {
            found.push("custody.kek");
        }
        if self.other_kek.is_some() && self.other_kek_file.is_none() {
            found.push("custody.other_kek");
        }
        found
    }
}

pub(super) fn read(reader: &mut Reader) -> Custody {
    let sealer = reader.take("custody.sealer", SealerKind::default(), kind);
    let (kek, kek_file) = key(reader, "custody.kek", "custody.kek_file");
    let (other_kek, other_kek_file) = key(reader, "custody.other_kek", "custody.other_kek_file");
    if kek.is_some() && kek == other_kek {
        reader.complain("custody.other_kek", "is the same key as custody.kek");
    }
    Custody {
        sealer,
        kek,
        kek_file,
        other_kek,
        other_kek_file,
    }
}

fn kind(raw: &Raw) -> Result<SealerKind, String> {
    let name = text(raw)?;
    let mut all = SealerKind::ALL.into_iter();
    all.find(|kind| kind.name() == name)
        .ok_or_else(|| "must be local".to_owned())
}

fn key(
    reader: &mut Reader,
    key: &'static str,
    file_key: &'static str,
) -> (Option<SecretText>, Option<PathBuf>) {
    let (secret, file) = secret::take(reader, key, file_key);
    if let Some(Err(message)) = secret.as_ref().map(|secret| key_from_text(secret.reveal())) {
        match &file {
            Some(path) => reader.complain(file_key, &format!("{}: {message}", path.display())),
            None => reader.complain(key, &message),
        }
    }
    (secret, file)
}

/// The value of a setting as it is shown; `None` where it is not set, or a secret.
pub(super) fn shown(custody: &Custody, name: &str) -> Option<toml::Value> {
    let path = |path: &Option<PathBuf>| Some(path.as_ref()?.to_string_lossy().into_owned().into());
    match name {
        "sealer" => Some(custody.sealer.name().into()),
        "kek_file" => path(&custody.kek_file),
        "other_kek_file" => path(&custody.other_kek_file),
        _ => None,
    }
}

/// Whether a setting is set and has no value that could be shown.
pub(super) fn is_hidden(custody: &Custody, key: &str) -> bool {
    custody.secrets_in_environment().contains(&key)
}
