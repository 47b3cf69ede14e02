//! Somebody who can write to the database, and has no key-encryption key, edits the rows of signing keys.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::token::{Audiences, Expectations, ParsedToken, SigningKey, TokenType};
use edgeward_issuer::{
    App, chores,
    domain::{
        keyring::{
            HeldElsewhere, KeyState, KeyringError, Life, PrivateHalf, SigningKeys, StoredKey,
            acts::Acts, life, statement,
        },
        reseal::{self, ResealError, Which},
    },
    signatures::{self, SigningAlgorithm},
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    desk::{Browser, Desk, EMAIL},
    metrics::samples,
};

/// The writer's own key.
fn own() -> SigningKey {
    SigningKey::from_seed(&[9; 32]).unwrap()
}

/// Ada's token once more, by the writer's key.
fn forged(access: &str, by: &SigningKey) -> String {
    let payload = access.split('.').nth(1).unwrap();
    let payload = Base64UrlUnpadded::decode_vec(payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    by.sign(&TokenType::Access, &claims).unwrap()
}

fn is_believed(app: &App, token: &str) -> bool {
    let audiences = Audiences::OneOf(vec![app.config.issuer.audience.clone()]);
    let expect = Expectations::new(app.config.issuer.url.clone(), audiences, TokenType::Access);
    signatures::verify(token, &app.keyring.public_keys(), &expect, app.clock.now()).is_ok()
}

/// As a serving issuer does twice a second.
async fn read(app: &App) -> Result<(), KeyringError> {
    let (now, at) = (app.clock.now(), Instant::now());
    app.keyring.reload(&app.store, &app.secrets, now, at).await
}

/// The ids that verifiers are shown.
async fn shown(desk: &Desk) -> Vec<String> {
    let answer = desk.browser().get("/.well-known/jwks.json").send().await;
    let set = answer.expect(200).json();
    let ids = set["keys"].as_array().unwrap().iter();
    ids.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn signing_key_is(desk: &Desk) -> String {
    desk.readiness().await.json()["checks"]["signingKey"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn edit(desk: &Desk, statement: &'static str, values: &[&str]) {
    let mut query = sqlx::query(statement);
    for value in values {
        query = query.bind((*value).to_owned());
    }
    let done = query.execute(&mut desk.sql().await).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{statement}");
}

/// An issuer with a key that signs and one that waits, and Ada signed in.
async fn opened() -> (Desk, Browser, Vec<Life>) {
    let (desk, ada) = Desk::with_ada_signed_in().await;
    chores::make_next_key(&desk.app).await;
    let lives = lives(&desk).await;
    assert_eq!(shown(&desk).await.len(), 2);
    (desk, ada, lives)
}

async fn rows(desk: &Desk) -> Vec<StoredKey> {
    desk.app.store.signing_keys().await.unwrap()
}

async fn lives(desk: &Desk) -> Vec<Life> {
    rows(desk).await.into_iter().map(|key| key.life).collect()
}

fn with(lives: &[Life], state: KeyState) -> &str {
    let mut of_state = lives.iter().filter(|life| life.state == state);
    &of_state.next().unwrap().key_id
}

/// Expects the writer's key to be nowhere, and everything else to go on.
async fn check_goes_on(desk: &Desk, access: &str, shown_before: &[String], what: &str) {
    let own = own();
    assert_eq!(shown(desk).await, shown_before, "{what}");
    assert!(!is_believed(&desk.app, &forged(access, &own)), "{what}");
    let mut browser = desk.browser();
    browser.log_in(EMAIL).await;
    let token = browser.cookie("access");
    assert!(is_believed(&desk.app, &token), "{what}");
    assert_ne!(
        ParsedToken::parse(&token).unwrap().key_id(),
        Some(own.key_id()),
        "{what}"
    );
    assert_eq!(signing_key_is(desk).await, "degraded", "{what}");
    let left_out = desk.app.keyring.left_out();
    assert_eq!(left_out.len(), 1, "{what}: {left_out:?}");
    assert_eq!(samples(desk).await["signing_keys_left_out"], 1.0, "{what}");
}

#[tokio::test]
async fn a_key_that_somebody_wrote_into_the_database_is_shown_to_nobody_and_never_signs() {
    /// Public half, algorithm, state and place, with the seal of a row of ours (`ours`) or none.
    const AS_HELD: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at, signs_from)
        VALUES ($1, 'EdDSA', 'published', $2, x'', 'pkcs11:edgeward-eddsa-1', 5, 5, 5)";
    const AS_RETIRING: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at, signs_from, stopped_at, signed_until)
        VALUES ($1, 'EdDSA', 'retiring', $2, x'', 'pkcs11:edgeward-eddsa-1', 5, 5, 5, 6, 9999999999)";
    const WITH_OUR_SEAL: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at, signs_from)
        SELECT $1, 'EdDSA', 'published', $2, sealed_seed, 'pkcs11:edgeward-eddsa-1', 5, 5, 5 FROM signing_keys WHERE state = 'active'";
    const AS_SEALED: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at, published_at, signs_from)
        SELECT $1, 'EdDSA', 'published', $2, sealed_seed, 5, 5, 5 FROM signing_keys WHERE state = 'active'";
    const OF_ANOTHER_ALGORITHM: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at, published_at)
        SELECT $1, 'ES256', 'published', $2, x'00', 5, 5";
    const UNDER_NO_KEY_OF_OURS: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at, published_at, signs_from)
        VALUES ($1, 'EdDSA', 'published', $2, CAST('edgewrd3' || char(7) || 'local:x' || zeroblob(90) AS BLOB), 5, 5, 5)";
    for (what, statement) in [
        ("held elsewhere, without a seal", AS_HELD),
        ("the same, as one that has signed", AS_RETIRING),
        ("held elsewhere, with a seal of ours", WITH_OUR_SEAL),
        ("sealed, with a seal of ours", AS_SEALED),
        ("of another algorithm", OF_ANOTHER_ALGORITHM),
        ("sealed under a key of nobody", UNDER_NO_KEY_OF_OURS),
    ] {
        let (desk, ada, before) = opened().await;
        let (own, shown_before) = (own(), shown(&desk).await);
        edit(
            &desk,
            statement,
            &[own.key_id(), &own.public_jwk().to_json()],
        )
        .await;
        for _ in 0..2 {
            read(&desk.app).await.unwrap();
            // The schedule takes no step with it, although it says that its moment has come.
            chores::make_next_key(&desk.app).await;
            check_goes_on(&desk, &ada.cookie("access"), &shown_before, what).await;
        }
        let after = lives(&desk).await;
        let states = |lives: &[Life]| -> Vec<(String, KeyState)> {
            let ours = lives.iter().filter(|life| life.key_id != own.key_id());
            ours.map(|life| (life.key_id.clone(), life.state)).collect()
        };
        assert_eq!(states(&after), states(&before), "{what}");
        let desk = desk.restarted(|_| {}).await;
        check_goes_on(&desk, &ada.cookie("access"), &shown_before, what).await;

        let acts = Acts {
            store: &desk.app.store,
            secrets: &desk.app.secrets,
            algorithm: rows(&desk)
                .await
                .iter()
                .find(|row| row.life.key_id == own.key_id())
                .unwrap()
                .algorithm,
            now: desk.app.clock.now(),
        };
        acts.revoke(own.key_id()).await.unwrap();
        read(&desk.app).await.unwrap();
        assert_eq!(signing_key_is(&desk).await, "ok", "{what}");
        assert_eq!(samples(&desk).await["signing_keys_left_out"], 0.0, "{what}");
    }
}

