//! The life of signing keys as a state machine: what is due, and what an operator's act makes of the keys.
//!
//! Pure: it makes no key, reads no clock and keeps nothing. Each answer is a whole new state of all keys, which the store puts in
//! the place of the old one or not at all. So whatever crashes between two steps leaves a state that is one of these, and
//! in every one there is a key that signs and verifiers have it.
//!
//! The keys are those of one algorithm: each that is in use has a machine of its own.
//!
//! What signs is judged by each process for itself from the same rows: a published key whose moment has come, or else the
//! active one. That the rows then say so is a step that may come later.

use edgeward_core::time::UnixTime;

use super::timing::{
    LEAD_SECONDS, PUBLISHED_SECONDS, RETIRED_AFTER_SECONDS, SIGNED_BESIDES_SECONDS,
};

/// The most keys of an algorithm that an issuer shows. Verifiers read 100, of which edges take 72; with three algorithms a few
/// places are left for what other programs put beside them.
pub const PUBLIC_MAX: usize = 8;

/// Where a key is in its life, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Made, and known to nobody.
    Generated,
    /// In the key set, so that every verifier has seen it before it signs.
    Published,
    /// Signs.
    Active,
    /// Signs no more; what it signed is still valid.
    Retiring,
    /// Nothing that it signed is valid any more.
    Retired,
    /// Nothing that it signed may be believed.
    Revoked,
}

impl KeyState {
    /// Every state, in the order of a key's life.
    pub const ALL: [Self; 6] = [
        Self::Generated,
        Self::Published,
        Self::Active,
        Self::Retiring,
        Self::Retired,
        Self::Revoked,
    ];

    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Published => "published",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether verifiers may see the key.
    #[must_use]
    pub const fn is_public(self) -> bool {
        match self {
            Self::Published | Self::Active | Self::Retiring => true,
            Self::Generated | Self::Retired | Self::Revoked => false,
        }
    }
}

/// A key without its halves: where it is in its life, and when it got there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The RFC 7638 thumbprint of the public half.
    pub key_id: String,
    /// Where it is.
    pub state: KeyState,
    /// When it was made or imported.
    pub created_at: UnixTime,
    /// Since when verifiers may see it.
    pub published_at: Option<UnixTime>,
    /// From when it signs, known before that moment; `None` while nobody has planned it.
    pub signs_from: Option<UnixTime>,
    /// No token expires later that it has signed; written before it signs.
    pub signed_until: Option<UnixTime>,
    /// When another took its place.
    pub stopped_at: Option<UnixTime>,
    /// When it was retired or revoked.
    pub ended_at: Option<UnixTime>,
}

impl Life {
    /// A key that was just made.
    #[must_use]
    pub const fn generated(key_id: String, now: UnixTime) -> Self {
        Self {
            key_id,
            state: KeyState::Generated,
            created_at: now,
            published_at: None,
            signs_from: None,
            signed_until: None,
            stopped_at: None,
            ended_at: None,
        }
    }

    /// From when every verifier has seen it.
    #[must_use]
    pub fn seen_everywhere_from(&self) -> Option<UnixTime> {
        self.published_at.map(|at| at.plus(PUBLISHED_SECONDS))
    }

    /// From when nothing that it signed is valid any more, for a key that signs no more.
    #[must_use]
    pub fn retires_at(&self) -> Option<UnixTime> {
        let besides = self.stopped_at?.plus(SIGNED_BESIDES_SECONDS);
        let last = self.signed_until.map_or(besides, |last| last.max(besides));
        Some(last.plus(RETIRED_AFTER_SECONDS))
    }

    /// Whether its moment has come: the rows may still call it published.
    #[must_use]
    pub fn takes_over(&self, now: UnixTime) -> bool {
        self.state == KeyState::Published && self.signs_from.is_some_and(|from| from <= now)
    }

    fn stop(&mut self, now: UnixTime) {
        self.state = KeyState::Retiring;
        self.stopped_at = Some(now);
    }

    fn publish(&mut self, now: UnixTime) {
        self.state = KeyState::Published;
        self.published_at = Some(now);
    }
}

