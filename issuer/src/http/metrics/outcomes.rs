//! How a result of the domain counts. The matches have no rest: a new result is not counted until it has its line here.

use super::labels::{LoginResult, label_values};
use crate::domain::{
    access_token::MintError,
    lockout::NoAttempt,
    login::{LoginError, SignedIn},
    password::HashError,
    refresh::{Exchange, RefreshError, Refreshed},
    storage::StorageError,
};
use crate::{custody::SignTokenError, http::problem::ApiError};

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
        /// Too many passwords waited to be hashed, too many attempts came under one name, or what a sign-in needs was not at hand
        /// for a moment.
        Overloaded = "overloaded",
        /// The database was busy.
        DatabaseBusy = "database_busy",
        /// No key signs at this moment: whoever holds it does not do it, or there is none.
        SigningUnavailable = "signing_unavailable",
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
                | LoginError::Mint(
                    MintError::Sign(SignTokenError::Claims(_) | SignTokenError::Lost)
                    | MintError::NotPermitted
                    | MintError::NoRandomness(_),
                )
                | LoginError::NoRandomness(_),
            ) => Self::Internal,
            Err(LoginError::Mint(MintError::Sign(SignTokenError::Signer { .. }))) => {
                Self::SigningUnavailable
            }
        }
    }

    /// Of a sign-in that ended before its password was looked at.
    pub(super) const fn before(error: &ApiError) -> Self {
        match Hindrance::of(error) {
            Hindrance::Limit => Self::Limited,
            Hindrance::Captcha => Self::Captcha,
            Hindrance::Busy => Self::Overloaded,
            Hindrance::DatabaseBusy => Self::DatabaseBusy,
            Hindrance::SigningUnavailable => Self::SigningUnavailable,
            Hindrance::Caller
            | Hindrance::DatabaseUnwritable
            | Hindrance::TooSlow
            | Hindrance::Internal(_) => Self::Internal,
        }
    }

    pub(super) const fn result(self) -> LoginResult {
        match self {
            Self::None => LoginResult::Success,
            Self::Credentials | Self::Locked | Self::Limited | Self::Captcha => {
                LoginResult::Refused
            }
            Self::Overloaded | Self::DatabaseBusy | Self::SigningUnavailable | Self::Internal => {
                LoginResult::Failed
            }
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
        /// The database was busy, or what a refresh needs was not at hand for a moment; the token is as good as before.
        Busy = "busy",
        /// The issuer could not do it.
        Failed = "failed",
    }
}

