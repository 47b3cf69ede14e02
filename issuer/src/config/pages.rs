//! `[pages]`: whose pages they are, to look at and to read.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    read::{path, text},
    reader::Reader,
    source::Raw,
};
use crate::domain::language::Language;

/// The largest logo or style sheet that is read: each is sent to every visitor whose browser has not kept it, and a page with both
/// is to stay small.
const ASSET_MAX_BYTES: u64 = 128 * 1024;

/// A name that fits beside a logo on a narrow phone.
const BRAND_NAME_MAX_CHARS: usize = 60;

/// `[pages]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// What stands at the top of every page and in its title.
    pub brand_name: String,
    /// A picture that stands before the name, instead of the mark that comes along.
    pub logo: Option<PathBuf>,
    /// A style sheet that is loaded behind the one that comes along.
    pub stylesheet: Option<PathBuf>,
    /// For visitors whose browser names no language that there are texts in.
    pub language: Language,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            brand_name: "Edgeward".to_owned(),
            logo: None,
            stylesheet: None,
            language: Language::English,
        }
    }
}

pub(super) fn read(reader: &mut Reader) -> Pages {
    let default = Pages::default();
    Pages {
        brand_name: reader.take("pages.brand_name", default.brand_name, brand_name),
        logo: reader.take("pages.logo", None, |raw| usable(raw, read_logo)),
        stylesheet: reader.take("pages.stylesheet", None, |raw| usable(raw, read_stylesheet)),
        language: reader.take("pages.language", default.language, language),
    }
}

/// The path of a file that can be served: what is wrong with it is told where the setting stands.
fn usable(
    raw: &Raw,
    read: impl Fn(&Path) -> Result<Asset, AssetError>,
) -> Result<Option<PathBuf>, String> {
    let path = path(raw)?;
    match read(&path) {
        Ok(_) => Ok(Some(path)),
        Err(error) => Err(error.to_string()),
    }
}

fn brand_name(raw: &Raw) -> Result<String, String> {
    let name = text(raw)?;
    let fits = (1..=BRAND_NAME_MAX_CHARS).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        Ok(name)
    } else {
        Err(format!(
            "must be a name of at most {BRAND_NAME_MAX_CHARS} characters"
        ))
    }
}

fn language(raw: &Raw) -> Result<Language, String> {
    let tag = text(raw)?;
    Language::ALL
        .into_iter()
        .find(|language| language.tag() == tag)
        .ok_or_else(|| "must be en or de".to_owned())
}

/// Why a file of `[pages]` cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// It would make every page slow.
    #[error("{0}: is larger than {ASSET_MAX_BYTES} bytes")]
    TooLong(String),
    /// A browser would not take it.
    #[error("{0}: must end with {1}")]
    Kind(String, &'static str),
}

/// A file of the operator's that pages load: what it holds, and what it is told to be.
pub type Asset = (Vec<u8>, &'static str);

const LOGOS: [(&str, &str); 3] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("webp", "image/webp"),
];

/// Reads the logo.
///
/// # Errors
/// [`AssetError`].
pub fn read_logo(path: &Path) -> Result<Asset, AssetError> {
    read_asset(path, &LOGOS, ".svg, .png or .webp")
}

/// Reads the style sheet.
///
/// # Errors
/// [`AssetError`].
pub fn read_stylesheet(path: &Path) -> Result<Asset, AssetError> {
    read_asset(path, &[("css", "text/css; charset=utf-8")], ".css")
}

fn read_asset(
    path: &Path,
    kinds: &[(&str, &'static str)],
    told: &'static str,
) -> Result<Asset, AssetError> {
    let name = || path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str());
    let kind = kinds.iter().find(|(kind, _)| extension == Some(*kind));
    let (_, content_type) = kind.ok_or_else(|| AssetError::Kind(name(), told))?;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(ASSET_MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| AssetError::File(name(), error))?;
    if bytes.len() as u64 > ASSET_MAX_BYTES {
        return Err(AssetError::TooLong(name()));
    }
    Ok((bytes, content_type))
}

/// The value of a setting as it is shown; `None` where it is not set.
pub(super) fn shown(pages: &Pages, name: &str) -> Option<toml::Value> {
    let path = |path: &PathBuf| path.to_string_lossy().into_owned().into();
    match name {
        "brand_name" => Some(pages.brand_name.clone().into()),
        "logo" => pages.logo.as_ref().map(path),
        "stylesheet" => pages.stylesheet.as_ref().map(path),
        "language" => Some(pages.language.tag().into()),
        _ => None,
    }
}
