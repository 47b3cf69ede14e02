//! The folder `secrets/`: made whole on the first start, read and judged on every later one.
//!
//! The folder appears by one rename, so that no start can see half of it, and two first starts at once agree on one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use edgeward_core::cookie::Environment;
use zeroize::Zeroizing;

use super::{
    SECRET_BYTES, Secrets, elsewhere,
    local::{LocalKey, key_from_text},
    sealers::Sealers,
};
use crate::config::{Custody, SecretText};

/// Only the owner may list or enter the folder.
const FOLDER_MODE: u32 = 0o700;
/// Only the owner may read or write a secret.
const FILE_MODE: u32 = 0o600;
/// The bits that give anything to the group or to others.
const OPEN_TO_OTHERS: u32 = 0o077;

/// The key-encryption key, under which signing keys are sealed where the settings name no other.
const KEY_ENCRYPTION: &str = "kek";
/// The first key of the MAC in refresh tokens.
const REFRESH_MAC: &str = "refresh-mac";
/// The first key of CSRF tokens.
const CSRF: &str = "csrf";
/// The key of CSRF tokens before that one. There is none unless an operator left one, when keys were changed by hand.
const CSRF_PREVIOUS: &str = "csrf-previous";

/// The secrets that a folder must have.
fn required(custody: &Custody) -> &'static [&'static str] {
    if custody.seals_with_own_key() {
        &[KEY_ENCRYPTION, REFRESH_MAC, CSRF]
    } else {
        &[REFRESH_MAC, CSRF]
    }
}

/// Why the secrets cannot be used. All of these are for the operator to put right.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The file system refused.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The folder has some of the secrets. Making the others anew would silently invalidate what was made with them.
    #[error(
        "{path} is missing beside other secrets: restore it from a backup", path = .0.display()
    )]
    Missing(PathBuf),
    /// A secret has another length.
    #[error("{path} has {found} bytes, not {SECRET_BYTES}: restore it from a backup", path = .path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// Its length; longer files are not read to their end and count as one byte too long.
        found: usize,
    },
    /// Others may read it.
    #[error("{path} has mode {mode:03o} and is open to other users: chmod {wanted:03o} it", path = .path.display())]
    TooOpen {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What it ought to be.
        wanted: u32,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The operating system gave no thread.
    #[error("the operating system gave no thread: {0}")]
    NoThread(io::Error),
    /// A key-encryption key of the settings is none.
    #[error("a key-encryption key of the settings {0}")]
    NoKey(String),
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CustodyError {
    let path = path.to_path_buf();
    move |source| CustodyError::Io { path, source }
}

pub(super) fn load_or_create(
    folder: &Path,
    environment: Environment,
    custody: &Custody,
) -> Result<Secrets, CustodyError> {
    if is_absent_or_empty(folder)? {
        create(folder, required(custody))?;
    }
    load(folder, environment, custody)
}

fn is_absent_or_empty(folder: &Path) -> Result<bool, CustodyError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(io_error(folder)(error)),
    }
}

/// Makes all secrets in a folder beside, then renames it into place.
fn create(folder: &Path, names: &[&str]) -> Result<(), CustodyError> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(parent)
        .map_err(io_error(parent))?;
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|_| CustodyError::NoRandomness)?;
    let draft = parent.join(format!(".secrets-{:016x}", u64::from_le_bytes(random)));
    let made = fill(&draft, names).and_then(|()| put_into_place(&draft, folder, parent));
    if made.is_err() {
        // The draft holds nothing that was ever used; a failure to remove it changes nothing.
        let _ = fs::remove_dir_all(&draft);
    }
    made
}

fn fill(draft: &Path, names: &[&str]) -> Result<(), CustodyError> {
    DirBuilder::new()
        .mode(FOLDER_MODE)
        .create(draft)
        .map_err(io_error(draft))?;
    for name in names {
        let path = draft.join(name);
        let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| CustodyError::NoRandomness)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(io_error(&path))?;
        file.write_all(secret.as_slice()).map_err(io_error(&path))?;
        file.sync_all().map_err(io_error(&path))?;
    }
    sync_folder(draft)
}

fn put_into_place(draft: &Path, folder: &Path, parent: &Path) -> Result<(), CustodyError> {
    match fs::rename(draft, folder) {
        Ok(()) => sync_folder(parent),
        // Another first start was quicker: a folder with content is never replaced, and its secrets are the ones.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) =>
        {
            fs::remove_dir_all(draft).map_err(io_error(draft))
        }
        Err(error) => Err(io_error(folder)(error)),
    }
}

