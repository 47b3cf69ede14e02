//! `edgeward keys`: which keys sign and which secrets make tokens, when the next ones do, and what is done in an emergency.

mod destroy;
mod reseal;
mod revoke;
mod secrets;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Instant,
};

use edgeward_core::time::UnixTime;
use zeroize::Zeroizing;

use super::{Answer, Failure, Outcome, Place, print};
use crate::{
    chores::accesses,
    clock::Clock,
    config::Config,
    custody::Secrets,
    domain::{
        keyring::{
            KeyState, Keyring, KeyringError, Life, PrivateHalf, SigningKeys, StoredKey,
            acts::{Acts, Done},
            import::{Imported, MAX_PEM_BYTES, key_of_pem},
            life::{self, Pace},
        },
        secrets::Purpose,
    },
    open_existing_store,
    signatures::SigningAlgorithm,
    store::Store,
};

/// The subcommands of `keys`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum KeysCommand {
    /// List the signing keys, and the secrets of CSRF and refresh tokens.
    List {
        /// Keys of this algorithm only: EdDSA, ES256 or RS256.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<SigningAlgorithm>,
    },
    /// Let the next key sign, or the next secret make tokens, as soon as every verifier has seen it.
    Rotate {
        /// Which kind.
        #[arg(value_enum, default_value_t = Kind::Signing)]
        kind: Kind,
        /// Of which algorithm, where keys sign: EdDSA, ES256 or RS256.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<SigningAlgorithm>,
        /// Let it do so at once, whoever has not seen it yet.
        #[arg(long)]
        force: bool,
    },
    /// Refuse everything that a key has signed or a secret has made, from now on. If it is the one in use, another is at once.
    Revoke {
        /// The id of the key or secret, as `list` prints it.
        // One id in sixty-four begins like an option.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Refuse if the key is of another algorithm.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<SigningAlgorithm>,
    },
    /// Take in a private key of Ed25519, P-256 or RSA as the next one of its algorithm.
    Import {
        /// Refuse if the key is of another algorithm.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<SigningAlgorithm>,
        /// PKCS#8 in PEM; `-` reads standard input.
        file: PathBuf,
        /// Let it sign at once, whoever has not seen it yet.
        #[arg(long)]
        force: bool,
    },
    /// Bring every sealed key, and the proof of every row, under the key-encryption key that seals now. Issuers may serve meanwhile.
    Reseal(reseal::Reseal),
    /// Destroy keys that have ended where they are held, in a device or in KMS.
    Destroy(destroy::Destroy),
}

/// What rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// The keys that sign tokens.
    Signing,
    /// The secrets that make CSRF tokens.
    Csrf,
    /// The secrets of the MAC in refresh tokens.
    Refresh,
}

impl Kind {
    pub(super) const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Signing => None,
            Self::Csrf => Some(Purpose::Csrf),
            Self::Refresh => Some(Purpose::Refresh),
        }
    }
}

pub(super) async fn run(place: &Place, command: KeysCommand) -> Outcome {
    if let KeysCommand::Reseal(reseal) = &command {
        return reseal::run(place, reseal).await;
    }
    if let KeysCommand::Destroy(destroy) = &command {
        return destroy::run(place, destroy).await;
    }
    let config = place.configure()?;
    let now = Clock.now();
    // What cannot be read is told before anything is opened.
    let imported = match &command {
        KeysCommand::Import { file, .. } => Some(read_key(file)?),
        KeysCommand::List { .. }
        | KeysCommand::Rotate { .. }
        | KeysCommand::Revoke { .. }
        | KeysCommand::Reseal(_)
        | KeysCommand::Destroy(_) => None,
    };
    let store = open_existing_store(&config).await?;
    let outcome = act(&config, &store, command, imported, now).await;
    store.close().await;
    outcome
}

/// What every act is done with.
struct Known<'a> {
    config: &'a Config,
    store: &'a Store,
    /// Whether there are signing keys: then there are secrets that they are sealed with.
    has_keys: bool,
    now: UnixTime,
}

