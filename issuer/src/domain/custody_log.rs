//! Accesses to key-encryption keys that are not in this process, as entries of the audit log.

use std::{future::Future, mem};

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    secrets::Purpose,
    storage::StorageError,
};
use crate::custody::{Access, Secrets};

/// What writing accesses down needs of a store.
pub trait AccessLog {
    /// Appends the entries, all or none.
    fn log_accesses(
        &self,
        entries: &[AuditEntry],
    ) -> impl Future<Output = Result<(), StorageError>> + Send;
}

/// Writes down what was asked since the last time. What the store does not take waits for the next time.
///
/// # Errors
/// When the store fails.
pub async fn write(store: &impl AccessLog, secrets: &Secrets) -> Result<(), StorageError> {
    let mut taken = Taken {
        accesses: secrets.take_accesses(),
        secrets,
    };
    if taken.accesses.is_empty() {
        return Ok(());
    }
    let entries: Vec<AuditEntry> = taken.accesses.iter().map(entry).collect();
    store.log_accesses(&entries).await?;
    taken.accesses.clear();
    Ok(())
}

/// Writes down an access of whoever keeps none: a command that makes a key before there are secrets.
///
/// # Errors
/// When the store fails.
pub async fn append(store: &impl AccessLog, access: &Access) -> Result<(), StorageError> {
    store.log_accesses(&[entry(access)]).await
}

/// Accesses on their way into the store. Whatever ends that way early, they wait again.
struct Taken<'a> {
    accesses: Vec<Access>,
    secrets: &'a Secrets,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.secrets.keep_accesses(mem::take(&mut self.accesses));
    }
}

fn entry(access: &Access) -> AuditEntry {
    let (actor, origin) = (Actor::Issuer, Origin::default());
    let entry = match access.failure {
        None => AuditEntry::done(Action::UseCustody, actor, access.at, &origin),
        Some(reason) => AuditEntry::refused(Action::UseCustody, reason, actor, access.at, &origin),
    };
    entry
        .about(Purpose::subject_of(&access.purpose), &access.purpose)
        .with("act", access.act.name())
        .with("under", &access.key_name)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use edgeward_core::{cookie::Environment, time::UnixTime};

    use super::*;
    use crate::custody::{Act, tests::Folder};

    /// Does not take the first ones, and never ends what it was told to hang at.
    #[derive(Default)]
    pub(crate) struct Log {
        pub(crate) busy: AtomicUsize,
        pub(crate) taken: std::sync::Mutex<Vec<String>>,
    }

    impl AccessLog for Log {
        async fn log_accesses(&self, entries: &[AuditEntry]) -> Result<(), StorageError> {
            match self.busy.load(Ordering::SeqCst) {
                0 => {}
                usize::MAX => std::future::pending().await,
                left => {
                    self.busy.store(left - 1, Ordering::SeqCst);
                    return Err(StorageError::Busy("locked".into()));
                }
            }
            let mut taken = self.taken.lock().unwrap();
            taken.extend(entries.iter().filter_map(|entry| entry.subject.clone()));
            Ok(())
        }
    }

    pub(crate) fn secrets(folder: &Folder, purposes: &[&str]) -> Secrets {
        let secrets = folder.path().join("secrets");
        let secrets = Secrets::load_or_create(&secrets, Environment::Development).unwrap();
        let accesses = purposes.iter().map(|purpose| access(purpose));
        secrets.keep_accesses(accesses.collect());
        secrets
    }

    pub(crate) fn access(purpose: &str) -> Access {
        Access {
            at: UnixTime::from_seconds(1_795_000_000),
            key_name: "pkcs11:kek".to_owned(),
            act: Act::Unwrap,
            purpose: purpose.to_owned(),
            failure: None,
        }
    }

    #[tokio::test]
    async fn what_a_busy_store_did_not_take_waits_in_its_order() {
        let folder = Folder::new();
        let (log, secrets) = (Log::default(), secrets(&folder, &["a", "b"]));
        log.busy.store(1, Ordering::SeqCst);
        assert!(write(&log, &secrets).await.is_err());
        secrets.keep_accesses([secrets.take_accesses(), vec![access("c")]].concat());
        assert!(log.taken.lock().unwrap().is_empty());
        log.busy.store(usize::MAX, Ordering::SeqCst);
        tokio::select! {
            biased;
            _ = write(&log, &secrets) => panic!("it hangs"),
            () = std::future::ready(()) => {}
        }
        log.busy.store(0, Ordering::SeqCst);
        write(&log, &secrets).await.unwrap();
        assert_eq!(*log.taken.lock().unwrap(), ["key:a", "key:b", "key:c"]);
        assert!(secrets.take_accesses().is_empty());
    }
}
