//! Destroying keys where they are held, once they have ended.
//!
//! A key that is in the key set, or will be, is never destroyed; nor is one whose row does not prove that an issuer wrote it: a row names
//! what is destroyed.

use std::future::Future;

use edgeward_core::time::UnixTime;

use super::{
    HeldElsewhere, KeyState, KeyringError, PrivateHalf, SigningKeys, StoredKey, held::Proven,
};
use crate::{
    custody::{Destroyed, SealerError, Secrets},
    domain::{
        audit::{Action, Actor, AuditEntry, Origin},
        storage::StorageError,
    },
};

/// So long a key is kept after its end, unless it is named: a database that is restored from a copy of these days may have it sign again.
pub const KEPT_SECONDS: i64 = 7 * 24 * 3600;

/// What destroying needs of a store.
pub trait HeldKeys: SigningKeys {
    /// Writes down that a key that has ended is no more. `false`: it has not ended, or that was written before.
    fn note_destroyed(
        &self,
        key_id: &str,
        at: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// Why a key that was named is not destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    /// No key has the id.
    #[error("there is no signing key with this id: `edgeward keys list` shows all of them")]
    Unknown,
    /// It is in the database and not elsewhere.
    #[error("this signing key is sealed in the database, and nowhere else")]
    Here,
    /// It signs, will sign, or verifies.
    #[error("this signing key has not ended: it is in the key set, or will be")]
    NotEnded,
    /// That was done.
    #[error("this signing key was destroyed already")]
    Gone,
}

/// What became of one.
#[derive(Debug)]
pub struct Outcome {
    /// The key.
    pub key_id: String,
    /// Its name where it was held.
    pub reference: String,
    /// What was done, or why not.
    pub done: Result<Done, DestroyError>,
}

/// That a key is no more.
#[derive(Debug)]
pub struct Done {
    /// Whether it was there until now.
    pub found: Destroyed,
    /// Whether its row says so.
    pub noted: Noted,
}

/// What became of the note that a key is no more.
#[derive(Debug)]
pub enum Noted {
    /// The row says so, and the audit log.
    Now,
    /// The row was changed meanwhile: somebody else wrote it down, or the row is not the one that was read. Nothing was written.
    ChangedMeanwhile,
    /// The store failed. The key is found gone the next time.
    Failed(StorageError),
}

/// Why a key was not destroyed.
#[derive(Debug, thiserror::Error)]
pub enum DestroyError {
    /// Its row is not proven, so it may name any key there.
    #[error(transparent)]
    Unproven(KeyringError),
    /// The same of one that has no proof at all.
    #[error(
        "its row has no proof that an issuer wrote it, and that of a key that has ended gets none: docs/CUSTODY.md says how to be rid of it by hand"
    )]
    NoProof,
    /// Whoever holds it does not do it.
    #[error("whoever holds it does not destroy it: it {0}")]
    Holder(SealerError),
    /// The thread that asked for it was lost.
    #[error("the thread that asked for it was lost")]
    Lost,
}

/// The keys that are due: all that ended long enough ago, or the one that is named, whenever it ended.
///
/// # Errors
/// [`Kept`], for one that is named.
pub fn due<'k>(
    keys: &'k [StoredKey],
    named: Option<&str>,
    now: UnixTime,
) -> Result<Vec<(&'k StoredKey, &'k HeldElsewhere)>, Kept> {
    let Some(key_id) = named else {
        let is_due = |key: &&StoredKey| {
            let ended_at = key.life.ended_at;
            ended_at.is_some_and(|at| at.plus(KEPT_SECONDS) <= now)
        };
        let due = keys.iter().filter(is_due);
        return Ok(due.filter_map(|key| judge(keys, key).ok()).collect());
    };
    let key = keys.iter().find(|key| key.life.key_id == key_id);
    judge(keys, key.ok_or(Kept::Unknown)?).map(|held| vec![held])
}

