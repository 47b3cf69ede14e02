//! `edgeward keys revoke` of a signing key, which is done also while no key-encryption key is at hand: who needs it cannot wait for one.

use std::{
    io::{self, Write},
    time::Instant,
};

use super::{Known, refuse, secrets_of, tell};
use crate::{
    chores::accesses,
    cli::{Answer, Failure, Outcome},
    custody::Secrets,
    domain::keyring::{
        KeyState, Keyring, KeyringError, SigningKeys,
        acts::{self, Acts, Done},
    },
    signatures::SigningAlgorithm,
};

/// What was done, and why not more, where no other key could be made.
struct Revoked {
    done: Done,
    without: Option<String>,
}

pub(super) async fn run(known: &Known<'_>, algorithm: SigningAlgorithm, key_id: &str) -> Outcome {
    let (secrets, unusable) = custody_of(known).await?;
    let at_hand = secrets.as_ref().filter(|_| unusable.is_none());
    let revoked = match at_hand {
        Some(secrets) => with(known, secrets, algorithm, key_id).await,
        None => acts::revoke_blindly(known.store, algorithm, key_id, known.now)
            .await
            .map(|done| Revoked {
                done,
                without: unusable,
            }),
    };
    // What was asked of a key elsewhere is written also when it did not help.
    let noted = match &secrets {
        Some(secrets) => accesses::drain(known.store, secrets).await,
        None => Ok(()),
    };
    let answer = match revoked {
        Ok(revoked) => told(known, algorithm, key_id, revoked).await?,
        Err(KeyringError::Refused(why)) => refuse(&why)?,
        Err(error) => return Err(error.into()),
    };
    noted?;
    Ok(answer)
}

/// The secrets that the settings name, as far as they are there, and why they do not do to make a key with, if they do not. What seals
/// elsewhere than the keys in the store are, the issuers could not open, and it would sign next: so these are opened first.
async fn custody_of(known: &Known<'_>) -> Result<(Option<Secrets>, Option<String>), Failure> {
    let secrets = match secrets_of(known.config, known.has_keys) {
        Ok(secrets) => secrets,
        Err(Failure(why)) => return Ok((None, Some(why))),
    };
    let (algorithms, at) = (known.config.algorithms(), Instant::now());
    match Keyring::load_or_create(known.store, &secrets, &algorithms, known.now, at).await {
        Ok(_) => Ok((Some(secrets), None)),
        Err(error) if error.is_of_custody() => Ok((Some(secrets), Some(error.to_string()))),
        Err(error) => Err(error.into()),
    }
}

async fn with(
    known: &Known<'_>,
    secrets: &Secrets,
    algorithm: SigningAlgorithm,
    key_id: &str,
) -> Result<Revoked, KeyringError> {
    let acts = Acts {
        store: known.store,
        secrets,
        algorithm,
        now: known.now,
    };
    match acts.revoke(key_id).await {
        Ok(done) => Ok(Revoked {
            done,
            without: None,
        }),
        Err(error) if error.is_of_custody() => Ok(Revoked {
            done: acts.revoke_only(key_id).await?,
            without: Some(error.to_string()),
        }),
        Err(error) => Err(error),
    }
}

async fn told(
    known: &Known<'_>,
    algorithm: SigningAlgorithm,
    key_id: &str,
    Revoked { done, without }: Revoked,
) -> Outcome {
    tell(&done, known.now)?;
    let Some(why) = without else {
        return Ok(Answer::Yes);
    };
    if done.key.state != KeyState::Revoked {
        let next = &done.key.key_id;
        let said = format!("edgeward: it was not tried whether {next} opens: {why}");
        writeln!(io::stderr(), "{said}")?;
        return Ok(Answer::Yes);
    }
    let shown = known.store.signing_keys().await?;
    let is_shown = shown.iter().any(|key| key.life.state.is_public());
    let until_then = match algorithm {
        SigningAlgorithm::EdDsa if is_shown => {
            "until then nobody can sign in or refresh, and verifiers have the keys of before"
        }
        SigningAlgorithm::EdDsa => {
            "until then nobody can sign in or refresh, and there is no key to show: the key set answers 503"
        }
        SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 => {
            "until then keys of EdDSA sign in its place"
        }
    };
    Err(Failure(format!(
        "{key_id} is revoked and edges are told, and no key could be made in its place: {why}. An issuer makes one as soon as that is put right; {until_then}"
    )))
}
