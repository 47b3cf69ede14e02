//! Each runbook, walked through as it is written, in the situation that it is for.

mod page;
mod world;

#[cfg(feature = "hsm")]
use std::process::Command;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

#[cfg(feature = "hsm")]
use edgeward_issuer::config::SecretText;
use edgeward_issuer::config::{Config, Database, ServerUrl};
use serde_json::json;

use self::world::World;
use crate::{
    desk::{Browser, Desk, EMAIL},
    port::free_port,
    postgres::server,
};

/// Somebody signed in by this browser, at a desk with an account.
async fn signed_in(desk: &Desk) -> Browser {
    let mut browser = desk.browser();
    browser.log_in(EMAIL).await;
    browser
}

/// Whether the browser goes on: a refresh is answered.
async fn goes_on(desk: &Desk, browser: &Browser) -> bool {
    let mut browser = desk.seat(browser);
    browser.refresh().await.status == 200
}

/// As if the key that signs had been made two hours ago and the next one an hour ago.
async fn age_keys(desk: &Desk) {
    desk.run(
        "UPDATE signing_keys SET created_at = created_at - 3600, published_at = published_at - 3600;
         UPDATE signing_keys SET created_at = created_at - 3600, signs_from = signs_from - 7200 WHERE state = 'active'",
    )
    .await;
}

#[tokio::test]
async fn signing_keys_are_rotated() {
    let world = World::new();
    let desk = world.desk(|_| {}).await;
    edgeward_issuer::chores::make_next_key(&desk.app).await;
    age_keys(&desk).await;
    world.walk("rotate-signing-keys.md", None);
}

#[tokio::test]
async fn a_leaked_signing_key_is_revoked_and_sessions_go_on() {
    let world = World::new();
    let desk = world.desk(|_| {}).await;
    desk.add(EMAIL, &[]).await;
    let browser = signed_in(&desk).await;
    world.walk("signing-key-leaked.md", None);
    let desk = desk.restarted(|_| {}).await;
    assert!(goes_on(&desk, &browser).await);
}

#[tokio::test]
async fn the_key_encryption_key_is_changed_and_changed_back() {
    let world = World::new();
    world.desk(|_| {}).await;
    world.walk("change-key-encryption-key.md", None);
}

#[tokio::test]
async fn a_leaked_secret_of_tokens_is_revoked() {
    let world = World::new();
    let desk = world.desk(|_| {}).await;
    desk.add(EMAIL, &[]).await;
    let browser = signed_in(&desk).await;
    world.walk("secret-leaked.md", Some("The key of CSRF tokens"));
    let desk = desk.restarted(|_| {}).await;
    let mut still = desk.seat(&browser);
    assert!(goes_on(&desk, &still).await, "with a new CSRF token");

    world.walk("secret-leaked.md", Some("The MAC of refresh tokens"));
    world.walk("secret-leaked.md", Some("See that it worked"));
    let desk = desk.restarted(|_| {}).await;
    still = desk.seat(&still);
    assert!(!goes_on(&desk, &still).await);
    let asked = still.get("/auth/me").send().await;
    assert_eq!(asked.status, 200, "the session cookie alone lives on");
}

#[tokio::test]
async fn what_is_left_of_an_account_is_ended_after_a_reuse() {
    let world = World::new();
    let desk = world.desk(|_| {}).await;
    desk.add(EMAIL, &[]).await;
    let elsewhere = signed_in(&desk).await;
    let mut stolen = signed_in(&desk).await;
    let thief = stolen.clone();
    for _ in 0..2 {
        stolen.refresh().await.expect(200);
        desk.wait(60).await;
    }
    let mut thief = desk.seat(&thief);
    let refused = thief.refresh().await;
    refused.expect_problem(401, "REFRESH_REUSED");
    world.walk("refresh-token-reused.md", None);
    assert!(!goes_on(&desk, &elsewhere).await);
}