fn judge<'k>(
    keys: &[StoredKey],
    key: &'k StoredKey,
) -> Result<(&'k StoredKey, &'k HeldElsewhere), Kept> {
    let PrivateHalf::Elsewhere(held) = &key.private else {
        return Err(Kept::Here);
    };
    if held.destroyed_at.is_some() {
        return Err(Kept::Gone);
    }
    let is_needed = |other: &StoredKey| {
        let names_it = match &other.private {
            PrivateHalf::Sealed(_) => false,
            PrivateHalf::Elsewhere(other) => other.reference == held.reference,
        };
        names_it && !has_ended(other.life.state)
    };
    if !has_ended(key.life.state) || keys.iter().any(is_needed) {
        return Err(Kept::NotEnded);
    }
    Ok((key, held))
}

const fn has_ended(state: KeyState) -> bool {
    match state {
        KeyState::Retired | KeyState::Revoked => true,
        KeyState::Generated | KeyState::Published | KeyState::Active | KeyState::Retiring => false,
    }
}

/// Destroys them one after the other, and says of each that was tried what became of it. One that is not destroyed keeps no other from
/// it; but once the store does not take that one is, no other is tried.
pub async fn destroy(
    store: &impl HeldKeys,
    secrets: &Secrets,
    due: &[(&StoredKey, &HeldElsewhere)],
    now: UnixTime,
) -> Vec<Outcome> {
    let act = async |key: &StoredKey, held: &HeldElsewhere| {
        destroy_one(key, &held.reference, secrets).await
    };
    let note =
        async |key_id: &str, entry: AuditEntry| store.note_destroyed(key_id, now, &entry).await;
    destroy_each(due, now, act, note).await
}

async fn destroy_each(
    due: &[(&StoredKey, &HeldElsewhere)],
    now: UnixTime,
    act: impl AsyncFn(&StoredKey, &HeldElsewhere) -> Result<Destroyed, DestroyError>,
    note: impl AsyncFn(&str, AuditEntry) -> Result<bool, StorageError>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (key, held) in due {
        let (key_id, reference) = (key.life.key_id.clone(), held.reference.clone());
        let done = match act(key, held).await {
            Ok(found) => {
                let entry = entry(&key_id, &reference, found, now);
                let noted = match note(&key_id, entry).await {
                    Ok(true) => Noted::Now,
                    Ok(false) => Noted::ChangedMeanwhile,
                    Err(error) => Noted::Failed(error),
                };
                Ok(Done { found, noted })
            }
            Err(why) => Err(why),
        };
        let is_last = matches!(
            &done,
            Ok(Done {
                noted: Noted::Failed(_),
                ..
            })
        );
        outcomes.push(Outcome {
            key_id,
            reference,
            done,
        });
        if is_last {
            break;
        }
    }
    outcomes
}

fn entry(key_id: &str, reference: &str, found: Destroyed, now: UnixTime) -> AuditEntry {
    let found = match found {
        Destroyed::Now => "there",
        Destroyed::WasGone => "gone",
    };
    AuditEntry::done(Action::DestroyKey, Actor::Operator, now, &Origin::default())
        .about("key", key_id)
        .with("heldAt", reference)
        .with("found", found)
}

