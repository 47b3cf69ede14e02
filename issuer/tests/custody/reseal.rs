//! Sealed private keys under changing key-encryption keys: what opens, what moves, and what is left alone.

use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use base64ct::{Base64, Encoding};
use edgeward_core::{cookie::Environment, time::UnixTime};
use edgeward_issuer::{
    config::{Config, SecretText},
    custody::{self, Sealed, Secrets},
    domain::{
        audit::AuditEntry,
        keyring::Keyring,
        reseal::{self, HeldRow, ResealError, SealedKey, SealedKeys, Which},
        storage::StorageError,
    },
    open_existing_store, open_store,
    signatures::SigningAlgorithm,
};
use zeroize::Zeroizing;

use crate::folder::Folder;
use crate::program::{Ran, edgeward, run};

const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

/// A key-encryption key as an operator writes it.
pub(crate) fn kek(byte: u8) -> String {
    Base64::encode_string(&[byte; 32])
}

struct World(Folder);

impl World {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn config(&self, custody: &[(&str, &str)]) -> Config {
        let mut config = Config::defaults(&self.0.path().join("data"));
        for (name, value) in custody {
            let key = Some(SecretText::new(value));
            match *name {
                "KEK" => config.custody.kek = key,
                "OTHER_KEK" => config.custody.other_kek = key,
                other => panic!("{other}"),
            }
        }
        config
    }

    /// Starts as `serve` does, as far as keys go; the id of the key that signs, or why there is none.
    async fn start(&self, custody: &[(&str, &str)]) -> Result<String, String> {
        let config = self.config(custody);
        let secrets = Secrets::open_configured(&config).map_err(|error| error.to_string())?;
        let store = open_store(&config).await.unwrap();
        let keyring = Keyring::load_or_create(&store, &secrets, &[], NOW, Instant::now()).await;
        store.close().await;
        keyring
            .and_then(|keyring| keyring.signing_key(NOW, Instant::now()))
            .map(|key| key.key_id().to_owned())
            .map_err(|error| error.to_string())
    }

    fn reseal(&self, custody: &[(&str, &str)]) -> Ran {
        self.keys(&["reseal"], custody)
    }

    fn keys(&self, act: &[&str], custody: &[(&str, &str)]) -> Ran {
        let mut command = edgeward(self.0.path());
        command.arg("keys").args(act);
        for (name, value) in custody {
            command.env(format!("EDGEWARD__CUSTODY__{name}"), value);
        }
        run(&mut command, b"")
    }

    async fn rows(&self) -> Vec<SealedKey> {
        let store = open_existing_store(&self.config(&[])).await.unwrap();
        let rows = store.sealed_keys().await.unwrap();
        store.close().await;
        rows
    }

    async fn put(&self, sealed: &Sealed) {
        let store = open_existing_store(&self.config(&[])).await.unwrap();
        let row = store.sealed_keys().await.unwrap().remove(0);
        let entry = AuditEntry::done(
            edgeward_issuer::domain::audit::Action::ResealKey,
            edgeward_issuer::domain::audit::Actor::Operator,
            NOW,
            &edgeward_issuer::domain::audit::Origin::default(),
        );
        assert!(store.replace_sealed(&row, sealed, &entry).await.unwrap());
        store.close().await;
    }
}

