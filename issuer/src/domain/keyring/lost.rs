//! The threads that make keys, seal them and have them destroyed are lost: nothing is written, and those that live do it afterwards.

use std::sync::Mutex;

use edgeward_core::time::UnixTime;
use tokio::runtime::{Handle, Runtime};

use super::{
    HeldElsewhere, KeyChange, KeyState, KeyringError, Life, PrivateHalf, SigningKeys, StoredKey,
    acts::{Acts, ensure_first},
    cases::{NOW, key},
    destroy::{self, DestroyError, HeldKeys},
    life::Pace,
    make, statement,
};
use crate::{
    config::{Config, Custody, Pkcs11, SecretText, SigningPlace, Transit},
    custody::{Secrets, tests::Folder},
    domain::{audit::AuditEntry, storage::StorageError},
    signatures::{self, PrivateKey, SigningAlgorithm},
};

const ALGORITHM: SigningAlgorithm = SigningAlgorithm::EdDsa;

/// Rows in memory.
#[derive(Default)]
struct Rows(Mutex<Vec<StoredKey>>);

impl Rows {
    fn all(&self) -> Vec<StoredKey> {
        self.0.lock().unwrap().clone()
    }

    fn acts<'a>(&'a self, secrets: &'a Secrets) -> Acts<'a, Self> {
        Acts {
            store: self,
            secrets,
            algorithm: ALGORITHM,
            now: NOW,
        }
    }
}

impl SigningKeys for Rows {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StorageError> {
        Ok(self.all())
    }

    async fn change_signing_keys(&self, change: &KeyChange) -> Result<bool, StorageError> {
        let mut rows = self.0.lock().unwrap();
        rows.extend(change.added.clone());
        for row in rows.iter_mut() {
            let after = change.after.iter();
            let mut after = after.filter(|life| life.key_id == row.life.key_id);
            row.life = after.next().unwrap().clone();
        }
        Ok(true)
    }

    async fn permit_signing(
        &self,
        _: &str,
        _: UnixTime,
        _: UnixTime,
    ) -> Result<bool, StorageError> {
        Ok(true)
    }
}

impl HeldKeys for Rows {
    async fn note_destroyed(
        &self,
        key_id: &str,
        _: UnixTime,
        _: &AuditEntry,
    ) -> Result<bool, StorageError> {
        panic!("nobody destroyed {key_id}")
    }
}

/// Of a process whose threads are all gone: what is to be done on one is never begun.
fn without_threads() -> Handle {
    Runtime::new().unwrap().handle().clone()
}

fn secrets(folder: &Folder, change: impl FnOnce(&mut Custody)) -> Secrets {
    let mut config = Config::defaults(folder.path());
    change(&mut config.custody);
    Secrets::open_configured(&config).unwrap()
}

/// A device that is not there.
fn in_a_device(custody: &mut Custody) {
    custody.signing = SigningPlace::Pkcs11;
    custody.pkcs11 = Some(Pkcs11 {
        module: "/nowhere/module.so".into(),
        token: "edgeward".to_owned(),
        key: "kek".to_owned(),
        other_key: None,
        pin: SecretText::new("648219"),
        pin_file: None,
    });
}

/// Names a key-encryption key elsewhere, which is never asked: because of it keys are sealed on threads that may wait.
fn beside_a_server(custody: &mut Custody) {
    custody.transit = Some(Transit {
        address: "http://127.0.0.1:1".to_owned(),
        mount: "transit".to_owned(),
        key: "edgeward".to_owned(),
        other_key: None,
        namespace: None,
        token: SecretText::new("hvs.nobody-asks"),
        token_file: None,
    });
}

/// It is of custody, which alerts, and passes: the same row may be asked for again.
fn check(error: &KeyringError, says: &str) {
    assert_eq!(error.to_string(), says);
    assert!(!error.is_final() && error.is_of_custody(), "{error:?}");
}

#[test]
fn a_thread_that_is_lost_before_a_key_is_made_makes_none_wherever_it_was_to_be() {
    let folder = Folder::new();
    let says = "the thread that was to make a signing key was lost";
    for change in [|_: &mut Custody| {}, in_a_device] {
        let secrets = secrets(&folder, change);
        let made = without_threads().block_on(make::generate(ALGORITHM, &secrets, NOW));
        let error = made.unwrap_err();
        assert!(matches!(error, KeyringError::Lost), "{error:?}");
        check(&error, says);
    }
}

