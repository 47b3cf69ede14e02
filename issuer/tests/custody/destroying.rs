//! Keys of SoftHSM that have ended are destroyed there, and no others.

use edgeward_core::token::SigningKey;

use crate::{desk::connect, softhsm::World};

const IN_THE_DEVICE: [(&str, &str); 1] = [("SIGNING", "pkcs11")];

/// How many objects are on the token, of whatever kind: SoftHSM keeps each in a file of its own.
fn objects_on_the_token(world: &World) -> usize {
    let files = std::fs::read_dir(world.path().join("tokens")).unwrap();
    let folder = files.map(|file| file.unwrap().path()).next().unwrap();
    let objects = std::fs::read_dir(folder).unwrap();
    let is_object = |name: &str| name.ends_with(".object") && name != "token.object";
    objects
        .filter(|file| is_object(&file.as_ref().unwrap().file_name().to_string_lossy()))
        .count()
}

fn with(list: &str, state: &str) -> String {
    let mut lines = list.lines().filter(|line| line.contains(state));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("none is {state}: {list}"));
    line.split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_that_has_ended_is_destroyed_in_the_device_and_no_other_is() {
    let world = World::new();
    let done = |arguments: &[&str]| world.done(arguments, &IN_THE_DEVICE);
    done(&["custody", "make-key"]);
    done(&["migrate", "up"]);
    done(&["keys", "rotate", "--force"]);
    done(&["keys", "rotate", "--force"]);
    assert_eq!(done(&["keys", "destroy"]), "there is nothing to destroy\n");
    let list = done(&["keys", "list"]);
    let (active, retiring) = (with(&list, " active "), with(&list, " retiring "));
    let refused = |kid: &str, why: &str| {
        let ran = world.run(&["keys", "destroy", kid], &IN_THE_DEVICE);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
    };
    refused(&active, "has not ended");
    refused(&retiring, "has not ended");
    refused("nobody", "no signing key with this id");
    let objects = objects_on_the_token(&world);

    // It has ended, and no week has passed: it is named, or left.
    done(&["keys", "revoke", &retiring]);
    assert_eq!(done(&["keys", "destroy"]), "there is nothing to destroy\n");
    let away = world.pull();
    let ran = world.run(
        &["keys", "destroy", &retiring],
        &[("SIGNING", "pkcs11"), ("SEALER", "local")],
    );
    assert_ne!(ran.code, Some(0), "{ran:?}");
    world.put_back(&away);
    let said = done(&["keys", "destroy", &retiring]);
    assert!(
        said.contains(&format!("{retiring}: destroyed at pkcs11:edgeward-eddsa-")),
        "{said}"
    );
    assert_eq!(
        objects_on_the_token(&world),
        objects - 2,
        "both halves are gone"
    );
    assert!(done(&["keys", "list"]).contains(", destroyed at pkcs11:"));
    refused(&retiring, "destroyed already");
    done(&["audit", "verify"]);

    // A row by somebody who can write to the database names the key that signs, as one that ended long ago.
    let own = SigningKey::from_seed(&[9; 32]).unwrap();
    let mut database = connect(&world.path().join("data/edgeward.db")).await;
    let insert = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, ended_at)
        SELECT $1, alg, 'retired', $2, sealed_seed, replace(held_at, 'pkcs11:', $3), 5, 6 FROM signing_keys WHERE state = 'active'";
    for prefix in ["pkcs11:", "pkcs11:x"] {
        let insert = sqlx::query(insert).bind(own.key_id().to_owned());
        let insert = insert.bind(own.public_jwk().to_json()).bind(prefix);
        let _ = insert.execute(&mut database).await.unwrap();
        let ran = world.run(&["keys", "destroy", own.key_id()], &IN_THE_DEVICE);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(objects_on_the_token(&world), objects - 2, "{ran:?}");
        let delete = sqlx::query("DELETE FROM signing_keys WHERE created_at = 5");
        let _ = delete.execute(&mut database).await.unwrap();
    }

    // Somebody was quicker in the device itself, and a week is over.
    done(&["keys", "rotate", "--force"]);
    done(&["keys", "revoke", &active]);
    let earlier = "UPDATE signing_keys SET ended_at = ended_at - 700000 WHERE destroyed_at IS NULL";
    let _ = sqlx::query(earlier).execute(&mut database).await.unwrap();
    let said = done(&["keys", "destroy"]);
    assert!(said.contains(&format!("{active}: destroyed at")), "{said}");
    assert_eq!(done(&["keys", "destroy"]), "there is nothing to destroy\n");
    let undone = "UPDATE signing_keys SET destroyed_at = NULL";
    let _ = sqlx::query(undone).execute(&mut database).await.unwrap();
    let said = done(&["keys", "destroy"]);
    assert!(
        said.contains(&format!("{active}: was gone from pkcs11:")),
        "{said}"
    );

    // As a row from before there were proofs, which gets none any more.
    let unproven = "UPDATE signing_keys SET destroyed_at = NULL, sealed_seed = x'' WHERE kid = $1";
    let unproven = sqlx::query(unproven).bind(active.clone());
    let _ = unproven.execute(&mut database).await.unwrap();
    done(&["keys", "reseal"]);
    let ran = world.run(&["keys", "destroy", &active], &IN_THE_DEVICE);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("docs/CUSTODY.md says how"), "{ran:?}");
    done(&["keys", "rotate"]);
}