/// As many as there is room for in the key set, of which verifiers are shown none.
#[tokio::test]
async fn invented_keys_that_are_to_end_in_a_thousand_years_keep_no_next_key_from_being_made() {
    const INVENTED: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, created_at, published_at, signs_from, stopped_at, signed_until)
        VALUES ($1, 'EdDSA', 'retiring', $2, x'00', 5, 5, 5, 6, 33000000000)";
    let (desk, _, before) = opened().await;
    for number in 0..life::PUBLIC_MAX {
        let key = SigningKey::from_seed(&[10 + u8::try_from(number).unwrap(); 32]).unwrap();
        edit(
            &desk,
            INVENTED,
            &[key.key_id(), &key.public_jwk().to_json()],
        )
        .await;
    }
    read(&desk.app).await.unwrap();
    assert_eq!(shown(&desk).await.len(), 2);
    let (active, next) = (
        with(&before, KeyState::Active),
        with(&before, KeyState::Published),
    );
    let acts = Acts {
        store: &desk.app.store,
        secrets: &desk.app.secrets,
        algorithm: SigningAlgorithm::EdDsa,
        now: desk.app.clock.now(),
    };
    acts.revoke(active).await.unwrap();
    chores::make_next_key(&desk.app).await;
    let after = lives(&desk).await;
    assert_eq!(with(&after, KeyState::Active), next);
    assert!(
        !before
            .iter()
            .any(|life| life.key_id == with(&after, KeyState::Published))
    );
    assert_eq!(shown(&desk).await.len(), 2);
}

