//! The address of a server, which may hold a password: what those of PostgreSQL and Redis have in common.

use std::{fmt, path::PathBuf};

use zeroize::Zeroizing;

use super::{
    read::{path, text},
    reader::Reader,
    secret,
    source::{Raw, variable_of},
};

/// An address as it is written in a setting. Printed without the password, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Url<K> {
    whole: Zeroizing<String>,
    read: Read<K>,
}

/// The address of which kind of server.
pub trait Kind: Sized {
    /// What it is called.
    const NAME: &'static str;

    /// Takes an address apart.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    fn read(text: &str) -> Result<Read<Self>, String>;
}

/// What an address says.
#[derive(Clone, PartialEq, Eq)]
pub struct Read<K> {
    /// The address without the password.
    pub shown: String,
    /// Whether it holds one.
    pub has_password: bool,
    /// Whether nobody on a network can be in between: the server is on this machine, or must show a certificate.
    pub is_private: bool,
    /// What only this kind says.
    pub besides: K,
}

impl<K: Kind> Url<K> {
    /// Takes an address as it is written in a setting.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        Ok(Self {
            read: K::read(text)?,
            whole: Zeroizing::new(text.to_owned()),
        })
    }

    /// Takes the address that is set as `key`, and the one in the file that is set as `file_key`, as container platforms hand out
    /// secrets, with the path of that file.
    pub(super) fn take(
        reader: &mut Reader,
        key: &'static str,
        file_key: &'static str,
    ) -> (Option<Self>, Option<(PathBuf, Self)>) {
        let set = |raw: &Raw| {
            let url = Self::parse(&text(raw)?)?;
            if url.has_password() && !matches!(raw, Raw::Variable(_)) {
                return Err(format!(
                    "holds a password, which this file would show to its readers: use {} or {file_key}",
                    variable_of(key)
                ));
            }
            Ok(Some(url))
        };
        let held = |raw: &Raw| {
            let path = path(raw)?;
            let url = secret::text_in(&path).and_then(|text| Self::parse(&text));
            match url {
                Ok(url) => Ok(Some((path, url))),
                Err(wrong) => Err(format!("{}: {wrong}", path.display())),
            }
        };
        (
            reader.take(key, None, set),
            reader.take(file_key, None, held),
        )
    }
}

impl<K> Url<K> {
    /// With the password, for connecting.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.whole
    }

    /// Whether it holds a password.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.read.has_password
    }

    /// Whether nobody on a network can be in between: the server is on this machine, or must show a certificate.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.read.is_private
    }

    pub(super) const fn besides(&self) -> &K {
        &self.read.besides
    }
}

impl<K> fmt::Display for Url<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.read.shown)
    }
}

impl<K: Kind> fmt::Debug for Url<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", K::NAME)
    }
}
