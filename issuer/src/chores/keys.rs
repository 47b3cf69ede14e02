//! The signing keys of a serving issuer and the secrets of its tokens: read again every moment, and their schedules kept.
//!
//! Every process does both. Whose step comes first does it, under the lock of the store; the others find it done.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{
    App,
    domain::{
        events::{EventType, SecurityEvent},
        keyring::{KeyringError, Need, Rules, acts::Acts, timing::JITTER_SECONDS},
        secrets::{Purpose, SecretsError, plan},
        storage::StorageError,
    },
    signatures::SigningAlgorithm,
};

/// How often the rows are read. A process signs with a key that was revoked elsewhere for so long at most, and edges refuse
/// that token; so it is half of the second in which they know.
const READ_EVERY: Duration = Duration::from_millis(500);

/// How often a process looks what is due, at least. Nothing of the schedule is exact to the second.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// And up to so much later, by lot, so that not all processes look at the same time.
const LOOK_JITTER_MILLIS: u16 = 5_000;

/// A clock that moved by more meanwhile was set, or the machine slept: then something may be due at once.
const CLOCK_WENT_SECONDS: i64 = 60;

/// Keeps the schedule once, and reads what came of it.
pub(super) async fn once(app: &App) {
    keep_schedule(app).await;
    if let Err(error) = read(app).await {
        tracing::warn!(detail = %error, "the signing keys could not be read again");
    }
    if let Err(error) = read_secrets(app).await {
        tracing::warn!(detail = %error, "the secrets of tokens could not be read again");
    }
}

async fn read(app: &App) -> Result<(), KeyringError> {
    let (now, at) = (app.clock.now(), Instant::now());
    app.keyring.reload(&app.store, &app.secrets, now, at).await
}

async fn read_secrets(app: &App) -> Result<(), SecretsError> {
    let (now, at) = (app.clock.now(), Instant::now());
    app.generations
        .reload(&app.store, &app.secrets, now, at)
        .await
}

/// Reads and keeps the schedule, at once and then again and again, until it is told to stop.
pub(super) async fn keep(app: &App, mut stopped: watch::Receiver<()>) {
    let mut look_at = Instant::now();
    let mut looked_at = app.clock.now();
    let (mut failing, mut secrets_failing) = (false, false);
    let mut left_out = Told::default();
    let mut lacked_signer = false;
    loop {
        let clock_went = app.clock.now().seconds_since(looked_at).abs() > CLOCK_WENT_SECONDS;
        if Instant::now() >= look_at || clock_went {
            looked_at = app.clock.now();
            keep_schedule(app).await;
            look_at = Instant::now() + LOOK_EVERY + lot_of(LOOK_JITTER_MILLIS);
        }
        match read(app).await {
            Ok(()) => {
                failing = false;
                left_out = tell_left_out(app, left_out).await;
                let lacks_signer = app.keyring.is_without_signer();
                if lacks_signer && !lacked_signer {
                    // Nobody can sign in until there is another key.
                    tracing::error!(
                        "no key signs: the last one was revoked, and another is yet to be made"
                    );
                    look_at = Instant::now();
                }
                lacked_signer = lacks_signer;
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(detail = %error, "the signing keys could not be read; those of before are used for a minute");
            }
            Err(_) => {}
        }
        match read_secrets(app).await {
            Ok(()) => secrets_failing = false,
            Err(error) if !secrets_failing => {
                secrets_failing = true;
                tracing::warn!(detail = %error, "the secrets of tokens could not be read; those of before are used for a minute");
            }
            Err(_) => {}
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(READ_EVERY) => {}
        }
    }
}

/// Of the keys that are left out: which have their event, and which could not be given one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    written: BTreeSet<String>,
    unwritten: BTreeSet<String>,
}

/// Notes an event for each key that is left out and has none, until it is written. The log has been told when its row was read.
async fn tell_left_out(app: &App, before: Told) -> Told {
    let note = |kid: String, why: String| async move {
        let event = SecurityEvent {
            at: app.clock.now(),
            kind: EventType::KeyLeftOut,
            user: None,
            request_id: None,
            circumstances: None,
            metadata: [("key", kid), ("reason", why)].into(),
        };
        app.store.record_event(&event).await
    };
    tell(app.keyring.left_out(), before, note).await
}

