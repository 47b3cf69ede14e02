//! Rows of keys that are held in SoftHSM: from before there were proofs, and from somebody who can write to the database only.

use base64ct::{Base64, Encoding};
use edgeward_core::token::SigningKey;
use sqlx::SqliteConnection;

use crate::{desk::connect, softhsm::World};

const IN_THE_DEVICE: (&str, &str) = ("SIGNING", "pkcs11");

async fn database(world: &World) -> SqliteConnection {
    connect(&world.path().join("data/edgeward.db")).await
}

async fn run(world: &World, statement: &'static str) {
    let mut database = database(world).await;
    sqlx::raw_sql(statement)
        .execute(&mut database)
        .await
        .unwrap();
}

/// What a command that ends with code 2 says.
#[track_caller]
fn failed(world: &World, arguments: &[&str]) -> String {
    let ran = world.run(arguments, &[IN_THE_DEVICE]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.err
}

#[tokio::test]
async fn rows_without_proofs_get_them_by_reseal_if_the_device_has_their_keys() {
    const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
    let world = World::new();
    let changes = [IN_THE_DEVICE];
    world.done(&["custody", "make-key"], &changes);
    world.done(&["migrate", "up"], &changes);
    world.done(&["keys", "rotate", "--force"], &changes);
    world.done(&["keys", "rotate", "--force"], &changes);
    let list = world.done(&["keys", "list"], &changes);
    assert_eq!(
        list.matches("held at pkcs11:edgeward-eddsa-").count(),
        2,
        "{list}"
    );

    run(&world, "UPDATE signing_keys SET sealed_seed = x''").await;
    for command in [&SERVE[..], &["keys", "rotate"]] {
        let told = failed(&world, command);
        assert!(told.contains("its row has no proof"), "{told}");
        assert!(told.contains("run `edgeward keys reseal`"), "{told}");
    }

    // A row by somebody else is found out by the device, whatever it names there, and then none is sealed.
    let own = SigningKey::from_seed(&[9; 32]).unwrap();
    for held_at in [
        "SELECT held_at FROM signing_keys WHERE state = 'active'",
        "SELECT 'pkcs11:of-nobody'",
        "SELECT 'kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'",
    ] {
        let mut database = database(&world).await;
        let held_at: String = sqlx::query_scalar(held_at)
            .fetch_one(&mut database)
            .await
            .unwrap();
        let insert = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at)
            VALUES ($1, 'EdDSA', 'published', $2, x'', $3, 5, 5)";
        let insert = sqlx::query(insert).bind(own.key_id().to_owned());
        let insert = insert
            .bind(own.public_jwk().to_json())
            .bind(held_at.clone());
        let _ = insert.execute(&mut database).await.unwrap();
        let told = failed(&world, &["keys", "reseal"]);
        assert!(
            told.contains("nothing was changed") && told.contains(own.key_id()),
            "{told}"
        );
        let proofs: i64 =
            sqlx::query_scalar("SELECT count(*) FROM signing_keys WHERE length(sealed_seed) > 0")
                .fetch_one(&mut database)
                .await
                .unwrap();
        assert_eq!(proofs, 0, "{held_at}");
        let delete = sqlx::query("DELETE FROM signing_keys WHERE created_at = 5");
        let _ = delete.execute(&mut database).await.unwrap();
    }

    let resealed = world.done(&["keys", "reseal"], &changes);
    assert_eq!(
        resealed.matches(": no proof -> pkcs11:kek-1").count(),
        2,
        "{resealed}"
    );
    assert!(resealed.contains("\n2 re-sealed"), "{resealed}");
    assert!(world.done(&["keys", "list"], &changes).starts_with(&list));
    let again = world.done(&["keys", "reseal"], &changes);
    assert!(again.contains("0 re-sealed"), "{again}");
    world.done(&["keys", "rotate"], &changes);

    // Away and back: proofs are sealed under whichever key seals, without the device's keys.
    let kek = Base64::encode_string(&[7; 32]);
    let away = [IN_THE_DEVICE, ("SEALER", "local"), ("KEK", kek.as_str())];
    let moved = world.done(&["keys", "reseal"], &away);
    assert!(moved.contains(", 0 already under local:"), "{moved}");
    world.done(&["keys", "rotate", "--force"], &away);
}
