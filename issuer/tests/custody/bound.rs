//! What is sealed for one row is opened for no other: whoever holds the key-encryption key does not even unwrap the data key.

use edgeward_issuer::{
    config::Config,
    custody::{SealError, Sealed, SealerError, Secrets},
};

use crate::folder::Folder;

/// Two rows change their envelopes, by somebody who can write to the database.
pub(crate) fn opens_for_its_own_row_only(secrets: &Secrets) {
    let sealed = |name: &str| secrets.seal(name, name.as_bytes()).unwrap();
    let (first, second) = (sealed("key-1"), sealed("key-2"));
    let opened = |name: &str, sealed: &Sealed| secrets.open(name, sealed);
    for (name, other) in [("key-1", &second), ("key-2", &first)] {
        match opened(name, other) {
            Err(SealError::Sealer {
                cause: SealerError::DoesNotOpen,
                ..
            }) => {}
            answer => panic!("{name}: {answer:?}"),
        }
    }
    // Also from memory, where the right row was opened a moment ago.
    for (name, own, other) in [("key-1", &first, &second), ("key-2", &second, &first)] {
        assert_eq!(opened(name, own).unwrap().as_slice(), name.as_bytes());
        assert!(opened(name, other).is_err());
    }
    assert_eq!(secrets.failures().unwrap_or_default(), []);
}

#[test]
fn under_a_key_of_the_process() {
    let folder = Folder::new();
    let config = Config::defaults(&folder.path().join("data"));
    opens_for_its_own_row_only(&Secrets::open_configured(&config).unwrap());
}

#[cfg(feature = "hsm")]
#[test]
fn under_a_key_in_the_device() {
    const NAME: &str = "under_a_key_in_the_device";
    let Some(world) = crate::softhsm::World::of_own_process(module_path!(), NAME) else {
        return;
    };
    edgeward_issuer::custody::make_key(&world.pkcs11()).unwrap();
    opens_for_its_own_row_only(&Secrets::open_configured(&world.config()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_key_of_a_transit_engine() {
    let folder = Folder::new();
    let server = crate::transit::Server::start().await;
    let mut config = Config::defaults(&folder.path().join("data"));
    server.seals(&mut config.custody);
    let secrets = Secrets::open_configured(&config).unwrap();
    opens_for_its_own_row_only(&secrets);
}

#[cfg(feature = "kms")]
#[tokio::test(flavor = "multi_thread")]
async fn under_a_key_in_kms() {
    const NAME: &str = "under_a_key_in_kms";
    if !crate::kms::is_own_process(module_path!(), NAME) {
        return;
    }
    let world = crate::kms::moto::World::new().await;
    let secrets = Secrets::open_configured(&world.config()).unwrap();
    tokio::task::spawn_blocking(move || opens_for_its_own_row_only(&secrets))
        .await
        .unwrap();
}
