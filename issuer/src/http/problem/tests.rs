//! Which refusals pass by themselves.

use super::*;
use crate::domain::accounts::UnfitField;

#[test]
fn what_passes_may_be_sent_again_as_it_is() {
    let retry_after_seconds = 1;
    for (error, passes) in [
        (
            ApiError::RateLimited {
                retry_after_seconds,
            },
            true,
        ),
        (
            ApiError::Busy {
                retry_after_seconds,
            },
            true,
        ),
        (ApiError::DatabaseBusy, true),
        (ApiError::DatabaseUnwritable, true),
        (ApiError::SigningUnavailable, true),
        (ApiError::internal("the disk is gone"), true),
        (ApiError::Unfit(UnfitField::Role), false),
        (ApiError::StaleVersion, false),
        (ApiError::CsrfInvalid, false),
        (ApiError::InsufficientRole, false),
        (ApiError::AmbiguousCredentials, false),
        (ApiError::NotFound, false),
        (ApiError::NotSignedIn, false),
        (ApiError::StepUpRequired, false),
    ] {
        assert_eq!(error.will_pass(), passes, "{error:?}");
    }
}
