//! What keys cost, for `cargo xtask bench keys`: to make one, to sign by one, and to open one, by each kind of custody.
//!
//! `cargo run --release -p edgeward-issuer --example keys -- FOLDER MODULE TOKEN PIN ENDPOINT KEY`: an empty folder, a PKCS#11 device of
//! one's own with a token in it, and the address of a stand-in of KMS on this machine with the ARN of a symmetric key in it. Credentials for
//! that come from the environment, as in production. A stand-in of a transit engine runs within. Prints a JSON array of groups; each has rows,
//! and a row the microseconds of one act in each round. In a round every row has one turn.
//!
//! The rows of stand-ins hold what our client and the stand-in take, and nothing of AWS, Vault or OpenBao.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a measurement that fails says so by panicking"
)]

#[path = "../tests/custody/transit/engine.rs"]
#[allow(
    dead_code,
    reason = "it is neither broken here nor asked what it heard"
)]
mod engine;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use edgeward_core::{
    signature::Algorithm,
    time::UnixTime,
    token::{TokenType, UnsignedToken},
};
use edgeward_issuer::{
    config::{Config, Custody, Kms, KmsKey, Pkcs11, SealerKind, SecretText, SigningPlace},
    custody::{self, Secrets, SigningPlaces},
    domain::{keyring::acts, session::random},
    open_store,
    signatures::{self, PrivateKey, SigningAlgorithm},
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// So many turns each row has.
const ROUNDS: usize = 15;

/// So many acts make a turn, where an act takes microseconds.
const QUICK: u32 = 256;
/// Where it goes to a device.
const SLOW: u32 = 32;

const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
const SEALED: &str = "a-signing-key";

/// One thing that is timed: its name, and a turn, which gives the time of one act.
type Row<'a> = (String, Box<dyn FnMut() -> Duration + 'a>);

/// A place where key-encryption keys are, by the name that the table shows.
struct Backend {
    name: &'static str,
    custody: Custody,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = PathBuf::from(&arguments[0]);
    let device = Pkcs11 {
        module: PathBuf::from(&arguments[1]),
        token: arguments[2].clone(),
        key: "kek".to_owned(),
        other_key: None,
        pin: SecretText::new(&arguments[3]),
        pin_file: None,
    };
    custody::make_key(&device).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let kms = Kms {
        endpoint: Some(arguments[4].clone()),
        key: KmsKey::parse(&arguments[5]).unwrap(),
        other_key: None,
    };
    // It answers from threads of its own.
    let beside = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let transit = beside.block_on(engine::Server::start());
    let backends = backends(device, kms, &transit);
    let groups = [
        ("made", made(&runtime, &folder, &backends)),
        ("signed", signed(&folder, &backends)),
        ("opened", opened(&folder, &backends)),
    ];
    let measured: Vec<Value> = groups
        .into_iter()
        .map(|(name, rows)| measure(name, rows))
        .collect();
    println!("{}", Value::from(measured));
    drop(beside);
    wait_for_threads();
}

/// A module that is still being ended by another thread when the process ends may keep it from ending.
fn wait_for_threads() {
    const PATIENCE: Duration = Duration::from_secs(10);
    let began = Instant::now();
    while fs::read_dir("/proc/self/task").unwrap().count() > 1 && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Every place that can be asked on this machine.
fn backends(device: Pkcs11, kms: Kms, transit: &engine::Server) -> Vec<Backend> {
    let in_kms = Custody {
        sealer: SealerKind::Kms,
        // The stand-in is a program of Python, and a busy machine is no outage.
        timeout: engine::PATIENT,
        kms: Some(kms),
        ..Custody::default()
    };
    let mut by_transit = Custody::default();
    transit.seals(&mut by_transit);
    let in_softhsm = Custody {
        sealer: SealerKind::Pkcs11,
        pkcs11: Some(device),
        ..Custody::default()
    };
    vec![
        Backend {
            name: "in this process",
            custody: Custody::default(),
        },
        Backend {
            name: "in SoftHSM",
            custody: in_softhsm,
        },
        Backend {
            name: "in a stand-in of KMS (moto)",
            custody: in_kms,
        },
        Backend {
            name: "in a stand-in of a transit engine",
            custody: by_transit,
        },
    ]
}

/// Everybody takes a turn, and the next round begins with another.
fn measure(group: &str, mut rows: Vec<Row>) -> Value {
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for round in 0..=ROUNDS {
        for place in 0..rows.len() {
            let row = (round + place) % rows.len();
            let micros = (rows[row].1)().as_secs_f64() * 1e6;
            // The first round is for warming up.
            if round > 0 {
                taken[row].push(micros);
            }
        }
    }
    let names = rows.iter().map(|(name, _)| name);
    let rows: Vec<Value> = names
        .zip(taken)
        .map(|(name, micros)| json!({ "name": name, "micros": micros }))
        .collect();
    json!({ "group": group, "rows": rows })
}

/// The time of one of so many acts.
fn repeated(times: u32, mut act: impl FnMut()) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        act();
    }
    began.elapsed() / times
}