/// The key that signs.
#[must_use]
pub fn signer<'k>(
    keys: impl IntoIterator<Item = &'k Life> + Clone,
    now: UnixTime,
) -> Option<&'k Life> {
    let all = keys.clone().into_iter();
    all.filter(|key| key.takes_over(now))
        .max_by_key(|key| (key.signs_from, &key.key_id))
        .or_else(|| {
            let mut all = keys.into_iter();
            all.find(|key| key.state == KeyState::Active)
        })
}

/// What the schedule goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// So long a key signs before the next one does; `None`: until somebody says so.
    pub every_seconds: Option<i64>,
    /// What the keys are needed for.
    pub need: Need,
}

impl Rules {
    /// There is always a key that signs, and nothing but that is due.
    pub const BY_HAND: Self = Self {
        every_seconds: None,
        need: Need::Always,
    };
}

/// What the keys of an algorithm are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Something is signed by them at any moment: where no key signs, one begins at once.
    Always,
    /// Those of another algorithm sign until every verifier has seen the first of these.
    WhenSeen,
    /// Nothing is signed by them any more: those that there are end, each after the last expiry that it signed.
    Never,
}

/// A step that is due by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// There is no key that signs: make one, which signs at once.
    MakeFirst,
    /// There is no next key: make one.
    MakeNext,
    /// Show this key to verifiers.
    Publish(String),
    /// Plan that this key signs from then on.
    Plan(String, UnixTime),
    /// Write down that this key signs.
    Activate(String),
    /// Nothing is signed by this key any more, nor by another in its place.
    Stop(String),
    /// Take this key out of the set.
    Retire(String),
}

/// The step that is due, if one is. After it another one may be.
#[must_use]
pub fn due(keys: &[Life], rules: Rules, jitter: i64, now: UnixTime) -> Option<Due> {
    let with = |state| keys.iter().filter(move |key| key.state == state);
    let taking_over = signer(keys, now).filter(|key| key.state == KeyState::Published);
    if let Some(key) = taking_over {
        return Some(Due::Activate(key.key_id.clone()));
    }
    let active = with(KeyState::Active).next();
    if active.is_none() && rules.need == Need::Always {
        // The store never comes to this by itself: it is an empty one, or somebody wrote to it past this program.
        let next = with(KeyState::Published).next();
        return Some(next.map_or(Due::MakeFirst, |key| Due::Activate(key.key_id.clone())));
    }
    let ended = with(KeyState::Retiring).find(|key| key.retires_at().is_some_and(|at| at <= now));
    if let Some(key) = ended {
        return Some(Due::Retire(key.key_id.clone()));
    }
    if rules.need == Need::Never {
        return keys.iter().find_map(|key| leave(key, now));
    }
    if let Some(key) = with(KeyState::Generated).next() {
        return Some(Due::Publish(key.key_id.clone()));
    }
    let Some(next) = with(KeyState::Published).next() else {
        let public = keys.iter().filter(|key| key.state.is_public()).count();
        return (public < PUBLIC_MAX).then_some(Due::MakeNext);
    };
    if with(KeyState::Published).any(|key| key.signs_from.is_some()) {
        return None;
    }
    let earliest = next.seen_everywhere_from()?.max(now.plus(LEAD_SECONDS));
    let planned = match active {
        Some(active) => {
            let since = active.signs_from.unwrap_or(active.created_at);
            since.plus(rules.every_seconds?).plus(jitter)
        }
        None => earliest,
    };
    Some(Due::Plan(next.key_id.clone(), planned.max(earliest)))
}

/// The step by which a key ends that is needed for nothing.
fn leave(key: &Life, now: UnixTime) -> Option<Due> {
    // Processes that were told differently, as while they are started anew one by one, would otherwise make keys and end them
    // by turns, every few seconds.
    let lasts = |since: Option<UnixTime>| since.is_none_or(|at| at.plus(PUBLISHED_SECONDS) > now);
    let id = || key.key_id.clone();
    match key.state {
        KeyState::Active => Some(Due::Stop(id())),
        KeyState::Generated if !lasts(Some(key.created_at)) => Some(Due::Retire(id())),
        KeyState::Published if lasts(key.published_at) => None,
        // Whoever reads the rows a moment later may have signed with it: it ends like one that has.
        KeyState::Published if key.signs_from.is_some() || key.signed_until.is_some() => {
            Some(Due::Stop(id()))
        }
        KeyState::Published => Some(Due::Retire(id())),
        KeyState::Generated | KeyState::Retiring | KeyState::Retired | KeyState::Revoked => None,
    }
}

