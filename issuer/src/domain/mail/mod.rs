//! Mails: which there are, to whom an act is told, how often somebody may be written to, and when a failed delivery is
//! tried again.
//!
//! A mail is queued in the transaction of the act that causes it and sent later, by whichever process gets to it
//! first. What is queued says what the mail is about and holds no secret: whether an address has an account, and
//! the token of a link, are looked up and made when the mail is sent. So a request about an unknown address is the same
//! work as one about a known address, and the outbox opens nothing.

mod link;
mod notice;
mod retry;
mod storage;

pub use link::{LINK_PARAMETER, LinkToken, Purpose};
pub use notice::{Notice, Reading};
pub use retry::{Failure, Next, after_failure, is_spent};
pub use storage::MailStorage;

use std::fmt;

use edgeward_core::time::UnixTime;
use uuid::Uuid;

use super::{
    accounts::Email,
    language::Language,
    session::{self, parse_uuid, uuid_v7},
};
use crate::config::Links;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A notice that comes later than this would frighten about what is over.
const NOTICE_SECONDS: i64 = DAY;

/// The time in which the mails to one address are counted.
pub const COUNTED_SECONDS: i64 = DAY;

/// Mails of one kind to one address in a day, where a stranger can cause them by typing the address. A person asks once or
/// twice more when the first mail is slow; whoever wants to bury a mailbox gets no further.
const ASKED_PER_DAY: i64 = 5;

/// Notices of one kind to one account in a day. A lock can be provoked every half an hour, and says nothing new the fourth time.
const NOTICES_PER_DAY: i64 = 3;

/// What was sent or given up is kept so long: longer than mails are counted, and long enough to answer "I never got it".
pub const KEPT_SECONDS: i64 = 7 * DAY;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What a mail is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kind of a name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

kinds! {
    /// Somebody registered with the address: a link to confirm it, or word that it has an account already.
    Registration = "registration";
    /// Somebody forgot the password: a link to choose another, if the address has an account.
    PasswordReset = "password-reset";
    /// The password was changed or reset.
    PasswordChanged = "password-changed";
    /// Too many wrong passwords locked the account.
    AccountLocked = "account-locked";
    /// A sign-in from a device that the account did not know.
    NewDevice = "new-device";
    /// A spent refresh token came back.
    RefreshReused = "refresh-reused";
}

impl Kind {
    /// So many to one address in [`COUNTED_SECONDS`].
    #[must_use]
    pub const fn per_day(self) -> i64 {
        match self {
            Self::Registration | Self::PasswordReset => ASKED_PER_DAY,
            Self::PasswordChanged | Self::AccountLocked | Self::NewDevice | Self::RefreshReused => {
                NOTICES_PER_DAY
            }
        }
    }

    /// Whether the request that causes it has proved a password or a mailbox, so that its language may be the owner's. A lock and a
    /// token that came back are the work of strangers, who choose nothing of a mail.
    #[must_use]
    pub const fn follows_a_proof(self) -> bool {
        match self {
            Self::PasswordChanged | Self::NewDevice => true,
            Self::Registration
            | Self::PasswordReset
            | Self::AccountLocked
            | Self::RefreshReused => false,
        }
    }

    /// After so many seconds it is not worth sending any more.
    #[must_use]
    pub const fn worth_seconds(self, links: Links) -> i64 {
        match self {
            Self::Registration => links.registration_seconds,
            // Nobody waits longer for it; the person has asked again by then.
            Self::PasswordReset => links.reset_seconds,
            Self::PasswordChanged | Self::AccountLocked | Self::NewDevice | Self::RefreshReused => {
                NOTICE_SECONDS
            }
        }
    }
}

/// The identifier of a mail or of a registration: a UUIDv7. Not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MailId(Uuid);

impl MailId {
    /// A new identifier.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn new(now: UnixTime) -> Result<Self, session::NoRandomness> {
        Ok(Self(uuid_v7(now, session::random()?)))
    }

    /// Takes the one spelling that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_uuid(text).map(Self)
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A mail that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its identifier, the same at every attempt.
    pub id: MailId,
    /// What it is about.
    pub kind: Kind,
    /// To whom.
    pub recipient: Email,
    /// Which registration it is about, if it is about one.
    pub registration: Option<MailId>,
    /// On which device, where that is told.
    pub device: Option<String>,
    /// From which range of addresses, where that is told.
    pub place: Option<String>,
    /// In which language, where one is known.
    pub language: Option<Language>,
    /// Attempts that have begun.
    pub attempts: u32,
    /// Not to be tried before.
    pub due_at: UnixTime,
    /// Not worth sending from then on.
    pub ends_at: UnixTime,
    /// When it happened.
    pub created_at: UnixTime,
}
