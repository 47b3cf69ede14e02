//! The mapping of an import: where in another system's table each fact about a person stands, and in which form.
//!
//! Read like the settings: a TOML file, every mistake at once with its line, and unknown keys refused.

mod read;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use edgeward_core::nearest::nearest;

use super::{ConfigErrors, Mistake, Origin};
use crate::domain::{accounts::Role, password::Digest};

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $key:literal;)*) => {
        /// A fact about a person that a column may hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $variant,)* }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its key in the mapping.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => concat!("columns.", $key),)* }
            }
        }
    };
}

fields! {
    /// The address that signs in.
    Email = "email";
    /// The first name.
    FirstName = "first_name";
    /// The last name.
    LastName = "last_name";
    /// Both names in one column; the last word is the last name.
    FullName = "full_name";
    /// The hash of the password.
    Password = "password";
    /// The salt of a hash that is kept in several columns.
    Salt = "salt";
    /// The iterations of such a hash.
    Iterations = "iterations";
    /// The roles.
    Roles = "roles";
    /// Whether the address was shown to be the person's.
    Verified = "verified";
    /// Whether the account is disabled.
    Disabled = "disabled";
    /// Whether the account is not disabled.
    Active = "active";
    /// When the account was made.
    CreatedAt = "created_at";
}

/// What to do with the rows of a table.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The schema of the table, on a server.
    pub schema: Option<String>,
    /// The table or view.
    pub table: Option<String>,
    /// The column that tells rows apart, and orders them.
    pub key: Option<String>,
    /// What stands between the fields of a CSV file.
    pub csv_separator: u8,
    /// Which facts are there, and the names of their columns.
    pub columns: BTreeMap<Field, String>,
    /// The form of the password's hash.
    pub password: PasswordForm,
    /// The form of the moment of creation.
    pub created_at: MomentForm,
    /// The form of [`Field::Verified`].
    pub verified: FlagForm,
    /// The form of [`Field::Disabled`].
    pub disabled: FlagForm,
    /// What becomes of people whose address is not verified.
    pub unverified: Unverified,
    /// Who gets which roles.
    pub roles: Roles,
    path: PathBuf,
    origins: Vec<(&'static str, Origin)>,
}

/// How a hash is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordForm {
    /// One text that says which algorithm it is of.
    Text,
    /// PBKDF2, with salt and hash in columns of their own.
    Pbkdf2 {
        /// The hash function.
        digest: Digest,
        /// The iterations, when all have the same; otherwise there is a column.
        iterations: Option<u32>,
        /// How the hash is written.
        hash: Encoding,
        /// How the salt is written.
        salt: Encoding,
    },
}

/// How octets are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The octets of the text itself.
    Plain,
    /// Base64, with or without `=` at the end.
    Base64,
    /// Hexadecimal, with or without `\x` before it.
    Hex,
}

/// How a moment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentForm {
    /// RFC 3339, or as databases print it: with a blank for the `T`, and UTC where no offset is said.
    Rfc3339,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// How yes and no are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagForm {
    /// As a truth value, such as `1`, `true`, `t`, `yes`.
    Flag,
    /// By a moment: it happened, or there is none.
    Moment,
}

/// What becomes of people whose address was never shown to be theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// They are left out and counted: the address may be somebody else's.
    LeaveOut,
    /// They are taken like everybody.
    Take,
}

/// Who gets which roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// What everybody gets.
    pub fixed: Vec<Role>,
    /// How several are written in one column.
    pub form: RolesForm,
    /// What the old names are called here; `None` is a role that nobody gets here.
    pub names: BTreeMap<String, Option<Role>>,
    /// What becomes of a name that is not among these.
    pub unknown: UnknownRole,
}

/// How several roles are written in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolesForm {
    /// With this between them; blanks around them do not count.
    Separated(char),
    /// As a JSON array of texts.
    Json,
}

/// What becomes of a role that the mapping does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownRole {
    /// The row is not taken, and told.
    Refuse,
    /// It is a role here too.
    Keep,
    /// The person gets the others.
    Drop,
}

impl Mapping {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// All mistakes found, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        read::load(path)
    }

    /// Checks the names of columns against those that the table has.
    ///
    /// # Errors
    /// All that it lacks, or has twice, each with its line and the nearest one that it has.
    pub fn judge_columns(&self, found: &[String]) -> Result<(), ConfigErrors> {
        let named = self.columns.iter().map(|(field, name)| (field.key(), name));
        let named = named.chain(self.key.as_ref().map(|name| ("key", name)));
        let mut mistakes = Vec::new();
        for (key, name) in named {
            let message = match found.iter().filter(|column| *column == name).count() {
                1 => continue,
                0 => match nearest(name, found.iter().map(String::as_str)) {
                    Some(near) => format!("there is no such column; did you mean {near}?"),
                    None => format!("there is no such column; there are {}", found.join(", ")),
                },
                _ => "there are several columns of this name".to_owned(),
            };
            mistakes.push(self.mistake(key, message));
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors::new(mistakes))
        }
    }

    /// A complaint about one key.
    #[must_use]
    pub fn complain(&self, key: &'static str, message: String) -> ConfigErrors {
        ConfigErrors::new(vec![self.mistake(key, message)])
    }

    fn mistake(&self, key: &'static str, message: String) -> Mistake {
        let origin = self.origins.iter().find(|(known, _)| *known == key);
        let origin = origin.map(|(_, origin)| origin.clone());
        Mistake {
            origin: origin
                .filter(|origin| *origin != Origin::Default)
                .unwrap_or_else(|| Origin::File(self.path.clone())),
            key: Some(key.to_owned()),
            message,
        }
    }
}