async fn act(
    config: &Config,
    store: &Store,
    command: KeysCommand,
    imported: Option<Imported>,
    now: UnixTime,
) -> Outcome {
    let stored = store.signing_keys().await?;
    if let KeysCommand::List { algorithm } = command {
        let wanted = |key: &&StoredKey| algorithm.is_none_or(|wanted| key.algorithm == wanted);
        for key in stored.iter().filter(wanted) {
            print(&line(key, now))?;
        }
        if algorithm.is_none() {
            secrets::list(store, now).await?;
        }
        return Ok(Answer::Yes);
    }
    let has_keys = !stored.is_empty();
    if let Some(secret) = secrets::Act::of(&command) {
        if matches!(
            command,
            KeysCommand::Rotate {
                algorithm: Some(_),
                ..
            }
        ) {
            return refuse(&"secrets of tokens have no algorithm");
        }
        return secrets::run(config, store, has_keys, secret, now).await;
    }
    let algorithm = match about(&command, imported.as_ref(), &stored) {
        Ok(algorithm) => algorithm,
        Err(why) => return refuse(&why),
    };
    if let KeysCommand::Revoke { kid, .. } = &command {
        let known = Known {
            config,
            store,
            has_keys,
            now,
        };
        return revoke::run(&known, algorithm, kid).await;
    }
    if !config.algorithms().contains(&algorithm) {
        return refuse(&format!(
            "no audience has tokens of {algorithm}: name it in tokens.algorithm or [[tokens.audience]] first"
        ));
    }
    let secrets = secrets_of(config, has_keys)?;
    let known = has_keys.then_some(config);
    let acts = Acts {
        store,
        secrets: &secrets,
        algorithm,
        now,
    };
    let done = change(&acts, known, command, imported).await;
    // What was asked of a key elsewhere is written also when it did not help.
    let noted = accesses::drain(store, &secrets).await;
    let answer = match done {
        Ok(Some(done)) => {
            tell(&done, now)?;
            Answer::Yes
        }
        Ok(None) => Answer::No,
        Err(KeyringError::Refused(why)) => refuse(&why)?,
        Err(error) => return Err(error.into()),
    };
    noted?;
    Ok(answer)
}

/// What is sealed elsewhere than the keys in the store are, the issuers could not open, and it would sign next: so these are
/// opened first.
async fn change(
    acts: &Acts<'_, Store>,
    known: Option<&Config>,
    command: KeysCommand,
    imported: Option<Imported>,
) -> Result<Option<Done>, KeyringError> {
    if let Some(config) = known {
        let algorithms = config.algorithms();
        let (store, secrets) = (acts.store, acts.secrets);
        Keyring::load_or_create(store, secrets, &algorithms, acts.now, Instant::now()).await?;
    }
    let done = match (command, imported) {
        (KeysCommand::Rotate { force, .. }, _) => acts.rotate(pace(force)).await,
        (KeysCommand::Import { force, .. }, Some(imported)) => {
            acts.import(&imported.material, pace(force)).await
        }
        (
            KeysCommand::List { .. }
            | KeysCommand::Revoke { .. }
            | KeysCommand::Import { .. }
            | KeysCommand::Reseal(_)
            | KeysCommand::Destroy(_),
            _,
        ) => return Ok(None),
    };
    done.map(Some)
}

/// Of which algorithm the keys are that a command is about.
fn about(
    command: &KeysCommand,
    imported: Option<&Imported>,
    stored: &[StoredKey],
) -> Result<SigningAlgorithm, String> {
    let (found, asked) = match command {
        KeysCommand::Rotate { algorithm, .. } => (algorithm.unwrap_or_default(), None),
        KeysCommand::Import { algorithm, .. } => {
            let found = imported.map(|imported| imported.algorithm);
            (found.unwrap_or_default(), *algorithm)
        }
        KeysCommand::Revoke { kid, algorithm } => {
            let found = stored.iter().find(|key| key.life.key_id == *kid);
            let found = found.ok_or_else(|| life::Refusal::Unknown.to_string())?;
            (found.algorithm, *algorithm)
        }
        KeysCommand::List { .. } | KeysCommand::Reseal(_) | KeysCommand::Destroy(_) => {
            Default::default()
        }
    };
    match asked {
        Some(asked) if asked != found => Err(format!("this is a key of {found}, not of {asked}")),
        Some(_) | None => Ok(found),
    }
}

