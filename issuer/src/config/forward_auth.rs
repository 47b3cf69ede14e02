//! `[forward_auth]`: verdicts for a proxy that is not our edge.

use std::{
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use edgeward_core::gate::{Policy, PolicyError};

use super::{
    read::{address, path, text},
    reader::Reader,
    source::Raw,
};
use crate::domain::edges::EdgeName;

/// The largest file that is read: more than a policy may have, so that a policy that is too long is told so. More is another
/// file by mistake.
const POLICY_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// `[forward_auth]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardAuth {
    /// The address of the socket that serves `/forward-auth`, and nothing of the issuer's; `None` serves it nowhere.
    pub listen: Option<SocketAddr>,
    /// How the proxy that asks says which request it asks about.
    pub dialect: Option<Dialect>,
    /// The route policy.
    pub policy: PathBuf,
    /// As which edge callers are introduced to the app.
    pub edge: EdgeName,
}

/// How a proxy says which request it asks about. One is configured and none is guessed: headers of another dialect are a
/// client's own, and whoever believed them would judge the path that the client names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `auth_request` of nginx: `X-Original-Method`, `X-Original-URI`, `X-Original-Host`.
    Nginx,
    /// ForwardAuth of Traefik and `forward_auth` of Caddy: `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri`.
    Traefik,
    /// `ext_authz` of Envoy over HTTP: the method, the host and the path of the question itself, behind the prefix.
    Envoy,
}

impl Default for ForwardAuth {
    fn default() -> Self {
        Self {
            listen: None,
            dialect: None,
            policy: PathBuf::from("gate.toml"),
            edge: EdgeName::of_the_issuer(),
        }
    }
}

impl Dialect {
    const ALL: [Self; 3] = [Self::Nginx, Self::Traefik, Self::Envoy];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Envoy => "envoy",
        }
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let name = text(raw)?;
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name)
            .ok_or_else(|| "must be nginx, traefik (Caddy too) or envoy".to_owned())
    }
}

pub(super) fn read(reader: &mut Reader) -> ForwardAuth {
    let default = ForwardAuth::default();
    ForwardAuth {
        listen: reader.take("forward_auth.listen", None, |raw| address(raw).map(Some)),
        dialect: reader.take("forward_auth.dialect", None, |raw| {
            Dialect::read(raw).map(Some)
        }),
        policy: reader.take("forward_auth.policy", default.policy, path),
        edge: reader.take("forward_auth.edge", default.edge, |raw| {
            EdgeName::parse(&text(raw)?).map_err(|bad| bad.to_string())
        }),
    }
}

/// Why a policy file gives no policy. It names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// It is larger than any policy.
    #[error("{0}: is larger than {POLICY_MAX_BYTES} bytes")]
    TooLong(String),
    /// It is no policy.
    #[error("{0}: {1}")]
    Policy(String, PolicyError),
}

/// Reads a policy. Its `[[test]]` rows must be readable; they are not run.
///
/// # Errors
/// [`PolicyFileError`].
pub fn read_policy(path: &Path) -> Result<Policy, PolicyFileError> {
    let name = || path.display().to_string();
    let mut toml = String::new();
    File::open(path)
        .and_then(|file| file.take(POLICY_MAX_BYTES + 1).read_to_string(&mut toml))
        .map_err(|error| PolicyFileError::File(name(), error))?;
    // What is cut off might be the rule that closes a path.
    if toml.len() as u64 > POLICY_MAX_BYTES {
        return Err(PolicyFileError::TooLong(name()));
    }
    Policy::parse(&toml).map_err(|error| PolicyFileError::Policy(name(), error))
}