fn row<'a>(
    name: impl Into<String>,
    times: u32,
    mut act: impl FnMut() + 'a,
) -> (String, Box<dyn FnMut() -> Duration + 'a>) {
    (name.into(), Box::new(move || repeated(times, &mut act)))
}

/// Keys are made: the pair alone, and the issuer's first key as `serve` makes it.
fn made<'a>(runtime: &'a Runtime, folder: &'a Path, backends: &'a [Backend]) -> Vec<Row<'a>> {
    let pair = |name, times, algorithm| {
        row(name, times, move || {
            PrivateKey::open(algorithm, &signatures::make(algorithm).unwrap()).unwrap();
        })
    };
    let mut rows = vec![
        pair("Ed25519, the pair alone", QUICK, SigningAlgorithm::EdDsa),
        pair("P-256, the pair alone", QUICK, SigningAlgorithm::Es256),
        pair(
            "RSA of 3072 bits, the pair alone",
            1,
            SigningAlgorithm::Rs256,
        ),
    ];
    for backend in backends {
        let secrets = secrets(folder, &backend.custody);
        let name = format!(
            "Ed25519, sealed {} and on the disk with its audit entry",
            backend.name
        );
        let turn = move || first_key(runtime, folder, &secrets);
        rows.push((name, Box::new(turn)));
    }
    for (backend, algorithm) in devices(backends) {
        let mut number = 0;
        let name = format!("{}, the pair {}", curve(algorithm), backend.name);
        rows.push(row(name, 1, move || {
            number += 1;
            let label = format!("{}-{number}", algorithm.name());
            custody::make_signing_key(&backend.custody, &label, algorithm).unwrap();
        }));
    }
    for (backend, places) in clouds(folder, backends) {
        rows.push(row(
            format!("P-256, the pair {}", backend.name),
            1,
            move || drop(places.make(SigningAlgorithm::Es256).unwrap()),
        ));
    }
    rows
}

/// Over a database of its own, whose making is not timed.
fn first_key(runtime: &Runtime, folder: &Path, secrets: &Secrets) -> Duration {
    runtime.block_on(async {
        let number = u64::from_le_bytes(random().unwrap());
        let config = Config::defaults(&folder.join(format!("{number:x}")));
        let store = open_store(&config).await.unwrap();
        let began = Instant::now();
        acts::ensure_first(&store, secrets, &[SigningAlgorithm::EdDsa], NOW)
            .await
            .unwrap();
        let taken = began.elapsed();
        store.close().await;
        taken
    })
}