fn sync_folder(folder: &Path) -> Result<(), CustodyError> {
    File::open(folder)
        .and_then(|handle| handle.sync_all())
        .map_err(io_error(folder))
}

fn load(
    folder: &Path,
    environment: Environment,
    custody: &Custody,
) -> Result<Secrets, CustodyError> {
    judge_mode(folder, FOLDER_MODE, environment)?;
    let own = match read(folder, KEY_ENCRYPTION, environment) {
        Ok(key) => Some(LocalKey::new(key)),
        // Whoever moved to another key may have destroyed this one.
        Err(CustodyError::Missing(_)) if !custody.seals_with_own_key() => None,
        Err(error) => return Err(error),
    };
    let refresh_mac = read(folder, REFRESH_MAC, environment)?;
    let csrf = read(folder, CSRF, environment)?;
    let csrf_previous = match read(folder, CSRF_PREVIOUS, environment) {
        Ok(key) => Some(key),
        Err(CustodyError::Missing(_)) => None,
        Err(error) => return Err(error),
    };
    // The first seals, and all of them open.
    let given = given_key(custody.kek.as_ref())?;
    let other = given_key(custody.other_kek.as_ref())?;
    let local = given.into_iter().chain(own).chain(other).collect();
    let accesses = Arc::default();
    let elsewhere = elsewhere::guarded(custody, &accesses).map_err(CustodyError::NoThread)?;
    let sealers = Sealers::new(local, elsewhere, custody, accesses);
    Ok(Secrets::new(sealers, refresh_mac, csrf, csrf_previous))
}

fn given_key(text: Option<&SecretText>) -> Result<Option<LocalKey>, CustodyError> {
    text.map(|text| key_from_text(text.reveal()).map(LocalKey::new))
        .transpose()
        .map_err(CustodyError::NoKey)
}

fn read(
    folder: &Path,
    name: &str,
    environment: Environment,
) -> Result<Zeroizing<[u8; SECRET_BYTES]>, CustodyError> {
    let path = folder.join(name);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(CustodyError::Missing(path));
        }
        Err(error) => return Err(io_error(&path)(error)),
    };
    judge_mode(&path, FILE_MODE, environment)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + 1));
    // One byte more than a secret is enough to know that it is too long.
    file.take(SECRET_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(io_error(&path))?;
    let secret: [u8; SECRET_BYTES] =
        bytes
            .as_slice()
            .try_into()
            .map_err(|_| CustodyError::WrongLength {
                path,
                found: bytes.len(),
            })?;
    Ok(Zeroizing::new(secret))
}

/// Production refuses what other users may read; elsewhere it is said and goes on.
fn judge_mode(path: &Path, wanted: u32, environment: Environment) -> Result<(), CustodyError> {
    let mode = fs::metadata(path)
        .map_err(io_error(path))?
        .permissions()
        .mode()
        & 0o777;
    if mode & OPEN_TO_OTHERS == 0 {
        return Ok(());
    }
    let finding = CustodyError::TooOpen {
        path: path.to_path_buf(),
        mode,
        wanted,
    };
    match environment {
        Environment::Production => Err(finding),
        Environment::Preview | Environment::Development => {
            tracing::warn!("{finding}");
            Ok(())
        }
    }
}

/// Judges the database, which holds the hashes of passwords and the sealed keys. There is none before the first start.
pub(super) fn judge_database(path: &Path, environment: Environment) -> Result<(), CustodyError> {
    if path.exists() {
        judge_mode(path, FILE_MODE, environment)
    } else {
        Ok(())
    }
}

