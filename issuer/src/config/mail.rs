//! `[mail]`: through which server mails go, from whom, and what owners of accounts are told.

use std::{fmt, path::PathBuf};

use lettre::message::Mailbox;
use zeroize::Zeroizing;

use super::Config;

/// `[mail]`. There is one where `mail.server` is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The name or the address of the server, which its certificate must bear.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// A file with further certificates to trust, for servers of one's own.
    pub ca_file: Option<PathBuf>,
    /// The sender of every mail.
    pub from: Mailbox,
    /// With which name to sign in at the server, if with any.
    pub username: Option<String>,
    /// And with which password.
    pub password: Option<MailPassword>,
    /// The file that the password was read from, where it was.
    pub password_file: Option<PathBuf>,
    /// How long one answer of the server may take.
    pub timeout_seconds: u64,
    /// How long links work.
    pub links: Links,
    /// What owners are told.
    pub notify: Notify,
}

/// How the connection to the mail server is protected. There is no "if it happens to be offered": whoever is on the way
/// could take the offer away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte (RFC 8314).
    Implicit,
    /// After `STARTTLS`, without which nothing is sent.
    Starttls,
    /// Not at all; only to a server on this machine.
    None,
}

impl MailTls {
    pub(super) const ALL: [Self; 3] = [Self::Implicit, Self::Starttls, Self::None];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The port that belongs to it: submissions over TLS, submissions, and mail as it ever was.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// How long what is mailed opens something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Links {
    /// A link that resets a password works so long after it was sent.
    pub reset_seconds: i64,
    /// A registration waits so long for its address.
    pub registration_seconds: i64,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            // Enough to walk to one's mail, and a mailbox that is opened later holds no key.
            reset_seconds: 30 * 60,
            // It may be confirmed in the evening of the day, or the next morning.
            registration_seconds: 24 * 3600,
        }
    }
}

impl Config {
    /// How long mailed links work.
    #[must_use]
    pub fn links(&self) -> Links {
        self.mail
            .as_ref()
            .map(|mail| mail.links)
            .unwrap_or_default()
    }
}

/// Which mails the owner of an account gets unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    /// Too many wrong passwords locked the account.
    pub lockout: bool,
    /// Somebody signed in from a device that the account did not know.
    pub new_device: bool,
    /// The password was changed or reset.
    pub password_change: bool,
    /// A spent refresh token came back.
    pub refresh_reuse: bool,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            lockout: true,
            new_device: true,
            password_change: true,
            refresh_reuse: true,
        }
    }
}

/// The password at the mail server. Not printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MailPassword(Zeroizing<String>);

impl MailPassword {
    /// Takes a password.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// For the server.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MailPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailPassword(redacted)")
    }
}
