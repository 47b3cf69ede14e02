//! Secrets that others gave: from a variable, or from a file of their own, never from the settings file.

use std::{
    fmt,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{reader::Reader, source::Raw};

/// The most that is read of such a file: names and passwords are shorter, and a wrong path may name anything.
const FILE_MAX_BYTES: u64 = 4096;

/// A secret as text. It is not printed by `Debug` and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a secret. Blanks and line ends around it, which editors leave in files, are none of it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

/// Takes a secret that is set as `key` or is in the file that is set as `file_key`; both are a contradiction.
pub(super) fn take(
    reader: &mut Reader,
    key: &'static str,
    file_key: &'static str,
) -> (Option<SecretText>, Option<PathBuf>) {
    let set = reader.take(key, None, |raw| from_variable(raw).map(Some));
    let held = reader.take(file_key, None, |raw| from_file(raw).map(Some));
    if set.is_some() && held.is_some() {
        reader.complain(key, &format!("contradicts {file_key}: there is one secret"));
    }
    let (path, held) = held.unzip();
    (set.or(held), path)
}

fn from_variable(raw: &Raw) -> Result<SecretText, String> {
    match raw {
        Raw::Variable(text) => not_empty(SecretText::new(text)),
        Raw::Text(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Tables(_) | Raw::Other(_) => Err(
            "is a secret, which this file would show to its readers: use a variable or a file of its own"
                .to_owned(),
        ),
    }
}

fn from_file(raw: &Raw) -> Result<(PathBuf, SecretText), String> {
    let path = match raw {
        Raw::Text(text) | Raw::Variable(text) if !text.is_empty() => PathBuf::from(text),
        Raw::Text(_)
        | Raw::Variable(_)
        | Raw::Integer(_)
        | Raw::Boolean(_)
        | Raw::List(_)
        | Raw::Tables(_)
        | Raw::Other(_) => return Err("must be a path".to_owned()),
    };
    let told = |wrong: String| format!("{}: {wrong}", path.display());
    let secret = text_in(&path).and_then(|held| not_empty(SecretText::new(&held)));
    Ok((path.clone(), secret.map_err(told)?))
}

/// What a file holds that was named for its secret.
pub(super) fn text_in(path: &Path) -> Result<Zeroizing<String>, String> {
    let mut held = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(FILE_MAX_BYTES).read_to_string(&mut held))
        .map_err(|error| error.to_string())?;
    Ok(held)
}

fn not_empty(secret: SecretText) -> Result<SecretText, String> {
    if secret.reveal().is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(secret)
    }
}
