//! Where `token verify` takes its keys from: a key set in a file or at a URL, or one public key.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use edgeward_core::{keys::KeySet, token::KeyIdRule};

use crate::cli::Failure;

/// The largest key set that is parsed (core's limit); nothing beyond it is read.
const KEY_SET_MAX_BYTES: usize = 64 * 1024;

/// How long a server may take for its key set. A person waits for this.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// `--jwks` or `--key`.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct KeySource {
    /// A JSON Web Key Set: a file, or a URL that begins with https:// or http://.
    #[arg(long, value_name = "FILE|URL")]
    jwks: Option<String>,
    /// One public key as SubjectPublicKeyInfo in PEM. Tokens need no `kid` then.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl KeySource {
    pub(super) async fn load(&self) -> Result<(KeySet, KeyIdRule), Failure> {
        if let Some(path) = &self.key {
            let pem = read_capped(path)?;
            let pem = String::from_utf8(pem)
                .map_err(|_| Failure(format!("{}: is no PEM text", path.display())))?;
            let keys = KeySet::from_spki_pem(&pem)
                .map_err(|error| Failure(format!("{}: {error}", path.display())))?;
            return Ok((keys, KeyIdRule::OptionalForSetOfOne));
        }
        let place = self.jwks.as_deref().unwrap_or_default();
        let json = if place.starts_with("https://") || place.starts_with("http://") {
            fetch(place).await?
        } else {
            read_capped(Path::new(place))?
        };
        let keys = KeySet::parse(&json).map_err(|error| Failure(format!("{place}: {error}")))?;
        Ok((keys, KeyIdRule::Required))
    }
}

fn too_large(place: &str) -> Failure {
    Failure(format!("{place}: is larger than {KEY_SET_MAX_BYTES} bytes"))
}

fn read_capped(path: &Path) -> Result<Vec<u8>, Failure> {
    let place = path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(KEY_SET_MAX_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| Failure(format!("{place}: {error}")))?;
    if bytes.len() > KEY_SET_MAX_BYTES {
        return Err(too_large(&place));
    }
    Ok(bytes)
}

/// Fetches a key set. Redirects are not followed: whoever can redirect could name another set of keys.
async fn fetch(url: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: reqwest::Error| {
        let Failure(text) = error.without_url().into();
        Failure(format!("{url}: {text}"))
    };
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(FETCH_TIMEOUT)
        .build()
        .map_err(failed)?;
    let mut response = client.get(url).send().await.map_err(failed)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(Failure(format!("{url}: answered {}", response.status())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > KEY_SET_MAX_BYTES {
            return Err(too_large(url));
        }
    }
    Ok(body)
}
