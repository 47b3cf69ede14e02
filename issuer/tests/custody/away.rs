//! Keys and secrets are revoked while the key-encryption key is away, beside an issuer that serves.

use std::fs;

use edgeward_issuer::{
    custody::Secrets,
    domain::keyring::{KeyState, KeyringError, SigningKeys, acts},
    signatures::SigningAlgorithm,
};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tokio::time::timeout;

use crate::{
    desk::{Desk, EMAIL, PASSWORD},
    folder::Folder,
    program::{NEVER, Ran, edgeward, run},
    served::{SERVE, Served},
    softhsm::World,
};

/// The id in a line of `keys list` that says this.
fn with(list: &str, says: &str) -> String {
    let line = list.lines().find(|line| line.contains(says));
    let line = line.unwrap_or_else(|| panic!("nothing{says}in {list}"));
    line.split(' ').next().unwrap().to_owned()
}

#[track_caller]
fn said(ran: &Ran, code: i32, out: &str, err: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(code), out), "{ran:?}");
    for says in err {
        assert!(ran.err.contains(says), "{says}: {ran:?}");
    }
}

async fn key_set(served: &Served) -> (u16, String) {
    let answer = reqwest::get(served.url("/.well-known/jwks.json")).await;
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Waits until the issuer has read what a command wrote.
async fn until(served: &Served, is_so: impl Fn(u16, &str) -> bool) {
    let read = timeout(NEVER, async {
        loop {
            let (status, body) = key_set(served).await;
            if is_so(status, &body) {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    read.await.expect("the issuer reads what was written");
}

#[tokio::test]
async fn while_the_device_is_gone_keys_are_revoked_and_another_is_made_when_it_is_back() {
    let world = World::new();
    world.done(&["custody", "make-key"], &[]);
    let served = Served::start(world.command(&SERVE, &[]));
    let list = || world.done(&["keys", "list"], &[]);
    let (first, next) = (
        with(&list(), " active    EdDSA "),
        with(&list(), " published EdDSA "),
    );
    let away = world.pull();

    let revoked = world.run(&["keys", "revoke", &first], &[]);
    said(
        &revoked,
        0,
        &format!("{next} signs now\n"),
        &[
            &format!("it was not tried whether {next} opens"),
            "no token of the module has the label",
        ],
    );
    until(&served, |status, set| {
        status == 200 && !set.contains(&first) && set.contains(&next)
    })
    .await;

    // Nothing waits any more, and the issuer that serves can make nothing either.
    let revoked = world.run(&["keys", "revoke", &next], &[]);
    said(
        &revoked,
        2,
        &format!("{next} is revoked; no key of its algorithm signs\n"),
        &[
            &format!("{next} is revoked and edges are told, and no key could be made in its place"),
            "no token of the module has the label",
            "nobody can sign in or refresh",
            "the key set answers 503",
        ],
    );
    until(&served, |status, _| status == 503).await;
    let ready = served.json("/readyz").await;
    assert_eq!(ready["checks"]["signingKey"], "failing");
    let again = world.run(&["keys", "revoke", &next], &[]);
    said(&again, 1, "", &["this signing key is revoked already"]);
    for name in [&first, &next] {
        assert_eq!(logged_revocations(&world, name).await, 1, "{name}");
        assert_eq!(told_to_edges(&world, name).await, 1, "{name}");
    }

    world.put_back(&away);
    until(&served, |status, set| {
        status == 200 && !set.contains(&first) && !set.contains(&next)
    })
    .await;
    let third = with(&list(), " active    EdDSA ");
    assert!(key_set(&served).await.1.contains(&third));
}

#[tokio::test]
async fn while_the_device_is_gone_a_secret_is_revoked_if_another_waits() {
    let world = World::new();
    world.done(&["custody", "make-key"], &[]);
    drop(Served::start(world.command(&SERVE, &[])));
    let list = world.done(&["keys", "list"], &[]);
    let csrf: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("csrf-"))
        .collect();
    let (first, next) = (
        with(&csrf.join("\n"), " active "),
        with(&csrf.join("\n"), " published "),
    );
    world.pull();
    let revoked = world.run(&["keys", "revoke", &first], &[]);
    let says = format!("it was not tried whether {next} opens");
    said(
        &revoked,
        0,
        &format!("{next} makes CSRF tokens now\n"),
        &[&says],
    );
    let before = world.done(&["keys", "list"], &[]);
    let refused = world.run(&["keys", "revoke", &next], &[]);
    said(
        &refused,
        2,
        "",
        &[
            "nothing was done: no other secret waits",
            "no token of the module has the label",
        ],
    );
    let rotated = world.run(&["keys", "rotate", "csrf"], &[]);
    assert_eq!(rotated.code, Some(2), "{rotated:?}");
    assert_eq!(world.done(&["keys", "list"], &[]), before);
}

/// Whoever types it may have another key than the issuers, or none at all. Nothing is made that they could not open.
#[test]
fn a_key_is_revoked_by_whoever_has_another_key_encryption_key_or_none() {
    for without in ["another key", "no file", "no folder"] {
        let folder = Folder::new();
        let typed = |arguments: &[&str]| run(edgeward(folder.path()).args(arguments), b"");
        let made = typed(&["migrate", "up"]);
        assert_eq!(made.code, Some(0), "{made:?}");
        for arguments in [&["keys", "rotate", "--force"][..], &["keys", "rotate"]] {
            let made = typed(arguments);
            assert_eq!(made.code, Some(0), "{made:?}");
        }
        let list = typed(&["keys", "list"]).out;
        let (first, next) = (with(&list, " active "), with(&list, " published "));
        let secrets = folder.path().join("data/secrets");
        match without {
            "another key" => fs::write(secrets.join("kek"), [7; 32]).unwrap(),
            "no file" => fs::remove_file(secrets.join("kek")).unwrap(),
            _ => fs::rename(&secrets, folder.path().join("away")).unwrap(),
        }
        let revoked = typed(&["keys", "revoke", &first]);
        let says = format!("it was not tried whether {next} opens");
        said(&revoked, 0, &format!("{next} signs now\n"), &[&says]);
        let revoked = typed(&["keys", "revoke", &next]);
        said(
            &revoked,
            2,
            &format!("{next} is revoked; no key of its algorithm signs\n"),
            &[],
        );
        let after = typed(&["keys", "list"]).out;
        let ids = |list: &str| {
            list.lines()
                .map(|line| line[..43].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            ids(&after),
            ids(&list),
            "{without}: no key is made under it"
        );
        assert!(
            !secrets.join("kek").exists() || without == "another key",
            "{without}"
        );
    }
}

#[tokio::test]
async fn a_key_whose_public_half_nobody_can_read_is_revoked() {
    let folder = Folder::new();
    let typed = |arguments: &[&str]| run(edgeward(folder.path()).args(arguments), b"");
    for arguments in [
        &["migrate", "up"][..],
        &["keys", "rotate", "--force"],
        &["keys", "rotate"],
    ] {
        let made = typed(arguments);
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let list = typed(&["keys", "list"]).out;
    let (first, next) = (with(&list, " active "), with(&list, " published "));
    let file = SqliteConnectOptions::new().filename(folder.path().join("data/edgeward.db"));
    let mut sql = file.connect().await.unwrap();
    let spoilt = "UPDATE signing_keys SET public_jwk = '{' WHERE state = 'active'";
    let done = sqlx::query(spoilt).execute(&mut sql).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let revoked = typed(&["keys", "revoke", &first]);
    said(
        &revoked,
        0,
        &format!("{next} signs now\n"),
        &["the key set was refused"],
    );
}

/// A process that holds the last key signs no token by it, and tells edges by it that it is revoked.
#[tokio::test]
async fn a_key_that_was_revoked_without_another_vouches_for_its_own_end() {
    let (desk, _) = Desk::with_ada().await;
    let (app, now) = (&desk.app, desk.app.clock.now());
    let at = std::time::Instant::now();
    let last = app.keyring.signing_key(now, at).unwrap();
    let read = || app.keyring.reload(&app.store, &app.secrets, now, at);
    let algorithm = SigningAlgorithm::EdDsa;
    let done = acts::revoke_blindly(&app.store, algorithm, last.key_id(), now).await;
    assert_eq!(done.unwrap().key.state, KeyState::Revoked);
    for _ in 0..2 {
        read().await.unwrap();
        assert!(app.keyring.is_without_signer());
        let signs = app.keyring.signing_key(now, at);
        assert!(matches!(signs, Err(KeyringError::NoActiveKey)), "{signs:?}");
        let shown = app.keyring.published_keys(at);
        assert!(matches!(shown, Err(KeyringError::NoActiveKey)), "{shown:?}");
        let vouches = app.keyring.vouching_key(now, at).unwrap();
        assert_eq!(vouches.key_id(), last.key_id());
    }
    let credentials = serde_json::json!({ "email": EMAIL, "password": PASSWORD });
    let mut browser = desk.browser();
    let asked = browser.post("/auth/login").json(&credentials).with_csrf();
    assert_eq!(
        asked.send().await.expect(503).json()["code"],
        "SIGNING_UNAVAILABLE"
    );

    edgeward_issuer::chores::make_next_key(app).await;
    assert!(!app.keyring.is_without_signer());
    let signs = app.keyring.signing_key(now, at).unwrap();
    assert_ne!(signs.key_id(), last.key_id());
    assert_eq!(
        app.keyring.vouching_key(now, at).unwrap().key_id(),
        signs.key_id()
    );
    browser.log_in(EMAIL).await;
    let rows = app.store.signing_keys().await.unwrap();
    let under = rows.iter().filter_map(|row| match &row.private {
        edgeward_issuer::domain::keyring::PrivateHalf::Sealed(sealed) => Secrets::key_of(sealed),
        edgeward_issuer::domain::keyring::PrivateHalf::Elsewhere(_) => None,
    });
    assert_eq!(under.count(), rows.len());
}

async fn number(world: &World, query: &'static str, about: &str) -> i64 {
    let mut sql = SqliteConnectOptions::new()
        .filename(world.path().join("data/edgeward.db"))
        .connect()
        .await
        .unwrap();
    let counted = sqlx::query_scalar(query).bind(about.to_owned());
    counted.fetch_one(&mut sql).await.unwrap()
}

/// How often the audit log says that this was revoked.
async fn logged_revocations(world: &World, key_id: &str) -> i64 {
    let query = "SELECT count(*) FROM audit_log WHERE action = 'key.revoke' AND entry LIKE '%' || $1 || '%'";
    number(world, query, key_id).await
}

async fn told_to_edges(world: &World, key_id: &str) -> i64 {
    let query = "SELECT count(*) FROM revocations WHERE kind = 'kid' AND sid = $1";
    number(world, query, key_id).await
}
