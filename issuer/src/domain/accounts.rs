//! Accounts: what a user is, and how one comes to be.
//!
//! An address, a name or a role that is accepted here is fit for a token, a header and a page. The store takes no other
//! from its rows, so a rule that becomes stricter needs a migration of the accounts that it would no longer read.
//! Which passwords are acceptable is in [`password`](super::password).

use std::{collections::BTreeSet, fmt};

use edgeward_core::time::UnixTime;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    password::{HashError, Password, PasswordHasher, Policy, WeakPassword},
    session::{self, NoRandomness},
    storage::{Creation, PasswordHash, Storage, StorageError},
};

/// RFC 5321 4.5.3.1.3: a path has at most 256 octets, two of them its brackets.
pub const EMAIL_MAX_BYTES: usize = 254;

/// RFC 5321 4.5.3.1.1.
const EMAIL_LOCAL_MAX_BYTES: usize = 64;

/// RFC 1035 2.3.4.
const DOMAIN_LABEL_MAX_BYTES: usize = 63;

/// Longer than the names of nearly everybody; names travel in each access token, which the edge caps at 8 KiB.
pub const NAME_MAX_CHARS: usize = 100;

/// Roles travel in each access token and in a header.
pub const ROLE_MAX_BYTES: usize = 64;

/// All roles of an account together. Browsers drop a cookie of more than 4096 bytes in silence (RFC 6265 6.1); the rest
/// of the longest access token, in base64url, leaves room for so many.
pub const ROLES_MAX_BYTES: usize = 1024;

/// The identifier of a user, the `sub` of the tokens: a UUIDv7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(Uuid);

impl UserId {
    /// A new identifier.
    #[must_use]
    pub fn from_random(now: UnixTime, random: [u8; 10]) -> Self {
        Self(session::uuid_v7(now, random))
    }

    /// Takes the one spelling that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        session::parse_uuid(text).map(Self)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Why a field of an account is not acceptable. The text is for the person and repeats no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitField {
    /// The address.
    #[error("email must be an address such as ada@example.com")]
    Email,
    /// A name.
    #[error("{0} must have at most {NAME_MAX_CHARS} characters and no control characters")]
    Name(&'static str),
    /// A role.
    #[error("a role is 1 to {ROLE_MAX_BYTES} characters of a-z, A-Z, 0-9, '-', '_', '.' and ':'")]
    Role,
    /// The roles together.
    #[error("the roles have more than {ROLES_MAX_BYTES} characters together")]
    Roles,
}

/// An e-mail address in its normal form: without blanks around it, in lower case, ASCII. Two people who write the same
/// address differently are the same person here.
///
/// Only dot-atoms of RFC 5322 are taken; quoted local parts, address literals and addresses outside ASCII are refused,
/// because two programs may disagree about which mailbox they name. An international domain is given as `xn--…`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Takes an address as typed.
    ///
    /// # Errors
    /// [`UnfitField::Email`].
    pub fn parse(typed: &str) -> Result<Self, UnfitField> {
        let address = typed.trim().to_ascii_lowercase();
        if address.len() > EMAIL_MAX_BYTES {
            return Err(UnfitField::Email);
        }
        let (local, domain) = address.rsplit_once('@').ok_or(UnfitField::Email)?;
        if local.len() <= EMAIL_LOCAL_MAX_BYTES && is_dot_atom(local) && is_domain(domain) {
            Ok(Self(address))
        } else {
            Err(UnfitField::Email)
        }
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(redacted)")
    }
}

fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    })
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= DOMAIN_LABEL_MAX_BYTES
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// A first or last name in Unicode's normal form C. May be empty: not everybody has two.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PersonName(String);