#[tokio::test]
async fn an_edge_gets_another_key() {
    let world = World::new();
    world.desk(|_| {}).await;
    world.prepare("edgeward edge enroll cloudflare");
    world.walk("edge-key-leaked.md", None);
}

/// One signs in and nothing more; another refreshes after the copy; a third is signed out after it.
async fn three(desk: &Desk) -> [Browser; 3] {
    desk.add(EMAIL, &[]).await;
    [
        signed_in(desk).await,
        signed_in(desk).await,
        signed_in(desk).await,
    ]
}

/// What becomes of them, as the page says: who was idle since the copy, who refreshed, and the cookies of who signed out.
async fn they_are_as_the_page_says(desk: &Desk, [idle, refreshed, left]: [&Browser; 3]) {
    assert!(goes_on(desk, idle).await);
    let refused = desk.seat(refreshed).refresh().await;
    refused.expect_problem(401, "INVALID_REFRESH_TOKEN");
    assert!(goes_on(desk, left).await, "an ended session lives again");
}

async fn act_after_the_copy([_, refreshes, leaves]: &mut [Browser; 3]) {
    refreshes.refresh().await.expect(200);
    let left = leaves.post("/auth/logout").with_csrf().json(&json!({}));
    let left = left.send().await.status;
    assert!(left == 200 || left == 204, "{left}");
}

#[tokio::test]
async fn a_sqlite_file_is_restored() {
    let world = World::new();
    let desk = world.desk(|_| {}).await;
    let mut people = three(&desk).await;
    let before = people.clone();
    world.walk("restore-sqlite.md", Some("Back up"));
    act_after_the_copy(&mut people).await;
    world.walk("restore-sqlite.md", Some("Restore"));
    world.walk("restore-sqlite.md", Some("What a restore does"));
    world.walk("restore-sqlite.md", Some("See that it worked"));
    let desk = desk.restarted(|_| {}).await;
    they_are_as_the_page_says(&desk, [&people[0], &people[1], &before[2]]).await;
}

#[tokio::test]
async fn a_postgresql_database_is_restored() {
    let mut world = World::new();
    let url = server().database().await.url();
    let file = world.path("database-url");
    fs::write(&file, url.to_string()).unwrap();
    world.set("URL_FILE", file.to_str().unwrap());
    world.configure(&format!("store.url_file = {file:?}\n"));
    let change = |config: &mut Config| config.store.database = Database::Server(url.clone());
    let desk = world.desk(change).await;
    let mut people = three(&desk).await;
    let before = people.clone();
    world.walk("restore-postgresql.md", Some("Back up"));
    act_after_the_copy(&mut people).await;
    world.walk("restore-postgresql.md", Some("Restore"));
    world.walk("restore-postgresql.md", Some("See that it worked"));
    let restored = fs::read_to_string(&file).unwrap();
    let restored = ServerUrl::parse(&restored).unwrap();
    let desk = desk
        .restarted(|config| config.store.database = Database::Server(restored))
        .await;
    they_are_as_the_page_says(&desk, [&people[0], &people[1], &before[2]]).await;
    world.walk("restore-postgresql.md", Some("Go back"));
    assert_eq!(fs::read_to_string(&file).unwrap(), url.to_string());
}

/// The configuration of it.
#[cfg(feature = "hsm")]
const DEVICE: &str = "[custody]
sealer = \"pkcs11\"

[custody.pkcs11]
module = \"/usr/lib/softhsm/libsofthsm2.so\"
token = \"edgeward\"
key = \"kek\"
";

