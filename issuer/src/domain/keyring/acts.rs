//! What is done with the keys: the steps that fall due, and the acts of an operator.
//!
//! Each reads the rows, lets [`super::life`] judge, and hands the store one whole change, which it does only if the rows are
//! still the same. Whoever is overtaken reads and judges again. So it does not matter how many processes keep the schedule,
//! nor where one of them stops.
//!
//! A next key whose row does not prove that an issuer wrote it is passed over, so that it never takes the place of one that signs.

use edgeward_core::time::UnixTime;

use super::{
    KeyChange, KeyState, KeyringError, Life, Rules, SigningKeys, StoredKey,
    held::Proven,
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

impl Done {
    fn of(keys: Vec<Life>, about: &str) -> Option<Self> {
        let key = keys.iter().find(|key| key.key_id == about).cloned();
        key.map(|key| Self { key, keys })
    }
}

/// What one judgement makes of the keys.
struct Verdict {
    after: Vec<Life>,
    about: String,
    entries: Vec<AuditEntry>,
}

/// Which rows an act judges before it looks whether they are proven.
#[derive(Clone, Copy)]
enum Judged<'a> {
    /// All, and the key of this id whatever its row is: it is only taken away.
    With(&'a str),
    /// All but these, if they are of keys that would sign next, or that verifiers would still be shown: they take no place.
    But(&'a [String]),
}

impl Judged<'_> {
    fn has(self, key: &Life, now: UnixTime) -> bool {
        match self {
            Self::With(_) => true,
            Self::But(refused) => {
                let may_be_without = waits(key) || lingers(key, now);
                !may_be_without || !refused.contains(&key.key_id)
            }
        }
    }
}

/// Whether a key would sign next.
const fn waits(key: &Life) -> bool {
    match key.state {
        KeyState::Generated | KeyState::Published => true,
        KeyState::Active | KeyState::Retiring | KeyState::Retired | KeyState::Revoked => false,
    }
}

/// Whether a key has signed, as its row says, and is yet to end.
fn lingers(key: &Life, now: UnixTime) -> bool {
    key.state == KeyState::Retiring && key.retires_at().is_none_or(|at| at > now)
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
        let needs_signer = |keys: &[Life]| life::signer(keys, now).is_none();
        acts.step_if(&[], needs_signer, Rules::BY_HAND, 0).await?;
    }
    Ok(())
}