impl PersonName {
    /// Takes a name as typed; `field` names it in the refusal.
    ///
    /// # Errors
    /// [`UnfitField::Name`] when it is too long, or holds a control character, one that breaks the line, or one
    /// that turns the direction of writing: they can make a list of accounts show something else than it holds.
    pub fn parse(field: &'static str, typed: &str) -> Result<Self, UnfitField> {
        let typed = typed.trim();
        // The normal form has at most three times as many characters; this bounds the work.
        if typed.len() > NAME_MAX_CHARS * 16 {
            return Err(UnfitField::Name(field));
        }
        let name: String = typed.nfc().collect();
        let turns = |c| matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = |c| matches!(c, '\u{2028}' | '\u{2029}');
        if name.chars().count() > NAME_MAX_CHARS
            || name
                .chars()
                .any(|c| c.is_control() || turns(c) || breaks(c))
        {
            return Err(UnfitField::Name(field));
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(redacted)")
    }
}

/// A role. Its characters need no quoting in a comma-separated header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

impl Role {
    /// Takes a role.
    ///
    /// # Errors
    /// [`UnfitField::Role`].
    pub fn parse(text: &str) -> Result<Self, UnfitField> {
        let fits = !text.is_empty()
            && text.len() <= ROLE_MAX_BYTES
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(UnfitField::Role)
        }
    }

    /// The role of administrators where the settings name no other.
    #[must_use]
    pub fn administrators() -> Self {
        Self("admin".to_owned())
    }

    /// Takes the roles of an account; one that is named twice is one.
    ///
    /// # Errors
    /// [`UnfitField::Role`], and [`UnfitField::Roles`] when they would not fit into an access token.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, UnfitField> {
        let roles: Result<BTreeSet<Self>, _> = texts.iter().map(|text| Self::parse(text)).collect();
        let roles = roles?;
        // Two quotes and a comma for each.
        let length: usize = roles
            .iter()
            .map(|role| role.0.len().saturating_add(3))
            .sum();
        if length > ROLES_MAX_BYTES {
            return Err(UnfitField::Roles);
        }
        Ok(roles.into_iter().collect())
    }

    /// The role.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user as others may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// Their first name.
    pub first_name: PersonName,
    /// Their last name.
    pub last_name: PersonName,
    /// Their roles, in order.
    pub roles: Vec<Role>,
}

/// An account to be written.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub password_hash: PasswordHash,
    /// The moment of its creation.
    pub now: UnixTime,
}

/// What a person or an operator asks for.
#[derive(Debug)]
pub struct Application {
    /// The address.
    pub email: Email,
    /// The first name.
    pub first_name: PersonName,
    /// The last name.
    pub last_name: PersonName,
    /// The roles; a person who registers gets none.
    pub roles: Vec<Role>,
    /// The password.
    pub password: Password,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address has an account.
    #[error("another account has this e-mail address")]
    EmailTaken,
    /// The password does not meet the policy.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There was no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// What a password of this person must not merely be.
pub(super) fn own_words<'a>(
    email: &'a Email,
    first_name: &'a PersonName,
    last_name: &'a PersonName,
) -> [&'a str; 4] {
    let local = email.as_str().split('@').next().unwrap_or_default();
    let (first, last) = (first_name.as_str(), last_name.as_str());
    [email.as_str(), local, first, last]
}

/// Judges the password and hashes it. The address is not looked at, so a known one costs the same time as a new one.
///
/// # Errors
/// [`AccountError`], but never [`AccountError::EmailTaken`].
pub(super) async fn prepare(
    hasher: &PasswordHasher,
    policy: &Policy,
    application: Application,
    now: UnixTime,
) -> Result<NewAccount, AccountError> {
    policy.judge(
        &application.password,
        &own_words(
            &application.email,
            &application.first_name,
            &application.last_name,
        ),
    )?;
    let password_hash = hasher.hash(application.password).await?;
    Ok(NewAccount {
        account: Account {
            id: UserId::from_random(now, session::random()?),
            email: application.email,
            first_name: application.first_name,
            last_name: application.last_name,
            roles: application.roles,
        },
        password_hash,
        now,
    })
}

