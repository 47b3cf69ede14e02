//! Files for the other runtimes.

use std::fs;
use std::path::{Path, PathBuf};

/// Writes it below the folder that cargo keeps for tests.
pub(crate) fn write_down(file: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&path, text).unwrap();
    path
}