/// Access tokens are signed: with an opened key, which is what `serve` does, and where a key lives that never leaves.
fn signed<'a>(folder: &Path, backends: &'a [Backend]) -> Vec<Row<'a>> {
    let kind = || TokenType::Other("at+jwt".to_owned());
    let in_memory = |name, times, algorithm| {
        let key = PrivateKey::open(algorithm, &signatures::make(algorithm).unwrap()).unwrap();
        row(name, times, move || {
            let unsigned =
                UnsignedToken::new(algorithm.in_header(), key.key_id(), &kind(), &claims());
            key.sign(&unsigned.unwrap()).unwrap();
        })
    };
    let mut rows = vec![
        in_memory(
            "Ed25519, opened into memory",
            QUICK,
            SigningAlgorithm::EdDsa,
        ),
        in_memory("P-256, opened into memory", QUICK, SigningAlgorithm::Es256),
        in_memory(
            "RSA of 3072 bits, opened into memory",
            SLOW,
            SigningAlgorithm::Rs256,
        ),
    ];
    for (backend, algorithm) in devices(backends) {
        let label = format!("signs-{}", algorithm.name());
        let public = custody::make_signing_key(&backend.custody, &label, algorithm).unwrap();
        let places = secrets(folder, &backend.custody).signing_places();
        let reference = format!("pkcs11:{label}");
        let of = SigningAlgorithm::from_name(algorithm.name()).unwrap();
        let signer = places.open(&reference, of, public).unwrap();
        let name = format!("{}, {}", curve(algorithm), backend.name);
        rows.push(row(name, SLOW, move || {
            custody::sign_token(signer.as_ref(), &kind(), &claims()).unwrap();
        }));
    }
    for (backend, places) in clouds(folder, backends) {
        let made = places.make(SigningAlgorithm::Es256).unwrap();
        let signer = places.open(&made.reference, SigningAlgorithm::Es256, made.public);
        let signer = signer.unwrap();
        rows.push(row(format!("P-256, {}", backend.name), SLOW, move || {
            custody::sign_token(signer.as_ref(), &kind(), &claims()).unwrap();
        }));
    }
    rows
}

/// A private key is sealed and opened, with the data key remembered and without.
fn opened<'a>(folder: &Path, backends: &'a [Backend]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for backend in backends {
        let forgetful = Custody {
            cache: Duration::ZERO,
            ..backend.custody.clone()
        };
        let mut kinds = vec![("opened", forgetful)];
        if backend.custody.sealer != SealerKind::Local {
            kinds.push(("opened, the data key remembered", backend.custody.clone()));
        }
        for (act, custody) in kinds {
            let secrets = secrets(folder, &custody);
            let sealed = secrets.seal(SEALED, &[7; 32]).unwrap();
            let times = if act == "opened" { SLOW } else { QUICK };
            let name = format!("{act}, {}", backend.name);
            rows.push(row(name, times, move || {
                secrets.open(SEALED, &sealed).unwrap();
                // As a serving issuer does, which writes them into the audit log.
                drop(secrets.take_accesses());
            }));
        }
        let secrets = self::secrets(folder, &backend.custody);
        rows.push(row(format!("sealed, {}", backend.name), SLOW, move || {
            secrets.seal(SEALED, &[7; 32]).unwrap();
            drop(secrets.take_accesses());
        }));
    }
    rows
}

/// The backends in which keys can be made and sign, with what they sign by.
fn devices(backends: &[Backend]) -> impl Iterator<Item = (&Backend, Algorithm)> {
    let devices = backends
        .iter()
        .filter(|backend| backend.custody.sealer == SealerKind::Pkcs11);
    devices.flat_map(|device| [(device, Algorithm::EdDsa), (device, Algorithm::Es256)])
}

/// The backends that make keys by a name of their own, where they do. Of Ed25519 their stand-in has nothing; a transit engine only seals.
fn clouds<'a>(
    folder: &'a Path,
    backends: &'a [Backend],
) -> impl Iterator<Item = (&'a Backend, Arc<SigningPlaces>)> {
    let clouds = backends
        .iter()
        .filter(|backend| backend.custody.kms.is_some());
    clouds.map(|backend| {
        let signs = Custody {
            signing: SigningPlace::Kms,
            ..backend.custody.clone()
        };
        (backend, secrets(folder, &signs).signing_places())
    })
}

const fn curve(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa | Algorithm::Ed25519 => "Ed25519",
        Algorithm::Es256 => "P-256",
        Algorithm::Rs256 => "RSA",
    }
}

fn secrets(folder: &Path, custody: &Custody) -> Secrets {
    let mut config = Config::defaults(folder);
    config.custody = custody.clone();
    Secrets::open_configured(&config).unwrap()
}

/// About as long as those of the issuer.
fn claims() -> Value {
    let id = "0196f1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
    json!({
        "iss": "https://www.example.com", "aud": "https://www.example.com", "sub": id, "jti": id, "sid": id,
        "exp": NOW.plus(600), "iat": NOW, "nbf": NOW, "auth_time": NOW, "seq": 17, "client_id": "web", "amr": ["pwd"],
        "acr": "aal1", "roles": ["editor", "admin"], "scope": "", "name": "Ada Lovelace", "email": "ada@example.com"
    })
}