async fn destroy_one(
    key: &StoredKey,
    reference: &str,
    secrets: &Secrets,
) -> Result<Destroyed, DestroyError> {
    let proven = Proven::of(key, secrets).await;
    proven.map_err(|error| {
        if matches!(error, KeyringError::NoProof(_)) {
            DestroyError::NoProof
        } else {
            DestroyError::Unproven(error)
        }
    })?;
    let (places, key_id) = (secrets.signing_places(), key.life.key_id.clone());
    let reference = reference.to_owned();
    let destroyed = tokio::task::spawn_blocking(move || places.destroy(&reference, &key_id)).await;
    destroyed
        .map_err(|_| DestroyError::Lost)?
        .map_err(DestroyError::Holder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{custody::Sealed, domain::keyring::Life, signatures::SigningAlgorithm};

    const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

    fn key(id: &str, state: KeyState, ended: Option<i64>, held_at: Option<&str>) -> StoredKey {
        let sealed = Sealed::from_bytes(Vec::new());
        StoredKey {
            algorithm: SigningAlgorithm::EdDsa,
            life: Life {
                state,
                ended_at: ended.map(|seconds| NOW.plus(-seconds)),
                ..Life::generated(id.to_owned(), NOW)
            },
            public_jwk: String::new(),
            private: match held_at {
                None => PrivateHalf::Sealed(sealed),
                Some(reference) => PrivateHalf::Elsewhere(HeldElsewhere {
                    reference: reference.to_owned(),
                    proof: sealed,
                    destroyed_at: None,
                }),
            },
        }
    }

    #[test]
    fn what_has_ended_long_ago_is_due_and_nothing_else() {
        use KeyState::{Active, Generated, Published, Retired, Retiring, Revoked};
        let mut gone = key("gone", Revoked, Some(KEPT_SECONDS), Some("d:gone"));
        if let PrivateHalf::Elsewhere(held) = &mut gone.private {
            held.destroyed_at = Some(NOW);
        }
        let keys = [
            key("retired", Retired, Some(KEPT_SECONDS), Some("d:1")),
            key("revoked", Revoked, Some(KEPT_SECONDS), Some("d:2")),
            key("recent", Retired, Some(KEPT_SECONDS - 1), Some("d:3")),
            key("here", Retired, Some(KEPT_SECONDS), None),
            key("shared", Retired, Some(KEPT_SECONDS), Some("d:4")),
            key("active", Active, None, Some("d:4")),
            // Rows that no issuer wrote: an end, and a state that has none.
            key("published", Published, Some(KEPT_SECONDS), Some("d:5")),
            key("generated", Generated, Some(KEPT_SECONDS), Some("d:6")),
            key("retiring", Retiring, Some(KEPT_SECONDS), Some("d:7")),
            key("endless", Retired, None, Some("d:8")),
            gone,
        ];
        let ids = |due: Vec<(&StoredKey, &HeldElsewhere)>| -> Vec<String> {
            due.iter().map(|(key, _)| key.life.key_id.clone()).collect()
        };
        assert_eq!(ids(due(&keys, None, NOW).unwrap()), ["retired", "revoked"]);
        for (named, expected) in [
            ("recent", Ok(())),
            ("retired", Ok(())),
            ("endless", Ok(())),
            ("nobody", Err(Kept::Unknown)),
            ("here", Err(Kept::Here)),
            ("shared", Err(Kept::NotEnded)),
            ("active", Err(Kept::NotEnded)),
            ("published", Err(Kept::NotEnded)),
            ("generated", Err(Kept::NotEnded)),
            ("retiring", Err(Kept::NotEnded)),
            ("gone", Err(Kept::Gone)),
        ] {
            let judged = due(&keys, Some(named), NOW);
            assert_eq!(judged.map(|_| ()), expected, "{named}");
        }
    }

    #[tokio::test]
    async fn of_each_that_was_tried_it_is_said_what_became_of_it() {
        let ids = ["a", "b", "c", "d", "e"];
        let keys = ids.map(|id| key(id, KeyState::Retired, Some(KEPT_SECONDS), Some("d:1")));
        let due = due(&keys, None, NOW).unwrap();
        let tried = destroy_each(
            &due,
            NOW,
            async |key, _| match key.life.key_id.as_str() {
                "b" => Err(DestroyError::Lost),
                "c" => Ok(Destroyed::WasGone),
                _ => Ok(Destroyed::Now),
            },
            async |key_id, _| match key_id {
                "c" => Ok(false),
                "d" => Err(StorageError::Busy("locked".into())),
                _ => Ok(true),
            },
        )
        .await;
        let told = |outcome: &Outcome| match &outcome.done {
            Ok(Done { found, noted }) => format!("{}: {found:?}, {noted:?}", outcome.key_id),
            Err(why) => format!("{}: {why:?}", outcome.key_id),
        };
        let told: Vec<String> = tried.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "a: Now, Now",
                "b: Lost",
                "c: WasGone, ChangedMeanwhile",
                "d: Now, Failed(Busy(\"locked\"))",
            ]
        );
    }
}