/// Makes an account at the command line, without signing anybody in.
///
/// # Errors
/// [`AccountError`]; no account is made then.
pub async fn add_user(
    storage: &impl Storage,
    hasher: &PasswordHasher,
    policy: &Policy,
    application: Application,
    now: UnixTime,
) -> Result<Account, AccountError> {
    let account = prepare(hasher, policy, application, now).await?;
    let roles: Vec<&str> = account.account.roles.iter().map(Role::as_str).collect();
    let entry = AuditEntry::done(Action::Register, Actor::Operator, now, &Origin::default())
        .about("user", account.account.id)
        .with("roles", roles.join(","));
    match storage.create_account(&account, &entry).await? {
        Creation::Created => Ok(account.account),
        Creation::EmailTaken => Err(AccountError::EmailTaken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised_or_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", ["b".repeat(63).as_str(); 4].join("."));
        for (typed, expected) in [
            ("ada@example.com", Some("ada@example.com")),
            (
                "  Ada.Lovelace+x@Example.COM \n",
                Some("ada.lovelace+x@example.com"),
            ),
            ("o'brien@mail.example", Some("o'brien@mail.example")),
            ("root@localhost", Some("root@localhost")),
            ("x@xn--bcher-kva.example", Some("x@xn--bcher-kva.example")),
            ("", None),
            ("ada", None),
            ("@example.com", None),
            ("ada@", None),
            ("a@b@example.com", None),
            (".ada@example.com", None),
            ("ada..l@example.com", None),
            ("ada@example..com", None),
            ("ada@-example.com", None),
            ("ada@example.com.", None),
            ("\"ada\"@example.com", None),
            ("ada@[192.0.2.1]", None),
            ("ada lovelace@example.com", None),
            ("ada@exam\0ple.com", None),
            ("ada@example.com\r\nBcc: all@example.com", None),
            ("ädä@example.com", None),
            ("ada@bücher.example", None),
            (&long_local, None),
            (&long, None),
        ] {
            let parsed = Email::parse(typed);
            assert_eq!(
                parsed.as_ref().ok().map(Email::as_str),
                expected,
                "{typed:?}"
            );
        }
    }

    #[test]
    fn names_are_normalised_or_refused() {
        let hundred = "é".repeat(100);
        let more = "é".repeat(101);
        for (typed, expected) in [
            (" Ada ", Some("Ada")),
            ("", Some("")),
            ("Zoe\u{308}", Some("Zoë")),
            ("Ngũgĩ wa Thiong'o", Some("Ngũgĩ wa Thiong'o")),
            ("李", Some("李")),
            (&hundred, Some(hundred.as_str())),
            (&more, None),
            ("Ada\nLovelace", None),
            ("Ada\0", None),
            ("\u{202e}adA", None),
            ("a\u{61c}b", None),
            ("Ada\u{2028}admin", None),
        ] {
            let parsed = PersonName::parse("firstName", typed);
            assert_eq!(
                parsed.as_ref().ok().map(PersonName::as_str),
                expected,
                "{typed:?}"
            );
        }
    }

    #[test]
    fn roles_need_no_quoting() {
        for (role, fits) in [
            ("admin", true),
            ("billing:read", true),
            ("", false),
            ("a,b", false),
            ("a b", false),
            ("rôle", false),
        ] {
            assert_eq!(Role::parse(role).is_ok(), fits, "{role:?}");
        }
        assert!(Role::parse(&"r".repeat(64)).is_ok());
        assert!(Role::parse(&"r".repeat(65)).is_err());
    }

    #[test]
    fn the_roles_of_an_account_fit_into_a_cookie() {
        let named =
            |count: usize| -> Vec<String> { (0..count).map(|n| format!("{n:0>61}")).collect() };
        assert_eq!(Role::parse_all(&named(16)).map(|roles| roles.len()), Ok(16));
        assert_eq!(Role::parse_all(&named(17)), Err(UnfitField::Roles));
        let twice = ["b", "a", "b"].map(str::to_owned);
        let roles = Role::parse_all(&twice).unwrap();
        assert_eq!(
            roles.iter().map(Role::as_str).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(Role::parse_all(&["a b".to_owned()]), Err(UnfitField::Role));
    }
}
