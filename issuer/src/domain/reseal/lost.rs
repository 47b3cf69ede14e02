//! The threads that ask whoever holds keys are lost: before anything is written, between two rows, and to whoever vouches.

use std::sync::Mutex;

use tokio::runtime::Runtime;

use super::*;
use crate::{
    config::{Config, SecretText, Transit},
    custody::tests::Folder,
    signatures::{self, PrivateKey},
};

const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

/// Rows in memory, and the threads that a process has: after so many writes they are lost.
struct Rows {
    rows: Mutex<Vec<SealedKey>>,
    threads: Mutex<Option<Runtime>>,
    ends_after: Option<usize>,
    written: Mutex<usize>,
}

impl Rows {
    /// Under the key in this process, with threads that end after so many writes.
    fn of(rows: Vec<SealedKey>, ends_after: Option<usize>) -> Self {
        Self {
            rows: Mutex::new(rows),
            threads: Mutex::new(Some(Runtime::new().unwrap())),
            ends_after,
            written: Mutex::new(0),
        }
    }

    fn end_threads_if_due(&self) {
        if Some(*self.written.lock().unwrap()) == self.ends_after {
            let threads = self.threads.lock().unwrap().take();
            threads.unwrap().shutdown_background();
        }
    }

    fn reseal(&self, secrets: &Secrets) -> Result<Resealed, ResealError> {
        let threads = self.threads.lock().unwrap();
        let handle = threads.as_ref().unwrap().handle().clone();
        drop(threads);
        self.end_threads_if_due();
        handle.block_on(reseal(self, secrets, Which::All, NOW))
    }

    fn sealed(&self) -> Vec<Sealed> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|row| row.sealed.clone()).collect()
    }
}

impl SealedKeys for Rows {
    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StorageError> {
        Ok(self.rows.lock().unwrap().clone())
    }

    async fn replace_sealed(
        &self,
        before: &SealedKey,
        after: &Sealed,
        _: &AuditEntry,
    ) -> Result<bool, StorageError> {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.iter_mut().find(|row| row.key_id == before.key_id);
        row.unwrap().sealed = after.clone();
        *self.written.lock().unwrap() += 1;
        self.end_threads_if_due();
        Ok(true)
    }
}

/// The key-encryption key is in this process. Another place is named as well, which is never asked here: because of it everything is
/// done on threads that may wait.
fn secrets(folder: &Folder) -> Secrets {
    let mut config = Config::defaults(folder.path());
    config.custody.transit = Some(Transit {
        address: "http://127.0.0.1:1".to_owned(),
        mount: "transit".to_owned(),
        key: "edgeward".to_owned(),
        other_key: None,
        namespace: None,
        token: SecretText::new("hvs.nobody-asks"),
        token_file: None,
    });
    Secrets::open_configured(&config).unwrap()
}

fn sealed(secrets: &Secrets, key_id: &str) -> SealedKey {
    SealedKey {
        key_id: key_id.to_owned(),
        sealed: secrets.seal(key_id, key_id.as_bytes()).unwrap(),
        held: None,
    }
}

fn held(has_ended: bool, proof: impl FnOnce(&str, Statement) -> Sealed) -> SealedKey {
    let algorithm = SigningAlgorithm::EdDsa;
    let key = PrivateKey::open(algorithm, &signatures::make(algorithm).unwrap()).unwrap();
    let row = HeldRow {
        algorithm,
        public_jwk: key.public_jwk().to_json(),
        reference: "pkcs11:edgeward-eddsa-1".to_owned(),
        has_ended,
    };
    SealedKey {
        key_id: key.key_id().to_owned(),
        sealed: proof(key.key_id(), row.statement(key.key_id())),
        held: Some(row),
    }
}

#[test]
fn threads_that_are_lost_before_anything_is_written_leave_every_row_as_it_was() {
    let folder = Folder::new();
    let secrets = secrets(&folder);
    let no_proof = |_: &str, _: Statement| Sealed::from_bytes(Vec::new());
    // Of a key that has ended a proof that nobody could be asked about is none that does not open.
    let not_asked = |key_id: &str, _: Statement| secrets.seal(key_id, b"").unwrap();
    let of_seal = "the thread that asked for a key-encryption key was lost; nothing was changed";
    let of_holder = "its row has no proof, and the signing key pkcs11:edgeward-eddsa-1 gave no answer: the thread that asked it was lost; nothing was changed";
    for (row, says) in [
        (sealed(&secrets, "a"), of_seal),
        (held(true, not_asked), of_seal),
        (held(false, no_proof), of_holder),
    ] {
        let key_id = row.key_id.clone();
        let store = Rows::of(vec![row, sealed(&secrets, "b")], Some(0));
        let before = store.sealed();
        let refused = store.reseal(&secrets).unwrap_err();
        assert_eq!(refused.to_string(), format!("{key_id}: {says}"));
        assert_eq!(store.sealed(), before, "{says}");
    }
}

#[test]
fn threads_that_are_lost_between_two_rows_leave_the_one_moved_and_the_other_as_it_was() {
    let folder = Folder::new();
    let secrets = secrets(&folder);
    let rows = ["a", "b", "c"].map(|key_id| sealed(&secrets, key_id));
    let store = Rows::of(rows.to_vec(), Some(1));
    let before = store.sealed();
    let refused = store.reseal(&secrets).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "b: the thread that asked for a key-encryption key was lost; it is as it was"
    );
    let after = store.sealed();
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);

    // Threads that live do the rest, and every secret is there.
    let again = Rows::of(store.rows.into_inner().unwrap(), None);
    let done = again.reseal(&secrets).unwrap();
    let moved: Vec<&str> = done.moved.iter().map(|(key_id, _)| &**key_id).collect();
    assert_eq!(moved, ["a", "b", "c"]);
    for row in again.rows.into_inner().unwrap() {
        let secret = secrets.open(&row.key_id, &row.sealed).unwrap();
        assert_eq!(secret.as_slice(), row.key_id.as_bytes());
    }
}

#[test]
fn of_a_key_whose_turn_it_was_nobody_says_that_nothing_was_changed() {
    let key_id = || "k".to_owned();
    let lost = ResealError::NotHeld {
        key_id: key_id(),
        reference: "pkcs11:l".to_owned(),
        source: SealerError::Lost,
    };
    let unsealed = ResealError::DoesNotOpen {
        key_id: key_id(),
        source: SealError::Lost,
    };
    for (error, says) in [
        (
            lost,
            "k: its row has no proof, and the signing key pkcs11:l gave no answer: the thread that asked it was lost; it is as it was",
        ),
        (
            unsealed,
            "k: the thread that asked for a key-encryption key was lost; it is as it was",
        ),
    ] {
        assert!(error.to_string().ends_with("; nothing was changed"));
        assert_eq!(error.in_its_turn().to_string(), says);
    }
}
