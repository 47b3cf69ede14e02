//! Where things are in the checkout, and the few file operations every task shares.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::{Attempt, Outcome};

/// The root of the checkout: the folder of the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder, `CARGO_TARGET_DIR` respected.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// What the tasks keep for themselves below the target folder.
#[must_use]
pub fn own_target() -> PathBuf {
    target().join("xtask")
}

/// A file that is meant for its owner only: created with mode 0600, replaced whole.
pub fn write_private(path: &Path, content: &[u8]) -> Outcome<()> {
    let write = || {
        // Removed first, because the mode only takes effect at creation.
        let _ = fs::remove_file(path);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)
    };
    write().attempt(|| format!("writing {}", path.display()))
}

/// Makes a folder (and those above it) that only its owner may enter; an existing one is left as it is.
pub fn create_private_folder(path: &Path) -> Outcome<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .attempt(|| format!("creating {}", path.display()))
}

/// Reads a text file.
pub fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).attempt(|| format!("reading {}", path.display()))
}

/// The files below `folder`, in order of path, without following links. An absent folder has none.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}
