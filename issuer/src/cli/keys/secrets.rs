//! The part of `edgeward keys` that is about the secrets of CSRF and refresh tokens.

use std::io::{self, Write};

use edgeward_core::time::UnixTime;

use super::{KeysCommand, pace, refuse, secrets_of, utc};
use crate::{
    chores::accesses,
    cli::{Answer, Failure, Outcome, print},
    config::Config,
    custody::Secrets,
    domain::{
        keyring::{
            KeyState, Life,
            life::{self, Pace},
        },
        secrets::{
            Generations, Purpose, Refused, SecretGenerations, SecretsError,
            acts::{self, Acts, Done},
        },
    },
    store::Store,
};

/// What is asked for.
pub(super) struct Act {
    purpose: Purpose,
    what: What,
}

enum What {
    Rotate(Pace),
    Revoke(String),
}

impl Act {
    /// `None` where it is about signing keys. Ids of secrets begin with what they are for.
    pub(super) fn of(command: &KeysCommand) -> Option<Self> {
        match command {
            KeysCommand::Rotate { kind, force, .. } => Some(Self {
                purpose: kind.purpose()?,
                what: What::Rotate(pace(*force)),
            }),
            KeysCommand::Revoke { kid, .. } => Some(Self {
                purpose: Purpose::of_id(kid)?,
                what: What::Revoke(kid.clone()),
            }),
            KeysCommand::List { .. }
            | KeysCommand::Import { .. }
            | KeysCommand::Reseal(_)
            | KeysCommand::Destroy(_) => None,
        }
    }
}

pub(super) async fn list(store: &Store, now: UnixTime) -> Result<(), Failure> {
    let stored = store.secret_generations().await?;
    for purpose in Purpose::ALL {
        let own = stored.iter().filter(|secret| secret.purpose == purpose);
        for secret in own {
            print(&line(&secret.life, now))?;
        }
    }
    Ok(())
}

pub(super) async fn run(
    config: &Config,
    store: &Store,
    has_keys: bool,
    act: Act,
    now: UnixTime,
) -> Outcome {
    let custody = match secrets_of(config, has_keys) {
        Ok(custody) => custody,
        Err(Failure(why)) => return without_custody(store, &act, now, why).await,
    };
    let done = change(config, store, &custody, &act, now).await;
    // What was asked of a key elsewhere is written also when it did not help.
    let noted = accesses::drain(store, &custody).await;
    let answer = match done {
        Ok(done) => {
            tell(act.purpose, &done, now)?;
            Answer::Yes
        }
        Err(SecretsError::Refused(why)) => refuse(&why)?,
        Err(error) if error.is_of_custody() => {
            without_custody(store, &act, now, error.to_string()).await?
        }
        Err(error) => return Err(error.into()),
    };
    noted?;
    Ok(answer)
}

/// What needs no key-encryption key is done without: a secret is revoked if another one waits.
async fn without_custody(store: &Store, act: &Act, now: UnixTime, why: String) -> Outcome {
    let What::Revoke(id) = &act.what else {
        return Err(Failure(why));
    };
    match acts::revoke_blindly(store, act.purpose, id, now).await {
        Ok(done) => {
            tell(act.purpose, &done, now)?;
            let next = &done.secret.key_id;
            writeln!(
                io::stderr(),
                "edgeward: it was not tried whether {next} opens: {why}"
            )?;
            Ok(Answer::Yes)
        }
        Err(SecretsError::Refused(Refused::NeedsSecret)) => Err(Failure(format!(
            "nothing was done: no other secret waits that could take its place, and none can be made: {why}"
        ))),
        Err(SecretsError::Refused(why)) => refuse(&why),
        Err(error) => Err(error.into()),
    }
}

/// What is sealed elsewhere than those in the store are, the issuers could not open, and it would be next: so these are opened first.
async fn change(
    config: &Config,
    store: &Store,
    custody: &Secrets,
    act: &Act,
    now: UnixTime,
) -> Result<Done, SecretsError> {
    for purpose in Purpose::ALL {
        acts_on(config, store, custody, purpose, now)
            .take_in()
            .await?;
    }
    Generations::load(store, custody, now, std::time::Instant::now()).await?;
    let acts = acts_on(config, store, custody, act.purpose, now);
    match &act.what {
        What::Rotate(pace) => acts.rotate(*pace).await,
        What::Revoke(id) => acts.revoke(id).await,
    }
}

fn acts_on<'a>(
    config: &Config,
    store: &'a Store,
    custody: &'a Secrets,
    purpose: Purpose,
    now: UnixTime,
) -> Acts<'a, Store> {
    Acts {
        store,
        custody,
        purpose,
        refresh_life_seconds: config.tokens.refresh_absolute_seconds,
        now,
    }
}

const fn made_by(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Csrf => "CSRF tokens",
        Purpose::Refresh => "refresh tokens",
    }
}

/// Which secret makes tokens, and from when.
fn tell(purpose: Purpose, Done { secret, all }: &Done, now: UnixTime) -> Result<(), Failure> {
    let (id, tokens) = (&secret.key_id, made_by(purpose));
    let makes = life::signer(all, now).is_some_and(|maker| maker.key_id == *id);
    match secret.signs_from {
        Some(from) if !makes => {
            let wait = from.seconds_since(now);
            print(&format!(
                "{id} makes {tokens} from {} ({from}), in {wait} seconds",
                utc(from)
            ))?;
        }
        Some(_) | None => print(&format!("{id} makes {tokens} now"))?,
    }
    Ok(())
}

fn line(life: &Life, now: UnixTime) -> String {
    let state = life.state.name();
    let since =
        |at: Option<UnixTime>| at.map_or_else(String::new, |at| format!("since {}", utc(at)));
    let what = match life.state {
        KeyState::Generated => String::new(),
        KeyState::Published => life.signs_from.map_or_else(
            || "waits for its turn".to_owned(),
            |from| format!("makes tokens from {}", utc(from)),
        ),
        KeyState::Active => format!("makes tokens {}", since(life.signs_from)),
        KeyState::Retiring => life
            .retires_at()
            .map_or_else(String::new, |at| format!("accepted until {}", utc(at))),
        KeyState::Retired | KeyState::Revoked => since(life.ended_at),
    };
    let unseen = match (life.state, life.seen_everywhere_from()) {
        (KeyState::Published, Some(at)) if at > now => {
            format!(", known to every edge from {}", utc(at))
        }
        _ => String::new(),
    };
    format!("{} {state:<9} {what}{unseen}", life.key_id)
}