#[test]
fn a_thread_that_is_lost_before_a_key_is_sealed_or_proven_gives_no_row() {
    let folder = Folder::new();
    let secrets = secrets(&folder, beside_a_server);
    let material = signatures::make(ALGORITHM).unwrap();
    let key_id = PrivateKey::open(ALGORITHM, &material).unwrap();
    let key_id = key_id.key_id().to_owned();
    let says =
        format!("signing key {key_id}: the thread that asked for a key-encryption key was lost");
    let sealing = make::seal(ALGORITHM, &material, &secrets, NOW);
    check(&without_threads().block_on(sealing).unwrap_err(), &says);
    // With threads the same material becomes a row.
    let row = Runtime::new().unwrap();
    let row = row.block_on(make::seal(ALGORITHM, &material, &secrets, NOW));
    assert_eq!(row.unwrap().life, Life::generated(key_id, NOW));
}

#[test]
fn an_act_whose_thread_is_lost_leaves_every_row_and_is_done_by_who_asks_again() {
    let folder = Folder::new();
    let secrets = secrets(&folder, |_| {});
    let (store, lives, gone) = (Rows::default(), Runtime::new().unwrap(), without_threads());
    let is_lost = |acted: Result<(), KeyringError>, before: &[StoredKey]| {
        assert!(matches!(acted, Err(KeyringError::Lost)), "{acted:?}");
        assert_eq!(store.all(), before);
    };
    let first = || ensure_first(&store, &secrets, &[ALGORITHM], NOW);
    is_lost(gone.block_on(first()), &[]);
    lives.block_on(first()).unwrap();
    let states = || -> Vec<KeyState> { store.all().iter().map(|key| key.life.state).collect() };
    assert_eq!(states(), [KeyState::Active]);

    let acts = store.acts(&secrets);
    let rotate = async || acts.rotate(Pace::Forced).await.map(drop);
    let before = store.all();
    is_lost(gone.block_on(rotate()), &before);
    lives.block_on(rotate()).unwrap();
    assert_eq!(states(), [KeyState::Retiring, KeyState::Active]);
}

#[test]
fn a_thread_that_is_lost_before_it_asks_destroys_nothing_and_every_key_is_told_of() {
    let folder = Folder::new();
    let secrets = secrets(&folder, in_a_device);
    let lives = Runtime::new().unwrap();
    let rows: Vec<StoredKey> = (0..2)
        .map(|number| {
            let material = signatures::make(ALGORITHM).unwrap();
            let made = PrivateKey::open(ALGORITHM, &material).unwrap();
            let (key_id, public_jwk) = (made.key_id(), made.public_jwk().to_json());
            let reference = format!("pkcs11:{number}");
            let stated = statement(key_id, ALGORITHM, &public_jwk, &reference);
            let proof = lives.block_on(secrets.attest(key_id, stated)).unwrap();
            StoredKey {
                algorithm: ALGORITHM,
                life: key(key_id, KeyState::Revoked),
                public_jwk,
                private: PrivateHalf::Elsewhere(HeldElsewhere {
                    reference,
                    proof,
                    destroyed_at: None,
                }),
            }
        })
        .collect();
    let later = NOW.plus(destroy::KEPT_SECONDS);
    let due = destroy::due(&rows, None, later).unwrap();
    let store = Rows::default();
    let tried = |on: &Handle, secrets: &Secrets| -> Vec<String> {
        let tried = on.block_on(destroy::destroy(&store, secrets, &due, later));
        let why = |outcome: destroy::Outcome| outcome.done.unwrap_err().to_string();
        tried.into_iter().map(why).collect()
    };
    let of_each = |says: &dyn Fn(&str) -> String| -> Vec<String> {
        rows.iter().map(|row| says(&row.life.key_id)).collect()
    };
    let gone = without_threads();
    // Where the row is proven in this process the thread is lost that asks for the destruction, else already the one that proves.
    let here = self::secrets(&folder, |_| {});
    assert_eq!(
        tried(&gone, &here),
        of_each(&|_| DestroyError::Lost.to_string())
    );
    assert_eq!(
        tried(&gone, &secrets),
        of_each(&|key_id| format!(
            "signing key {key_id}: the thread that asked for a key-encryption key was lost"
        ))
    );
    // Whoever has threads comes as far as the device.
    for why in tried(lives.handle(), &secrets) {
        let says = "whoever holds it does not destroy it: it is out of reach: ";
        assert!(why.starts_with(says), "{why}");
    }
}
