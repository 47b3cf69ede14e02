//! What is done with generations: the files taken in, the steps that fall due, and the acts of an operator.
//!
//! As with signing keys each act reads the rows, judges, and hands the store one whole change, which is done only if the rows are
//! still the same; who is overtaken reads and judges again.

use edgeward_core::time::UnixTime;
use zeroize::Zeroizing;

use super::{
    Purpose, Refused, SecretChange, SecretGenerations, SecretsError, StoredSecret, id_of, plan,
};
use crate::{
    custody::{SECRET_BYTES, Secrets},
    domain::{
        audit::{Action, Actor, AuditEntry, Origin},
        keyring::{
            KeyState, Life, Rules,
            life::{self, Due, Pace},
        },
    },
};

/// So often an act is tried again that others overtook: each time another act was done, and of these there are few.
const TRIES: usize = 16;

/// What the acts need.
#[derive(Debug)]
pub struct Acts<'a, S> {
    /// The rows.
    pub store: &'a S,
    /// Seals what is made.
    pub custody: &'a Secrets,
    /// Which generations.
    pub purpose: Purpose,
    /// So long a session lives that begins now.
    pub refresh_life_seconds: i64,
    /// The moment.
    pub now: UnixTime,
}

/// What became of an act: the generations after it, and which of them it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The generation.
    pub secret: Life,
    /// All of its purpose.
    pub all: Vec<Life>,
}

impl Done {
    fn of(all: Vec<Life>, about: &str) -> Option<Self> {
        let secret = all.iter().find(|life| life.key_id == about).cloned();
        secret.map(|secret| Self { secret, all })
    }
}

struct Verdict {
    after: Vec<Life>,
    about: String,
    entries: Vec<AuditEntry>,
}

