//! Whose pages they are, and the files that pages load.
//!
//! A file's address carries the beginning of its digest, so a browser keeps it for good and never shows an old one.

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::{
    SharedApp,
    config::{AssetError, Pages, read_logo, read_stylesheet},
    http::problem::ApiError,
};

const STYLES: &[u8] = include_bytes!("../../../../www/pages/assets/pages.css");

const APP_STYLES: &[u8] = include_bytes!("../../../../www/pages/assets/app.css");

/// Made of `www/pages/scripts`; `cargo xtask build pages` makes them anew, and a test holds that it did.
const ONCE: &[u8] = include_bytes!("../../../../www/pages/assets/once.js");
const SESSIONS: &[u8] = include_bytes!("../../../../www/pages/assets/sessions.js");

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Of an address that names what it leads to.
const KEPT_FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Of one that does not, as the refusals of an edge have it: an hour bounds how long an old one is seen after an update.
const KEPT_FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// Hexadecimal digits of a digest in an address: a change by accident to the same ones is out of the question, and nobody gains by
/// making one.
const VERSION_DIGITS: usize = 12;

/// A file that pages load.
#[derive(Debug)]
struct File {
    name: &'static str,
    content_type: &'static str,
    bytes: Bytes,
    version: String,
    digest: String,
}

/// A module that a page may load. All of them are in every brand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Lets a form be sent once.
    Once,
    /// Ends sessions of the list.
    Sessions,
}

impl Script {
    const ALL: [Self; 2] = [Self::Once, Self::Sessions];

    const fn file(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::Once => ("once.js", ONCE),
            Self::Sessions => ("sessions.js", SESSIONS),
        }
    }
}

/// A module as a page names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Where it is.
    pub address: String,
    /// Its digest, as the attribute `integrity` and the policy of content have it.
    pub digest: String,
}

/// Whose pages they are.
#[derive(Debug)]
pub struct Brand {
    /// The name in the head of every page.
    pub name: String,
    files: Vec<File>,
}

impl Brand {
    /// Reads the files of the configuration.
    ///
    /// # Errors
    /// [`AssetError`].
    pub fn open(pages: &Pages) -> Result<Self, AssetError> {
        let mut files = vec![
            File::new("pages.css", "text/css; charset=utf-8", STYLES),
            File::new("app.css", "text/css; charset=utf-8", APP_STYLES),
        ];
        files.extend(Script::ALL.map(|script| {
            let (name, bytes) = script.file();
            File::new(name, JAVASCRIPT, bytes)
        }));
        if let Some(path) = &pages.stylesheet {
            let (bytes, content_type) = read_stylesheet(path)?;
            files.push(File::new("brand.css", content_type, &bytes));
        }
        if let Some(path) = &pages.logo {
            let (bytes, content_type) = read_logo(path)?;
            files.push(File::new("logo", content_type, &bytes));
        }
        Ok(Self {
            name: pages.brand_name.clone(),
            files,
        })
    }

    fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The address of a file, where there is such a one.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<String> {
        self.file(name).map(File::address)
    }

    /// A module of ours.
    #[must_use]
    pub fn module(&self, script: Script) -> Option<Module> {
        let (name, _) = script.file();
        let file = self.file(name)?;
        Some(Module {
            address: file.address(),
            digest: file.digest.clone(),
        })
    }

    /// The addresses of the style sheets of a card, in the order that they are loaded in.
    #[must_use]
    pub fn card_styles(&self) -> Vec<String> {
        self.addresses(&["pages.css", "brand.css"])
    }

    /// The same of a page of somebody who is signed in.
    #[must_use]
    pub fn app_styles(&self) -> Vec<String> {
        self.addresses(&["pages.css", "app.css", "brand.css"])
    }

    fn addresses(&self, names: &[&str]) -> Vec<String> {
        let names = names.iter();
        names.filter_map(|name| self.address(name)).collect()
    }
}

impl File {
    fn new(name: &'static str, content_type: &'static str, bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut version: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        version.truncate(VERSION_DIGITS);
        Self {
            name,
            content_type,
            bytes: Bytes::copy_from_slice(bytes),
            version,
            digest: format!("sha256-{}", Base64::encode_string(&digest)),
        }
    }

    fn address(&self) -> String {
        format!("/auth/assets/{}?v={}", self.name, self.version)
    }
}

/// `GET /auth/assets/{name}`
pub async fn serve(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(file) = app.brand.file(&name) else {
        return ApiError::NotFound.into_response();
    };
    let version = query.as_deref().and_then(|query| query.strip_prefix("v="));
    let kept = if version == Some(file.version.as_str()) {
        KEPT_FOR_GOOD
    } else {
        KEPT_FOR_AN_HOUR
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(file.content_type),
        ),
        (header::CACHE_CONTROL, kept),
    ];
    (headers, file.bytes.clone()).into_response()
}