/// The step for operators whose next key was sealed under a key-encryption key that is gone.
#[tokio::test]
async fn a_next_key_that_opens_no_more_is_revoked_and_another_is_made() {
    let world = World::new();
    let (first, gone, third) = (kek(1), kek(2), kek(3));
    let key_id = world.start(&[("KEK", &first)]).await.unwrap();
    let planned = world.keys(&["rotate"], &[("KEK", &gone), ("OTHER_KEK", &first)]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let next = planned.out.split(' ').next().unwrap();

    let left = [("KEK", third.as_str()), ("OTHER_KEK", &first)];
    assert_eq!(world.start(&left).await, Ok(key_id.clone()));
    let stopped = world.reseal(&left);
    assert_eq!(stopped.code, Some(2), "{stopped:?}");
    assert!(stopped.err.contains(next), "{stopped:?}");
    let revoked = world.keys(&["revoke", next], &left);
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    assert!(revoked.out.contains(&key_id), "{revoked:?}");
    let made = world.keys(&["rotate", "--force"], &left);
    assert_eq!(made.code, Some(0), "{made:?}");
    let signs = world.start(&left).await.unwrap();
    assert!(made.out.contains(&signs) && signs != key_id && signs != next);

    let none = world.keys(&["revoke", &signs], &[("KEK", &gone)]);
    assert_eq!(none.code, Some(2), "what signs has to open: {none:?}");
}

#[tokio::test]
async fn a_signing_key_moves_from_the_data_folder_to_given_keys_one_after_the_other() {
    let world = World::new();
    let (first, second) = (kek(1), kek(2));
    let key_id = world.start(&[]).await.unwrap();
    let own = world.0.path().join("data/secrets/kek");

    let ran = world.reseal(&[("KEK", &first)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.contains("1 re-sealed, 0 already under local:"),
        "{ran:?}"
    );
    assert!(!format!("{ran:?}").contains(&first), "no key is shown");
    let ran = world.reseal(&[("KEK", &first)]);
    assert!(
        ran.out.starts_with("0 re-sealed, 1 already under local:"),
        "{ran:?}"
    );

    fs::remove_file(&own).unwrap();
    assert_eq!(world.start(&[("KEK", &first)]).await.as_ref(), Ok(&key_id));
    // An issuer that still has the first key, and one that knows both, serve beside each other.
    assert_eq!(
        world
            .start(&[("KEK", &second), ("OTHER_KEK", &first)])
            .await
            .as_ref(),
        Ok(&key_id)
    );
    let ran = world.reseal(&[("KEK", &second), ("OTHER_KEK", &first)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for held in [
        vec![("KEK", second.as_str())],
        vec![("KEK", first.as_str()), ("OTHER_KEK", second.as_str())],
    ] {
        assert_eq!(world.start(&held).await.as_ref(), Ok(&key_id), "{held:?}");
    }
    let refused = world.start(&[("KEK", &first)]).await.unwrap_err();
    assert!(refused.contains("it was sealed under local:"), "{refused}");
    assert!(
        refused.contains("the key-encryption keys at hand are: local:"),
        "{refused}"
    );
    assert!(!own.exists(), "no key of its own is made beside given ones");
}

#[tokio::test]
async fn a_new_issuer_with_a_given_key_makes_none_of_its_own() {
    let world = World::new();
    world.start(&[("KEK", &kek(1))]).await.unwrap();
    let secrets = world.0.path().join("data/secrets");
    assert!(secrets.join("csrf").exists() && !secrets.join("kek").exists());
    let refused = world.start(&[]).await.unwrap_err();
    assert!(
        refused.contains("secrets/kek is missing beside other secrets"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_the_first_release_sealed_opens_and_moves_into_an_envelope() {
    let world = World::new();
    let key_id = world.start(&[]).await.unwrap();
    let own = fs::read(world.0.path().join("data/secrets/kek")).unwrap();
    let own = Zeroizing::new(<[u8; 32]>::try_from(own).unwrap());
    let secrets = Secrets::open_configured(&world.config(&[])).unwrap();
    let row = world.rows().await.remove(0);
    let seed = secrets.open(&row.key_id, &row.sealed).unwrap();
    let plain = custody::seal_under(&own, &key_id, &seed).unwrap();
    assert_eq!(Secrets::key_of(&plain), None);
    world.put(&plain).await;

    assert_eq!(world.start(&[]).await.as_ref(), Ok(&key_id));
    let ran = world.reseal(&[]);
    assert!(
        ran.out
            .contains(&format!("{key_id}: an unnamed key -> local:")),
        "{ran:?}"
    );
    assert_eq!(world.start(&[]).await.as_ref(), Ok(&key_id));
}

#[tokio::test]
async fn with_the_wrong_key_or_a_broken_secret_nothing_is_overwritten() {
    let world = World::new();
    let (right, wrong) = (kek(1), kek(9));
    world.start(&[("KEK", &right)]).await.unwrap();
    let good = world.rows().await.remove(0);
    let check = |ran: &Ran, says: &str| {
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        for says in [says, good.key_id.as_str(), "nothing was changed"] {
            assert!(ran.err.contains(says), "{says}: {ran:?}");
        }
    };
    check(
        &world.reseal(&[("KEK", &wrong)]),
        "it was sealed under local:",
    );
    assert_eq!(world.rows().await[0].sealed, good.sealed);

    let bytes = good.sealed.as_bytes();
    let mut changed = bytes.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    for broken in [
        changed,
        bytes[..20].to_vec(),
        bytes[..bytes.len() - 1].to_vec(),
        vec![0],
    ] {
        let broken = Sealed::from_bytes(broken);
        world.put(&broken).await;
        check(&world.reseal(&[("KEK", &right)]), "does not open");
        assert!(world.start(&[("KEK", &right)]).await.is_err());
        assert_eq!(
            world.rows().await[0].sealed,
            broken,
            "it is left for whoever has a backup"
        );
    }
    world.put(&good.sealed).await;
    world.start(&[("KEK", &right)]).await.unwrap();
}

#[test]
fn every_changed_bit_of_an_envelope_is_noticed() {
    let folder = Folder::new();
    let secrets =
        Secrets::load_or_create(&folder.path().join("s"), Environment::Development).unwrap();
    let sealed = secrets.seal("key-1", b"seed").unwrap();
    assert_eq!(secrets.open("key-1", &sealed).unwrap().as_slice(), b"seed");
    assert!(secrets.open("key-2", &sealed).is_err());
    for at in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(
            secrets.open("key-1", &Sealed::from_bytes(bytes)).is_err(),
            "bit {at}"
        );
    }
    for length in 0..sealed.as_bytes().len() {
        let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
        assert!(secrets.open("key-1", &cut).is_err(), "{length} bytes");
    }
}

/// Stops after so many writes, as a process that is killed between two of them does.
struct Dying {
    rows: Mutex<Vec<SealedKey>>,
    writes_left: AtomicUsize,
}

impl SealedKeys for Dying {
    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StorageError> {
        Ok(self.rows.lock().unwrap().clone())
    }

    async fn replace_sealed(
        &self,
        before: &SealedKey,
        after: &Sealed,
        _: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let left = self.writes_left.load(Ordering::Relaxed);
        let left = left
            .checked_sub(1)
            .ok_or(StorageError::Unreadable("killed"))?;
        self.writes_left.store(left, Ordering::Relaxed);
        let mut rows = self.rows.lock().unwrap();
        let row = rows.iter_mut().find(|row| row.key_id == before.key_id);
        let row = row.unwrap();
        assert_eq!(row.sealed, before.sealed);
        row.sealed = after.clone();
        Ok(true)
    }
}

#[tokio::test]
async fn a_process_that_is_stopped_between_any_two_rows_leaves_all_of_them_open() {
    const ROWS: usize = 4;
    let world = World::new();
    let (old, new) = (kek(1), kek(2));
    let before = Secrets::open_configured(&world.config(&[("KEK", &old)])).unwrap();
    let both = world.config(&[("KEK", &new), ("OTHER_KEK", &old)]);
    let both = Secrets::open_configured(&both).unwrap();
    let after = Secrets::open_configured(&world.config(&[("KEK", &new)])).unwrap();
    for survived in 0..=ROWS {
        let rows = (0..ROWS).map(|row| {
            let key_id = format!("key-{row}");
            let sealed = before.seal(&key_id, key_id.as_bytes()).unwrap();
            SealedKey {
                key_id,
                sealed,
                held: None,
            }
        });
        let store = Dying {
            rows: Mutex::new(rows.collect()),
            writes_left: AtomicUsize::new(survived),
        };
        let opens = |secrets: &Secrets| {
            let rows = store.rows.lock().unwrap();
            let opened = rows.iter().filter(|row| {
                let secret = secrets.open(&row.key_id, &row.sealed);
                secret.is_ok_and(|secret| secret.as_slice() == row.key_id.as_bytes())
            });
            opened.count()
        };
        let ended = reseal::reseal(&store, &both, Which::Elsewhere, NOW).await;
        assert_eq!(ended.is_ok(), survived == ROWS);
        assert_eq!((opens(&both), opens(&after)), (ROWS, survived));
        store.writes_left.store(ROWS, Ordering::Relaxed);
        let done = reseal::reseal(&store, &both, Which::Elsewhere, NOW)
            .await
            .unwrap();
        assert_eq!(
            (done.moved.len(), done.were_there),
            (ROWS - survived, survived)
        );
        assert_eq!(opens(&after), ROWS);
        assert_eq!(opens(&before), 0);
    }
}

#[tokio::test]
async fn one_row_that_does_not_open_keeps_all_rows_as_they_are() {
    let world = World::new();
    let (old, new) = (kek(1), kek(2));
    let before = Secrets::open_configured(&world.config(&[("KEK", &old)])).unwrap();
    let both = world.config(&[("KEK", &new), ("OTHER_KEK", &old)]);
    let both = Secrets::open_configured(&both).unwrap();
    let sealed = before.seal("good", b"seed").unwrap();
    let row = |key_id: &str| SealedKey {
        key_id: key_id.to_owned(),
        sealed: sealed.clone(),
        held: None,
    };
    let store = Dying {
        rows: Mutex::new(vec![row("good"), row("of another name")]),
        writes_left: AtomicUsize::new(0),
    };
    let refused = reseal::reseal(&store, &both, Which::Elsewhere, NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ResealError::DoesNotOpen { ref key_id, .. } if key_id == "of another name")
    );
}

/// Its proof proves nothing to anybody but who destroys the key.
#[tokio::test]
async fn a_proof_of_a_key_that_has_ended_elsewhere_holds_up_no_other_row() {
    let world = World::new();
    let (old, new, gone) = (kek(1), kek(2), kek(3));
    let open = |custody: &[(&str, &str)]| Secrets::open_configured(&world.config(custody)).unwrap();
    let (before, of_before) = (open(&[("KEK", &old)]), open(&[("KEK", &gone)]));
    let both = open(&[("KEK", &new), ("OTHER_KEK", &old)]);
    let held = |key_id: &str, secrets: &Secrets, has_ended: bool| SealedKey {
        key_id: key_id.to_owned(),
        // It states nothing of this row, and is under a key that is at hand or not.
        sealed: secrets.seal(key_id, b"").unwrap(),
        held: Some(HeldRow {
            algorithm: SigningAlgorithm::EdDsa,
            public_jwk: "{}".to_owned(),
            reference: "pkcs11:edgeward-eddsa-1".to_owned(),
            has_ended,
        }),
    };
    let good = || SealedKey {
        key_id: "good".to_owned(),
        sealed: before.seal("good", b"seed").unwrap(),
        held: None,
    };
    let reseal = async |rows: Vec<SealedKey>| {
        let store = Dying {
            rows: Mutex::new(rows),
            writes_left: AtomicUsize::new(9),
        };
        reseal::reseal(&store, &both, Which::Elsewhere, NOW).await
    };
    for secrets in [&before, &of_before] {
        let rows = vec![held("ended", secrets, true), good()];
        let done = reseal(rows).await.unwrap();
        assert_eq!((done.moved.len(), &*done.moved[0].0), (1, "good"));
        let [(left, why)] = &done.left[..] else {
            panic!("{done:?}");
        };
        assert!(left == "ended" && why.is_final(), "{done:?}");
        let rows = vec![held("public", secrets, false), good()];
        let refused = reseal(rows).await.unwrap_err();
        assert!(
            matches!(refused, ResealError::DoesNotOpen { ref key_id, .. } if key_id == "public"),
            "{refused}"
        );
    }
}

/// Nothing was released with such envelopes, and one of them could be moved to another row.
#[tokio::test]
async fn an_envelope_of_before_the_first_release_is_refused_with_what_to_do() {
    let world = World::new();
    world.start(&[]).await.unwrap();
    let mut sealed = world.rows().await.remove(0).sealed.as_bytes().to_vec();
    sealed[..8].copy_from_slice(b"edgewrd2");
    world.put(&Sealed::from_bytes(sealed)).await;
    let says = "begin with a new data folder and database, and take the accounts over with `edgeward user import`";
    let refused = world.start(&[]).await.unwrap_err();
    assert!(refused.contains(says), "{refused}");
    let stopped = world.reseal(&[]);
    assert_eq!(stopped.code, Some(2), "{stopped:?}");
    assert!(stopped.err.contains(says), "{stopped:?}");
}