impl<S: SigningKeys> Acts<'_, S> {
    /// Does every step that is due. Answers how many there were.
    ///
    /// # Errors
    /// [`KeyringError`]; the steps before it are done.
    pub async fn keep_schedule(&self, rules: Rules, jitter: i64) -> Result<usize, KeyringError> {
        self.keep_schedule_without(&[], rules, jitter).await
    }

    /// The same by a process that knows of rows that do not prove who wrote them ([`super::Keyring::refused`]): a next key that is
    /// none is replaced before its moment.
    ///
    /// # Errors
    /// [`KeyringError`]; the steps before it are done.
    pub async fn keep_schedule_without(
        &self,
        refused: &[String],
        rules: Rules,
        jitter: i64,
    ) -> Result<usize, KeyringError> {
        let mut steps = 0;
        while steps < TRIES && self.step_if(refused, |_| true, rules, jitter).await? {
            steps += 1;
        }
        Ok(steps)
    }

    /// Does the step that is due, if one is and the keys are as asked for.
    async fn step_if(
        &self,
        refused: &[String],
        wanted: impl Fn(&[Life]) -> bool,
        rules: Rules,
        jitter: i64,
    ) -> Result<bool, KeyringError> {
        let done = self
            .act_upon(Judged::But(refused), None, |keys, made| {
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
                let mut entry = self.log().entry(action, Actor::Issuer, &after, &about);
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
            let entries = self.log().entries(keys, &after, &about, pace);
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
        let imported = seal(self.algorithm, material, self.secrets, self.now).await?;
        self.act(Some(imported), |keys, imported| {
            let imported = imported.ok_or(Refusal::NeedsKey)?;
            let about = imported.key_id.clone();
            let after = life::import(keys, imported, pace, self.now)?;
            let taken_in = self
                .log()
                .entry(Action::ImportKey, Actor::Operator, &after, &about);
            let entries = vec![taken_in, self.log().entry_of_pace(&after, &about, pace)];
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
        self.act_upon(Judged::With(key_id), None, |keys, made| {
            let after = life::revoke(keys, key_id, made, self.now)?;
            Ok(Some(self.log().revoked(keys, after, key_id)))
        })
        .await?
        .ok_or(KeyringError::NoActiveKey)
    }

    /// The same where no other key can be made now.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn revoke_only(&self, key_id: &str) -> Result<Done, KeyringError> {
        self.act_upon(Judged::With(key_id), None, |keys, _| {
            let after = life::revoke_only(keys, key_id, self.now)?;
            Ok(Some(self.log().revoked(keys, after, key_id)))
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
        self.act_upon(Judged::But(&[]), made, judge).await
    }

    /// The same where more is known of some rows.
    async fn act_upon(
        &self,
        which: Judged<'_>,
        made: Option<StoredKey>,
        judge: impl Fn(&[Life], Option<Life>) -> Result<Option<Verdict>, Refusal>,
    ) -> Result<Option<Done>, KeyringError> {
        let mut made = made;
        for _ in 0..TRIES {
            let mut stored = self.store.signing_keys().await?;
            stored.retain(|key| key.algorithm == self.algorithm);
            let before: Vec<Life> = stored.iter().map(|key| key.life.clone()).collect();
            let life_of = |made: &Option<StoredKey>| made.as_ref().map(|made| made.life.clone());
            let known: Vec<Life> = before
                .iter()
                .filter(|key| which.has(key, self.now))
                .cloned()
                .collect();
            // Mostly nothing is due, and then no row has to be proven.
            if matches!(judge(&known, life_of(&made)), Ok(None)) {
                return Ok(None);
            }
            let passed_over = self.passed_over(&stored, which).await;
            let (aside, judged): (Vec<Life>, Vec<Life>) = before
                .iter()
                .cloned()
                .partition(|key| passed_over.contains(&key.key_id));
            let verdict = match judge(&judged, life_of(&made)) {
                Err(Refusal::NeedsKey) if made.is_none() => {
                    made = Some(generate(self.algorithm, self.secrets, self.now).await?);
                    judge(&judged, life_of(&made))?
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
            let is_nothing = judged == after;
            after.extend(aside);
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
            if is_nothing || self.store.change_signing_keys(&change).await? {
                return Ok(Done::of(change.after, &about));
            }
        }
        Err(KeyringError::Overtaken)
    }

    /// The keys that would sign next and whose rows are not what an issuer wrote, as far as this process can tell. One that signs is
    /// never passed over: where it is wrong, nothing may be put in its place.
    async fn passed_over(&self, stored: &[StoredKey], which: Judged<'_>) -> Vec<String> {
        let mut passed_over = Vec::new();
        for key in stored {
            let key_id = &key.life.key_id;
            if matches!(which, Judged::With(named) if named == key_id) {
                continue;
            }
            if !which.has(&key.life, self.now) {
                passed_over.push(key_id.clone());
                continue;
            }
            if !waits(&key.life) {
                continue;
            }
            let is_refused = match Proven::of(key, self.secrets).await {
                Ok(_) => false,
                Err(error) => error.is_final(),
            };
            if is_refused {
                passed_over.push(key_id.clone());
            }
        }
        passed_over
    }

    fn log(&self) -> Log {
        Log {
            algorithm: self.algorithm,
            now: self.now,
        }
    }
}

/// Revokes a key where no key-encryption key is at hand, so that nothing can be made and no row be proven. A key that waits takes
/// over, whatever its row is: the issuers that serve know whether it opens, and nothing else could.
///
/// # Errors
/// [`KeyringError`].
pub async fn revoke_blindly(
    store: &impl SigningKeys,
    algorithm: SigningAlgorithm,
    key_id: &str,
    now: UnixTime,
) -> Result<Done, KeyringError> {
    let log = Log { algorithm, now };
    for _ in 0..TRIES {
        let mut stored = store.signing_keys().await?;
        stored.retain(|key| key.algorithm == algorithm);
        let before: Vec<Life> = stored.into_iter().map(|key| key.life).collect();
        let after = life::revoke_only(&before, key_id, now)?;
        let Verdict {
            after,
            about,
            entries,
        } = log.revoked(&before, after, key_id);
        let change = KeyChange {
            algorithm,
            before,
            after,
            added: None,
            entries,
            at: now,
        };
        if store.change_signing_keys(&change).await? {
            return Done::of(change.after, &about).ok_or(KeyringError::NoActiveKey);
        }
    }
    Err(KeyringError::Overtaken)
}

/// What acts say in the audit log.
#[derive(Clone, Copy)]
struct Log {
    algorithm: SigningAlgorithm,
    now: UnixTime,
}

impl Log {
    /// What becomes of a revocation that makes `after` of the keys.
    fn revoked(self, before: &[Life], after: Vec<Life>, key_id: &str) -> Verdict {
        let signs = life::signer(&after, self.now);
        let about = signs.map_or(key_id, |signs| &signs.key_id).to_owned();
        let mut entries = vec![self.entry(Action::RevokeKey, Actor::Operator, &after, key_id)];
        if about != key_id && !is_the_same(before, &after, &about) {
            entries.extend(self.entries(before, &after, &about, Pace::Forced));
        }
        Verdict {
            after,
            about,
            entries,
        }
    }

    /// What an operator's act says of the key that it is about.
    fn entries(self, before: &[Life], after: &[Life], about: &str, pace: Pace) -> Vec<AuditEntry> {
        let is_new = !before.iter().any(|key| key.key_id == about);
        let made = is_new.then(|| self.entry(Action::CreateKey, Actor::Operator, after, about));
        let entries = made.into_iter();
        entries
            .chain([self.entry_of_pace(after, about, pace)])
            .collect()
    }

    fn entry_of_pace(self, after: &[Life], about: &str, pace: Pace) -> AuditEntry {
        let by = Actor::Operator;
        match pace {
            Pace::Orderly => self.entry(Action::PlanKey, by, after, about),
            Pace::Forced => {
                let entry = self.entry(Action::ActivateKey, by, after, about);
                entry.with("forced", true)
            }
        }
    }

    fn entry(self, action: Action, actor: Actor, after: &[Life], about: &str) -> AuditEntry {
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