/// A key that is left out no more is forgotten, so that it is told again if it is left out again.
async fn tell<Noted: Future<Output = Result<(), StorageError>>>(
    left_out: Vec<(String, String)>,
    before: Told,
    note: impl Fn(String, String) -> Noted,
) -> Told {
    let mut now = Told::default();
    for (kid, why) in left_out {
        if before.written.contains(&kid) {
            now.written.insert(kid);
            continue;
        }
        match note(kid.clone(), why).await {
            Ok(()) => {
                now.written.insert(kid);
            }
            Err(error) => {
                // It is tried at every reading, and said once.
                if !before.unwritten.contains(&kid) {
                    tracing::warn!(detail = %error, "a security event could not be written");
                }
                now.unwritten.insert(kid);
            }
        }
    }
    now
}

async fn keep_schedule(app: &App) {
    let in_use = app.config.algorithms();
    for algorithm in SigningAlgorithm::ALL {
        let need = match algorithm {
            SigningAlgorithm::EdDsa => Need::Always,
            SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 if in_use.contains(&algorithm) => {
                Need::WhenSeen
            }
            SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 => Need::Never,
        };
        keep_schedule_of(app, algorithm, need).await;
    }
    for purpose in Purpose::ALL {
        keep_secrets_of(app, purpose).await;
    }
}

async fn keep_schedule_of(app: &App, algorithm: SigningAlgorithm, need: Need) {
    let acts = Acts {
        store: &app.store,
        secrets: &app.secrets,
        algorithm,
        now: app.clock.now(),
    };
    let rules = Rules {
        every_seconds: app.config.keys.rotation_seconds(),
        need,
    };
    let jitter = i64::from(lot()) * JITTER_SECONDS / i64::from(u16::MAX);
    let refused = app.keyring.refused();
    match acts.keep_schedule_without(&refused, rules, jitter).await {
        Ok(0) => {}
        Ok(steps) => {
            tracing::info!(%algorithm, steps, "signing keys: what was due is done");
        }
        Err(error) => {
            tracing::error!(%algorithm, detail = %error, "what is due of the signing keys was not done");
        }
    }
}

async fn keep_secrets_of(app: &App, purpose: Purpose) {
    let rules = plan::rules(match purpose {
        Purpose::Csrf => app.config.keys.csrf_rotation_seconds(),
        Purpose::Refresh => app.config.keys.refresh_rotation_seconds(),
    });
    let jitter = i64::from(lot()) * JITTER_SECONDS / i64::from(u16::MAX);
    let purpose_name = purpose.name();
    match app.acts_on(purpose).keep_schedule(rules, jitter).await {
        Ok(0) => {}
        Ok(steps) => tracing::info!(
            steps,
            purpose = purpose_name,
            "secrets of tokens: what was due is done"
        ),
        Err(error) => {
            tracing::error!(detail = %error, purpose = purpose_name, "what is due of the secrets of tokens was not done")
        }
    }
}

fn lot_of(most_millis: u16) -> Duration {
    let millis = u64::from(lot()) * u64::from(most_millis) / u64::from(u16::MAX);
    Duration::from_millis(millis)
}

/// Not a secret: without randomness nothing is spread.
fn lot() -> u16 {
    let mut bytes = [0; 2];
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn a_key_that_is_left_out_is_told_once_and_until_it_is_written() {
        let told = RefCell::new(Vec::new());
        let round = async |before, left_out: &[&str], takes: bool| {
            let left_out = left_out.iter().map(|kid| ((*kid).to_owned(), "why".into()));
            let note = |kid, _| {
                told.borrow_mut().push(kid);
                let busy = || StorageError::Busy("locked".into());
                std::future::ready(if takes { Ok(()) } else { Err(busy()) })
            };
            let now = tell(left_out.collect(), before, note).await;
            (now, told.take())
        };
        let named = |kids: &[&str]| kids.iter().map(|kid| (*kid).to_owned()).collect();

        let (now, told) = round(Told::default(), &["a"], true).await;
        assert_eq!(told, ["a"]);
        let (now, told) = round(now, &["a", "b"], false).await;
        assert_eq!(told, ["b"], "and the store refuses it");
        let expected = Told {
            written: named(&["a"]),
            unwritten: named(&["b"]),
        };
        assert_eq!(now, expected);
        let (now, told) = round(now, &["a", "b"], true).await;
        assert_eq!(told, ["b"], "so it is told again");
        let (now, told) = round(now, &["a", "b"], true).await;
        assert!(told.is_empty(), "{told:?}");
        let (now, told) = round(now, &["b"], true).await;
        assert!(told.is_empty(), "{told:?}");
        let (_, told) = round(now, &["a", "b"], true).await;
        assert_eq!(told, ["a"], "which was in use meanwhile");
    }
}
