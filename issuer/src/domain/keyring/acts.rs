//! What is done with the keys: the steps that fall due, and the acts of an operator.
//!
//! Each reads the rows, lets [`super::life`] judge, and hands the store one whole change, which it does only if the rows are
//! still the same. Whoever is overtaken reads and judges again. So it does not matter how many processes keep the schedule,
//! nor where one of them stops.

use edgeward_core::time::UnixTime;

use super::{
    KeyChange, KeyringError, Life, Need, Rules, SigningKeys, StoredKey,
    life::{self, Due, Pace, Refusal},
    make::{generate, seal},
};
use crate::{
    custody::Secrets,
    domain::audit::{Action, Actor, AuditEntry, Origin},
    signatures::{KeyMaterial, SigningAlgorithm},
};

/// So often an act is tried again that others overtook: each time another act was done, and of these there are few.
const TRIES: usize = 16;

/// What the acts need.
#[derive(Debug)]
pub struct Acts<'a, S> {
    /// The rows.
    pub store: &'a S,
    /// Seals what is made.
    pub secrets: &'a Secrets,
    /// Whose keys these are.
    pub algorithm: SigningAlgorithm,
    /// The moment.
    pub now: UnixTime,
}

/// What became of an act: the keys after it, and which of them it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The key.
    pub key: Life,
    /// All of them.
    pub keys: Vec<Life>,
}

/// What one judgement makes of the keys.
struct Verdict {
    after: Vec<Life>,
    about: String,
    entries: Vec<AuditEntry>,
}

/// Makes the first keys where there are none. Where no verifier has seen any key, all algorithms begin at once.
///
/// # Errors
/// [`KeyringError`].
pub async fn ensure_first(
    store: &impl SigningKeys,
    secrets: &Secrets,
    algorithms: &[SigningAlgorithm],
    now: UnixTime,
) -> Result<(), KeyringError> {
    let is_new = store.signing_keys().await?.is_empty();
    let others = algorithms.iter().copied().filter(|_| is_new);
    for algorithm in others.chain([SigningAlgorithm::EdDsa]) {
        let acts = Acts {
            store,
            secrets,
            algorithm,
            now,
        };
        let rules = Rules {
            every_seconds: None,
            need: Need::Always,
        };
        let needs_signer = |keys: &[Life]| life::signer(keys, now).is_none();
        acts.step_if(needs_signer, rules, 0).await?;
    }
    Ok(())
}

