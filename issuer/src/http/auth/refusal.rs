//! The refusals of the domain as answers: one exhaustive match for each error.

use crate::{
    captcha::NotSolved,
    custody::SignTokenError,
    domain::{
        access_token::MintError,
        accounts::{AccountError, UnfitField},
        administration::{TooOld, UnfitWords},
        change_password::ChangeError,
        keyring::KeyringError,
        limits::Limited,
        lockout::NoAttempt,
        login::{LoginError, RegisterError},
        password::{HashError, RETRY_AFTER_SECONDS},
        refresh::RefreshError,
        roles::RoleError,
        secrets::SecretsError,
        step_up::StepUpError,
    },
    http::problem::ApiError,
};

/// After how many seconds somebody tries again whom the outage of a provider keeps out.
const OUTAGE_RETRY_SECONDS: u64 = 30;

impl From<UnfitField> for ApiError {
    fn from(error: UnfitField) -> Self {
        Self::Unfit(error)
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::Busy {
                retry_after_seconds: RETRY_AFTER_SECONDS,
            },
            HashError::Failed(_)
            | HashError::Unreadable(_)
            | HashError::NoRandomness(_)
            | HashError::Lost => Self::internal(error),
        }
    }
}

impl From<MintError> for ApiError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Sign(error) => error.into(),
            MintError::NotPermitted | MintError::NoRandomness(_) => Self::internal(error),
        }
    }
}

impl From<SignTokenError> for ApiError {
    fn from(error: SignTokenError) -> Self {
        match error {
            SignTokenError::Claims(_) | SignTokenError::Lost => Self::internal(error),
            SignTokenError::Signer { .. } => {
                tracing::error!(detail = %error, "nothing is signed");
                Self::SigningUnavailable
            }
        }
    }
}

impl From<KeyringError> for ApiError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => error.into(),
            // They are read again every moment.
            KeyringError::Outdated | KeyringError::Overtaken => Self::Busy {
                retry_after_seconds: 1,
            },
            KeyringError::NoActiveKey => {
                tracing::error!(detail = %error, "nothing is signed");
                Self::SigningUnavailable
            }
            KeyringError::Seal { .. }
            | KeyringError::WrongSeed(_)
            | KeyringError::NoProof(_)
            | KeyringError::CameBack(_)
            | KeyringError::Unfit
            | KeyringError::Elsewhere { .. }
            | KeyringError::KeySet(_)
            | KeyringError::NoRandomness
            | KeyringError::Lost
            | KeyringError::Refused(_) => Self::internal(error),
        }
    }
}

impl From<SecretsError> for ApiError {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Store(error) => error.into(),
            // They are read again every moment.
            SecretsError::Outdated | SecretsError::Overtaken => Self::Busy {
                retry_after_seconds: 1,
            },
            SecretsError::Seal { .. }
            | SecretsError::WrongSecret(_)
            | SecretsError::NoneActive(_)
            | SecretsError::NoRandomness
            | SecretsError::Refused(_) => Self::internal(error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::EmailTaken => Self::EmailTaken,
            AccountError::WeakPassword(weak) => Self::WeakPassword(weak),
            AccountError::Hash(error) => error.into(),
            AccountError::Storage(error) => error.into(),
            AccountError::NoRandomness(error) => Self::internal(error),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials { attempts_left } => {
                Self::InvalidCredentials { attempts_left }
            }
            LoginError::NoAttempt(error) => error.into(),
            LoginError::Hash(error) => error.into(),
            LoginError::Mint(error) => error.into(),
            // Whoever asks again is compared with what the account is by then.
            LoginError::AccountMoved => Self::Busy {
                retry_after_seconds: 1,
            },
            LoginError::Storage(error) => error.into(),
            LoginError::NoRandomness(error) => Self::internal(error),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unchanged => Self::PasswordUnchanged,
            ChangeError::WeakPassword(weak) => Self::WeakPassword(weak),
            ChangeError::NoAccount => Self::NotSignedIn,
            ChangeError::Login(error) => error.into(),
        }
    }
}

impl From<Limited> for ApiError {
    fn from(error: Limited) -> Self {
        Self::RateLimited {
            retry_after_seconds: error.seconds,
        }
    }
}

impl From<NoAttempt> for ApiError {
    fn from(error: NoAttempt) -> Self {
        match error {
            NoAttempt::Locked { seconds } => Self::AccountLocked {
                retry_after_seconds: seconds,
            },
            NoAttempt::RangeLocked { seconds } => Self::RateLimited {
                retry_after_seconds: seconds,
            },
            NoAttempt::Contended => Self::Busy {
                retry_after_seconds: RETRY_AFTER_SECONDS,
            },
            NoAttempt::Storage(error) => error.into(),
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Account(error) => error.into(),
            RegisterError::Login(error) => error.into(),
        }
    }
}

impl From<StepUpError> for ApiError {
    fn from(error: StepUpError) -> Self {
        match error {
            StepUpError::NoAccount => Self::NotSignedIn,
            StepUpError::Login(error) => error.into(),
        }
    }
}

impl From<TooOld> for ApiError {
    fn from(TooOld { max_age_seconds }: TooOld) -> Self {
        Self::RecentSignInRequired { max_age_seconds }
    }
}

impl From<UnfitWords> for ApiError {
    fn from(error: UnfitWords) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<RoleError> for ApiError {
    fn from(error: RoleError) -> Self {
        match error {
            RoleError::NoAccount => Self::NotFound,
            RoleError::Unfit(error) => error.into(),
            RoleError::Moved => Self::StaleVersion,
            RoleError::NotHeld => Self::InsufficientRole,
            RoleError::LastHolder => Self::LastAdmin,
            RoleError::Storage(error) => error.into(),
        }
    }
}

impl From<NotSolved> for ApiError {
    fn from(error: NotSolved) -> Self {
        match error {
            NotSolved::Missing => Self::CaptchaRequired,
            NotSolved::Invalid => Self::CaptchaInvalid,
            NotSolved::Unavailable => Self::Busy {
                retry_after_seconds: OUTAGE_RETRY_SECONDS,
            },
        }
    }
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::InvalidRefreshToken,
            RefreshError::InProgress {
                retry_after_seconds,
            } => Self::RefreshInProgress {
                retry_after_seconds,
            },
            RefreshError::Reused => Self::RefreshReused,
            RefreshError::Mint(error) => error.into(),
            RefreshError::Seal(error) => Self::internal(error),
            RefreshError::Storage(error) => error.into(),
            RefreshError::NoRandomness(error) => Self::internal(error),
        }
    }
}