/// A token in SoftHSM for the world; where its PIN stands, and how it is pulled out.
#[cfg(feature = "hsm")]
fn device(world: &mut World) -> (std::path::PathBuf, String) {
    let tokens = world.path("tokens");
    fs::create_dir(&tokens).unwrap();
    let device = world.path("softhsm2.conf");
    let settings = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&device, settings).unwrap();
    world.set("SOFTHSM2_CONF", device.to_str().unwrap());
    let pin = world.path("pin");
    fs::write(&pin, "648219").unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "edgeward"])
        .args(["--so-pin", "99817263", "--pin", "648219"])
        .env("SOFTHSM2_CONF", &device)
        .output()
        .expect("softhsm2-util is installed by `cargo xtask setup`");
    assert!(made.status.success(), "{made:?}");
    (
        pin,
        format!("mv {0} {0}-gone && mkdir {0}", tokens.display()),
    )
}

/// The signing keys move into a device, and the device goes away.
#[cfg(feature = "hsm")]
#[tokio::test]
async fn a_lost_device_costs_a_refresh() {
    let mut world = World::new();
    let desk = world.desk(|_| {}).await;
    desk.add(EMAIL, &[]).await;
    let browser = signed_in(&desk).await;
    let (pin, pulled) = device(&mut world);
    world.configure(&format!("{DEVICE}pin_file = {pin:?}\n"));
    world.prepare(
        "edgeward custody make-key && edgeward keys reseal && rm \"$EDGEWARD_DATA/secrets/kek\"",
    );
    world.happens(&pulled);
    world.walk("key-encryption-key-lost.md", None);
    let key = fs::read_to_string(world.path("kek-new")).unwrap();
    let desk = desk
        .restarted(|config| config.custody.kek = Some(SecretText::new(key.trim())))
        .await;
    assert!(goes_on(&desk, &browser).await);
}

/// The signing keys are made in a device and sign there, and the device goes away.
#[cfg(feature = "hsm")]
#[tokio::test]
async fn a_lost_device_that_signs_costs_a_refresh() {
    let mut world = World::new();
    let desk = world.desk(|_| {}).await;
    desk.add(EMAIL, &[]).await;
    let browser = signed_in(&desk).await;
    let (pin, pulled) = device(&mut world);
    let signs = DEVICE.replace("sealer = ", "signing = ");
    world.configure(&format!("{signs}pin_file = {pin:?}\n"));
    world.prepare("edgeward custody make-key && edgeward keys rotate --force && edgeward keys rotate --force && edgeward keys rotate");
    // They were all made in the same second, and the list has the oldest first.
    desk.run("UPDATE signing_keys SET created_at = created_at - 3600 WHERE state <> 'published'; UPDATE signing_keys SET created_at = created_at - 3600 WHERE state = 'retiring'").await;
    world.happens(&pulled);
    world.walk("signing-device-lost.md", None);
    let list = world.prepare("edgeward keys list");
    let shown = list
        .lines()
        .filter(|line| line.contains(" active ") || line.contains(" published "));
    for line in shown {
        assert!(!line.contains("held at"), "{list}");
    }
    let desk = desk.restarted(|_| {}).await;
    assert!(goes_on(&desk, &browser).await);
}

#[tokio::test]
async fn a_core_dump_is_off_where_it_was_switched_off() {
    let world = World::new();
    world.walk("../CUSTODY.md", Some("Core dumps, and the environment"));
}

#[test]
fn a_spent_token_is_tried_as_the_page_about_refresh_says() {
    let mut world = World::new();
    let numbers = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    world.set("EDGEWARD__METRICS__LISTEN", &numbers.to_string());
    world.set("METRICS", &format!("http://{numbers}/metrics"));
    world.walk("../REFRESH.md", Some("Try it"));
}

#[test]
fn every_runbook_is_walked_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
    let walked = include_str!("mod.rs");
    for page in fs::read_dir(&folder).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        let is_index = name == "README.md";
        if is_index {
            continue;
        }
        let call = format!("world.walk(\"{name}\"");
        assert!(walked.contains(&call), "no test walks through {name}");
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        for part in [
            "**When**",
            "**Who decides**",
            "## See that it worked",
            "## Go back",
        ] {
            assert!(text.contains(part), "{name} does not say: {part}");
        }
    }
}