impl<S: SigningKeys> Acts<'_, S> {
    /// Does every step that is due. Answers how many there were.
    ///
    /// # Errors
    /// [`KeyringError`]; the steps before it are done.
    pub async fn keep_schedule(&self, rules: Rules, jitter: i64) -> Result<usize, KeyringError> {
        let mut steps = 0;
        while steps < TRIES && self.step_if(|_| true, rules, jitter).await? {
            steps += 1;
        }
        Ok(steps)
    }

    /// Does the step that is due, if one is and the keys are as asked for.
    async fn step_if(
        &self,
        wanted: impl Fn(&[Life]) -> bool,
        rules: Rules,
        jitter: i64,
    ) -> Result<bool, KeyringError> {
        let done = self
            .act(None, |keys, made| {
                let Some(due) = life::due(keys, rules, jitter, self.now).filter(|_| wanted(keys))
                else {
                    return Ok(None);
                };
                let after = life::step(keys, &due, made, self.now)?;
                let about = match &due {
                    Due::MakeFirst | Due::MakeNext => newest(keys, &after),
                    Due::Publish(id)
                    | Due::Plan(id, _)
                    | Due::Activate(id)
                    | Due::Stop(id)
                    | Due::Retire(id) => id.clone(),
                };
                let action = match due {
                    Due::MakeFirst | Due::MakeNext => Action::CreateKey,
                    Due::Publish(_) => Action::PublishKey,
                    Due::Plan(..) => Action::PlanKey,
                    Due::Activate(_) => Action::ActivateKey,
                    Due::Stop(_) | Due::Retire(_) => Action::RetireKey,
                };
                let mut entry = self.entry(action, Actor::Issuer, &after, &about);
                if matches!(due, Due::Stop(_)) {
                    entry = entry.with("still", "verifies");
                }
                let entries = vec![entry];
                Ok(Some(Verdict {
                    after,
                    about,
                    entries,
                }))
            })
            .await?;
        Ok(done.is_some())
    }

    /// Makes the next key sign, as soon as every verifier has it or at once.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn rotate(&self, pace: Pace) -> Result<Done, KeyringError> {
        self.act(None, |keys, made| {
            let (after, about) = life::rotate(keys, made, pace, self.now)?;
            let entries = self.entries(keys, &after, &about, pace);
            Ok(Some(Verdict {
                after,
                about,
                entries,
            }))
        })
        .await?
        .ok_or(KeyringError::NoActiveKey)
    }

    /// Takes this key in as the next one.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn import(&self, material: &KeyMaterial, pace: Pace) -> Result<Done, KeyringError> {
        let imported = seal(self.algorithm, material, self.secrets, self.now)?;
        self.act(Some(imported), |keys, imported| {
            let imported = imported.ok_or(Refusal::NeedsKey)?;
            let about = imported.key_id.clone();
            let after = life::import(keys, imported, pace, self.now)?;
            let taken_in = self.entry(Action::ImportKey, Actor::Operator, &after, &about);
            let entries = vec![taken_in, self.entry_of_pace(&after, &about, pace)];
            Ok(Some(Verdict {
                after,
                about,
                entries,
            }))
        })
        .await?
        .ok_or(KeyringError::NoActiveKey)
    }

    /// Revokes a key; if it signs, another does from the same act on. Answers which one signs then, or about the revoked one where
    /// none of its algorithm signs.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn revoke(&self, key_id: &str) -> Result<Done, KeyringError> {
        self.act(None, |keys, made| {
            let after = life::revoke(keys, key_id, made, self.now)?;
            let signs = life::signer(&after, self.now);
            let about = signs.map_or(key_id, |signs| &signs.key_id).to_owned();
            let mut entries = vec![self.entry(Action::RevokeKey, Actor::Operator, &after, key_id)];
            if about != key_id && !is_the_same(keys, &after, &about) {
                entries.extend(self.entries(keys, &after, &about, Pace::Forced));
            }
            Ok(Some(Verdict {
                after,
                about,
                entries,
            }))
        })
        .await?
        .ok_or(KeyringError::NoActiveKey)
    }

    /// Judges and changes, anew while others are quicker. `made` is the key that the judgement is handed; without one it is
    /// made when it is asked for.
    async fn act(
        &self,
        made: Option<StoredKey>,
        judge: impl Fn(&[Life], Option<Life>) -> Result<Option<Verdict>, Refusal>,
    ) -> Result<Option<Done>, KeyringError> {
        let mut made = made;
        for _ in 0..TRIES {
            let stored = self.store.signing_keys().await?;
            let of_ours = stored
                .into_iter()
                .filter(|key| key.algorithm == self.algorithm);
            let before: Vec<Life> = of_ours.map(|key| key.life).collect();
            let life_of = |made: &Option<StoredKey>| made.as_ref().map(|made| made.life.clone());
            let verdict = match judge(&before, life_of(&made)) {
                Err(Refusal::NeedsKey) if made.is_none() => {
                    made = Some(generate(self.algorithm, self.secrets, self.now).await?);
                    judge(&before, life_of(&made))?
                }
                verdict => verdict?,
            };
            let Some(Verdict {
                after,
                about,
                entries,
            }) = verdict
            else {
                return Ok(None);
            };
            let is_new = |added: &&StoredKey| {
                let id = &added.life.key_id;
                after.iter().any(|key| key.key_id == *id)
                    && !before.iter().any(|key| key.key_id == *id)
            };
            let added = made.as_ref().filter(is_new).cloned();
            let change = KeyChange {
                algorithm: self.algorithm,
                before,
                after,
                added,
                entries,
                at: self.now,
            };
            if change.before == change.after || self.store.change_signing_keys(&change).await? {
                let keys = change.after;
                let key = keys.iter().find(|key| key.key_id == about).cloned();
                return Ok(key.map(|key| Done { key, keys }));
            }
        }
        Err(KeyringError::Overtaken)
    }

    /// What an operator's act says in the log of the key that it is about.
    fn entries(&self, before: &[Life], after: &[Life], about: &str, pace: Pace) -> Vec<AuditEntry> {
        let is_new = !before.iter().any(|key| key.key_id == about);
        let made = is_new.then(|| self.entry(Action::CreateKey, Actor::Operator, after, about));
        let entries = made.into_iter();
        entries
            .chain([self.entry_of_pace(after, about, pace)])
            .collect()
    }

    fn entry_of_pace(&self, after: &[Life], about: &str, pace: Pace) -> AuditEntry {
        let by = Actor::Operator;
        match pace {
            Pace::Orderly => self.entry(Action::PlanKey, by, after, about),
            Pace::Forced => {
                let entry = self.entry(Action::ActivateKey, by, after, about);
                entry.with("forced", true)
            }
        }
    }

    fn entry(&self, action: Action, actor: Actor, after: &[Life], about: &str) -> AuditEntry {
        let entry = AuditEntry::done(action, actor, self.now, &Origin::default())
            .about("key", about)
            .with("alg", self.algorithm);
        let changes_signer = matches!(action, Action::PlanKey | Action::ActivateKey);
        let key = after
            .iter()
            .find(|key| key.key_id == about && changes_signer);
        match key.and_then(|key| key.signs_from) {
            Some(from) => entry.with("signsFrom", from),
            None => entry,
        }
    }
}

fn newest(before: &[Life], after: &[Life]) -> String {
    after
        .iter()
        .find(|key| !before.iter().any(|old| old.key_id == key.key_id))
        .map(|key| key.key_id.clone())
        .unwrap_or_default()
}

fn is_the_same(before: &[Life], after: &[Life], key_id: &str) -> bool {
    let find = |keys: &[Life]| keys.iter().find(|key| key.key_id == key_id).cloned();
    find(before) == find(after)
}
