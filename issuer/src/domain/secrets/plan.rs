//! What the life of a generation has of its own, on top of the machine that signing keys go by: how long its tokens may be good after
//! it stopped, how many generations there may be, and what *at once* means.
//!
//! Pure, as that machine is.

use edgeward_core::{
    bundle::MAX_GENERATIONS, csrf::TOKEN_LIFE_SECONDS, keys::UNCONFIRMED_TTL_SECONDS,
    time::UnixTime,
};

use crate::domain::keyring::{
    KeyState, Life, Need, Rules,
    life::{self, Due, PUBLIC_MAX, Pace, Refusal},
    timing::{KEYS_READ_WITHIN_SECONDS, LEAD_SECONDS, PUBLISHED_SECONDS},
};

const _: () = assert!(
    KEYS_READ_WITHIN_SECONDS + UNCONFIRMED_TTL_SECONDS < PUBLISHED_SECONDS,
    "an edge uses a bundle that nobody confirmed for fifteen minutes, which an issuer made by rows of a minute ago: by then it has the \
     next generation, before anything is made under it"
);

/// What the tokens are that a secret makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// CSRF tokens.
    Csrf,
    /// The MAC in refresh tokens.
    Refresh,
}

impl Purpose {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Csrf, Self::Refresh];

    /// The name in the store, and what an id begins with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csrf => "csrf",
            Self::Refresh => "refresh",
        }
    }

    /// The purpose of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// What this is an id of, if it is one of a secret. Ids of secrets begin with their purpose; those of keys are thumbprints.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let (name, _) = id.split_once('-')?;
        Self::from_name(name)
    }

    /// The kind of what has this id, as the audit log names it.
    #[must_use]
    pub fn subject_of(id: &str) -> &'static str {
        if Self::of_id(id).is_some() {
            "secret"
        } else {
            "key"
        }
    }

    /// So many generations are accepted at once: of the keys of CSRF tokens, as many as an edge takes; of the others, as many as
    /// there are signing keys, because each costs a MAC for whoever sends a forged token.
    #[must_use]
    pub const fn room(self) -> usize {
        match self {
            Self::Csrf => MAX_GENERATIONS,
            Self::Refresh => PUBLIC_MAX,
        }
    }
}

/// Why an operator's act is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A new secret is needed for it: make one and ask again.
    #[error("a new secret is needed")]
    NeedsSecret,
    /// None has the id.
    #[error("there is no secret with this id: `edgeward keys list` shows all of them")]
    Unknown,
    /// It is revoked already.
    #[error("this secret is revoked already")]
    AlreadyRevoked,
    /// It has ended.
    #[error("this secret has ended: nothing that it made is accepted")]
    Ended,
    /// There is no room for another generation.
    #[error(
        "{} {} secrets are accepted, which is all that there is room for: wait until one is retired", .0.room(), .0.name()
    )]
    Full(Purpose),
}

impl Refused {
    const fn of(refusal: Refusal, purpose: Purpose) -> Self {
        match refusal {
            Refusal::NeedsKey => Self::NeedsSecret,
            Refusal::Unknown => Self::Unknown,
            Refusal::AlreadyRevoked => Self::AlreadyRevoked,
            Refusal::AlreadyThere | Refusal::Full => Self::Full(purpose),
        }
    }
}

/// The schedule of generations: there is always one that makes tokens, and so long before the next one does; `None`: until somebody
/// says so.
#[must_use]
pub const fn rules(every_seconds: Option<i64>) -> Rules {
    Rules {
        every_seconds,
        need: Need::Always,
    }
}

/// The step that is due, if one is. Where there is no room the next generation is made when there is.
#[must_use]
pub fn due(
    purpose: Purpose,
    all: &[Life],
    rules: Rules,
    jitter: i64,
    now: UnixTime,
) -> Option<Due> {
    let due = life::due(all, rules, jitter, now)?;
    (due != Due::MakeNext || accepted(all) < purpose.room()).then_some(due)
}