/// What would keep the secrets of an existing folder from being used. Makes and changes nothing.
pub(super) fn inspect(
    folder: &Path,
    environment: Environment,
    custody: &Custody,
) -> Result<(), CustodyError> {
    if is_absent_or_empty(folder)? {
        return Ok(());
    }
    load(folder, environment, custody).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::tests::Folder;

    const ALL: [&str; 3] = [KEY_ENCRYPTION, REFRESH_MAC, CSRF];

    fn load_or_create(folder: &Path, environment: Environment) -> Result<Secrets, CustodyError> {
        super::load_or_create(folder, environment, &Custody::default())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn read_all(folder: &Path) -> Vec<Vec<u8>> {
        ALL.iter()
            .map(|name| fs::read(folder.join(name)).unwrap())
            .collect()
    }

    #[test]
    fn the_first_start_makes_distinct_secrets_with_closed_modes() {
        let place = Folder::new();
        let folder = place.path().join("secrets");
        load_or_create(&folder, Environment::Production).unwrap();
        assert_eq!(mode(&folder), 0o700);
        for name in ALL {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        }
        let mut secrets = read_all(&folder);
        secrets.sort();
        secrets.dedup();
        assert_eq!(secrets.len(), ALL.len(), "each secret is its own");
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft is left behind");
    }

    #[test]
    fn a_later_start_changes_nothing() {
        let place = Folder::new();
        let folder = place.path().join("secrets");
        load_or_create(&folder, Environment::Production).unwrap();
        let before = read_all(&folder);
        load_or_create(&folder, Environment::Production).unwrap();
        assert_eq!(read_all(&folder), before);
    }

    #[test]
    fn a_folder_that_another_start_filled_meanwhile_is_kept() {
        let place = Folder::new();
        let folder = place.path().join("secrets");
        create(&folder, &ALL).unwrap();
        let before = read_all(&folder);
        create(&folder, &ALL).unwrap();
        assert_eq!(read_all(&folder), before);
    }

    #[test]
    fn a_wrong_length_is_refused_and_left_alone() {
        for length in [0, 31, 33, 4096] {
            let place = Folder::new();
            let folder = place.path().join("secrets");
            load_or_create(&folder, Environment::Development).unwrap();
            fs::write(folder.join(CSRF), vec![1; length]).unwrap();
            let error = load_or_create(&folder, Environment::Development).unwrap_err();
            assert!(matches!(error, CustodyError::WrongLength { .. }), "{error}");
            assert_eq!(fs::read(folder.join(CSRF)).unwrap().len(), length);
        }
    }

    #[test]
    fn the_key_before_is_taken_if_it_is_there_and_is_one() {
        let place = Folder::new();
        let folder = place.path().join("secrets");
        let before = load_or_create(&folder, Environment::Production).unwrap();
        fs::rename(folder.join(CSRF), folder.join(CSRF_PREVIOUS)).unwrap();
        let error = load_or_create(&folder, Environment::Production).unwrap_err();
        assert!(matches!(error, CustodyError::Missing(_)), "{error}");
        fs::write(folder.join(CSRF), [9; 32]).unwrap();
        fs::set_permissions(folder.join(CSRF), fs::Permissions::from_mode(0o600)).unwrap();
        let after = load_or_create(&folder, Environment::Production).unwrap();
        assert_eq!(**after.of_folder().csrf, [9; 32]);
        assert_eq!(
            after.of_folder().csrf_previous,
            Some(before.of_folder().csrf)
        );
        fs::write(folder.join(CSRF_PREVIOUS), [9; 31]).unwrap();
        let error = load_or_create(&folder, Environment::Production).unwrap_err();
        assert!(matches!(error, CustodyError::WrongLength { .. }), "{error}");
        fs::remove_file(folder.join(CSRF_PREVIOUS)).unwrap();
        let without = load_or_create(&folder, Environment::Production).unwrap();
        assert_eq!(without.of_folder().csrf_previous, None);
    }

    #[test]
    fn a_missing_secret_is_not_made_anew() {
        let place = Folder::new();
        let folder = place.path().join("secrets");
        load_or_create(&folder, Environment::Development).unwrap();
        fs::remove_file(folder.join(KEY_ENCRYPTION)).unwrap();
        let error = load_or_create(&folder, Environment::Development).unwrap_err();
        assert!(matches!(error, CustodyError::Missing(_)), "{error}");
        assert!(!folder.join(KEY_ENCRYPTION).exists());
    }

    #[test]
    fn production_refuses_a_database_that_others_may_read() {
        let place = Folder::new();
        let path = place.path().join("edgeward.db");
        judge_database(&path, Environment::Production).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = judge_database(&path, Environment::Production).unwrap_err();
        assert!(
            matches!(error, CustodyError::TooOpen { mode: 0o644, .. }),
            "{error}"
        );
        judge_database(&path, Environment::Development).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        judge_database(&path, Environment::Production).unwrap();
    }

    #[test]
    fn production_refuses_what_others_may_read() {
        for name in ["", KEY_ENCRYPTION, REFRESH_MAC, CSRF] {
            let place = Folder::new();
            let folder = place.path().join("secrets");
            load_or_create(&folder, Environment::Production).unwrap();
            let open = if name.is_empty() {
                folder.clone()
            } else {
                folder.join(name)
            };
            fs::set_permissions(&open, fs::Permissions::from_mode(0o740)).unwrap();
            let error = load_or_create(&folder, Environment::Production).unwrap_err();
            assert!(
                matches!(error, CustodyError::TooOpen { mode: 0o740, .. }),
                "{error}"
            );
            load_or_create(&folder, Environment::Development).unwrap();
        }
    }
}