/// Takes a step. `made` is the key that a step makes.
///
/// # Errors
/// [`Refusal::NeedsKey`] when a step makes a key and there is none.
pub fn step(
    keys: &[Life],
    due: &Due,
    made: Option<Life>,
    now: UnixTime,
) -> Result<Vec<Life>, Refusal> {
    let mut after = keys.to_vec();
    match due {
        Due::MakeFirst => {
            let mut first = made.ok_or(Refusal::NeedsKey)?;
            first.publish(now);
            after.push(first.clone());
            activate(&mut after, &first.key_id, now);
        }
        Due::MakeNext => after.push(made.ok_or(Refusal::NeedsKey)?),
        Due::Publish(key_id) => {
            if let Some(key) = named(&mut after, key_id) {
                key.publish(now);
            }
        }
        Due::Plan(key_id, at) => {
            if let Some(key) = named(&mut after, key_id) {
                key.signs_from = Some(*at);
            }
        }
        Due::Activate(key_id) => activate(&mut after, key_id, now),
        Due::Stop(key_id) => {
            if let Some(key) = named(&mut after, key_id) {
                key.stop(now);
            }
        }
        Due::Retire(key_id) => {
            if let Some(key) = named(&mut after, key_id) {
                key.state = KeyState::Retired;
                key.ended_at = Some(now);
            }
        }
    }
    Ok(after)
}

/// Whether a key signs when every verifier has it, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// When every verifier has had to see it.
    Orderly,
    /// Now, whoever has not seen it yet: who verifies asks for a key that is unknown, once in half a minute.
    Forced,
}

/// Why an operator's act is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A new key is needed for it: make one and ask again.
    #[error("a new key is needed")]
    NeedsKey,
    /// No key has the id.
    #[error("there is no signing key with this id: `edgeward keys list` shows all of them")]
    Unknown,
    /// It is revoked already.
    #[error("this signing key is revoked already")]
    AlreadyRevoked,
    /// The imported key is there already, and a key that was taken away does not come back.
    #[error("this signing key is there already, or was once")]
    AlreadyThere,
    /// There is no place in the key set.
    #[error(
        "{PUBLIC_MAX} keys are in the key set, which is all that there is room for: wait until one is retired"
    )]
    Full,
}

/// Makes the next key sign: as soon as every verifier has seen it, or now. Answers which one it is.
///
/// # Errors
/// [`Refusal::NeedsKey`], [`Refusal::Full`].
pub fn rotate(
    keys: &[Life],
    made: Option<Life>,
    pace: Pace,
    now: UnixTime,
) -> Result<(Vec<Life>, String), Refusal> {
    let mut after = keys.to_vec();
    let key_id = next_of(&mut after, made)?;
    bring_forward(&mut after, &key_id, pace, now);
    room(after).map(|after| (after, key_id))
}

/// Takes a key in that somebody else made, as the next one.
///
/// # Errors
/// [`Refusal::AlreadyThere`], [`Refusal::Full`].
pub fn import(
    keys: &[Life],
    imported: Life,
    pace: Pace,
    now: UnixTime,
) -> Result<Vec<Life>, Refusal> {
    if keys.iter().any(|key| key.key_id == imported.key_id) {
        return Err(Refusal::AlreadyThere);
    }
    let mut after = keys.to_vec();
    // Whoever waits for a moment that is far off waits on; it is planned anew when the imported one signs.
    for key in &mut after {
        let far = key.signs_from.is_some_and(|at| at > now.plus(LEAD_SECONDS));
        if key.state == KeyState::Published && far {
            key.signs_from = None;
        }
    }
    let key_id = imported.key_id.clone();
    after.push(imported);
    bring_forward(&mut after, &key_id, pace, now);
    room(after)
}

