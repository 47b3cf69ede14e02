//! How a result of the domain counts. The matches have no rest: a new result is not counted until it has its line here.

use super::labels::{LoginResult, label_values};
use crate::domain::{
    lockout::NoAttempt,
    login::{LoginError, SignedIn},
    password::HashError,
    refresh::{Exchange, RefreshError, Refreshed},
    storage::StorageError,
};
use crate::http::problem::ApiError;

label_values! {
    /// Why a sign-in ended as it did.
    LoginReason {
        /// It succeeded.
        None = "none",
        /// Address and password do not belong together; which of the two was wrong is for the audit log.
        Credentials = "credentials",
        /// The name or the range of addresses was locked after too many failures; nothing was compared.
        Locked = "locked",
        /// Too many had come from the address, or under the name; nothing was compared.
        Limited = "limited",
        /// A challenge had to be solved first, and was not; nothing was compared.
        Captcha = "captcha",
        /// Too many passwords waited to be hashed, or too many attempts under one name.
        Overloaded = "overloaded",
        /// The database was busy.
        DatabaseBusy = "database_busy",
        /// Anything else; the log knows more.
        Internal = "internal",
    }
}

impl LoginReason {
    pub(super) fn of(result: &Result<SignedIn, LoginError>) -> Self {
        match result {
            Ok(SignedIn { .. }) => Self::None,
            Err(LoginError::InvalidCredentials { .. }) => Self::Credentials,
            Err(LoginError::NoAttempt(
                NoAttempt::Locked { .. } | NoAttempt::RangeLocked { .. },
            )) => Self::Locked,
            Err(
                LoginError::Hash(HashError::Overloaded)
                | LoginError::AccountMoved
                | LoginError::NoAttempt(NoAttempt::Contended),
            ) => Self::Overloaded,
            Err(
                LoginError::Storage(StorageError::Busy(_))
                | LoginError::NoAttempt(NoAttempt::Storage(StorageError::Busy(_))),
            ) => Self::DatabaseBusy,
            Err(
                LoginError::Hash(
                    HashError::Failed(_)
                    | HashError::Unreadable(_)
                    | HashError::NoRandomness(_)
                    | HashError::Lost,
                )
                | LoginError::NoAttempt(NoAttempt::Storage(
                    StorageError::Unwritable(_)
                    | StorageError::Failed(_)
                    | StorageError::Unreadable(_),
                ))
                | LoginError::Storage(
                    StorageError::Unwritable(_)
                    | StorageError::Failed(_)
                    | StorageError::Unreadable(_),
                )
                | LoginError::Mint(_)
                | LoginError::NoRandomness(_),
            ) => Self::Internal,
        }
    }

    /// Of a sign-in that ended before its password was looked at.
    pub(super) const fn before(error: &ApiError) -> Self {
        if matches!(error, ApiError::RateLimited { .. }) {
            Self::Limited
        } else if matches!(error, ApiError::CaptchaRequired | ApiError::CaptchaInvalid) {
            Self::Captcha
        } else if matches!(error, ApiError::DatabaseBusy) {
            Self::DatabaseBusy
        } else {
            Self::Internal
        }
    }

    pub(super) const fn result(self) -> LoginResult {
        match self {
            Self::None => LoginResult::Success,
            Self::Credentials | Self::Locked | Self::Limited | Self::Captcha => {
                LoginResult::Refused
            }
            Self::Overloaded | Self::DatabaseBusy | Self::Internal => LoginResult::Failed,
        }
    }
}

label_values! {
    /// What became of a refresh token that was sent.
    RefreshResult {
        /// It got its successor.
        Success = "success",
        /// It got the same successor once more, because its client had lost the answer.
        Repeat = "repeat",
        /// It had been spent before: its session was ended.
        Replay = "replay",
        /// It is not genuine, has expired, or its session had ended.
        Revoked = "revoked",
        /// Another request was exchanging it at this moment.
        Conflict = "conflict",
        /// Too many had come in its session or from its address; the token is as good as before.
        Limited = "limited",
        /// The database was busy; the token is as good as before.
        Busy = "busy",
        /// The issuer could not do it.
        Failed = "failed",
    }
}

impl RefreshResult {
    /// Of a token that was not looked up, because something before that ended the request.
    pub(super) const fn before(error: &ApiError) -> Self {
        if matches!(error, ApiError::RateLimited { .. }) {
            Self::Limited
        } else if matches!(error, ApiError::DatabaseBusy) {
            Self::Busy
        } else {
            Self::Failed
        }
    }

    pub(super) fn of(result: &Result<Refreshed, RefreshError>) -> Self {
        match result {
            Ok(Refreshed {
                exchange: Exchange::Rotated,
                ..
            }) => Self::Success,
            Ok(Refreshed {
                exchange: Exchange::Repeated,
                ..
            }) => Self::Repeat,
            Err(RefreshError::Reused) => Self::Replay,
            Err(RefreshError::Invalid) => Self::Revoked,
            Err(RefreshError::InProgress) => Self::Conflict,
            Err(RefreshError::Storage(StorageError::Busy(_))) => Self::Busy,
            Err(
                RefreshError::Storage(
                    StorageError::Unwritable(_)
                    | StorageError::Failed(_)
                    | StorageError::Unreadable(_),
                )
                | RefreshError::Mint(_)
                | RefreshError::Seal(_)
                | RefreshError::NoRandomness(_),
            ) => Self::Failed,
        }
    }
}

label_values! {
    /// What the operator must look at.
    Fault {
        /// The database was locked or had no connection left for longer than a request waits.
        DatabaseBusy = "database_busy",
        /// The database's disk is full, or takes no writes for another reason.
        DatabaseUnwritable = "database_unwritable",
        /// The database refused or cannot be reached. An act and its audit entry are one transaction, so this is also
        /// how an entry that cannot be written shows.
        Database = "database",
        /// A row holds what this program never writes.
        DatabaseUnreadable = "database_unreadable",
        /// An answer took longer than a request may.
        TooSlow = "too_slow",
        /// Anything else.
        Internal = "internal",
    }
}

impl Fault {
    /// How a failure of the database counts.
    #[must_use]
    pub const fn of_storage(error: &StorageError) -> Self {
        match error {
            StorageError::Busy(_) => Self::DatabaseBusy,
            StorageError::Unwritable(_) => Self::DatabaseUnwritable,
            StorageError::Failed(_) => Self::Database,
            StorageError::Unreadable(_) => Self::DatabaseUnreadable,
        }
    }
}
