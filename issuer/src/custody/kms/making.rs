//! Making keys that sign in KMS, and having them deleted.

use std::time::Duration;

use aws_sdk_kms::{
    error::SdkError,
    operation::{
        get_public_key::GetPublicKeyError, schedule_key_deletion::ScheduleKeyDeletionError,
    },
    types::{KeySpec, KeyState, KeyUsageType, Tag},
};
use edgeward_core::keys::Jwk;

use super::{
    failure::{self, unreadable},
    link::Link,
    public::Public,
    signing::{NEITHER, settings},
};
use crate::{
    config::{Custody, KmsKey},
    custody::{Destroyed, SealerError},
    signatures::SigningAlgorithm,
};

/// What a key is marked with, so that a policy can let an issuer use and delete the keys that it made and no others.
const TAG: (&str, &str) = ("edgeward", "signing-key");
/// So long KMS keeps a key that is to be deleted, and can be told to keep it after all: its own default, and the longest. Nothing is
/// charged for that time.
const PENDING_DAYS: i32 = 30;
/// A key that was just made may be unknown for a moment wherever KMS is asked next. So often it is asked again for the public half.
const TRIES: u32 = 8;
const BETWEEN_TRIES: Duration = Duration::from_millis(150);

/// Makes a pair of keys in the region of the key that `custody.kms.key` names, and gives the public half. Waits.
pub(in crate::custody) fn make_signing_key(
    custody: &Custody,
    algorithm: SigningAlgorithm,
) -> Result<(KmsKey, Jwk), SealerError> {
    let spec = match algorithm {
        SigningAlgorithm::EdDsa => KeySpec::EccNistEdwards25519,
        SigningAlgorithm::Es256 => KeySpec::EccNistP256,
        SigningAlgorithm::Rs256 => {
            let why = "keys in KMS sign by EdDSA or ES256";
            return Err(SealerError::Refused(why.to_owned()));
        }
    };
    let kms = settings(custody)?;
    let link = Link::new(&kms.key, kms.endpoint.clone(), custody.timeout);
    let (name, value) = TAG;
    let tag = Tag::builder().tag_key(name).tag_value(value).build();
    let tag = tag.map_err(|error| SealerError::Refused(error.to_string()))?;
    let made = link.ask(|client| {
        client
            .create_key()
            .key_spec(spec)
            .key_usage(KeyUsageType::SignVerify)
            .description(format!("Edgeward: signs tokens by {algorithm}"))
            .tags(tag)
            .send()
    })?;
    let arn = made.key_metadata.and_then(|metadata| metadata.arn);
    let key = KmsKey::parse(&arn.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    match public_of(&link, &key, algorithm) {
        Ok(public) => Ok((key, public)),
        Err(error) => {
            // Nobody will ever ask for it, and each key is charged for.
            if let Err(kept) = delete(&link, &key) {
                tracing::warn!(%key, detail = %kept, "a key in KMS that nothing signs with was not deleted");
            }
            Err(error)
        }
    }
}

fn public_of(link: &Link, key: &KmsKey, algorithm: SigningAlgorithm) -> Result<Jwk, SealerError> {
    let answer = link.ask(|client| async move {
        let mut tries = 1;
        loop {
            let answer = client.get_public_key().key_id(key.as_str()).send().await;
            let is_unknown = |error: &SdkError<GetPublicKeyError, _>| {
                matches!(error, SdkError::ServiceError(no) if no.err().is_not_found_exception())
            };
            if tries == TRIES || !answer.as_ref().is_err_and(is_unknown) {
                return answer;
            }
            tries += 1;
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    })?;
    if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
        return Err(SealerError::Refused(
            "the key is not for signing".to_owned(),
        ));
    }
    let spki = answer.public_key.ok_or_else(unreadable)?;
    let public = Public::read(spki.as_ref()).filter(|public| public.algorithm() == algorithm);
    let jwk = public.and_then(|public| public.jwk());
    jwk.ok_or_else(|| SealerError::Refused(NEITHER.to_owned()))
}

/// Has a key deleted after the days in which somebody may find out that it is needed. Waits.
pub(in crate::custody) fn destroy_signing_key(
    custody: &Custody,
    key: &KmsKey,
) -> Result<Destroyed, SealerError> {
    let kms = settings(custody)?;
    delete(&Link::new(key, kms.endpoint.clone(), custody.timeout), key)
}

fn delete(link: &Link, key: &KmsKey) -> Result<Destroyed, SealerError> {
    match schedule_deletion(link, key) {
        Ok(Scheduled::Now) => Ok(Destroyed::Now),
        Ok(Scheduled::NotInThisState(why)) => {
            if is_to_be_deleted(link, key)? {
                Ok(Destroyed::WasGone)
            } else {
                Err(why)
            }
        }
        Err(SealerError::NoKey(_)) => Ok(Destroyed::WasGone),
        Err(error) => Err(error),
    }
}

enum Scheduled {
    Now,
    /// KMS refuses it because of the state that the key is in, and says only in words which that is.
    NotInThisState(SealerError),
}

fn schedule_deletion(link: &Link, key: &KmsKey) -> Result<Scheduled, SealerError> {
    link.ask(|client| async move {
        let answer = client
            .schedule_key_deletion()
            .key_id(key.as_str())
            .pending_window_in_days(PENDING_DAYS)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Scheduled::Now),
            Err(error) if is_of_state(&error) => {
                let why = failure::of(&error, link.timeout());
                Ok(Scheduled::NotInThisState(why))
            }
            Err(error) => Err(error),
        }
    })
}

fn is_of_state<R>(error: &SdkError<ScheduleKeyDeletionError, R>) -> bool {
    matches!(error, SdkError::ServiceError(no) if no.err().is_kms_invalid_state_exception())
}

/// Whether somebody has had it deleted already. One that KMS does not know any more is gone.
fn is_to_be_deleted(link: &Link, key: &KmsKey) -> Result<bool, SealerError> {
    let described = link.ask(|client| client.describe_key().key_id(key.as_str()).send());
    let state = match described {
        Ok(described) => described
            .key_metadata
            .and_then(|metadata| metadata.key_state),
        Err(SealerError::NoKey(_)) => return Ok(true),
        Err(error) => return Err(error),
    };
    let state = state.ok_or_else(unreadable)?;
    Ok(matches!(
        state,
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion
    ))
}