fn algorithm(name: &str) -> Result<SigningAlgorithm, &'static str> {
    SigningAlgorithm::from_name(name).ok_or("there are EdDSA, ES256 and RS256")
}

/// The secrets that the settings name. A new folder beside keys that are there would be another one than theirs.
fn secrets_of(config: &Config, has_keys: bool) -> Result<Secrets, Failure> {
    let folder = config.secrets_folder();
    if has_keys && !folder.exists() {
        return Err(Failure(format!(
            "{}: there are signing keys, and the secrets that they are sealed with are not here",
            folder.display()
        )));
    }
    Ok(Secrets::open_configured(config)?)
}

/// Which key signs next, and when.
fn tell(Done { key, keys }: &Done, now: UnixTime) -> Result<(), Failure> {
    let id = &key.key_id;
    if key.state == KeyState::Revoked {
        print(&format!("{id} is revoked; no key of its algorithm signs"))?;
        return Ok(());
    }
    let signs = life::signer(keys, now).is_some_and(|signer| signer.key_id == *id);
    match key.signs_from {
        Some(from) if !signs => {
            let wait = from.seconds_since(now);
            print(&format!(
                "{id} signs from {} ({from}), in {wait} seconds",
                utc(from)
            ))?;
        }
        Some(_) | None => print(&format!("{id} signs now"))?,
    }
    Ok(())
}

fn line(stored: &StoredKey, now: UnixTime) -> String {
    let key: &Life = &stored.life;
    let state = key.state.name();
    let what = match key.state {
        KeyState::Generated => String::new(),
        KeyState::Published => key.signs_from.map_or_else(
            || "waits for its turn".to_owned(),
            |from| format!("signs from {}", utc(from)),
        ),
        KeyState::Active => {
            let since = key.signs_from.unwrap_or(key.created_at);
            format!("signs since {}", utc(since))
        }
        KeyState::Retiring => key
            .retires_at()
            .map_or_else(String::new, |at| format!("verifies until {}", utc(at))),
        KeyState::Retired | KeyState::Revoked => key
            .ended_at
            .map_or_else(String::new, |at| format!("since {}", utc(at))),
    };
    let unseen = match (key.state, key.seen_everywhere_from()) {
        (KeyState::Published, Some(at)) if at > now => {
            format!(", seen by every verifier from {}", utc(at))
        }
        _ => String::new(),
    };
    let place = match &stored.private {
        PrivateHalf::Sealed(_) => String::new(),
        PrivateHalf::Elsewhere(held) if held.destroyed_at.is_some() => {
            format!(", destroyed at {}", held.reference)
        }
        PrivateHalf::Elsewhere(held) => format!(", held at {}", held.reference),
    };
    let algorithm = stored.algorithm.name();
    format!(
        "{} {state:<9} {algorithm:<5} {what}{unseen}{place}",
        key.key_id
    )
}

pub(super) const fn pace(force: bool) -> Pace {
    if force { Pace::Forced } else { Pace::Orderly }
}

/// RFC 3339, in UTC.
pub(super) fn utc(at: UnixTime) -> String {
    let shown = time::OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|at| {
            at.format(&time::format_description::well_known::Rfc3339)
                .ok()
        });
    shown.unwrap_or_else(|| at.to_string())
}

fn read_key(file: &Path) -> Result<Imported, Failure> {
    let named = |error: io::Error| Failure(format!("{}: {error}", file.display()));
    let mut pem = Zeroizing::new(String::with_capacity(MAX_PEM_BYTES + 1));
    let most = u64::try_from(MAX_PEM_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_string(&mut pem)
    } else {
        let file = File::open(file).map_err(named)?;
        file.take(most).read_to_string(&mut pem)
    };
    read.map_err(named)?;
    key_of_pem(&pem).map_err(|error| Failure(format!("{}: {error}", file.display())))
}

pub(super) fn refuse(why: &dyn std::fmt::Display) -> Outcome {
    use std::io::Write;
    writeln!(io::stderr(), "edgeward: {why}").map_err(Failure::from)?;
    Ok(Answer::No)
}