/// Takes a step.
///
/// # Errors
/// [`Refused::NeedsSecret`].
pub fn step(
    purpose: Purpose,
    all: &[Life],
    due: &Due,
    made: Option<Life>,
    now: UnixTime,
) -> Result<Vec<Life>, Refused> {
    life::step(all, due, made, now).map_err(|refusal| Refused::of(refusal, purpose))
}

/// Makes the next generation make tokens: as soon as every edge has it, or, forced, as soon as every issuer has; edges that meet
/// its first token ask for it. Answers which one it is.
///
/// # Errors
/// [`Refused::NeedsSecret`], [`Refused::Full`].
pub fn rotate(
    purpose: Purpose,
    all: &[Life],
    made: Option<Life>,
    pace: Pace,
    now: UnixTime,
) -> Result<(Vec<Life>, String), Refused> {
    let (mut after, id) = life::rotate(all, made, Pace::Orderly, now)
        .map_err(|refusal| Refused::of(refusal, purpose))?;
    if accepted(&after) > purpose.room() {
        return Err(Refused::Full(purpose));
    }
    if pace == Pace::Forced {
        let next = after.iter_mut().find(|life| life.key_id == id);
        // An issuer that has not read it by then accepts nothing at all. It may have read in the second in which the row was
        // written and before that, so the one that follows counts too.
        let known = |life: &Life| {
            life.published_at
                .map(|at| at.plus(KEYS_READ_WITHIN_SECONDS + 1))
        };
        match next.and_then(|next| known(next).map(|known| (next, known))) {
            Some((next, known)) if known > now => {
                let at = known.max(now.plus(LEAD_SECONDS));
                next.signs_from = Some(next.signs_from.map_or(at, |from| from.min(at)));
            }
            Some(_) | None => after = step(purpose, &after, &Due::Activate(id.clone()), None, now)?,
        }
    }
    Ok((after, id))
}

/// Refuses everything that a generation made, from now on. If it is the one that makes tokens, another does, at once.
///
/// # Errors
/// [`Refused`], but for [`Refused::Full`].
pub fn revoke(
    purpose: Purpose,
    all: &[Life],
    id: &str,
    made: Option<Life>,
    now: UnixTime,
) -> Result<Vec<Life>, Refused> {
    let retired = |life: &Life| life.key_id == id && life.state == KeyState::Retired;
    if all.iter().any(retired) {
        return Err(Refused::Ended);
    }
    life::revoke(all, id, made, now).map_err(|refusal| Refused::of(refusal, purpose))
}

/// Whether a change takes the making of tokens from a generation whose tokens stay good.
#[must_use]
pub fn stops_one(before: &[Life], after: &[Life]) -> bool {
    after.iter().any(|life| has_stopped(before, life))
}

/// Writes down until when the tokens of those may be good that a change stops.
#[must_use]
pub fn good_until(before: &[Life], mut after: Vec<Life>, last: UnixTime) -> Vec<Life> {
    for life in &mut after {
        if has_stopped(before, life) {
            life.signed_until = Some(last);
        }
    }
    after
}

fn has_stopped(before: &[Life], life: &Life) -> bool {
    let was = before.iter().find(|was| was.key_id == life.key_id);
    life.state == KeyState::Retiring && was.is_some_and(|was| was.state != KeyState::Retiring)
}

/// Until when a token may be good that is made now, or by an issuer that has not heard of a change for as long as it goes on
/// without: of sessions, what was given to them when they began, which is not what is configured now.
#[must_use]
pub fn last_token_end(
    purpose: Purpose,
    refresh_life_seconds: i64,
    last_session_end: Option<UnixTime>,
    now: UnixTime,
) -> UnixTime {
    let made_until = now.plus(KEYS_READ_WITHIN_SECONDS);
    match purpose {
        Purpose::Csrf => made_until.plus(TOKEN_LIFE_SECONDS),
        Purpose::Refresh => {
            let new = made_until.plus(refresh_life_seconds);
            last_session_end.map_or(new, |last| last.max(new))
        }
    }
}

fn accepted(all: &[Life]) -> usize {
    all.iter().filter(|life| life.state.is_public()).count()
}