/// What a row can say otherwise than it was written, by the id of its key and the public half of another.
const EDITS: [(&str, &str); 3] = [
    (
        "public half",
        "UPDATE signing_keys SET public_jwk = $2 WHERE kid = $1",
    ),
    (
        "algorithm",
        "UPDATE signing_keys SET alg = 'ES256' WHERE kid = $1 AND $2 <> ''",
    ),
    (
        "place",
        "UPDATE signing_keys SET held_at = 'pkcs11:edgeward-eddsa-1' WHERE kid = $1 AND $2 <> ''",
    ),
];

#[tokio::test]
async fn a_row_of_the_next_key_that_was_changed_is_left_out_until_it_is_what_it_was() {
    let id = (
        "id and public half",
        "UPDATE signing_keys SET kid = json_extract($2, '$.kid'), public_jwk = $2 WHERE kid = $1",
    );
    for (what, statement) in EDITS.into_iter().chain([id]) {
        let (desk, ada, before) = opened().await;
        let (own, next) = (own(), with(&before, KeyState::Published).to_owned());
        let signs = vec![with(&before, KeyState::Active).to_owned()];
        edit(&desk, statement, &[&next, &own.public_jwk().to_json()]).await;
        read(&desk.app).await.unwrap();
        check_goes_on(&desk, &ada.cookie("access"), &signs, what).await;
        let desk = desk.restarted(|_| {}).await;
        check_goes_on(&desk, &ada.cookie("access"), &signs, what).await;
    }
}

/// There is nothing to go on with but what was read before, and that for a minute.
#[tokio::test]
async fn a_row_of_the_key_that_signs_that_was_changed_changes_nothing_and_lets_nobody_start() {
    for (what, statement) in EDITS {
        let (desk, ada, before) = opened().await;
        let (own, signs) = (own(), with(&before, KeyState::Active).to_owned());
        let shown_before = shown(&desk).await;
        edit(&desk, statement, &[&signs, &own.public_jwk().to_json()]).await;
        let error = read(&desk.app).await.unwrap_err().to_string();
        assert!(error.contains(&signs), "{what}: {error}");
        assert_eq!(shown(&desk).await, shown_before, "{what}");
        assert!(
            !is_believed(&desk.app, &forged(&ada.cookie("access"), &own)),
            "{what}"
        );
        let refused = App::open(desk.app.config.clone()).await.err();
        let refused = refused.unwrap().to_string();
        assert!(refused.contains(&signs), "{what}: {refused}");
        let row = |lives: &[Life]| {
            let mut of_it = lives.iter().filter(|life| life.key_id == signs);
            of_it.next().cloned().unwrap()
        };
        let after = row(&lives(&desk).await);
        assert_eq!(after, row(&before), "{what}: nothing was written over");
    }
}

