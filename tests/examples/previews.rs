//! Two preview deployments of one site, side by side below one suffix, until standard input ends: what `tests/js/browser`
//! opens in Chromium. Says on one line, as JSON, where they are, whose certificates they have, and who has an account.
//!
//! `previews ORIGIN`, the origin of the app behind both.
#![allow(
    clippy::panic,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

use std::io::Read as _;

use edgeward_tests::world::PASSWORD;
use edgeward_tests::{Setup, World};
use serde_json::json;
use xtask::stack::Environment;

/// As a hosting company names them: everybody's previews stand side by side.
const HOSTS: [&str; 2] = ["pr-1.preview.test", "pr-2.preview.test"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let app = std::env::args().nth(1).expect("the origin of an app");
    let mut worlds = Vec::new();
    let mut told = Vec::new();
    for host in HOSTS {
        let setup = Setup {
            environment: Environment::Preview,
            host,
            taps: false,
            app: Some(app.clone()),
            ..Setup::default()
        };
        let world = World::with(setup).await;
        let ada = world.user("ada").await;
        told.push(json!({
            "host": host,
            "address": world.site.address.to_string(),
            "root": world.site.root,
            "email": ada.email,
            "password": PASSWORD,
        }));
        worlds.push(world);
    }
    println!("{}", json!(told));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(worlds);
}
