//! Signing keys of several algorithms, and keys that are held elsewhere.

use std::time::Instant;

use edgeward_core::cookie::Environment;
use edgeward_issuer::{
    custody::{Sealed, Secrets},
    domain::{
        audit::Action,
        keyring::{
            HeldElsewhere, KeyChange, KeyState, Keyring, Life, Need, PrivateHalf, Rules,
            SigningKeys, StoredKey,
            acts::Acts,
            life::{self, Due, Pace},
        },
        reseal::SealedKeys,
    },
    signatures::SigningAlgorithm::{self, EdDsa, Es256, Rs256},
};

use super::world::{NOW, World, entry};

const MONTHLY: Rules = Rules {
    every_seconds: Some(30 * 24 * 3600),
    need: Need::WhenSeen,
};

fn secrets() -> Secrets {
    let folder = World::folder();
    let secrets = folder.path().join("secrets");
    Secrets::load_or_create(&secrets, Environment::Development).unwrap()
}

/// Algorithm and state of each key, in order.
async fn states(world: &World) -> Vec<(SigningAlgorithm, KeyState)> {
    let stored = world.store.signing_keys().await.unwrap();
    let mut states: Vec<_> = stored
        .iter()
        .map(|key| (key.algorithm, key.life.state))
        .collect();
    let place = |state: &KeyState| KeyState::ALL.iter().position(|it| it == state);
    states.sort_by_key(|(algorithm, state)| (*algorithm, place(state)));
    states
}

pub(crate) async fn keys_of_several_algorithms_live_beside_each_other(world: World) {
    let secrets = secrets();
    let of = |algorithm| Acts {
        store: &world.store,
        secrets: &secrets,
        algorithm,
        now: NOW,
    };
    // Nobody has seen any key: the two that are in use begin together.
    let at = Instant::now();
    let keyring = Keyring::load_or_create(&world.store, &secrets, &[EdDsa, Es256], NOW, at).await;
    let keyring = keyring.unwrap();
    let begun = [(EdDsa, KeyState::Active), (Es256, KeyState::Active)];
    assert_eq!(states(&world).await, begun);
    let signs = async |algorithm| {
        let signer = keyring.signer(&world.store, &secrets, algorithm, NOW, NOW, at);
        let signer = signer.await.unwrap();
        signer.key_for(NOW).unwrap().algorithm()
    };
    assert_eq!(signs(EdDsa).await, EdDsa);
    assert_eq!(signs(Es256).await, Es256);
    assert_eq!(signs(Rs256).await, EdDsa, "until the first of these signs");

    // One that comes later waits, and each changes without the others.
    assert_eq!(of(Rs256).keep_schedule(MONTHLY, 0).await.unwrap(), 3);
    let forced = of(Es256).rotate(Pace::Forced).await.unwrap();
    let revoked = of(Es256).revoke(&forced.key.key_id).await.unwrap();
    assert_eq!(revoked.key.state, KeyState::Active);
    let expected = [
        (EdDsa, KeyState::Active),
        (Es256, KeyState::Active),
        (Es256, KeyState::Retiring),
        (Es256, KeyState::Revoked),
        (Rs256, KeyState::Published),
    ];
    assert_eq!(states(&world).await, expected);
    // All of them are sealed in the database, whatever they are.
    let sealed = world.store.sealed_keys().await.unwrap();
    assert_eq!(sealed.len(), expected.len());
    for key in &sealed {
        assert!(secrets.open(&key.key_id, &key.sealed).is_ok());
    }
    let later = Instant::now();
    let read = keyring.reload(&world.store, &secrets, NOW, later);
    read.await.unwrap();
    assert_eq!(keyring.public_keys().len(), 4);
}

pub(crate) async fn a_key_that_is_held_elsewhere_is_read_as_it_was_written(world: World) {
    let held = StoredKey {
        algorithm: Es256,
        life: Life::generated("held".to_owned(), NOW),
        public_jwk: "{}".to_owned(),
        private: PrivateHalf::Elsewhere(HeldElsewhere {
            reference: "pkcs11:edgeward-es256-1".to_owned(),
            proof: Sealed::from_bytes(Vec::new()),
            destroyed_at: None,
        }),
    };
    let made = Some(held.life.clone());
    let change = KeyChange {
        algorithm: Es256,
        before: Vec::new(),
        after: life::step(&[], &Due::MakeNext, made, NOW).unwrap(),
        added: Some(held.clone()),
        entries: vec![entry(Action::CreateKey)],
        at: NOW,
    };
    assert!(world.store.change_signing_keys(&change).await.unwrap());
    let again = world.store.change_signing_keys(&change).await;
    assert!(!again.unwrap(), "there is a key of this algorithm by now");
    assert_eq!(world.store.signing_keys().await.unwrap(), [held]);
    let [row] = &world.store.sealed_keys().await.unwrap()[..] else {
        panic!("its row has no proof yet");
    };
    assert_eq!(
        (row.key_id.as_str(), row.sealed.as_bytes()),
        ("held", &[][..])
    );
    assert_eq!(
        row.held.as_ref().unwrap().reference,
        "pkcs11:edgeward-es256-1"
    );
}