/// What a row says of its life is in no seal: a process knows better only what it has read itself.
#[tokio::test]
async fn a_key_that_has_ended_comes_back_in_no_process_that_knew_it() {
    for state in [KeyState::Revoked, KeyState::Retired] {
        let (desk, mut ada, before) = opened().await;
        let old = with(&before, KeyState::Active).to_owned();
        let by_old = ada.cookie("access");
        let acts = Acts {
            store: &desk.app.store,
            secrets: &desk.app.secrets,
            algorithm: SigningAlgorithm::EdDsa,
            now: desk.app.clock.now(),
        };
        if state == KeyState::Revoked {
            acts.revoke(&old).await.unwrap();
        } else {
            acts.rotate(life::Pace::Forced).await.unwrap();
            let retired =
                "UPDATE signing_keys SET state = 'retired', ended_at = stopped_at WHERE kid = $1";
            edit(&desk, retired, &[&old]).await;
        }
        read(&desk.app).await.unwrap();
        let shown_before = shown(&desk).await;
        assert!(!shown_before.contains(&old));
        assert!(!is_believed(&desk.app, &by_old));
        ada.refresh().await.expect(200);

        edit(
            &desk,
            "UPDATE signing_keys SET state = 'retiring', ended_at = NULL, stopped_at = 9999999999 WHERE kid = $1",
            &[&old],
        )
        .await;
        read(&desk.app).await.unwrap();
        check_goes_on(&desk, &ada.cookie("access"), &shown_before, state.name()).await;
        assert!(!is_believed(&desk.app, &by_old));

        edit(
            &desk,
            "UPDATE signing_keys SET state = 'published', signs_from = 5 WHERE kid = $1",
            &[&old],
        )
        .await;
        read(&desk.app).await.unwrap();
        check_goes_on(&desk, &ada.cookie("access"), &shown_before, state.name()).await;

        // Who starts after that knows of nothing else: THREATS says so.
        edit(
            &desk,
            "UPDATE signing_keys SET state = 'retiring', signs_from = NULL WHERE kid = $1",
            &[&old],
        )
        .await;
        let desk = desk.restarted(|_| {}).await;
        assert!(shown(&desk).await.contains(&old));
    }
}