impl RefreshResult {
    /// Of a token that was not looked up, because something before that ended the request.
    pub(super) const fn before(error: &ApiError) -> Self {
        match Hindrance::of(error) {
            Hindrance::Limit => Self::Limited,
            Hindrance::Busy | Hindrance::DatabaseBusy => Self::Busy,
            Hindrance::Caller
            | Hindrance::Captcha
            | Hindrance::DatabaseUnwritable
            | Hindrance::SigningUnavailable
            | Hindrance::TooSlow
            | Hindrance::Internal(_) => Self::Failed,
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
            Err(RefreshError::InProgress { .. }) => Self::Conflict,
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
        /// No key signs: whoever holds it does not do it, or there is none.
        SigningUnavailable = "signing_unavailable",
        /// Anything else.
        Internal = "internal",
    }
}

/// Who or what keeps a request from being answered.
enum Hindrance {
    /// Whoever sent it: it is refused, or must be sent otherwise.
    Caller,
    Limit,
    Captcha,
    /// It works in a moment.
    Busy,
    DatabaseBusy,
    DatabaseUnwritable,
    SigningUnavailable,
    TooSlow,
    Internal(Fault),
}

impl Hindrance {
    const fn of(error: &ApiError) -> Self {
        match error {
            ApiError::RateLimited { .. } => Self::Limit,
            ApiError::CaptchaRequired | ApiError::CaptchaInvalid => Self::Captcha,
            ApiError::Busy { .. } => Self::Busy,
            ApiError::DatabaseBusy => Self::DatabaseBusy,
            ApiError::DatabaseUnwritable => Self::DatabaseUnwritable,
            ApiError::SigningUnavailable => Self::SigningUnavailable,
            ApiError::TooSlow => Self::TooSlow,
            ApiError::Internal(failure) => Self::Internal(failure.fault()),
            ApiError::Malformed(_)
            | ApiError::Invalid(_)
            | ApiError::Unfit(_)
            | ApiError::UnsupportedMediaType
            | ApiError::BodyTooLarge
            | ApiError::NotFound
            | ApiError::MethodNotAllowed
            | ApiError::AmbiguousCredentials
            | ApiError::InvalidCredentials { .. }
            | ApiError::NotSignedIn
            | ApiError::InvalidToken(_)
            | ApiError::NoRefreshToken
            | ApiError::InvalidRefreshToken
            | ApiError::RefreshReused
            | ApiError::StepUpRequired
            | ApiError::RecentSignInRequired { .. }
            | ApiError::InsufficientRole
            | ApiError::AddressNotAllowed
            | ApiError::CsrfInvalid
            | ApiError::OriginRefused
            | ApiError::EdgeProofInvalid
            | ApiError::EdgeProofMisused
            | ApiError::EdgeProofRequired
            | ApiError::LinkInvalid
            | ApiError::WeakPassword(_)
            | ApiError::PasswordUnchanged
            | ApiError::PasswordNeeded
            | ApiError::EmailTaken
            | ApiError::LastAdmin
            | ApiError::StaleVersion
            | ApiError::VersionRequired
            | ApiError::AccountLocked { .. }
            | ApiError::RefreshInProgress { .. } => Self::Caller,
        }
    }
}

impl Fault {
    /// Whether and how a refusal is the issuer's own failure.
    pub(in crate::http) const fn of(error: &ApiError) -> Option<Self> {
        match Hindrance::of(error) {
            Hindrance::DatabaseBusy => Some(Self::DatabaseBusy),
            Hindrance::DatabaseUnwritable => Some(Self::DatabaseUnwritable),
            Hindrance::SigningUnavailable => Some(Self::SigningUnavailable),
            Hindrance::TooSlow => Some(Self::TooSlow),
            Hindrance::Internal(fault) => Some(fault),
            Hindrance::Caller | Hindrance::Limit | Hindrance::Captcha | Hindrance::Busy => None,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::SealerError;

    #[test]
    fn what_ends_a_request_counts_by_what_it_is() {
        let retry_after_seconds = 1;
        for (error, login, refresh, fault) in [
            (
                ApiError::RateLimited {
                    retry_after_seconds,
                },
                LoginReason::Limited,
                RefreshResult::Limited,
                None,
            ),
            (
                ApiError::CaptchaRequired,
                LoginReason::Captcha,
                RefreshResult::Failed,
                None,
            ),
            (
                ApiError::Busy {
                    retry_after_seconds,
                },
                LoginReason::Overloaded,
                RefreshResult::Busy,
                None,
            ),
            (
                ApiError::DatabaseBusy,
                LoginReason::DatabaseBusy,
                RefreshResult::Busy,
                Some(Fault::DatabaseBusy),
            ),
            (
                ApiError::DatabaseUnwritable,
                LoginReason::Internal,
                RefreshResult::Failed,
                Some(Fault::DatabaseUnwritable),
            ),
            (
                ApiError::SigningUnavailable,
                LoginReason::SigningUnavailable,
                RefreshResult::Failed,
                Some(Fault::SigningUnavailable),
            ),
            (
                ApiError::internal("lost"),
                LoginReason::Internal,
                RefreshResult::Failed,
                Some(Fault::Internal),
            ),
        ] {
            let counted = (
                LoginReason::before(&error),
                RefreshResult::before(&error),
                Fault::of(&error),
            );
            assert_eq!(counted, (login, refresh, fault), "{error:?}");
        }
        let held = SignTokenError::Signer {
            key_name: "pkcs11:a".to_owned(),
            cause: SealerError::Lost,
        };
        let unsigned = Err(LoginError::Mint(MintError::Sign(held)));
        assert_eq!(LoginReason::of(&unsigned), LoginReason::SigningUnavailable);
    }
}