impl<S: SecretGenerations> Acts<'_, S> {
    /// Takes in the secrets of the data folder where the database has none: they are the first generation, and go on as before.
    /// Says so where the database has others.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn take_in(&self) -> Result<(), SecretsError> {
        let files = self.custody.of_folder();
        let (first, previous) = match self.purpose {
            Purpose::Csrf => (files.csrf, files.csrf_previous),
            Purpose::Refresh => (files.refresh_mac, None),
        };
        let rows = lives(self.store, self.purpose).await?;
        if !rows.is_empty() {
            let id = id_of(self.purpose, first);
            if !rows.iter().any(|row| row.key_id == id) {
                let purpose = self.purpose.name();
                let still = match self.purpose {
                    Purpose::Csrf => "it is not used",
                    Purpose::Refresh => {
                        "no token is made by it, but failed sign-ins and shared limits are counted under names derived from it"
                    }
                };
                tracing::warn!(
                    purpose,
                    still,
                    "the secret of the data folder is not the one that the database began with"
                );
            }
            return Ok(());
        }
        let first = self.sealed(first).await?;
        let made = Some(first.life.clone());
        let mut after = plan::step(self.purpose, &[], &Due::MakeFirst, made, self.now)?;
        let mut added = vec![first];
        if let Some(previous) = previous {
            let mut previous = self.sealed(previous).await?;
            if !after.iter().any(|row| row.key_id == previous.life.key_id) {
                previous.life = Life {
                    state: KeyState::Retiring,
                    published_at: Some(self.now),
                    signs_from: Some(self.now),
                    signed_until: Some(self.last_token_end().await?),
                    stopped_at: Some(self.now),
                    ..previous.life
                };
                after.push(previous.life.clone());
                added.push(previous);
            }
        }
        let entries = added.iter().map(|secret| {
            let id = &secret.life.key_id;
            let entry = entry(Action::CreateSecret, Actor::Issuer, &after, id, self.now);
            entry.with("from", "file")
        });
        let change = SecretChange {
            purpose: self.purpose,
            before: Vec::new(),
            entries: entries.collect(),
            after,
            added,
        };
        // If another start was quicker, its secrets are the ones.
        self.store.change_secrets(&change).await?;
        Ok(())
    }

    /// Does every step that is due. Answers how many there were.
    ///
    /// # Errors
    /// [`SecretsError`]; the steps before it are done.
    pub async fn keep_schedule(&self, rules: Rules, jitter: i64) -> Result<usize, SecretsError> {
        let mut steps = 0;
        while steps < TRIES && self.take_step(rules, jitter).await? {
            steps += 1;
        }
        Ok(steps)
    }

    async fn take_step(&self, rules: Rules, jitter: i64) -> Result<bool, SecretsError> {
        let done = self
            .act(|all, made| {
                let Some(due) = plan::due(self.purpose, all, rules, jitter, self.now) else {
                    return Ok(None);
                };
                let after = plan::step(self.purpose, all, &due, made, self.now)?;
                let (about, action) = match &due {
                    Due::MakeFirst | Due::MakeNext => (newest(all, &after), Action::CreateSecret),
                    Due::Publish(id) => (id.clone(), Action::PublishSecret),
                    Due::Plan(id, _) => (id.clone(), Action::PlanSecret),
                    Due::Activate(id) => (id.clone(), Action::ActivateSecret),
                    Due::Stop(id) | Due::Retire(id) => (id.clone(), Action::RetireSecret),
                };
                let entries = vec![entry(action, Actor::Issuer, &after, &about, self.now)];
                Ok(Some(Verdict {
                    after,
                    about,
                    entries,
                }))
            })
            .await?;
        Ok(done.is_some())
    }

    /// Makes the next generation make tokens, as soon as every edge has it, or as soon as every issuer has.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn rotate(&self, pace: Pace) -> Result<Done, SecretsError> {
        self.act(|all, made| {
            let (after, about) = plan::rotate(self.purpose, all, made, pace, self.now)?;
            let entries = entries_of(all, &after, &about, pace, self.now);
            Ok(Some(Verdict {
                after,
                about,
                entries,
            }))
        })
        .await?
        .ok_or(SecretsError::NoneActive(self.purpose))
    }

    /// Refuses everything that a generation made. Answers which one makes tokens then.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn revoke(&self, id: &str) -> Result<Done, SecretsError> {
        self.act(|all, made| {
            let after = plan::revoke(self.purpose, all, id, made, self.now)?;
            revoked(all, after, id, self.now).map(Some)
        })
        .await?
        .ok_or(SecretsError::NoneActive(self.purpose))
    }

    /// Judges and changes, anew while others are quicker.
    async fn act(
        &self,
        judge: impl Fn(&[Life], Option<Life>) -> Result<Option<Verdict>, Refused>,
    ) -> Result<Option<Done>, SecretsError> {
        let mut made: Option<StoredSecret> = None;
        for _ in 0..TRIES {
            let before = lives(self.store, self.purpose).await?;
            let life_of = |made: &Option<StoredSecret>| made.as_ref().map(|made| made.life.clone());
            let verdict = match judge(&before, life_of(&made)) {
                Err(Refused::NeedsSecret) if made.is_none() => {
                    made = Some(self.generate().await?);
                    judge(&before, life_of(&made))?
                }
                verdict => verdict?,
            };
            let Some(Verdict {
                mut after,
                about,
                entries,
            }) = verdict
            else {
                return Ok(None);
            };
            if plan::stops_one(&before, &after) {
                after = plan::good_until(&before, after, self.last_token_end().await?);
            }
            let is_new = |added: &&StoredSecret| {
                let id = &added.life.key_id;
                after.iter().any(|life| life.key_id == *id)
                    && !before.iter().any(|life| life.key_id == *id)
            };
            let change = SecretChange {
                purpose: self.purpose,
                added: made.iter().filter(is_new).cloned().collect(),
                before,
                after,
                entries,
            };
            if change.before == change.after || self.store.change_secrets(&change).await? {
                return Ok(Done::of(change.after, &about));
            }
        }
        Err(SecretsError::Overtaken)
    }

    async fn last_token_end(&self) -> Result<UnixTime, SecretsError> {
        let last_session_end = match self.purpose {
            Purpose::Csrf => None,
            Purpose::Refresh => self.store.last_session_end().await?,
        };
        let life = self.refresh_life_seconds;
        Ok(plan::last_token_end(
            self.purpose,
            life,
            last_session_end,
            self.now,
        ))
    }

    async fn generate(&self) -> Result<StoredSecret, SecretsError> {
        let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| SecretsError::NoRandomness)?;
        self.sealed(&secret).await
    }

    async fn sealed(&self, secret: &[u8; SECRET_BYTES]) -> Result<StoredSecret, SecretsError> {
        let id = id_of(self.purpose, secret);
        let sealed = self
            .custody
            .seal_apart(&id, secret)
            .await
            .map_err(|source| SecretsError::Seal {
                id: id.clone(),
                source,
            })?;
        Ok(StoredSecret {
            purpose: self.purpose,
            life: Life::generated(id, self.now),
            sealed,
        })
    }
}