#[tokio::test]
async fn the_proof_of_a_key_that_is_held_elsewhere_is_of_each_part_of_its_row() {
    const INSERT: &str = "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_seed, held_at, created_at, published_at, signs_from, stopped_at, signed_until)
        VALUES ($1, 'EdDSA', 'retiring', $2, $3, 'pkcs11:edgeward-eddsa-1', 5, 5, 5, 6, 9999999999)";
    let (desk, _, _) = opened().await;
    let held = SigningKey::from_seed(&[8; 32]).unwrap();
    let (kid, jwk) = (held.key_id(), held.public_jwk().to_json());
    let stated = statement(
        kid,
        SigningAlgorithm::EdDsa,
        &jwk,
        "pkcs11:edgeward-eddsa-1",
    );
    let proof = desk.app.secrets.attest(kid, stated).await.unwrap();
    let insert = sqlx::query(INSERT)
        .bind(kid)
        .bind(jwk.clone())
        .bind(proof.as_bytes());
    let _ = insert.execute(&mut desk.sql().await).await.unwrap();
    read(&desk.app).await.unwrap();
    assert!(shown(&desk).await.contains(&kid.to_owned()));
    assert_eq!(signing_key_is(&desk).await, "ok");
    let moved = reseal::reseal(
        &desk.app.store,
        &desk.app.secrets,
        Which::All,
        desk.app.clock.now(),
    );
    assert!(
        moved.await.unwrap().moved.iter().any(|(id, _)| id == kid),
        "its proof is sealed anew"
    );
    let row = rows(&desk)
        .await
        .into_iter()
        .find(|row| row.life.key_id == kid);
    let PrivateHalf::Elsewhere(HeldElsewhere { proof: anew, .. }) = row.unwrap().private else {
        panic!("it is held elsewhere");
    };
    assert_ne!(anew, proof);
    read(&desk.app).await.unwrap();
    let all = shown(&desk).await;
    let others: Vec<String> = all.iter().filter(|id| *id != kid).cloned().collect();

    let spaced = jwk.replacen(',', ", ", 1);
    for (what, there, back) in [
        ("alg", "ES256", "EdDSA"),
        (
            "held_at",
            "pkcs11:edgeward-eddsa-2",
            "pkcs11:edgeward-eddsa-1",
        ),
        ("public_jwk", spaced.as_str(), jwk.as_str()),
    ] {
        let statement = match what {
            "alg" => "UPDATE signing_keys SET alg = $2 WHERE kid = $1",
            "held_at" => "UPDATE signing_keys SET held_at = $2 WHERE kid = $1",
            _ => "UPDATE signing_keys SET public_jwk = $2 WHERE kid = $1",
        };
        edit(&desk, statement, &[kid, there]).await;
        read(&desk.app).await.unwrap();
        assert_eq!(shown(&desk).await, others, "{what}");
        edit(&desk, statement, &[kid, back]).await;
        read(&desk.app).await.unwrap();
        assert_eq!(shown(&desk).await, all, "{what}");
    }
    // Its envelope as that of a sealed key, and as none.
    edit(
        &desk,
        "UPDATE signing_keys SET held_at = NULL WHERE kid = $1",
        &[kid],
    )
    .await;
    read(&desk.app).await.unwrap();
    assert_eq!(shown(&desk).await, others);
    edit(
        &desk,
        "UPDATE signing_keys SET held_at = 'pkcs11:edgeward-eddsa-1', sealed_seed = x'' WHERE kid = $1",
        &[kid],
    )
    .await;
    let desk = desk.restarted(|_| {}).await;
    assert_eq!(shown(&desk).await, others);
    let why = desk.app.keyring.left_out().remove(0).1;
    assert!(why.contains("run `edgeward keys reseal`"), "{why}");
    // Which asks the device, and there is none.
    let refused = reseal::reseal(
        &desk.app.store,
        &desk.app.secrets,
        Which::Elsewhere,
        desk.app.clock.now(),
    )
    .await;
    assert!(
        matches!(&refused, Err(ResealError::NotHeld { key_id, .. }) if key_id == kid),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_row_that_is_left_out_is_an_event_once() {
    const TOLD: &str = "SELECT count(*) FROM security_events WHERE type = 'key.left-out' AND severity = 'critical'";
    /// What has not come by then does not come.
    const NEVER: Duration = Duration::from_secs(60);
    let (desk, _, before) = opened().await;
    let own = own();
    let next = with(&before, KeyState::Published).to_owned();
    let jwk = own.public_jwk().to_json();
    let changed = "UPDATE signing_keys SET public_jwk = $2 WHERE kid = $1";
    edit(&desk, changed, &[&next, &jwk]).await;
    read(&desk.app).await.unwrap();
    assert_eq!(shown(&desk).await.len(), 1);
    let (stop, stopped) = watch::channel(());
    let app = Arc::clone(&desk.app);
    let running = tokio::spawn(async move { chores::run(&app, stopped).await });
    let told = tokio::time::timeout(NEVER, async {
        while desk.number(TOLD).await == 0 {
            tokio::task::yield_now().await;
        }
        // Another key is made in its place, and the rows are read again, by then at the latest.
        while shown(&desk).await.len() < 2 {
            tokio::task::yield_now().await;
        }
    });
    told.await.expect("it is told");
    stop.send_replace(());
    running.await.unwrap();
    assert_eq!(desk.number(TOLD).await, 1);
}