/// Revokes a key. If it is the one that signs, another does from now on, in the same act.
///
/// # Errors
/// [`Refusal::Unknown`], [`Refusal::AlreadyRevoked`], [`Refusal::NeedsKey`].
pub fn revoke(
    keys: &[Life],
    key_id: &str,
    made: Option<Life>,
    now: UnixTime,
) -> Result<Vec<Life>, Refusal> {
    let mut after = keys.to_vec();
    if !end(&mut after, key_id, now)? {
        return Ok(after);
    }
    let next = next_of(&mut after, made)?;
    bring_forward(&mut after, &next, Pace::Forced, now);
    Ok(after)
}

/// Revokes a key where no other can be made: if it is the one that signs, one that waits does from now on, and where none waits
/// nobody signs until the schedule can make one.
///
/// # Errors
/// [`Refusal::Unknown`], [`Refusal::AlreadyRevoked`].
pub fn revoke_only(keys: &[Life], key_id: &str, now: UnixTime) -> Result<Vec<Life>, Refusal> {
    let mut after = keys.to_vec();
    let signed = end(&mut after, key_id, now)?;
    let next = planned(&after).map(|next| next.key_id.clone());
    if let Some(next) = next.filter(|_| signed) {
        bring_forward(&mut after, &next, Pace::Forced, now);
    }
    Ok(after)
}

/// Says whether it was the one that signs. If its moment has come and the rows still call it published, the active one signs on.
fn end(keys: &mut [Life], key_id: &str, now: UnixTime) -> Result<bool, Refusal> {
    let key = named(keys, key_id).ok_or(Refusal::Unknown)?;
    if key.state == KeyState::Revoked {
        return Err(Refusal::AlreadyRevoked);
    }
    let signed = key.state == KeyState::Active;
    key.state = KeyState::Revoked;
    key.ended_at = Some(now);
    Ok(signed)
}

/// The key that signs next: the one whose moment is nearest, or who waits for the longest time.
fn planned(keys: &[Life]) -> Option<&Life> {
    keys.iter()
        .filter(|key| matches!(key.state, KeyState::Generated | KeyState::Published))
        .min_by_key(|key| {
            let never = UnixTime::from_seconds(i64::MAX);
            let published = key.published_at.unwrap_or(never);
            (key.signs_from.unwrap_or(never), published, key.created_at)
        })
}

/// The same, or the one that was made for it, which is then among them.
fn next_of(keys: &mut Vec<Life>, made: Option<Life>) -> Result<String, Refusal> {
    if let Some(next) = planned(keys) {
        return Ok(next.key_id.clone());
    }
    let made = made.ok_or(Refusal::NeedsKey)?;
    let key_id = made.key_id.clone();
    keys.push(made);
    Ok(key_id)
}

fn named<'k>(keys: &'k mut [Life], key_id: &str) -> Option<&'k mut Life> {
    keys.iter_mut().find(|key| key.key_id == key_id)
}

/// Publishes the key if need be, and makes it sign.
fn bring_forward(keys: &mut [Life], key_id: &str, pace: Pace, now: UnixTime) {
    if let Some(key) = named(keys, key_id) {
        if key.state == KeyState::Generated {
            key.publish(now);
        }
        let seen = key.seen_everywhere_from().unwrap_or(now);
        let earliest = seen.max(now.plus(LEAD_SECONDS));
        // What is due sooner stays so.
        key.signs_from = Some(key.signs_from.map_or(earliest, |from| from.min(earliest)));
    }
    if pace == Pace::Forced {
        activate(keys, key_id, now);
    }
}

/// From now on the rows say that this key signs, and that the one before does not.
fn activate(keys: &mut [Life], key_id: &str, now: UnixTime) {
    for key in keys {
        if key.key_id == key_id {
            key.state = KeyState::Active;
            key.signs_from = Some(key.signs_from.map_or(now, |from| from.min(now)));
        } else if key.state == KeyState::Active {
            key.stop(now);
        } else if key.state == KeyState::Published {
            // Its moment was planned for another succession.
            key.signs_from = None;
        }
    }
}

fn room(keys: Vec<Life>) -> Result<Vec<Life>, Refusal> {
    let public = keys.iter().filter(|key| key.state.is_public()).count();
    if public > PUBLIC_MAX {
        return Err(Refusal::Full);
    }
    Ok(keys)
}