/// Revokes a generation where no key-encryption key is at hand, so that nothing can be made: one that waits takes over, whether or not it
/// opens here.
///
/// # Errors
/// [`SecretsError`]; [`Refused::NeedsSecret`] where none waits.
pub async fn revoke_blindly(
    store: &impl SecretGenerations,
    purpose: Purpose,
    id: &str,
    now: UnixTime,
) -> Result<Done, SecretsError> {
    for _ in 0..TRIES {
        let before = lives(store, purpose).await?;
        let after = plan::revoke(purpose, &before, id, None, now)?;
        let Verdict {
            after,
            about,
            entries,
        } = revoked(&before, after, id, now)?;
        let change = SecretChange {
            purpose,
            added: Vec::new(),
            before,
            after,
            entries,
        };
        if store.change_secrets(&change).await? {
            return Done::of(change.after, &about).ok_or(SecretsError::NoneActive(purpose));
        }
    }
    Err(SecretsError::Overtaken)
}

async fn lives(
    store: &impl SecretGenerations,
    purpose: Purpose,
) -> Result<Vec<Life>, SecretsError> {
    let stored = store.secret_generations().await?.into_iter();
    let own = stored.filter(|secret| secret.purpose == purpose);
    Ok(own.map(|secret| secret.life).collect())
}

/// What becomes of a revocation that makes `after` of the generations.
fn revoked(before: &[Life], after: Vec<Life>, id: &str, now: UnixTime) -> Result<Verdict, Refused> {
    let makes = life::signer(&after, now).ok_or(Refused::NeedsSecret)?;
    let about = makes.key_id.clone();
    let revoked = entry(Action::RevokeSecret, Actor::Operator, &after, id, now);
    let mut entries = vec![revoked];
    let find = |all: &[Life]| all.iter().find(|life| life.key_id == about).cloned();
    if find(before) != find(&after) {
        entries.extend(entries_of(before, &after, &about, Pace::Forced, now));
    }
    Ok(Verdict {
        after,
        about,
        entries,
    })
}

/// What an operator's act says in the log of the generation that it is about.
fn entries_of(
    before: &[Life],
    after: &[Life],
    about: &str,
    pace: Pace,
    now: UnixTime,
) -> Vec<AuditEntry> {
    let by = Actor::Operator;
    let is_new = !before.iter().any(|life| life.key_id == about);
    let mut entries = Vec::new();
    if is_new {
        entries.push(entry(Action::CreateSecret, by, after, about, now));
    }
    let is_active = |life: &Life| life.key_id == about && life.state == KeyState::Active;
    let action = if after.iter().any(is_active) {
        Action::ActivateSecret
    } else {
        Action::PlanSecret
    };
    let entry = entry(action, by, after, about, now);
    entries.push(match pace {
        Pace::Orderly => entry,
        Pace::Forced => entry.with("forced", true),
    });
    entries
}

fn entry(action: Action, actor: Actor, after: &[Life], about: &str, now: UnixTime) -> AuditEntry {
    let entry = AuditEntry::done(action, actor, now, &Origin::default()).about("secret", about);
    let changes_maker = matches!(action, Action::PlanSecret | Action::ActivateSecret);
    let life = after
        .iter()
        .find(|life| life.key_id == about && changes_maker);
    match life.and_then(|life| life.signs_from) {
        Some(from) => entry.with("makesFrom", from),
        None => entry,
    }
}

fn newest(before: &[Life], after: &[Life]) -> String {
    after
        .iter()
        .find(|life| !before.iter().any(|old| old.key_id == life.key_id))
        .map(|life| life.key_id.clone())
        .unwrap_or_default()
}
