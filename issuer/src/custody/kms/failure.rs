//! What went wrong, in words for an operator. KMS' own words are told where they are about keys. Those about credentials may
//! repeat the request and what is secret in it, so there the words are from here.

use std::{error::Error, time::Duration};

use aws_sdk_kms::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::custody::SealerError;

/// So much of a reason is told.
const REASON_MAX_CHARS: usize = 200;

/// What is wrong with credentials, by the names of AWS' common errors.
const OF_CREDENTIALS: [(&str, &str); 9] = [
    ("ExpiredTokenException", EXPIRED),
    ("ExpiredToken", EXPIRED),
    ("UnrecognizedClientException", UNKNOWN),
    ("InvalidClientTokenId", UNKNOWN),
    ("InvalidSignatureException", SIGNATURE),
    ("SignatureDoesNotMatch", SIGNATURE),
    ("IncompleteSignature", SIGNATURE),
    ("RequestExpired", SIGNATURE),
    ("MissingAuthenticationToken", SIGNATURE),
];
const EXPIRED: &str = "the credentials have expired";
const UNKNOWN: &str = "it does not know the credentials";
const SIGNATURE: &str =
    "the credentials do not sign what they should, or the clock of this machine is wrong";

/// What an error of the client means.
pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, limit: Duration) -> SealerError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(refused) = error {
        let (code, words) = (refused.err().code(), refused.err().message());
        let status = refused.raw().status().as_u16();
        return of_answer(status, code, words.unwrap_or_default());
    }
    match error {
        SdkError::TimeoutError(_) => SealerError::Slow(limit.as_millis()),
        SdkError::DispatchFailure(lost) if lost.is_timeout() => {
            SealerError::Slow(limit.as_millis())
        }
        SdkError::ResponseError(_) => unreadable(),
        other => SealerError::Unreachable(chain(other)),
    }
}

/// What KMS means by an error that it names.
fn of_answer(status: u16, code: Option<&str>, words: &str) -> SealerError {
    let Some(code) = code else {
        // The client could not read a success.
        if (200..300).contains(&status) {
            return unreadable();
        }
        return SealerError::Unreachable(format!("the server answers {status} and no reason"));
    };
    if let Some((_, words)) = OF_CREDENTIALS.iter().find(|(name, _)| *name == code) {
        return SealerError::Refused(format!("KMS answers {code}: {words}"));
    }
    let told = shortened(&format!("KMS answers {code}: {words}"));
    match code {
        "AccessDeniedException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException" => SealerError::Refused(told),
        "NotFoundException" | "InvalidArnException" => SealerError::NoKey(told),
        // KMS had the key and the ciphertext, and the one does not open the other.
        "InvalidCiphertextException" | "IncorrectKeyException" => SealerError::DoesNotOpen,
        "ThrottlingException"
        | "LimitExceededException"
        | "KeyUnavailableException"
        | "DependencyTimeoutException"
        | "KMSInternalException" => SealerError::Unreachable(told),
        other => SealerError::Unreachable(shortened(&format!("KMS answers {other}"))),
    }
}

/// An answer that says nothing that was asked.
pub(super) fn unreadable() -> SealerError {
    SealerError::Unreachable("the server answers what is no answer of KMS".to_owned())
}

/// No credentials came of any place where they may be.
pub(super) fn no_credentials(error: &(dyn Error + 'static)) -> SealerError {
    SealerError::Unreachable(format!(
        "there are no credentials for AWS: {}",
        chain(error)
    ))
}

/// The same, because a place did not answer.
pub(super) fn no_credentials_within(limit: Duration) -> SealerError {
    SealerError::Unreachable(format!(
        "no credentials for AWS came within {} ms",
        limit.as_millis()
    ))
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    shortened(&text)
}

fn shortened(text: &str) -> String {
    let letters = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    letters.take(REASON_MAX_CHARS).collect()
}
